// Lambda through aws-sdk v3.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  CreateFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { start } from "./server.mjs";

const FunctionName = "hello";
let server, lambda;

/** A zip file with one file; Python's own module makes it, for Node has none. */
function packageOf(name, text) {
  const folder = mkdtempSync(join(tmpdir(), "cloudlet-package-"));
  writeFileSync(join(folder, name), text);
  execFileSync("python3", ["-m", "zipfile", "-c", "package.zip", name], { cwd: folder });
  const zip = readFileSync(join(folder, "package.zip"));
  rmSync(folder, { recursive: true });
  return zip;
}

before(async () => {
  server = await start();
  lambda = new LambdaClient({ ...server.configuration, maxAttempts: 1 });
  const Statement = [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }];
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  const { Role } = await new IAMClient(server.configuration).send(new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument }));
  const ZipFile = packageOf("index.mjs", "export const handler = async (event) => { if (event.fail) throw new TypeError('told to'); return event; };");
  await lambda.send(
    new CreateFunctionCommand({ FunctionName, Runtime: "nodejs20.x", Handler: "index.handler", Role: Role.Arn, Code: { ZipFile } }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 10 }, { FunctionName });
});
after(async () => assert.ok(await server.stop()));

const invoke = (event, more = {}) => lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event), ...more }));

test("a function answers, and its errors are told apart", async () => {
  const answer = await invoke({ text: "grüße" });
  assert.deepEqual(JSON.parse(answer.Payload.transformToString()), { text: "grüße" });
  assert.deepEqual([answer.StatusCode, answer.FunctionError, answer.ExecutedVersion], [200, undefined, "$LATEST"]);
  const failed = await invoke({ fail: true });
  assert.equal(failed.FunctionError, "Unhandled");
  assert.equal(JSON.parse(failed.Payload.transformToString()).errorType, "TypeError");
  assert.equal((await invoke({}, { InvocationType: "Event" })).StatusCode, 202);
});

test("functions are listed and published", async () => {
  assert.deepEqual((await lambda.send(new ListFunctionsCommand({}))).Functions.map((found) => found.FunctionName), [FunctionName]);
  assert.equal((await lambda.send(new PublishVersionCommand({ FunctionName }))).Version, "1");
  assert.equal((await lambda.send(new GetFunctionCommand({ FunctionName, Qualifier: "1" }))).Configuration.State, "Active");
});

test("errors have AWS's names", async () => {
  const missing = lambda.send(new GetFunctionCommand({ FunctionName: "missing" }));
  await assert.rejects(missing, (error) => error.name === "ResourceNotFoundException" && error.message.startsWith("Function not found: arn:aws:lambda:"));
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
  await assert.rejects(invoke({}), (error) => error.name === "TooManyRequestsException" && error.Reason === "ReservedFunctionConcurrentInvocationLimitExceeded");
});
