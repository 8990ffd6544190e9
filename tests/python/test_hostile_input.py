"""Values that no client would send, to every member of every operation: each gets AWS's kind of refusal, or an answer.

A failure of the server's own (status 500) is a bug, whatever was asked; so is a server that does not answer any more.
The operations come from the binary and the members from the official models, so that new ones are tested as soon as
they exist.
"""

import json
import os
import random

import botocore.session
import pytest
from cloudlet import Server
from test_denied import INPUTS, sample
from test_follow import Page, address
from test_models import OPERATIONS
from test_signatures import send_as

NESTED = "leaf"
for _ in range(60):
    NESTED = {"M": {"k": NESTED}}

STRINGS = [
    *("", " ", "\0", "\u202egr\u00fc\u00dfe\U0001f600", "x" * 300, "y" * 100_000, "../../etc/passwd", "%2e%2e%2f", "-1", "9" * 400, "1e999", "true", "*"),
    *("{", "[" * 1000, "(" * 1000, "{}", "a.b[0", "#a = :a", "SET a = ", "${aws:username}", "2026-13-45T99:99:99Z", "AAAA", "v0", "$LATEST", "/", "//"),
    *("arn:aws:sqs:us-east-1:000000000000:", "arn:aws:lambda:us-east-1:000000000000:function:f:\u00e9", ":::::", "arn:aws:iam::000000000000:role/", "http://[::1"),
]
NUMBERS = [0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 1e308, 0.5]
LISTS = [[], [None], [[]], ["x"] * 2000, [{}], [NESTED]]
MAPS = [{}, {"": None}, {"k": {}}, {"\0": ["x"]}, {str(number): "x" for number in range(2000)}, NESTED]
# Of the right type, so that they get further than reading; and a few that do not.
VALUES = {
    **dict.fromkeys(["string", "character"], [*STRINGS, 5, None]),
    **dict.fromkeys(["integer", "long", "float", "double", "timestamp"], [*NUMBERS, "x", None]),
    "blob": ["", "AAAA", "not base64", "A" * 100_000, 5],
    "boolean": [True, False, "x"],
    "list": [*LISTS, "x", None],
    **dict.fromkeys(["map", "structure"], [*MAPS, "x", None]),
}
# How many values of each operation are tried; all of them, to find something.
SAMPLES = int(os.environ.get("CLOUDLET_HOSTILE_SAMPLES", "15"))
SEED = int(os.environ.get("CLOUDLET_SEED", "1"))


@pytest.fixture(scope="module")
def victim():
    server = Server()
    # What samples name exists, so that values get further than looking for it.
    name = "x" * 8
    server.client("sqs").create_queue(QueueName=name)
    server.client("logs").create_log_group(logGroupName=name)
    server.client("logs").create_log_stream(logGroupName=name, logStreamName=name)
    server.client("iam").create_user(UserName=name)
    schema = {"AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"}], "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}]}
    server.client("dynamodb").create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **schema)
    yield server
    assert server.stop(), server.logged()


def variants(shape, value, depth=0):
    """The value with one part of it replaced, for each part and each replacement."""
    yield from VALUES[shape.type_name]
    if depth < 3 and shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            inner = value.get(name, sample(member, name) if depth < 2 else None)
            for replacement in variants(member, inner, depth + 1):
                yield {**value, name: replacement}
    elif depth < 3 and shape.type_name == "list" and isinstance(value, list) and value:
        for replacement in variants(shape.member, value[0], depth + 1):
            yield [replacement]
    elif depth < 3 and shape.type_name == "map" and isinstance(value, dict) and value:
        for replacement in variants(shape.value, next(iter(value.values())), depth + 1):
            yield {"k": replacement}


@pytest.mark.parametrize("row", [row for row in OPERATIONS if not row["Model"].startswith("cloudlet")], ids=lambda row: f"{row['Model']}.{row['Operation']}")
def test_hostile_values(victim, row):
    model, operation = row["Model"], row["Operation"]
    shape = botocore.session.get_session().get_service_model(model).operation_model(operation).input_shape
    if shape is None:
        return
    start = INPUTS.get((model, operation)) or sample(shape)
    every = list(variants(shape, json.loads(json.dumps(start, default=str))))
    if SAMPLES < len(every):
        every = random.Random(f"{SEED} {model} {operation}").sample(every, SAMPLES)
    credentials = (victim.root["AWS_ACCESS_KEY_ID"], victim.root["AWS_SECRET_ACCESS_KEY"])
    for value in every:
        if isinstance(value, dict):
            # Waiting is not what is tested.
            value = {name: inner for name, inner in value.items() if name != "WaitTimeSeconds"}
        body = json.dumps({"Service": model, "Operation": operation, "Input": value}).encode()
        status, answer = send_as(victim, credentials, "cloudlet", "Cloudlet_20261101.Call", body)
        assert status in (200, 202, 204, 501) or 400 <= status < 500, f"seed {SEED}: {str(value)[:500]} answered {answer}\n{victim.logged()[-1500:]}"


def test_hostile_queries_to_follow(victim):
    shape = botocore.session.get_session().get_service_model("dynamodb").operation_model("Query").input_shape
    keys = {"KeyConditionExpression": "#k = :v", "ExpressionAttributeNames": {"#k": "x" * 8}, "ExpressionAttributeValues": {":v": {"S": "x"}}}
    tried = [*STRINGS, *(json.dumps(query) for query in variants(shape, {"TableName": "x" * 8, **keys}))]
    # What is longer does not fit into a request's head, which is a refusal of its own.
    tried = [query for query in tried if len(query) < 8_000]
    for query in random.Random(SEED).sample(tried, min(10 * SAMPLES, len(tried))):
        page = Page(address(victim, query))
        assert page.response.status < 500, query
        page.close()
    victim.client("sqs").list_queues()
