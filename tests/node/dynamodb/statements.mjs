// DynamoDB through aws-sdk v3: PartiQL, plain and with the document client.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { CreateTableCommand, DuplicateItemException, DynamoDBClient, ExecuteStatementCommand, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { BatchExecuteStatementCommand, DynamoDBDocumentClient, ExecuteTransactionCommand } from "@aws-sdk/lib-dynamodb";
import { client } from "../server.mjs";

const TableName = "statements";
const dynamodb = client(DynamoDBClient);
const documents = DynamoDBDocumentClient.from(dynamodb);
const insert = `INSERT INTO ${TableName} VALUE {'k': ?, 'v': 'it''s'}`;

before(async () => {
  const AttributeDefinitions = [{ AttributeName: "k", AttributeType: "S" }];
  const KeySchema = [{ AttributeName: "k", KeyType: "HASH" }];
  await dynamodb.send(new CreateTableCommand({ TableName, BillingMode: "PAY_PER_REQUEST", AttributeDefinitions, KeySchema }));
});

/** The attribute `v` of an item, read without PartiQL. */
async function stored(k) {
  return (await dynamodb.send(new GetItemCommand({ TableName, Key: { k: { S: k } }, ConsistentRead: true }))).Item?.v.S;
}

test("a statement inserts, reads, changes and deletes", async () => {
  const run = (Statement, k) => dynamodb.send(new ExecuteStatementCommand({ Statement, Parameters: [{ S: k }] }));
  await run(insert, "one");
  assert.equal(await stored("one"), "it's");
  await assert.rejects(run(insert, "one"), DuplicateItemException);
  assert.deepEqual((await run(`SELECT v FROM ${TableName} WHERE k = ?`, "one")).Items, [{ v: { S: "it's" } }]);
  await run(`UPDATE ${TableName} SET v = 'new' WHERE k = ?`, "one");
  assert.equal(await stored("one"), "new");
  await run(`DELETE FROM ${TableName} WHERE k = ?`, "one");
  assert.equal(await stored("one"), undefined);
});

test("a batch of statements does what it can", async () => {
  const batch = (statement) => documents.send(new BatchExecuteStatementCommand({ Statements: ["a", "b"].map((k) => ({ Statement: statement, Parameters: [k] })) }));
  await documents.send(new BatchExecuteStatementCommand({ Statements: [{ Statement: insert, Parameters: ["a"] }] }));
  const { Responses } = await batch(`UPDATE ${TableName} SET v = 'new' WHERE k = ?`);
  assert.deepEqual(Responses.map(({ Error }) => Error?.Code), [undefined, "ConditionalCheckFailed"]);
  assert.equal(await stored("a"), "new");
  const read = await batch(`SELECT * FROM ${TableName} WHERE k = ?`);
  assert.deepEqual(read.Responses.map(({ Item }) => Item), [{ k: "a", v: "new" }, undefined]);
});

test("a transaction of statements does all or nothing", async () => {
  const transaction = (...keys) => documents.send(new ExecuteTransactionCommand({ TransactStatements: keys.map((k) => ({ Statement: insert, Parameters: [k] })) }));
  await transaction("x", "y");
  assert.deepEqual([await stored("x"), await stored("y")], ["it's", "it's"]);
  await assert.rejects(transaction("z", "x"), (error) => {
    assert.equal(error.name, "TransactionCanceledException");
    assert.deepEqual(error.CancellationReasons.map(({ Code }) => Code), ["None", "DuplicateItem"]);
    return true;
  });
  assert.equal(await stored("z"), undefined);
});
