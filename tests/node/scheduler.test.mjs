// EventBridge Scheduler through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import {
  ConflictException,
  CreateScheduleCommand,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListScheduleGroupsCommand,
  ListSchedulesCommand,
  ListTagsForResourceCommand,
  ResourceNotFoundException,
  SchedulerClient,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateScheduleCommand,
  ValidationException,
} from "@aws-sdk/client-scheduler";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client, REGION } from "./server.mjs";
import { allow, trust } from "./support.mjs";

const scheduler = client(SchedulerClient);
const sqs = client(SQSClient);
const GroupName = "reminders";
const Arn = `arn:aws:sqs:${REGION}:${ACCOUNT}:reminded`;
let QueueUrl;
let Target;

before(async () => {
  QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "reminded" }))).QueueUrl;
  const RoleName = "scheduler";
  const iam = client(IAMClient);
  const AssumeRolePolicyDocument = trust({ Service: "scheduler.amazonaws.com" });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: allow("sqs:SendMessage", { Resource: Arn }) }));
  Target = { Arn, RoleArn: Role.Arn, Input: "<aws.scheduler.scheduled-time>" };
});

test("a group holds schedules that reach a queue", async () => {
  const { ScheduleGroupArn } = await scheduler.send(new CreateScheduleGroupCommand({ Name: GroupName, Tags: [{ Key: "a", Value: "1" }] }));
  const once = { Name: "once", GroupName, ScheduleExpression: "at(2020-02-03T04:05:06)", FlexibleTimeWindow: { Mode: "OFF" }, Target };
  const { ScheduleArn } = await scheduler.send(new CreateScheduleCommand({ ...once, ClientToken: "token" }));
  assert.equal(ScheduleArn, `arn:aws:scheduler:${REGION}:${ACCOUNT}:schedule/${GroupName}/once`);
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
  assert.equal(Messages[0].Body, "2020-02-03T04:05:06Z");
  await scheduler.send(new CreateScheduleCommand({ ...once, ClientToken: "token" }));
  await assert.rejects(scheduler.send(new CreateScheduleCommand(once)), ConflictException);

  const StartDate = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3_600_000);
  const daily = { ...once, ScheduleExpression: "cron(0 9 * * ? *)", ScheduleExpressionTimezone: "Asia/Tokyo", StartDate };
  await scheduler.send(new UpdateScheduleCommand(daily));
  const shown = await scheduler.send(new GetScheduleCommand({ Name: "once", GroupName }));
  assert.deepEqual([shown.ScheduleExpressionTimezone, shown.StartDate, shown.State], ["Asia/Tokyo", StartDate, "ENABLED"]);
  assert.equal(shown.Target.RetryPolicy.MaximumRetryAttempts, 185);
  const { Schedules } = await scheduler.send(new ListSchedulesCommand({ GroupName, MaxResults: 1 }));
  assert.deepEqual(Schedules.map(({ Name, Target }) => [Name, Target]), [["once", { Arn }]]);

  await scheduler.send(new TagResourceCommand({ ResourceArn: ScheduleGroupArn, Tags: [{ Key: "b", Value: "2" }] }));
  await scheduler.send(new UntagResourceCommand({ ResourceArn: ScheduleGroupArn, TagKeys: ["a"] }));
  assert.deepEqual((await scheduler.send(new ListTagsForResourceCommand({ ResourceArn: ScheduleGroupArn }))).Tags, [{ Key: "b", Value: "2" }]);
  const { ScheduleGroups } = await scheduler.send(new ListScheduleGroupsCommand({}));
  assert.deepEqual(ScheduleGroups.map(({ Name }) => Name), ["default", GroupName]);
  assert.equal((await scheduler.send(new GetScheduleGroupCommand({ Name: GroupName }))).State, "ACTIVE");
});

test("what cannot be is refused", async () => {
  const schedule = { Name: "bad", ScheduleExpression: "rate(1 day)", FlexibleTimeWindow: { Mode: "OFF" }, Target };
  const create = (more) => scheduler.send(new CreateScheduleCommand({ ...schedule, ...more }));
  await assert.rejects(create({ ScheduleExpression: "rate(1 year)" }), (error) => {
    assert.ok(error instanceof ValidationException);
    assert.equal(error.message, "Invalid Schedule Expression rate(1 year).");
    return true;
  });
  await assert.rejects(create({ GroupName: "none" }), ResourceNotFoundException);
  await assert.rejects(create({ Target: { ...Target, Arn: "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", Input: "{}" } }), { name: "NotImplemented" });
});

test("a group goes with its schedules", async () => {
  await scheduler.send(new DeleteScheduleCommand({ Name: "once", GroupName }));
  await assert.rejects(scheduler.send(new DeleteScheduleCommand({ Name: "once", GroupName })), ResourceNotFoundException);
  await scheduler.send(new DeleteScheduleGroupCommand({ Name: GroupName }));
  await assert.rejects(scheduler.send(new GetScheduleGroupCommand({ Name: GroupName })), ResourceNotFoundException);
});

everyOperationIsDriven("scheduler", SchedulerClient);
