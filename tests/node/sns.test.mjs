// SNS through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { createVerify, X509Certificate } from "node:crypto";
import { test } from "node:test";
import {
  AddPermissionCommand,
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  DeleteTopicCommand,
  GetDataProtectionPolicyCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  InvalidParameterException,
  ListSubscriptionsByTopicCommand,
  ListTagsForResourceCommand,
  NotFoundException,
  paginateListSubscriptions,
  paginateListTopics,
  PublishBatchCommand,
  PublishCommand,
  PutDataProtectionPolicyCommand,
  RemovePermissionCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
  TagResourceCommand,
  UnsubscribeCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client, REGION } from "./server.mjs";
import { allow, mails, until } from "./support.mjs";

const sns = client(SNSClient);
const sqs = client(SQSClient);

async function topic(Name, Attributes) {
  return (await sns.send(new CreateTopicCommand({ Name, Attributes }))).TopicArn;
}

async function attributes(TopicArn) {
  return (await sns.send(new GetTopicAttributesCommand({ TopicArn }))).Attributes;
}

/** A queue that topics may send to. */
async function queue(QueueName, more = {}) {
  const arn = `arn:aws:sqs:${REGION}:${ACCOUNT}:${QueueName}`;
  const Policy = allow("sqs:SendMessage", { Principal: { Service: "sns.amazonaws.com" }, Resource: arn });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { Policy, ...more } }));
  return { arn, QueueUrl };
}

/** The bodies of the next messages, in the order in which they come. */
async function take({ QueueUrl }, count) {
  const bodies = [];
  await until(async () => {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    for (const { Body, ReceiptHandle } of Messages) {
      bodies.push(Body);
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
    return bodies.length >= count;
  }, `${count} messages`);
  return bodies;
}

async function verify(message) {
  const certificate = new X509Certificate(await (await fetch(message.SigningCertURL)).text());
  const names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"].filter((name) => name in message);
  const text = names.map((name) => `${name}\n${message[name]}\n`).join("");
  const algorithm = message.SignatureVersion === "2" ? "RSA-SHA256" : "RSA-SHA1";
  return createVerify(algorithm).update(text).verify(certificate.publicKey, message.Signature, "base64");
}

test("topics are made, changed, listed and removed", async () => {
  const TopicArn = await topic("life", { DisplayName: "News" });
  assert.equal(await topic("life"), TopicArn);
  await assert.rejects(topic("life", { DisplayName: "Other" }), InvalidParameterException);
  await sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "SignatureVersion", AttributeValue: "2" }));
  assert.equal((await attributes(TopicArn)).SignatureVersion, "2");
  await sns.send(new TagResourceCommand({ ResourceArn: TopicArn, Tags: [{ Key: "a", Value: "1" }, { Key: "b", Value: "2" }] }));
  await sns.send(new UntagResourceCommand({ ResourceArn: TopicArn, TagKeys: ["b"] }));
  assert.deepEqual((await sns.send(new ListTagsForResourceCommand({ ResourceArn: TopicArn }))).Tags, [{ Key: "a", Value: "1" }]);
  const statement = { Label: "x", AWSAccountId: ["111122223333"], ActionName: ["Publish"] };
  await sns.send(new AddPermissionCommand({ TopicArn, ...statement }));
  assert.equal(JSON.parse((await attributes(TopicArn)).Policy).Statement.length, 2);
  await sns.send(new RemovePermissionCommand({ TopicArn, Label: "x" }));
  const DataProtectionPolicy = JSON.stringify({ Name: "p", Version: "2021-06-01", Statement: [] });
  await sns.send(new PutDataProtectionPolicyCommand({ ResourceArn: TopicArn, DataProtectionPolicy }));
  assert.equal((await sns.send(new GetDataProtectionPolicyCommand({ ResourceArn: TopicArn }))).DataProtectionPolicy, DataProtectionPolicy);
  const listed = [];
  for await (const { Topics } of paginateListTopics({ client: sns }, {})) listed.push(...Topics.map((found) => found.TopicArn));
  assert.ok(listed.includes(TopicArn));
  await sns.send(new DeleteTopicCommand({ TopicArn }));
  await assert.rejects(attributes(TopicArn), NotFoundException);
});

test("a queue gets signed messages, and only those that it wants", async () => {
  const TopicArn = await topic("orders");
  const orders = await queue("orders");
  const subscribe = { TopicArn, Protocol: "sqs", Endpoint: orders.arn };
  const { SubscriptionArn } = await sns.send(new SubscribeCommand(subscribe));
  await sns.send(new PublishCommand({ TopicArn, Message: "grüße", Subject: "s" }));
  const message = JSON.parse(await take(orders, 1));
  assert.deepEqual([message.Message, message.Subject], ["grüße", "s"]);
  assert.ok(await verify(message));
  assert.ok(!(await verify({ ...message, Message: "forged" })));
  for (const [AttributeName, AttributeValue] of [
    ["RawMessageDelivery", "true"],
    ["FilterPolicy", JSON.stringify({ state: ["paid"] })],
  ]) {
    await sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName, AttributeValue }));
  }
  const shown = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  assert.equal(shown.Attributes.FilterPolicyScope, "MessageAttributes");
  const entry = (Id, state) => ({ Id, Message: Id, MessageAttributes: { state: { DataType: "String", StringValue: state } } });
  const PublishBatchRequestEntries = [entry("new-one", "new"), entry("paid-one", "paid")];
  const { Successful, Failed } = await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }));
  assert.deepEqual([Successful.length, Failed?.length ?? 0], [2, 0]);
  assert.deepEqual(await take(orders, 1), ["paid-one"]);
  const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
  assert.deepEqual(Subscriptions.map((found) => found.SubscriptionArn), [SubscriptionArn]);
  const all = [];
  for await (const page of paginateListSubscriptions({ client: sns }, {})) all.push(...page.Subscriptions);
  assert.equal(all.length, 1);
  await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
  await assert.rejects(sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn })), NotFoundException);
});

test("a FIFO topic keeps the order of its groups", async () => {
  const TopicArn = await topic("steps.fifo", { FifoTopic: "true", ContentBasedDeduplication: "true" });
  const steps = await queue("steps.fifo", { FifoQueue: "true" });
  const Attributes = { RawMessageDelivery: "true" };
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: steps.arn, Attributes }));
  for (const Message of ["1", "2", "2", "3"]) await sns.send(new PublishCommand({ TopicArn, Message, MessageGroupId: "g" }));
  assert.deepEqual(await take(steps, 3), ["1", "2", "3"]);
});

test("a mail address confirms with its token", async () => {
  const TopicArn = await topic("mails");
  const asked = { TopicArn, Protocol: "email", Endpoint: "ada@example.com" };
  assert.equal((await sns.send(new SubscribeCommand(asked))).SubscriptionArn, "pending confirmation");
  const [mail] = await until(() => mails().length > 0 && mails(), "a mail");
  const Token = /Token=([0-9a-f]+)/.exec(mail.Text)[1];
  const { SubscriptionArn } = await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token }));
  assert.ok(SubscriptionArn.startsWith(`${TopicArn}:`));
});

everyOperationIsDriven("sns", SNSClient);
