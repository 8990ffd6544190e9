// Lambda through aws-sdk v3: asynchronous invocations, and queues as sources.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionEventInvokeConfigCommand,
  GetEventSourceMappingCommand,
  GetFunctionEventInvokeConfigCommand,
  ListEventSourceMappingsCommand,
  ListFunctionEventInvokeConfigsCommand,
  PutFunctionEventInvokeConfigCommand,
  ResourceNotFoundException,
  UpdateEventSourceMappingCommand,
  UpdateFunctionEventInvokeConfigCommand,
} from "@aws-sdk/client-lambda";
import { IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { ACCOUNT, client, REGION } from "../server.mjs";
import { allow, functionRole, until } from "../support.mjs";
import { arn, create, invoke, lambda } from "./function.mjs";

const sqs = client(SQSClient);
let Role;

before(async () => {
  Role = await functionRole("queues");
  const PolicyDocument = allow("sqs:*", { Resource: "*" });
  await client(IAMClient).send(new PutRolePolicyCommand({ RoleName: "queues", PolicyName: "p", PolicyDocument }));
});

/** URL and ARN of a new queue. */
async function queue(QueueName) {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName }));
  return [QueueUrl, `arn:aws:sqs:${REGION}:${ACCOUNT}:${QueueName}`];
}

test("an event's destination is told how it went", async () => {
  const FunctionName = "told";
  const [QueueUrl, Destination] = await queue("told");
  await create(FunctionName, { Role });
  await lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, MaximumRetryAttempts: 1, DestinationConfig: { OnFailure: { Destination } } }));
  await lambda.send(new UpdateFunctionEventInvokeConfigCommand({ FunctionName, MaximumRetryAttempts: 0 }));
  const config = await lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName }));
  assert.deepEqual([config.MaximumRetryAttempts, config.DestinationConfig.OnFailure.Destination], [0, Destination]);
  assert.equal((await invoke(FunctionName, { fail: true }, { InvocationType: "Event" })).StatusCode, 202);
  const asked = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 });
  const [message] = await until(async () => (await sqs.send(asked)).Messages, "the destination being told");
  const { requestContext, responsePayload } = JSON.parse(message.Body);
  assert.deepEqual([requestContext.condition, responsePayload.errorType], ["RetriesExhausted", "TypeError"]);
  const list = async () => (await lambda.send(new ListFunctionEventInvokeConfigsCommand({ FunctionName }))).FunctionEventInvokeConfigs;
  assert.deepEqual((await list()).map(({ FunctionArn }) => FunctionArn), [`${arn(FunctionName)}:$LATEST`]);
  await lambda.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName }));
  assert.deepEqual(await list(), []);
  await assert.rejects(lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName })), ResourceNotFoundException);
});

test("a queue feeds a function, unless the mapping is disabled", async () => {
  const FunctionName = "fed";
  const [QueueUrl, EventSourceArn] = await queue("source");
  await create(FunctionName, { Role });
  const { UUID } = await lambda.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn, BatchSize: 5 }));
  const left = async () => {
    const AttributeNames = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
    return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
  };
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "m" }));
  await until(async () => (await left()) === 0, "the message being handled");
  const mapping = await lambda.send(new GetEventSourceMappingCommand({ UUID }));
  assert.deepEqual([mapping.FunctionArn, mapping.BatchSize, mapping.State], [arn(FunctionName), 5, "Enabled"]);
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false, BatchSize: 7 }));
  await until(async () => (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State === "Disabled", "the mapping being disabled");
  const { EventSourceMappings } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
  assert.deepEqual(EventSourceMappings.map((found) => [found.UUID, found.BatchSize]), [[UUID, 7]]);
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
  await assert.rejects(lambda.send(new GetEventSourceMappingCommand({ UUID })), ResourceNotFoundException);
});
