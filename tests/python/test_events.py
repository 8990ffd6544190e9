"""`cloudlet events`: what waits, what died and why, and sending it again."""

import json

import pytest
from cloudlet import wait_until
from test_lambda import arn, create, make_role, package, queue

# Fails until it is told not to.
MOODY = """
import os
def handler(event, context):
    if os.environ.get("MOOD") != "good":
        raise RuntimeError("in a bad mood")
    return event
"""


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "events-tests")


@pytest.fixture
def moody(lambda_, sqs, role, unique):
    """A function that fails, and the queue that is told of its successes."""
    heard, heard_arn = queue(sqs, f"{unique}-heard")
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=MOODY)})
    lambda_.put_function_event_invoke_config(FunctionName=unique, DestinationConfig={"OnSuccess": {"Destination": heard_arn}})
    return heard


def cheer_up(lambda_, name):
    lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {"MOOD": "good"}})


def events(server):
    return json.loads(server.run("events", "--json").stdout)


def waiting_for(server, target):
    return next((lane for lane in events(server)["Waiting"] if lane["To"] == target), None)


def letters_in(server, queue_arn):
    return next((dead for dead in events(server)["DeadLetters"] if dead["Queue"] == queue_arn), None)


def heard_payload(sqs, url):
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")
    return messages and json.loads(messages[0]["Body"])["requestPayload"]


def test_what_waits_is_shown_and_tried_again_at_once(server, lambda_, sqs, moody, unique):
    lambda_.invoke(FunctionName=unique, InvocationType="Event", Payload=b'{"n": 1}')
    # It has failed once, and is tried again a minute later.
    lane = wait_until(lambda: (lane := waiting_for(server, arn(unique))) and "Failure" in lane and lane, 60, "the second attempt")
    assert lane["Count"] == 1 and lane["From"] == arn(unique) and lane["Attempts"] == 1
    assert lane["Failure"] == "Unhandled: in a bad mood"
    assert f"1 waiting for {arn(unique)}" in server.run("events").stdout
    cheer_up(lambda_, unique)
    done = json.loads(server.run("events", "redrive", unique, "--json").stdout)
    assert done == {"Retried": 1, "Sent": 0, "Left": 0}
    assert wait_until(lambda: heard_payload(sqs, moody), 30, "the function's success") == {"n": 1}
    wait_until(lambda: waiting_for(server, arn(unique)) is None, 30, "the end of the delivery")


def test_a_functions_dead_letters_go_back_to_it(server, lambda_, sqs, moody, unique):
    dead, dead_arn = queue(sqs, f"{unique}-dead")
    lambda_.update_function_configuration(FunctionName=unique, DeadLetterConfig={"TargetArn": dead_arn})
    lambda_.update_function_event_invoke_config(FunctionName=unique, MaximumRetryAttempts=0)
    for n in range(3):
        lambda_.invoke(FunctionName=unique, InvocationType="Event", Payload=json.dumps({"n": n}).encode())
    sqs.send_message(QueueUrl=dead, MessageBody="somebody else's")
    letters = wait_until(lambda: (found := letters_in(server, dead_arn)) and found["Messages"] == 4 and found, 60, "the dead letters")
    told = {letter["Reason"]: letter for letter in letters["Letters"]}
    assert told["in a bad mood"]["Count"] == 3
    assert told["in a bad mood"]["To"] == arn(unique)
    assert f"for {arn(unique)}: in a bad mood" in server.run("events").stdout
    cheer_up(lambda_, unique)
    shown = server.run("events", "redrive", dead_arn).stdout
    assert "3 dead letters sent again" in shown and "1 messages stay" in shown
    payloads = []
    wait_until(lambda: (got := heard_payload(sqs, moody)) and payloads.append(got["n"]) or len(payloads) == 3, 60, "three successes")
    assert sorted(payloads) == [0, 1, 2]
    assert sqs.receive_message(QueueUrl=dead)["Messages"][0]["Body"] == "somebody else's"


def test_a_queues_dead_letters_go_back_to_it(server, sqs, unique):
    source, source_arn = queue(sqs, unique)
    dead, dead_arn = queue(sqs, f"{unique}-dead")
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": policy})
    sqs.send_message(QueueUrl=source, MessageBody="poison")
    for _ in range(3):
        sqs.receive_message(QueueUrl=source, VisibilityTimeout=0)
    letters = letters_in(server, dead_arn)
    assert letters["Letters"] == [{"Count": 1, "From": source_arn, "Reason": "it was received 2 times"}]
    done = json.loads(server.run("events", "redrive", f"{unique}-dead", "--json").stdout)
    assert done == {"Retried": 0, "Sent": 1, "Left": 0}
    assert sqs.receive_message(QueueUrl=source)["Messages"][0]["Body"] == "poison"
    assert letters_in(server, dead_arn) is None


def test_what_is_not_there_cannot_be_sent_again(server, unique):
    refused = server.run("events", "redrive", unique, check=False)
    assert refused.returncode == 1 and "nothing waits for" in refused.stderr
    missing = server.run("events", "redrive", f"arn:aws:sqs:us-east-1:000000000000:{unique}", check=False)
    assert missing.returncode == 1 and "does not exist" in missing.stderr
