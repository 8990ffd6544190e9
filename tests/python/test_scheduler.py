"""EventBridge Scheduler through boto3: every operation, and schedules that reach queues, topics, streams, buses, functions and operations."""

import datetime
import json

import pytest
from cloudlet import ACCOUNT, REGION, Server, wait_until
from test_eventbridge import logged, messages
from test_lambda import create, make_role, refused

OFF = {"Mode": "OFF"}
# A moment that is past has come.
PAST = "at(2020-01-01T00:00:00)"


def arn(resource):
    return f"arn:aws:scheduler:{REGION}:{ACCOUNT}:{resource}"


def scheduler_role(iam, name, actions):
    """A role that the Scheduler may have, and that may do this."""
    document = lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    if actions:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document({"Effect": "Allow", "Action": actions, "Resource": "*"}))
    return made


@pytest.fixture(scope="module")
def role(iam):
    actions = ["sqs:SendMessage", "sns:Publish", "kinesis:PutRecord", "events:PutEvents", "lambda:InvokeFunction", "dynamodb:PutItem"]
    return scheduler_role(iam, "scheduler-tests", actions)


@pytest.fixture
def queue(sqs, unique):
    return sqs.create_queue(QueueName=unique)["QueueUrl"], f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}"


def make(scheduler, name, target, *, expression=PAST, **more):
    return scheduler.create_schedule(Name=name, ScheduleExpression=expression, FlexibleTimeWindow=OFF, Target=target, **more)["ScheduleArn"]


def test_a_schedule_is_shown_as_it_was_made(scheduler, role, queue, unique):
    target = {
        "Arn": queue[1], "RoleArn": role, "Input": "x", "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": queue[1]}, "SqsParameters": {"MessageGroupId": "g"},
    }
    start = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=1)
    settings = {
        "ScheduleExpression": "cron(0 9 ? * MON-FRI *)", "ScheduleExpressionTimezone": "Europe/Berlin", "Description": "d", "State": "DISABLED",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}, "StartDate": start, "EndDate": start + datetime.timedelta(days=9),
        "ActionAfterCompletion": "DELETE", "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k",
    }
    made = scheduler.create_schedule(Name=unique, Target=target, **settings)["ScheduleArn"]
    assert made == arn(f"schedule/default/{unique}")
    shown = scheduler.get_schedule(Name=unique)
    assert {name: shown[name] for name in settings} == settings
    assert (shown["Arn"], shown["Name"], shown["GroupName"], shown["Target"]) == (made, unique, "default", target)
    assert shown["CreationDate"] == shown["LastModificationDate"]
    refused("ConflictException", scheduler.create_schedule, Name=unique, Target=target, **settings)

    # An update replaces everything.
    plain = {"Arn": queue[1], "RoleArn": role}
    scheduler.update_schedule(Name=unique, ScheduleExpression="rate(5 minutes)", FlexibleTimeWindow=OFF, Target=plain, State="DISABLED")
    shown = scheduler.get_schedule(Name=unique)
    assert (shown["ScheduleExpressionTimezone"], shown["ActionAfterCompletion"], "Description" in shown, "StartDate" in shown) == ("UTC", "NONE", False, False)
    assert shown["Target"] == plain | {"RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}}
    assert shown["LastModificationDate"] > shown["CreationDate"]
    [listed] = scheduler.list_schedules(NamePrefix=unique, State="DISABLED")["Schedules"]
    assert listed["Target"] == {"Arn": queue[1]}
    scheduler.delete_schedule(Name=unique)
    error = refused("ResourceNotFoundException", scheduler.get_schedule, Name=unique)
    assert (error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]) == (f"Schedule {unique} does not exist.", 404)


def test_groups_hold_schedules_and_tags(scheduler, role, queue, unique):
    made = scheduler.create_schedule_group(Name=unique, Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    assert made == arn(f"schedule-group/{unique}")
    scheduler.tag_resource(ResourceArn=made, Tags=[{"Key": "b", "Value": "2"}])
    scheduler.untag_resource(ResourceArn=made, TagKeys=["a"])
    assert scheduler.list_tags_for_resource(ResourceArn=made)["Tags"] == [{"Key": "b", "Value": "2"}]
    target = {"Arn": queue[1], "RoleArn": role}
    for number in range(3):
        make(scheduler, str(number), target, GroupName=unique, expression="rate(1 day)", State="DISABLED")
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=unique, PaginationConfig={"PageSize": 2})
    assert [found["Name"] for page in pages for found in page["Schedules"]] == ["0", "1", "2"]
    group = scheduler.get_schedule_group(Name=unique)
    assert (group["Arn"], group["State"], group["CreationDate"].year >= 2026) == (made, "ACTIVE", True)
    names = [found["Name"] for found in scheduler.list_schedule_groups()["ScheduleGroups"]]
    assert names[0] == "default" and unique in names
    refused("ConflictException", scheduler.create_schedule_group, Name=unique)
    scheduler.delete_schedule_group(Name=unique)
    refused("ResourceNotFoundException", scheduler.get_schedule_group, Name=unique)
    refused("ResourceNotFoundException", scheduler.list_schedules, GroupName=unique)
    refused("ValidationException", scheduler.delete_schedule_group, Name="default")
    assert scheduler.list_schedules(NamePrefix="0")["Schedules"] == []


def test_every_kind_of_target_is_reached(scheduler, sqs, sns, kinesis, events, lambda_, logs, dynamodb, iam, role, queue, unique):
    url, queue_arn = queue
    make(scheduler, f"{unique}-q", {"Arn": queue_arn, "RoleArn": role, "Input": "plain"}, ActionAfterCompletion="DELETE")
    (message,) = messages(sqs, url)
    assert message["Body"] == "plain"
    wait_until(lambda: not scheduler.list_schedules(NamePrefix=f"{unique}-q")["Schedules"])

    fifo = sqs.create_queue(QueueName=f"{unique}.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    make(scheduler, f"{unique}-f", {"Arn": f"{queue_arn}.fifo", "RoleArn": role, "Input": "f", "SqsParameters": {"MessageGroupId": "g"}})
    (message,) = messages(sqs, fifo)
    assert message["Body"] == "f"

    topic = sns.create_topic(Name=unique)["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}, "Action": "sqs:SendMessage", "Resource": queue_arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    sqs.purge_queue(QueueUrl=url)
    make(scheduler, f"{unique}-t", {"Arn": topic, "RoleArn": role, "Input": "told"})
    (message,) = messages(sqs, url)
    assert message["Body"] == "told"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    events.put_rule(Name=unique, EventPattern=json.dumps({"source": [unique], "detail": {"at": [{"prefix": "2020"}]}}))
    events.put_targets(Rule=unique, Targets=[{"Id": "q", "Arn": queue_arn}])
    bus = {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default", "RoleArn": role, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'}
    schedule = make(scheduler, f"{unique}-b", bus | {"EventBridgeParameters": {"DetailType": "t", "Source": unique}})
    (message,) = messages(sqs, url)
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["resources"], event["detail"]) == ("t", [schedule], {"at": "2020-01-01T00:00:00Z"})

    kinesis.create_stream(StreamName=unique, ShardCount=1)
    stream = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{unique}"
    make(scheduler, f"{unique}-s", {"Arn": stream, "RoleArn": role, "Input": "record", "KinesisParameters": {"PartitionKey": "k"}})
    iterator = kinesis.get_shard_iterator(StreamName=unique, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = wait_until(lambda: kinesis.get_records(ShardIterator=iterator)["Records"])
    assert (record["Data"], record["PartitionKey"]) == (b"record", "k")

    function = create(lambda_, make_role(iam, unique), unique)["FunctionArn"]
    make(scheduler, f"{unique}-l", {"Arn": function, "RoleArn": role, "Input": '{"from": "a schedule"}'})
    operation = {"Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke", "RoleArn": role}
    make(scheduler, f"{unique}-i", operation | {"Input": json.dumps({"FunctionName": unique, "Payload": '{"from": "an operation"}'})})
    for text in ("a schedule", "an operation"):
        wait_until(lambda: any(text in line["message"] for line in logged(logs, f"/aws/lambda/{unique}")), what=text)

    dynamodb.create_table(
        TableName=unique, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )
    item = {"TableName": unique, "Item": {"k": {"S": "<aws.scheduler.schedule-arn>"}}}
    put = {"Arn": "arn:aws:scheduler:::aws-sdk:dynamodb:putItem", "RoleArn": role, "Input": json.dumps(item)}
    schedule = make(scheduler, f"{unique}-d", put)
    key = {"k": {"S": schedule}}
    wait_until(lambda: "Item" in dynamodb.get_item(TableName=unique, Key=key))


def test_a_failure_ends_in_the_dead_letter_queue(scheduler, sqs, iam, server, queue, unique):
    url, dead = queue
    sqs.create_queue(QueueName=f"{unique}-other")
    allowed = scheduler_role(iam, unique, "sqs:SendMessage")
    target = {
        "Arn": f"{dead}-missing", "RoleArn": allowed, "Input": "lost", "DeadLetterConfig": {"Arn": dead},
        "RetryPolicy": {"MaximumRetryAttempts": 0},
    }
    schedule = make(scheduler, unique, target)
    (message,) = messages(sqs, url)
    assert message["Body"] == "lost"
    told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert len(told.pop("EXECUTION_ID")) == 16 and "does not exist" in told.pop("ERROR_MESSAGE")
    assert told == {
        "ERROR_CODE": "QueueDoesNotExist", "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts", "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0", "SCHEDULED_TIME": "2020-01-01T00:00:00Z", "SCHEDULE_ARN": schedule, "TARGET_ARN": target["Arn"],
    }
    # What is tried again waits where all that waits is shown.
    waits = target | {"RetryPolicy": {"MaximumRetryAttempts": 9}, "Input": "waits"}
    make(scheduler, f"{unique}-waits", waits)
    shown = lambda: server.run("events").stdout
    wait_until(lambda: f"{dead}-missing, from {arn(f'schedule/default/{unique}-waits')}" in shown(), what="the delivery among the events")
    sqs.create_queue(QueueName=f"{unique}-missing")
    server.run("events", "redrive", f"{dead}-missing")
    (message,) = messages(sqs, f"{url}-missing")
    assert message["Body"] == "waits"


def test_a_role_that_trusts_the_scheduler_no_more_is_not_used(scheduler, sqs, iam, server, queue, unique):
    url, to = queue
    role = scheduler_role(iam, unique, "sqs:SendMessage")
    document = lambda principal, **more: json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole", **more}
    ]})
    iam.update_assume_role_policy(RoleName=unique, PolicyDocument=document("events.amazonaws.com"))
    error = refused("ValidationException", lambda: make(scheduler, unique, {"Arn": to, "RoleArn": role}))
    assert "must allow AWS EventBridge Scheduler to assume the role" in error["Error"]["Message"]

    # What a policy may ask for is the schedule's group.
    of_group = {"Condition": {"ArnEquals": {"aws:SourceArn": arn("schedule-group/default")}}}
    iam.update_assume_role_policy(RoleName=unique, PolicyDocument=document("scheduler.amazonaws.com", **of_group))
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    make(scheduler, unique, {"Arn": to, "RoleArn": role, "Input": "late"}, expression=soon.strftime("at(%Y-%m-%dT%H:%M:%S)"))
    iam.update_assume_role_policy(RoleName=unique, PolicyDocument=document("events.amazonaws.com"))
    shown = lambda: server.run("events").stdout
    wait_until(lambda: arn(f"schedule/default/{unique}") in shown() and "sts:AssumeRole" in shown(), what="the refusal among the events")
    iam.update_assume_role_policy(RoleName=unique, PolicyDocument=document("scheduler.amazonaws.com", **of_group))
    server.run("events", "redrive", to)
    (message,) = messages(sqs, url)
    assert message["Body"] == "late"


def test_what_cannot_be_is_refused(scheduler, role, queue, unique):
    target = {"Arn": queue[1], "RoleArn": role}
    call = lambda **more: dict(Name=unique, ScheduleExpression="rate(1 day)", FlexibleTimeWindow=OFF, Target=target) | more
    cases = [
        (call(ScheduleExpression="rate(10 seconds)"), "Invalid Schedule Expression rate(10 seconds)."),
        (call(ScheduleExpressionTimezone="Nowhere"), "Invalid Schedule Expression Timezone Nowhere."),
        (call(StartDate=datetime.datetime(2020, 1, 1)), "The StartDate you specify cannot be earlier than 5 minutes ago."),
        (call(Target=target | {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}), "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."),
        (call(Target=target | {"Arn": "nothing"}), "Provided Arn is not in correct format."),
    ]
    for parameters, message in cases:
        error = refused("ValidationException", scheduler.create_schedule, **parameters)
        assert error["Error"]["Message"] == message and error["Message"] == message
    workflow = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"
    refused("NotImplemented", scheduler.create_schedule, **call(Target=target | {"Arn": workflow.replace("states", "codebuild")}))
    # Cloudlet's own operations are none of AWS's.
    for operation in ("cloudlet:deleteStack", "cloudlet-dynamodb:followQuery", "ec2:stopInstances"):
        own = {"Arn": f"arn:aws:scheduler:::aws-sdk:{operation}", "Input": "{}"}
        refused("NotImplemented", scheduler.create_schedule, **call(Target=target | own))
    refused("ResourceNotFoundException", scheduler.create_schedule, **call(GroupName="none"))
    refused("ResourceNotFoundException", scheduler.update_schedule, **call())
    refused("ResourceNotFoundException", scheduler.delete_schedule, Name=unique)
    refused("ResourceNotFoundException", scheduler.list_tags_for_resource, ResourceArn=arn("schedule-group/none"))
    refused("ValidationException", scheduler.tag_resource, ResourceArn=arn("schedule/default/x"), Tags=[{"Key": "a", "Value": "1"}])


def test_who_may_not_pass_a_role_makes_no_schedule(server, scheduler, iam, role, queue, unique):
    iam.create_user(UserName=unique)
    document = lambda *actions: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=document("scheduler:CreateSchedule"))
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    client = server.client_as("scheduler", key["AccessKeyId"], key["SecretAccessKey"])
    call = dict(Name=unique, ScheduleExpression="rate(1 day)", FlexibleTimeWindow=OFF, Target={"Arn": queue[1], "RoleArn": role}, State="DISABLED")
    assert "iam:PassRole" in refused("AccessDeniedException", client.create_schedule, **call)["Error"]["Message"]
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=document("scheduler:CreateSchedule", "iam:PassRole"))
    client.create_schedule(**call)
    error = refused("AccessDeniedException", client.delete_schedule, Name=unique)
    assert f"scheduler:DeleteSchedule on resource: {arn(f'schedule/default/{unique}')}" in error["Error"]["Message"]


def test_a_moment_that_passed_while_the_server_was_dead_still_comes(tmp_path):
    server = Server(data=tmp_path / "data")
    sqs, scheduler, iam = server.client("sqs"), server.client("scheduler"), server.client("iam")
    url = sqs.create_queue(QueueName="late")["QueueUrl"]
    target = {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:late", "RoleArn": scheduler_role(iam, "late", "sqs:SendMessage"), "Input": "late"}
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    make(scheduler, "late", target, expression=f"at({moment:%Y-%m-%dT%H:%M:%S})")
    server.kill()
    wait_until(lambda: datetime.datetime.now(datetime.timezone.utc) > moment)
    server.start()
    (message,) = messages(server.client("sqs"), url)
    assert message["Body"] == "late"
    assert server.stop(), server.logged()


PROJECT = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
functions:
  remind:
    handler: handler.main
    events:
      - schedule: {{ method: scheduler, rate: rate(1 day), timezone: Europe/Berlin, name: {name}-daily, description: Daily, input: {{ daily: true }} }}
      - schedule: {{ method: scheduler, rate: cron(0 9 ? * MON-FRI *), enabled: false }}
resources:
  Resources:
    Queue: {{ Type: AWS::SQS::Queue }}
    Role:
      Type: AWS::IAM::Role
      Properties:
        AssumeRolePolicyDocument:
          Version: '2012-10-17'
          Statement:
            - Effect: Allow
              Principal: {{ Service: scheduler.amazonaws.com }}
              Action: sts:AssumeRole
              Condition: {{ StringEquals: {{ 'aws:SourceArn': !GetAtt Group.Arn }} }}
    Group: {{ Type: 'AWS::Scheduler::ScheduleGroup', Properties: {{ Name: {name}, Tags: [{{ Key: team, Value: one }}] }} }}
    Weekly:
      Type: AWS::Scheduler::Schedule
      Properties:
        GroupName: !Ref Group
        ScheduleExpression: cron(0 9 ? * MON *)
        FlexibleTimeWindow: {{ Mode: FLEXIBLE, MaximumWindowInMinutes: 30 }}
        Target: {{ Arn: !GetAtt Queue.Arn, RoleArn: !GetAtt Role.Arn }}
"""


@pytest.mark.timeout(300)
def test_deployed_functions_have_schedules(server, scheduler, logs, tmp_path, unique):
    (tmp_path / "serverless.yml").write_text(PROJECT.format(name=unique))
    (tmp_path / "handler.py").write_text("def main(event, context):\n    print('got', event)\n")
    server.run("deploy", tmp_path)
    # A rate begins at once.
    seen = lambda: [line["message"].strip() for line in logged(logs, f"/aws/lambda/{unique}-dev-remind") if "got" in line["message"]]
    wait_until(seen)
    assert seen() == ["got {'daily': True}"]
    daily = scheduler.get_schedule(Name=f"{unique}-daily")
    assert (daily["ScheduleExpressionTimezone"], daily["Description"], daily["State"]) == ("Europe/Berlin", "Daily", "ENABLED")
    assert daily["Target"]["Arn"].endswith(f":function:{unique}-dev-remind")
    [weekly] = scheduler.list_schedules(GroupName=unique)["Schedules"]
    assert scheduler.get_schedule(Name=weekly["Name"], GroupName=unique)["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30}
    server.run("remove", tmp_path)
    refused("ResourceNotFoundException", scheduler.get_schedule, Name=f"{unique}-daily")
    refused("ResourceNotFoundException", scheduler.get_schedule_group, Name=unique)
