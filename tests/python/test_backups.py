"""Backups of tables and point-in-time recovery through boto3: every operation, who may do it, and what outlives what."""

import datetime
import json
import time

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until

SCHEMA = {
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def table(dynamodb, unique):
    dynamodb.create_table(TableName=unique, **SCHEMA)
    yield unique
    dynamodb.delete_table(TableName=unique)


def put(dynamodb, table, *keys, **attributes):
    for key in keys:
        dynamodb.put_item(TableName=table, Item={"k": {"S": key}, **attributes})


def keys(dynamodb, table):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return sorted(item["k"]["S"] for page in pages for item in page["Items"])


def backed_up(dynamodb, table, name="backup"):
    arn = dynamodb.create_backup(TableName=table, BackupName=name)["BackupDetails"]["BackupArn"]
    available(dynamodb, arn)
    return arn


def available(dynamodb, arn):
    def details():
        details = dynamodb.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
        return details["BackupStatus"] == "AVAILABLE" and details

    return wait_until(details, 60, "a backup being made")


def restored(dynamodb, target, **source):
    operation = dynamodb.restore_table_from_backup if "BackupArn" in source else dynamodb.restore_table_to_point_in_time
    table = operation(TargetTableName=target, **source)["TableDescription"]
    assert table["TableStatus"] == "CREATING" and table["RestoreSummary"]["RestoreInProgress"]
    active(dynamodb, target)


def active(dynamodb, table):
    describe = dynamodb.describe_table
    return wait_until(lambda: describe(TableName=table)["Table"]["TableStatus"] == "ACTIVE", 60, "a table being restored")


def recoverable(dynamodb, table, enabled=True):
    specification = {"PointInTimeRecoveryEnabled": enabled}
    update = dynamodb.update_continuous_backups
    return update(TableName=table, PointInTimeRecoverySpecification=specification)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]


def test_a_backup_holds_what_was_there(dynamodb, table):
    put(dynamodb, table, "a", "b", v={"B": b"\x00\xff"})
    arn = backed_up(dynamodb, table)
    put(dynamodb, table, "c")
    dynamodb.delete_item(TableName=table, Key={"k": {"S": "a"}})
    restored(dynamodb, f"{table}-new", BackupArn=arn)
    assert keys(dynamodb, f"{table}-new") == ["a", "b"]
    assert dynamodb.get_item(TableName=f"{table}-new", Key={"k": {"S": "a"}})["Item"]["v"] == {"B": b"\x00\xff"}
    assert "RestoreSummary" not in dynamodb.describe_table(TableName=f"{table}-new")["Table"]
    (summary,) = dynamodb.list_backups(TableName=table)["BackupSummaries"]
    assert summary["BackupArn"] == arn and summary["BackupSizeBytes"] == 2 * (1 + 1 + 1 + 2)
    assert dynamodb.delete_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"] == "DELETED"
    with pytest.raises(dynamodb.exceptions.BackupNotFoundException, match="Backup not found: arn:aws:dynamodb"):
        dynamodb.describe_backup(BackupArn=arn)


def test_backups_are_listed_in_pages(dynamodb, table):
    arns = [backed_up(dynamodb, table) for _ in range(3)]
    pages = dynamodb.get_paginator("list_backups").paginate(TableName=table, PaginationConfig={"PageSize": 2})
    assert [[summary["BackupArn"] for summary in page["BackupSummaries"]] for page in pages] == [arns[:2], arns[2:]]
    hour = datetime.timedelta(hours=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    assert len(dynamodb.list_backups(TableName=table, TimeRangeLowerBound=now - hour)["BackupSummaries"]) == 3
    assert dynamodb.list_backups(TableName=table, TimeRangeLowerBound=now + hour)["BackupSummaries"] == []


def test_the_second_of_a_mistake_can_be_undone(dynamodb, table):
    put(dynamodb, table, "kept", "lost")
    description = recoverable(dynamodb, table)
    assert description["RecoveryPeriodInDays"] == 35
    assert description["EarliestRestorableDateTime"] <= description["LatestRestorableDateTime"]
    # Clients ask for whole seconds: this one begins after the change, and ends before the mistake.
    put(dynamodb, table, "changed")
    second = int(time.time()) + 1
    wait_until(lambda: time.time() > second + 0.1, what="the next second")
    dynamodb.delete_item(TableName=table, Key={"k": {"S": "lost"}})
    put(dynamodb, table, "changed", mistaken={"BOOL": True})
    restored(dynamodb, f"{table}-new", SourceTableName=table, RestoreDateTime=second)
    assert keys(dynamodb, f"{table}-new") == ["changed", "kept", "lost"]
    assert "mistaken" not in dynamodb.get_item(TableName=f"{table}-new", Key={"k": {"S": "changed"}})["Item"]
    restored(dynamodb, f"{table}-now", SourceTableName=table, UseLatestRestorableTime=True)
    assert keys(dynamodb, f"{table}-now") == ["changed", "kept"]

    with pytest.raises(dynamodb.exceptions.InvalidRestoreTimeException, match="must be within EarliestRestorableDateTime"):
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=f"{table}-x", RestoreDateTime=second + 3600)
    assert recoverable(dynamodb, table, False) == {"PointInTimeRecoveryStatus": "DISABLED"}
    with pytest.raises(dynamodb.exceptions.PointInTimeRecoveryUnavailableException):
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=f"{table}-x", UseLatestRestorableTime=True)
    status = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert status["ContinuousBackupsStatus"] == "ENABLED"


def test_a_recoverable_table_that_is_deleted_leaves_a_backup(dynamodb, unique):
    dynamodb.create_table(TableName=unique, **SCHEMA)
    put(dynamodb, unique, "a")
    recoverable(dynamodb, unique)
    dynamodb.delete_table(TableName=unique)
    assert dynamodb.list_backups(TableName=unique)["BackupSummaries"] == []
    (summary,) = dynamodb.list_backups(TableName=unique, BackupType="SYSTEM")["BackupSummaries"]
    assert summary["BackupName"] == f"{unique}$DeletedTableBackup"
    with pytest.raises(ClientError, match="User is not allowed to delete the system backup"):
        dynamodb.delete_backup(BackupArn=summary["BackupArn"])
    restored(dynamodb, unique, BackupArn=summary["BackupArn"])
    assert keys(dynamodb, unique) == ["a"]


def test_restoring_takes_permission_for_backup_and_target(server, dynamodb, iam, table, unique):
    arn = backed_up(dynamodb, table)
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    guest = server.client_as("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])

    def may(*actions, resource):
        statement = {"Effect": "Allow", "Action": [f"dynamodb:{action}" for action in actions], "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_user_policy(UserName=unique, PolicyName=actions[0], PolicyDocument=document)

    target = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}-guest"
    data = ["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"]
    may("RestoreTableFromBackup", resource=[arn, target])
    with pytest.raises(ClientError, match=f"dynamodb:BatchWriteItem on resource: {target}"):
        guest.restore_table_from_backup(BackupArn=arn, TargetTableName=f"{table}-guest")
    may(*data, resource=target)
    guest.restore_table_from_backup(BackupArn=arn, TargetTableName=f"{table}-guest")
    active(dynamodb, f"{table}-guest")
    # Another region in the ARN stands for the same backup, and for the same permission.
    for named in (arn, arn.replace(REGION, "eu-west-1")):
        with pytest.raises(ClientError, match=f"dynamodb:DescribeBackup on resource: {arn}"):
            guest.describe_backup(BackupArn=named)


def test_a_table_of_another_region_takes_permission_for_that_one(server, iam, table, unique):
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    guest = server.client_as("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    everything_here = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": everything_here})
    iam.put_user_policy(UserName=unique, PolicyName="here", PolicyDocument=document)
    elsewhere = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{table}"
    with pytest.raises(ClientError, match=f"dynamodb:RestoreTableToPointInTime on resource: {elsewhere}"):
        guest.restore_table_to_point_in_time(
            SourceTableArn=elsewhere,
            TargetTableName=f"{table}-new",
            UseLatestRestorableTime=True,
            SSESpecificationOverride={"Enabled": True},
        )


def test_backups_outlive_restarts_and_tables():
    server = Server()
    dynamodb = server.client("dynamodb")
    dynamodb.create_table(TableName="tab", **SCHEMA)
    # More than one step of a copy takes along.
    for start in range(0, 1500, 25):
        puts = [{"PutRequest": {"Item": {"k": {"S": str(n)}, "pad": {"S": "x" * 800}}}} for n in range(start, start + 25)]
        dynamodb.batch_write_item(RequestItems={"tab": puts})
    expected = keys(dynamodb, "tab")
    arn = dynamodb.create_backup(TableName="tab", BackupName="under-way")["BackupDetails"]["BackupArn"]
    put(dynamodb, "tab", "late")
    dynamodb.delete_table(TableName="tab")
    server.kill()
    server.start()
    dynamodb = server.client("dynamodb")
    assert available(dynamodb, arn)["BackupSizeBytes"] == sum(len(key) + 1 + 3 + 800 for key in expected)
    dynamodb.restore_table_from_backup(BackupArn=arn, TargetTableName="new")
    server.kill()
    server.start()
    dynamodb = server.client("dynamodb")
    active(dynamodb, "new")
    assert keys(dynamodb, "new") == expected
    assert server.stop(), server.logged()


def test_a_stack_says_how_its_table_is_recovered(server, dynamodb, unique, tmp_path):
    def deploy(recovery):
        table = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": unique, **SCHEMA, "SSESpecification": {"SSEEnabled": True}, **recovery}}
        project = {"service": unique, "provider": {"name": "aws"}, "resources": {"Resources": {"Table": table}}}
        (tmp_path / "serverless.yml").write_text(json.dumps(project))
        server.run("deploy", tmp_path)
        return dynamodb.describe_continuous_backups(TableName=unique)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]

    specification = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 3}
    assert deploy({"PointInTimeRecoverySpecification": specification})["RecoveryPeriodInDays"] == 3
    assert dynamodb.describe_table(TableName=unique)["Table"]["SSEDescription"]["Status"] == "ENABLED"
    assert deploy({}) == {"PointInTimeRecoveryStatus": "DISABLED"}
    server.run("remove", tmp_path)
