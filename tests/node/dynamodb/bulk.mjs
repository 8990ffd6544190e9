// DynamoDB through aws-sdk v3: bulk puts from buckets.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelBulkOperationCommand,
  CreateTableCommand,
  DescribeBulkOperationCommand,
  DynamoDBClient,
  GetItemCommand,
  IdempotentParameterMismatchException,
  ListBulkOperationsCommand,
  ResourceNotFoundException,
  StartBulkPutItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { client } from "../server.mjs";
import { until } from "../support.mjs";

const TableName = "bulk";
const S3Bucket = "bulks";
const dynamodb = client(DynamoDBClient);
const s3 = client(S3Client, { forcePathStyle: true });

test("items are put in bulk", async () => {
  await s3.send(new CreateBucketCommand({ Bucket: S3Bucket }));
  await dynamodb.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    }),
  );
  const lines = ["a", "b", "a"].map((k) => JSON.stringify({ Item: { k: { S: k } }, ConditionExpression: "attribute_not_exists(k)" }));
  await s3.send(new PutObjectCommand({ Bucket: S3Bucket, Key: "in/1", Body: lines.join("\n") }));
  const request = {
    TableName,
    InputS3Configuration: { S3Bucket, S3KeyPrefix: "in/", InputFormat: "DYNAMODB_JSON" },
    OutputS3Configuration: { S3Bucket, S3KeyPrefix: "out", OutputType: ["ERROR", "CONDITION_CHECK_FAILURE"] },
    ClientToken: "one",
  };
  const { BulkOperationDescription } = await dynamodb.send(new StartBulkPutItemsCommand(request));
  const { BulkOperationArn } = BulkOperationDescription;
  assert.ok(BulkOperationDescription.StartTime instanceof Date);
  const done = await until(async () => {
    const described = (await dynamodb.send(new DescribeBulkOperationCommand({ BulkOperationArn }))).BulkOperationDescription;
    return described.BulkOperationStatus !== "IN_PROGRESS" && described;
  }, "a bulk put");
  assert.equal(done.BulkOperationStatus, "COMPLETED", done.FailureMessage);
  assert.deepEqual([done.ProcessedItemCount, done.FailedItemCount, done.PerformanceTier], [3, 0, "STANDARD"]);
  assert.deepEqual((await dynamodb.send(new GetItemCommand({ TableName, Key: { k: { S: "b" } } }))).Item, { k: { S: "b" } });
  await assert.rejects(dynamodb.send(new StartBulkPutItemsCommand({ ...request, PerformanceTier: "ACCELERATED" })), IdempotentParameterMismatchException);
  const { BulkOperationsSummaryList } = await dynamodb.send(new ListBulkOperationsCommand({ MaxResults: 5 }));
  assert.deepEqual(BulkOperationsSummaryList.map((summary) => summary.BulkOperationArn), [BulkOperationArn]);
  // One that is over stays what it is.
  assert.equal((await dynamodb.send(new CancelBulkOperationCommand({ BulkOperationArn }))).BulkOperationStatus, "COMPLETED");
  const missing = BulkOperationArn.replace(/[0-9a-f]$/, (digit) => (digit === "0" ? "1" : "0"));
  await assert.rejects(dynamodb.send(new DescribeBulkOperationCommand({ BulkOperationArn: missing })), ResourceNotFoundException);
});
