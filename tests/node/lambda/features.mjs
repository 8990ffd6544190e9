// Lambda through aws-sdk v3: SnapStart, runtimes, recursion, and the operation of 2014.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AddLayerVersionPermissionCommand,
  DeleteLayerVersionCommand,
  GetFunctionRecursionConfigCommand,
  GetLayerVersionPolicyCommand,
  GetRuntimeManagementConfigCommand,
  InvokeAsyncCommand,
  PublishLayerVersionCommand,
  PutFunctionRecursionConfigCommand,
  PutRuntimeManagementConfigCommand,
  RemoveLayerVersionPermissionCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-lambda";
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
