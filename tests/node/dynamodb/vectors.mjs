// DynamoDB through aws-sdk v3: vector indexes, and what is near.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient, PutItemCommand, SearchVectorsCommand, UpdateTableCommand } from "@aws-sdk/client-dynamodb";
import { client } from "../server.mjs";
import { until } from "../support.mjs";

const TableName = "vectors";
const dynamodb = client(DynamoDBClient);
const numbers = (...components) => components.map((component) => ({ N: String(component) }));
const index = (IndexName, more) => ({
  IndexName,
  VectorAttribute: { AttributeName: "v" },
  Dimensions: 2,
  DistanceFunction: "COSINE",
  Projection: { ProjectionType: "ALL" },
  ...more,
});

test("the nearest are found", async () => {
  const SearchSchema = [
    { AttributeName: "tenant", SearchSchemaElementType: "HASH" },
    { AttributeName: "kind", SearchSchemaElementType: "INLINE_FILTER" },
  ];
  await dynamodb.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: ["k", "tenant", "kind"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
      VectorIndexes: [index("near", { SearchSchema })],
    }),
  );
  for (const [k, tenant, kind, ...v] of [["a", "t", "x", 1, 0], ["b", "t", "y", 0, 1], ["c", "t", "x", -1, 0], ["d", "u", "x", 1, 0]]) {
    const Item = { k: { S: k }, tenant: { S: tenant }, kind: { S: kind }, v: { L: numbers(...v) } };
    const { ConsumedCapacity } = await dynamodb.send(new PutItemCommand({ TableName, Item, ReturnConsumedCapacity: "INDEXES" }));
    assert.deepEqual(ConsumedCapacity.VectorIndexes, { near: { VectorWriteRequestBytes: 1024 } });
  }
  const search = async (more) => {
    const request = { TableName, IndexName: "near", SearchVector: numbers(2, 0), TopK: 10, ...more };
    const { SearchResults } = await dynamodb.send(new SearchVectorsCommand(request));
    return SearchResults.map(({ Item, Score }) => [Item.k.S, Score]);
  };
  const own = { SearchConditionExpression: "tenant = :t", ExpressionAttributeValues: { ":t": { S: "t" } } };
  assert.deepEqual(await search(own), [["a", 0], ["b", 1], ["c", 2]]);
  const filtered = { SearchConditionExpression: "tenant = :t AND kind = :k", ExpressionAttributeValues: { ":t": { S: "t" }, ":k": { S: "y" } } };
  assert.deepEqual(await search(filtered), [["b", 1]]);
  await assert.rejects(search({}), { name: "ValidationException", message: "SearchConditionExpression must be provided when SearchSchema has a HASH key" });

  await dynamodb.send(new UpdateTableCommand({ TableName, VectorIndexUpdates: [{ Create: index("all", { DistanceFunction: "DOT_PRODUCT" }) }] }));
  await until(async () => {
    const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }));
    return Table.VectorIndexes.every(({ IndexStatus }) => IndexStatus === "ACTIVE");
  }, "an index");
  const all = await search({ IndexName: "all" });
  assert.deepEqual(all.map(([, score]) => score), [2, 2, 0, -2]);
});
