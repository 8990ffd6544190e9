"""SQS through boto3: every operation, and the protocol that older SDKs speak."""

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, wait_until


@pytest.fixture
def queue(sqs, unique):
    return sqs.create_queue(QueueName=unique)["QueueUrl"]


@pytest.fixture
def fifo(sqs, unique):
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs.create_queue(QueueName=f"{unique}.fifo", Attributes=attributes)["QueueUrl"]


def arn(url):
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[1]}"


def test_a_message_travels_with_everything_it_carries(sqs, queue):
    attributes = {
        "text": {"DataType": "String", "StringValue": "grüße"},
        "number": {"DataType": "Number", "StringValue": "1.5"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    # boto3 checks the digests itself.
    sent = sqs.send_message(QueueUrl=queue, MessageBody="hello ✓", MessageAttributes=attributes, MessageSystemAttributes=trace)
    received = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    (message,) = received["Messages"]
    assert message["Body"] == "hello ✓" and message["MessageId"] == sent["MessageId"]
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def test_batches(sqs, queue):
    entries = [{"Id": str(n), "MessageBody": f"m{n}"} for n in range(10)]
    assert len(sqs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 10
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert len(messages) == 10
    held = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 100} for n, m in enumerate(messages)]
    assert len(sqs.change_message_visibility_batch(QueueUrl=queue, Entries=held)["Successful"]) == 10
    done = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    assert len(sqs.delete_message_batch(QueueUrl=queue, Entries=done)["Successful"]) == 10
    assert counts(sqs, queue) == (0, 0)


def counts(sqs, queue):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return tuple(int(attributes[name]) for name in names)


def test_visibility(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="m")
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert counts(sqs, queue) == (0, 1)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=queue, AttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}


def test_a_long_poll_returns_as_soon_as_there_is_something(sqs, queue):
    threading.Timer(0.3, lambda: sqs.send_message(QueueUrl=queue, MessageBody="late")).start()
    started = time.monotonic()
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"][0]["Body"] == "late"
    assert time.monotonic() - started < 15


def test_fifo_order_and_deduplication(sqs, fifo):
    for body in ["1", "2", "2", "3"]:
        sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g")
    messages = sqs.receive_message(QueueUrl=fifo, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in messages] == ["1", "2", "3"]
    numbers = [message["Attributes"]["SequenceNumber"] for message in messages]
    assert numbers == sorted(numbers)


def test_dead_letters_and_the_way_back(sqs, queue, unique):
    dead = sqs.create_queue(QueueName=f"{unique}-dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [queue]
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    assert counts(sqs, dead) == (1, 0)
    handle = sqs.start_message_move_task(SourceArn=arn(dead))["TaskHandle"]
    wait_until(lambda: move_tasks(sqs, dead) == ["COMPLETED"])
    with pytest.raises(ClientError):
        sqs.cancel_message_move_task(TaskHandle=handle)
    assert counts(sqs, queue) == (1, 0)


def move_tasks(sqs, queue):
    return [task["Status"] for task in sqs.list_message_move_tasks(SourceArn=arn(queue), MaxResults=10)["Results"]]


def test_moving_dead_letters_is_cancelled(sqs, queue, unique):
    dead = sqs.create_queue(QueueName=f"{unique}-dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    sqs.send_message_batch(QueueUrl=dead, Entries=[{"Id": str(n), "MessageBody": "m"} for n in range(10)])
    handle = sqs.start_message_move_task(SourceArn=arn(dead), DestinationArn=arn(queue), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    wait_until(lambda: move_tasks(sqs, dead) == ["CANCELLED"])
    waiting = counts(sqs, queue)[0]
    assert moved <= waiting < 10 and counts(sqs, dead) == (10 - waiting, 0)


def test_queues_are_listed_tagged_purged_and_deleted(sqs, queue, unique):
    name = queue.rsplit("/", 1)[1]
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == queue
    assert sqs.list_queues(QueueNamePrefix=name)["QueueUrls"] == [queue]
    sqs.tag_queue(QueueUrl=queue, Tags={"a": "1", "b": "2"})
    sqs.untag_queue(QueueUrl=queue, TagKeys=["b"])
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"a": "1"}
    sqs.add_permission(QueueUrl=queue, Label="l", AWSAccountIds=[ACCOUNT], Actions=["SendMessage"])
    sqs.remove_permission(QueueUrl=queue, Label="l")
    sqs.send_message(QueueUrl=queue, MessageBody="m")
    sqs.purge_queue(QueueUrl=queue)
    assert counts(sqs, queue) == (0, 0)
    sqs.delete_queue(QueueUrl=queue)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.get_queue_url(QueueName=name)
    assert caught.value.response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"
    assert caught.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def query(server, path, **params):
    """A request in the Query protocol, which boto3 spoke until 2023 and other SDKs still do."""
    body = urllib.parse.urlencode(params)
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", server.endpoint + path, data=body, headers=headers)
    credentials = Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(credentials, "sqs", REGION).add_auth(request)
    prepared = urllib.request.Request(request.url, data=body.encode(), headers=dict(request.headers))
    try:
        return urllib.request.urlopen(prepared).read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def test_the_query_protocol(server, unique):
    version = {"Version": "2012-11-05"}
    answer = query(server, "/", Action="CreateQueue", QueueName=unique, **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0"}, **version)
    assert f"<QueueUrl>{server.endpoint}/{ACCOUNT}/{unique}</QueueUrl>" in answer
    path = f"/{ACCOUNT}/{unique}"
    attribute = {"MessageAttribute.1.Name": "a", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "v"}
    url = {"QueueUrl": server.endpoint + path}
    assert "<MD5OfMessageBody>" in query(server, path, Action="SendMessage", MessageBody="<&>", **url, **attribute, **version)
    answer = query(server, path, Action="ReceiveMessage", **{"AttributeName.1": "All", "MessageAttributeName.1": "All"}, **url, **version)
    assert "<Body>&lt;&amp;&gt;</Body>" in answer and "<Name>SentTimestamp</Name>" in answer
    assert "<MessageAttribute><Name>a</Name><Value><StringValue>v</StringValue><DataType>String</DataType></Value></MessageAttribute>" in answer
    # Older clients post to the queue's URL, and leave it out of the parameters.
    assert "<MD5OfMessageBody>" in query(server, path, Action="SendMessage", MessageBody="by path", **version)
    assert "<Body>by path</Body>" in query(server, path, Action="ReceiveMessage", **version)
    assert "<ReceiveMessageResult/>" in query(server, path, Action="ReceiveMessage", **version)
    answer = query(server, f"{path}-none", Action="SendMessage", MessageBody="x", **version)
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer
    answer = query(server, "/", Action="GetQueueUrl", QueueName="missing", **version)
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer and "<Type>Sender</Type>" in answer


@pytest.fixture
def stranger(server, iam, unique):
    """A user who may do nothing, and the queues as that user sees them."""
    arn = iam.create_user(UserName=unique)["User"]["Arn"]
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    return arn, server.client_as("sqs", key["AccessKeyId"], key["SecretAccessKey"])


def set_policy(sqs, queue, *statements):
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


def test_a_queues_policy_lets_somebody_in_and_keeps_somebody_out(sqs, iam, queue, stranger, unique):
    user, theirs = stranger
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.send_message(QueueUrl=queue, MessageBody="m")
    allow = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sqs:SendMessage", "Resource": arn(queue)}
    set_policy(sqs, queue, allow)
    assert theirs.send_message(QueueUrl=queue, MessageBody="m")["MessageId"]
    entries = [{"Id": "1", "MessageBody": "m"}]
    assert theirs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.receive_message(QueueUrl=queue)
    identity = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [identity]})
    iam.put_user_policy(UserName=user.rsplit("/", 1)[1], PolicyName="all", PolicyDocument=document)
    assert theirs.receive_message(QueueUrl=queue)["Messages"]
    set_policy(sqs, queue, allow, {**allow, "Effect": "Deny", "Action": "sqs:ReceiveMessage"})
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.receive_message(QueueUrl=queue)


def test_a_policy_made_of_permissions_counts(sqs, queue, stranger):
    user, theirs = stranger
    statement = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], "Resource": "*"}
    set_policy(sqs, queue, statement)
    assert theirs.get_queue_url(QueueName=queue.rsplit("/", 1)[1])["QueueUrl"] == queue
    assert theirs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] == arn(queue)


def test_tenants_of_a_fair_queue_take_turns(sqs, queue):
    for start in range(0, 30, 10):
        entries = [{"Id": str(n), "MessageBody": f"noisy{n}", "MessageGroupId": "noisy"} for n in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    sqs.send_message(QueueUrl=queue, MessageBody="quiet", MessageGroupId="quiet")
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=3, MessageSystemAttributeNames=["All"])["Messages"]
    assert "quiet" in [message["Attributes"]["MessageGroupId"] for message in received]
    assert counts(sqs, queue) == (28, 3)


def test_a_url_tells_its_region(server, sqs, unique):
    elsewhere = server.client("sqs", region="eu-west-1")
    here, there = (client.create_queue(QueueName=unique)["QueueUrl"] for client in (sqs, elsewhere))
    assert there == here.replace(f"/{ACCOUNT}/", f"/queue/eu-west-1/{ACCOUNT}/")
    elsewhere.send_message(QueueUrl=there, MessageBody="there")
    assert "Messages" not in sqs.receive_message(QueueUrl=here)
    assert sqs.receive_message(QueueUrl=there)["Messages"][0]["Body"] == "there"
    answer = query(server, f"/queue/eu-west-1/{ACCOUNT}/{unique}", Action="GetQueueAttributes", **{"AttributeName.1": "QueueArn"})
    assert f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{unique}" in answer


def test_old_clients_are_told_in_their_words(server, queue):
    path = "/" + queue.split("/", 3)[3]
    for parameters, told in (
        ({"Action": "CreateQueue", "QueueName": "x"}, "The action CreateQueue is not valid for this endpoint."),
        ({"Action": "ListQueues"}, "The action ListQueues is not valid for this endpoint."),
        ({"Action": "FooBar", "Version": "2012-11-05"}, "The action FooBar is not valid for this endpoint."),
        ({"Action": "SendMessage"}, "The request must contain the parameter MessageBody."),
    ):
        answer = query(server, path, **parameters)
        assert f"<Message>{told}</Message>" in answer, answer
    answer = query(server, path + "x", Action="GetQueueAttributes")
    assert "does not exist for this wsdl version." in answer
    assert query(server, path) == "<UnknownOperationException/>\n"


def test_all_queues_together_are_measured(server, sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="m")
    with urllib.request.urlopen(server.endpoint + "/_cloudlet/metrics") as page:
        metrics = dict(line.rsplit(" ", 1) for line in page.read().decode().splitlines() if not line.startswith("#"))
    assert float(metrics["cloudlet_sqs_messages_visible"]) >= 1
    assert float(metrics["cloudlet_sqs_oldest_message_age_seconds"]) >= 0
