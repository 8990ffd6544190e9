"""SNS through boto3: every operation, and what subscribers of every protocol get."""

import json
import re
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until
from relay import Relay
from sns_endpoint import Endpoint, verify
from test_lambda import create, make_role, package


@pytest.fixture
def topic(sns, unique):
    return sns.create_topic(Name=unique)["TopicArn"]


@pytest.fixture
def fifo(sns, unique):
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    return sns.create_topic(Name=f"{unique}.fifo", Attributes=attributes)["TopicArn"]


def allow_sns(arn, action="sqs:SendMessage"):
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": action, "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Queue:
    """A queue that topics may send to."""

    def __init__(self, sqs, name, policy=True):
        self.sqs, self.arn = sqs, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        if policy:
            attributes["Policy"] = allow_sns(self.arn)
        self.url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def received(self):
        asked = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
        messages = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, **asked).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def take(self, count=1):
        """The next messages, and no more than these."""
        messages = []
        wait_until(lambda: messages.extend(self.received()) or len(messages) >= count, what=f"{count} messages")
        assert len(messages) == count, messages
        return messages

    def bodies(self, count=1):
        return [json.loads(message["Body"]) for message in self.take(count)]


@pytest.fixture
def queue(sqs, unique):
    return Queue(sqs, unique)


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    """A server whose webhooks may reach every endpoint of these tests: they take any free port."""
    endpoints = [Endpoint() for _ in range(3)]
    options = [option for endpoint in endpoints for option in ("--allow-loopback", endpoint.port)]
    server = Server(tmp_path_factory.mktemp("sns") / "data", options=options)
    server.endpoints = iter(endpoints)
    yield server
    assert server.stop(), server.logged()


def refused(code, call, **input):
    with pytest.raises(ClientError) as caught:
        call(**input)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response["Error"]["Message"]


def subscribe(sns, topic, queue, **attributes):
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes, ReturnSubscriptionArn=True)
    return arn["SubscriptionArn"]


def test_a_topic_from_its_making_to_its_end(sns, unique):
    tags = [{"Key": "team", "Value": "a"}]
    arn = sns.create_topic(Name=unique, Attributes={"DisplayName": "News"}, Tags=tags)["TopicArn"]
    assert arn == f"arn:aws:sns:{REGION}:{ACCOUNT}:{unique}"
    assert sns.create_topic(Name=unique)["TopicArn"] == arn
    message = refused("InvalidParameter", sns.create_topic, Name=unique, Attributes={"DisplayName": "Other"})
    assert message == "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (attributes["DisplayName"], attributes["Owner"], attributes["SubscriptionsConfirmed"]) == ("News", ACCOUNT, "0")
    assert json.loads(attributes["Policy"])["Statement"][0]["Sid"] == "__default_statement_ID"
    assert json.loads(attributes["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="Later")
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "Later"
    assert refused("InvalidParameter", sns.set_topic_attributes, TopicArn=arn, AttributeName="Nonsense", AttributeValue="x")
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "more", "Value": "b"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "more", "Value": "b"}]
    pages = sns.get_paginator("list_topics").paginate()
    assert arn in [topic["TopicArn"] for page in pages for topic in page["Topics"]]
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    assert refused("NotFound", sns.get_topic_attributes, TopicArn=arn) == "Topic does not exist"
    assert "6 elements, not 1" in refused("InvalidParameter", sns.publish, TopicArn="nonsense", Message="x")


def test_policies_and_their_shorthand(sns, topic):
    sns.add_permission(TopicArn=topic, Label="friends", AWSAccountId=["111122223333"], ActionName=["Publish", "Subscribe"])
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert policy["Statement"][1] == {
        "Sid": "friends",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["SNS:Publish", "SNS:Subscribe"],
        "Resource": topic,
    }
    refused("InvalidParameter", sns.add_permission, TopicArn=topic, Label="friends", AWSAccountId=["111122223333"], ActionName=["Publish"])
    sns.remove_permission(TopicArn=topic, Label="friends")
    assert len(json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]) == 1
    protection = json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": []})
    sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy=protection)
    assert sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"] == protection


def test_a_topics_policy_lets_a_user_publish(server, sns, iam, topic, unique):
    user = iam.create_user(UserName=unique)["User"]["Arn"]
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    stranger = server.client_as("sns", key["AccessKeyId"], key["SecretAccessKey"])
    assert "sns:Publish" in refused("AuthorizationError", stranger.publish, TopicArn=topic, Message="x")
    statement = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sns:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    assert stranger.publish(TopicArn=topic, Message="x")["MessageId"]
    refused("AuthorizationError", stranger.delete_topic, TopicArn=topic)


def test_a_queue_gets_messages_with_all_they_carry(sns, topic, queue):
    arn = subscribe(sns, topic, queue)
    assert subscribe(sns, topic, queue) == arn, "an endpoint is subscribed once"
    attributes = {
        "color": {"DataType": "String", "StringValue": "grün"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = sns.publish(TopicArn=topic, Message="hello ✓", Subject="Greetings", MessageAttributes=attributes)
    (body,) = queue.bodies()
    assert (body["Type"], body["MessageId"], body["TopicArn"]) == ("Notification", sent["MessageId"], topic)
    assert (body["Message"], body["Subject"], body["SignatureVersion"]) == ("hello ✓", "Greetings", "1")
    assert body["MessageAttributes"] == {
        "color": {"Type": "String", "Value": "grün"},
        "bytes": {"Type": "Binary", "Value": "AP8="},
    }
    verify(body)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="false")
    sns.publish(TopicArn=topic, Message="again")
    (body,) = queue.bodies()
    assert body["SignatureVersion"] == "2"
    verify(body)
    with pytest.raises(Exception):
        verify(body | {"Message": "forged"})
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message="raw", MessageAttributes=attributes)
    (message,) = queue.take()
    assert (message["Body"], message["MessageAttributes"]) == ("raw", attributes)
    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    sns.publish(TopicArn=topic, Message="to nobody")
    refused("NotFound", sns.get_subscription_attributes, SubscriptionArn=arn)
    counts = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (counts["SubscriptionsConfirmed"], counts["SubscriptionsDeleted"]) == ("0", "1")
    assert queue.received() == []


def test_subscriptions_are_listed_and_shown(sns, topic, queue):
    arn = subscribe(sns, topic, queue, RawMessageDelivery="true")
    expected = {"SubscriptionArn": arn, "Owner": ACCOUNT, "Protocol": "sqs", "Endpoint": queue.arn, "TopicArn": topic}
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == [expected]
    pages = sns.get_paginator("list_subscriptions").paginate()
    assert expected in [found for page in pages for found in page["Subscriptions"]]
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["RawMessageDelivery"], attributes["PendingConfirmation"]) == ("true", "false")
    message = refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "false"})
    assert "already exists with different attributes" in message


def test_pages_of_subscriptions(sns, topic):
    for number in range(103):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=f"user{number}@example.com")
    pages = [page["Subscriptions"] for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)]
    assert [len(page) for page in pages] == [100, 3]
    assert {found["SubscriptionArn"] for page in pages for found in page} == {"PendingConfirmation"}


def test_batches_succeed_and_fail_in_part(sns, topic, queue):
    subscribe(sns, topic, queue, RawMessageDelivery="true")
    entries = [{"Id": "good", "Message": "one"}, {"Id": "bad", "Message": "two", "Subject": "a\nb"}, {"Id": "fine", "Message": "three"}]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [done["Id"] for done in answer["Successful"]] == ["good", "fine"]
    assert [(failed["Id"], failed["Code"], failed["SenderFault"]) for failed in answer["Failed"]] == [("bad", "InvalidParameter", True)]
    assert sorted(message["Body"] for message in queue.take(2)) == ["one", "three"]
    many = [{"Id": str(number), "Message": "x"} for number in range(11)]
    refused("TooManyEntriesInBatchRequest", sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=many)
    refused("BatchEntryIdsNotDistinct", sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a", "Message": "x"}] * 2)
    large = [{"Id": str(number), "Message": "x" * 30_000} for number in range(10)]
    refused("BatchRequestTooLong", sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=large)


def test_messages_of_several_texts(sns, topic, queue):
    subscribe(sns, topic, queue)
    texts = json.dumps({"default": "for all", "sqs": "for queues", "other": 1})
    sns.publish(TopicArn=topic, Message=texts, MessageStructure="json")
    (body,) = queue.bodies()
    assert body["Message"] == "for queues"
    verify(body)
    message = refused("InvalidParameter", sns.publish, TopicArn=topic, Message="{}", MessageStructure="json")
    assert message == "Invalid parameter: Message Structure - No default entry in JSON message body"


def test_what_may_be_published(sns, topic):
    assert sns.publish(TargetArn=topic, Message="x" * 262_144)["MessageId"]
    too_long = {"TopicArn": topic, "Message": "x" * 262_145}
    assert refused("InvalidParameter", sns.publish, **too_long) == "Invalid parameter: Message too long"
    sns.set_topic_attributes(TopicArn=topic, AttributeName="MaximumMessageSize", AttributeValue="1048576")
    assert sns.publish(**too_long)["MessageId"]
    assert refused("InvalidParameter", sns.publish, TopicArn=topic, Message="") == "Invalid parameter: Empty message"
    refused("InvalidParameter", sns.publish, TopicArn=topic, Message="x", Subject="x" * 101)
    attribute = {"a..b": {"DataType": "String", "StringValue": "x"}}
    refused("ParameterValueInvalid", sns.publish, TopicArn=topic, Message="x", MessageAttributes=attribute)
    assert "is not implemented" in refused("NotImplemented", sns.publish, PhoneNumber="+15551234567", Message="x")
    assert "sms" in refused("NotImplemented", sns.subscribe, TopicArn=topic, Protocol="sms", Endpoint="+15551234567")
    refused("NotImplemented", sns.create_platform_application, Name="x", Platform="GCM", Attributes={})


@pytest.mark.parametrize(
    "policy, scope, wanted, unwanted",
    [
        ({"kind": ["a", {"prefix": "b-"}]}, "MessageAttributes", {"kind": "b-1"}, {"kind": "c"}),
        ({"price": [{"numeric": [">", 1, "<=", 2]}]}, "MessageAttributes", {"price": 2}, {"price": 3}),
        ({"kind": [{"exists": False}]}, "MessageAttributes", {"other": "x"}, {"kind": "x"}),
        ({"tags": ["x"]}, "MessageAttributes", {"tags": ["y", "x"]}, {"tags": ["y"]}),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, "MessageAttributes", {"ip": "10.0.0.9"}, {"ip": "10.0.1.9"}),
        ({"kind": [{"anything-but": {"suffix": ".png"}}]}, "MessageBody", {"kind": "a.jpg"}, {"kind": "a.png"}),
        ({"order": {"state": [{"equals-ignore-case": "PAID"}]}}, "MessageBody", {"order": {"state": "paid"}}, {"order": {"state": "new"}}),
        ({"items": {"id": [7]}}, "MessageBody", {"items": [{"id": 1}, {"id": 7}]}, {"items": [{"id": 1}]}),
        ({"$or": [{"a": [1]}, {"b": [{"wildcard": "x*z"}]}]}, "MessageBody", {"b": "xyz"}, {"a": 2, "b": "xy"}),
    ],
)
def test_filters_let_through_what_is_wanted(sns, topic, queue, policy, scope, wanted, unwanted):
    subscribe(sns, topic, queue, FilterPolicy=json.dumps(policy), FilterPolicyScope=scope, RawMessageDelivery="true")
    for content in (unwanted, wanted):
        if scope == "MessageBody":
            sns.publish(TopicArn=topic, Message=json.dumps(content))
        else:
            sns.publish(TopicArn=topic, Message=json.dumps(content), MessageAttributes={name: attribute(value) for name, value in content.items()})
    assert [json.loads(message["Body"]) for message in queue.take()] == [wanted]


def attribute(value):
    if isinstance(value, list):
        return {"DataType": "String.Array", "StringValue": json.dumps(value)}
    return {"DataType": "String" if isinstance(value, str) else "Number", "StringValue": str(value)}


@pytest.mark.parametrize(
    "policy, scope, reason",
    [
        ({"a": {"b": ["x"]}}, "MessageAttributes", "does not support nested filter policy"),
        ({name: ["x"] for name in "abcdef"}, "MessageBody", "Filter policy can not have more than 5 keys"),
        ({"a": list(range(16)), "b": list(range(10))}, "MessageBody", "Filter policy is too complex"),
        ({"a": []}, "MessageBody", "Empty arrays are not allowed"),
        ({"a": "x"}, "MessageBody", '"a" must be an object or an array'),
        ({"a": [{"like": "x"}]}, "MessageBody", "Unrecognized match type like"),
    ],
)
def test_filters_that_cannot_be_are_refused(sns, topic, queue, policy, scope, reason):
    attributes = {"FilterPolicy": json.dumps(policy), "FilterPolicyScope": scope}
    assert reason in refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)


def test_fifo_topics_keep_order_and_deliver_once(sns, sqs, fifo, unique):
    queue, plain = Queue(sqs, f"{unique}.fifo"), Queue(sqs, unique)
    subscribe(sns, fifo, queue, RawMessageDelivery="true")
    subscribe(sns, fifo, plain)
    sent = [sns.publish(TopicArn=fifo, Message=text, MessageGroupId="g") for text in ["1", "2", "2", "3"]]
    assert sent[1]["MessageId"] == sent[2]["MessageId"] and sent[1]["SequenceNumber"] == sent[2]["SequenceNumber"]
    assert sent[0]["SequenceNumber"] < sent[1]["SequenceNumber"] < sent[3]["SequenceNumber"]
    messages = queue.take(3)
    assert [message["Body"] for message in messages] == ["1", "2", "3"]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"g"}
    bodies = plain.bodies(3)
    assert all("Signature" not in body and len(body["SequenceNumber"]) == 20 for body in bodies)
    message = refused("InvalidParameter", sns.publish, TopicArn=fifo, Message="x")
    assert message == "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    refused("InvalidParameter", sns.subscribe, TopicArn=fifo, Protocol="email", Endpoint="a@example.com")


def test_what_was_archived_is_replayed(sns, sqs, fifo, unique):
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue='{"MessageRetentionPeriod":"30"}')
    start = sns.get_topic_attributes(TopicArn=fifo)["Attributes"]["BeginningArchiveTime"]
    sent = [sns.publish(TopicArn=fifo, Message=str(number), MessageGroupId="g")["MessageId"] for number in range(3)]
    queue = Queue(sqs, f"{unique}.fifo")
    arn = subscribe(sns, fifo, queue, ReplayPolicy=json.dumps({"PointType": "Timestamp", "StartingPoint": start}))
    bodies = queue.bodies(3)
    assert [body["MessageId"] for body in bodies] == sent and all(body["Replayed"] for body in bodies)
    wait_until(lambda: sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["ReplayStatus"] == "Completed")
    sns.publish(TopicArn=fifo, Message="live", MessageGroupId="g")
    (body,) = queue.bodies()
    assert body["Message"] == "live" and "Replayed" not in body
    refused("InvalidParameter", sns.delete_topic, TopicArn=fifo)
    sns.set_topic_attributes(TopicArn=fifo, AttributeName="ArchivePolicy", AttributeValue="{}")
    sns.delete_topic(TopicArn=fifo)


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(sns, sqs, topic, unique):
    closed, dead = Queue(sqs, unique, policy=False), Queue(sqs, f"{unique}-dead")
    arn = subscribe(sns, topic, closed, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn}))
    sent = sns.publish(TopicArn=topic, Message="not for everybody")
    (body,) = dead.bodies()
    assert (body["MessageId"], body["Message"]) == (sent["MessageId"], "not for everybody")
    sqs.set_queue_attributes(QueueUrl=closed.url, Attributes={"Policy": allow_sns(closed.arn)})
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message="now it is")
    assert closed.take()[0]["Body"] == "now it is"
    sqs.delete_queue(QueueUrl=closed.url)
    attributes = {"a": {"DataType": "Number", "StringValue": "1"}}
    sns.publish(TopicArn=topic, Message="gone", MessageAttributes=attributes)
    (message,) = dead.take()
    assert (message["Body"], message["MessageAttributes"]) == ("gone", attributes)


HANDLER = """
import boto3, json, os
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
"""


def test_a_function_is_called(sns, sqs, iam, lambda_, topic, queue, unique):
    role = make_role(iam, unique)
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue.arn}
    iam.put_role_policy(RoleName=unique, PolicyName="send", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    code = {"ZipFile": package(index__py=HANDLER)}
    function = create(lambda_, role, unique, Code=code, Environment={"Variables": {"QUEUE": queue.url}})["FunctionArn"]
    dead = Queue(sqs, f"{unique}-dead")
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})}
    arn = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes=redrive)["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="not permitted")
    (body,) = dead.bodies()
    assert (body["Type"], body["Message"]) == ("Notification", "not permitted")
    verify(body)
    permission = {"StatementId": "sns", "Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com", "SourceArn": topic}
    lambda_.add_permission(FunctionName=unique, **permission)
    sent = sns.publish(TopicArn=topic, Message="hello", Subject="s")
    (record,) = queue.bodies()[0]["Records"]
    assert (record["EventSource"], record["EventVersion"], record["EventSubscriptionArn"]) == ("aws:sns", "1.0", arn)
    notification = record["Sns"]
    assert notification.keys() == {
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertUrl",
        "UnsubscribeUrl", "MessageAttributes",
    }  # fmt: skip
    assert (notification["MessageId"], notification["Message"], notification["Subject"]) == (sent["MessageId"], "hello", "s")
    verify(notification)


def test_what_functions_tell_goes_to_topics(sns, sqs, iam, lambda_, topic, queue, unique):
    role = make_role(iam, unique)
    statement = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic}
    iam.put_role_policy(RoleName=unique, PolicyName="tell", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    subscribe(sns, topic, queue)
    handler = "def handler(event, context):\n    return 1 / event['n']"
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=handler)}, DeadLetterConfig={"TargetArn": topic})
    success = {"OnSuccess": {"Destination": topic}}
    lambda_.put_function_event_invoke_config(FunctionName=unique, MaximumRetryAttempts=0, DestinationConfig=success)
    lambda_.invoke(FunctionName=unique, InvocationType="Event", Payload=b'{"n": 2}')
    told = json.loads(queue.bodies()[0]["Message"])
    assert (told["requestContext"]["condition"], told["responsePayload"]) == ("Success", 0.5)
    lambda_.invoke(FunctionName=unique, InvocationType="Event", Payload=b'{"n": 0}')
    (body,) = queue.bodies()
    assert json.loads(body["Message"]) == {"n": 0}
    assert body["MessageAttributes"]["ErrorMessage"]["Value"] == "division by zero"


PROJECT = """
service: {name}
provider:
  name: aws
  runtime: python3.12
  iam: {{ role: {{ statements: [{{ Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Seen.Arn }}] }} }}
functions:
  welcome:
    handler: handler.main
    environment: {{ QUEUE: !Ref Seen }}
    events:
      - sns: {{ topicName: {name}-sign-ups, displayName: Sign-ups, filterPolicy: {{ plan: [paid] }} }}
resources:
  Resources:
    Seen: {{ Type: AWS::SQS::Queue }}
  Outputs:
    Seen: {{ Value: !Ref Seen }}
"""


@pytest.mark.timeout(300)
def test_a_deployed_function_hears_of_its_topic(server, sns, sqs, tmp_path, unique):
    (tmp_path / "serverless.yml").write_text(PROJECT.format(name=unique))
    (tmp_path / "handler.py").write_text(HANDLER.replace("handler(", "main("))
    server.run("deploy", tmp_path)
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{unique}-sign-ups"
    (url,) = [url for url in sqs.list_queues()["QueueUrls"] if f"/{unique}-" in url]
    for plan in ("free", "paid"):
        sns.publish(TopicArn=topic, Message=plan, MessageAttributes={"plan": {"DataType": "String", "StringValue": plan}})
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    assert json.loads(message["Body"])["Records"][0]["Sns"]["Message"] == "paid"
    server.run("remove", tmp_path)
    refused("NotFound", sns.get_topic_attributes, TopicArn=topic)


def follow(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


def test_an_http_endpoint_confirms_and_is_sent_to(open_server):
    sns, endpoint = open_server.client("sns"), next(open_server.endpoints)
    topic = sns.create_topic(Name="hooks")["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=topic, Message="too early")
    headers, body = endpoint.next()
    message = json.loads(body)
    verify(message)
    assert headers["x-amz-sns-message-type"] == message["Type"] == "SubscriptionConfirmation"
    assert (headers["x-amz-sns-topic-arn"], headers["x-amz-sns-subscription-arn"]) == (topic, None)
    with pytest.raises(urllib.error.HTTPError) as caught:
        follow(message["SubscribeURL"].replace(message["Token"], "abc123"))
    assert "Invalid parameter: Token" in caught.value.read().decode()
    arn = re.search("<SubscriptionArn>(.*)</SubscriptionArn>", follow(message["SubscribeURL"])).group(1)
    assert sns.confirm_subscription(TopicArn=topic, Token=message["Token"])["SubscriptionArn"] == arn
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["ConfirmationWasAuthenticated"] == "false"
    sns.publish(TopicArn=topic, Message="hello")
    headers, body = endpoint.next()
    message = json.loads(body)
    verify(message)
    assert (headers["x-amz-sns-message-type"], headers["x-amz-sns-subscription-arn"]) == ("Notification", arn)
    assert (headers["Content-Type"], message["Message"]) == ("text/plain; charset=UTF-8", "hello")
    policy = json.dumps({"requestPolicy": {"headerContentType": "application/json"}, "throttlePolicy": {"maxReceivesPerSecond": 100}})
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="DeliveryPolicy", AttributeValue=policy)
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message='{"raw": true}')
    headers, body = endpoint.next()
    assert (headers["x-amz-sns-rawdelivery"], headers["Content-Type"], body) == ("true", "application/json", '{"raw": true}')
    # Whoever has a message can unsubscribe; the endpoint is told, and can take it back.
    follow(message["UnsubscribeURL"])
    message = endpoint.message()
    assert message["Type"] == "UnsubscribeConfirmation"
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    follow(message["SubscribeURL"])
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == arn


def test_an_http_endpoint_that_fails_is_tried_again(open_server):
    sns, sqs, endpoint = open_server.client("sns"), open_server.client("sqs"), next(open_server.endpoints)
    topic, dead = sns.create_topic(Name="failing")["TopicArn"], Queue(sqs, "failing-dead")
    retries = {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2, "numNoDelayRetries": 2}
    attributes = {
        "DeliveryPolicy": json.dumps({"healthyRetryPolicy": retries}),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn}),
    }
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url, Attributes=attributes)
    follow(endpoint.message()["SubscribeURL"])
    endpoint.status = 503
    sns.publish(TopicArn=topic, Message="in vain")
    assert json.loads(dead.take()[0]["Body"])["Message"] == "in vain"
    assert len(endpoint.received) == 3
    endpoint.received.clear()
    endpoint.status = 404
    sns.publish(TopicArn=topic, Message="not there")
    assert json.loads(dead.take()[0]["Body"])["Message"] == "not there"
    assert len(endpoint.received) == 1, "what the client got wrong stays wrong"


def test_webhooks_do_not_reach_what_only_the_server_may(sns, sqs, topic, endpoint, unique):
    for url in ["http://169.254.169.254/latest", "ftp://example.com/"]:
        protocol = "http"
        try:
            sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=url)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "InvalidParameter"
    # This port of the loopback address was not given free.
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    queue = Queue(sqs, unique)
    subscribe(sns, topic, queue)
    sns.publish(TopicArn=topic, Message="x")
    queue.take()
    assert endpoint.received == []


def test_mail_is_confirmed_and_sent(server, sns, topic):
    address = "ada@example.com"
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="My shop")
    assert sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)["SubscriptionArn"] == "pending confirmation"
    refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="nobody")
    mail = newest(server, "AWS Notification - Subscription Confirmation", topic)
    assert mail["To"] == [address]
    follow(re.search(r"http://\S+ConfirmSubscription\S+", mail["Text"]).group())
    sns.publish(TopicArn=topic, Subject="Your order", Message="It is on its way.\nThank you.")
    mail = newest(server, "Your order")
    assert mail["Text"].startswith("It is on its way.\nThank you.\n") and "My shop" in mail["From"]
    assert "Your order" in server.run("mail").stdout
    shown = server.run("mail", "show", mail["MailId"]).stdout
    assert f"To: {address}\n" in shown and "It is on its way." in shown
    follow(re.search(r"http://\S+Unsubscribe\S+", mail["Text"]).group())
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    assert server.run("mail", "show", "nonsense", check=False).returncode != 0


def newest(server, subject, text=""):
    def found():
        mails = json.loads(server.run("mail", "list", "--json").stdout)["Mails"]
        return [mail for mail in mails if mail["Subject"] == subject and text in mail["Text"]]

    return wait_until(found, what=f"mail about {subject}")[0]


def test_mail_goes_through_a_relay(tmp_path):
    relay = Relay()
    server = Server(tmp_path / "data", options=["--smtp", f"smtp://127.0.0.1:{relay.port}", "--mail-from", "shop@example.com", "--public-url", "https://cloud.example.com"])
    sns = server.client("sns")
    topic = sns.create_topic(Name="mails")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="ada@example.com")
    wait_until(lambda: relay.mails, what="a mail")
    sender, recipients, text = relay.mails.pop()
    assert (sender, recipients) == ("shop@example.com", ["ada@example.com"])
    assert "SubscriptionConfirmation" in text and "https://cloud.example.com/?Action" in text.replace("=\n", "").replace("=3D", "=")
    assert server.stop(), server.logged()
    relay.close()


def test_what_was_published_survives_a_crash(tmp_path):
    server = Server(tmp_path / "data")
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    queues = [Queue(sqs, f"q{number}") for number in range(3)]
    for queue in queues:
        subscribe(sns, topic, queue, RawMessageDelivery="true")
    sent = [sns.publish(TopicArn=topic, Message=str(number)) and str(number) for number in range(20)]
    server.kill()
    server.start()
    for queue in queues:
        queue.sqs = server.client("sqs")
        queue.url = queue.sqs.get_queue_url(QueueName=queue.arn.rsplit(":", 1)[1])["QueueUrl"]
        assert sorted(message["Body"] for message in queue.take(len(sent))) == sorted(sent), "exactly once"
    assert server.stop(), server.logged()
