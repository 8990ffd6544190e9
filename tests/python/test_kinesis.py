"""Kinesis through boto3: every operation, who may read, records that are read as they were put, and what crashes leave."""

import datetime
import hashlib
import json
import threading
import time

import cbor2
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until
from test_lambda import refused
from test_protocols import millis_loads, send

HASHES = 1 << 128
WRITERS = 4


def make(kinesis, name, shards=1, **more):
    """A stream; its ARN."""
    kinesis.create_stream(StreamName=name, ShardCount=shards, **more)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]


def shards(kinesis, name, **more):
    return kinesis.list_shards(StreamName=name, **more)["Shards"]


def read(kinesis, name, shard, kind="TRIM_HORIZON", **more):
    """Every record of a shard from a position on, and the last answer."""
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]
    records = []
    while True:
        page = kinesis.get_records(ShardIterator=iterator)
        records += page["Records"]
        iterator = page.get("NextShardIterator")
        if not page["Records"] or not iterator:
            return records, page


def test_records_are_read_as_they_were_put(kinesis, unique):
    make(kinesis, unique, shards=3)
    entries = [{"Data": bytes([number % 256]) * number, "PartitionKey": f"key-{number}"} for number in range(400)]
    put = kinesis.put_records(StreamName=unique, Records=entries)
    assert put["FailedRecordCount"] == 0 and "EncryptionType" not in put
    placed = {}
    for entry, result in zip(entries, put["Records"]):
        placed.setdefault(result["ShardId"], []).append((result["SequenceNumber"], entry["PartitionKey"], entry["Data"]))
    ranges = {shard["ShardId"]: shard["HashKeyRange"] for shard in shards(kinesis, unique)}
    for shard, expected in placed.items():
        records, last = read(kinesis, unique, shard)
        assert [(record["SequenceNumber"], record["PartitionKey"], record["Data"]) for record in records] == expected
        assert last["MillisBehindLatest"] == 0
        numbers = [int(record["SequenceNumber"]) for record in records]
        assert numbers == sorted(numbers) and all(len(record["SequenceNumber"]) == 56 for record in records)
        for _, key, _ in expected:
            hash_key = int(hashlib.md5(key.encode()).hexdigest(), 16)
            assert int(ranges[shard]["StartingHashKey"]) <= hash_key <= int(ranges[shard]["EndingHashKey"])
    explicit = kinesis.put_record(StreamName=unique, Data=b"", PartitionKey="k", ExplicitHashKey=str(HASHES - 1))
    assert explicit["ShardId"] == "shardId-000000000002"


def test_iterators_of_every_kind(kinesis, unique):
    make(kinesis, unique)
    numbers = [kinesis.put_record(StreamName=unique, Data=data, PartitionKey="k")["SequenceNumber"] for data in (b"1", b"2")]
    wait_until(lambda: time.time() % 1 > 0.005)
    middle = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.002)  # Timestamps tell milliseconds apart, and no less.
    numbers.append(kinesis.put_record(StreamName=unique, Data=b"3", PartitionKey="k", SequenceNumberForOrdering=numbers[-1])["SequenceNumber"])
    shard = "shardId-000000000000"
    data = lambda kind, **more: b"".join(record["Data"] for record in read(kinesis, unique, shard, kind, **more)[0])
    assert data("TRIM_HORIZON") == b"123"
    assert data("LATEST") == b""
    assert data("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == b"23"
    assert data("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == b"3"
    assert data("AT_TIMESTAMP", Timestamp=middle) == b"3"
    assert data("AT_TIMESTAMP", Timestamp=datetime.datetime(2020, 1, 1)) == b"123"
    latest = kinesis.get_shard_iterator(StreamName=unique, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    kinesis.put_record(StreamName=unique, Data=b"4", PartitionKey="k")
    page = kinesis.get_records(ShardIterator=latest, Limit=1)
    assert [record["Data"] for record in page["Records"]] == [b"4"]
    page = kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(StreamName=unique, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"], Limit=2)
    assert len(page["Records"]) == 2 and page["MillisBehindLatest"] > 0
    assert len(kinesis.get_records(ShardIterator=page["NextShardIterator"])["Records"]) == 2
    start = {"StreamName": unique, "ShardId": shard}
    refused("InvalidArgumentException", kinesis.get_shard_iterator, **start, ShardIteratorType="AT_SEQUENCE_NUMBER")
    refused("InvalidArgumentException", kinesis.get_shard_iterator, **start, ShardIteratorType="AT_TIMESTAMP")
    refused("InvalidArgumentException", kinesis.get_shard_iterator, **start, ShardIteratorType="LATEST", StartingSequenceNumber=numbers[0])
    refused("ResourceNotFoundException", kinesis.get_shard_iterator, StreamName=unique, ShardId="shardId-7", ShardIteratorType="LATEST")
    refused("InvalidArgumentException", kinesis.get_records, ShardIterator="AAAA")
    refused("DryRunOperationException", kinesis.get_records, ShardIterator=latest, DryRun=True)


def test_shards_are_split_and_merged(kinesis, unique):
    arn = make(kinesis, unique, shards=2)
    first, second = shards(kinesis, unique)
    kinesis.put_record(StreamName=unique, Data=b"before", PartitionKey="k", ExplicitHashKey="5")
    refused("InvalidArgumentException", kinesis.split_shard, StreamName=unique, ShardToSplit=first["ShardId"], NewStartingHashKey="1")
    kinesis.split_shard(StreamName=unique, ShardToSplit=first["ShardId"], NewStartingHashKey="1000")
    low, high = shards(kinesis, unique)[2:]
    assert (low["HashKeyRange"]["EndingHashKey"], high["HashKeyRange"]["StartingHashKey"]) == ("999", "1000")
    assert low["ParentShardId"] == high["ParentShardId"] == first["ShardId"]
    refused("InvalidArgumentException", kinesis.split_shard, StreamName=unique, ShardToSplit=first["ShardId"], NewStartingHashKey="500")
    # What the closed shard holds can be read, to its end, where its children are named.
    records, end = read(kinesis, unique, first["ShardId"])
    assert [record["Data"] for record in records] == [b"before"] and "NextShardIterator" not in end
    assert [child["ShardId"] for child in end["ChildShards"]] == [low["ShardId"], high["ShardId"]]
    assert end["ChildShards"][0]["ParentShards"] == [first["ShardId"]]
    assert kinesis.put_record(StreamName=unique, Data=b"after", PartitionKey="k", ExplicitHashKey="5")["ShardId"] == low["ShardId"]
    assert int(read(kinesis, unique, low["ShardId"])[0][0]["SequenceNumber"]) > int(records[0]["SequenceNumber"])
    refused("InvalidArgumentException", kinesis.merge_shards, StreamName=unique, ShardToMerge=low["ShardId"], AdjacentShardToMerge=second["ShardId"])
    kinesis.merge_shards(StreamARN=arn, ShardToMerge=high["ShardId"], AdjacentShardToMerge=second["ShardId"])
    merged = shards(kinesis, unique)[-1]
    assert (merged["ParentShardId"], merged["AdjacentParentShardId"]) == (high["ShardId"], second["ShardId"])
    of = lambda kind, **more: [shard["ShardId"] for shard in shards(kinesis, unique, ShardFilter={"Type": kind, **more})]
    now = datetime.datetime.now(datetime.timezone.utc)
    assert of("AT_LATEST") == [low["ShardId"], merged["ShardId"]]
    assert of("AT_TRIM_HORIZON") == [first["ShardId"], second["ShardId"]]
    assert len(of("FROM_TRIM_HORIZON")) == len(of("FROM_TIMESTAMP", Timestamp=datetime.datetime(2020, 1, 1))) == 5
    assert of("AFTER_SHARD_ID", ShardId=high["ShardId"]) == [merged["ShardId"]]
    wait_until(lambda: of("AT_TIMESTAMP", Timestamp=now + datetime.timedelta(seconds=1)) == [low["ShardId"], merged["ShardId"]])
    summary = kinesis.describe_stream_summary(StreamName=unique)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 2 and summary["StreamStatus"] == "ACTIVE"


def check_ranges(kinesis, name, count):
    """The open shards are `count` ranges of about the same size that leave out no hash key."""
    open_ones = sorted(shards(kinesis, name, ShardFilter={"Type": "AT_LATEST"}), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    starts = [int(shard["HashKeyRange"]["StartingHashKey"]) for shard in open_ones]
    ends = [int(shard["HashKeyRange"]["EndingHashKey"]) for shard in open_ones]
    assert len(open_ones) == count and starts[0] == 0 and ends[-1] == HASHES - 1
    assert [end + 1 for end in ends[:-1]] == starts[1:]
    assert max(end - start for start, end in zip(starts, ends)) - HASHES // count <= count


def test_a_stream_is_scaled(kinesis, unique):
    make(kinesis, unique, shards=2)
    for target, before in ((4, 2), (7, 4), (4, 7), (2, 4)):
        scaled = kinesis.update_shard_count(StreamName=unique, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        assert (scaled["CurrentShardCount"], scaled["TargetShardCount"]) == (before, target)
        check_ranges(kinesis, unique, target)
    every = {shard["ShardId"]: shard for shard in shards(kinesis, unique)}
    assert all(shard.get("ParentShardId", shard["ShardId"]) in every for shard in every.values())
    for count in (5, 100):
        refused("LimitExceededException", kinesis.update_shard_count, StreamName=unique, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
    # Pages, by either way to list.
    ids = sorted(every)
    token, paged = {"StreamName": unique}, []
    while token:
        page = kinesis.list_shards(MaxResults=3, **token)
        paged += [shard["ShardId"] for shard in page["Shards"]]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert paged == ids
    described = kinesis.get_paginator("describe_stream").paginate(StreamName=unique, PaginationConfig={"PageSize": 4})
    assert [shard["ShardId"] for page in described for shard in page["StreamDescription"]["Shards"]] == ids
    refused("InvalidArgumentException", kinesis.list_shards, NextToken="nonsense")
    refused("InvalidArgumentException", kinesis.list_shards)


def test_modes_and_settings(kinesis, unique):
    arn = make(kinesis, unique)
    refused("ResourceInUseException", kinesis.create_stream, StreamName=unique, ShardCount=1)
    description = kinesis.describe_stream(StreamARN=arn)["StreamDescription"]
    assert description["StreamModeDetails"] == {"StreamMode": "PROVISIONED"} and description["RetentionPeriodHours"] == 24
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    refused("ValidationException", kinesis.update_shard_count, StreamName=unique, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    kinesis.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="AUTO")
    summary = kinesis.describe_stream_summary(StreamName=unique)["StreamDescriptionSummary"]
    assert summary["RecordDistributionStrategy"] == "AUTO" and summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    put = kinesis.put_record(StreamName=unique, Data=b"without a key")
    (record,) = read(kinesis, unique, put["ShardId"])[0]
    assert "PartitionKey" not in record

    refused("ValidationException", kinesis.update_stream_warm_throughput, StreamName=unique, WarmThroughputMiBps=10)
    settings = kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    assert settings == kinesis.describe_account_settings() | {"ResponseMetadata": settings["ResponseMetadata"]}
    warm = kinesis.update_stream_warm_throughput(StreamName=unique, WarmThroughputMiBps=10)["WarmThroughput"]
    assert warm == {"TargetMiBps": 10, "CurrentMiBps": 10}
    kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "DISABLED"})
    limits = kinesis.describe_limits()
    assert limits["OnDemandStreamCount"] == 1 and limits["OpenShardCount"] >= 1 and limits["ShardLimit"] == 20_000
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
    error = refused("LimitExceededException", kinesis.update_stream_mode, StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert "24 hours" in error["Error"]["Message"]

    kinesis.increase_stream_retention_period(StreamName=unique, RetentionPeriodHours=48)
    refused("InvalidArgumentException", kinesis.increase_stream_retention_period, StreamName=unique, RetentionPeriodHours=24)
    refused("InvalidArgumentException", kinesis.increase_stream_retention_period, StreamName=unique, RetentionPeriodHours=9000)
    kinesis.decrease_stream_retention_period(StreamName=unique, RetentionPeriodHours=24)
    every = {"IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords", "IteratorAgeMilliseconds"}
    every |= {"WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded"}
    enabled = kinesis.enable_enhanced_monitoring(StreamName=unique, ShardLevelMetrics=["ALL"])
    assert enabled["CurrentShardLevelMetrics"] == [] and set(enabled["DesiredShardLevelMetrics"]) == every
    disabled = kinesis.disable_enhanced_monitoring(StreamName=unique, ShardLevelMetrics=["IncomingBytes"])
    assert set(disabled["DesiredShardLevelMetrics"]) == every - {"IncomingBytes"}

    kinesis.start_stream_encryption(StreamName=unique, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    assert kinesis.put_record(StreamName=unique, Data=b"secret", PartitionKey="k")["EncryptionType"] == "KMS"
    description = kinesis.describe_stream(StreamName=unique)["StreamDescription"]
    assert (description["EncryptionType"], description["KeyId"]) == ("KMS", "alias/aws/kinesis")
    refused("NotImplemented", kinesis.start_stream_encryption, StreamName=unique, EncryptionType="KMS", KeyId="alias/mine")
    kinesis.stop_stream_encryption(StreamName=unique, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    kinesis.put_record(StreamName=unique, Data=b"plain", PartitionKey="k")
    records, _ = read(kinesis, unique, "shardId-000000000000")
    assert [record.get("EncryptionType") for record in records] == [None, "KMS", None]

    names = [stream["StreamName"] for page in kinesis.get_paginator("list_streams").paginate() for stream in page["StreamSummaries"]]
    assert unique in names and names == sorted(names)
    kinesis.delete_stream(StreamName=unique)
    refused("ResourceNotFoundException", kinesis.describe_stream, StreamName=unique)


def test_records_of_any_size(kinesis, unique):
    arn = make(kinesis, unique)
    large = bytes(range(256)) * 4096
    refused("ValidationException", kinesis.put_record, StreamName=unique, Data=large + b"x", PartitionKey="k")
    error = refused("ValidationException", kinesis.put_records, StreamName=unique, Records=[])
    assert "Member must have length greater than or equal to 1" in error["Error"]["Message"]
    refused("ValidationException", kinesis.put_records, StreamName=unique, Records=[{"Data": b"", "PartitionKey": "k"}] * 501)
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10_240)
    kinesis.put_record(StreamName=unique, Data=large * 9, PartitionKey="k")
    kinesis.put_records(StreamName=unique, Records=[{"Data": large * 4, "PartitionKey": "a"}, {"Data": b"", "PartitionKey": "b"}, {"Data": large * 4, "PartitionKey": "c"}])
    refused("InvalidArgumentException", kinesis.put_records, StreamName=unique, Records=[{"Data": large * size, "PartitionKey": "k"} for size in (4, 4, 3)])
    records, _ = read(kinesis, unique, "shardId-000000000000")
    assert [record["Data"] for record in records] == [large * 9, large * 4, b"", large * 4]
    # A page holds no more than 10 MiB.
    iterator = kinesis.get_shard_iterator(StreamName=unique, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert len(kinesis.get_records(ShardIterator=iterator)["Records"]) == 1


def test_tags(kinesis, unique):
    arn = make(kinesis, unique, Tags={"made": "with"})
    kinesis.add_tags_to_stream(StreamName=unique, Tags={"a": "1", "b": ""})
    kinesis.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    listed = kinesis.list_tags_for_stream(StreamName=unique, Limit=2)
    assert [tag["Key"] for tag in listed["Tags"]] == ["a", "b"] and listed["HasMoreTags"]
    assert [tag["Key"] for tag in kinesis.list_tags_for_stream(StreamName=unique, ExclusiveStartTagKey="b")["Tags"]] == ["c", "made"]
    kinesis.remove_tags_from_stream(StreamName=unique, TagKeys=["a"])
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["b"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "c", "Value": "3"}, {"Key": "made", "Value": "with"}]
    refused("InvalidArgumentException", kinesis.add_tags_to_stream, StreamName=unique, Tags={"a!": "1"})


def subscribe(kinesis, consumer, kind="TRIM_HORIZON", shard="shardId-000000000000", **more):
    return kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition={"Type": kind, **more})["EventStream"]


def test_a_consumer_is_told_of_records_as_they_arrive(kinesis, unique):
    arn = make(kinesis, unique)
    made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader", Tags={"a": "1"})["Consumer"]
    consumer = made["ConsumerARN"]
    assert consumer.startswith(f"{arn}/consumer/reader:") and made["ConsumerStatus"] == "CREATING"
    refused("ResourceInUseException", kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="reader")
    described = kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]
    assert described["ConsumerStatus"] == "ACTIVE" and described["StreamARN"] == arn
    assert kinesis.list_tags_for_resource(ResourceARN=consumer)["Tags"] == [{"Key": "a", "Value": "1"}]
    assert [one["ConsumerARN"] for one in kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]] == [consumer]
    kinesis.put_record(StreamName=unique, Data=b"there", PartitionKey="k")
    events = iter(subscribe(kinesis, consumer))
    first = next(events)["SubscribeToShardEvent"]
    assert [record["Data"] for record in first["Records"]] == [b"there"] and first["MillisBehindLatest"] == 0
    refused("ResourceInUseException", subscribe, kinesis=kinesis, consumer=consumer)
    kinesis.put_record(StreamName=unique, Data=b"new", PartitionKey="k")
    second = next(events)["SubscribeToShardEvent"]
    assert [record["Data"] for record in second["Records"]] == [b"new"]
    # The shard's end names its children, and ends the events.
    kinesis.split_shard(StreamName=unique, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(HASHES // 2))
    last = next(events)["SubscribeToShardEvent"]
    assert [child["ShardId"] for child in last["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    # By this the KCL tells it from events of a shard that goes on.
    assert "ContinuationSequenceNumber" not in last
    assert next(events, None) is None
    other = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="other")["Consumer"]["ConsumerARN"]
    again = iter(subscribe(kinesis, other, "AFTER_SEQUENCE_NUMBER", SequenceNumber=first["ContinuationSequenceNumber"]))
    assert [record["Data"] for record in next(again)["SubscribeToShardEvent"]["Records"]] == [b"new"]
    # One that is deregistered is told why it ends.
    open_one = iter(subscribe(kinesis, other, "LATEST", "shardId-000000000001"))
    assert next(open_one)["SubscribeToShardEvent"]["Records"] == []
    kinesis.deregister_stream_consumer(StreamARN=arn, ConsumerName="other")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        list(open_one)
    refused("ResourceInUseException", kinesis.delete_stream, StreamName=unique)
    kinesis.delete_stream(StreamName=unique, EnforceConsumerDeletion=True)
    refused("ResourceNotFoundException", kinesis.describe_stream_consumer, ConsumerARN=consumer)


def test_a_resource_policy_lets_others_in(server, kinesis, iam, unique):
    arn = make(kinesis, unique)
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    user = server.client_as("kinesis", key["AccessKeyId"], key["SecretAccessKey"])
    refused("AccessDeniedException", user.put_record, StreamName=unique, Data=b"x", PartitionKey="k")
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{unique}"}, "Action": ["kinesis:PutRecord", "kinesis:GetShardIterator"], "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert kinesis.get_resource_policy(ResourceARN=arn)["Policy"] == "{}"
    kinesis.put_resource_policy(ResourceARN=arn, Policy=policy)
    assert json.loads(kinesis.get_resource_policy(ResourceARN=arn)["Policy"]) == json.loads(policy)
    user.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")
    iterator = user.get_shard_iterator(StreamName=unique, ShardId="shardId-0", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    # An iterator gives no more than its stream's permission does.
    refused("AccessDeniedException", user.get_records, ShardIterator=iterator)
    kinesis.delete_resource_policy(ResourceARN=arn)
    refused("ResourceNotFoundException", kinesis.delete_resource_policy, ResourceARN=arn)
    refused("AccessDeniedException", user.put_record, StreamName=unique, Data=b"x", PartitionKey="k")
    refused("InvalidArgumentException", kinesis.put_resource_policy, ResourceARN=arn, Policy="{")


def cbor(server, operation, values):
    """A call as the Java SDK makes it: moments are whole milliseconds there."""
    headers = {"Content-Type": "application/x-amz-cbor-1.1", "X-Amz-Target": f"Kinesis_20131202.{operation}"}
    status, headers, body = send(server, "kinesis", "/", headers, cbor2.dumps(values))
    return status, headers["Content-Type"], body


def test_the_protocol_of_the_java_sdk(server, kinesis, unique):
    arn = make(kinesis, unique)
    at = cbor2.CBORTag(1, int(time.time() * 1000) - 60_000)
    status, _, body = cbor(server, "PutRecord", {"StreamName": unique, "Data": b"\x00\xff", "PartitionKey": "k"})
    assert status == 200 and cbor2.loads(body)["ShardId"] == "shardId-000000000000"
    begin = {"StreamName": unique, "ShardId": "shardId-000000000000", "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": at}
    iterator = cbor2.loads(cbor(server, "GetShardIterator", begin)[2])["ShardIterator"]
    body = cbor(server, "GetRecords", {"ShardIterator": iterator})[2]
    (record,) = millis_loads(body)["Records"]
    assert record["Data"] == b"\x00\xff" and abs(record["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 60
    status, _, body = cbor(server, "DescribeStream", {"StreamName": "none"})
    assert (status, cbor2.loads(body)) == (400, {"__type": "ResourceNotFoundException", "message": f"Stream none under account {ACCOUNT} not found."})
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="java")["Consumer"]["ConsumerARN"]
    kinesis.split_shard(StreamName=unique, ShardToSplit="shardId-0", NewStartingHashKey="5000")
    subscription = {"ConsumerARN": consumer, "ShardId": "shardId-000000000000", "StartingPosition": begin | {"Type": "AT_TIMESTAMP"}}
    status, content_type, body = cbor(server, "SubscribeToShard", subscription)
    assert (status, content_type) == (200, "application/vnd.amazon.eventstream")
    assert b"initial-response" in body and b"application/x-amz-cbor-1.1" in body and b"DataB\x00\xff" in body


def test_throughput_is_limited_where_that_is_asked_for():
    server = Server(options=["--throttle"])
    kinesis = server.client("kinesis")
    make(kinesis, "tight", shards=2)
    entries = [{"Data": b"x" * 10_000, "PartitionKey": "same"}] * 300
    put = kinesis.put_records(StreamName="tight", Records=entries)
    taken = [entry for entry in put["Records"] if "SequenceNumber" in entry]
    assert 100 <= len(taken) < 300 and put["FailedRecordCount"] == 300 - len(taken)
    failed = put["Records"][-1]
    shard = taken[0]["ShardId"]
    assert failed == {
        "ErrorCode": "ProvisionedThroughputExceededException",
        "ErrorMessage": f"Rate exceeded for shard {shard} in stream tight under account {ACCOUNT}.",
    }
    iterator = kinesis.get_shard_iterator(StreamName="tight", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
        for _ in range(100):
            kinesis.get_records(ShardIterator=iterator, Limit=1)
    assert len(read_patiently(kinesis, "tight", shard)) == len(taken)
    assert server.stop()


def read_patiently(kinesis, name, shard):
    """Every record of a shard that may not be read as often as one would like."""
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    records = []

    def attempt():
        try:
            return kinesis.get_records(ShardIterator=iterator)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ProvisionedThroughputExceededException", error

    while (page := wait_until(attempt))["Records"]:
        records += page["Records"]
        iterator = page["NextShardIterator"]
    return records


def test_no_record_that_was_acknowledged_is_lost_in_a_crash():
    server = Server()
    kinesis = server.client("kinesis")
    make(kinesis, "kept", shards=2)
    known = {}
    for round_ in range(3):
        put_until_killed(server, round_, known)
        server.start()
        kinesis = server.client("kinesis")
        found = {}
        for shard in shards(kinesis, "kept"):
            records, _ = read(kinesis, "kept", shard["ShardId"])
            numbers = [int(record["SequenceNumber"]) for record in records]
            assert numbers == sorted(set(numbers))
            found |= {record["SequenceNumber"]: record["Data"] for record in records}
        assert known.items() <= found.items()
        # Splits in between: what comes after a crash goes on from there.
        lowest = min(shards(kinesis, "kept", ShardFilter={"Type": "AT_LATEST"}), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
        kinesis.split_shard(StreamName="kept", ShardToSplit=lowest["ShardId"], NewStartingHashKey=str(HASHES >> (round_ + 3)))
    server.kill()


def put_until_killed(server, round_, known):
    enough = threading.Semaphore(0)

    def work(writer):
        kinesis, number = server.client("kinesis"), 0
        while True:
            entries = [{"Data": f"{round_}-{writer}-{number}-{entry}".encode(), "PartitionKey": f"{number}{entry}"} for entry in range(20)]
            number += 1
            try:
                put = kinesis.put_records(StreamName="kept", Records=entries)
            except (BotoCoreError, ClientError):
                return
            known.update({result["SequenceNumber"]: entry["Data"] for entry, result in zip(entries, put["Records"])})
            enough.release()

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        enough.acquire()
    server.kill()
    for thread in threads:
        thread.join()


def test_what_is_not_built_says_so(kinesis):
    error = refused("NotImplemented", kinesis.list_channels)
    assert "ListChannels" in error["Error"]["Message"] and REGION
