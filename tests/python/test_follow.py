"""Queries that are followed: server-sent events and WebSockets, by presigned URLs, as a page would use them."""

import http.client
import json
import random
import threading
from urllib.parse import urlencode, urlsplit

import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudlet import REGION, Server, wait_until
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

# How long anything may take that should come at once.
WAIT = 30


def address(server, query, key=None, expires=60):
    """A URL that lets its bearer follow `query`, as whoever owns `key`."""
    key = key or (server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])
    text = query if isinstance(query, str) else json.dumps(query)
    request = AWSRequest("GET", f"{server.endpoint}/_cloudlet/dynamodb/follow?{urlencode({'query': text})}")
    SigV4QueryAuth(Credentials(*key), "dynamodb", REGION, expires=expires).add_auth(request)
    return request.url


class Page:
    """Server-sent events, read as a browser does, and the result that they amount to."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=WAIT)
        self.connection.request("GET", f"{parts.path}?{parts.query}", headers={"Accept": "text/event-stream"})
        self.response = self.connection.getresponse()

    def refusal(self):
        return self.response.status, json.loads(self.response.read())["message"]

    def __iter__(self):
        assert self.response.getheader("Content-Type") == "text/event-stream"
        for line in self.response:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))

    def close(self):
        self.connection.close()


def plain(item):
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def apply(result, changes):
    """Brings a list of (key, item) up to date, by the rules in the README."""
    for change in changes:
        key = change["Key"]
        match change["Type"]:
            case "Removed":
                result[:] = [pair for pair in result if pair[0] != key]
            case "Modified":
                result[:] = [(key, change["Item"]) if pair[0] == key else pair for pair in result]
            case "Added":
                result.insert(change["Index"], (key, change["Item"]))


@pytest.fixture
def rooms(dynamodb, unique):
    """Messages by room and number, and by author."""
    dynamodb.create_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "room", "AttributeType": "S"},
            {"AttributeName": "n", "AttributeType": "N"},
            {"AttributeName": "author", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "room", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-author",
                "KeySchema": [{"AttributeName": "author", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    wait_until(lambda: dynamodb.describe_table(TableName=unique)["Table"]["TableStatus"] == "ACTIVE")
    return unique


def message(room, n, **more):
    return {"room": {"S": room}, "n": {"N": str(n)}, **{name: {"S": value} for name, value in more.items()}}


def in_room(table, room, **more):
    return {"TableName": table, "KeyConditionExpression": "room = :r", "ExpressionAttributeValues": {":r": {"S": room}}, **more}


def test_a_page_is_told_the_result_and_each_change(server, dynamodb, rooms):
    dynamodb.put_item(TableName=rooms, Item=message("a", 2, text="two"))
    news = iter(Page(address(server, in_room(rooms, "a"))))
    assert next(news) == {"Type": "Result", "Items": [message("a", 2, text="two")], "Count": 1}
    # What happens elsewhere is not told.
    dynamodb.put_item(TableName=rooms, Item=message("b", 1))
    dynamodb.put_item(TableName=rooms, Item=message("a", 1, text="one"))
    added = {"Type": "Added", "Key": message("a", 1), "Item": message("a", 1, text="one"), "Index": 0}
    assert next(news) == {"Type": "Changes", "Changes": [added], "Count": 2}
    dynamodb.update_item(TableName=rooms, Key=message("a", 2), UpdateExpression="SET #t = :t", ExpressionAttributeNames={"#t": "text"}, ExpressionAttributeValues={":t": {"S": "zwei"}})
    modified = {"Type": "Modified", "Key": message("a", 2), "Item": message("a", 2, text="zwei"), "Index": 1}
    assert next(news) == {"Type": "Changes", "Changes": [modified], "Count": 2}
    # A write that changes nothing is no news.
    dynamodb.put_item(TableName=rooms, Item=message("a", 2, text="zwei"))
    dynamodb.delete_item(TableName=rooms, Key=message("a", 1))
    assert next(news) == {"Type": "Changes", "Changes": [{"Type": "Removed", "Key": message("a", 1)}], "Count": 1}


def test_a_transaction_is_told_as_one_change(server, dynamodb, rooms):
    news = iter(Page(address(server, in_room(rooms, "a"))))
    assert next(news)["Count"] == 0
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": rooms, "Item": message("a", n)}} for n in (1, 2, 3)])
    told = next(news)
    assert ([change["Index"] for change in told["Changes"]], told["Count"]) == ([0, 1, 2], 3)


def test_order_limit_filter_and_projection_are_the_querys(server, dynamodb, rooms):
    for n in range(5):
        dynamodb.put_item(TableName=rooms, Item=message("a", n, text=str(n), secret="s"))
    latest = in_room(rooms, "a", Limit=2, ScanIndexForward=False, ProjectionExpression="#t", ExpressionAttributeNames={"#t": "text"})
    news = iter(Page(address(server, latest)))
    assert [plain(item) for item in next(news)["Items"]] == [{"text": "4"}, {"text": "3"}]
    # What the projection hides is no news; what a new first item pushes out is.
    dynamodb.put_item(TableName=rooms, Item=message("a", 4, text="4", secret="other"))
    dynamodb.put_item(TableName=rooms, Item=message("a", 5, text="5"))
    removed, added = next(news)["Changes"]
    assert (removed["Type"], removed["Key"]) == ("Removed", message("a", 3))
    assert (added["Type"], added["Item"], added["Index"]) == ("Added", {"text": {"S": "5"}}, 0)
    flagged = in_room(rooms, "a", FilterExpression="attribute_exists(flag)")
    news = iter(Page(address(server, flagged)))
    assert next(news)["Items"] == []
    dynamodb.put_item(TableName=rooms, Item=message("a", 1, flag="x"))
    assert next(news)["Changes"][0]["Item"] == message("a", 1, flag="x")
    dynamodb.put_item(TableName=rooms, Item=message("a", 1))
    assert next(news)["Changes"] == [{"Type": "Removed", "Key": message("a", 1)}]


def test_an_index_is_followed(server, dynamodb, rooms):
    by_ann = {"TableName": rooms, "IndexName": "by-author", "KeyConditionExpression": "author = :a", "ExpressionAttributeValues": {":a": {"S": "ann"}}}
    news = iter(Page(address(server, by_ann)))
    assert next(news)["Count"] == 0
    dynamodb.put_item(TableName=rooms, Item=message("a", 1, author="ann"))
    assert next(news)["Changes"][0]["Key"] == message("a", 1, author="ann")
    dynamodb.put_item(TableName=rooms, Item=message("a", 1, author="bob"))
    assert [change["Type"] for change in next(news)["Changes"]] == ["Removed"]


def test_a_follower_that_keeps_up_has_what_there_is(server, dynamodb, rooms):
    """Many quick changes, told together or one by one, amount to the query's result."""
    news = iter(Page(address(server, in_room(rooms, "a"))))
    pick = random.Random(7)
    assert next(news)["Count"] == 0
    for _ in range(400):
        n = pick.randrange(20)
        if pick.random() < 0.4:
            dynamodb.delete_item(TableName=rooms, Key=message("a", n))
        else:
            dynamodb.put_item(TableName=rooms, Item=message("a", n, text=str(pick.random())))
    dynamodb.put_item(TableName=rooms, Item=message("a", 99, text="the end"))
    followed = []
    for told in news:
        apply(followed, told["Changes"])
        assert len(followed) == told["Count"]
        if followed[-1][0] == message("a", 99):
            break
    assert [item for _, item in followed] == dynamodb.query(**in_room(rooms, "a"))["Items"]


def test_a_websocket_is_told_the_same(server, dynamodb, rooms):
    url = address(server, in_room(rooms, "a")).replace("http://", "ws://")
    with connect(url) as socket:
        assert json.loads(socket.recv(WAIT)) == {"Type": "Result", "Items": [], "Count": 0}
        # What a client says is heard, and means nothing.
        socket.send("hello")
        dynamodb.put_item(TableName=rooms, Item=message("a", 1))
        assert json.loads(socket.recv(WAIT))["Changes"][0]["Item"] == message("a", 1)
        dynamodb.delete_table(TableName=rooms)
        assert json.loads(socket.recv(WAIT))["Code"] == "ResourceNotFoundException"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(WAIT)
        assert closed.value.rcvd.code == 1001
    with pytest.raises(InvalidStatus) as refused:
        connect(url)
    assert refused.value.response.status_code == 400


def test_a_deleted_table_ends_the_news(server, dynamodb, rooms):
    news = iter(Page(address(server, in_room(rooms, "a"))))
    assert next(news)["Count"] == 0
    dynamodb.delete_table(TableName=rooms)
    assert [told["Type"] for told in news] == ["Error"]


@pytest.fixture
def reader(server, iam, rooms, unique):
    """A user who may query one table, the name of the policy that says so, and a key."""
    iam.create_user(UserName=unique)
    arn = f"arn:aws:dynamodb:{REGION}:*:table/{rooms}"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:Query", "Resource": arn}]}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    return unique, (key["AccessKeyId"], key["SecretAccessKey"])


def test_who_may_query_may_follow_and_only_while_that_holds(server, dynamodb, iam, rooms, reader):
    name, key = reader
    by_author = {"TableName": rooms, "IndexName": "by-author", "KeyConditionExpression": "author = :a", "ExpressionAttributeValues": {":a": {"S": "ann"}}}
    status, why = Page(address(server, by_author, key)).refusal()
    assert status == 403 and "dynamodb:Query" in why
    news = iter(Page(address(server, in_room(rooms, "a"), key)))
    assert next(news)["Count"] == 0
    iam.delete_user_policy(UserName=name, PolicyName="p")
    dynamodb.put_item(TableName=rooms, Item=message("a", 1, text="secret"))
    told = list(news)
    assert [one["Code"] for one in told] == ["AccessDeniedException"] and "secret" not in json.dumps(told)


def test_what_cannot_be_followed_is_refused(server, rooms):
    def refused(query, part, status=400):
        found, why = Page(address(server, query)).refusal()
        assert found == status and part in why, (found, why)

    refused(in_room(rooms, "a", ExclusiveStartKey=message("a", 1)), "ExclusiveStartKey")
    refused(in_room(rooms, "a", Select="COUNT"), "COUNT")
    refused(in_room(rooms, "a", ReturnConsumedCapacity="TOTAL"), "ReturnConsumedCapacity")
    refused(in_room("nothing", "a"), "not found")
    refused({"TableName": rooms}, "KeyConditionExpression")
    refused(in_room(rooms, "a", KeyConditionExpression="room = "), "KeyConditionExpression")
    for query in ("", "{", "[]", '{"TableName": 1}'):
        refused(query, "")
    url = address(server, in_room(rooms, "a"))
    assert Page(url.replace("X-Amz-Signature=", "X-Amz-Signature=0")).refusal()[0] == 403
    assert Page(url.split("&X-Amz")[0]).refusal()[0] in (400, 403)


def test_a_result_that_grows_too_large_is_told(server, dynamodb, rooms):
    news = iter(Page(address(server, in_room(rooms, "a"))))
    assert next(news)["Count"] == 0
    for n in range(3):
        dynamodb.put_item(TableName=rooms, Item=message("a", n, text="x" * 390_000))
    told = list(news)
    assert told[-1]["Code"] == "LimitExceededException" and "Limit" in told[-1]["Message"]


def test_a_server_that_stops_ends_the_news():
    server = Server()
    dynamodb = server.client("dynamodb")
    table = "rooms"
    keys = {"AttributeDefinitions": [{"AttributeName": "room", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "room", "KeyType": "HASH"}]}
    dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST", **keys)
    url = address(server, in_room(table, "a"))
    news = iter(Page(url))
    with connect(url.replace("http://", "ws://")) as socket:
        assert next(news)["Count"] == json.loads(socket.recv(WAIT))["Count"] == 0
        ended = threading.Thread(target=lambda: list(news))
        ended.start()
        assert server.stop()
        ended.join(WAIT)
    assert not ended.is_alive()
    assert "did not finish in time" not in server.logged()
