"""EventBridge Pipes through boto3: the operations, what is refused, every way from a source to a target, and kill -9."""

import base64
import json
import time

import pytest
from cloudlet import ACCOUNT, REGION, Server, wait_until
from http_endpoint import HttpEndpoint
from test_kinesis import make, read, shards
from test_lambda import create, package, queue, refused

TRUST = {"Effect": "Allow", "Principal": {"Service": ["pipes.amazonaws.com", "lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def make_role(iam, name, actions=("*",)):
    """A role that pipes and functions may assume."""
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
    allow(iam, name, actions)
    return role


def allow(iam, role, actions):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document(statement))


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "pipes-tests")


@pytest.fixture
def pipe(pipes, role, unique):
    """Makes a pipe that runs. It ends with the test."""
    names = []

    def make_pipe(source, target, **more):
        name = f"{unique}-{len(names)}"
        pipes.create_pipe(Name=name, **({"Source": source, "Target": target, "RoleArn": role} | more))
        names.append(name)
        becomes(pipes, name, "RUNNING")
        return name

    yield make_pipe
    for name in names:
        pipes.delete_pipe(Name=name)


def becomes(pipes, name, state):
    """Waits until the pipe is in a state; how it is then."""

    def there():
        found = pipes.describe_pipe(Name=name)
        return found if found["CurrentState"] == state else None

    return wait_until(there, what=f"the pipe {name} being {state}")


def bodies(sqs, url, count, seconds=30):
    """The bodies of so many messages, which are deleted."""
    found = []

    def drain():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            found.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found) >= count

    wait_until(drain, seconds, f"{count} messages in {url}")
    return found


def is_empty(sqs, url):
    """Whether nothing waits in a queue, and nothing is under way."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return all(counts[name] == "0" for name in names)


def send(sqs, url, *texts):
    for text in texts:
        sqs.send_message(QueueUrl=url, MessageBody=text)


@pytest.fixture
def ends(sqs, unique):
    """URL and ARN of a queue to begin at, and of one to end at."""
    return queue(sqs, f"{unique}-from"), queue(sqs, f"{unique}-to")


# The operations.


def test_a_pipe_is_made_shown_changed_stopped_started_and_deleted(pipes, sqs, ends, role, unique):
    (_, source), (_, target) = ends
    made = pipes.create_pipe(Name=unique, Source=source, Target=target, RoleArn=role, Description="d", Tags={"a": "1"})
    arn = f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/{unique}"
    assert (made["Arn"], made["Name"], made["DesiredState"], made["CurrentState"]) == (arn, unique, "RUNNING", "CREATING")
    shown = becomes(pipes, unique, "RUNNING")
    assert shown["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 10}}
    assert (shown["EnrichmentParameters"], shown["TargetParameters"], shown["Tags"]) == ({}, {}, {"a": "1"})
    assert (shown["Source"], shown["Target"], shown["RoleArn"], shown["Description"]) == (source, target, role, "d")
    assert shown["StateReason"] == "No records processed"
    assert "Enrichment" not in shown and "LogConfiguration" not in shown
    filters = {"Filters": [{"Pattern": json.dumps({"body": {"a": [1]}})}]}
    changed = pipes.update_pipe(
        Name=unique,
        RoleArn=role,
        Description="",
        SourceParameters={"FilterCriteria": filters, "SqsQueueParameters": {"BatchSize": 5, "MaximumBatchingWindowInSeconds": 1}},
        TargetParameters={"InputTemplate": "<$.body>", "SqsQueueParameters": {"MessageGroupId": "g"}},
    )
    assert changed["CurrentState"] == "UPDATING"
    shown = becomes(pipes, unique, "RUNNING")
    assert shown["SourceParameters"] == {"FilterCriteria": filters, "SqsQueueParameters": {"BatchSize": 5, "MaximumBatchingWindowInSeconds": 1}}
    assert shown["TargetParameters"] == {"InputTemplate": "<$.body>", "SqsQueueParameters": {"MessageGroupId": "g"}}
    assert "Description" not in shown
    # Parameters of a service are replaced as one; what is not named stays; an empty template goes.
    pipes.update_pipe(Name=unique, RoleArn=role, SourceParameters={"SqsQueueParameters": {"BatchSize": 4}}, TargetParameters={"InputTemplate": ""})
    shown = becomes(pipes, unique, "RUNNING")
    assert shown["SourceParameters"] == {"FilterCriteria": filters, "SqsQueueParameters": {"BatchSize": 4}}
    assert shown["TargetParameters"] == {"SqsQueueParameters": {"MessageGroupId": "g"}}
    stopped = pipes.stop_pipe(Name=unique)
    assert (stopped["DesiredState"], stopped["CurrentState"]) == ("STOPPED", "STOPPING")
    assert becomes(pipes, unique, "STOPPED")["StateReason"] == "User initiated"
    assert pipes.start_pipe(Name=unique)["CurrentState"] == "STARTING"
    becomes(pipes, unique, "RUNNING")
    gone = pipes.delete_pipe(Name=unique)
    assert (gone["DesiredState"], gone["CurrentState"]) == ("DELETED", "DELETING")
    for call in (pipes.describe_pipe, pipes.delete_pipe, pipes.start_pipe, pipes.stop_pipe):
        refused("NotFoundException", call, Name=unique)
    refused("NotFoundException", pipes.update_pipe, Name=unique, RoleArn=role)


def test_pipes_are_listed(pipes, ends, role, unique):
    (_, source), (_, target) = ends
    for number in range(3):
        pipes.create_pipe(Name=f"{unique}-{number}", Source=source, Target=target, RoleArn=role, DesiredState="STOPPED")
    listed = pipes.list_pipes(NamePrefix=unique, Limit=2)
    assert [pipe["Name"] for pipe in listed["Pipes"]] == [f"{unique}-0", f"{unique}-1"]
    rest = pipes.list_pipes(NamePrefix=unique, Limit=2, NextToken=listed["NextToken"])
    assert [pipe["Name"] for pipe in rest["Pipes"]] == [f"{unique}-2"] and "NextToken" not in rest
    one = rest["Pipes"][0]
    assert (one["Source"], one["Target"], one["DesiredState"], one["CurrentState"]) == (source, target, "STOPPED", "STOPPED")
    everywhere = dict(NamePrefix=unique, SourcePrefix=source, TargetPrefix=target, DesiredState="STOPPED", CurrentState="STOPPED")
    assert len(pipes.list_pipes(**everywhere)["Pipes"]) == 3
    for other in ({"SourcePrefix": "arn:aws:kinesis"}, {"TargetPrefix": "arn:aws:sns"}, {"DesiredState": "RUNNING"}, {"CurrentState": "RUNNING"}):
        assert pipes.list_pipes(NamePrefix=unique, **other)["Pipes"] == []
    refused("ValidationException", pipes.list_pipes, Limit=101)
    refused("ConflictException", pipes.create_pipe, Name=f"{unique}-0", Source=source, Target=target, RoleArn=role)
    for number in range(3):
        pipes.delete_pipe(Name=f"{unique}-{number}")


def test_tags(pipes, ends, role, unique):
    (_, source), (_, target) = ends
    arn = pipes.create_pipe(Name=unique, Source=source, Target=target, RoleArn=role, DesiredState="STOPPED", Tags={"a": "1", "b": "2"})["Arn"]
    pipes.tag_resource(resourceArn=arn, tags={"b": "3", "c": "4"})
    pipes.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert pipes.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "3", "c": "4"}
    refused("NotFoundException", pipes.list_tags_for_resource, resourceArn=f"{arn}-none")
    refused("NotFoundException", pipes.tag_resource, resourceArn="arn:aws:sqs:us-east-1:000000000000:q", tags={"a": "1"})
    refused("ValidationException", pipes.tag_resource, resourceArn=arn, tags={f"k{number}": "" for number in range(51)})
    pipes.delete_pipe(Name=unique)


def test_what_is_no_pipe_is_refused(pipes, kinesis, ends, role, unique):
    (_, source), (_, target) = ends
    stream = make(kinesis, unique)
    good = {"Name": unique, "Source": source, "Target": target, "RoleArn": role}
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    start = {"StartingPosition": "LATEST"}
    wrong = [
        {"Name": "no name"},
        {"Name": "x" * 65},
        {"Source": None},
        {"Target": None},
        {"RoleArn": None},
        {"DesiredState": "PAUSED"},
        {"Description": "x" * 513},
        {"Source": "queue"},
        {"Source": f"arn:aws:s3:::{unique}"},
        {"Target": f"arn:aws:iam::{ACCOUNT}:role/r"},
        {"Target": f"arn:aws:sns:{REGION}:{ACCOUNT}:t.fifo"},
        {"Enrichment": target},
        {"RoleArn": "role"},
        {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{unique}-none"},
        {"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "no pattern"}]}}},
        {"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "{}"}] * 6}}},
        {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 0}}},
        {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 11, "MaximumBatchingWindowInSeconds": 1}}},
        {"Target": function, "SourceParameters": {"SqsQueueParameters": {"BatchSize": 11}}},
        {"SourceParameters": {"SqsQueueParameters": {"MaximumBatchingWindowInSeconds": 301}}},
        {"SourceParameters": {"KinesisStreamParameters": start}},
        {"Source": stream},
        {"Source": stream, "SourceParameters": {"KinesisStreamParameters": {"StartingPosition": "AT_TIMESTAMP"}}},
        {"Source": stream, "SourceParameters": {"KinesisStreamParameters": start | {"ParallelizationFactor": 11}}},
        {"Source": stream, "SourceParameters": {"KinesisStreamParameters": start | {"MaximumRecordAgeInSeconds": 59}}},
        {"Source": stream, "SourceParameters": {"KinesisStreamParameters": start | {"DeadLetterConfig": {"Arn": function}}}},
        {"TargetParameters": {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}},
        {"TargetParameters": {"InputTemplate": "<aws.pipes.nothing>"}},
        {"TargetParameters": {"InputTemplate": "x" * 8193}},
        {"Target": stream},
        {"Target": function, "TargetParameters": {"LambdaFunctionParameters": {"InvocationType": "DRY_RUN"}}},
        {"LogConfiguration": {"Level": "ALL"}},
        {"LogConfiguration": {"Level": "INFO"}},
        {"Tags": {f"k{number}": "" for number in range(51)}},
    ]
    for change in wrong:
        parameters = {name: value for name, value in (good | change).items() if value is not None}
        error = refused("ValidationException", pipes.create_pipe, **parameters)
        assert error["Error"]["Message"], change
    not_built = [
        {"Source": "smk://broker:9092"},
        {"Source": f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/c/1"},
        {"Source": f"arn:aws:mq:{REGION}:{ACCOUNT}:broker:b:1"},
        {"Target": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:s"},
        {"Target": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c"},
        {"Enrichment": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:s"},
        {"Enrichment": f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/d/1"},
        {"Enrichment": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a/s/GET/p"},
        {"LogConfiguration": {"Level": "INFO", "FirehoseLogDestination": {"DeliveryStreamArn": "arn"}}},
    ]
    for change in not_built:
        refused("NotImplemented", pipes.create_pipe, **(good | change))
    refused("NotFoundException", pipes.describe_pipe, Name=unique)


def test_a_caller_must_be_allowed_to_pass_the_role(server, iam, ends, role, unique):
    (_, source), (_, target) = ends
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    caller = server.client_as("pipes", key["AccessKeyId"], key["SecretAccessKey"])
    wanted = {"Name": unique, "Source": source, "Target": target, "RoleArn": role}
    for actions, allowed in ([["pipes:CreatePipe"], False], [["iam:PassRole"], False], [["pipes:*", "iam:PassRole"], True]):
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=document(statement))
        if allowed:
            caller.create_pipe(**wanted)
            caller.delete_pipe(Name=unique)
        else:
            refused("AccessDeniedException", caller.create_pipe, **wanted)


def test_a_pipe_whose_role_may_not_read_fails_and_says_why(pipes, iam, kinesis, sqs, ends, unique):
    (_, source), (to, target) = ends
    role = make_role(iam, unique, ["sqs:SendMessage"])
    stream = make(kinesis, unique)
    start = {"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}
    pipes.create_pipe(Name=unique, Source=source, Target=target, RoleArn=role)
    failed = becomes(pipes, unique, "CREATE_FAILED")
    assert failed["StateReason"].startswith("Pipes does not have required permissions to perform Queue operations")
    pipes.start_pipe(Name=unique)
    becomes(pipes, unique, "START_FAILED")
    pipes.create_pipe(Name=f"{unique}-s", Source=stream, Target=target, RoleArn=role, SourceParameters=start)
    becomes(pipes, f"{unique}-s", "CREATE_FAILED")
    pipes.create_pipe(Name=f"{unique}-n", Source=f"{stream}-none", Target=target, RoleArn=role, SourceParameters=start, DesiredState="STOPPED")
    allow(iam, unique, ["sqs:*", "kinesis:*"])
    pipes.start_pipe(Name=f"{unique}-n")
    assert becomes(pipes, f"{unique}-n", "START_FAILED")["StateReason"].startswith("Stream not found.")
    # With the permission it runs; an update that it cannot follow leaves it as it was.
    pipes.start_pipe(Name=unique)
    becomes(pipes, unique, "RUNNING")
    pipes.update_pipe(Name=unique, RoleArn=make_role(iam, f"{unique}-x", ["sns:*"]), TargetParameters={"InputTemplate": "new"})
    shown = becomes(pipes, unique, "UPDATE_FAILED")
    assert (shown["RoleArn"], shown["TargetParameters"]) == (role, {})
    send(sqs, ends[0][0], "still")
    assert json.loads(bodies(sqs, to, 1)[0])["body"] == "still"
    for name in (unique, f"{unique}-s", f"{unique}-n"):
        pipes.delete_pipe(Name=name)


# From sources to targets.


def test_from_queue_to_queue_by_filter_and_template(sqs, pipe, ends):
    (from_, source), (to, target) = ends
    template = '{"n": <$.body.n>, "id": "<$.messageId>", "pipe": <aws.pipes.pipe-name>, "from": <aws.pipes.source-arn>, "all": <aws.pipes.event.json>}'
    filters = {"FilterCriteria": {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["order"]}})}]}}
    name = pipe(source, target, SourceParameters=filters, TargetParameters={"InputTemplate": template})
    send(sqs, from_, "text", json.dumps({"kind": "other"}), json.dumps({"kind": "order", "n": 7}))
    (got,) = map(json.loads, bodies(sqs, to, 1))
    assert (got["n"], got["pipe"], got["from"]) == (7, name, source)
    assert got["id"] == got["all"]["messageId"] and got["all"]["body"] == {"kind": "order", "n": 7}
    assert got["all"]["eventSource"] == "aws:sqs"
    wait_until(lambda: is_empty(sqs, from_), what="the source being empty")


def test_from_queue_to_fifo_queue_with_paths(sqs, pipe, ends, unique):
    (from_, source), _ = ends
    to = sqs.create_queue(QueueName=f"{unique}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}.fifo"
    parameters = {"MessageGroupId": "$.body.group", "MessageDeduplicationId": "$.messageId"}
    pipe(source, target, TargetParameters={"SqsQueueParameters": parameters, "InputTemplate": "<$.body.text>"})
    send(sqs, from_, json.dumps({"group": "g", "text": "hello"}))
    found = wait_until(lambda: sqs.receive_message(QueueUrl=to, AttributeNames=["All"], WaitTimeSeconds=1).get("Messages"))
    assert (found[0]["Body"], found[0]["Attributes"]["MessageGroupId"]) == ('"hello"', "g")


def test_from_queue_to_topic(sqs, sns, pipe, ends, unique):
    (from_, source), (to, target) = ends
    topic = sns.create_topic(Name=unique)["TopicArn"]
    policy = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": target}
    sqs.set_queue_attributes(QueueUrl=to, Attributes={"Policy": document(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=target, Attributes={"RawMessageDelivery": "true"})
    pipe(source, topic, TargetParameters={"InputTemplate": "got <$.body.n>"})
    send(sqs, from_, *(json.dumps({"n": number}) for number in range(12)))
    assert sorted(bodies(sqs, to, 12)) == sorted(f"got {number}" for number in range(12))


def test_from_queue_to_stream(sqs, kinesis, pipe, ends, unique):
    (from_, source), _ = ends
    stream = make(kinesis, unique)
    pipe(source, stream, TargetParameters={"KinesisStreamParameters": {"PartitionKey": "$.body.key"}, "InputTemplate": '{"n": <$.body.n>}'})
    send(sqs, from_, json.dumps({"key": "k", "n": 1}))
    shard = shards(kinesis, unique)[0]["ShardId"]
    (record,) = wait_until(lambda: read(kinesis, unique, shard)[0])
    assert (record["PartitionKey"], json.loads(record["Data"])) == ("k", {"n": 1})


def test_from_queue_to_bus(sqs, events, pipe, ends, unique):
    (from_, source), (to, target) = ends
    bus = events.create_event_bus(Name=unique)["EventBusArn"]
    rule = events.put_rule(Name="r", EventBusName=unique, EventPattern=json.dumps({"account": [ACCOUNT]}))["RuleArn"]
    policy = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": target, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
    sqs.set_queue_attributes(QueueUrl=to, Attributes={"Policy": document(policy)})
    events.put_targets(Rule="r", EventBusName=unique, Targets=[{"Id": "q", "Arn": target}])
    name = pipe(source, bus)
    send(sqs, from_, "one")
    (event,) = map(json.loads, bodies(sqs, to, 1))
    assert (event["source"], event["detail-type"], event["detail"]["body"]) == (f"Pipe {name}", "Event from aws:sqs", "one")
    parameters = {"Source": "shop", "DetailType": "$.body.type", "Resources": ["$.body.id"], "Time": "$.attributes.SentTimestamp"}
    other, second = queue(sqs, f"{unique}-second")
    pipe(second, bus, TargetParameters={"EventBridgeEventBusParameters": parameters | {"Time": "$.body.at"}, "InputTemplate": '{"id": <$.body.id>}'})
    send(sqs, other, json.dumps({"type": "sold", "id": "arn:aws:x:::1", "at": "2024-02-03T04:05:06Z"}))
    (event,) = map(json.loads, bodies(sqs, to, 1))
    assert (event["source"], event["detail-type"], event["resources"], event["time"]) == ("shop", "sold", ["arn:aws:x:::1"], "2024-02-03T04:05:06Z")
    assert event["detail"] == {"id": "arn:aws:x:::1"}


def test_from_queue_to_log_group_and_logs_of_a_pipe(sqs, logs, pipes, pipe, ends, unique):
    (from_, source), _ = ends
    logs.create_log_group(logGroupName=unique)
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{unique}"
    own = f"/aws/vendedlogs/pipes/{unique}"
    log = {"Level": "TRACE", "IncludeExecutionData": ["ALL"], "CloudwatchLogsLogDestination": {"LogGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{own}"}}
    parameters = {"CloudWatchLogsParameters": {"LogStreamName": "$.body.stream", "Timestamp": "$.body.at"}, "InputTemplate": "<$.body.line>"}
    now = int(time.time() * 1000)
    name = pipe(source, group, TargetParameters=parameters, LogConfiguration=log)
    assert pipes.describe_pipe(Name=name)["LogConfiguration"] == log
    send(sqs, from_, json.dumps({"stream": "s", "at": now - 5_000, "line": "hello"}))

    def lines(group, stream):
        try:
            return logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []

    (line,) = wait_until(lambda: lines(unique, "s"))
    assert (line["message"], line["timestamp"]) == ('"hello"', now - 5_000)
    told = [json.loads(line["message"]) for line in wait_until(lambda: lines(own, name))]
    steps = [record["messageType"] for record in told]
    assert steps[0] == "EXECUTION_STARTED" and steps[-1] == "EXECUTION_SUCCEEDED" and "TARGET_TRANSFORMATION_SUCCEEDED" in steps
    assert len({record["executionId"] for record in told}) == 1 and "hello" in told[0]["payload"]
    # Without parameters, lines go to a stream that has the pipe's name.
    plain = pipe(source, group, LogConfiguration={"Level": "OFF"})
    pipes.stop_pipe(Name=name)
    becomes(pipes, name, "STOPPED")
    send(sqs, from_, "plain")
    (line,) = wait_until(lambda: lines(unique, plain))
    assert json.loads(line["message"])["body"] == "plain"


def test_from_queue_to_api_destination():
    endpoint = HttpEndpoint()
    server = Server(options=["--allow-loopback", endpoint.port])
    iam, sqs, events, pipes = map(server.client, ("iam", "sqs", "events", "pipes"))
    role, (from_, source) = make_role(iam, "sends"), queue(sqs, "from")
    sqs.set_queue_attributes(QueueUrl=from_, Attributes={"VisibilityTimeout": "0"})
    basic = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    connection = events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters=basic)["ConnectionArn"]
    url = f"http://127.0.0.1:{endpoint.port}/orders/*"
    target = events.create_api_destination(Name="d", ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="PUT")["ApiDestinationArn"]
    http = {"PathParameterValues": ["$.body.id"], "HeaderParameters": {"X-Kind": "$.body.kind"}, "QueryStringParameters": {"q": "fixed"}}
    wanted = {"Name": "p", "Source": source, "Target": target, "RoleArn": role}
    refused("ValidationException", pipes.create_pipe, **wanted, SourceParameters={"SqsQueueParameters": {"BatchSize": 2}})
    pipes.create_pipe(**wanted, TargetParameters={"HttpParameters": http, "InputTemplate": '{"n": <$.body.n>}'})
    shown = becomes(pipes, "p", "RUNNING")
    assert shown["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 1}}
    assert shown["TargetParameters"]["HttpParameters"] == http
    endpoint.status = 500
    send(sqs, from_, json.dumps({"id": "o1", "kind": "order", "n": 7}))
    request = endpoint.next_request()
    assert (request.method, request.path, request.headers["X-Kind"]) == ("PUT", "/orders/o1?q=fixed", "order")
    assert json.loads(request.body) == {"n": 7}
    # What the endpoint did not take comes again.
    wait_until(lambda: "500" in pipes.describe_pipe(Name="p")["StateReason"], what="the problem being told")
    endpoint.status = 200
    wait_until(lambda: is_empty(sqs, from_), what="the source being empty")
    assert server.stop(), server.logged()
    endpoint.close()


# Answers with what it got, tells a queue of it, and fails on what says so.
FUNCTION = """
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
    failed = [record["messageId"] for record in event if "bad" in record["body"]]
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
"""


def test_from_queue_to_function_with_partial_failures(sqs, lambda_, pipe, role, ends, unique):
    (from_, source), (to, _) = ends
    sqs.set_queue_attributes(QueueUrl=from_, Attributes={"VisibilityTimeout": "3"})
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=FUNCTION)}, Environment={"Variables": {"QUEUE": to}})
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{unique}"
    send(sqs, from_, "good", "bad", "fine")
    name = pipe(source, function)
    # What failed comes again, the rest does not.
    seen = [record["body"] for batch in map(json.loads, bodies(sqs, to, 2)) for record in batch]
    assert sorted(set(seen)) == ["bad", "fine", "good"] and seen.count("good") == seen.count("fine") == 1
    assert isinstance(name, str)


def test_a_function_need_not_be_waited_for(sqs, lambda_, pipe, role, ends, unique):
    (from_, source), (to, _) = ends
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=FUNCTION)}, Environment={"Variables": {"QUEUE": to}})
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{unique}"
    asynchronous = {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}
    pipe(source, function, TargetParameters=asynchronous)
    send(sqs, from_, "bad")
    (batch,) = map(json.loads, bodies(sqs, to, 1))
    assert [record["body"] for record in batch] == ["bad"]
    wait_until(lambda: is_empty(sqs, from_), what="the source being empty, whatever the function says")


ENRICH = """
def handler(events, context):
    if any(event.get("n") == "fail" for event in events):
        raise ValueError("told to")
    return [{"n": event["n"], "by": "function"} for event in events if event["n"] != "drop"]
"""


def test_an_enrichment_changes_drops_and_fails(sqs, lambda_, pipes, pipe, role, ends, unique):
    (from_, source), (to, target) = ends
    sqs.set_queue_attributes(QueueUrl=from_, Attributes={"VisibilityTimeout": "3"})
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=ENRICH)})
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{unique}"
    name = pipe(
        source,
        target,
        Enrichment=function,
        EnrichmentParameters={"InputTemplate": '{"n": <$.body.n>}'},
        TargetParameters={"InputTemplate": '{"n": <$.n>, "by": <$.by>, "enrichment": <aws.pipes.enrichment-arn>}'},
        SourceParameters={"SqsQueueParameters": {"BatchSize": 1}},
    )
    assert pipes.describe_pipe(Name=name)["EnrichmentParameters"] == {"InputTemplate": '{"n": <$.body.n>}'}
    send(sqs, from_, json.dumps({"n": "drop"}), json.dumps({"n": "one"}))
    (got,) = map(json.loads, bodies(sqs, to, 1))
    assert got == {"n": "one", "by": "function", "enrichment": function}
    wait_until(lambda: is_empty(sqs, from_), what="what was dropped being done with")
    # What fails stays in the queue.
    send(sqs, from_, json.dumps({"n": "fail"}))
    wait_until(lambda: "told to" in pipes.describe_pipe(Name=name)["StateReason"], what="the problem being told")
    assert not is_empty(sqs, from_)


def test_from_stream_with_records_in_order(sqs, kinesis, pipe, ends, unique):
    (to, target) = ends[1]
    stream = make(kinesis, unique, shards=2)
    kinesis.put_records(StreamName=unique, Records=[{"Data": json.dumps({"n": number}).encode(), "PartitionKey": "k"} for number in range(30)])
    fifo = sqs.create_queue(QueueName=f"{unique}.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    parameters = {"StartingPosition": "TRIM_HORIZON", "ParallelizationFactor": 3}
    pipe(
        stream,
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}.fifo",
        SourceParameters={"KinesisStreamParameters": parameters, "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"data": {"n": [{"numeric": ["<", 25]}]}})}]}},
        TargetParameters={"SqsQueueParameters": {"MessageGroupId": "$.partitionKey"}},
    )
    got = [json.loads(body) for body in bodies(sqs, fifo, 25)]
    assert [json.loads(base64.b64decode(record["data"]))["n"] for record in got] == list(range(25))
    assert got[0]["eventSource"] == "aws:kinesis" and got[0]["kinesisSchemaVersion"] == "1.0" and "kinesis" not in got[0]


def test_from_table_to_queue(sqs, dynamodb, pipes, pipe, ends, unique):
    (to, target) = ends[1]
    table = dynamodb.create_table(
        TableName=unique,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    dynamodb.put_item(TableName=unique, Item={"pk": {"S": "before"}})
    name = pipe(
        table["LatestStreamArn"],
        target,
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}, "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]}},
        TargetParameters={"InputTemplate": '{"name": <$.eventName>, "new": <$.dynamodb.NewImage>}'},
    )
    shown = pipes.describe_pipe(Name=name)["SourceParameters"]["DynamoDBStreamParameters"]
    assert shown == {"StartingPosition": "LATEST", "BatchSize": 10}
    dynamodb.delete_item(TableName=unique, Key={"pk": {"S": "before"}})
    dynamodb.put_item(TableName=unique, Item={"pk": {"S": "after"}})
    assert [json.loads(body) for body in bodies(sqs, to, 1)] == [{"name": "INSERT", "new": {"pk": {"S": "after"}}}]


def test_records_that_fail_are_bisected_and_told_to_the_dead_letter_queue(sqs, kinesis, pipes, pipe, ends, unique):
    (dead, dead_letter), (to, target) = ends
    stream = make(kinesis, unique)
    datas = ['{"text": "one"}', '{"none": "two"}', '{"text": "three"}', '{"text": "four"}']
    sent = [kinesis.put_record(StreamName=unique, Data=data.encode(), PartitionKey="k") for data in datas]
    parameters = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 4,
        "MaximumRetryAttempts": 1,
        "MaximumRecordAgeInSeconds": -1,
        "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
        "DeadLetterConfig": {"Arn": dead_letter},
    }
    # A record without the text has no group, and nothing can be sent of its batch.
    fifo = sqs.create_queue(QueueName=f"{unique}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    ids = {"MessageGroupId": "$.partitionKey", "MessageDeduplicationId": "$.data.text"}
    name = pipe(
        stream,
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}.fifo",
        SourceParameters={"KinesisStreamParameters": parameters},
        TargetParameters={"SqsQueueParameters": ids, "InputTemplate": "<$.data.text>"},
    )
    assert pipes.describe_pipe(Name=name)["SourceParameters"]["KinesisStreamParameters"] == parameters
    assert bodies(sqs, fifo, 3) == ['"one"', '"three"', '"four"']
    (letter,) = map(json.loads, bodies(sqs, dead, 1))
    assert letter["context"] == {"partnerResourceArn": f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/{name}", "condition": "RetryAttemptsExhausted"}
    batch = letter["KinesisBatchInfo"]
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"] == sent[1]["SequenceNumber"]
    assert (batch["batchSize"], batch["streamArn"]) == (1, stream)


PARTLY = """
import boto3, json, os
sqs = boto3.client("sqs")
seen = set()
def handler(records, context):
    sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps([record["sequenceNumber"] for record in records]))
    new = {record["eventID"] for record in records} - seen
    seen.update(new)
    return {"batchItemFailures": [{"itemIdentifier": id} for id in sorted(new)[1::2]]}
"""


def test_only_the_records_that_failed_come_again(sqs, kinesis, lambda_, pipe, role, ends, unique):
    (to, _) = ends[1]
    stream = make(kinesis, unique)
    sent = [kinesis.put_record(StreamName=unique, Data=b"{}", PartitionKey="k")["SequenceNumber"] for _ in range(5)]
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=PARTLY)}, Environment={"Variables": {"QUEUE": to}})
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{unique}"
    parameters = {"StartingPosition": "TRIM_HORIZON", "BatchSize": 5, "MaximumBatchingWindowInSeconds": 1}
    pipe(stream, function, SourceParameters={"KinesisStreamParameters": parameters})
    first, second = map(json.loads, bodies(sqs, to, 2))
    assert (first, second) == (sent, [sent[1], sent[3]])


def test_a_stopped_pipe_goes_on_where_it_was(sqs, kinesis, pipes, pipe, ends, unique):
    (to, target) = ends[1]
    stream = make(kinesis, unique)
    name = pipe(stream, target, SourceParameters={"KinesisStreamParameters": {"StartingPosition": "LATEST"}}, TargetParameters={"InputTemplate": "<$.data.n>"})
    put = lambda number: kinesis.put_record(StreamName=unique, Data=json.dumps({"n": number}).encode(), PartitionKey="k")
    put(1)
    assert bodies(sqs, to, 1) == ["1"]
    pipes.stop_pipe(Name=name)
    becomes(pipes, name, "STOPPED")
    put(2)
    pipes.start_pipe(Name=name)
    assert bodies(sqs, to, 1) == ["2"]


def test_a_target_that_is_missing_leaves_messages_to_the_redrive_policy(sqs, pipes, pipe, ends, unique):
    (from_, source), (dead, dead_letter) = ends
    redrive = {"deadLetterTargetArn": dead_letter, "maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=from_, Attributes={"VisibilityTimeout": "0", "RedrivePolicy": json.dumps(redrive)})
    name = pipe(source, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}-none")
    send(sqs, from_, "lost")
    assert bodies(sqs, dead, 1) == ["lost"]
    assert pipes.describe_pipe(Name=name)["StateReason"].startswith("PROBLEM: ")


def test_nothing_is_skipped_in_a_crash(tmp_path):
    """Messages and records are put while the server is killed again and again: the target has each of them."""
    server = Server()
    iam, sqs, kinesis, pipes = map(server.client, ("iam", "sqs", "kinesis", "pipes"))
    role = make_role(iam, "piped")
    stream = make(kinesis, "s", shards=2)
    from_, source = queue(sqs, "from")
    sqs.set_queue_attributes(QueueUrl=from_, Attributes={"VisibilityTimeout": "1"})
    _, target = queue(sqs, "to")
    body = {"InputTemplate": "<$.body>"}
    pipes.create_pipe(Name="q", Source=source, Target=target, RoleArn=role, TargetParameters=body)
    records = {"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 3, "ParallelizationFactor": 2}}
    pipes.create_pipe(Name="s", Source=stream, Target=target, RoleArn=role, SourceParameters=records, TargetParameters={"InputTemplate": "<$.data.n>"})
    expected, seen = set(), []
    for round in range(4):
        sqs, kinesis = server.client("sqs"), server.client("kinesis")
        from_ = sqs.get_queue_url(QueueName="from")["QueueUrl"]
        numbers = range(round * 20, round * 20 + 20)
        sqs.send_message_batch(QueueUrl=from_, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in numbers[:10]])
        puts = [{"Data": json.dumps({"n": n}).encode(), "PartitionKey": str(n)} for n in numbers[10:]]
        assert kinesis.put_records(StreamName="s", Records=puts)["FailedRecordCount"] == 0
        expected.update(str(n) for n in numbers)
        time.sleep(0.02 * round)
        server.kill()
        server.start()
    sqs = server.client("sqs")
    to = sqs.get_queue_url(QueueName="to")["QueueUrl"]

    def all_there():
        for message in sqs.receive_message(QueueUrl=to, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            seen.append(message["Body"])
            sqs.delete_message(QueueUrl=to, ReceiptHandle=message["ReceiptHandle"])
        return expected <= set(seen)

    wait_until(all_there, 60, "every event in the target")
    assert set(seen) == expected
    assert server.stop(), server.logged()


# By a stack.

PROJECT = """
service: piped
provider: {name: aws, runtime: python3.12}
resources:
  Resources:
    From: {Type: AWS::SQS::Queue, Properties: {QueueName: piped-from}}
    To: {Type: AWS::SQS::Queue, Properties: {QueueName: piped-to}}
    Role:
      Type: AWS::IAM::Role
      Properties:
        RoleName: piped-role
        AssumeRolePolicyDocument:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: pipes.amazonaws.com}, Action: sts:AssumeRole}]
        Policies:
          - PolicyName: p
            PolicyDocument:
              Version: "2012-10-17"
              Statement: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]
    Pipe:
      Type: AWS::Pipes::Pipe
      Properties:
        Name: piped
        Source: !GetAtt From.Arn
        Target: !GetAtt To.Arn
        RoleArn: !GetAtt Role.Arn
        SourceParameters: {SqsQueueParameters: {BatchSize: 5}}
        TargetParameters: {InputTemplate: "%s <$.body>"}
        Tags: {team: %s}
"""


def test_a_stack_has_a_pipe(server, pipes, sqs, tmp_path):
    for word in ("first", "second"):
        (tmp_path / "serverless.yml").write_text(PROJECT % (word, word))
        server.run("deploy", tmp_path)
        shown = becomes(pipes, "piped", "RUNNING")
        assert (shown["TargetParameters"], shown["Tags"]["team"]) == ({"InputTemplate": f"{word} <$.body>"}, word)
    send(sqs, sqs.get_queue_url(QueueName="piped-from")["QueueUrl"], "7")
    assert bodies(sqs, sqs.get_queue_url(QueueName="piped-to")["QueueUrl"], 1) == ["second 7"]
    server.run("remove", tmp_path)
    refused("NotFoundException", pipes.describe_pipe, Name="piped")
