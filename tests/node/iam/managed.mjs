// IAM through aws-sdk v3: managed policies, their versions, and to whom they are attached.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListPolicyVersionsCommand,
  NoSuchEntityException,
  paginateListPolicies,
  SetDefaultPolicyVersionCommand,
} from "@aws-sdk/client-iam";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { ACCOUNT, client } from "../server.mjs";
import { allow, trust } from "../support.mjs";
import { user } from "./people.mjs";

const iam = client(IAMClient);

/** The ARN of a new policy. */
async function create(PolicyName, action, more) {
  return (await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument: allow(action, { Resource: "*" }), ...more }))).Policy.Arn;
}

async function policy(PolicyArn) {
  return (await iam.send(new GetPolicyCommand({ PolicyArn }))).Policy;
}

test("what a policy allows is what its default version says", async () => {
  const UserName = "versioned";
  const sqs = client(SQSClient, { credentials: await user(UserName) });
  const PolicyArn = await create("queues", "sqs:ListQueues");
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
  await sqs.send(new ListQueuesCommand({}));
  const narrowed = allow("sqs:GetQueueUrl", { Resource: "*" });
  const { PolicyVersion } = await iam.send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument: narrowed }));
  assert.deepEqual([PolicyVersion.VersionId, PolicyVersion.IsDefaultVersion], ["v2", false]);
  await sqs.send(new ListQueuesCommand({}));
  await iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: "v2" }));
  await assert.rejects(sqs.send(new ListQueuesCommand({})), /sqs:ListQueues/i);
  const stored = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId: "v2" }));
  assert.equal(decodeURIComponent(stored.PolicyVersion.Document), narrowed);
  await iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId: "v1" }));
  const { Versions } = await iam.send(new ListPolicyVersionsCommand({ PolicyArn }));
  assert.deepEqual(Versions.map(({ VersionId, IsDefaultVersion }) => [VersionId, IsDefaultVersion]), [["v2", true]]);
});

test("policies are attached to users and roles, and detached", async () => {
  const [UserName, RoleName] = ["attached", "attached"];
  const PolicyArn = await create("shared", "dynamodb:ListTables");
  await user(UserName);
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust({ Service: "lambda.amazonaws.com" }) }));
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
  const attached = async () => {
    const ofUser = await iam.send(new ListAttachedUserPoliciesCommand({ UserName }));
    const ofRole = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    return [ofUser.AttachedPolicies, ofRole.AttachedPolicies];
  };
  const entry = { PolicyName: "shared", PolicyArn };
  assert.deepEqual(await attached(), [[entry], [entry]]);
  assert.equal((await policy(PolicyArn)).AttachmentCount, 2);
  await iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn }));
  assert.deepEqual(await attached(), [[], [entry]]);
  await assert.rejects(iam.send(new DeletePolicyCommand({ PolicyArn })), { name: "DeleteConflictException" });
  await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
  await iam.send(new DeletePolicyCommand({ PolicyArn }));
  await assert.rejects(policy(PolicyArn), NoSuchEntityException);
});

test("policies are listed in pages, AWS's own apart", async () => {
  for (const number of [1, 2, 3]) await create(`paged-${number}`, "sqs:*", { Path: "/paged/" });
  const names = [];
  const asked = { Scope: "Local", PathPrefix: "/paged/" };
  for await (const page of paginateListPolicies({ client: iam, pageSize: 2 }, asked)) names.push(page.Policies.map(({ PolicyName }) => PolicyName));
  assert.deepEqual(names, [["paged-1", "paged-2"], ["paged-3"]]);
  assert.equal((await policy(`arn:aws:iam::${ACCOUNT}:policy/paged/paged-1`)).Path, "/paged/");
  const managed = [];
  for await (const page of paginateListPolicies({ client: iam }, { Scope: "AWS" })) managed.push(...page.Policies.map(({ Arn }) => Arn));
  assert.ok(managed.length > 0 && managed.every((arn) => arn.startsWith("arn:aws:iam::aws:policy/")));
});
