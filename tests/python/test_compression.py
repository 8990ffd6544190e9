"""Compressed requests and answers, as DynamoDB takes and gives them; and the checksum of its answers."""

import gzip
import json
import zlib

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudlet import REGION

CODINGS = {"gzip": (gzip.compress, gzip.decompress), "deflate": (zlib.compress, zlib.decompress)}
POOL = urllib3.PoolManager()


def send(server, service, body, headers):
    """A signed request whose bytes are what they are, and the answer whose bytes are left as they came."""
    request = AWSRequest("POST", f"{server.endpoint}/", data=body, headers=headers)
    key = Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, service, REGION).add_auth(request)
    return POOL.request("POST", request.url, body=body, headers=dict(request.headers), decode_content=False, retries=False)


def call(server, operation, input, coding=None, **headers):
    """An operation of DynamoDB; its input may be bytes that somebody else has made."""
    body = input if isinstance(input, bytes) else json.dumps(input).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}"} | headers
    return send(server, "dynamodb", body, headers | ({"Content-Encoding": coding} if coding else {}))


@pytest.fixture
def table(dynamodb, unique):
    dynamodb.create_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )
    return unique


def put(table, text):
    return json.dumps({"TableName": table, "Item": {"k": {"S": "a"}, "text": {"S": text}}}).encode()


def stored(dynamodb, table):
    return dynamodb.get_item(TableName=table, Key={"k": {"S": "a"}}).get("Item", {}).get("text", {}).get("S")


@pytest.mark.parametrize("coding", CODINGS)
def test_requests_may_be_compressed(server, dynamodb, table, coding):
    compress, _ = CODINGS[coding]
    assert call(server, "PutItem", compress(put(table, "x" * 100_000)), coding).status == 200
    assert stored(dynamodb, table) == "x" * 100_000
    assert call(server, "PutItem", put(table, "plain"), "identity").status == 200
    assert stored(dynamodb, table) == "plain"


def test_gzip_may_have_several_members(server, dynamodb, table):
    body = put(table, "twice")
    assert call(server, "PutItem", gzip.compress(body[:10]) + gzip.compress(body[10:]), "gzip").status == 200
    assert stored(dynamodb, table) == "twice"


def test_all_protocols_take_compressed_requests(server, iam, sqs, unique):
    form = gzip.compress(f"Action=CreateUser&Version=2010-05-08&UserName={unique}".encode())
    assert send(server, "iam", form, {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}).status == 200
    assert iam.get_user(UserName=unique)["User"]["UserName"] == unique
    queue = json.dumps({"QueueName": unique}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Encoding": "gzip"}
    assert send(server, "sqs", gzip.compress(queue), headers).status == 200
    assert sqs.get_queue_url(QueueName=unique)["QueueUrl"].endswith(unique)


def test_what_is_not_compressed_as_it_says_does_nothing(server, dynamodb, table):
    body = put(table, "never")
    for coding, (compress, _) in CODINGS.items():
        for broken in (body, b"", compress(body)[:-1]):
            answer = call(server, "PutItem", broken, coding)
            assert (answer.status, json.loads(answer.data)["__type"].split("#")[1]) == (500, "InternalServerError")
    assert call(server, "PutItem", body, "zstd").status == 500
    # A few kilobytes that would be many megabytes.
    bomb = gzip.compress(body + b" " * (40 << 20))
    assert len(bomb) < 100_000
    assert call(server, "PutItem", bomb, "gzip").status == 413
    assert stored(dynamodb, table) is None


@pytest.mark.parametrize("coding", CODINGS)
def test_long_answers_are_compressed_for_those_who_ask(server, dynamodb, table, coding):
    _, decompress = CODINGS[coding]
    text = "".join(f"{number}," for number in range(10_000))
    dynamodb.put_item(TableName=table, Item={"k": {"S": "a"}, "text": {"S": text}, "short": {"S": "s"}})
    get = {"TableName": table, "Key": {"k": {"S": "a"}}}
    plain = call(server, "GetItem", get, **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    answer = call(server, "GetItem", get, **{"Accept-Encoding": f"br, {coding}"})
    assert answer.headers["Content-Encoding"] == coding
    assert len(answer.data) < 0.6 * len(plain.data)
    assert json.loads(decompress(answer.data)) == json.loads(plain.data)
    short = call(server, "GetItem", get | {"ProjectionExpression": "short"}, **{"Accept-Encoding": coding})
    assert "Content-Encoding" not in short.headers
    missing = call(server, "GetItem", get | {"TableName": "missing"}, **{"Accept-Encoding": coding})
    for each in (plain, answer, short, missing):
        assert int(each.headers["x-amz-crc32"]) == zlib.crc32(each.data), "of what is sent"


def test_other_services_answer_compressed_too_and_without_checksum(server, iam, unique):
    for number in range(30):
        iam.create_user(UserName=f"{unique}-{number}")
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "gzip"}
    answer = send(server, "iam", b"Action=ListUsers&Version=2010-05-08", form)
    assert f"{unique}-29" in gzip.decompress(answer.data).decode()
    assert "x-amz-crc32" not in answer.headers
