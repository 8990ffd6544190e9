// Kinesis through aws-sdk v3, which speaks HTTP/2 with it: every operation, and subscriptions.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-kinesis";
import { everyOperationIsDriven } from "./driven.mjs";
import { ACCOUNT, client } from "./server.mjs";
import { allow } from "./support.mjs";

const { KinesisClient } = sdk;
const kinesis = client(KinesisClient);
const call = (operation, input = {}) => kinesis.send(new sdk[`${operation}Command`](input));
const bytes = (text) => new TextEncoder().encode(text);
const text = (data) => new TextDecoder().decode(data);

/** A stream; its ARN. */
async function make(StreamName, ShardCount = 1) {
  await call("CreateStream", { StreamName, ShardCount });
  return (await call("DescribeStreamSummary", { StreamName })).StreamDescriptionSummary.StreamARN;
}

/** Every record of a shard. */
async function read(StreamName, ShardId) {
  let { ShardIterator } = await call("GetShardIterator", { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" });
  const records = [];
  while (ShardIterator) {
    const page = await call("GetRecords", { ShardIterator });
    records.push(...page.Records);
    ShardIterator = page.Records.length > 0 ? page.NextShardIterator : undefined;
  }
  return records;
}

test("records are put, and read in order", async () => {
  const StreamName = "put";
  await make(StreamName);
  const one = await call("PutRecord", { StreamName, Data: bytes("1"), PartitionKey: "a" });
  const Records = ["2", "3"].map((data) => ({ Data: bytes(data), PartitionKey: data }));
  const more = await call("PutRecords", { StreamName, Records });
  assert.equal(more.FailedRecordCount, 0);
  const records = await read(StreamName, "shardId-000000000000");
  assert.deepEqual(records.map(({ Data }) => text(Data)), ["1", "2", "3"]);
  assert.deepEqual(records.map(({ SequenceNumber }) => SequenceNumber), [one, ...more.Records].map((put) => put.SequenceNumber));
  assert.ok(Math.abs(records[0].ApproximateArrivalTimestamp - Date.now()) < 60_000);
});

test("streams are scaled, split and merged", async () => {
  const StreamName = "scaled";
  await make(StreamName, 2);
  const scaling = { StreamName, TargetShardCount: 4, ScalingType: "UNIFORM_SCALING" };
  assert.equal((await call("UpdateShardCount", scaling)).CurrentShardCount, 2);
  const { Shards } = await call("ListShards", { StreamName, ShardFilter: { Type: "AT_LATEST" } });
  assert.equal(Shards.length, 4);
  await call("MergeShards", { StreamName, ShardToMerge: Shards[0].ShardId, AdjacentShardToMerge: Shards[1].ShardId });
  await call("SplitShard", { StreamName, ShardToSplit: Shards[3].ShardId, NewStartingHashKey: (2n ** 128n - 1000n).toString() });
  const { StreamDescription } = await call("DescribeStream", { StreamName });
  assert.equal(StreamDescription.Shards.length, 9);
  assert.equal(StreamDescription.Shards.filter((shard) => !shard.SequenceNumberRange.EndingSequenceNumber).length, 4);
});

test("streams have settings, tags and policies", async () => {
  const StreamName = "set";
  const StreamARN = await make(StreamName);
  assert.ok((await call("ListStreams")).StreamNames.includes(StreamName));
  await call("IncreaseStreamRetentionPeriod", { StreamName, RetentionPeriodHours: 30 });
  await call("DecreaseStreamRetentionPeriod", { StreamName, RetentionPeriodHours: 24 });
  const KeyId = "alias/aws/kinesis";
  await call("StartStreamEncryption", { StreamName, EncryptionType: "KMS", KeyId });
  await call("StopStreamEncryption", { StreamName, EncryptionType: "KMS", KeyId });
  const ShardLevelMetrics = ["IncomingBytes"];
  assert.deepEqual((await call("EnableEnhancedMonitoring", { StreamName, ShardLevelMetrics })).DesiredShardLevelMetrics, ShardLevelMetrics);
  assert.deepEqual((await call("DisableEnhancedMonitoring", { StreamName, ShardLevelMetrics })).DesiredShardLevelMetrics, []);
  await call("UpdateMaxRecordSize", { StreamARN, MaxRecordSizeInKiB: 2048 });

  await call("UpdateStreamMode", { StreamARN, StreamModeDetails: { StreamMode: "ON_DEMAND" } });
  await call("UpdateStreamRecordDistributionStrategy", { StreamARN, RecordDistributionStrategy: "USER_PARTITION_KEY" });
  await call("UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status: "ENABLED" } });
  await call("UpdateStreamWarmThroughput", { StreamName, WarmThroughputMiBps: 5 });
  assert.equal((await call("DescribeAccountSettings")).MinimumThroughputBillingCommitment.Status, "ENABLED");
  assert.equal((await call("DescribeLimits")).OnDemandStreamCount, 1);

  await call("AddTagsToStream", { StreamName, Tags: { a: "1", b: "2" } });
  await call("RemoveTagsFromStream", { StreamName, TagKeys: ["a"] });
  assert.deepEqual((await call("ListTagsForStream", { StreamName })).Tags, [{ Key: "b", Value: "2" }]);
  await call("TagResource", { ResourceARN: StreamARN, Tags: { c: "3" } });
  await call("UntagResource", { ResourceARN: StreamARN, TagKeys: ["b"] });
  assert.deepEqual((await call("ListTagsForResource", { ResourceARN: StreamARN })).Tags, [{ Key: "c", Value: "3" }]);

  const Policy = allow("kinesis:PutRecord", { Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Resource: StreamARN });
  await call("PutResourcePolicy", { ResourceARN: StreamARN, Policy });
  assert.equal((await call("GetResourcePolicy", { ResourceARN: StreamARN })).Policy, Policy);
  await call("DeleteResourcePolicy", { ResourceARN: StreamARN });
  await call("DeleteStream", { StreamName });
  await assert.rejects(call("DescribeStream", { StreamName }), { name: "ResourceNotFoundException" });
});

test("a consumer is told of records as they arrive", async () => {
  const StreamName = "told";
  const StreamARN = await make(StreamName);
  const { Consumer } = await call("RegisterStreamConsumer", { StreamARN, ConsumerName: "c" });
  const { ConsumerARN } = Consumer;
  assert.equal((await call("DescribeStreamConsumer", { ConsumerARN })).ConsumerDescription.ConsumerStatus, "ACTIVE");
  assert.equal((await call("ListStreamConsumers", { StreamARN })).Consumers.length, 1);
  const ShardId = "shardId-000000000000";
  const position = { ConsumerARN, ShardId, StartingPosition: { Type: "TRIM_HORIZON" } };
  const { EventStream } = await call("SubscribeToShard", position);
  await assert.rejects(call("SubscribeToShard", position), { name: "ResourceInUseException" });
  const told = [];
  let put = 0;
  for await (const { SubscribeToShardEvent: event } of EventStream) {
    told.push(...event.Records.map(({ Data }) => text(Data)));
    if (event.ChildShards?.length) break;
    if (told.length < put) continue;
    if (put < 3) await call("PutRecord", { StreamName, Data: bytes(String(put++)), PartitionKey: "k" });
    else await call("SplitShard", { StreamName, ShardToSplit: ShardId, NewStartingHashKey: "1000" });
  }
  assert.deepEqual(told, ["0", "1", "2"]);
  // One that is deregistered is told why it ends.
  const { EventStream: other } = await call("SubscribeToShard", { ...position, ShardId: "shardId-000000000001" });
  await assert.rejects(
    async () => {
      for await (const _ of other) await call("DeregisterStreamConsumer", { ConsumerARN }).catch(() => {});
    },
    { name: "ResourceNotFoundException" },
  );
});

everyOperationIsDriven("kinesis", KinesisClient);
