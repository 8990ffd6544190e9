// Lambda through aws-sdk v3: versions and aliases.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DeleteFunctionCommand,
  GetAliasCommand,
  ListAliasesCommand,
  paginateListVersionsByFunction,
  PublishVersionCommand,
  ResourceConflictException,
  ResourceNotFoundException,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
} from "@aws-sdk/client-lambda";
import { arn, create, handler, invoke, lambda } from "./function.mjs";

const FunctionName = "versioned";

// Version 1 says "one", version 2 says "two".
before(async () => {
  await create(FunctionName, { Code: { ZipFile: handler('async () => "one"') } });
  assert.equal((await lambda.send(new PublishVersionCommand({ FunctionName }))).Version, "1");
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: handler('async () => "two"') }));
  assert.equal((await lambda.send(new PublishVersionCommand({ FunctionName }))).Version, "2");
});

test("versions stay as they were published", async () => {
  const versions = [];
  for await (const page of paginateListVersionsByFunction({ client: lambda, pageSize: 2 }, { FunctionName })) versions.push(...page.Versions.map(({ Version }) => Version));
  assert.deepEqual(versions, ["$LATEST", "1", "2"]);
  const answers = ["1", "2", "$LATEST"].map((Qualifier) => invoke(FunctionName, {}, { Qualifier }));
  assert.deepEqual((await Promise.all(answers)).map(({ value, ExecutedVersion }) => [value, ExecutedVersion]), [["one", "1"], ["two", "2"], ["two", "$LATEST"]]);
});

test("an alias is moved from version to version", async () => {
  const alias = { FunctionName, Name: "live" };
  const made = await lambda.send(new CreateAliasCommand({ ...alias, FunctionVersion: "1", Description: "d" }));
  assert.equal(made.AliasArn, `${arn(FunctionName)}:live`);
  assert.equal((await invoke(made.AliasArn)).value, "one");
  await assert.rejects(lambda.send(new DeleteFunctionCommand({ FunctionName, Qualifier: "1" })), ResourceConflictException);
  await lambda.send(new UpdateAliasCommand({ ...alias, FunctionVersion: "2", RoutingConfig: { AdditionalVersionWeights: { 1: 0.25 } } }));
  const { FunctionVersion, RoutingConfig } = await lambda.send(new GetAliasCommand(alias));
  assert.deepEqual([FunctionVersion, RoutingConfig.AdditionalVersionWeights], ["2", { 1: 0.25 }]);
  await lambda.send(new UpdateAliasCommand({ ...alias, RoutingConfig: { AdditionalVersionWeights: {} } }));
  assert.equal((await invoke(`${FunctionName}:live`)).value, "two");
  assert.deepEqual((await lambda.send(new ListAliasesCommand({ FunctionName }))).Aliases.map(({ Name }) => Name), ["live"]);
  await lambda.send(new DeleteAliasCommand(alias));
  await assert.rejects(lambda.send(new GetAliasCommand(alias)), ResourceNotFoundException);
  await lambda.send(new DeleteFunctionCommand({ FunctionName, Qualifier: "1" }));
  await assert.rejects(invoke(FunctionName, {}, { Qualifier: "1" }), ResourceNotFoundException);
});
