"""`kill -9` every few seconds while events flow: at the end each accepted one is accounted for.

Events go from a topic through a queue into a function, straight into a function, from a FIFO topic into a FIFO queue, from an
event bus by a rule into a queue and into a function, and through queues with dead letters; the functions fail at random.
Twenty seconds of it here; `--soak 600` for ten minutes.
"""

import collections
import json
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until
from test_lambda import create, make_role, package

# Tells `done` of what it has done, unless the dice say that it fails, before or after.
WORKER = """
import json, os, random
import boto3

sqs = boto3.client("sqs")

def tell(name):
    if random.random() < 0.15:
        raise RuntimeError("before")
    sqs.send_message(QueueUrl=os.environ["DONE"], MessageBody=name)
    if random.random() < 0.1:
        raise RuntimeError("after")

def handler(event, context):
    for name in [record["body"] for record in event["Records"]] if "Records" in event else [event["name"]]:
        tell(name)
"""
PRODUCERS = 3
LIFE_SECONDS = (2.0, 5.0)


def arn(service, resource):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


class Soak:
    """What is made once, and what was accepted of each kind."""

    def __init__(self, server):
        self.server = server
        self.accepted = collections.defaultdict(list)
        self.lock = threading.Lock()
        sqs, sns, lambda_ = (server.client(service) for service in ("sqs", "sns", "lambda"))
        role = make_role(server.client("iam"), "soak")
        for name in ("done", "dead-work", "dead-topic", "dead-function", "dead-rule", "from-bus"):
            sqs.create_queue(QueueName=name)
        self.let_in("dead-topic", "dead-rule", "from-bus")
        redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "dead-work"), "maxReceiveCount": 3})
        sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "6"})
        sqs.create_queue(QueueName="order.fifo", Attributes={"FifoQueue": "true"})
        self.let_in("work", "order.fifo")
        topic = sns.create_topic(Name="events")["TopicArn"]
        fifo = sns.create_topic(Name="events.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        raw = {"RawMessageDelivery": "true", "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn("sqs", "dead-topic")})}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn("sqs", "work"), Attributes=raw)
        sns.subscribe(TopicArn=fifo, Protocol="sqs", Endpoint=arn("sqs", "order.fifo"), Attributes={"RawMessageDelivery": "true"})
        create(
            lambda_,
            role,
            "worker",
            Code={"ZipFile": package(index__py=WORKER)},
            Timeout=5,
            Environment={"Variables": {"DONE": "done"}},
            DeadLetterConfig={"TargetArn": arn("sqs", "dead-function")},
        )
        # Attempts a minute apart would make the test long: the dead-letter queue has what fails.
        lambda_.put_function_event_invoke_config(FunctionName="worker", MaximumRetryAttempts=0)
        lambda_.create_event_source_mapping(FunctionName="worker", EventSourceArn=arn("sqs", "work"), BatchSize=1)
        self.make_bus(lambda_)
        # The first message waits until there is a key to sign with, which may take longer than a life of the server.
        sns.publish(TopicArn=topic, Message="topic-first")
        self.note("topic", "topic-first")

    def make_bus(self, lambda_):
        """A bus whose rule sends each event into a queue and into the function."""
        events = self.server.client("events")
        events.create_event_bus(Name="soak")
        pattern = json.dumps({"source": ["soak"], "detail": {"name": [{"prefix": "bus-"}]}})
        rule = events.put_rule(Name="all", EventBusName="soak", EventPattern=pattern)["RuleArn"]
        worker = lambda_.get_function(FunctionName="worker")["Configuration"]["FunctionArn"]
        lambda_.add_permission(FunctionName="worker", StatementId="bus", Action="lambda:InvokeFunction", Principal="events.amazonaws.com", SourceArn=rule)
        told = {"InputPath": "$.detail", "DeadLetterConfig": {"Arn": arn("sqs", "dead-rule")}}
        targets = [{"Id": "queue", "Arn": arn("sqs", "from-bus"), **told}, {"Id": "function", "Arn": worker, **told}]
        assert events.put_targets(Rule="all", EventBusName="soak", Targets=targets)["FailedEntryCount"] == 0

    def let_in(self, *queues):
        """Lets topics and rules send to queues."""
        principal = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
        for queue in queues:
            allow = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": arn("sqs", queue)}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            self.server.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})

    def produce(self, producer, round_, stopping):
        """Sends events of all kinds, and notes those that were accepted, until nobody answers."""
        sns, lambda_, events = (self.server.client(service) for service in ("sns", "lambda", "events"))
        number = 0
        while not stopping.is_set():
            name = f"{round_}-{producer}-{number}"
            number += 1
            try:
                sns.publish(TopicArn=arn("sns", "events"), Message=f"topic-{name}")
                self.note("topic", f"topic-{name}")
                lambda_.invoke(FunctionName="worker", InvocationType="Event", Payload=json.dumps({"name": f"function-{name}"}))
                self.note("function", f"function-{name}")
                entry = {"EventBusName": "soak", "Source": "soak", "DetailType": "made", "Detail": json.dumps({"name": f"bus-{name}"})}
                if events.put_events(Entries=[entry])["FailedEntryCount"] == 0:
                    self.note("bus", f"bus-{name}")
                # One producer for a group, so that the order is known.
                order = dict(MessageGroupId=str(producer), MessageDeduplicationId=name)
                sns.publish(TopicArn=arn("sns", "events.fifo"), Message=f"{producer}:{round_}:{number}", **order)
                self.note("fifo", f"{producer}:{round_}:{number}")
            except (BotoCoreError, ClientError):
                return
            # The function is the slowest part: more would only wait.
            time.sleep(0.15)

    def note(self, kind, name):
        with self.lock:
            self.accepted[kind].append(name)

    def life(self, round_, seconds):
        """One life of the server: events flow, and it is killed in the midst of them."""
        stopping, before = threading.Event(), {kind: len(self.accepted[kind]) for kind in ("topic", "function", "bus", "fifo")}
        producers = [threading.Thread(target=self.produce, args=(n, round_, stopping)) for n in range(PRODUCERS)]
        for producer in producers:
            producer.start()
        stopping.wait(seconds)
        # However slow the machine is: a life in which nothing was taken shows nothing.
        wait_until(lambda: all(len(self.accepted[kind]) > count for kind, count in before.items()), 120, "events of each kind being accepted")
        self.server.kill()
        stopping.set()
        for producer in producers:
            producer.join()
        self.server.start()

    def drain(self, queue):
        """The bodies of all messages in a queue, each with how often it was there; deletes them."""
        sqs, bodies = self.server.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def quiet(self):
        """Whether nothing waits, neither in the outbox nor in the queue of the function."""
        waiting = json.loads(self.server.run("events", "--json").stdout)["Waiting"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.server.client("sqs").get_queue_attributes(QueueUrl="work", AttributeNames=names)["Attributes"]
        return not waiting and set(counts.values()) == {"0"}


@pytest.mark.timeout(1200)
def test_every_accepted_event_is_accounted_for(request):
    seed = random.randrange(1 << 32)
    dice, server = random.Random(seed), Server()
    try:
        soak, end, round_ = Soak(server), time.monotonic() + request.config.getoption("--soak"), 0
        while time.monotonic() < end:
            soak.life(round_, dice.uniform(*LIFE_SECONDS))
            round_ += 1
        wait_until(soak.quiet, 120, "the end of all deliveries")
        done, accepted = set(soak.drain("done")), soak.accepted
        dead = {queue: soak.drain(queue) for queue in ("dead-work", "dead-topic", "dead-function", "dead-rule")}
        dead["dead-function"] = [json.loads(body)["name"] for body in dead["dead-function"]]
        found = done.union(*dead.values())
        for kind in ("topic", "function", "bus"):
            assert len(accepted[kind]) > round_, f"seed {seed}: nothing was accepted"
            assert set(accepted[kind]) <= found, f"seed {seed}: {sorted(set(accepted[kind]) - found)[:5]} are lost"
        assert dead["dead-topic"] == [] and dead["dead-rule"] == [], "queues and functions take whatever is sent to them"
        from_bus = {json.loads(body)["name"] for body in soak.drain("from-bus")}
        assert set(accepted["bus"]) <= from_bus, f"seed {seed}: {sorted(set(accepted['bus']) - from_bus)[:5]} are not in their queue"
        check_order(soak.drain("order.fifo"), accepted["fifo"], seed)
        print(f"{round_} kills, {sum(map(len, accepted.values()))} accepted, {sum(map(len, dead.values()))} dead letters")
    finally:
        server.kill()


def check_order(received, accepted, seed):
    """Each accepted message is there once, and those of a group in the order in which they were sent."""
    assert len(received) == len(set(received)), f"seed {seed}: a message is there twice"
    assert set(accepted) <= set(received), f"seed {seed}: {sorted(set(accepted) - set(received))[:5]} are lost"
    groups = collections.defaultdict(list)
    for body in received:
        group, *place = map(int, body.split(":"))
        groups[group].append(place)
    for group, places in groups.items():
        assert places == sorted(places), f"seed {seed}: group {group} is out of order"
