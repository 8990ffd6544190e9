"""What policies may ask about a request of DynamoDB, beside its keys: attributes, and how it is asked."""

import json

import pytest
from botocore.exceptions import ClientError
from cloudlet import REGION

OWN = ["id", "open"]


@pytest.fixture
def table(dynamodb, unique):
    """A table with an item that has one attribute for everybody and one secret."""
    dynamodb.create_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {"IndexName": "by-id", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
        ],
    )
    dynamodb.put_item(TableName=unique, Item={"id": {"S": "a"}, "open": {"N": "1"}, "secret": {"N": "2"}})
    return unique


@pytest.fixture
def client_with(server, iam, table, unique):
    """Makes a client for a user who may do all to the table under a condition, and nothing else."""

    def make(condition, effect="Allow"):
        iam.create_user(UserName=unique)
        arn = f"arn:aws:dynamodb:{REGION}:*:table/{table}"
        statements = [{"Effect": effect, "Action": "dynamodb:*", "Resource": [arn, f"{arn}/index/*"], "Condition": condition}]
        if effect == "Deny":
            statements.append({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"})
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName=unique)["AccessKey"]
        return server.client_as("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])

    return make


def refused(call, *arguments, **input):
    with pytest.raises(ClientError) as raised:
        call(*arguments, **input)
    return raised.value.response["Error"]["Code"] == "AccessDeniedException"


KEY = {"id": {"S": "a"}}


def test_attributes_that_are_not_listed_are_neither_read_nor_written_nor_compared(client_with, table):
    """The example of AWS's guide: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>"""
    mine = client_with(
        {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": OWN},
            "StringEqualsIfExists": {
                "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
                "dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"],
            },
        }
    )
    where = {"TableName": table}

    def tries(name):
        """The same wish about an attribute, in every way there is."""
        alias = {"ExpressionAttributeNames": {"#n": name}}
        value = {":v": {"N": "1"}}
        query = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}}
        yield "get", lambda: mine.get_item(**where, Key=KEY, ProjectionExpression="#n", **alias)
        yield "get, older", lambda: mine.get_item(**where, Key=KEY, AttributesToGet=[name])
        yield "query", lambda: mine.query(**where, **query, ProjectionExpression="#n", **alias)
        yield "filter", lambda: mine.query(
            **where, KeyConditionExpression="id = :id", FilterExpression="#n = :v", ProjectionExpression="id",
            ExpressionAttributeValues={":id": {"S": "a"}, **value}, **alias,
        )
        yield "scan", lambda: mine.scan(**where, ProjectionExpression="#n", **alias)
        yield "filtered scan", lambda: mine.scan(
            **where, ProjectionExpression="id", FilterExpression="attribute_exists(#n)", **alias
        )
        yield "batch get", lambda: mine.batch_get_item(RequestItems={table: {"Keys": [KEY], "ProjectionExpression": "#n", **alias}})
        yield "transact get", lambda: mine.transact_get_items(
            TransactItems=[{"Get": {**where, "Key": KEY, "ProjectionExpression": "#n", **alias}}]
        )
        yield "put", lambda: mine.put_item(**where, Item={"id": {"S": "b"}, name: {"N": "1"}})
        yield "batch write", lambda: mine.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": {"id": {"S": "b"}, name: {"N": "1"}}}}]}
        )
        yield "update", lambda: mine.update_item(
            **where, Key=KEY, UpdateExpression="SET #n = :v", ExpressionAttributeValues=value, **alias
        )
        yield "copy", lambda: mine.update_item(**where, Key=KEY, UpdateExpression="SET #o = #n", ExpressionAttributeNames={"#o": "open", "#n": name})
        yield "copy within a function", lambda: mine.update_item(
            **where, Key=KEY, UpdateExpression="SET #o = if_not_exists(nothing, #n)" if name != "open" else "SET #o = if_not_exists(#o, #n)",
            ExpressionAttributeNames={"#o": "open", "#n": name},
        )
        yield "update, older", lambda: mine.update_item(
            **where, Key=KEY, AttributeUpdates={name: {"Action": "PUT", "Value": {"N": "1"}}}
        )
        yield "condition", lambda: mine.delete_item(**where, Key={"id": {"S": "b"}}, ConditionExpression="attribute_exists(#n)", **alias)
        yield "condition, older", lambda: mine.delete_item(**where, Key={"id": {"S": "b"}}, Expected={name: {"Exists": False}})
        yield "check", lambda: mine.transact_write_items(
            TransactItems=[{"ConditionCheck": {**where, "Key": KEY, "ConditionExpression": "attribute_exists(#n)", **alias}}]
        )
        for statement in (
            f'SELECT "{name}" FROM "{table}" WHERE id = \'a\'',
            f'SELECT id FROM "{table}" WHERE id = \'a\' AND "{name}" = 1',
            f'UPDATE "{table}" SET "{name}" = 1 WHERE id = \'a\'',
            f'UPDATE "{table}" SET "open" = "{name}" WHERE id = \'a\'',
            f"INSERT INTO \"{table}\" VALUE {{'id': 'new', '{name}': 1}}",
            f'DELETE FROM "{table}" WHERE id = \'new\' AND "{name}" = 1',
        ):
            yield statement, lambda statement=statement: mine.execute_statement(Statement=statement)

    for what, attempt in tries("open"):
        if what in ("copy", f'UPDATE "{table}" SET "open" = "open" WHERE id = \'a\'', "condition", "condition, older"):
            continue  # These touch the one attribute twice, or what is not there: see below.
        attempt()
    for what, attempt in tries("secret"):
        assert refused(attempt), what
    # All attributes, without naming any.
    assert refused(mine.get_item, **where, Key=KEY)
    assert refused(mine.query, **where, KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "a"}})
    assert refused(mine.query, **where, IndexName="by-id", KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "a"}})
    assert refused(mine.scan, **where)
    assert refused(mine.batch_get_item, RequestItems={table: {"Keys": [KEY]}})
    assert refused(mine.execute_statement, Statement=f'SELECT * FROM "{table}" WHERE id = \'a\'')
    assert refused(mine.update_item, **where, Key=KEY, UpdateExpression="SET #o = :v", ExpressionAttributeNames={"#o": "open"},
                   ExpressionAttributeValues={":v": {"N": "1"}}, ReturnValues="ALL_OLD")
    assert refused(mine.execute_statement, Statement=f'UPDATE "{table}" SET "open" = 1 WHERE id = \'a\' RETURNING ALL OLD *')


def test_whether_what_is_used_is_reported(client_with, table):
    mine = client_with({"StringEquals": {"dynamodb:ReturnConsumedCapacity": "NONE"}})
    mine.get_item(TableName=table, Key=KEY)
    mine.put_item(TableName=table, Item=KEY, ReturnConsumedCapacity="NONE")
    assert refused(mine.get_item, TableName=table, Key=KEY, ReturnConsumedCapacity="TOTAL")
    assert refused(mine.scan, TableName=table, ReturnConsumedCapacity="INDEXES")
    assert refused(mine.execute_statement, Statement=f'SELECT * FROM "{table}"', ReturnConsumedCapacity="TOTAL")


def test_what_is_selected(client_with, table):
    mine = client_with({"StringEquals": {"dynamodb:Select": ["COUNT", "ALL_PROJECTED_ATTRIBUTES"]}})
    key = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "a"}}}
    assert mine.query(TableName=table, Select="COUNT", **key)["Count"] == 1
    assert mine.query(TableName=table, IndexName="by-id", **key)["Count"] == 1
    assert refused(mine.query, TableName=table, **key)
    assert refused(mine.query, TableName=table, ProjectionExpression="id", **key)
    assert refused(mine.put_item, TableName=table, Item=KEY), "which selects nothing"


def test_within_transactions_alone(client_with, table):
    mine = client_with({"StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems", "ExecuteTransaction"]}})
    put = {"TableName": table, "Item": {"id": {"S": "t"}}}
    mine.transact_write_items(TransactItems=[{"Put": put}])
    mine.execute_transaction(TransactStatements=[{"Statement": f"INSERT INTO \"{table}\" VALUE {{'id': 'u'}}"}])
    assert refused(mine.put_item, **put)
    assert refused(mine.transact_get_items, TransactItems=[{"Get": {"TableName": table, "Key": KEY}}])
    statement = f"INSERT INTO \"{table}\" VALUE {{'id': 'v'}}"
    assert refused(mine.execute_statement, Statement=statement)
    assert batch_codes(mine, statement) == ["AccessDenied"]


def batch_codes(client, *statements):
    """What became of each statement of a batch."""
    answers = client.batch_execute_statement(Statements=[{"Statement": statement} for statement in statements])["Responses"]
    return [answer.get("Error", {}).get("Code") for answer in answers]


def test_a_batch_goes_on_without_what_is_refused(client_with, dynamodb, table):
    mine = client_with({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}})
    statements = [f"INSERT INTO \"{table}\" VALUE {{'id': '{id}'}}" for id in ("mine", "theirs", "mine")]
    assert batch_codes(mine, *statements) == [None, "AccessDenied", "DuplicateItem"]
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"id": {"S": "theirs"}})
    # Who may not select does not learn what is malformed either.
    assert batch_codes(mine, "no statement", statements[1]) == ["AccessDenied"] * 2


def test_all_but_transactions(client_with, table):
    mine = client_with({"StringEquals": {"dynamodb:EnclosingOperation": ["ExecuteTransaction"]}}, effect="Deny")
    mine.execute_statement(Statement=f"INSERT INTO \"{table}\" VALUE {{'id': 'v'}}")
    assert refused(mine.execute_transaction, TransactStatements=[{"Statement": f"INSERT INTO \"{table}\" VALUE {{'id': 'w'}}"}])
