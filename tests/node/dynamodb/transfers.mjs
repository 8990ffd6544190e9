// DynamoDB through aws-sdk v3: exports to buckets and imports from them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  CreateTableCommand,
  DescribeExportCommand,
  DescribeImportCommand,
  DynamoDBClient,
  ExportConflictException,
  ExportTableToPointInTimeCommand,
  GetItemCommand,
  ImportNotFoundException,
  ImportTableCommand,
  ListExportsCommand,
  ListImportsCommand,
  PutItemCommand,
  UpdateContinuousBackupsCommand,
} from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { ACCOUNT, REGION, client } from "../server.mjs";
import { until } from "../support.mjs";

const TableName = "moved";
const TableArn = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${TableName}`;
const S3Bucket = "moves";
const keys = {
  AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
  KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
  BillingMode: "PAY_PER_REQUEST",
};
const Item = { k: { S: "a" }, b: { B: new Uint8Array([0, 255]) }, n: { N: "1.5" }, s: { SS: ["x", "y"] }, m: { M: { l: { L: [{ NULL: true }] } } } };
const dynamodb = client(DynamoDBClient);
const s3 = client(S3Client, { forcePathStyle: true });

test("a table is exported and imported", async () => {
  await s3.send(new CreateBucketCommand({ Bucket: S3Bucket }));
  await dynamodb.send(new CreateTableCommand({ TableName, ...keys }));
  await dynamodb.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } }));
  await dynamodb.send(new PutItemCommand({ TableName, Item }));

  const request = { TableArn, S3Bucket, S3Prefix: "out", ExportFormat: "DYNAMODB_JSON", ClientToken: "one" };
  const { ExportDescription } = await dynamodb.send(new ExportTableToPointInTimeCommand(request));
  const { ExportArn } = ExportDescription;
  assert.equal(ExportDescription.ExportStatus, "IN_PROGRESS");
  assert.ok(ExportDescription.ExportTime instanceof Date);
  const ended = await until(async () => {
    const described = (await dynamodb.send(new DescribeExportCommand({ ExportArn }))).ExportDescription;
    return described.ExportStatus !== "IN_PROGRESS" && described;
  }, "an export");
  assert.equal(ended.ExportStatus, "COMPLETED", ended.FailureMessage);
  assert.equal(ended.ItemCount, 1);
  await assert.rejects(dynamodb.send(new ExportTableToPointInTimeCommand({ ...request, S3Prefix: "other" })), ExportConflictException);
  const { ExportSummaries } = await dynamodb.send(new ListExportsCommand({ TableArn }));
  assert.deepEqual(ExportSummaries, [{ ExportArn, ExportStatus: "COMPLETED", ExportType: "FULL_EXPORT" }]);

  const Prefix = ended.ExportManifest.replace("manifest-summary.json", "data/");
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: S3Bucket, Prefix }));
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: S3Bucket, Key: Contents[0].Key }));
  const line = JSON.parse(gunzipSync(await Body.transformToByteArray()).toString());
  assert.deepEqual(line.Item.b, { B: "AP8=" });

  const S3BucketSource = { S3Bucket, S3KeyPrefix: Prefix };
  const { ImportTableDescription } = await dynamodb.send(
    new ImportTableCommand({ S3BucketSource, InputFormat: "DYNAMODB_JSON", InputCompressionType: "GZIP", TableCreationParameters: { TableName: "again", ...keys } }),
  );
  const { ImportArn } = ImportTableDescription;
  const done = await until(async () => {
    const described = (await dynamodb.send(new DescribeImportCommand({ ImportArn }))).ImportTableDescription;
    return described.ImportStatus !== "IN_PROGRESS" && described;
  }, "an import");
  assert.equal(done.ImportStatus, "COMPLETED", done.FailureMessage);
  assert.equal(done.TableCreationParameters.TableName, "again");
  assert.deepEqual((await dynamodb.send(new GetItemCommand({ TableName: "again", Key: { k: Item.k } }))).Item, Item);
  const { ImportSummaryList } = await dynamodb.send(new ListImportsCommand({ PageSize: 5 }));
  assert.deepEqual(ImportSummaryList.map((summary) => summary.ImportArn), [ImportArn]);
  const missing = ImportArn.replace(/[0-9a-f]$/, (digit) => (digit === "0" ? "1" : "0"));
  await assert.rejects(dynamodb.send(new DescribeImportCommand({ ImportArn: missing })), ImportNotFoundException);
});
