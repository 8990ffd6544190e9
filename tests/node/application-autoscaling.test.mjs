// Application Auto Scaling through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  ApplicationAutoScalingClient,
  DeleteScalingPolicyCommand,
  DeleteScheduledActionCommand,
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  DescribeScalingActivitiesCommand,
  DescribeScalingPoliciesCommand,
  ListTagsForResourceCommand,
  ObjectNotFoundException,
  paginateDescribeScheduledActions,
  PutScalingPolicyCommand,
  PutScheduledActionCommand,
  RegisterScalableTargetCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-application-auto-scaling";
import { CreateAliasCommand, PublishVersionCommand } from "@aws-sdk/client-lambda";
import { everyOperationIsDriven } from "./driven.mjs";
import { create, lambda } from "./lambda/function.mjs";
import { client } from "./server.mjs";

const scaling = client(ApplicationAutoScalingClient, { maxAttempts: 1 });
const FunctionName = "scaled";
const ServiceNamespace = "lambda";
const target = {
  ServiceNamespace,
  ResourceId: `function:${FunctionName}:live`,
  ScalableDimension: "lambda:function:ProvisionedConcurrency",
};
let ResourceARN;

before(async () => {
  await create(FunctionName);
  const { Version } = await lambda.send(new PublishVersionCommand({ FunctionName }));
  await lambda.send(new CreateAliasCommand({ FunctionName, Name: "live", FunctionVersion: Version }));
  const register = new RegisterScalableTargetCommand({ ...target, MinCapacity: 0, MaxCapacity: 5 });
  ResourceARN = (await scaling.send(register)).ScalableTargetARN;
});

test("targets are described and tagged", async () => {
  const { ScalableTargets } = await scaling.send(new DescribeScalableTargetsCommand({ ServiceNamespace }));
  assert.deepEqual(ScalableTargets.map((found) => [found.ScalableTargetARN, found.MaxCapacity]), [[ResourceARN, 5]]);
  assert.ok(ScalableTargets[0].CreationTime instanceof Date);
  await scaling.send(new TagResourceCommand({ ResourceARN, Tags: { a: "1", b: "2" } }));
  await scaling.send(new UntagResourceCommand({ ResourceARN, TagKeys: ["a"] }));
  const { Tags } = await scaling.send(new ListTagsForResourceCommand({ ResourceARN }));
  assert.deepEqual(Tags, { b: "2" });
});

test("scheduled actions are listed in pages", async () => {
  const names = ["a", "b", "c"];
  for (const ScheduledActionName of names) {
    const StartTime = new Date("2030-01-01T00:00:00Z");
    const action = { ScheduledActionName, StartTime, Schedule: "cron(0 8 ? * MON-FRI *)", ScalableTargetAction: { MinCapacity: 1 } };
    await scaling.send(new PutScheduledActionCommand({ ...target, ...action }));
  }
  const found = [];
  for await (const page of paginateDescribeScheduledActions({ client: scaling, pageSize: 2 }, { ServiceNamespace })) {
    found.push(...page.ScheduledActions.map((action) => [action.ScheduledActionName, action.StartTime.getUTCFullYear()]));
  }
  assert.deepEqual(found, names.map((name) => [name, 2030]));
  for (const ScheduledActionName of names) await scaling.send(new DeleteScheduledActionCommand({ ...target, ScheduledActionName }));
  const { ScalingActivities } = await scaling.send(new DescribeScalingActivitiesCommand({ ServiceNamespace }));
  assert.deepEqual(ScalingActivities, []);
});

test("policies are put and described", async () => {
  const PredefinedMetricSpecification = { PredefinedMetricType: "LambdaProvisionedConcurrencyUtilization" };
  const TargetTrackingScalingPolicyConfiguration = { TargetValue: 0.5, PredefinedMetricSpecification, ScaleInCooldown: 60 };
  const policy = { PolicyName: "p", PolicyType: "TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration };
  const { PolicyARN } = await scaling.send(new PutScalingPolicyCommand({ ...target, ...policy }));
  const { ScalingPolicies } = await scaling.send(new DescribeScalingPoliciesCommand({ ServiceNamespace }));
  assert.deepEqual(ScalingPolicies.map((found) => [found.PolicyARN, found.TargetTrackingScalingPolicyConfiguration.ScaleInCooldown]), [[PolicyARN, 60]]);
  await scaling.send(new DeleteScalingPolicyCommand({ ...target, PolicyName: "p" }));
});

test("a target that is gone is not found", async () => {
  await scaling.send(new DeregisterScalableTargetCommand(target));
  await assert.rejects(scaling.send(new DeregisterScalableTargetCommand(target)), ObjectNotFoundException);
});

everyOperationIsDriven("application-autoscaling", ApplicationAutoScalingClient);
