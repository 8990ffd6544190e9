"""Lifecycle rules: what is taken, what is told of them, and that objects end. When they do is tested on a clock that is moved."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from cloudlet import Server, wait_until
from test_s3 import bucket, code, keys  # noqa: F401 A fixture of the same.


def rule(**more):
    return {"ID": "rule", "Status": "Enabled", "Filter": {"Prefix": ""}} | more


def put_rules(s3, bucket, *rules):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})


def test_rules_come_back_as_they_were_put(s3, bucket):
    assert code(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == ("NoSuchLifecycleConfiguration", 404)
    rules = [
        rule(ID="a", Expiration={"Days": 31}),
        {"ID": "b", "Status": "Disabled", "Prefix": "b/", "Expiration": {"Date": datetime(2030, 1, 1, tzinfo=timezone.utc)}},
        rule(ID="c", Filter={"Tag": {"Key": "k", "Value": "v"}}, NoncurrentVersionExpiration={"NoncurrentDays": 5, "NewerNoncurrentVersions": 3}),
        rule(
            ID="d",
            Filter={"And": {"Prefix": "d/", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": ""}], "ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 1000}},
            Transitions=[{"Days": 30, "StorageClass": "GLACIER"}],
            NoncurrentVersionTransitions=[{"NoncurrentDays": 30, "StorageClass": "STANDARD_IA"}],
        ),
        rule(ID="e", Filter={}, Expiration={"ExpiredObjectDeleteMarker": True}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 2}),
    ]
    put_rules(s3, bucket, *rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    put_rules(s3, bucket, {"Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 1}})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["ID"]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert code(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == ("NoSuchLifecycleConfiguration", 404)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"Status": "enabled", "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument"),
        ({"Expiration": {"Days": "many"}}, "MalformedXML"),
        ({"Expiration": {"Date": datetime(2030, 1, 1, 1, tzinfo=timezone.utc)}}, "InvalidArgument"),
        ({"ID": "i" * 256, "Expiration": {"Days": 1}}, "InvalidArgument"),
        ({}, "InvalidRequest"),
        ({"Filter": {"And": {"Prefix": "a"}}, "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Transitions": [{"Days": 1, "StorageClass": "NONE"}]}, "MalformedXML"),
    ],
)
def test_rules_that_say_nothing_sensible(s3, bucket, wrong, told):
    configuration = {"Rules": [rule(**wrong)]}
    assert code(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=configuration) == (told, 400)
    assert code(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == ("NoSuchLifecycleConfiguration", 404)


def test_objects_tell_when_they_end(s3, bucket):
    put_rules(s3, bucket, rule(ID="long", Filter={"Prefix": "a/"}, Expiration={"Days": 9}), rule(ID="short", Filter={"Prefix": "a/b"}, Expiration={"Days": 2}))
    told = s3.put_object(Bucket=bucket, Key="a/b", Body=b"x")["Expiration"]
    day = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=3)
    assert told == f'expiry-date="{day:%a, %d %b %Y} 00:00:00 GMT", rule-id="short"'
    assert s3.head_object(Bucket=bucket, Key="a/b")["Expiration"] == told
    assert s3.get_object(Bucket=bucket, Key="a/b")["Expiration"] == told
    assert 'rule-id="long"' in s3.copy_object(Bucket=bucket, Key="a/c", CopySource=f"{bucket}/a/b")["Expiration"]
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="other", Body=b"x")


def test_what_is_over_goes_and_is_told_of(s3, sqs, bucket, unique):
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:LifecycleExpiration:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=told)
    for key in ("old/a", "old/b", "new"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    put_rules(s3, bucket, rule(Filter={"Prefix": "old/"}, Expiration={"Date": datetime(2020, 1, 1, tzinfo=timezone.utc)}))
    wait_until(lambda: keys(s3.list_objects_v2(Bucket=bucket)) == ["new"], what="the end of what is old")
    records = []

    def heard():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            records.extend(json.loads(message["Body"]).get("Records", []))
        return len(records) == 2

    wait_until(heard, what="the news of it")
    assert {(record["eventName"], record["s3"]["object"]["key"]) for record in records} == {("LifecycleExpiration:Delete", "old/a"), ("LifecycleExpiration:Delete", "old/b")}
    # With versions, a marker covers what is over.
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="old/c", Body=b"x")
    put_rules(s3, bucket, rule(Filter={"Prefix": "old/"}, Expiration={"Date": datetime(2020, 1, 2, tzinfo=timezone.utc)}))
    wait_until(lambda: keys(s3.list_objects_v2(Bucket=bucket)) == ["new"], what="the end of what is old")
    page = s3.list_object_versions(Bucket=bucket, Prefix="old/")
    assert len(page["Versions"]) == 1 and page["DeleteMarkers"][0]["IsLatest"]


def test_a_round_goes_on_after_a_crash():
    server = Server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: s3.put_object(Bucket="bucket", Key=f"old/{number}", Body=b"x"), range(600)))
    s3.put_object(Bucket="bucket", Key="new", Body=b"x")
    put_rules(s3, "bucket", rule(Filter={"Prefix": "old/"}, Expiration={"Date": datetime(2020, 1, 1, tzinfo=timezone.utc)}))
    server.kill()
    server.start()
    s3 = server.client("s3")
    wait_until(lambda: keys(s3.list_objects_v2(Bucket="bucket")) == ["new"], what="the end of what is old")
    assert server.stop()
