"""The protocols that boto3 does not speak (CBOR, and HTTP/2 on a plain socket), and the versions of those it does."""

import datetime
import json
import socket
import urllib.error
import urllib.parse
import urllib.request

import cbor2
import h2.config
import h2.connection
import h2.events
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudlet import ACCOUNT, REGION

TARGETS = {"sqs": "AmazonSQS", "dynamodb": "DynamoDB_20120810", "dynamodbstreams": "DynamoDBStreams_20120810", "logs": "Logs_20140328"}
SIGNED_AS = {"dynamodbstreams": "dynamodb"}


def sign(server, service, method, path, headers, body):
    """The headers of a request, with its signature."""
    request = AWSRequest(method, server.endpoint + path, data=body, headers=headers)
    credentials = Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(credentials, SIGNED_AS.get(service, service), REGION).add_auth(request)
    return dict(request.headers)


def send(server, service, path, headers, body, method="POST"):
    """Signs and sends; returns the status, the headers and the body of the answer."""
    request = urllib.request.Request(server.endpoint + path, data=body, headers=sign(server, service, method, path, headers, body), method=method)
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers, answer.read()


def rpc_v2(server, service, operation, body):
    headers = {"Content-Type": "application/cbor", "Accept": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}
    path = f"/service/{TARGETS[service]}/operation/{operation}"
    status, headers, answer = send(server, service, path, headers, body)
    assert headers["Smithy-Protocol"] == "rpc-v2-cbor" and headers["Content-Type"] == "application/cbor"
    return status, cbor2.loads(answer)


def aws_cbor(server, service, operation, body):
    headers = {"Content-Type": "application/x-amz-cbor-1.1", "X-Amz-Target": f"{TARGETS[service]}.{operation}"}
    status, headers, answer = send(server, service, "/", headers, body)
    assert headers["Content-Type"] == "application/x-amz-cbor-1.1"
    return status, millis_loads(answer)


def millis_loads(body):
    """What a body of the older protocol says: moments are whole milliseconds there, behind the tag that is for seconds."""
    moment = lambda tag, *_: datetime.datetime.fromtimestamp(tag.value / 1000, datetime.timezone.utc)
    # Told by a tag that means nothing, and so is ours to read.
    return cbor2.loads(body.replace(b"\xc1\x1b", b"\xc6\x1b"), tag_hook=moment)


@pytest.fixture(params=[rpc_v2, aws_cbor], ids=["rpc-v2-cbor", "x-amz-cbor-1.1"])
def call(server, request):
    """Calls an operation in one of the two ways to send CBOR."""

    def call(service, operation, values):
        body = values if isinstance(values, bytes) else cbor2.dumps(values)
        return request.param(server, service, operation, body)

    return call


def test_cbor_to_sqs(call, unique):
    status, made = call("sqs", "CreateQueue", {"QueueName": unique, "Attributes": {"DelaySeconds": "0"}})
    assert status == 200 and made["QueueUrl"].endswith(f"/{ACCOUNT}/{unique}")
    url = made["QueueUrl"]
    attributes = {"b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}, "s": {"DataType": "String", "StringValue": "grüße"}}
    status, sent = call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "hello ✓", "MessageAttributes": attributes, "DelaySeconds": 0})
    assert status == 200 and sent["MD5OfMessageBody"]
    status, received = call("sqs", "ReceiveMessage", {"QueueUrl": url, "MessageAttributeNames": ["All"]})
    (message,) = received["Messages"]
    assert message["Body"] == "hello ✓" and message["MessageAttributes"] == attributes
    status, error = call("sqs", "SendMessage", {"QueueUrl": f"{url}-none", "MessageBody": "x"})
    assert status == 400 and error["__type"] == "com.amazonaws.sqs#QueueDoesNotExist", error


def test_cbor_to_dynamodb(call, dynamodb, unique):
    schema = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}
    status, made = call("dynamodb", "CreateTable", {"TableName": unique, "BillingMode": "PAY_PER_REQUEST", **schema})
    assert status == 200 and made["TableDescription"]["CreationDateTime"].year >= 2024, "a moment is tagged as one"
    dynamodb.get_waiter("table_exists").wait(TableName=unique, WaiterConfig={"Delay": 1})
    item = {"k": {"S": "a"}, "b": {"B": b"\x00\xff"}, "bs": {"BS": [b"x"]}, "n": {"N": "1.5"}, "l": {"L": [{"BOOL": True}, {"NULL": True}]}}
    assert call("dynamodb", "PutItem", {"TableName": unique, "Item": item})[0] == 200
    assert call("dynamodb", "GetItem", {"TableName": unique, "Key": {"k": {"S": "a"}}, "ConsistentRead": True})[1]["Item"] == item
    assert dynamodb.get_item(TableName=unique, Key={"k": {"S": "a"}})["Item"] == item
    status, error = call("dynamodb", "GetItem", {"TableName": f"{unique}-none", "Key": {"k": {"S": "a"}}})
    assert status == 400 and error["__type"] == "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"


def test_cbor_to_streams_and_backups(call, dynamodb, unique):
    """Images, binary keys and moments are as JSON has them, in whatever form they are sent."""
    schema = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "B"}], "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    arn = dynamodb.create_table(TableName=unique, BillingMode="PAY_PER_REQUEST", StreamSpecification=stream, **schema)["TableDescription"]["LatestStreamArn"]
    item = {"k": {"B": b"\x00\xff"}, "m": {"M": {"n": {"N": "1"}}}}
    assert call("dynamodb", "PutItem", {"TableName": unique, "Item": item})[0] == 200
    streams = [listed["StreamArn"] for listed in call("dynamodbstreams", "ListStreams", {"TableName": unique})[1]["Streams"]]
    assert streams == [arn]
    described = call("dynamodbstreams", "DescribeStream", {"StreamArn": arn})[1]["StreamDescription"]
    assert described["CreationRequestDateTime"].year >= 2024
    shard = {"StreamArn": arn, "ShardId": described["Shards"][0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = call("dynamodbstreams", "GetShardIterator", shard)[1]["ShardIterator"]
    (record,) = call("dynamodbstreams", "GetRecords", {"ShardIterator": iterator})[1]["Records"]
    change = record["dynamodb"]
    assert change["Keys"] == {"k": item["k"]} and change["NewImage"] == item
    assert change["ApproximateCreationDateTime"].year >= 2024
    status, error = call("dynamodbstreams", "DescribeStream", {"StreamArn": arn + "x"})
    assert status == 400 and error["__type"].endswith("#ResourceNotFoundException"), error

    specification = {"PointInTimeRecoveryEnabled": True}
    updated = call("dynamodb", "UpdateContinuousBackups", {"TableName": unique, "PointInTimeRecoverySpecification": specification})[1]
    moment = updated["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["EarliestRestorableDateTime"]
    restored = call("dynamodb", "RestoreTableToPointInTime", {"SourceTableName": unique, "TargetTableName": f"{unique}-new", "RestoreDateTime": moment})[1]
    assert restored["TableDescription"]["RestoreSummary"]["RestoreDateTime"] == moment
    backup = call("dynamodb", "CreateBackup", {"TableName": unique, "BackupName": "backup"})[1]["BackupDetails"]
    listed = call("dynamodb", "ListBackups", {"TableName": unique, "TimeRangeLowerBound": backup["BackupCreationDateTime"]})[1]
    assert [summary["BackupArn"] for summary in listed["BackupSummaries"]] == [backup["BackupArn"]]


def test_cbor_to_logs(call, unique):
    names = {"logGroupName": unique, "logStreamName": "s"}
    assert call("logs", "CreateLogGroup", {"logGroupName": unique}) == (200, {})
    assert call("logs", "CreateLogStream", names)[0] == 200
    status, group = call("logs", "DescribeLogGroups", {"logGroupNamePrefix": unique})
    at = group["logGroups"][0]["creationTime"]
    assert isinstance(at, int), "a number in the model, not a moment"
    assert call("logs", "PutLogEvents", {**names, "logEvents": [{"timestamp": at, "message": "m"}]})[0] == 200
    assert [event["message"] for event in call("logs", "GetLogEvents", names)[1]["events"]] == ["m"]


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"\x80", b"\x61", b"\x81" * 100_000, b"\x9f" * 100_000, b"\xbb" + b"\xff" * 8, b"\x5b" + b"\x7f" * 8, cbor2.dumps({"QueueName": 5}), cbor2.dumps({1: 2}), cbor2.dumps({}) * 2],
    ids=lambda body: body[:4].hex(),
)
def test_malformed_cbor(call, body):
    status, error = call("sqs", "CreateQueue", body)
    assert status == 400 and error["__type"].endswith("SerializationException"), error


def test_unknown_operations_in_cbor(server):
    status, error = rpc_v2(server, "sqs", "Frobnicate", b"")
    assert status == 404 and error["__type"].endswith("UnknownOperationException")
    status, error = aws_cbor(server, "sqs", "Frobnicate", b"")
    assert status == 400 and error["__type"].endswith("UnknownOperationException")


@pytest.mark.parametrize("service, operation, key", [("sqs", "ListQueues", None), ("dynamodb", "ListTables", "TableNames"), ("logs", "DescribeLogGroups", "logGroups")])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_json_is_answered_in_the_version_that_was_asked(server, service, operation, key, version):
    headers = {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": f"{TARGETS[service]}.{operation}"}
    status, headers, answer = send(server, service, "/", headers, b"{}")
    assert status == 200 and headers["Content-Type"] == f"application/x-amz-json-{version}"
    assert headers["x-amzn-RequestId"]
    assert key is None or key in json.loads(answer)


def test_an_empty_body_is_a_request_without_members(server):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables"}
    assert send(server, "dynamodb", "/", headers, b"")[0] == 200


def presigned(server, service, method, parameters, seconds=60, path="/"):
    """A URL that carries a call's parameters and its signature."""
    request = AWSRequest(method, f"{server.endpoint}{path}?{urllib.parse.urlencode(parameters)}")
    credentials = Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])
    SigV4QueryAuth(credentials, service, REGION, expires=seconds).add_auth(request)
    return request.url


def fetch(url, headers=()):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers))) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_presigned_queries(server, sqs, unique):
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    version = {"Version": "2012-11-05"}
    send_url = presigned(server, "sqs", "GET", {"Action": "SendMessage", "QueueUrl": url, "MessageBody": "a b&c=d/é", **version})
    assert fetch(send_url)[0] == 200
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a b&c=d/é"
    status, text = fetch(send_url.replace("SendMessage", "PurgeQueue"))
    assert status == 403 and "SignatureDoesNotMatch" in text
    status, text = fetch(presigned(server, "iam", "GET", {"Action": "ListUsers", "Version": "2010-05-08"}))
    assert status == 200 and "<ListUsersResult>" in text
    status, text = fetch(presigned(server, "iam", "GET", {"Action": "ListUsers", "Version": "2010-05-08"}, seconds=10**6))
    assert status == 403 and "X-Amz-Expires" in text, text
    status, text = fetch(presigned(server, "sqs", "GET", {"Action": "ListUsers", "Version": "2010-05-08"}))
    assert status in (400, 403) and "ListUsers" in text, "signed for another service"


class Http2:
    """A client of HTTP/2 that knows beforehand that the server speaks it (RFC 9113, section 3.3)."""

    def __init__(self, server):
        url = urllib.parse.urlsplit(server.endpoint)
        self.authority = url.netloc
        self.socket = socket.create_connection((url.hostname, url.port), timeout=30)
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()

    def begin(self, headers, body):
        """Sends a request without waiting; returns its stream."""
        stream = self.connection.get_next_available_stream_id()
        pseudo = [(":method", "POST"), (":scheme", "http"), (":authority", self.authority), (":path", "/")]
        self.connection.send_headers(stream, pseudo + [(name.lower(), value) for name, value in headers.items()])
        self.connection.send_data(stream, body, end_stream=True)
        self.socket.sendall(self.connection.data_to_send())
        return stream

    def finish(self, streams):
        """The statuses and bodies of all streams."""
        answers = {stream: ["", b""] for stream in streams}
        running = set(streams)
        while running:
            data = self.socket.recv(65_536)
            assert data, "the server closed the connection"
            for event in self.connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    answers[event.stream_id][0] = dict(event.headers)[":status"]
                elif isinstance(event, h2.events.DataReceived):
                    answers[event.stream_id][1] += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    running.discard(event.stream_id)
            self.socket.sendall(self.connection.data_to_send())
        return answers


def test_http_2_with_prior_knowledge(server):
    client = Http2(server)
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables"}
    streams = [client.begin(sign(server, "dynamodb", "POST", "/", headers, b"{}"), b"{}") for _ in range(20)]
    unsigned = client.begin(headers, b"{}")
    answers = client.finish([*streams, unsigned])
    assert {answers[stream][0] for stream in streams} == {"200"}
    assert all("TableNames" in json.loads(answers[stream][1]) for stream in streams)
    assert answers[unsigned][0] == "400" and b"MissingAuthenticationToken" in answers[unsigned][1]
