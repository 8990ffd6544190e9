"""DynamoDB Streams through boto3: every operation, who may read, functions that are fed by one, and what crashes leave."""

import json
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudlet import ACCOUNT, Server, wait_until
from test_backups import active, available
from test_lambda import create, make_role, package, queue

CLIENTS = 16
ACCOUNTS = 40


def make(dynamodb, name, **more):
    """A table with a stream; the stream's ARN."""
    table = dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        **{"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], **more},
    )
    return table["TableDescription"]["LatestStreamArn"]


def read(streams, arn):
    """Every record of a stream."""
    records = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            records += page["Records"]
            iterator = page["Records"] and page.get("NextShardIterator")
    return records


def test_changes_are_streamed(dynamodb, streams, unique):
    arn = make(dynamodb, unique)
    dynamodb.put_item(TableName=unique, Item={"k": {"S": "a"}, "bytes": {"B": b"\x00\xff"}})
    dynamodb.delete_item(TableName=unique, Key={"k": {"S": "a"}})
    assert [stream["StreamArn"] for stream in streams.list_streams(TableName=unique)["Streams"]] == [arn]
    inserted, removed = read(streams, arn)
    assert (inserted["eventName"], removed["eventName"]) == ("INSERT", "REMOVE")
    assert inserted["dynamodb"]["NewImage"] == removed["dynamodb"]["OldImage"] == {"k": {"S": "a"}, "bytes": {"B": b"\x00\xff"}}


def test_reading_needs_permission_for_the_stream(server, dynamodb, iam, unique):
    mine, other = make(dynamodb, unique), make(dynamodb, f"{unique}-other")
    iam.create_user(UserName=unique)
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": mine}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    streams = server.client_as("dynamodbstreams", key["AccessKeyId"], key["SecretAccessKey"])
    assert read(streams, mine) == []
    for refused in (lambda: read(streams, other), streams.list_streams):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
    # An iterator gives no more than its stream's permission does.
    shard = streams.describe_stream(StreamArn=mine)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=mine, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    with pytest.raises(ClientError, match="AccessDenied"):
        streams.get_records(ShardIterator=iterator.replace(mine, other))


@pytest.fixture
def victim():
    server = Server()
    yield server
    server.kill()


def test_a_crash_leaves_table_index_and_stream_alike(victim):
    """Money moves between accounts, two items a transaction, and each transaction leaves a note of itself. A backup is under
    way in each crash, and a table being restored from it in the next."""
    dynamodb = victim.client("dynamodb")
    arn = make(
        dynamodb,
        "bank",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("k", "kind")],
        GlobalSecondaryIndexes=[{"IndexName": "by-kind", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
    )
    for account in range(ACCOUNTS):
        dynamodb.put_item(TableName="bank", Item={"k": {"S": f"a{account}"}, "kind": {"S": "account"}, "n": {"N": "100"}})
    fill(dynamodb)
    noted, restoring = set(), None
    for round_ in range(4):
        begun = set(noted)
        backup = transfer_until_killed(victim, round_, noted)
        victim.start()
        dynamodb, streams = victim.client("dynamodb"), victim.client("dynamodbstreams")
        check(dynamodb, streams, arn, noted)
        if restoring:
            check_restored(dynamodb, streams, arn, *restoring)
        available(dynamodb, backup)
        restoring = f"restored-{round_}", begun
        dynamodb.restore_table_from_backup(BackupArn=backup, TargetTableName=restoring[0])
    assert noted


def fill(dynamodb):
    """Makes the table too large for a backup of one step."""
    for start in range(0, 1500, 25):
        items = [{"k": {"S": f"f{n}"}, "kind": {"S": "filling"}, "pad": {"S": "x" * 800}} for n in range(start, start + 25)]
        dynamodb.batch_write_item(RequestItems={"bank": [{"PutRequest": {"Item": item}} for item in items]})


def transfer_until_killed(server, round_, noted):
    enough, stopping = threading.Semaphore(0), threading.Event()

    def work(client):
        dynamodb = server.client("dynamodb")
        number = 0
        while not stopping.is_set():
            name, number = f"{round_}-{client}-{number}", number + 1
            pair = f"a{(client + number) % ACCOUNTS}", f"a{(client * 7 + number * 3 + 1) % ACCOUNTS}"
            if pair[0] == pair[1]:
                continue
            items = [change(account, amount) for account, amount in zip(pair, ("-1", "1"))]
            items.append({"Put": {"TableName": "bank", "Item": {"k": {"S": name}, "kind": {"S": "note"}}}})
            try:
                dynamodb.transact_write_items(TransactItems=items)
                noted.add(name)
            except (BotoCoreError, ClientError):
                return
            enough.release()

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for _ in range(130):
        enough.acquire()
    backup = server.client("dynamodb").create_backup(TableName="bank", BackupName="under-way")["BackupDetails"]["BackupArn"]
    for _ in range(20):
        enough.acquire()
    server.kill()
    stopping.set()
    for thread in threads:
        thread.join()
    return backup


def change(account, amount):
    expression = {"UpdateExpression": "ADD n :n", "ExpressionAttributeValues": {":n": {"N": amount}}}
    return {"Update": {"TableName": "bank", "Key": {"k": {"S": account}}, **expression}}


def check(dynamodb, streams, arn, noted):
    """Acknowledged transactions are there, none is there in part, and index and stream say what the table says."""
    scan = dynamodb.get_paginator("scan")
    items = [item for page in scan.paginate(TableName="bank", ConsistentRead=True) for item in page["Items"]]
    entries = [item for page in scan.paginate(TableName="bank", IndexName="by-kind") for item in page["Items"]]
    table = {item["k"]["S"]: item for item in items}
    assert {item["k"]["S"]: item for item in entries} == table and len(entries) == len(items)
    notes = {name for name, item in table.items() if item["kind"]["S"] == "note"}
    assert noted <= notes
    assert sum(int(item["n"]["N"]) for item in items if "n" in item) == 100 * ACCOUNTS
    replayed, changes, added = {}, 0, set()
    for record in read(streams, arn):
        name, change = record["dynamodb"]["Keys"]["k"]["S"], record["dynamodb"]
        assert replayed.get(name) == change.get("OldImage"), "a record does not follow the one before it"
        replayed[name] = change["NewImage"]
        changes += record["eventName"] == "MODIFY"
        if record["eventName"] == "INSERT" and change["NewImage"]["kind"]["S"] == "note":
            added.add(name)
    assert replayed == table
    # Two balances changed for each note: no transaction is in the stream in part.
    assert added == notes and changes == 2 * len(notes)


def check_restored(dynamodb, streams, arn, name, noted):
    """A table from a backup is what the other one was after some record of the stream, and none of a transaction's in part."""
    active(dynamodb, name)
    scan = dynamodb.get_paginator("scan")
    table = {item["k"]["S"]: item for page in scan.paginate(TableName=name) for item in page["Items"]}
    entries = [item for page in scan.paginate(TableName=name, IndexName="by-kind") for item in page["Items"]]
    assert {item["k"]["S"]: item for item in entries} == table and len(entries) == len(table)
    assert sum(int(item["n"]["N"]) for item in table.values() if "n" in item) == 100 * ACCOUNTS
    assert noted <= {name for name, item in table.items() if item["kind"]["S"] == "note"}
    differing = set(table)
    for record in read(streams, arn):
        key = record["dynamodb"]["Keys"]["k"]["S"]
        (differing.discard if record["dynamodb"]["NewImage"] == table.get(key) else differing.add)(key)
        if not differing:
            return
    raise AssertionError(f"{len(differing)} items are never all as in {name}")


def test_no_record_is_skipped_in_a_crash(victim):
    """A function that always fails has each record told to a queue: what the queue has was handed to the function."""
    role = make_role(victim.client("iam"), "fed")
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}}
    victim.client("iam").put_role_policy(RoleName="fed", PolicyName="streams", PolicyDocument=json.dumps(document))
    arn = make(victim.client("dynamodb"), "tab")
    url, queue_arn = queue(victim.client("sqs"), "told")
    code = package(index__py="def handler(event, context):\n    raise ValueError('told to')")
    lambda_ = victim.client("lambda")
    create(lambda_, role, "f", Code={"ZipFile": code})
    lambda_.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        MaximumRetryAttempts=0,
        ParallelizationFactor=3,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )
    told = set()

    def drain(enough):
        sqs, url = victim.client("sqs"), f"{victim.endpoint}/{ACCOUNT}/told"
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            told.add(json.loads(message["Body"])["DDBStreamBatchInfo"]["startSequenceNumber"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(told) >= enough

    for round_ in range(3):
        dynamodb = victim.client("dynamodb")
        for number in range(20):
            dynamodb.put_item(TableName="tab", Item={"k": {"S": f"{round_}-{number}"}})
        wait_until(lambda: drain(round_ * 20 + 5), 60, "the first records of a round being told")
        victim.kill()
        victim.start()
    expected = {record["dynamodb"]["SequenceNumber"] for record in read(victim.client("dynamodbstreams"), arn)}
    assert len(expected) == 60
    wait_until(lambda: drain(60), 60, "every record being told")
    assert told == expected
