// IAM through aws-sdk v3: users, their keys, tags, policies and boundaries.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreatePolicyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  DeleteUserPermissionsBoundaryCommand,
  DeleteUserPolicyCommand,
  GetUserCommand,
  GetUserPolicyCommand,
  IAMClient,
  ListAccessKeysCommand,
  ListUserPoliciesCommand,
  ListUserTagsCommand,
  NoSuchEntityException,
  paginateListUsers,
  PutUserPermissionsBoundaryCommand,
  PutUserPolicyCommand,
  TagUserCommand,
  UntagUserCommand,
  UpdateAccessKeyCommand,
} from "@aws-sdk/client-iam";
import { CreateQueueCommand, ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { ACCOUNT, client } from "../server.mjs";
import { allow } from "../support.mjs";
import { user } from "./people.mjs";

const iam = client(IAMClient);

test("a user from its making to its end", async () => {
  await user("ann");
  const UserName = "ann";
  await iam.send(new TagUserCommand({ UserName, Tags: [{ Key: "k", Value: "grüße + co" }, { Key: "old", Value: "" }] }));
  await iam.send(new UntagUserCommand({ UserName, TagKeys: ["old"] }));
  const { User } = await iam.send(new GetUserCommand({ UserName }));
  assert.equal(User.Arn, `arn:aws:iam::${ACCOUNT}:user/team/ann`);
  assert.deepEqual(User.Tags, [{ Key: "k", Value: "grüße + co" }]);
  assert.deepEqual((await iam.send(new ListUserTagsCommand({ UserName }))).Tags, User.Tags);
  assert.ok(User.CreateDate instanceof Date && Math.abs(User.CreateDate - Date.now()) < 60_000);
  const { AccessKeyMetadata } = await iam.send(new ListAccessKeysCommand({ UserName }));
  assert.deepEqual(AccessKeyMetadata.map(({ Status }) => Status), ["Active"]);
  await assert.rejects(iam.send(new DeleteUserCommand({ UserName })), { name: "DeleteConflictException" });
  await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId: AccessKeyMetadata[0].AccessKeyId }));
  await iam.send(new DeleteUserCommand({ UserName }));
  await assert.rejects(iam.send(new GetUserCommand({ UserName })), NoSuchEntityException);
});

test("lists come in pages", async () => {
  for (const number of [1, 2, 3]) await iam.send(new CreateUserCommand({ UserName: `paged-${number}`, Path: "/paged/" }));
  const names = [];
  for await (const page of paginateListUsers({ client: iam, pageSize: 2 }, { PathPrefix: "/paged/" })) names.push(page.Users.map(({ UserName }) => UserName));
  assert.deepEqual(names, [["paged-1", "paged-2"], ["paged-3"]]);
});

test("who may what", async () => {
  const UserName = "reader";
  const sqs = client(SQSClient, { credentials: await user(UserName, "sqs:ListQueues") });
  await sqs.send(new ListQueuesCommand({}));
  await assert.rejects(sqs.send(new CreateQueueCommand({ QueueName: "q" })), (error) => {
    assert.match(error.message, /not authorized to perform: sqs:createqueue on resource: arn:aws:sqs:us-east-1:000000000000:q/i);
    return /AccessDenied/.test(error.name);
  });
  assert.deepEqual((await iam.send(new ListUserPoliciesCommand({ UserName }))).PolicyNames, ["p"]);
  const { PolicyDocument } = await iam.send(new GetUserPolicyCommand({ UserName, PolicyName: "p" }));
  assert.equal(decodeURIComponent(PolicyDocument), allow("sqs:ListQueues", { Resource: "*" }));
  await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName: "p" }));
  await assert.rejects(sqs.send(new ListQueuesCommand({})), /sqs:ListQueues/i);
});

test("a boundary limits whatever policies allow", async () => {
  const UserName = "bounded";
  const sqs = client(SQSClient, { credentials: await user(UserName, "sqs:*") });
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: "bound", PolicyDocument: allow("sqs:ListQueues", { Resource: "*" }) }));
  await iam.send(new PutUserPermissionsBoundaryCommand({ UserName, PermissionsBoundary: Policy.Arn }));
  assert.equal((await iam.send(new GetUserCommand({ UserName }))).User.PermissionsBoundary.PermissionsBoundaryArn, Policy.Arn);
  await sqs.send(new ListQueuesCommand({}));
  await assert.rejects(sqs.send(new CreateQueueCommand({ QueueName: "q" })), /boundary/);
  await iam.send(new DeleteUserPermissionsBoundaryCommand({ UserName }));
  await sqs.send(new CreateQueueCommand({ QueueName: "q" }));
});

test("a key that is inactive or deleted lets nobody in, at once", async () => {
  const credentials = await user("leaver");
  const key = { UserName: "leaver", AccessKeyId: credentials.accessKeyId };
  const own = client(STSClient, { credentials });
  const identity = () => own.send(new GetCallerIdentityCommand({}));
  assert.match((await identity()).Arn, /:user\/team\/leaver$/);
  await iam.send(new UpdateAccessKeyCommand({ ...key, Status: "Inactive" }));
  await assert.rejects(identity(), { name: "InvalidClientTokenId" });
  await iam.send(new UpdateAccessKeyCommand({ ...key, Status: "Active" }));
  await identity();
  await iam.send(new DeleteAccessKeyCommand(key));
  await assert.rejects(identity(), { name: "InvalidClientTokenId" });
});

test("errors have AWS's names and types", async () => {
  await assert.rejects(iam.send(new GetUserCommand({ UserName: "nobody" })), NoSuchEntityException);
  await assert.rejects(iam.send(new CreateUserCommand({ UserName: "a b" })), { name: "ValidationError" });
  const broken = iam.send(new PutUserPolicyCommand({ UserName: "reader", PolicyName: "p", PolicyDocument: "{" }));
  await assert.rejects(broken, { name: "MalformedPolicyDocumentException" });
});
