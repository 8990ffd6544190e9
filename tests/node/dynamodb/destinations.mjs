// DynamoDB through aws-sdk v3: Kinesis streams as destinations of tables.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateTableCommand,
  DescribeKinesisStreamingDestinationCommand,
  DisableKinesisStreamingDestinationCommand,
  DynamoDBClient,
  EnableKinesisStreamingDestinationCommand,
  PutItemCommand,
  UpdateKinesisStreamingDestinationCommand,
} from "@aws-sdk/client-dynamodb";
import { CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from "@aws-sdk/client-kinesis";
import { ACCOUNT, client, REGION } from "../server.mjs";
import { until } from "../support.mjs";

test("changes of a table are sent to a stream", async () => {
  const [dynamodb, kinesis] = [client(DynamoDBClient), client(KinesisClient)];
  const [TableName, StreamName] = ["sent", "changes"];
  const AttributeDefinitions = [{ AttributeName: "k", AttributeType: "S" }];
  const KeySchema = [{ AttributeName: "k", KeyType: "HASH" }];
  await dynamodb.send(new CreateTableCommand({ TableName, AttributeDefinitions, KeySchema, BillingMode: "PAY_PER_REQUEST" }));
  await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  const both = { TableName, StreamArn: `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/${StreamName}` };
  const described = async () => (await dynamodb.send(new DescribeKinesisStreamingDestinationCommand({ TableName }))).KinesisDataStreamDestinations[0];
  const becomes = (status) => until(async () => (await described()).DestinationStatus === status, `the destination being ${status}`);

  assert.equal((await dynamodb.send(new EnableKinesisStreamingDestinationCommand(both))).DestinationStatus, "ENABLING");
  await becomes("ACTIVE");
  const UpdateKinesisStreamingConfiguration = { ApproximateCreationDateTimePrecision: "MICROSECOND" };
  await dynamodb.send(new UpdateKinesisStreamingDestinationCommand({ ...both, UpdateKinesisStreamingConfiguration }));
  await becomes("ACTIVE");
  assert.equal((await described()).ApproximateCreationDateTimePrecision, "MICROSECOND");
  await dynamodb.send(new PutItemCommand({ TableName, Item: { k: { S: "grüße" } } }));
  const { ShardId } = (await kinesis.send(new ListShardsCommand({ StreamName }))).Shards[0];
  const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" }));
  const record = await until(async () => (await kinesis.send(new GetRecordsCommand({ ShardIterator }))).Records[0], "the change in the stream");
  const change = JSON.parse(new TextDecoder().decode(record.Data));
  assert.deepEqual([change.eventName, change.dynamodb.NewImage], ["INSERT", { k: { S: "grüße" } }]);
  await dynamodb.send(new DisableKinesisStreamingDestinationCommand(both));
  await becomes("DISABLED");
});
