"""Functions that are fed by streams of Kinesis: what they are handed, from where on, and what crashes leave of it."""

import base64
import datetime
import json
import time

import pytest
from cloudlet import ACCOUNT, REGION, Server, wait_until
from test_kinesis import HASHES, make, shards
from test_lambda import create, make_role, package, queue, refused

# Hands what it gets to a queue.
TELL = """
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
"""

READING = ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"]


@pytest.fixture(scope="module")
def reader(iam):
    """A role that may read every stream and subscribe to it."""
    role = make_role(iam, "kinesis-reader")
    allow(iam, "kinesis-reader", [f"kinesis:{action}" for action in [*READING, "SubscribeToShard"]], "*")
    return role


def allow(iam, role, actions, resource):
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": resource}}
    iam.put_role_policy(RoleName=role, PolicyName="streams", PolicyDocument=json.dumps(document))


def tell(lambda_, sqs, role, name, code=TELL):
    """A function that tells a queue of what it gets; the queue."""
    url, _ = queue(sqs, name)
    create(lambda_, role, name, Code={"ZipFile": package(index__py=code)}, Environment={"Variables": {"QUEUE": url}})
    return url


def told(sqs, url, enough, seconds=60):
    """The events that a queue was told of, when `enough(events)` is so."""
    events = []

    def drain():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            events.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return enough(events)

    wait_until(drain, seconds, f"enough of {url}")
    return events


def records(events):
    return [record for event in events for record in event["Records"]]


def data(events):
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in records(events)]


def put(kinesis, name, texts, key="k"):
    return kinesis.put_records(StreamName=name, Records=[{"Data": text, "PartitionKey": key} for text in texts])["Records"]


def test_a_record_is_told_as_aws_tells_it(kinesis, lambda_, sqs, reader, unique):
    arn = make(kinesis, unique)
    url = tell(lambda_, sqs, reader, unique)
    (sent,) = put(kinesis, unique, ["hello"])
    mapping = lambda_.create_event_source_mapping(FunctionName=unique, EventSourceArn=arn, StartingPosition="TRIM_HORIZON")
    assert mapping["BatchSize"] == 100 and mapping["EventSourceArn"] == arn
    (event,) = told(sqs, url, lambda events: events)
    (record,) = event["Records"]
    arrival = record["kinesis"].pop("approximateArrivalTimestamp")
    assert abs(arrival - time.time()) < 60
    assert record == {
        "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "k", "sequenceNumber": sent["SequenceNumber"], "data": "aGVsbG8="},
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sent['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": reader,
        "awsRegion": REGION,
        "eventSourceARN": arn,
    }
    refused("ResourceConflictException", lambda_.create_event_source_mapping, FunctionName=unique, EventSourceArn=arn, StartingPosition="LATEST")


def test_reading_begins_where_the_mapping_says(kinesis, lambda_, sqs, reader, unique):
    arn = make(kinesis, unique)
    put(kinesis, unique, ["1"])
    time.sleep(0.01)  # A moment between the two, of which timestamps tell milliseconds.
    middle = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.01)
    put(kinesis, unique, ["2"])
    latest = tell(lambda_, sqs, reader, f"{unique}-latest")
    at = tell(lambda_, sqs, reader, f"{unique}-at")
    lambda_.create_event_source_mapping(FunctionName=f"{unique}-latest", EventSourceArn=arn, StartingPosition="LATEST")
    start = {"FunctionName": f"{unique}-at", "EventSourceArn": arn, "StartingPosition": "AT_TIMESTAMP"}
    refused("InvalidParameterValueException", lambda_.create_event_source_mapping, **start)
    mapping = lambda_.create_event_source_mapping(**start, StartingPositionTimestamp=middle)
    assert abs(mapping["StartingPositionTimestamp"] - middle) < datetime.timedelta(seconds=1)
    put(kinesis, unique, ["3"])
    assert data(told(sqs, latest, lambda events: "3" in data(events))) == ["3"]
    assert data(told(sqs, at, lambda events: "3" in data(events))) == ["2", "3"]


def test_children_come_after_their_parents(kinesis, lambda_, sqs, reader, unique):
    arn = make(kinesis, unique, shards=2)
    url = tell(lambda_, sqs, reader, unique)
    put(kinesis, unique, [str(number) for number in range(5)])
    parent = max(shards(kinesis, unique), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    scale = lambda count: kinesis.update_shard_count(StreamName=unique, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
    scale(4)
    put(kinesis, unique, [str(number) for number in range(5, 10)])
    lambda_.create_event_source_mapping(FunctionName=unique, EventSourceArn=arn, StartingPosition="TRIM_HORIZON", BatchSize=2)
    events = told(sqs, url, lambda events: len(data(events)) >= 10)
    scale(2)
    put(kinesis, unique, [str(number) for number in range(10, 15)])
    events += told(sqs, url, lambda events: len(data(events)) >= 5)
    # The queue keeps no order, sequence numbers do.
    ordered = sorted(records(events), key=lambda record: int(record["kinesis"]["sequenceNumber"]))
    assert [base64.b64decode(record["kinesis"]["data"]).decode() for record in ordered] == [str(number) for number in range(15)]
    assert len({record["eventID"].split(":")[0] for record in ordered}) == 3 and parent


FAIL = """
import base64, boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    texts = [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]
    if any("poison" in text for text in texts):
        raise ValueError(texts)
    sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
"""


def test_filters_see_what_data_stand_for_and_poison_is_told(kinesis, lambda_, sqs, reader, unique):
    arn = make(kinesis, unique)
    url = tell(lambda_, sqs, reader, unique, FAIL)
    dead_url, dead = queue(sqs, f"{unique}-dead")
    documents = [{"kind": "click", "n": number} for number in range(6)] + [{"kind": "other"}, {"kind": "click", "poison": 1}]
    sent = put(kinesis, unique, [json.dumps(document) for document in documents])
    lambda_.create_event_source_mapping(
        FunctionName=unique,
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"partitionKey": ["k"], "data": {"kind": ["click"]}})}]},
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": dead}},
    )
    events = told(sqs, url, lambda events: len(data(events)) >= 6)
    assert [json.loads(text)["n"] for text in sorted(data(events))] == list(range(6))
    (letter,) = told(sqs, dead_url, lambda events: events)
    batch = letter["KinesisBatchInfo"]
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"] == sent[-1]["SequenceNumber"]
    assert (batch["batchSize"], batch["streamArn"], batch["shardId"]) == (1, arn, "shardId-000000000000")


def test_a_consumer_feeds_a_function(kinesis, lambda_, sqs, iam, unique):
    arn = make(kinesis, unique)
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    role = make_role(iam, unique)
    url = tell(lambda_, sqs, role, unique)
    start = {"FunctionName": unique, "EventSourceArn": consumer, "StartingPosition": "TRIM_HORIZON"}
    refused("InvalidParameterValueException", lambda_.create_event_source_mapping, **start)
    allow(iam, unique, "kinesis:SubscribeToShard", consumer)
    lambda_.create_event_source_mapping(**start)
    put(kinesis, unique, ["hello"])
    (event,) = told(sqs, url, lambda events: events)
    assert event["Records"][0]["eventSourceARN"] == consumer and data([event]) == ["hello"]


WINDOW = """
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    count = event["state"].get("count", 0) + len(event["Records"])
    if event["isFinalInvokeForWindow"]:
        sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps({"count": count, "shard": event["shardId"], "window": event["window"]}))
    return {"state": {"count": count}}
"""


def test_windows_are_counted_shard_by_shard(kinesis, lambda_, sqs, reader, unique):
    arn = make(kinesis, unique, shards=2)
    url = tell(lambda_, sqs, reader, unique, WINDOW)
    lambda_.create_event_source_mapping(FunctionName=unique, EventSourceArn=arn, StartingPosition="TRIM_HORIZON", TumblingWindowInSeconds=1, ParallelizationFactor=2)
    for key in ("0", str(HASHES - 1)):
        kinesis.put_records(StreamName=unique, Records=[{"Data": b"", "PartitionKey": f"k{number}", "ExplicitHashKey": key} for number in range(10)])
    events = told(sqs, url, lambda events: sum(event["count"] for event in events) >= 20)
    assert sum(event["count"] for event in events) == 20
    assert {event["shard"] for event in events} == {"shardId-000000000000", "shardId-000000000001"}


def test_what_the_role_may_not_read_is_refused(kinesis, lambda_, sqs, iam, unique):
    arn = make(kinesis, unique)
    role = make_role(iam, unique)
    tell(lambda_, sqs, role, unique)
    start = {"FunctionName": unique, "StartingPosition": "LATEST"}
    error = refused("InvalidParameterValueException", lambda_.create_event_source_mapping, EventSourceArn=arn, **start)
    assert error["Error"]["Message"].startswith(f"Cannot access stream {arn}. Please ensure the role can perform the GetRecords")
    allow(iam, unique, [f"kinesis:{action}" for action in READING], "*")
    error = refused("InvalidParameterValueException", lambda_.create_event_source_mapping, EventSourceArn=f"{arn}-none", **start)
    assert "Stream not found" in error["Error"]["Message"]


def test_no_record_is_skipped_in_a_crash():
    """A function that always fails has each record told to a queue: what the queue has was handed to the function."""
    server = Server()
    iam = server.client("iam")
    role = make_role(iam, "fed")
    allow(iam, "fed", "kinesis:*", "*")
    arn = make(server.client("kinesis"), "fed", shards=2)
    _, queue_arn = queue(server.client("sqs"), "told")
    create(server.client("lambda"), role, "f", Code={"ZipFile": package(index__py="def handler(event, context):\n    raise ValueError('told to')")})
    server.client("lambda").create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        MaximumRetryAttempts=0,
        ParallelizationFactor=3,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )
    expected, seen = set(), set()

    def drain(enough):
        sqs, url = server.client("sqs"), f"{server.endpoint}/{ACCOUNT}/told"
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            seen.add(json.loads(message["Body"])["KinesisBatchInfo"]["startSequenceNumber"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(seen) >= enough

    for round_ in range(2):
        kinesis = server.client("kinesis")
        for number in range(20):
            expected |= {result["SequenceNumber"] for result in put(kinesis, "fed", [f"{round_}-{number}"], key=str(number))}
        kinesis.update_shard_count(StreamName="fed", TargetShardCount=3 - round_, ScalingType="UNIFORM_SCALING")
        wait_until(lambda: drain(round_ * 20 + 5), 60, "the first records of a round being told")
        server.kill()
        server.start()
    wait_until(lambda: drain(len(expected)), 60, "every record being told")
    assert seen == expected
    server.kill()
