"""A disk that fills up under a running server, and gets room again."""

import os
import subprocess

import pytest
from botocore.exceptions import ClientError
from cloudlet import Server

ITEM_BYTES = 300_000
# The server keeps 256 MiB free for itself; this leaves it some more to fill.
DISK_MIB, LARGER_MIB = 340, 700


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", path], check=True)
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def test_a_full_disk_refuses_what_grows_says_so_and_goes_on(disk):
    server = Server(data=disk / "data")
    try:
        dynamodb, sqs = server.client("dynamodb"), server.client("sqs")
        keys = {"KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}
        dynamodb.create_table(TableName="big", BillingMode="PAY_PER_REQUEST", **keys)
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]

        def put(number):
            dynamodb.put_item(TableName="big", Item={"k": {"S": str(number)}, "v": {"B": os.urandom(ITEM_BYTES)}})

        written = 0
        with pytest.raises(ClientError) as refused:
            for written in range(2000):
                put(written)
        answer = refused.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("ServiceUnavailable", 503)
        assert "almost full" in answer["Error"]["Message"]
        with pytest.raises(ClientError, match="almost full"):
            sqs.send_message(QueueUrl=queue, MessageBody="x" * 200_000)
        # Every answered write is there, and can be deleted.
        assert all(dynamodb.get_item(TableName="big", Key={"k": {"S": str(n)}})["Item"]["v"] for n in range(written))
        dynamodb.delete_item(TableName="big", Key={"k": {"S": "0"}})
        subprocess.run(["mount", "-o", f"remount,size={LARGER_MIB}m", disk], check=True)
        put("after")
        assert dynamodb.scan(TableName="big", Select="COUNT")["ScannedCount"] > 0
    finally:
        assert server.stop()
