// DynamoDB Streams through aws-sdk v3: every operation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateTableCommand, DynamoDBClient, PutItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from "@aws-sdk/client-dynamodb-streams";
import { everyOperationIsDriven } from "./driven.mjs";
import { client } from "./server.mjs";

const dynamodb = client(DynamoDBClient);
const streams = client(DynamoDBStreamsClient);

test("a stream tells what happened to each item", async () => {
  const TableName = "watched";
  const { TableDescription } = await dynamodb.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  const StreamArn = TableDescription.LatestStreamArn;
  const image = { k: { S: "a" }, bytes: { B: new Uint8Array([1, 255]) } };
  await dynamodb.send(new PutItemCommand({ TableName, Item: image }));
  const update = { TableName, Key: { k: { S: "a" } }, UpdateExpression: "REMOVE bytes" };
  await dynamodb.send(new UpdateItemCommand(update));

  const { Streams } = await streams.send(new ListStreamsCommand({ TableName }));
  assert.deepEqual(Streams.map((stream) => stream.StreamArn), [StreamArn]);
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  assert.equal(StreamDescription.StreamStatus, "ENABLED");
  const { ShardId } = StreamDescription.Shards[0];
  const position = { StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" };
  const { ShardIterator } = await streams.send(new GetShardIteratorCommand(position));
  const { Records } = await streams.send(new GetRecordsCommand({ ShardIterator }));
  assert.deepEqual(Records.map((record) => record.eventName), ["INSERT", "MODIFY"]);
  assert.deepEqual([...Records[1].dynamodb.OldImage.bytes.B], [1, 255]);
  assert.deepEqual(Records[1].dynamodb.NewImage, { k: { S: "a" } });
  assert.ok(Math.abs(Records[0].dynamodb.ApproximateCreationDateTime - Date.now()) < 60_000);
});

everyOperationIsDriven("dynamodbstreams", DynamoDBStreamsClient);
