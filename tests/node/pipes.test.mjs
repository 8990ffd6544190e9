// EventBridge Pipes through aws-sdk v3: every operation, and an event's way through a pipe.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import * as sdk from "@aws-sdk/client-pipes";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, REGION, client } from "./server.mjs";
import { allow, trust, until } from "./support.mjs";

const { PipesClient } = sdk;
const pipes = client(PipesClient);
const [sqs, iam] = [client(SQSClient), client(IAMClient)];
const call = (operation, input = {}) => pipes.send(new sdk[`${operation}Command`](input));
const arn = (name) => `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;

const AssumeRolePolicyDocument = trust({ Service: "pipes.amazonaws.com" });
const RoleArn = (await iam.send(new CreateRoleCommand({ RoleName: "pipe", AssumeRolePolicyDocument }))).Role.Arn;
await iam.send(new PutRolePolicyCommand({ RoleName: "pipe", PolicyName: "p", PolicyDocument: allow("sqs:*", { Resource: "*" }) }));
const queue = async (QueueName) => (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl;
const [from, to] = [await queue("from"), await queue("to")];

const isIn = (Name, state) =>
  until(async () => (await call("DescribePipe", { Name })).CurrentState === state, `the pipe ${Name} is ${state}`);

test("a message goes through a pipe, and the pipe through its states", async () => {
  const Name = "one";
  const SourceParameters = { FilterCriteria: { Filters: [{ Pattern: JSON.stringify({ body: { n: [{ exists: true }] } }) }] } };
  const TargetParameters = { InputTemplate: '{"n": <$.body.n>, "pipe": <aws.pipes.pipe-name>}' };
  const made = await call("CreatePipe", { Name, Source: arn("from"), Target: arn("to"), RoleArn, SourceParameters, TargetParameters });
  assert.equal(made.CurrentState, "CREATING");
  assert.ok(Math.abs(made.CreationTime - Date.now()) < 60_000);
  await isIn(Name, "RUNNING");
  await sqs.send(new SendMessageCommand({ QueueUrl: from, MessageBody: '{"n": 1}' }));
  const receive = new ReceiveMessageCommand({ QueueUrl: to, WaitTimeSeconds: 1 });
  const [message] = await until(async () => (await sqs.send(receive)).Messages, "the message arrives");
  assert.deepEqual(JSON.parse(message.Body), { n: 1, pipe: Name });
  assert.equal((await call("StopPipe", { Name })).CurrentState, "STOPPING");
  await isIn(Name, "STOPPED");
  assert.equal((await call("StartPipe", { Name })).CurrentState, "STARTING");
  assert.equal((await call("UpdatePipe", { Name, RoleArn, Description: "changed" })).CurrentState, "UPDATING");
  const shown = await call("DescribePipe", { Name });
  assert.equal(shown.Description, "changed");
  assert.deepEqual(shown.TargetParameters, TargetParameters);
  const { Pipes } = await call("ListPipes", { NamePrefix: "o", SourcePrefix: arn("from") });
  assert.deepEqual(Pipes.map((pipe) => pipe.Name), [Name]);
  assert.equal((await call("DeletePipe", { Name })).DesiredState, "DELETED");
  await assert.rejects(call("DescribePipe", { Name }), { name: "NotFoundException" });
});

test("pipes have tags", async () => {
  const input = { Name: "tagged", Source: arn("from"), Target: arn("to"), RoleArn, DesiredState: "STOPPED", Tags: { a: "1" } };
  const { Arn: resourceArn } = await call("CreatePipe", input);
  await call("TagResource", { resourceArn, tags: { b: "2", c: "3" } });
  await call("UntagResource", { resourceArn, tagKeys: ["a", "c"] });
  assert.deepEqual((await call("ListTagsForResource", { resourceArn })).tags, { b: "2" });
});

test("what is wrong is refused by name", async () => {
  const good = { Name: "wrong", Source: arn("from"), Target: arn("to"), RoleArn };
  await assert.rejects(call("CreatePipe", { ...good, Name: "a b" }), { name: "ValidationException" });
  await assert.rejects(call("CreatePipe", { ...good, Source: "arn:aws:s3:::bucket" }), { name: "ValidationException" });
  await assert.rejects(call("CreatePipe", { ...good, Name: "tagged" }), { name: "ConflictException" });
  await assert.rejects(call("CreatePipe", { ...good, Source: "smk://broker:9092" }), { name: "NotImplemented" });
  await assert.rejects(call("StartPipe", { Name: "none" }), { name: "NotFoundException" });
});

everyOperationIsDriven("pipes", PipesClient);
