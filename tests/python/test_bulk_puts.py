"""Bulk puts from buckets into tables that are in use, through boto3: conditions, reports, pace, stopping, and a crash in between."""

import gzip
import json
import time

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until

SCHEMA = {
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "S"}],
    "GlobalSecondaryIndexes": [{"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "KEYS_ONLY"}}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def table(dynamodb, unique):
    dynamodb.create_table(TableName=unique, **SCHEMA)
    yield unique
    dynamodb.delete_table(TableName=unique)


@pytest.fixture
def bucket(s3, unique):
    s3.create_bucket(Bucket=f"{unique}-bucket")
    return f"{unique}-bucket"


def line(key, **more):
    return json.dumps({"Item": {"k": {"S": key}, "g": {"S": "x"}}, **more}) + "\n"


def start(dynamodb, table, bucket, prefix="in/", compression="NONE", **more):
    source = {"S3Bucket": bucket, "S3KeyPrefix": prefix, "InputFormat": "DYNAMODB_JSON", "InputCompressionType": compression}
    target = {"S3Bucket": bucket, "S3KeyPrefix": "out", "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"]}
    return dynamodb.start_bulk_put_items(TableName=table, InputS3Configuration=source, OutputS3Configuration=target, **more)["BulkOperationDescription"]


def describe(dynamodb, arn):
    return dynamodb.describe_bulk_operation(BulkOperationArn=arn)["BulkOperationDescription"]


def ended(dynamodb, arn):
    def over():
        described = describe(dynamodb, arn)
        return described["BulkOperationStatus"] not in ("IN_PROGRESS", "CANCELLING") and described

    return wait_until(over, 120, "a bulk put")


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def reports(s3, bucket, arn):
    folder = f"out/AWSDynamoDB/{arn.rsplit('/', 1)[1]}"
    summary = json.loads(read(s3, bucket, f"{folder}/manifest-summary.json"))
    files = [json.loads(entry) for entry in read(s3, bucket, summary["manifestFilesS3Key"]).splitlines()]
    return summary, [json.loads(report) for entry in files for report in gzip.decompress(read(s3, bucket, entry["dataFileS3Key"])).splitlines()]


def test_items_are_put_and_the_others_reported(dynamodb, s3, table, bucket):
    dynamodb.put_item(TableName=table, Item={"k": {"S": "there"}})
    new = {"ConditionExpression": "attribute_not_exists(#k)", "ExpressionAttributeNames": {"#k": "k"}}
    text = line("a") + line("there", **new) + line("b", **new) + '{"Item": {"x": {"S": "no key"}}}\n'
    s3.put_object(Bucket=bucket, Key="in/1.gz", Body=gzip.compress(text.encode()))
    begun = start(dynamodb, table, bucket, compression="GZIP", MaxWriteRequestUnits=2048, PerformanceTier="ACCELERATED", ClientToken="once")
    assert begun["BulkOperationStatus"] == "IN_PROGRESS" and "EndTime" not in begun and begun["ClientToken"] == "once"
    done = ended(dynamodb, begun["BulkOperationArn"])
    assert (done["BulkOperationStatus"], done["ProcessedItemCount"], done["FailedItemCount"]) == ("COMPLETED_WITH_ERRORS", 4, 1)
    assert done["ProcessedInputBytes"] == done["TotalInputBytes"] == len(gzip.compress(text.encode()))
    (usage,) = done["BulkOperationUsage"]
    assert usage["Table"] == {"BulkPutBytes": 2048} and usage["GlobalSecondaryIndexes"] == {"by-g": {"BulkPutBytes": 2048}}
    assert (done["MaxWriteRequestUnits"], done["PerformanceTier"]) == (2048, "ACCELERATED")
    found = dynamodb.query(TableName=table, IndexName="by-g", KeyConditionExpression="g = :x", ExpressionAttributeValues={":x": {"S": "x"}})
    assert sorted(item["k"]["S"] for item in found["Items"]) == ["a", "b"]
    summary, told = reports(s3, bucket, begun["BulkOperationArn"])
    assert (summary["status"], summary["reportedItemCount"]) == ("COMPLETED_WITH_ERRORS", 2)
    assert [(one["OutputType"], one["S3Key"], one["ItemIndex"]) for one in told] == [("CONDITION_CHECK_FAILURE", "in/1.gz", 1), ("ERROR", "in/1.gz", 3)]
    assert told[0]["ExistingItem"] == {"k": {"S": "there"}} and "Missing the key k" in told[1]["ErrorMessage"]
    again = start(dynamodb, table, bucket, compression="GZIP", MaxWriteRequestUnits=2048, PerformanceTier="ACCELERATED", ClientToken="once")
    assert again["BulkOperationArn"] == begun["BulkOperationArn"]
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        start(dynamodb, table, bucket, ClientToken="once")
    listed = dynamodb.list_bulk_operations(MaxResults=1)
    assert listed["BulkOperationsSummaryList"][0]["BulkOperationArn"] == begun["BulkOperationArn"]


def test_lines_that_are_none_are_reported_and_the_others_put(dynamodb, s3, table, bucket):
    wrong = [b"\xff", b"{}", b"[]", b'{"Item": 5}', b'{"Item": {"k": ' + b'{"L": [' * 100_000, b'{"Item": {"k": {"S": ""}}}']
    text = b"\n".join([*wrong, b"", line("last").encode()])
    s3.put_object(Bucket=bucket, Key="in/wrong", Body=text)
    done = ended(dynamodb, start(dynamodb, table, bucket)["BulkOperationArn"])
    assert (done["BulkOperationStatus"], done["ProcessedItemCount"], done["FailedItemCount"]) == ("COMPLETED_WITH_ERRORS", 7, 6)
    assert done["ProcessedInputBytes"] == done["TotalInputBytes"] == len(text)
    _, told = reports(s3, bucket, done["BulkOperationArn"])
    assert [(one["OutputType"], one["ItemIndex"]) for one in told] == [("ERROR", number) for number in range(6)]
    assert dynamodb.scan(TableName=table)["Items"] == [{"k": {"S": "last"}, "g": {"S": "x"}}]


def test_the_pace_is_kept_and_others_write(dynamodb, s3, table, bucket):
    """Two units an item, the index's among them: at 1,024 a second, 3,000 items take six seconds."""
    s3.put_object(Bucket=bucket, Key="in/1", Body="".join(line(f"{number:05}") for number in range(3000)))
    begun = time.monotonic()
    arn = start(dynamodb, table, bucket, MaxWriteRequestUnits=1024)["BulkOperationArn"]
    written = 0
    while describe(dynamodb, arn)["BulkOperationStatus"] == "IN_PROGRESS":
        dynamodb.put_item(TableName=table, Item={"k": {"S": f"own-{written}"}})
        written += 1
    assert 5 < time.monotonic() - begun < 60
    assert written > 50 and ended(dynamodb, arn)["BulkOperationStatus"] == "COMPLETED"
    assert dynamodb.scan(TableName=table, Select="COUNT")["Count"] == 3000 + written


def test_a_bulk_put_is_stopped(dynamodb, s3, table, bucket):
    s3.put_object(Bucket=bucket, Key="in/1", Body="".join(line(f"{number:05}") for number in range(20_000)))
    arn = start(dynamodb, table, bucket, MaxWriteRequestUnits=1024)["BulkOperationArn"]
    wait_until(lambda: describe(dynamodb, arn)["ProcessedItemCount"] > 0, 30, "some items")
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.cancel_bulk_operation(BulkOperationArn=arn[:-8] + "00000000")
    cancelled = dynamodb.cancel_bulk_operation(BulkOperationArn=arn)
    assert (cancelled["BulkOperationArn"], cancelled["BulkOperationStatus"]) == (arn, "CANCELLING")
    done = ended(dynamodb, arn)
    assert done["BulkOperationStatus"] == "CANCELLED" and 0 < done["ProcessedItemCount"] < 20_000
    assert dynamodb.scan(TableName=table, Select="COUNT")["Count"] == done["ProcessedItemCount"]


def test_the_callers_permissions_count(server, iam, dynamodb, s3, table, bucket):
    """A user who may put in bulk, but neither read nor write the bucket, puts nothing."""
    user = f"{table}-user"
    iam.create_user(UserName=user)
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/*"}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    limited = server.client_as("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    s3.put_object(Bucket=bucket, Key="in/1", Body=line("a"))
    done = ended(limited, start(limited, table, bucket)["BulkOperationArn"])
    assert (done["BulkOperationStatus"], done["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert "s3:PutObject" in done["FailureMessage"]
    assert dynamodb.scan(TableName=table, Select="COUNT")["Count"] == 0


def test_what_is_refused(dynamodb, table, bucket):
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        start(dynamodb, "none-at-all", bucket)
    with pytest.raises(ClientError, match="InputFormat ION is not implemented"):
        dynamodb.start_bulk_put_items(
            TableName=table,
            InputS3Configuration={"S3Bucket": bucket, "InputFormat": "ION"},
            OutputS3Configuration={"S3Bucket": bucket, "OutputType": ["ERROR"]},
        )


COUNT = 20_000


def test_it_goes_on_after_a_crash():
    """Killed twice while it puts items; nothing is missing, and neither an item nor a report is there twice."""
    server = Server()
    try:
        dynamodb, s3 = server.client("dynamodb"), server.client("s3")
        dynamodb.create_table(TableName="into", **SCHEMA)
        s3.create_bucket(Bucket="crashes")
        wrong = '{"Item": {"x": {"S": "no key"}}}\n'
        for part in range(2):
            numbers = range(part * COUNT // 2, (part + 1) * COUNT // 2)
            s3.put_object(Bucket="crashes", Key=f"in/{part}", Body="".join(wrong if number % 100 == 0 else line(f"{number:06}") for number in numbers))
        arn = start(dynamodb, "into", "crashes")["BulkOperationArn"]
        for share in (0.1, 0.6):
            dynamodb = server.client("dynamodb")
            some = wait_until(lambda: (described := describe(dynamodb, arn))["ProcessedItemCount"] > share * COUNT and described, 60, "some items")
            assert some["BulkOperationStatus"] == "IN_PROGRESS" and some["ProcessedItemCount"] < COUNT
            server.kill()
            server.start()
        dynamodb, s3 = server.client("dynamodb"), server.client("s3")
        done = ended(dynamodb, arn)
        assert (done["BulkOperationStatus"], done["ProcessedItemCount"], done["FailedItemCount"]) == ("COMPLETED_WITH_ERRORS", COUNT, COUNT // 100)
        assert done["ProcessedInputBytes"] == done["TotalInputBytes"]
        good = COUNT - COUNT // 100
        assert done["BulkOperationUsage"][0]["Table"]["BulkPutBytes"] == good * 1024
        pages = dynamodb.get_paginator("scan").paginate(TableName="into", Select="COUNT")
        assert sum(page["Count"] for page in pages) == good
        _, told = reports(s3, "crashes", arn)
        assert sorted((one["S3Key"], one["ItemIndex"]) for one in told) == [(f"in/{part}", number) for part in range(2) for number in range(0, COUNT // 2, 100)]
    finally:
        server.kill()
