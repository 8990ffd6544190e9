// Lambda through aws-sdk v3: functions, invocations, and what functions are given besides their code.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AddPermissionCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  GetAccountSettingsCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetPolicyCommand,
  InvokeCommand,
  ListTagsCommand,
  paginateListFunctions,
  PutFunctionConcurrencyCommand,
  RemovePermissionCommand,
  ResourceNotFoundException,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { ACCOUNT } from "../server.mjs";
import { arn, create, handler, invoke, lambda } from "./function.mjs";

test("a function from its making to its end", async () => {
  const FunctionName = "life";
  const made = await create(FunctionName, { Environment: { Variables: { STAGE: "dev" } } });
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 10 }, { FunctionName });
  assert.equal(made.FunctionArn, arn(FunctionName));
  const { Code, Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName }));
  assert.deepEqual([Configuration.State, Configuration.Environment.Variables], ["Active", { STAGE: "dev" }]);
  assert.equal((await (await fetch(Code.Location)).arrayBuffer()).byteLength, made.CodeSize);
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 9, Environment: { Variables: { STAGE: "new" } } }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 10 }, { FunctionName });
  const ZipFile = handler("async () => process.env.STAGE");
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile }));
  const changed = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  assert.deepEqual([changed.Timeout, changed.CodeSize], [9, ZipFile.byteLength]);
  assert.notEqual(changed.CodeSha256, made.CodeSha256);
  assert.equal((await invoke(FunctionName)).value, "new");
  await lambda.send(new DeleteFunctionCommand({ FunctionName }));
  const missing = lambda.send(new GetFunctionCommand({ FunctionName }));
  await assert.rejects(missing, (error) => error instanceof ResourceNotFoundException && error.message === `Function not found: ${arn(FunctionName)}`);
});

test("functions are listed in pages", async () => {
  for (const number of [1, 2, 3]) await create(`paged-${number}`);
  const names = [];
  for await (const page of paginateListFunctions({ client: lambda, pageSize: 2 }, {})) names.push(...page.Functions.map((found) => found.FunctionName));
  assert.deepEqual(names.filter((name) => name.startsWith("paged")), ["paged-1", "paged-2", "paged-3"]);
});

test("a function answers, and its errors are told apart", async () => {
  await create("echo");
  const answer = await invoke("echo", { text: "grüße" }, { LogType: "Tail" });
  assert.deepEqual(answer.value, { text: "grüße" });
  assert.deepEqual([answer.StatusCode, answer.FunctionError, answer.ExecutedVersion], [200, undefined, "$LATEST"]);
  assert.match(Buffer.from(answer.LogResult, "base64").toString(), /^START RequestId: .*\nREPORT RequestId: /ms);
  const failed = await invoke("echo", { fail: true });
  assert.deepEqual([failed.FunctionError, failed.value.errorType, failed.value.errorMessage], ["Unhandled", "TypeError", "told to"]);
  assert.equal((await invoke("echo", {}, { InvocationType: "Event" })).StatusCode, 202);
  assert.equal((await lambda.send(new InvokeCommand({ FunctionName: "echo", InvocationType: "DryRun" }))).StatusCode, 204);
});

test("permissions are statements of the function's policy", async () => {
  const FunctionName = "permitted";
  await create(FunctionName);
  const permission = { StatementId: "s", Action: "lambda:InvokeFunction", Principal: "events.amazonaws.com", SourceAccount: ACCOUNT };
  await lambda.send(new AddPermissionCommand({ FunctionName, ...permission }));
  const { Statement } = JSON.parse((await lambda.send(new GetPolicyCommand({ FunctionName }))).Policy);
  assert.deepEqual(Statement.map(({ Sid, Principal, Resource }) => [Sid, Principal, Resource]), [["s", { Service: "events.amazonaws.com" }, arn(FunctionName)]]);
  await lambda.send(new RemovePermissionCommand({ FunctionName, StatementId: "s" }));
  await assert.rejects(lambda.send(new GetPolicyCommand({ FunctionName })), ResourceNotFoundException);
});

test("tags", async () => {
  const { FunctionArn: Resource } = await create("tagged", { Tags: { a: "1", b: "2" } });
  await lambda.send(new TagResourceCommand({ Resource, Tags: { c: "grüße" } }));
  await lambda.send(new UntagResourceCommand({ Resource, TagKeys: ["a"] }));
  assert.deepEqual((await lambda.send(new ListTagsCommand({ Resource }))).Tags, { b: "2", c: "grüße" });
});

test("a function runs as often at once as is reserved for it", async () => {
  const FunctionName = "reserved";
  await create(FunctionName);
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
  const reserved = async () => (await lambda.send(new GetFunctionConcurrencyCommand({ FunctionName }))).ReservedConcurrentExecutions;
  assert.equal(await reserved(), 0);
  const reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
  await assert.rejects(invoke(FunctionName), (error) => error.name === "TooManyRequestsException" && error.Reason === reason);
  await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
  assert.equal(await reserved(), undefined);
  assert.deepEqual((await invoke(FunctionName)).value, {});
});

test("what an account may have, and has", async () => {
  const usage = async () => (await lambda.send(new GetAccountSettingsCommand({}))).AccountUsage.FunctionCount;
  const before = await usage();
  await create("counted");
  assert.equal(await usage(), before + 1);
  assert.equal((await lambda.send(new GetAccountSettingsCommand({}))).AccountLimit.ConcurrentExecutions, 1000);
});
