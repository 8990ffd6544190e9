// DynamoDB through aws-sdk v3: backups and point-in-time recovery.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BackupNotFoundException,
  CreateBackupCommand,
  CreateTableCommand,
  DeleteBackupCommand,
  DescribeBackupCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ListBackupsCommand,
  PutItemCommand,
  RestoreTableFromBackupCommand,
  RestoreTableToPointInTimeCommand,
  ScanCommand,
  UpdateContinuousBackupsCommand,
} from "@aws-sdk/client-dynamodb";
import { client } from "../server.mjs";
import { until } from "../support.mjs";

const TableName = "backed-up";
const dynamodb = client(DynamoDBClient);

const put = (k) => dynamodb.send(new PutItemCommand({ TableName, Item: { k: { S: k } } }));
const isActive = async (TableName) => (await dynamodb.send(new DescribeTableCommand({ TableName }))).Table.TableStatus === "ACTIVE";
const keys = async (TableName) => (await dynamodb.send(new ScanCommand({ TableName }))).Items.map((item) => item.k.S).sort();

test("a table is backed up and restored", async () => {
  await dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
    }),
  );
  await put("a");
  const { BackupDetails } = await dynamodb.send(new CreateBackupCommand({ TableName, BackupName: "nightly" }));
  const { BackupArn } = BackupDetails;
  const described = async () => (await dynamodb.send(new DescribeBackupCommand({ BackupArn }))).BackupDescription;
  await until(async () => (await described()).BackupDetails.BackupStatus === "AVAILABLE", "the backup being made");
  assert.ok((await described()).BackupDetails.BackupCreationDateTime instanceof Date);
  await put("b");
  const { BackupSummaries } = await dynamodb.send(new ListBackupsCommand({ TableName }));
  assert.deepEqual(BackupSummaries.map((summary) => summary.BackupArn), [BackupArn]);
  await dynamodb.send(new RestoreTableFromBackupCommand({ BackupArn, TargetTableName: "from-backup" }));
  await until(() => isActive("from-backup"), "the table being restored");
  assert.deepEqual(await keys("from-backup"), ["a"]);
  await dynamodb.send(new DeleteBackupCommand({ BackupArn }));
  await assert.rejects(described(), BackupNotFoundException);
});

test("a table is brought back to a moment", async () => {
  const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7 };
  await dynamodb.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
  const { ContinuousBackupsDescription } = await dynamodb.send(new DescribeContinuousBackupsCommand({ TableName }));
  const recovery = ContinuousBackupsDescription.PointInTimeRecoveryDescription;
  assert.equal(recovery.RecoveryPeriodInDays, 7);
  await put("c");
  const RestoreDateTime = recovery.EarliestRestorableDateTime;
  const source = { SourceTableName: TableName, TargetTableName: "from-moment", RestoreDateTime };
  await dynamodb.send(new RestoreTableToPointInTimeCommand(source));
  await until(() => isActive("from-moment"), "the table being restored");
  assert.deepEqual(await keys("from-moment"), ["a", "b"]);
});
