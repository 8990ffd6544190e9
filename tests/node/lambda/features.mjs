// Lambda through aws-sdk v3: SnapStart, runtimes, recursion, and the operation of 2014.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AddLayerVersionPermissionCommand,
  DeleteLayerVersionCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  DeleteResourcePolicyCommand,
  GetFunctionCodeSigningConfigCommand,
  GetFunctionRecursionConfigCommand,
  GetLayerVersionPolicyCommand,
  GetProvisionedConcurrencyConfigCommand,
  GetResourcePolicyCommand,
  GetRuntimeManagementConfigCommand,
  InvokeAsyncCommand,
  ListProvisionedConcurrencyConfigsCommand,
  PublishLayerVersionCommand,
  PutFunctionRecursionConfigCommand,
  PutProvisionedConcurrencyConfigCommand,
  PutResourcePolicyCommand,
  PutRuntimeManagementConfigCommand,
  RemoveLayerVersionPermissionCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-lambda";
import { until } from "../support.mjs";
import { arn, create, handler, lambda } from "./function.mjs";

test("settings of the runtime and of recursion are kept", async () => {
  const FunctionName = "settings";
  await create(FunctionName);
  await lambda.send(new PutRuntimeManagementConfigCommand({ FunctionName, UpdateRuntimeOn: "FunctionUpdate" }));
  const managed = await lambda.send(new GetRuntimeManagementConfigCommand({ FunctionName }));
  assert.deepEqual([managed.UpdateRuntimeOn, managed.FunctionArn], ["FunctionUpdate", `${arn(FunctionName)}:$LATEST`]);
  await lambda.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: "Allow" }));
  assert.equal((await lambda.send(new GetFunctionRecursionConfigCommand({ FunctionName }))).RecursiveLoop, "Allow");
});

test("the operation of 2014 takes an event", async () => {
  const FunctionName = "old";
  await create(FunctionName);
  assert.equal((await lambda.send(new InvokeAsyncCommand({ FunctionName, InvokeArgs: Buffer.from("{}") }))).Status, 202);
});

test("a function's policy is put as a whole", async () => {
  const FunctionName = "guarded";
  await create(FunctionName);
  const ResourceArn = arn(FunctionName);
  const statement = { Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "lambda:InvokeFunction", Resource: ResourceArn };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const { RevisionId } = await lambda.send(new PutResourcePolicyCommand({ ResourceArn, Policy }));
  const got = await lambda.send(new GetResourcePolicyCommand({ ResourceArn }));
  assert.deepEqual([got.RevisionId, JSON.parse(got.Policy).Statement], [RevisionId, [statement]]);
  await lambda.send(new DeleteResourcePolicyCommand({ ResourceArn, RevisionId }));
  await assert.rejects(lambda.send(new GetResourcePolicyCommand({ ResourceArn })), ResourceNotFoundException);
  assert.equal((await lambda.send(new GetFunctionCodeSigningConfigCommand({ FunctionName }))).CodeSigningConfigArn, undefined);
});

test("a layer version has a policy", async () => {
  const layer = { LayerName: "policies", VersionNumber: 1 };
  await lambda.send(new PublishLayerVersionCommand({ LayerName: "policies", Content: { ZipFile: handler("0") } }));
  const statement = { StatementId: "all", Action: "lambda:GetLayerVersion", Principal: "*" };
  const { RevisionId } = await lambda.send(new AddLayerVersionPermissionCommand({ ...layer, ...statement }));
  const got = await lambda.send(new GetLayerVersionPolicyCommand(layer));
  assert.deepEqual([got.RevisionId, JSON.parse(got.Policy).Statement.length], [RevisionId, 1]);
  await lambda.send(new RemoveLayerVersionPermissionCommand({ ...layer, StatementId: "all", RevisionId }));
  await assert.rejects(lambda.send(new GetLayerVersionPolicyCommand(layer)), ResourceNotFoundException);
  await lambda.send(new DeleteLayerVersionCommand(layer));
});

test("provisioned concurrency gets ready", async () => {
  const FunctionName = "provisioned";
  await create(FunctionName, { Publish: true });
  const version = { FunctionName, Qualifier: "1" };
  const begun = await lambda.send(new PutProvisionedConcurrencyConfigCommand({ ...version, ProvisionedConcurrentExecutions: 1 }));
  assert.equal(begun.Status, "IN_PROGRESS");
  const isReady = async () => (await lambda.send(new GetProvisionedConcurrencyConfigCommand(version))).Status === "READY";
  await until(isReady, "instances being ready");
  const { ProvisionedConcurrencyConfigs } = await lambda.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName }));
  assert.deepEqual(ProvisionedConcurrencyConfigs.map((config) => config.FunctionArn), [`${arn(FunctionName)}:1`]);
  await lambda.send(new DeleteProvisionedConcurrencyConfigCommand(version));
  await assert.rejects(lambda.send(new GetProvisionedConcurrencyConfigCommand(version)), { name: "ProvisionedConcurrencyConfigNotFoundException" });
});
