// DynamoDB through aws-sdk v3: items, plain and with the document client.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  TransactWriteItemsCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  paginateQuery,
  paginateScan,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { client } from "../server.mjs";

const TableName = "items";
const dynamodb = client(DynamoDBClient);
const documents = DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });

/** A table with one key pair, and an index that turns the pair around. */
const table = {
  TableName,
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "N" },
    { AttributeName: "owner", AttributeType: "S" },
  ],
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "by-owner",
      KeySchema: [
        { AttributeName: "owner", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["title"] },
    },
  ],
};

before(async () => {
  await dynamodb.send(new CreateTableCommand(table));
  await waitUntilTableExists({ client: dynamodb, minDelay: 1, maxWaitTime: 5 }, { TableName });
});

/** Puts `count` items of one partition, in batches as large as they may be. */
async function fill(pk, count) {
  const items = Array.from({ length: count }, (_, sk) => ({ PutRequest: { Item: { pk, sk, owner: `o${sk % 2}`, title: `t${sk}` } } }));
  for (let at = 0; at < count; at += 25) {
    const { UnprocessedItems } = await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: items.slice(at, at + 25) } }));
    assert.deepEqual(UnprocessedItems, {});
  }
}

test("values travel", async () => {
  const Item = { pk: { S: "grüße" }, sk: { N: "1" }, b: { B: new Uint8Array([0, 255]) }, s: { NS: ["1", "2"] }, m: { M: { l: { L: [{ NULL: true }] } } } };
  await dynamodb.send(new PutItemCommand({ TableName, Item }));
  const got = await dynamodb.send(new GetItemCommand({ TableName, Key: { pk: Item.pk, sk: Item.sk }, ConsistentRead: true }));
  assert.deepEqual([...got.Item.b.B], [0, 255]);
  assert.deepEqual({ ...got.Item, b: null }, { ...Item, b: null });
});

test("documents travel", async () => {
  const Item = { pk: "doc", sk: 1, list: [1, "two", null, { three: true }], set: new Set(["a", "b"]), bytes: new Uint8Array([1, 2]), empty: "", gone: undefined };
  await documents.send(new PutCommand({ TableName, Item }));
  const { Item: got } = await documents.send(new GetCommand({ TableName, Key: { pk: "doc", sk: 1 }, ConsistentRead: true }));
  const { gone, ...kept } = Item;
  assert.deepEqual(got, kept);
  const projected = await documents.send(
    new GetCommand({ TableName, Key: { pk: "doc", sk: 1 }, ProjectionExpression: "#l[3].three, sk", ExpressionAttributeNames: { "#l": "list" } }),
  );
  assert.deepEqual(projected.Item, { list: [{ three: true }], sk: 1 });
});

test("updates work on what is stored", async () => {
  const Key = { pk: "update", sk: 1 };
  const update = (UpdateExpression, ExpressionAttributeValues, more) =>
    documents.send(new UpdateCommand({ TableName, Key, UpdateExpression, ExpressionAttributeValues, ReturnValues: "ALL_NEW", ...more }));
  const made = await update("SET title = :t, tags = :l ADD visits :one", { ":t": "x", ":l": ["a"], ":one": 1 });
  assert.deepEqual(made.Attributes, { ...Key, title: "x", tags: ["a"], visits: 1 });
  const changed = await update("SET tags = list_append(tags, :l), visits = visits + :one, kept = if_not_exists(title, :t) REMOVE title", { ":l": ["b"], ":one": 41, ":t": "other" });
  assert.deepEqual(changed.Attributes, { ...Key, tags: ["a", "b"], visits: 42, kept: "x" });
  const old = await update("SET visits = :zero", { ":zero": 0 }, { ReturnValues: "UPDATED_OLD" });
  assert.deepEqual(old.Attributes, { visits: 42 });
  const refused = update("SET visits = :one", { ":one": 1 }, { ConditionExpression: "visits > :one", ReturnValuesOnConditionCheckFailure: "ALL_OLD" });
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof ConditionalCheckFailedException);
    assert.equal(error.Item.visits.N ?? error.Item.visits, "0");
    return true;
  });
  const deleted = await documents.send(new DeleteCommand({ TableName, Key, ReturnValues: "ALL_OLD" }));
  assert.equal(deleted.Attributes.kept, "x");
});

test("queries and scans come in pages", async () => {
  await fill("pages", 30);
  const values = { ":p": "pages", ":n": 5 };
  const query = { TableName, KeyConditionExpression: "pk = :p AND sk >= :n", ExpressionAttributeValues: values };
  const found = [];
  // The paginator writes into what it is given.
  for await (const page of paginateQuery({ client: documents, pageSize: 6 }, { ...query })) found.push(...page.Items.map(({ sk }) => sk));
  assert.deepEqual(found, Array.from({ length: 25 }, (_, n) => n + 5));
  const last = await documents.send(new QueryCommand({ ...query, ScanIndexForward: false, Limit: 2 }));
  assert.deepEqual(last.Items.map(({ sk }) => sk), [29, 28]);
  assert.deepEqual(last.LastEvaluatedKey, { pk: "pages", sk: 28 });
  const even = { ...query, FilterExpression: "#o = :o", ExpressionAttributeNames: { "#o": "owner" }, ExpressionAttributeValues: { ...values, ":o": "o0" }, Select: "COUNT" };
  const { Count, ScannedCount } = await documents.send(new QueryCommand(even));
  assert.deepEqual([Count, ScannedCount], [12, 25]);
  let scanned = 0;
  const scan = { TableName, FilterExpression: "pk = :p", ExpressionAttributeValues: { ":p": "pages" } };
  for await (const page of paginateScan({ client: documents, pageSize: 7 }, scan)) scanned += page.Items.length;
  assert.equal(scanned, 30);
});

test("an index is queried by its own key, and has what it projects", async () => {
  const Item = { owner: "index-owner", title: "t", secret: "s" };
  for (const sk of [3, 1, 2]) await documents.send(new PutCommand({ TableName, Item: { pk: `index-${sk}`, sk, ...Item } }));
  const query = { TableName, IndexName: "by-owner", KeyConditionExpression: "#o = :o", ExpressionAttributeNames: { "#o": "owner" }, ExpressionAttributeValues: { ":o": "index-owner" } };
  const { Items } = await documents.send(new QueryCommand(query));
  assert.deepEqual(Items, [1, 2, 3].map((sk) => ({ pk: `index-${sk}`, sk, owner: "index-owner", title: "t" })));
  await documents.send(new UpdateCommand({ TableName, Key: { pk: "index-2", sk: 2 }, UpdateExpression: "REMOVE #o", ExpressionAttributeNames: { "#o": "owner" } }));
  assert.deepEqual((await documents.send(new QueryCommand(query))).Items.map(({ sk }) => sk), [1, 3]);
  await assert.rejects(documents.send(new QueryCommand({ ...query, ConsistentRead: true })), { name: "ValidationException" });
  await assert.rejects(documents.send(new QueryCommand({ ...query, IndexName: "none" })), { name: "ValidationException" });
});

test("batches", async () => {
  await fill("batch", 30);
  const Keys = Array.from({ length: 35 }, (_, sk) => ({ pk: "batch", sk }));
  const { Responses } = await documents.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys, ProjectionExpression: "sk" } } }));
  assert.deepEqual(Responses[TableName].map(({ sk }) => sk).sort((a, b) => a - b), Array.from({ length: 30 }, (_, n) => n));
  const DeleteRequests = Keys.slice(0, 25).map((Key) => ({ DeleteRequest: { Key } }));
  await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: DeleteRequests } }));
  const left = await documents.send(new QueryCommand({ TableName, KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": "batch" }, ConsistentRead: true }));
  assert.equal(left.Count, 5);
  await assert.rejects(documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: [...DeleteRequests, ...DeleteRequests] } })), { name: "ValidationException" });
});

test("transactions do all or nothing", async () => {
  const Key = (sk) => ({ pk: "transaction", sk });
  const Put = (sk, more) => ({ Put: { TableName, Item: Key(sk), ...more } });
  await documents.send(new TransactWriteCommand({ TransactItems: [Put(1), Put(2)], ClientRequestToken: "once" }));
  await documents.send(new TransactWriteCommand({ TransactItems: [Put(1), Put(2)], ClientRequestToken: "once" }));
  const fails = [Put(3), Put(1, { ConditionExpression: "attribute_not_exists(pk)" })];
  await assert.rejects(documents.send(new TransactWriteCommand({ TransactItems: fails })), (error) => {
    assert.equal(error.name, "TransactionCanceledException");
    assert.deepEqual(error.CancellationReasons.map(({ Code }) => Code), ["None", "ConditionalCheckFailed"]);
    return true;
  });
  const TransactItems = [1, 2, 3].map((sk) => ({ Get: { TableName, Key: Key(sk) } }));
  const { Responses } = await documents.send(new TransactGetCommand({ TransactItems }));
  assert.deepEqual(Responses.map(({ Item }) => Item?.sk), [1, 2, undefined]);
  const check = { ConditionCheck: { TableName, Key: { pk: { S: "none" }, sk: { N: "0" } }, ConditionExpression: "attribute_exists(pk)" } };
  await assert.rejects(dynamodb.send(new TransactWriteItemsCommand({ TransactItems: [check] })), { name: "TransactionCanceledException" });
});

test("errors have AWS's names and types", async () => {
  const put = { TableName, Item: { pk: "once", sk: 0 }, ConditionExpression: "attribute_not_exists(pk)" };
  await documents.send(new PutCommand(put));
  await assert.rejects(documents.send(new PutCommand(put)), ConditionalCheckFailedException);
  await assert.rejects(documents.send(new PutCommand({ ...put, TableName: "missing" })), ResourceNotFoundException);
  await assert.rejects(dynamodb.send(new CreateTableCommand(table)), ResourceInUseException);
  await assert.rejects(dynamodb.send(new DeleteTableCommand({ TableName: "missing" })), ResourceNotFoundException);
  for (const broken of [
    { ...put, Item: { pk: "no sort key" } },
    { ...put, Item: { pk: "x", sk: "not a number" } },
    { ...put, ConditionExpression: "attribute_not_exists(" },
    { ...put, ConditionExpression: "a = :undefined" },
  ]) {
    await assert.rejects(documents.send(new PutCommand(broken)), { name: "ValidationException" });
  }
  const stranger = client(DynamoDBClient, { credentials: { accessKeyId: "AKIAUNKNOWNUNKNOWN00", secretAccessKey: "x" } });
  await assert.rejects(stranger.send(new DescribeTableCommand({ TableName })), { name: "UnrecognizedClientException" });
});
