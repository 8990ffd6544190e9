"""`serve --throttle`: tables give what is provisioned for them, and say so with DynamoDB's own errors."""

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until

LEVEL = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."


def make(dynamodb, name, **more):
    schema = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}
    units = {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}
    dynamodb.create_table(TableName=name, **schema, **(more or units))


@pytest.fixture(scope="module")
def throttled():
    server = Server(options=["--throttle"])
    yield server
    assert server.stop(), server.logged()


def refused(call, **request):
    """Calls until there is no throughput left: the error's response."""
    for _ in range(10_000):
        try:
            call(**request)
        except ClientError as error:
            return error.response
    raise AssertionError("nothing was refused")


def test_a_table_gives_what_is_provisioned(throttled):
    dynamodb = throttled.client("dynamodb")
    make(dynamodb, "tight")
    response = refused(dynamodb.put_item, TableName="tight", Item={"k": {"S": "a"}})
    assert (response["Error"]["Code"], response["Error"]["Message"]) == ("ProvisionedThroughputExceededException", LEVEL)
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/tight"
    assert response["ThrottlingReasons"] == [{"reason": "TableWriteProvisionedThroughputExceeded", "resource": arn}]
    response = refused(dynamodb.query, TableName="tight", KeyConditionExpression="k = :k", ExpressionAttributeValues={":k": {"S": "a"}})
    assert response["ThrottlingReasons"][0]["reason"] == "TableReadProvisionedThroughputExceeded"
    put = {"Put": {"TableName": "tight", "Item": {"k": {"S": "a"}}}}
    response = refused(dynamodb.transact_write_items, TransactItems=[put])
    assert response["CancellationReasons"] == [{"Code": "ProvisionedThroughputExceeded", "Message": LEVEL}]

    # Clients that try again as SDKs do are answered in the end.
    patient = throttled.client("dynamodb", retries=12)
    patient.put_item(TableName="tight", Item={"k": {"S": "b"}})
    dynamodb.update_table(TableName="tight", ProvisionedThroughput={"ReadCapacityUnits": 1000, "WriteCapacityUnits": 1000})

    def written():
        try:
            return dynamodb.put_item(TableName="tight", Item={"k": {"S": "c"}})
        except dynamodb.exceptions.ProvisionedThroughputExceededException:
            return None

    wait_until(written, what="a larger provisioning taking effect")


def test_batches_say_what_is_left(throttled):
    dynamodb = throttled.client("dynamodb")
    make(dynamodb, "batches", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5})
    requests = [{"PutRequest": {"Item": {"k": {"S": str(n)}}}} for n in range(25)]
    left = dynamodb.batch_write_item(RequestItems={"batches": requests})["UnprocessedItems"]
    assert 0 < len(left["batches"]) < 25
    wanted = {"batches": {"Keys": [{"k": {"S": str(n)}} for n in range(100)]}}
    answer = dynamodb.batch_get_item(RequestItems=wanted)
    assert 0 < len(answer["UnprocessedKeys"]["batches"]["Keys"]) < 100
    # What is left goes where it came from, until nothing is.
    rounds = 0
    while left:
        try:
            left = dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
        except dynamodb.exceptions.ProvisionedThroughputExceededException:
            pass
        rounds += 1
    assert rounds > 1
    assert dynamodb.describe_table(TableName="batches")["Table"]["ItemCount"] == 25


def test_a_hot_key_is_found(throttled):
    dynamodb = throttled.client("dynamodb")
    make(dynamodb, "hot", BillingMode="PAY_PER_REQUEST")
    item = {"k": {"S": "hot"}, "pad": {"S": "x" * 300_000}}
    response = refused(dynamodb.put_item, TableName="hot", Item=item)
    assert response["Error"]["Code"] == "ThrottlingException"
    assert "check if you have a hot key" in response["Error"]["Message"]
    assert response["throttlingReasons"][0]["reason"] == "TableWriteKeyRangeThroughputExceeded"
    dynamodb.put_item(TableName="hot", Item={"k": {"S": "cold"}})


def test_nothing_is_limited_unless_asked_for(dynamodb, unique):
    make(dynamodb, unique)
    for _ in range(50):
        dynamodb.put_item(TableName=unique, Item={"k": {"S": "a"}})
