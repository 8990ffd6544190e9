"""Policies that give a user their own partition of a table, whatever operation asks for it."""

import json

import pytest
from botocore.exceptions import ClientError
from cloudlet import REGION
from test_follow import Page, address


@pytest.fixture
def tables(dynamodb, unique):
    """A table of notes by owner, with an index by reader."""
    dynamodb.create_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("owner", "reader")],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {"IndexName": "by-reader", "KeySchema": [{"AttributeName": "reader", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
        ],
    )
    for owner, reader in (("ann", "bob"), ("bob", "ann")):
        dynamodb.put_item(TableName=unique, Item={"owner": {"S": owner}, "reader": {"S": reader}})
    return unique


@pytest.fixture
def ann(server, iam, tables, unique):
    """The key of a user who may only touch what is keyed `ann`."""
    iam.create_user(UserName=unique)
    arn = f"arn:aws:dynamodb:{REGION}:*:table/{tables}"
    own = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": [arn, f"{arn}/index/*"], "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}}}
    no_scans = {"Effect": "Deny", "Action": "dynamodb:PartiQLSelect", "Resource": "*", "Condition": {"Bool": {"dynamodb:FullTableScan": "true"}}}
    document = {"Version": "2012-10-17", "Statement": [own, no_scans]}
    iam.put_user_policy(UserName=unique, PolicyName="own", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def query(table, name, value, **more):
    return {"TableName": table, "KeyConditionExpression": "#k = :v", "ExpressionAttributeNames": {"#k": name}, "ExpressionAttributeValues": {":v": {"S": value}}, **more}


def test_only_the_own_partition_is_reached(server, tables, ann):
    mine = server.client_as("dynamodb", *ann)

    def execute(statement):
        return mine.execute_statement(Statement=statement)

    def calls(value):
        """One and the same wish, in every way there is."""
        key = {"owner": {"S": value}}
        yield lambda: mine.get_item(TableName=tables, Key=key)
        yield lambda: mine.query(**query(tables, "owner", value))
        yield lambda: mine.query(**query(tables, "reader", value, IndexName="by-reader"))
        conditions = {"owner": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": value}]}}
        yield lambda: mine.query(TableName=tables, KeyConditions=conditions)
        yield lambda: mine.batch_get_item(RequestItems={tables: {"Keys": [key]}})
        yield lambda: mine.transact_get_items(TransactItems=[{"Get": {"TableName": tables, "Key": key}}])
        yield lambda: execute(f"""SELECT * FROM "{tables}" WHERE owner = '{value}'""")
        yield lambda: execute(f"""SELECT * FROM "{tables}"."by-reader" WHERE reader = '{value}'""")
        yield lambda: execute(f"""UPDATE "{tables}" SET x = 1 WHERE owner = '{value}'""")
        yield lambda: mine.update_item(TableName=tables, Key=key, AttributeUpdates={})

    for call in calls("ann"):
        call()
    for call in calls("bob"):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    with pytest.raises(ClientError, match="AccessDenied"):
        execute(f'SELECT * FROM "{tables}"')


def test_only_the_own_partition_is_followed(server, tables, ann):
    assert next(iter(Page(address(server, query(tables, "owner", "ann"), ann))))["Count"] == 1
    assert Page(address(server, query(tables, "owner", "bob"), ann)).refusal()[0] == 403
