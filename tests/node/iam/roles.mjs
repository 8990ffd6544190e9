// IAM through aws-sdk v3: roles, whom they trust, their tags, inline policies and boundaries.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreatePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListInstanceProfilesForRoleCommand,
  ListRolePoliciesCommand,
  ListRoleTagsCommand,
  NoSuchEntityException,
  paginateListRoles,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  UpdateRoleDescriptionCommand,
} from "@aws-sdk/client-iam";
import { ACCOUNT, client } from "../server.mjs";
import { allow, trust } from "../support.mjs";

const iam = client(IAMClient);
const trustLambda = trust({ Service: "lambda.amazonaws.com" });
const listQueues = allow("sqs:ListQueues", { Resource: "*" });

async function create(RoleName, more) {
  return (await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trustLambda, ...more }))).Role;
}

async function role(RoleName) {
  return (await iam.send(new GetRoleCommand({ RoleName }))).Role;
}

test("a role from its making to its end", async () => {
  const RoleName = "life";
  const made = await create(RoleName, { Path: "/service/", Description: "d", MaxSessionDuration: 7200 });
  assert.equal(made.Arn, `arn:aws:iam::${ACCOUNT}:role/service/life`);
  assert.equal(decodeURIComponent((await role(RoleName)).AssumeRolePolicyDocument), trustLambda);
  await iam.send(new UpdateRoleCommand({ RoleName, Description: "e & <f>", MaxSessionDuration: 3600 }));
  assert.deepEqual([(await role(RoleName)).Description, (await role(RoleName)).MaxSessionDuration], ["e & <f>", 3600]);
  await iam.send(new UpdateRoleDescriptionCommand({ RoleName, Description: "f" }));
  assert.equal((await role(RoleName)).Description, "f");
  const trustEvents = trust({ Service: "events.amazonaws.com" });
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: trustEvents }));
  assert.equal(decodeURIComponent((await role(RoleName)).AssumeRolePolicyDocument), trustEvents);
  assert.deepEqual((await iam.send(new ListInstanceProfilesForRoleCommand({ RoleName }))).InstanceProfiles, []);
  await iam.send(new DeleteRoleCommand({ RoleName }));
  await assert.rejects(role(RoleName), NoSuchEntityException);
});

test("roles are listed in pages", async () => {
  for (const number of [1, 2, 3]) await create(`paged-${number}`, { Path: "/paged/" });
  const names = [];
  for await (const page of paginateListRoles({ client: iam, pageSize: 2 }, { PathPrefix: "/paged/" })) names.push(page.Roles.map(({ RoleName }) => RoleName));
  assert.deepEqual(names, [["paged-1", "paged-2"], ["paged-3"]]);
});

test("tags", async () => {
  const RoleName = "tagged";
  await create(RoleName, { Tags: [{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }] });
  await iam.send(new TagRoleCommand({ RoleName, Tags: [{ Key: "a", Value: "3" }] }));
  await iam.send(new UntagRoleCommand({ RoleName, TagKeys: ["b"] }));
  assert.deepEqual((await iam.send(new ListRoleTagsCommand({ RoleName }))).Tags, [{ Key: "a", Value: "3" }]);
});

test("inline policies", async () => {
  const RoleName = "inline";
  await create(RoleName);
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: listQueues }));
  assert.deepEqual((await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames, ["p"]);
  const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: "p" }));
  assert.equal(decodeURIComponent(PolicyDocument), listQueues);
  await assert.rejects(iam.send(new DeleteRoleCommand({ RoleName })), { name: "DeleteConflictException" });
  await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: "p" }));
  await assert.rejects(iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: "p" })), NoSuchEntityException);
});

test("boundaries", async () => {
  const RoleName = "bounded";
  await create(RoleName);
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: "bound-of-roles", PolicyDocument: listQueues }));
  await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: Policy.Arn }));
  assert.equal((await role(RoleName)).PermissionsBoundary.PermissionsBoundaryArn, Policy.Arn);
  await iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
  assert.equal((await role(RoleName)).PermissionsBoundary, undefined);
});

test("a document that is none makes no role", async () => {
  await assert.rejects(create("broken", { AssumeRolePolicyDocument: "{" }), { name: "MalformedPolicyDocumentException" });
  await assert.rejects(role("broken"), NoSuchEntityException);
});
