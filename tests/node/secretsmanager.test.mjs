// Secrets Manager through aws-sdk v3: every operation, and a rotation by a function.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import * as sdk from "@aws-sdk/client-secrets-manager";
import { everyOperationIsDriven } from "./driven.mjs";
import { create, handler, lambda } from "./lambda/function.mjs";
import { ACCOUNT, client } from "./server.mjs";
import { allow, until } from "./support.mjs";

const { SecretsManagerClient } = sdk;
const secrets = client(SecretsManagerClient);
const call = (operation, input = {}) => secrets.send(new sdk[`${operation}Command`](input));

test("a secret has versions", async () => {
  const SecretId = "versions";
  const { VersionId } = await call("CreateSecret", { Name: SecretId, SecretString: "one", Tags: [{ Key: "a", Value: "1" }] });
  const put = await call("PutSecretValue", { SecretId, SecretBinary: new Uint8Array([0, 1]), VersionStages: ["next"] });
  await call("UpdateSecretVersionStage", { SecretId, VersionStage: "AWSCURRENT", MoveToVersionId: put.VersionId, RemoveFromVersionId: VersionId });
  const current = await call("GetSecretValue", { SecretId });
  assert.deepEqual([...current.SecretBinary], [0, 1]);
  assert.deepEqual(current.VersionStages, ["next", "AWSCURRENT"]);
  assert.equal((await call("GetSecretValue", { SecretId, VersionStage: "AWSPREVIOUS" })).SecretString, "one");
  assert.equal((await call("ListSecretVersionIds", { SecretId })).Versions.length, 2);
  await call("UpdateSecret", { SecretId, SecretString: "three", Description: "d" });
  await call("TagResource", { SecretId, Tags: [{ Key: "b", Value: "2" }] });
  await call("UntagResource", { SecretId, TagKeys: ["a"] });
  const described = await call("DescribeSecret", { SecretId });
  assert.deepEqual([described.Description, described.Tags], ["d", [{ Key: "b", Value: "2" }]]);
  assert.ok((await call("ListSecrets", { Filters: [{ Key: "name", Values: [SecretId] }] })).SecretList.length === 1);
  const batch = await call("BatchGetSecretValue", { SecretIdList: [SecretId, "none"] });
  assert.deepEqual(batch.SecretValues.map((value) => value.SecretString), ["three"]);
  assert.equal(batch.Errors[0].ErrorCode, "ResourceNotFoundException");
  await call("DeleteSecret", { SecretId });
  await assert.rejects(call("GetSecretValue", { SecretId }), { name: "InvalidRequestException" });
  await call("RestoreSecret", { SecretId });
  assert.equal((await call("GetSecretValue", { SecretId })).SecretString, "three");
});

test("a secret has a policy", async () => {
  const SecretId = "policy";
  await call("CreateSecret", { Name: SecretId });
  const ResourcePolicy = allow("secretsmanager:GetSecretValue", { Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Resource: "*" });
  assert.ok((await call("ValidateResourcePolicy", { ResourcePolicy })).PolicyValidationPassed);
  await call("PutResourcePolicy", { SecretId, ResourcePolicy });
  assert.equal((await call("GetResourcePolicy", { SecretId })).ResourcePolicy, ResourcePolicy);
  await call("DeleteResourcePolicy", { SecretId });
  assert.equal((await call("GetResourcePolicy", { SecretId })).ResourcePolicy, undefined);
  assert.equal((await call("GetRandomPassword", { PasswordLength: 20 })).RandomPassword.length, 20);
});

test("a function is called for each step of a rotation", async () => {
  const FunctionName = "rotates";
  const Code = { ZipFile: handler("async (event) => event") };
  const { FunctionArn } = await create(FunctionName, { Code });
  await lambda.send(new AddPermissionCommand({ FunctionName, StatementId: "s", Action: "lambda:InvokeFunction", Principal: "secretsmanager.amazonaws.com" }));
  const SecretId = "rotated";
  await call("CreateSecret", { Name: SecretId, SecretString: "one" });
  await call("RotateSecret", { SecretId, RotationLambdaARN: FunctionArn, RotationRules: { AutomaticallyAfterDays: 30 } });
  await until(async () => (await call("DescribeSecret", { SecretId })).LastRotatedDate, "the rotation");
  await call("CancelRotateSecret", { SecretId });
  assert.equal((await call("DescribeSecret", { SecretId })).RotationEnabled, false);
});

everyOperationIsDriven("secretsmanager", SecretsManagerClient);
