"""`kill -9` under load: what was acknowledged is there after a restart."""

import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudlet import Server, wait_until

CLIENTS = 32


@pytest.fixture
def victim():
    server = Server()
    yield server
    server.kill()


@pytest.mark.timeout(600)
def test_acknowledged_messages_and_items_survive(victim):
    sqs, dynamodb = victim.client("sqs"), victim.client("dynamodb")
    queue = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "3"})["QueueUrl"]
    schema = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}
    dynamodb.create_table(TableName="items", BillingMode="PAY_PER_REQUEST", **schema)
    messages, items = set(), set()
    for round_ in range(3):
        load_until_killed(victim, queue, round_, messages, items)
        victim.start()
        queue = f"{victim.endpoint}/000000000000/q"
    dynamodb, sqs = victim.client("dynamodb"), victim.client("sqs")
    stored = {item["k"]["S"] for page in dynamodb.get_paginator("scan").paginate(TableName="items", ConsistentRead=True) for item in page["Items"]}
    assert items and items <= stored
    received = set()

    def receive():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            received.add(message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return messages <= received

    wait_until(receive, 60, "receiving every acknowledged message")
    assert messages


def load_until_killed(server, queue, round_, messages, items):
    """Sends and puts from many clients; after enough answers, kills the server in the middle of it."""
    enough, stopping = threading.Semaphore(0), threading.Event()

    def work(client):
        sqs, dynamodb = server.client("sqs"), server.client("dynamodb")
        number = 0
        while not stopping.is_set():
            name = f"{round_}-{client}-{number}"
            number += 1
            try:
                sqs.send_message(QueueUrl=queue, MessageBody=name)
                messages.add(name)
                dynamodb.put_item(TableName="items", Item={"k": {"S": name}})
                items.add(name)
            except (BotoCoreError, ClientError):
                # Until it is killed, one that was not answered is not counted, and the next one is tried.
                if stopping.wait(0.05):
                    return
                continue
            enough.release()

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        enough.acquire()
    server.kill()
    stopping.set()
    for thread in threads:
        thread.join()


def test_messages_in_flight_come_back(victim):
    sqs = victim.client("sqs")
    queue = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "2"})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="m")
    assert sqs.receive_message(QueueUrl=queue)["Messages"]
    victim.kill()
    victim.start()
    sqs, queue = victim.client("sqs"), f"{victim.endpoint}/000000000000/q"
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, AttributeNames=["All"]).get("Messages"))
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_second_server_on_the_same_data_is_refused(victim):
    done = victim.run("serve", "--data", victim.data, "--listen", "127.0.0.1:0", check=False)
    assert done.returncode != 0 and str(victim.data) in done.stderr
