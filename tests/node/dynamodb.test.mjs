// DynamoDB through aws-sdk v3, plain and with the document client.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, paginateQuery, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { start } from "./server.mjs";

const TableName = "items";
let server, client, documents;
before(async () => {
  server = await start();
  client = new DynamoDBClient(server.configuration);
  documents = DynamoDBDocumentClient.from(client);
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
  await waitUntilTableExists({ client, minDelay: 1, maxWaitTime: 5 }, { TableName });
});
after(async () => assert.ok(await server.stop()));

test("values travel", async () => {
  const Item = { pk: { S: "grüße" }, sk: { N: "1" }, b: { B: new Uint8Array([0, 255]) }, s: { NS: ["1", "2"] }, m: { M: { l: { L: [{ NULL: true }] } } } };
  await client.send(new PutItemCommand({ TableName, Item }));
  const got = await client.send(new GetItemCommand({ TableName, Key: { pk: Item.pk, sk: Item.sk }, ConsistentRead: true }));
  assert.deepEqual([...got.Item.b.B], [0, 255]);
  assert.deepEqual({ ...got.Item, b: null }, { ...Item, b: null });
});

test("documents are updated and queried in pages", async () => {
  const RequestItems = { [TableName]: Array.from({ length: 25 }, (_, n) => ({ PutRequest: { Item: { pk: { S: "p" }, sk: { N: `${n}` } } } })) };
  await client.send(new BatchWriteItemCommand({ RequestItems }));
  const update = { TableName, Key: { pk: "p", sk: 3 }, UpdateExpression: "SET #v = :v", ExpressionAttributeNames: { "#v": "value" }, ExpressionAttributeValues: { ":v": ["x", 1] }, ReturnValues: "ALL_NEW" };
  assert.deepEqual((await documents.send(new UpdateCommand(update))).Attributes, { pk: "p", sk: 3, value: ["x", 1] });
  const found = [];
  const query = { TableName, KeyConditionExpression: "pk = :p AND sk >= :n", ExpressionAttributeValues: { ":p": "p", ":n": 5 } };
  for await (const page of paginateQuery({ client: documents, pageSize: 6 }, query)) found.push(...page.Items.map(({ sk }) => sk));
  assert.deepEqual(found, Array.from({ length: 20 }, (_, n) => n + 5));
});

test("errors have AWS's types", async () => {
  const put = { TableName, Item: { pk: "once", sk: 0 }, ConditionExpression: "attribute_not_exists(pk)" };
  await documents.send(new PutCommand(put));
  await assert.rejects(documents.send(new PutCommand(put)), ConditionalCheckFailedException);
  const check = { ConditionCheck: { TableName, Key: { pk: { S: "none" }, sk: { N: "0" } }, ConditionExpression: "attribute_exists(pk)" } };
  await assert.rejects(client.send(new TransactWriteItemsCommand({ TransactItems: [check] })), (error) => {
    assert.equal(error.name, "TransactionCanceledException");
    assert.deepEqual(error.CancellationReasons.map(({ Code }) => Code), ["ConditionalCheckFailed"]);
    return true;
  });
});
