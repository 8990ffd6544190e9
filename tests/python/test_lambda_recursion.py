"""Functions that call themselves: stopped after 16 times, unless they may go on."""

import json

import pytest
from cloudlet import wait_until
from test_lambda import create, make_role, package, queue

# Sends its event on to itself with a higher number, by another invocation or by a queue.
SOURCE = """
import json, os
import boto3
def handler(event, context):
    messages = [json.loads(record["body"]) for record in event.get("Records", [])] or [event]
    for message in messages:
        print("number", message["n"], flush=True)
        if message["n"] >= 40:
            return
        again = json.dumps({"n": message["n"] + 1})
        if "QUEUE" in os.environ:
            boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=again)
        else:
            boto3.client("lambda").invoke(FunctionName=context.function_name, InvocationType="Event", Payload=again)
"""


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "recursion-tests")


def numbers(logs, name):
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="number")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return sorted(int(event["message"].split()[1]) for event in events)


def received(sqs, url):
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
    return [json.loads(message["Body"])["n"] for message in messages]


@pytest.mark.timeout(180)
def test_a_function_that_invokes_itself_is_stopped(lambda_, logs, sqs, role, unique):
    dead, arn = queue(sqs, f"{unique}-dead")
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=SOURCE)}, DeadLetterConfig={"TargetArn": arn})
    lambda_.invoke(FunctionName=unique, InvocationType="Event", Payload=b'{"n": 1}')
    assert wait_until(lambda: received(sqs, dead), 120, "the seventeenth event in the dead letters") == [17]
    assert wait_until(lambda: len(found := numbers(logs, unique)) == 16 and found) == list(range(1, 17))

    lambda_.put_function_recursion_config(FunctionName=unique, RecursiveLoop="Allow")
    lambda_.invoke(FunctionName=unique, InvocationType="Event", Payload=b'{"n": 21}')
    wait_until(lambda: 40 in numbers(logs, unique), 120, "the twentieth run")


@pytest.mark.timeout(180)
def test_a_function_that_feeds_its_own_queue_is_stopped(lambda_, logs, sqs, role, unique):
    dead, dead_arn = queue(sqs, f"{unique}-dead")
    url, arn = queue(sqs, unique)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "20"})
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=SOURCE)}, Environment={"Variables": {"QUEUE": url}})
    lambda_.create_event_source_mapping(FunctionName=unique, EventSourceArn=arn)
    sqs.send_message(QueueUrl=url, MessageBody='{"n": 1}')
    wait_until(lambda: 16 in numbers(logs, unique), 120, "the sixteenth message")
    assert wait_until(lambda: received(sqs, dead), 60, "the seventeenth message in the dead letters") == [17]
    assert numbers(logs, unique) == list(range(1, 17))
