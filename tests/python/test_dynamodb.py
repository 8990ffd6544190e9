"""DynamoDB through boto3: every operation, the resource layer, and a paginator."""

import json
import threading
from decimal import Decimal

import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, wait_until


@pytest.fixture
def table(dynamodb, unique):
    """A table with a sort key, a local and a global index."""
    names = ["pk", "sk", "when", "owner"]
    definitions = [{"AttributeName": name, "AttributeType": "N" if name in ("sk", "when") else "S"} for name in names]
    dynamodb.create_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=definitions,
        KeySchema=schema("pk", "sk"),
        LocalSecondaryIndexes=[{"IndexName": "by-when", "KeySchema": schema("pk", "when"), "Projection": {"ProjectionType": "KEYS_ONLY"}}],
        GlobalSecondaryIndexes=[{"IndexName": "by-owner", "KeySchema": schema("owner", "sk"), "Projection": {"ProjectionType": "ALL"}}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=unique, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    return unique


@pytest.fixture
def resource(server, table):
    """The table as boto3's resource layer has it, which converts values."""
    keys = dict(aws_access_key_id=server.root["AWS_ACCESS_KEY_ID"], aws_secret_access_key=server.root["AWS_SECRET_ACCESS_KEY"])
    return server.session().resource("dynamodb", endpoint_url=server.endpoint, region_name=REGION, **keys).Table(table)


def schema(partition, sort=None):
    kinds = [("HASH", partition), ("RANGE", sort)]
    return [{"AttributeName": name, "KeyType": kind} for kind, name in kinds if name]


def code(error):
    return error.value.response["Error"]["Code"]


def test_items_of_every_type(resource):
    item = {
        "pk": "p", "sk": Decimal("1.5"), "text": "grüße ✓", "empty": "", "bytes": b"\x00\xff", "true": True, "none": None,
        "list": [1, "two", {"three": [3]}], "map": {"a": {"b": Decimal("1e-100")}},
        "texts": {"a", "b"}, "numbers": {Decimal("1"), Decimal("2.5")}, "binaries": {b"\x01", b"\x02"},
    }
    resource.put_item(Item=item)
    stored = resource.get_item(Key={"pk": "p", "sk": Decimal("1.50")}, ConsistentRead=True)["Item"]
    assert stored == item
    part = resource.get_item(Key={"pk": "p", "sk": Decimal("1.5")}, ProjectionExpression="#m.a, #l[2]", ExpressionAttributeNames={"#m": "map", "#l": "list"})
    assert part["Item"] == {"map": {"a": {"b": Decimal("1e-100")}}, "list": [{"three": [3]}]}


def test_updates_and_conditions(resource):
    key = {"pk": "p", "sk": 1}
    for _ in range(3):
        resource.update_item(Key=key, UpdateExpression="ADD hits :one SET tags = list_append(if_not_exists(tags, :none), :tag)", ExpressionAttributeValues={":one": 1, ":none": [], ":tag": ["t"]})
    updated = resource.update_item(Key=key, UpdateExpression="SET hits = hits - :two REMOVE tags[0]", ExpressionAttributeValues={":two": 2}, ReturnValues="UPDATED_NEW")
    assert updated["Attributes"]["hits"] == 1 and len(resource.get_item(Key=key)["Item"]["tags"]) == 2
    with pytest.raises(ClientError) as caught:
        resource.put_item(Item=key, ConditionExpression=Attr("pk").not_exists(), ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert code(caught) == "ConditionalCheckFailedException"
    assert caught.value.response["Item"]["hits"] == {"N": "1"}
    deleted = resource.delete_item(Key=key, ConditionExpression=Attr("hits").between(0, 2) & Attr("tags").size().eq(2), ReturnValues="ALL_OLD")
    assert deleted["Attributes"]["hits"] == 1
    assert "Item" not in resource.get_item(Key=key)


def test_a_hot_counter_loses_nothing(server, table):
    def count():
        client = server.client("dynamodb")
        for _ in range(25):
            client.update_item(TableName=table, Key={"pk": {"S": "c"}, "sk": {"N": "0"}}, UpdateExpression="ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}})

    threads = [threading.Thread(target=count) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    item = server.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "c"}, "sk": {"N": "0"}}, ConsistentRead=True)["Item"]
    assert item["n"] == {"N": "200"}


def test_queries_scans_and_indexes(resource):
    with resource.batch_writer() as batch:
        for n in range(60):
            item = {"pk": f"p{n % 2}", "sk": n, "owner": f"o{n % 3}"}
            batch.put_item(Item=item | ({"when": 100 - n} if n % 5 == 0 else {}))
    found = resource.query(KeyConditionExpression=Key("pk").eq("p0") & Key("sk").between(10, 20), ScanIndexForward=False)
    assert [int(item["sk"]) for item in found["Items"]] == [20, 18, 16, 14, 12, 10]
    local = resource.query(IndexName="by-when", KeyConditionExpression=Key("pk").eq("p0"), ConsistentRead=True)
    assert [int(item["sk"]) for item in local["Items"]] == [50, 40, 30, 20, 10, 0]
    owned = resource.query(IndexName="by-owner", KeyConditionExpression=Key("owner").eq("o1"), FilterExpression=Attr("when").exists())
    assert owned["Count"] == 4 and owned["ScannedCount"] == 20
    pages = resource.meta.client.get_paginator("scan").paginate(TableName=resource.name, PaginationConfig={"PageSize": 7})
    assert sorted(int(item["sk"]) for page in pages for item in page["Items"]) == list(range(60))
    segments = [resource.scan(Segment=n, TotalSegments=4)["Items"] for n in range(4)]
    assert sorted(int(item["sk"]) for segment in segments for item in segment) == list(range(60))
    resource.delete_item(Key={"pk": "p1", "sk": 1})
    assert resource.query(IndexName="by-owner", KeyConditionExpression=Key("owner").eq("o1"), Select="COUNT")["Count"] == 19


def test_an_index_may_have_keys_of_several_attributes(dynamodb, unique):
    key = [("tenant", "HASH"), ("region", "HASH"), ("day", "RANGE"), ("hour", "RANGE")]
    kinds = {"k": "S", "tenant": "S", "region": "S", "day": "S", "hour": "N"}
    dynamodb.create_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {"IndexName": "several", "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in key], "Projection": {"ProjectionType": "ALL"}}
        ],
    )
    for number in range(48):
        at = {"day": {"S": f"day-{number // 24}"}, "hour": {"N": str(number % 24)}}
        dynamodb.put_item(TableName=unique, Item={"k": {"S": str(number)}, "tenant": {"S": "t"}, "region": {"S": "r"}} | at)

    def query(more, **values):
        values = {f":{name}": {"N" if name in ("from", "to") else "S": value} for name, value in values.items()}
        found = dynamodb.query(
            TableName=unique,
            IndexName="several",
            KeyConditionExpression=f"tenant = :tenant AND #r = :region{more}",
            ExpressionAttributeNames={"#r": "region"} | ({"#d": "day"} if "#d" in more else {}) | ({"#h": "hour"} if "#h" in more else {}),
            ExpressionAttributeValues=values | {":tenant": {"S": "t"}, ":region": {"S": "r"}},
        )
        return [int(item["k"]["S"]) for item in found["Items"]]

    assert query("") == list(range(48))
    assert query(" AND #d = :day", day="day-1") == list(range(24, 48))
    assert query(" AND #d = :day AND #h BETWEEN :from AND :to", day="day-0", **{"from": "9", "to": "11"}) == [9, 10, 11]
    with pytest.raises(ClientError) as caught:
        query(" AND #h = :from", **{"from": "1"})
    assert code(caught) == "ValidationException"


def test_batches(dynamodb, table):
    puts = [{"PutRequest": {"Item": {"pk": {"S": "b"}, "sk": {"N": str(n)}}}} for n in range(25)]
    assert dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    keys = [{"pk": {"S": "b"}, "sk": {"N": str(n)}} for n in range(0, 50)]
    got = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}}, ReturnConsumedCapacity="TOTAL")
    assert len(got["Responses"][table]) == 25 and got["ConsumedCapacity"][0]["CapacityUnits"] == 50


def test_transactions(dynamodb, table):
    def put(sk, **more):
        return {"Put": {"TableName": table, "Item": {"pk": {"S": "t"}, "sk": {"N": sk}}, **more}}

    dynamodb.transact_write_items(TransactItems=[put("1"), put("2")], ClientRequestToken="token")
    dynamodb.transact_write_items(TransactItems=[put("1"), put("2")], ClientRequestToken="token")
    with pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(TransactItems=[put("3"), put("1", ConditionExpression="attribute_not_exists(pk)")])
    assert code(caught) == "TransactionCanceledException"
    assert [reason["Code"] for reason in caught.value.response["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    gets = [{"Get": {"TableName": table, "Key": {"pk": {"S": "t"}, "sk": {"N": sk}}}} for sk in "123"]
    responses = dynamodb.transact_get_items(TransactItems=gets)["Responses"]
    assert ["Item" in response for response in responses] == [True, True, False]


def test_statements(dynamodb, table):
    insert = f"INSERT INTO \"{table}\" VALUE {{'pk': 's', 'sk': ?, 'v': 'it''s'}}"
    dynamodb.execute_statement(Statement=insert, Parameters=[{"N": "1"}])
    with pytest.raises(dynamodb.exceptions.DuplicateItemException):
        dynamodb.execute_statement(Statement=insert, Parameters=[{"N": "1"}])
    dynamodb.execute_transaction(TransactStatements=[{"Statement": insert, "Parameters": [{"N": n}]} for n in "23"])
    updates = [{"Statement": f"UPDATE \"{table}\" SET v = 'new' WHERE pk = 's' AND sk = {n}"} for n in (2, 9)]
    responses = dynamodb.batch_execute_statement(Statements=updates)["Responses"]
    assert "Error" not in responses[0] and responses[1]["Error"]["Code"] == "ConditionalCheckFailed"
    found = dynamodb.execute_statement(Statement=f"SELECT v FROM \"{table}\" WHERE pk = 's' AND sk < 3")["Items"]
    assert found == [{"v": {"S": "it's"}}, {"v": {"S": "new"}}]


def test_tables(dynamodb, unique):
    dynamodb.create_table(
        TableName=unique,
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "B"}],
        KeySchema=schema("k"),
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
        Tags=[{"Key": "team", "Value": "a"}],
    )
    described = dynamodb.describe_table(TableName=unique)["Table"]
    arn = described["TableArn"]
    assert arn == f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{unique}" and described["CreationDateTime"]
    with pytest.raises(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(TableName=unique, AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], KeySchema=schema("k"), BillingMode="PAY_PER_REQUEST")
    dynamodb.put_item(TableName=unique, Item={"k": {"B": b"1"}, "g": {"S": "x"}})
    create = {"IndexName": "by-g", "KeySchema": schema("g"), "Projection": {"ProjectionType": "ALL"}}
    dynamodb.update_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": create}],
    )
    active = lambda: dynamodb.describe_table(TableName=unique)["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"] == "ACTIVE"
    wait_until(active, what="the index being filled")
    found = dynamodb.query(TableName=unique, IndexName="by-g", KeyConditionExpression="g = :g", ExpressionAttributeValues={":g": {"S": "x"}})
    assert found["Count"] == 1
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]
    dynamodb.update_time_to_live(TableName=unique, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    assert dynamodb.describe_time_to_live(TableName=unique)["TimeToLiveDescription"]["AttributeName"] == "until"
    listed = [name for page in dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"]]
    assert unique in listed
    dynamodb.delete_table(TableName=unique)
    dynamodb.get_waiter("table_not_exists").wait(TableName=unique, WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    assert dynamodb.describe_limits()["TableMaxReadCapacityUnits"] and dynamodb.describe_endpoints()["Endpoints"]


class Guest:
    """A user without policies, whom a table's policy may name."""

    def __init__(self, server, iam, name):
        self.arn = iam.create_user(UserName=name)["User"]["Arn"]
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self.keys = key["AccessKeyId"], key["SecretAccessKey"]
        self.dynamodb = server.client_as("dynamodb", *self.keys)
        self.streams = server.client_as("dynamodbstreams", *self.keys)

    def policy(self, effect, action, *resources, principal=None):
        statement = {"Effect": effect, "Principal": {"AWS": principal or self.arn}, "Action": action, "Resource": resources}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def guest(server, iam, unique):
    return Guest(server, iam, unique)


def may_do_all(iam, unique):
    allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps(allow))


def refused(call, wanted="AccessDeniedException", **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    assert code(error) == wanted, error.value


ITEM = {"pk": {"S": "p"}, "sk": {"N": "1"}}
BY_OWNER = dict(
    IndexName="by-owner", KeyConditionExpression="#o = :o", ExpressionAttributeNames={"#o": "owner"}, ExpressionAttributeValues={":o": {"S": "x"}}
)


def test_a_resource_policy_allows_whom_it_names(dynamodb, guest, table):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    refused(guest.dynamodb.put_item, TableName=table, Item=ITEM)
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=guest.policy("Allow", ["dynamodb:PutItem", "dynamodb:DescribeTable", "dynamodb:Query"], arn))
    guest.dynamodb.put_item(TableName=table, Item=ITEM)
    guest.dynamodb.describe_table(TableName=arn)
    refused(guest.dynamodb.delete_item, TableName=table, Key=ITEM)
    refused(guest.dynamodb.query, TableName=table, **BY_OWNER)
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=guest.policy("Allow", "dynamodb:Query", f"{arn}/index/*"))
    assert guest.dynamodb.query(TableName=table, **BY_OWNER)["Items"] == []
    # To name the account leaves it to the policies of its users, of which this one has none.
    root = f"arn:aws:iam::{ACCOUNT}:root"
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=guest.policy("Allow", "dynamodb:*", arn, principal=root))
    refused(guest.dynamodb.put_item, TableName=table, Item=ITEM)


def test_a_resource_policy_denies_whatever_else_allows(dynamodb, guest, iam, table, unique):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    may_do_all(iam, unique)
    guest.dynamodb.put_item(TableName=table, Item=ITEM)
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=guest.policy("Deny", ["dynamodb:DeleteItem", "dynamodb:PartiQLDelete", "dynamodb:Query"], arn, f"{arn}/index/by-owner"))
    # No spelling of the table evades it, and no other operation.
    elsewhere = arn.replace(REGION, "eu-west-9")
    for name in (table, arn, elsewhere, arn.replace(ACCOUNT, "111111111111"), arn.replace("arn:aws:", "arn:other:")):
        refused(guest.dynamodb.delete_item, TableName=name, Key=ITEM)
    refused(guest.dynamodb.query, TableName=table, **BY_OWNER)
    refused(guest.dynamodb.transact_write_items, TransactItems=[{"Delete": {"TableName": table, "Key": ITEM}}])
    refused(guest.dynamodb.execute_statement, Statement=f"DELETE FROM \"{table}\" WHERE pk = 'p' AND sk = 1")
    assert dynamodb.delete_resource_policy(ResourceArn=arn)["RevisionId"]
    guest.dynamodb.delete_item(TableName=table, Key=ITEM)


def test_nobody_is_locked_out_for_good(dynamodb, guest, iam, table, unique):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    may_do_all(iam, unique)
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=guest.policy("Deny", "dynamodb:*", arn, principal="*"))
    for call in (guest.dynamodb.get_resource_policy, guest.dynamodb.delete_resource_policy, guest.dynamodb.list_tags_of_resource):
        refused(call, ResourceArn=arn)
    refused(guest.dynamodb.put_resource_policy, ResourceArn=arn, Policy=guest.policy("Allow", "dynamodb:*", arn))
    refused(guest.dynamodb.delete_table, TableName=table)
    assert "Deny" in dynamodb.get_resource_policy(ResourceArn=arn)["Policy"]
    dynamodb.delete_resource_policy(ResourceArn=arn)
    guest.dynamodb.delete_table(TableName=table)


def test_a_stream_has_a_policy_of_its_own(dynamodb, guest, iam, unique):
    made = dict(AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], KeySchema=schema("pk"), BillingMode="PAY_PER_REQUEST")
    stream = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    arn = dynamodb.create_table(TableName=unique, StreamSpecification=stream, **made)["TableDescription"]["LatestStreamArn"]
    refused(guest.streams.describe_stream, StreamArn=arn)
    reading = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=guest.policy("Allow", reading, arn))
    shard = guest.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = guest.streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    assert guest.streams.get_records(ShardIterator=iterator)["Records"] == []

    may_do_all(iam, unique)
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=guest.policy("Deny", reading, arn))
    refused(guest.streams.get_records, ShardIterator=iterator)
    # Of another partition there is nothing; of another service, nothing that the policy does not deny.
    others = [("arn:aws:dynamodb:", "AccessDeniedException"), ("arn:aws:any:", "AccessDeniedException"), ("arn:other:any:", "ValidationException")]
    for prefix, code in others:
        name = arn.replace("arn:aws:dynamodb:", prefix)
        refused(guest.streams.describe_stream, code, StreamArn=name)
        refused(guest.streams.get_shard_iterator, code, StreamArn=name, ShardId=shard, ShardIteratorType="LATEST")


def test_a_table_tells_its_key(dynamodb, kms, unique):
    schema = {"KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}
    key_of = lambda described: described["SSEDescription"]["KMSMasterKeyArn"]
    made = dynamodb.create_table(TableName=unique, SSESpecification={"Enabled": True}, **schema)["TableDescription"]
    own = kms.describe_key(KeyId=key_of(made))["KeyMetadata"]
    assert (own["KeyManager"], own["Arn"]) == ("AWS", kms.describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]["Arn"])
    # However it is named.
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{unique}", TargetKeyId=key["KeyId"])
    for name in (key["KeyId"], key["Arn"], f"alias/{unique}"):
        dynamodb.update_table(TableName=unique, SSESpecification={"Enabled": True, "KMSMasterKeyId": name})
        assert key_of(dynamodb.describe_table(TableName=unique)["Table"]) == key["Arn"]
    for name in ("alias/none", "00000000-0000-0000-0000-000000000000"):
        wrong = {"Enabled": True, "KMSMasterKeyId": name}
        refused(dynamodb.update_table, "ValidationException", TableName=unique, SSESpecification=wrong)
        refused(dynamodb.create_table, "ValidationException", TableName=f"{unique}-other", SSESpecification=wrong, **schema)
    dynamodb.update_table(TableName=unique, SSESpecification={"Enabled": False})
    assert "SSEDescription" not in dynamodb.describe_table(TableName=unique)["Table"]
    dynamodb.delete_table(TableName=unique)


def test_resource_policies_have_revisions(dynamodb, guest, iam, table, unique):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    put = dynamodb.put_resource_policy
    policy, other = guest.policy("Allow", "dynamodb:GetItem", arn), guest.policy("Allow", "dynamodb:PutItem", arn)
    refused(dynamodb.get_resource_policy, "PolicyNotFoundException", ResourceArn=arn)
    first = put(ResourceArn=arn, Policy=policy, ExpectedRevisionId="NO_POLICY")["RevisionId"]
    assert put(ResourceArn=arn, Policy=policy)["RevisionId"] == first
    got = dynamodb.get_resource_policy(ResourceArn=arn)
    assert (got["Policy"], got["RevisionId"]) == (policy, first)
    refused(put, "PolicyNotFoundException", ResourceArn=arn, Policy=other, ExpectedRevisionId="NO_POLICY")
    second = put(ResourceArn=arn, Policy=other, ExpectedRevisionId=first)["RevisionId"]
    assert int(second) > int(first)
    refused(dynamodb.delete_resource_policy, "PolicyNotFoundException", ResourceArn=arn, ExpectedRevisionId=first)
    refused(put, "ValidationException", ResourceArn=arn, Policy='{"Version": "2012-10-17", "Statement": []')
    refused(put, "ResourceNotFoundException", ResourceArn=f"{arn}-missing", Policy=policy)
    # A table that is made anew does not have the policy of the one before it.
    dynamodb.delete_table(TableName=table)
    made = dict(AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], KeySchema=schema("pk"), BillingMode="PAY_PER_REQUEST")
    dynamodb.create_table(TableName=table, **made)
    refused(dynamodb.get_resource_policy, "PolicyNotFoundException", ResourceArn=arn)
    dynamodb.delete_table(TableName=table)

    # To make a table with a policy takes permission for both.
    create = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:CreateTable", "Resource": "*"}}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps(create))
    refused(guest.dynamodb.create_table, TableName=table, ResourcePolicy=policy, **made)
    may_do_all(iam, unique)
    guest.dynamodb.create_table(TableName=table, ResourcePolicy=policy, **made)
    assert dynamodb.get_resource_policy(ResourceArn=arn)["Policy"] == policy


def test_what_is_not_built_says_so(dynamodb):
    with pytest.raises(ClientError) as caught:
        dynamodb.list_global_tables()
    assert "ListGlobalTables" in caught.value.response["Error"]["Message"]


def refusal(call, **input):
    with pytest.raises(ClientError) as caught:
        call(**input)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_in_which_order_requests_are_judged(dynamodb, table):
    """What shows without the table comes before it, and what its key decides after it."""

    not_equal = {"pk": {"ComparisonOperator": "NE", "AttributeValueList": [{"S": "a"}]}}
    assert refusal(dynamodb.query, TableName="absent", KeyConditions=not_equal)[0] == "ResourceNotFoundException"
    not_indexable = ("ValidationException", "Attempted conditional constraint is not an indexable operation")
    assert refusal(dynamodb.query, TableName=table, KeyConditions=not_equal) == not_indexable
    twice = {"absent": {"Keys": [{"pk": {"S": "a"}}] * 2}}
    assert refusal(dynamodb.batch_get_item, RequestItems=twice) == ("ValidationException", "Provided list of item keys contains duplicates")
    invalid = ("ValidationException", "Invalid TableArn: Invalid ResourceArn provided as input abcd")
    assert refusal(dynamodb.tag_resource, ResourceArn="abcd", Tags=[]) == invalid
    absent = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/absent"
    assert refusal(dynamodb.tag_resource, ResourceArn=absent, Tags=[]) == ("ValidationException", "Atleast one Tag needs to be provided as Input.")
    assert refusal(dynamodb.untag_resource, ResourceArn=absent, TagKeys=["a"])[0] == "ResourceNotFoundException"


def test_what_is_said_of_policies_filters_and_indexes(dynamodb, table):
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": arn}]})
    revision = dynamodb.put_resource_policy(ResourceArn=arn, Policy=policy)["RevisionId"]
    not_found = "Resource-based policy not found for the provided ResourceArn: Requested "
    code, message = refusal(dynamodb.delete_resource_policy, ResourceArn=arn, ExpectedRevisionId="1")
    assert code == "PolicyNotFoundException"
    assert message == f"{not_found}update for policy with revision id 1, but the policy associated to target table {table} has revision id {revision}."
    code, message = refusal(dynamodb.put_resource_policy, ResourceArn=arn, Policy=policy, ExpectedRevisionId="NO_POLICY")
    assert message == f"{not_found}policy update expecting none to be present for table {table}, but a policy exists with revision id {revision}."
    names = {"TableName": table, "KeyConditionExpression": "pk = elsewhere"}
    assert refusal(dynamodb.query, FilterExpression="", **names)[1] == "Invalid FilterExpression: The expression can not be empty;"
    statement = f"SELECT * FROM \"{table}\".\"absent\""
    assert refusal(dynamodb.execute_statement, Statement=statement)[1] == "The table does not have the specified index"


def test_the_size_of_a_text_is_its_length(dynamodb, table):
    for sk, (text, size) in enumerate({"abÿ": 3, "ab": 2, "日本": 2, "🎉": 2, "": 0}.items()):
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "size"}, "sk": {"N": str(sk)}, "text": {"S": text}})
        values = {":pk": {"S": "size"}, ":sk": {"N": str(sk)}, ":size": {"N": str(size)}}
        query = {"KeyConditionExpression": "pk = :pk AND sk = :sk", "FilterExpression": "size(#t) = :size", "ExpressionAttributeNames": {"#t": "text"}}
        assert dynamodb.query(TableName=table, ExpressionAttributeValues=values, **query)["Count"] == 1, text
