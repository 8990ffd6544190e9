"""EventBridge through boto3: every operation, and events on their way to queues, functions and other buses."""

import json

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, wait_until
from test_lambda import create, make_role

DEFAULT_BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"


def queue_of(sqs, name, *, allowed=True):
    """A queue that rules may send to; its URL and its ARN."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    attributes = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})} if allowed else {}
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], arn


@pytest.fixture
def queue(sqs, unique):
    return queue_of(sqs, unique)


def messages(sqs, url, count=1):
    """So many messages as they come."""
    found = []

    def received():
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"])
        found.extend(answer.get("Messages", []))
        return len(found) >= count

    wait_until(received)
    assert len(found) == count
    return found


def bodies(sqs, url, count=1):
    return [json.loads(message["Body"]) for message in messages(sqs, url, count)]


def rule(events, name, pattern, target, **settings):
    """A rule with one target; its ARN."""
    on = {"EventBusName": settings.pop("EventBusName")} if "EventBusName" in settings else {}
    arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern), **on)["RuleArn"]
    answer = events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": target, **settings}], **on)
    assert answer["FailedEntryCount"] == 0
    return arn


def put(events, source, detail, **entry):
    answer = events.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": json.dumps(detail), **entry}])
    assert answer["FailedEntryCount"] == 0, answer
    return answer["Entries"][0]["EventId"]


def test_an_event_reaches_a_queue_as_it_is(events, sqs, queue, unique):
    url, arn = queue
    rule(events, unique, {"source": [unique], "detail": {"n": [{"numeric": [">", 1]}]}}, arn)
    put(events, unique, {"n": 1})
    event_id = put(events, unique, {"n": 2}, Resources=["r"], Time=1_700_000_000)
    (event,) = bodies(sqs, url)
    assert event == {
        "version": "0", "id": event_id, "detail-type": "t", "source": unique, "account": ACCOUNT,
        "time": "2023-11-14T22:13:20Z", "region": REGION, "resources": ["r"], "detail": {"n": 2},
    }


def test_every_kind_of_target_gets_its_event(events, sqs, sns, kinesis, logs, lambda_, iam, unique):
    url, queue = queue_of(sqs, unique)
    allow = lambda service, action, arn: json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": allow("sns.amazonaws.com", "sqs:SendMessage", queue)})
    topic = sns.create_topic(Name=unique)["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=allow("events.amazonaws.com", "sns:Publish", topic))
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    kinesis.create_stream(StreamName=unique, ShardCount=1)
    stream = kinesis.describe_stream_summary(StreamName=unique)["StreamDescriptionSummary"]["StreamARN"]
    logs.create_log_group(logGroupName=f"/aws/events/{unique}")
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/{unique}"
    function = create(lambda_, make_role(iam, unique), unique)["FunctionArn"]
    role = iam.create_role(RoleName=f"{unique}-events", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=f"{unique}-events", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kinesis:PutRecord*", "Resource": stream}]}))
    rule_arn = rule(events, unique, {"source": [unique]}, topic)
    lambda_.add_permission(FunctionName=unique, StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com", SourceArn=rule_arn)
    events.put_targets(Rule=unique, Targets=[
        {"Id": "function", "Arn": function},
        {"Id": "stream", "Arn": stream, "RoleArn": role, "KinesisParameters": {"PartitionKeyPath": "$.detail.key"}},
        {"Id": "logs", "Arn": group},
    ])
    event_id = put(events, unique, {"key": "k1"})

    assert bodies(sqs, url)[0]["id"] == event_id
    iterator = kinesis.get_shard_iterator(StreamName=unique, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = wait_until(lambda: kinesis.get_records(ShardIterator=iterator)["Records"])
    assert record["PartitionKey"] == "k1" and json.loads(record["Data"])["id"] == event_id
    for name in (f"/aws/events/{unique}", f"/aws/lambda/{unique}"):
        wait_until(lambda: any(event_id in line["message"] for line in logged(logs, name)), what=f"the event in {name}")


def logged(logs, group):
    try:
        return logs.filter_log_events(logGroupName=group)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []


def test_inputs_are_what_targets_get(events, sqs, queue, unique):
    url, arn = queue
    rule(events, unique, {"source": [unique]}, arn)
    transformer = {"InputPathsMap": {"name": "$.detail.name"}, "InputTemplate": '{"hello": "<name>", "rule": <aws.events.rule-name>}'}
    targets = [
        {"Id": "constant", "Arn": arn, "Input": '{"constant": 1}'},
        {"Id": "path", "Arn": arn, "InputPath": "$.detail"},
        {"Id": "template", "Arn": arn, "InputTransformer": transformer},
    ]
    events.put_targets(Rule=unique, Targets=targets)
    put(events, unique, {"name": "x"})
    got = bodies(sqs, url, 4)
    for expected in ({"constant": 1}, {"name": "x"}, {"hello": "x", "rule": unique}):
        assert expected in got
    shown = events.list_targets_by_rule(Rule=unique)["Targets"]
    assert {"Id": "template", "Arn": arn, "InputTransformer": transformer} in shown
    assert events.list_rule_names_by_target(TargetArn=arn)["RuleNames"] == [unique]
    answer = events.remove_targets(Rule=unique, Ids=["constant", "none"])
    assert [entry["TargetId"] for entry in answer["FailedEntries"]] == ["none"]


def test_a_refusal_ends_in_the_dead_letter_queue(events, sqs, unique):
    _, closed = queue_of(sqs, f"{unique}-closed", allowed=False)
    url, dead = queue_of(sqs, f"{unique}-dead")
    rule_arn = rule(events, unique, {"source": [unique]}, closed, DeadLetterConfig={"Arn": dead}, RetryPolicy={"MaximumRetryAttempts": 0})
    put(events, unique, {"n": 1})
    (message,) = messages(sqs, url)
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert told["RULE_ARN"] == rule_arn and told["TARGET_ARN"] == closed and told["ERROR_CODE"] == "NO_PERMISSIONS"
    assert told["ERROR_MESSAGE"]
    gone = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}-gone"
    events.put_targets(Rule=unique, Targets=[{"Id": "t", "Arn": gone, "DeadLetterConfig": {"Arn": dead}}])
    put(events, unique, {"n": 2})
    (message,) = messages(sqs, url)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"


def test_a_template_that_is_no_json_ends_in_the_dead_letter_queue(events, sqs, unique):
    _, arn = queue_of(sqs, unique)
    url, dead = queue_of(sqs, f"{unique}-dead")
    transformer = {"InputPathsMap": {"all": "$.detail"}, "InputTemplate": '{"broken": "<all>"}'}
    rule(events, unique, {"source": [unique]}, arn, InputTransformer=transformer, DeadLetterConfig={"Arn": dead})
    put(events, unique, {"n": 1})
    (message,) = messages(sqs, url)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_JSON"


def test_buses_send_to_each_other_as_a_role(events, sqs, iam, queue, unique):
    url, arn = queue
    made = events.create_event_bus(Name=unique, Description="one", Tags=[{"Key": "k", "Value": "v"}])
    bus = made["EventBusArn"]
    assert events.describe_event_bus(Name=unique)["Description"] == "one"
    events.update_event_bus(Name=unique, Description="two")
    assert [found["Description"] for found in events.list_event_buses(NamePrefix=unique)["EventBuses"]] == ["two"]
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=unique, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]["Arn"]
    may = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}
    iam.put_role_policy(RoleName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may]}))
    rule(events, unique, {"source": [unique]}, bus, RoleArn=role)
    iam.create_role(RoleName=f"{unique}-other", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust | {"Principal": {"Service": "lambda.amazonaws.com"}}]}))
    with pytest.raises(ClientError, match="cannot be assumed by principal 'events.amazonaws.com'"):
        events.put_targets(Rule=unique, Targets=[{"Id": "t", "Arn": bus, "RoleArn": f"{role}-other"}])
    rule(events, unique, {"source": [unique]}, arn, EventBusName=unique)
    event_id = put(events, unique, {"n": 1})
    assert [event["id"] for event in bodies(sqs, url)] == [event_id]
    events.remove_targets(Rule=unique, EventBusName=unique, Ids=["t"])
    with pytest.raises(ClientError, match="Cannot delete event bus with rules"):
        events.delete_event_bus(Name=unique)
    events.delete_rule(Name=unique, EventBusName=unique)
    events.delete_event_bus(Name=unique)
    with pytest.raises(ClientError, match=f"Event bus {unique} does not exist."):
        events.describe_event_bus(Name=unique)


def test_a_bus_policy_lets_others_in(server, events, iam, sqs, queue, unique):
    url, arn = queue
    bus = events.create_event_bus(Name=unique)["EventBusArn"]
    rule(events, unique, {"source": [unique]}, arn, EventBusName=unique)
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    theirs = server.client_as("events", key["AccessKeyId"], key["SecretAccessKey"])
    entry = {"Source": unique, "DetailType": "t", "Detail": "{}", "EventBusName": bus}
    with pytest.raises(ClientError, match="not authorized to perform: events:PutEvents"):
        theirs.put_events(Entries=[entry])
    user = f"arn:aws:iam::{ACCOUNT}:user/{unique}"
    statement = {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": user}, "Action": "events:PutEvents", "Resource": bus}
    events.put_permission(EventBusName=unique, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert theirs.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert len(messages(sqs, url)) == 1
    events.put_permission(EventBusName=unique, Action="events:PutEvents", Principal="111111111111", StatementId="two")
    events.remove_permission(EventBusName=unique, StatementId="one")
    policy = json.loads(events.describe_event_bus(Name=unique)["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["two"]


def test_rules_are_listed_stopped_and_tagged(events, unique):
    for n in range(3):
        events.put_rule(Name=f"{unique}-{n}", EventPattern='{"source":["x"]}', Description="d", Tags=[{"Key": "n", "Value": str(n)}])
    first = events.list_rules(NamePrefix=unique, Limit=2)
    second = events.list_rules(NamePrefix=unique, Limit=2, NextToken=first["NextToken"])
    names = [found["Name"] for page in (first, second) for found in page["Rules"]]
    assert names == [f"{unique}-{n}" for n in range(3)] and "NextToken" not in second
    events.disable_rule(Name=names[0])
    assert events.describe_rule(Name=names[0])["State"] == "DISABLED"
    events.enable_rule(Name=names[0])
    arn = events.describe_rule(Name=names[0])["Arn"]
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["n"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_patterns_are_tried_and_refused(events):
    event = {"id": "1", "source": "s", "detail-type": "t", "account": ACCOUNT, "region": REGION, "time": "2022-07-13T13:48:01Z"}
    matches = lambda pattern: events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]
    assert matches({"source": [{"anything-but": "x"}]}) and not matches({"source": ["x"]})
    with pytest.raises(events.exceptions.InvalidEventPatternException, match="Event pattern is not valid. Reason: Unrecognized match type like"):
        matches({"source": [{"like": "x"}]})
    with pytest.raises(ClientError, match="Parameter Event is not valid."):
        events.test_event_pattern(EventPattern='{"source":["s"]}', Event="text")


def test_archives_are_replayed(events, sqs, queue, unique):
    url, arn = queue
    archive = events.create_archive(ArchiveName=unique, EventSourceArn=DEFAULT_BUS, EventPattern=json.dumps({"source": [unique]}), RetentionDays=1)["ArchiveArn"]
    events.update_archive(ArchiveName=unique, Description="d")
    put(events, unique, {"n": 1})
    assert events.describe_archive(ArchiveName=unique)["EventCount"] == 1
    assert [found["ArchiveName"] for found in events.list_archives(NamePrefix=unique)["Archives"]] == [unique]
    rule(events, unique, {"source": [unique], "replay-name": [{"exists": True}]}, arn)
    window = {"EventStartTime": 0, "EventEndTime": 4_000_000_000, "EventSourceArn": archive, "Destination": {"Arn": DEFAULT_BUS}}
    events.start_replay(ReplayName=unique, **window)
    (event,) = bodies(sqs, url)
    assert event["replay-name"] == unique and event["detail"] == {"n": 1}
    wait_until(lambda: events.describe_replay(ReplayName=unique)["State"] == "COMPLETED")
    events.start_replay(ReplayName=f"{unique}-2", **window)
    assert events.cancel_replay(ReplayName=f"{unique}-2")["State"] == "CANCELLING"
    wait_until(lambda: [r["State"] for r in events.list_replays(NamePrefix=f"{unique}-2")["Replays"]] == ["CANCELLED"])
    events.delete_archive(ArchiveName=unique)


def test_connections_and_api_destinations(events, unique):
    basic = {"BasicAuthParameters": {"Username": "u", "Password": "hush"}}
    connection = events.create_connection(Name=unique, AuthorizationType="BASIC", AuthParameters=basic)["ConnectionArn"]
    assert "hush" not in str(events.describe_connection(Name=unique))
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "hush"}}
    events.update_connection(Name=unique, AuthorizationType="API_KEY", AuthParameters=key)
    assert [found["AuthorizationType"] for found in events.list_connections(NamePrefix=unique)["Connections"]] == ["API_KEY"]
    events.create_api_destination(Name=unique, ConnectionArn=connection, InvocationEndpoint="https://example.com/{a}", HttpMethod="POST")
    events.update_api_destination(Name=unique, HttpMethod="PUT", InvocationRateLimitPerSecond=5)
    described = events.describe_api_destination(Name=unique)
    assert described["HttpMethod"] == "PUT" and described["ApiDestinationState"] == "ACTIVE"
    assert len(events.list_api_destinations(ConnectionArn=connection)["ApiDestinations"]) == 1
    events.deauthorize_connection(Name=unique)
    events.delete_api_destination(Name=unique)
    events.delete_connection(Name=unique)


def test_what_no_target_takes_is_refused(events, unique):
    events.put_rule(Name=unique, EventPattern='{"source":["x"]}')
    cluster = {"Id": "t", "Arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/c", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    with pytest.raises(ClientError, match="Sending events to ecs is not implemented") as refusal:
        events.put_targets(Rule=unique, Targets=[cluster])
    assert refusal.value.response["Error"]["Code"] == "NotImplemented"
    with pytest.raises(ClientError, match="NotImplemented"):
        events.list_event_sources()


PROJECT = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
functions:
  ship:
    handler: handler.main
    events:
      - eventBridge:
          eventBus: {name}-orders
          pattern: {{ source: [shop], detail: {{ total: [{{ numeric: ['>', 10] }}] }} }}
          inputTransformer: {{ inputPathsMap: {{ order: $.detail.order }}, inputTemplate: '{{"ship": <order>}}' }}
          retryPolicy: {{ maximumEventAge: 60, maximumRetryAttempts: 1 }}
          deadLetterQueueArn: !GetAtt Failures.Arn
  note:
    handler: handler.main
    events:
      - eventBridge: {{ pattern: {{ source: [{name}] }}, inputPath: $.detail }}
      - eventBridge: {{ schedule: rate(1 day), enabled: false, input: {{ daily: true }} }}
resources:
  Resources:
    Failures: {{ Type: AWS::SQS::Queue }}
"""


@pytest.mark.timeout(300)
def test_deployed_functions_are_targets_of_rules(server, events, logs, tmp_path, unique):
    (tmp_path / "serverless.yml").write_text(PROJECT.format(name=unique))
    (tmp_path / "handler.py").write_text("def main(event, context):\n    print('got', event)\n")
    server.run("deploy", tmp_path)

    def seen(function):
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{unique}-dev-{function}", filterPattern="got")["events"]
        return [event["message"].strip() for event in found]

    bus = f"{unique}-orders"
    for order, total in (("cheap", 5), ("dear", 50)):
        put(events, "shop", {"order": order, "total": total}, EventBusName=bus)
    put(events, unique, {"n": 1})
    wait_until(lambda: seen("ship") and seen("note"))
    assert (seen("ship"), seen("note")) == (["got {'ship': 'dear'}"], ["got {'n': 1}"])

    (target,) = events.list_targets_by_rule(Rule=f"{unique}-dev-ship-rule-1", EventBusName=bus)["Targets"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}
    assert target["DeadLetterConfig"]["Arn"].startswith(f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}-")
    daily = events.describe_rule(Name=f"{unique}-dev-note-rule-2")
    assert (daily["State"], daily["ScheduleExpression"]) == ("DISABLED", "rate(1 day)")

    server.run("remove", tmp_path)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_event_bus(Name=bus)
    assert events.list_rules(NamePrefix=unique)["Rules"] == []
