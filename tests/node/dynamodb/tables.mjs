// DynamoDB through aws-sdk v3: tables, their settings, and the account's.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateTableCommand,
  DeleteResourcePolicyCommand,
  DeleteTableCommand,
  DescribeEndpointsCommand,
  DescribeLimitsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetResourcePolicyCommand,
  ListTagsOfResourceCommand,
  paginateListTables,
  PutItemCommand,
  PutResourcePolicyCommand,
  QueryCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import { ACCOUNT, client, endpoint, REGION } from "../server.mjs";
import { until } from "../support.mjs";

const dynamodb = client(DynamoDBClient);
const key = (AttributeName) => [{ AttributeName, KeyType: "HASH" }];

async function create(TableName, more) {
  const AttributeDefinitions = [{ AttributeName: "k", AttributeType: "B" }];
  const { TableDescription } = await dynamodb.send(
    new CreateTableCommand({ TableName, AttributeDefinitions, KeySchema: key("k"), BillingMode: "PAY_PER_REQUEST", ...more }),
  );
  return TableDescription.TableArn;
}

async function described(TableName) {
  return (await dynamodb.send(new DescribeTableCommand({ TableName }))).Table;
}

test("a table is described, listed, changed and deleted", async () => {
  const TableName = "life";
  const ProvisionedThroughput = { ReadCapacityUnits: 1, WriteCapacityUnits: 2 };
  const arn = await create(TableName, { BillingMode: "PROVISIONED", ProvisionedThroughput });
  assert.equal(arn, `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${TableName}`);
  const made = await described(TableName);
  assert.deepEqual([made.ProvisionedThroughput.WriteCapacityUnits, made.KeySchema], [2, key("k")]);
  assert.ok(Math.abs(made.CreationDateTime - Date.now()) < 60_000);
  await create("life-2");
  const names = [];
  for await (const page of paginateListTables({ client: dynamodb, pageSize: 1 }, {})) names.push(...page.TableNames);
  assert.deepEqual(names.filter((name) => name.startsWith(TableName)), ["life", "life-2"]);
  await dynamodb.send(new UpdateTableCommand({ TableName, BillingMode: "PAY_PER_REQUEST", DeletionProtectionEnabled: true }));
  assert.equal((await described(TableName)).BillingModeSummary.BillingMode, "PAY_PER_REQUEST");
  await assert.rejects(dynamodb.send(new DeleteTableCommand({ TableName })), { name: "ValidationException" });
  await dynamodb.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
  await dynamodb.send(new DeleteTableCommand({ TableName }));
  await waitUntilTableNotExists({ client: dynamodb, minDelay: 1, maxWaitTime: 5 }, { TableName });
});

test("an index that comes later has what was there before", async () => {
  const TableName = "indexed";
  await create(TableName);
  await dynamodb.send(new PutItemCommand({ TableName, Item: { k: { B: new Uint8Array([1]) }, g: { S: "x" } } }));
  const Create = { IndexName: "by-g", KeySchema: key("g"), Projection: { ProjectionType: "ALL" } };
  const AttributeDefinitions = [{ AttributeName: "g", AttributeType: "S" }];
  await dynamodb.send(new UpdateTableCommand({ TableName, AttributeDefinitions, GlobalSecondaryIndexUpdates: [{ Create }] }));
  await until(async () => (await described(TableName)).GlobalSecondaryIndexes[0].IndexStatus === "ACTIVE", "the index being filled");
  const query = { TableName, IndexName: "by-g", KeyConditionExpression: "g = :g", ExpressionAttributeValues: { ":g": { S: "x" } } };
  assert.deepEqual([...(await dynamodb.send(new QueryCommand(query))).Items[0].k.B], [1]);
  await dynamodb.send(new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: "by-g" } }] }));
  await until(async () => !(await described(TableName)).GlobalSecondaryIndexes?.length, "the index being gone");
});

test("tags and time to live", async () => {
  const TableName = "settings";
  const ResourceArn = await create(TableName, { Tags: [{ Key: "team", Value: "a" }] });
  await dynamodb.send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: "stage", Value: "grüße" }] }));
  await dynamodb.send(new UntagResourceCommand({ ResourceArn, TagKeys: ["team"] }));
  assert.deepEqual((await dynamodb.send(new ListTagsOfResourceCommand({ ResourceArn }))).Tags, [{ Key: "stage", Value: "grüße" }]);
  const timeToLive = async () => (await dynamodb.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription;
  assert.equal((await timeToLive()).TimeToLiveStatus, "DISABLED");
  await dynamodb.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { Enabled: true, AttributeName: "until" } }));
  const { AttributeName, TimeToLiveStatus } = await timeToLive();
  assert.equal(AttributeName, "until");
  assert.match(TimeToLiveStatus, /^ENABL(ED|ING)$/);
});

test("what an account may have, and where it is served", async () => {
  const limits = await dynamodb.send(new DescribeLimitsCommand({}));
  assert.ok(limits.TableMaxReadCapacityUnits > 0 && limits.AccountMaxWriteCapacityUnits >= limits.TableMaxWriteCapacityUnits);
  const { Endpoints } = await dynamodb.send(new DescribeEndpointsCommand({}));
  assert.ok(Endpoints[0].CachePeriodInMinutes > 0);
  assert.equal(Endpoints[0].Address, new URL(endpoint).host);
});

test("a table has a policy of its own", async () => {
  const ResourceArn = await create("guarded");
  const Statement = [{ Effect: "Allow", Principal: { AWS: ACCOUNT }, Action: "dynamodb:GetItem", Resource: ResourceArn }];
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  const { RevisionId } = await dynamodb.send(new PutResourcePolicyCommand({ ResourceArn, Policy }));
  const got = await dynamodb.send(new GetResourcePolicyCommand({ ResourceArn }));
  assert.deepEqual([got.Policy, got.RevisionId], [Policy, RevisionId]);
  await dynamodb.send(new DeleteResourcePolicyCommand({ ResourceArn, ExpectedRevisionId: RevisionId }));
  await assert.rejects(dynamodb.send(new GetResourcePolicyCommand({ ResourceArn })), { name: "PolicyNotFoundException" });
});
