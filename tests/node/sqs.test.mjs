// SQS through aws-sdk v3.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { start } from "./server.mjs";

let server, sqs;
before(async () => {
  server = await start();
  sqs = new SQSClient(server.configuration);
});
after(async () => assert.ok(await server.stop()));

test("messages travel, alone and in batches", async () => {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "q" }));
  const MessageAttributes = { a: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) } };
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "grüße", MessageAttributes }));
  const Entries = ["1", "2"].map((Id) => ({ Id, MessageBody: Id }));
  assert.equal((await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))).Successful.length, 2);
  const { Messages } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] }),
  );
  assert.deepEqual(Messages.map((message) => message.Body).sort(), ["1", "2", "grüße"]);
  assert.deepEqual([...Messages.find((message) => message.Body === "grüße").MessageAttributes.a.BinaryValue], [0, 255]);
  const done = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
  await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: done }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  assert.equal(Attributes.ApproximateNumberOfMessagesNotVisible, "0");
});

test("errors have AWS's names", async () => {
  const QueueUrl = `${server.endpoint}/000000000000/missing`;
  await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" })), { name: "QueueDoesNotExist" });
});
