// SQS through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AddPermissionCommand,
  CancelMessageMoveTaskCommand,
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  ListQueueTagsCommand,
  paginateListQueues,
  PurgeQueueCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  RemovePermissionCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from "@aws-sdk/client-sqs";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client, endpoint, REGION } from "./server.mjs";
import { until } from "./support.mjs";

const sqs = client(SQSClient);
const arn = (name) => `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;

async function queue(QueueName, Attributes) {
  return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl;
}

async function attributes(QueueUrl) {
  return (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))).Attributes;
}

/** How many messages wait, and how many are being handled. */
async function counts(QueueUrl) {
  const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible } = await attributes(QueueUrl);
  return [Number(ApproximateNumberOfMessages), Number(ApproximateNumberOfMessagesNotVisible)];
}

async function receive(QueueUrl, more) {
  const asked = { QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"], ...more };
  return (await sqs.send(new ReceiveMessageCommand(asked))).Messages ?? [];
}

/** Sends messages in one batch. */
async function send(QueueUrl, bodies) {
  const Entries = bodies.map((MessageBody, place) => ({ Id: `${place}`, MessageBody }));
  assert.equal((await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))).Successful.length, bodies.length);
}

test("messages travel, alone and in batches", async () => {
  const QueueUrl = await queue("travel");
  const MessageAttributes = { a: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) } };
  // The SDK checks the digests itself.
  const { MessageId } = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "grüße", MessageAttributes }));
  await send(QueueUrl, ["1", "2"]);
  const messages = await receive(QueueUrl);
  assert.deepEqual(messages.map(({ Body }) => Body).sort(), ["1", "2", "grüße"]);
  const alone = messages.find((message) => message.MessageId === MessageId);
  assert.deepEqual([...alone.MessageAttributes.a.BinaryValue], [0, 255]);
  assert.equal(alone.Attributes.ApproximateReceiveCount, "1");
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: alone.ReceiptHandle }));
  assert.deepEqual(await counts(QueueUrl), [0, 2]);
  const Entries = messages.filter((message) => message !== alone).map(({ ReceiptHandle }, place) => ({ Id: `${place}`, ReceiptHandle }));
  assert.equal((await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))).Successful.length, 2);
  assert.deepEqual(await counts(QueueUrl), [0, 0]);
});

test("a message that is given back is received again", async () => {
  const QueueUrl = await queue("visibility");
  await send(QueueUrl, ["1", "2", "3"]);
  const [first, ...others] = await receive(QueueUrl);
  assert.deepEqual(await receive(QueueUrl), []);
  await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: first.ReceiptHandle, VisibilityTimeout: 0 }));
  const again = await receive(QueueUrl);
  assert.deepEqual(again.map(({ Body, Attributes }) => [Body, Attributes.ApproximateReceiveCount]), [[first.Body, "2"]]);
  const Entries = [...others.map(({ ReceiptHandle }) => ReceiptHandle), "made-up"].map((ReceiptHandle, place) => ({ Id: `${place}`, ReceiptHandle, VisibilityTimeout: 0 }));
  const { Successful, Failed } = await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
  assert.deepEqual([Successful.map(({ Id }) => Id), Failed.map(({ Id, Code }) => [Id, Code])], [["0", "1"], [["2", "ReceiptHandleIsInvalid"]]]);
  assert.deepEqual((await receive(QueueUrl)).map(({ Body }) => Body).sort(), others.map(({ Body }) => Body).sort());
});

test("a FIFO queue keeps the order and drops what is sent twice", async () => {
  const QueueUrl = await queue("ordered.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" });
  for (const MessageBody of ["1", "2", "2", "3"]) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: "g" }));
  assert.deepEqual((await receive(QueueUrl)).map(({ Body }) => Body), ["1", "2", "3"]);
});

test("queues are found, changed, tagged, emptied and deleted", async () => {
  const QueueUrl = await queue("life", { DelaySeconds: "1" });
  for (const name of ["life-2", "life-3"]) await queue(name);
  assert.equal((await sqs.send(new GetQueueUrlCommand({ QueueName: "life" }))).QueueUrl, QueueUrl);
  const pages = [];
  for await (const { QueueUrls } of paginateListQueues({ client: sqs, pageSize: 2 }, { QueueNamePrefix: "life" })) pages.push(QueueUrls.map((url) => url.split("/").pop()));
  assert.deepEqual(pages, [["life", "life-2"], ["life-3"]]);
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { DelaySeconds: "0", VisibilityTimeout: "7" } }));
  const { DelaySeconds, VisibilityTimeout, QueueArn } = await attributes(QueueUrl);
  assert.deepEqual([DelaySeconds, VisibilityTimeout, QueueArn], ["0", "7", arn("life")]);
  await sqs.send(new TagQueueCommand({ QueueUrl, Tags: { a: "1", b: "2" } }));
  await sqs.send(new UntagQueueCommand({ QueueUrl, TagKeys: ["b"] }));
  assert.deepEqual((await sqs.send(new ListQueueTagsCommand({ QueueUrl }))).Tags, { a: "1" });
  await send(QueueUrl, ["m"]);
  await sqs.send(new PurgeQueueCommand({ QueueUrl }));
  assert.deepEqual(await counts(QueueUrl), [0, 0]);
  await sqs.send(new DeleteQueueCommand({ QueueUrl }));
  await assert.rejects(sqs.send(new GetQueueUrlCommand({ QueueName: "life" })), QueueDoesNotExist);
});

test("permissions are statements of the queue's policy", async () => {
  const QueueUrl = await queue("permitted");
  await sqs.send(new AddPermissionCommand({ QueueUrl, Label: "senders", AWSAccountIds: [ACCOUNT], Actions: ["SendMessage"] }));
  const { Statement } = JSON.parse((await attributes(QueueUrl)).Policy);
  assert.deepEqual(Statement.map(({ Sid, Effect, Action, Resource }) => [Sid, Effect, [Action].flat(), Resource]), [["senders", "Allow", ["SQS:SendMessage"], arn("permitted")]]);
  await sqs.send(new RemovePermissionCommand({ QueueUrl, Label: "senders" }));
  assert.equal((await attributes(QueueUrl)).Policy, undefined);
});

test("dead letters are moved back, as long as nobody cancels", async () => {
  const dead = await queue("dead");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn("dead"), maxReceiveCount: 1 });
  const source = await queue("source", { RedrivePolicy });
  assert.deepEqual((await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead }))).queueUrls, [source]);
  await send(source, [..."0123456789"]);
  assert.equal((await receive(source, { VisibilityTimeout: 0 })).length, 10);
  assert.deepEqual(await receive(source), []);
  assert.deepEqual(await counts(dead), [10, 0]);
  const SourceArn = arn("dead");
  const statuses = async () => (await sqs.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 10 }))).Results.map(({ Status }) => Status);
  const { TaskHandle } = await sqs.send(new StartMessageMoveTaskCommand({ SourceArn, MaxNumberOfMessagesPerSecond: 1 }));
  assert.deepEqual(await statuses(), ["RUNNING"]);
  const { ApproximateNumberOfMessagesMoved } = await sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
  assert.ok(ApproximateNumberOfMessagesMoved < 10);
  await until(async () => (await statuses())[0] === "CANCELLED", "the task being cancelled");
  assert.notEqual((await counts(dead))[0], 0);
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn: arn("source") }));
  await until(async () => (await statuses()).includes("COMPLETED"), "the task being done");
  assert.deepEqual([await counts(dead), await counts(source)], [[0, 0], [10, 0]]);
});

test("errors have AWS's names", async () => {
  const QueueUrl = `${endpoint}/${ACCOUNT}/missing`;
  await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" })), { name: "QueueDoesNotExist" });
});

everyOperationIsDriven("sqs", SQSClient);
