// IAM and STS through aws-sdk v3: the Query protocol, and temporary credentials as applications use them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import {
  AttachRolePolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  GetRoleCommand,
  GetUserCommand,
  IAMClient,
  ListAccessKeysCommand,
  ListAttachedRolePoliciesCommand,
  NoSuchEntityException,
  paginateListUsers,
  PutUserPolicyCommand,
  TagUserCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import { CreateQueueCommand, ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { start } from "./server.mjs";

let server, iam, sts;
before(async () => {
  server = await start();
  iam = new IAMClient(server.configuration);
  sts = new STSClient(server.configuration);
});
after(async () => assert.ok(await server.stop()));

const allow = (Action, more) => JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, ...more }] });
const trustRoot = allow("sts:AssumeRole", { Principal: { AWS: "000000000000" } });

/** What a client takes, from what IAM or STS answered. */
function credentialsOf({ AccessKeyId, SecretAccessKey, SessionToken }) {
  return { ...server.configuration, credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken } };
}

async function user(UserName, action) {
  await iam.send(new CreateUserCommand({ UserName, Path: "/team/" }));
  if (action) await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "p", PolicyDocument: allow(action, { Resource: "*" }) }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return credentialsOf(AccessKey);
}

test("users, tags and keys", async () => {
  await user("ann");
  await iam.send(new TagUserCommand({ UserName: "ann", Tags: [{ Key: "k", Value: "grüße & <co>" }] }));
  const { User } = await iam.send(new GetUserCommand({ UserName: "ann" }));
  assert.equal(User.Arn, "arn:aws:iam::000000000000:user/team/ann");
  assert.deepEqual(User.Tags, [{ Key: "k", Value: "grüße & <co>" }]);
  assert.ok(User.CreateDate instanceof Date && Math.abs(User.CreateDate - Date.now()) < 60_000);
  const { AccessKeyMetadata } = await iam.send(new ListAccessKeysCommand({ UserName: "ann" }));
  assert.deepEqual(AccessKeyMetadata.map(({ Status }) => Status), ["Active"]);
});

test("lists come in pages", async () => {
  for (const number of [1, 2, 3]) await iam.send(new CreateUserCommand({ UserName: `paged-${number}`, Path: "/paged/" }));
  const names = [];
  for await (const page of paginateListUsers({ client: iam, pageSize: 2 }, { PathPrefix: "/paged/" })) names.push(page.Users.map(({ UserName }) => UserName));
  assert.deepEqual(names, [["paged-1", "paged-2"], ["paged-3"]]);
});

test("who may what", async () => {
  const sqs = new SQSClient(await user("reader", "sqs:ListQueues"));
  await sqs.send(new ListQueuesCommand({}));
  await assert.rejects(sqs.send(new CreateQueueCommand({ QueueName: "q" })), (error) => {
    assert.match(error.message, /not authorized to perform: sqs:createqueue on resource: arn:aws:sqs:us-east-1:000000000000:q/i);
    return /AccessDenied/.test(error.name);
  });
});

test("a key that was deleted lets nobody in, at once", async () => {
  const configuration = await user("leaver");
  const own = new STSClient(configuration);
  assert.match((await own.send(new GetCallerIdentityCommand({}))).Arn, /:user\/team\/leaver$/);
  await iam.send(new DeleteAccessKeyCommand({ UserName: "leaver", AccessKeyId: configuration.credentials.accessKeyId }));
  await assert.rejects(own.send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
});

test("roles are assumed", async () => {
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: "worker", AssumeRolePolicyDocument: trustRoot }));
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: "tables", PolicyDocument: allow("dynamodb:ListTables", { Resource: "*" }) }));
  await iam.send(new AttachRolePolicyCommand({ RoleName: "worker", PolicyArn: Policy.Arn }));
  await iam.send(new UpdateRoleCommand({ RoleName: "worker", Description: "d" }));
  const got = await iam.send(new GetRoleCommand({ RoleName: "worker" }));
  assert.equal(decodeURIComponent(got.Role.AssumeRolePolicyDocument), trustRoot);
  const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: "worker" }));
  assert.deepEqual(AttachedPolicies, [{ PolicyName: "tables", PolicyArn: Policy.Arn }]);
  const asked = { RoleArn: Role.Arn, RoleSessionName: "work" };
  const { Credentials, AssumedRoleUser } = await sts.send(new AssumeRoleCommand(asked));
  assert.ok(Credentials.Expiration > new Date());
  const session = credentialsOf(Credentials);
  assert.equal((await new STSClient(session).send(new GetCallerIdentityCommand({}))).Arn, AssumedRoleUser.Arn);
  await new DynamoDBClient(session).send(new ListTablesCommand({}));
  await assert.rejects(new SQSClient(session).send(new ListQueuesCommand({})), /sqs:ListQueues/i);
  const stranger = new STSClient(await user("stranger"));
  await assert.rejects(stranger.send(new AssumeRoleCommand(asked)), { name: "AccessDenied" });
});

test("sessions of users", async () => {
  const own = new STSClient(await user("member", "sqs:ListQueues"));
  const { Credentials } = await own.send(new GetSessionTokenCommand({ DurationSeconds: 900 }));
  await new SQSClient(credentialsOf(Credentials)).send(new ListQueuesCommand({}));
  const stripped = credentialsOf({ ...Credentials, SessionToken: undefined });
  await assert.rejects(new STSClient(stripped).send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
});

test("errors have AWS's names and types", async () => {
  await assert.rejects(iam.send(new GetUserCommand({ UserName: "nobody" })), NoSuchEntityException);
  await assert.rejects(iam.send(new CreateUserCommand({ UserName: "a b" })), { name: "ValidationError" });
  await assert.rejects(iam.send(new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument: "{" })), { name: "MalformedPolicyDocumentException" });
  await assert.rejects(sts.send(new AssumeRoleCommand({ RoleArn: "arn:aws:iam::000000000000:role/none", RoleSessionName: "work" })), { name: "AccessDenied" });
});
