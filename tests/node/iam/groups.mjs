// IAM through aws-sdk v3: groups, names that change, whom policies are attached to, and simulations.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AddUserToGroupCommand,
  AttachGroupPolicyCommand,
  CreateAccountAliasCommand,
  CreateGroupCommand,
  CreatePolicyCommand,
  DeleteAccountAliasCommand,
  DeleteGroupCommand,
  DeleteGroupPolicyCommand,
  DetachGroupPolicyCommand,
  GetAccountSummaryCommand,
  GetContextKeysForCustomPolicyCommand,
  GetContextKeysForPrincipalPolicyCommand,
  GetGroupCommand,
  GetGroupPolicyCommand,
  GetUserCommand,
  IAMClient,
  ListAccountAliasesCommand,
  ListAttachedGroupPoliciesCommand,
  ListEntitiesForPolicyCommand,
  ListGroupPoliciesCommand,
  ListGroupsCommand,
  ListGroupsForUserCommand,
  ListPolicyTagsCommand,
  PutGroupPolicyCommand,
  RemoveUserFromGroupCommand,
  SimulateCustomPolicyCommand,
  SimulatePrincipalPolicyCommand,
  TagPolicyCommand,
  UntagPolicyCommand,
  UpdateGroupCommand,
  UpdateUserCommand,
} from "@aws-sdk/client-iam";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { client } from "../server.mjs";
import { allow } from "../support.mjs";
import { user } from "./people.mjs";

const iam = client(IAMClient);
const document = allow("sqs:ListQueues", { Resource: "*" });

test("who is in a group has its policies", async () => {
  const [GroupName, UserName] = ["readers", "member"];
  const sqs = client(SQSClient, { credentials: await user(UserName) });
  await iam.send(new CreateGroupCommand({ GroupName, Path: "/teams/" }));
  await iam.send(new PutGroupPolicyCommand({ GroupName, PolicyName: "p", PolicyDocument: document }));
  await iam.send(new AddUserToGroupCommand({ GroupName, UserName }));
  await sqs.send(new ListQueuesCommand({}));
  assert.deepEqual((await iam.send(new ListGroupPoliciesCommand({ GroupName }))).PolicyNames, ["p"]);
  assert.equal(decodeURIComponent((await iam.send(new GetGroupPolicyCommand({ GroupName, PolicyName: "p" }))).PolicyDocument), document);
  assert.deepEqual((await iam.send(new ListGroupsForUserCommand({ UserName }))).Groups.map((group) => group.GroupName), [GroupName]);
  assert.deepEqual((await iam.send(new ListGroupsCommand({ PathPrefix: "/teams/" }))).Groups.map((group) => group.GroupName), [GroupName]);
  await iam.send(new UpdateGroupCommand({ GroupName, NewGroupName: "all-readers" }));
  await iam.send(new UpdateUserCommand({ UserName, NewUserName: "old-member" }));
  await sqs.send(new ListQueuesCommand({}));
  const renamed = { GroupName: "all-readers", UserName: "old-member" };
  assert.deepEqual((await iam.send(new GetGroupCommand(renamed))).Users.map((member) => member.UserName), ["old-member"]);
  await iam.send(new RemoveUserFromGroupCommand(renamed));
  await assert.rejects(sqs.send(new ListQueuesCommand({})), /sqs:ListQueues/i);
  await assert.rejects(iam.send(new DeleteGroupCommand(renamed)), { name: "DeleteConflictException" });
  await iam.send(new DeleteGroupPolicyCommand({ ...renamed, PolicyName: "p" }));
  await iam.send(new DeleteGroupCommand(renamed));
  await assert.rejects(iam.send(new GetGroupCommand(renamed)), { name: "NoSuchEntityException" });
});

test("whom a policy is attached to, and its tags", async () => {
  const GroupName = "attached";
  await iam.send(new CreateGroupCommand({ GroupName }));
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: "for-groups", PolicyDocument: document }));
  const PolicyArn = Policy.Arn;
  await iam.send(new AttachGroupPolicyCommand({ GroupName, PolicyArn }));
  const { PolicyGroups } = await iam.send(new ListEntitiesForPolicyCommand({ PolicyArn }));
  assert.deepEqual(PolicyGroups.map((group) => group.GroupName), [GroupName]);
  assert.equal((await iam.send(new ListAttachedGroupPoliciesCommand({ GroupName }))).AttachedPolicies[0].PolicyArn, PolicyArn);
  await iam.send(new TagPolicyCommand({ PolicyArn, Tags: [{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }] }));
  await iam.send(new UntagPolicyCommand({ PolicyArn, TagKeys: ["a"] }));
  assert.deepEqual((await iam.send(new ListPolicyTagsCommand({ PolicyArn }))).Tags, [{ Key: "b", Value: "2" }]);
  await iam.send(new DetachGroupPolicyCommand({ GroupName, PolicyArn }));
  await iam.send(new DeleteGroupCommand({ GroupName }));
});

test("what policies would allow", async () => {
  const conditional = allow("s3:GetObject", { Resource: "*", Condition: { StringEquals: { "aws:PrincipalTag/team": "a" } } });
  const { ContextKeyNames } = await iam.send(new GetContextKeysForCustomPolicyCommand({ PolicyInputList: [conditional] }));
  assert.deepEqual(ContextKeyNames, ["aws:PrincipalTag/team"]);
  const ContextEntries = [{ ContextKeyName: "aws:PrincipalTag/team", ContextKeyType: "string", ContextKeyValues: ["a"] }];
  const ask = { PolicyInputList: [conditional], ActionNames: ["s3:GetObject", "s3:PutObject"], ContextEntries };
  const { EvaluationResults } = await iam.send(new SimulateCustomPolicyCommand(ask));
  assert.deepEqual(EvaluationResults.map((result) => result.EvalDecision), ["allowed", "implicitDeny"]);
  assert.deepEqual(EvaluationResults[0].MatchedStatements[0].StartPosition.Line, 1);
  await user("simulated", "sqs:*");
  const PolicySourceArn = (await iam.send(new GetUserCommand({ UserName: "simulated" }))).User.Arn;
  const own = await iam.send(new SimulatePrincipalPolicyCommand({ PolicySourceArn, ActionNames: ["sqs:SendMessage"] }));
  assert.deepEqual(own.EvaluationResults.map((result) => result.EvalDecision), ["allowed"]);
  const keys = await iam.send(new GetContextKeysForPrincipalPolicyCommand({ PolicySourceArn, PolicyInputList: [conditional] }));
  assert.deepEqual(keys.ContextKeyNames, ["aws:PrincipalTag/team"]);
});

test("the account's alias and summary", async () => {
  await iam.send(new CreateAccountAliasCommand({ AccountAlias: "our-company" }));
  assert.deepEqual((await iam.send(new ListAccountAliasesCommand({}))).AccountAliases, ["our-company"]);
  await iam.send(new DeleteAccountAliasCommand({ AccountAlias: "our-company" }));
  const { SummaryMap } = await iam.send(new GetAccountSummaryCommand({}));
  assert.ok(SummaryMap.Users >= 1 && SummaryMap.GroupsPerUserQuota === 10);
});
