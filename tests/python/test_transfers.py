"""Exports of tables to buckets and imports from them through boto3: every operation, who may do what, and a crash in between."""

import base64
import gzip
import hashlib
import json
import time

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until

KEYS = {"KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}
SCHEMA = {**KEYS, "BillingMode": "PAY_PER_REQUEST"}


def arn_of(table):
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"


def recoverable(dynamodb, table):
    specification = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=specification)


@pytest.fixture
def table(dynamodb, unique):
    dynamodb.create_table(TableName=unique, **SCHEMA)
    recoverable(dynamodb, unique)
    yield unique
    dynamodb.delete_table(TableName=unique)


@pytest.fixture
def bucket(s3, unique):
    s3.create_bucket(Bucket=f"{unique}-bucket")
    return f"{unique}-bucket"


def exported(dynamodb, table, bucket, **more):
    """The description of an export, once it has ended."""
    begun = dynamodb.export_table_to_point_in_time(TableArn=arn_of(table), S3Bucket=bucket, **more)["ExportDescription"]
    assert begun["ExportStatus"] == "IN_PROGRESS" and begun["S3Bucket"] == bucket
    return ended(lambda: dynamodb.describe_export(ExportArn=begun["ExportArn"])["ExportDescription"], "ExportStatus")


def imported(dynamodb, table, bucket, prefix, input_format="DYNAMODB_JSON", **more):
    source = {"S3Bucket": bucket, "S3KeyPrefix": prefix}
    parameters = {"TableName": table, **SCHEMA}
    begun = dynamodb.import_table(S3BucketSource=source, InputFormat=input_format, TableCreationParameters=parameters, **more)
    arn = begun["ImportTableDescription"]["ImportArn"]
    return ended(lambda: dynamodb.describe_import(ImportArn=arn)["ImportTableDescription"], "ImportStatus")


def ended(describe, status):
    def over():
        described = describe()
        return described[status] != "IN_PROGRESS" and described

    return wait_until(over, 120, "an export or import")


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def lines(s3, bucket, export):
    """The lines of all files that an export has written, held against its manifests."""
    summary = read(s3, bucket, export["ExportManifest"])
    assert read(s3, bucket, export["ExportManifest"].replace(".json", ".md5")) == digest(summary)
    summary = json.loads(summary)
    assert summary["exportArn"] == export["ExportArn"] and summary["itemCount"] == export["ItemCount"]
    found = []
    for entry in map(json.loads, read(s3, bucket, summary["manifestFilesS3Key"]).splitlines()):
        data = read(s3, bucket, entry["dataFileS3Key"])
        assert entry["md5Checksum"].encode() == digest(data)
        assert entry["etag"] == s3.head_object(Bucket=bucket, Key=entry["dataFileS3Key"])["ETag"].strip('"')
        own = gzip.decompress(data).splitlines()
        assert len(own) == entry["itemCount"]
        found += map(json.loads, own)
    return found


def digest(data):
    return base64.b64encode(hashlib.md5(data).digest())


def items(dynamodb, table):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return sorted((item for page in pages for item in page["Items"]), key=str)


def fill(dynamodb, table, count, **attributes):
    for start in range(0, count, 25):
        puts = [{"PutRequest": {"Item": {"k": {"S": f"{number:06}"}, **attributes}}} for number in range(start, min(start + 25, count))]
        assert not dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]


def test_a_table_goes_to_a_bucket_and_comes_back(dynamodb, s3, table, bucket):
    fill(dynamodb, table, 60, v={"L": [{"N": "1.5"}, {"B": b"\x00\xff"}, {"SS": ["a", "b"]}, {"NULL": True}]})
    export = exported(dynamodb, table, bucket, S3Prefix="p", S3SseAlgorithm="AES256", ClientToken="token-1")
    assert (export["ExportStatus"], export["ItemCount"], export["ExportFormat"]) == ("COMPLETED", 60, "DYNAMODB_JSON")
    assert len(lines(s3, bucket, export)) == 60 and export["EndTime"] >= export["StartTime"]
    identifier = export["ExportArn"].rsplit("/", 1)[1]
    data = f"p/AWSDynamoDB/{identifier}/data/"
    back = imported(dynamodb, f"{table}-back", bucket, data, InputCompressionType="GZIP", ClientToken="token-1")
    assert (back["ImportStatus"], back["ImportedItemCount"], back["ErrorCount"]) == ("COMPLETED", 60, 0)
    assert items(dynamodb, f"{table}-back") == items(dynamodb, table)
    assert dynamodb.list_exports(TableArn=arn_of(table))["ExportSummaries"] == [
        {"ExportArn": export["ExportArn"], "ExportStatus": "COMPLETED", "ExportType": "FULL_EXPORT"}
    ]
    (summary,) = dynamodb.list_imports(TableArn=arn_of(f"{table}-back"))["ImportSummaryList"]
    assert summary["ImportArn"] == back["ImportArn"] and summary["ImportStatus"] == "COMPLETED"


def test_a_line_may_have_several_items(dynamodb, s3, table, bucket):
    lines = ["".join(json.dumps({"Item": {"k": {"S": str(number)}}}) for number in numbers) for numbers in ([0], [1, 2, 3], [4])]
    s3.put_object(Bucket=bucket, Key="lines/1.json", Body="\n".join(lines).encode())
    back = imported(dynamodb, f"{table}-lines", bucket, "lines/")
    assert (back["ImportStatus"], back["ImportedItemCount"], back["ErrorCount"]) == ("COMPLETED", 5, 0)


def test_lists_have_pages(dynamodb, s3, table, bucket):
    begun = [dynamodb.export_table_to_point_in_time(TableArn=arn_of(table), S3Bucket=bucket)["ExportDescription"]["ExportArn"] for _ in range(3)]
    first = dynamodb.list_exports(TableArn=arn_of(table), MaxResults=2)
    rest = dynamodb.list_exports(TableArn=arn_of(table), MaxResults=2, NextToken=first["NextToken"])
    listed = [summary["ExportArn"] for page in (first, rest) for summary in page["ExportSummaries"]]
    assert sorted(listed) == sorted(begun) and "NextToken" not in rest
    for index in range(2):
        imported(dynamodb, f"{table}-{index}", bucket, "none/")
    first = dynamodb.list_imports(PageSize=1)
    second = dynamodb.list_imports(PageSize=1, NextToken=first["NextToken"])
    assert [page["ImportSummaryList"][0]["TableArn"] for page in (first, second)] == [arn_of(f"{table}-1"), arn_of(f"{table}-0")]


def test_what_is_no_item_is_logged(dynamodb, s3, logs, unique, bucket):
    s3.put_object(Bucket=bucket, Key="in/a.csv", Body="k,v\na,1\n,2\nb\nc,3\n")
    done = imported(dynamodb, unique, bucket, "in/", "CSV")
    assert (done["ImportStatus"], done["FailureCode"], done["ErrorCount"]) == ("FAILED", "ItemValidationError", 2)
    assert items(dynamodb, unique) == [{"k": {"S": "a"}, "v": {"S": "1"}}, {"k": {"S": "c"}, "v": {"S": "3"}}]
    identifier = done["ImportArn"].rsplit("/", 1)[1]
    events = logs.get_log_events(logGroupName="/aws-dynamodb/imports", logStreamName=f"{identifier}/error")["events"]
    told = [json.loads(event["message"]) for event in events]
    assert [one["itemS3Pointer"] for one in told] == [{"bucket": bucket, "key": "in/a.csv", "itemIndex": index} for index in (1, 2)]
    assert "empty string" in told[0]["errorMessages"][0] and "columns" in told[1]["errorMessages"][0]


def test_the_callers_permissions_count(server, iam, dynamodb, s3, table, bucket):
    """A user who may export and import, but neither write nor read the bucket, does neither; with a bucket's policy for it, both."""
    user = f"{table}-user"
    user_arn = iam.create_user(UserName=user)["User"]["Arn"]
    statement = {"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": "*"}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    limited = server.client_as("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
    export = exported(limited, table, bucket)
    assert (export["ExportStatus"], export["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert "s3:PutObject" in export["FailureMessage"] and user in export["FailureMessage"]
    refused = imported(limited, f"{table}-into", bucket, "AWSDynamoDB/")
    assert (refused["ImportStatus"], refused["FailureCode"]) == ("FAILED", "S3AccessDenied")
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.describe_table(TableName=f"{table}-into")

    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Allow", "Principal": {"AWS": user_arn}, "Action": "s3:*", "Resource": resources}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    export = exported(limited, table, bucket)
    assert export["ExportStatus"] == "COMPLETED"
    data = export["ExportManifest"].rsplit("/", 1)[0] + "/data/"
    assert imported(limited, f"{table}-into", bucket, data, InputCompressionType="GZIP")["ImportStatus"] == "COMPLETED"


def test_what_is_refused(dynamodb, table, bucket):
    def refused(operation, **arguments):
        with pytest.raises(ClientError) as raised:
            operation(**arguments)
        return raised.value.response["Error"]["Code"]

    export, describe = dynamodb.export_table_to_point_in_time, dynamodb.describe_export
    assert refused(export, TableArn=table, S3Bucket=bucket) == "ValidationException"
    assert refused(export, TableArn=arn_of("none"), S3Bucket=bucket) == "TableNotFoundException"
    assert refused(export, TableArn=arn_of(table), S3Bucket=bucket, ExportTime=time.time() + 60) == "InvalidExportTimeException"
    assert refused(describe, ExportArn=f"{arn_of(table)}/export/00000000000000-00000000") == "ExportNotFoundException"
    assert refused(dynamodb.describe_import, ImportArn=f"{arn_of(table)}/import/00000000000000-00000000") == "ImportNotFoundException"
    period = {"ExportFromTime": time.time() - 2, "ExportToTime": time.time()}
    incremental = {"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": period}
    assert refused(export, TableArn=arn_of(table), S3Bucket=bucket, **incremental) == "InvalidExportTimeException"
    source = {"S3Bucket": bucket}
    parameters = {"TableName": table, **SCHEMA}
    assert refused(dynamodb.import_table, S3BucketSource=source, InputFormat="CSV", TableCreationParameters=parameters) == "ResourceInUseException"
    with pytest.raises(ClientError, match="ExportFormat ION is not implemented"):
        export(TableArn=arn_of(table), S3Bucket=bucket, ExportFormat="ION")


COUNT = 20_000


def test_both_go_on_after_a_crash():
    """Killed while a table is exported, and while it is imported again; nothing is missing, and nothing counted twice."""
    server = Server()
    try:
        dynamodb, s3 = server.client("dynamodb"), server.client("s3")
        dynamodb.create_table(TableName="from", **SCHEMA)
        recoverable(dynamodb, "from")
        s3.create_bucket(Bucket="crashes")
        fill(dynamodb, "from", COUNT, v={"S": "x" * 100})
        export = dynamodb.export_table_to_point_in_time(TableArn=arn_of("from"), S3Bucket="crashes")["ExportDescription"]["ExportArn"]
        dynamodb.put_item(TableName="from", Item={"k": {"S": "after"}})
        describe = lambda: server.client("dynamodb").describe_export(ExportArn=export)["ExportDescription"]
        assert describe()["ExportStatus"] == "IN_PROGRESS"
        server.kill()
        server.start()
        done = ended(describe, "ExportStatus")
        assert (done["ExportStatus"], done["ItemCount"]) == ("COMPLETED", COUNT)
        dynamodb, s3 = server.client("dynamodb"), server.client("s3")
        assert {line["Item"]["k"]["S"] for line in lines(s3, "crashes", done)} == {f"{number:06}" for number in range(COUNT)}

        data = done["ExportManifest"].rsplit("/", 1)[0] + "/data/"
        source, parameters = {"S3Bucket": "crashes", "S3KeyPrefix": data}, {"TableName": "into", **SCHEMA}
        begun = dynamodb.import_table(S3BucketSource=source, InputFormat="DYNAMODB_JSON", InputCompressionType="GZIP", TableCreationParameters=parameters)
        arn = begun["ImportTableDescription"]["ImportArn"]
        describe = lambda dynamodb: dynamodb.describe_import(ImportArn=arn)["ImportTableDescription"]
        killed_at = []
        for share in (0, 0.1):
            # Made once for a life: that takes longer than some thousand items.
            dynamodb = server.client("dynamodb")
            some = wait_until(lambda: (described := describe(dynamodb))["ProcessedItemCount"] > share * COUNT and described, 60, "some items")
            killed_at.append(some["ImportStatus"])
            server.kill()
            server.start()
            dynamodb = server.client("dynamodb")
            status = dynamodb.describe_table(TableName="into")["Table"]["TableStatus"]
            assert status == "CREATING" or describe(dynamodb)["ImportStatus"] == "COMPLETED", status
        # On a busy machine all may be done before the second time.
        assert killed_at[0] == "IN_PROGRESS", killed_at
        done = ended(lambda: describe(server.client("dynamodb")), "ImportStatus")
        counts = done["ProcessedItemCount"], done["ImportedItemCount"], done["ErrorCount"]
        assert (done["ImportStatus"], counts) == ("COMPLETED", (COUNT, COUNT, 0))
        text = sum(len(json.dumps({"Item": {"k": {"S": f"{number:06}"}, "v": {"S": "x" * 100}}}, separators=(",", ":"))) + 1 for number in range(COUNT))
        assert done["ProcessedSizeBytes"] == text
        assert len(items(server.client("dynamodb"), "into")) == COUNT
    finally:
        server.kill()
