"""Lambda through boto3: functions, versions, aliases, layers, invocations, events, and queues as sources."""

import base64
import io
import json
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until

ECHO = """
import os
def handler(event, context):
    print("handling", event)
    if isinstance(event, dict) and event.get("fail"):
        raise RuntimeError("told to")
    return {"event": event, "version": context.function_version, "stage": os.environ.get("STAGE")}
"""
NODE = "exports.handler = async (event, context) => ({ event, version: context.functionVersion })"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def package(**files):
    """A zip file; `a__b` is the file a.b."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return content.getvalue()


def refused(code, call, **parameters):
    """Calls, and returns the error, which must have this code."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    return caught.value.response


def make_role(iam, name):
    """A role that Lambda may assume, and that may do everything with queues, functions and buses."""
    document = lambda statement: json.dumps({"Version": "2012-10-17", "Statement": statement})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": ["sqs:*", "lambda:InvokeFunction", "events:PutEvents"], "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow))
    return role


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "lambda-tests")


@pytest.fixture
def function(lambda_, role, unique):
    """The name of a Python function that answers what it is given."""
    create(lambda_, role, unique)
    return unique


def create(lambda_, role, name, **more):
    settings = dict(Runtime="python3.12", Handler="index.handler", Role=role, Timeout=20, Code={"ZipFile": package(index__py=ECHO)})
    return lambda_.create_function(FunctionName=name, **(settings | more))


def invoke(lambda_, name, payload=b"{}", **more):
    answer = lambda_.invoke(FunctionName=name, Payload=payload, **more)
    return json.loads(answer["Payload"].read()), answer


def arn(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def queue(sqs, name):
    """URL and ARN of a new queue."""
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def receive(sqs, url):
    return wait_until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages"))[0]


def test_a_function_from_its_making_to_its_end(lambda_, role, unique):
    created = create(lambda_, role, unique, Environment={"Variables": {"STAGE": "dev"}}, Tags={"a": "1"})
    lambda_.get_waiter("function_active_v2").wait(FunctionName=unique)
    assert created["FunctionArn"] == arn(unique)
    got = lambda_.get_function(FunctionName=unique)
    assert got["Tags"] == {"a": "1"} and got["Code"]["RepositoryType"] == "S3"
    with urllib.request.urlopen(got["Code"]["Location"]) as code:
        assert zipfile.ZipFile(io.BytesIO(code.read())).namelist() == ["index.py"]
    answer, about = invoke(lambda_, unique, json.dumps({"n": 1}), LogType="Tail")
    assert answer == {"event": {"n": 1}, "version": "$LATEST", "stage": "dev"}
    assert about["StatusCode"] == 200 and about["ExecutedVersion"] == "$LATEST" and "FunctionError" not in about
    log = base64.b64decode(about["LogResult"]).decode()
    assert "handling {'n': 1}\n" in log and "\nREPORT RequestId: " in log
    changed = lambda_.update_function_configuration(FunctionName=unique, Timeout=9, MemorySize=256)
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=unique)
    assert (changed["Timeout"], changed["MemorySize"]) == (9, 256)
    refused("PreconditionFailedException", lambda_.update_function_configuration, FunctionName=unique, RevisionId="old")
    lambda_.update_function_code(FunctionName=unique, ZipFile=package(index__py="def handler(e, c): return 'new'"))
    assert invoke(lambda_, unique)[0] == "new"
    assert lambda_.get_function_configuration(FunctionName=unique)["CodeSha256"] != created["CodeSha256"]
    assert unique in [found["FunctionName"] for page in lambda_.get_paginator("list_functions").paginate() for found in page["Functions"]]
    lambda_.delete_function(FunctionName=unique)
    error = refused("ResourceNotFoundException", lambda_.get_function, FunctionName=unique)
    assert error["Error"]["Message"] == f"Function not found: {arn(unique)}" and error["Type"] == "User"


def test_node_functions_run(lambda_, role, unique):
    create(lambda_, role, unique, Runtime="nodejs20.x", Code={"ZipFile": package(index__js=NODE)})
    assert invoke(lambda_, unique, b"[1]")[0] == {"event": [1], "version": "$LATEST"}


def test_errors_of_functions_and_of_calls_are_told_apart(lambda_, function):
    answer, about = invoke(lambda_, function, json.dumps({"fail": True}))
    assert about["FunctionError"] == "Unhandled" and about["StatusCode"] == 200
    assert (answer["errorType"], answer["errorMessage"]) == ("RuntimeError", "told to") and answer["stackTrace"]
    refused("InvalidRequestContentException", lambda_.invoke, FunctionName=function, Payload=b"{")
    refused("RequestTooLargeException", lambda_.invoke, FunctionName=function, Payload=b'"' + b"x" * 6_291_456 + b'"')
    refused("ResourceNotFoundException", lambda_.invoke, FunctionName=function, Qualifier="live")
    assert lambda_.invoke(FunctionName=function, InvocationType="DryRun")["StatusCode"] == 204
    refused("ValidationException", lambda_.update_function_configuration, FunctionName=function, Timeout=1000)


def test_versions_and_aliases(lambda_, function):
    one = lambda_.publish_version(FunctionName=function)
    assert one["Version"] == "1" and lambda_.publish_version(FunctionName=function)["Version"] == "1"
    lambda_.update_function_code(FunctionName=function, ZipFile=package(index__py="def handler(e, c): return c.function_version"), Publish=True)
    assert [version["Version"] for version in lambda_.list_versions_by_function(FunctionName=function)["Versions"]] == ["$LATEST", "1", "2"]
    alias = lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion="2")
    assert alias["AliasArn"] == f"{arn(function)}:live"
    assert invoke(lambda_, f"{function}:live")[0] == "2"
    split = lambda_.update_alias(FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    assert lambda_.get_alias(FunctionName=function, Name="live")["RoutingConfig"] == split["RoutingConfig"]
    seen = {invoke(lambda_, arn(function), Qualifier="live")[1]["ExecutedVersion"] for _ in range(60)}
    assert seen == {"1", "2"}, "a chance of 2 in 2^60 to fail"
    assert [found["Name"] for found in lambda_.list_aliases(FunctionName=function)["Aliases"]] == ["live"]
    refused("ResourceConflictException", lambda_.delete_function, FunctionName=function, Qualifier="1")
    lambda_.delete_alias(FunctionName=function, Name="live")
    lambda_.delete_function(FunctionName=function, Qualifier="1")
    refused("ResourceNotFoundException", lambda_.get_function, FunctionName=function, Qualifier="1")


def test_layers(lambda_, role, unique):
    layer = lambda_.publish_layer_version(LayerName=unique, Content={"ZipFile": package(**{"python/shared__py": "VALUE = 5"})}, CompatibleRuntimes=["nodejs20.x"])
    # What it is compatible with is for finding it: who knows it may have it.
    create(lambda_, role, unique, Layers=[layer["LayerVersionArn"]], Code={"ZipFile": package(index__py="import shared\ndef handler(e, c): return shared.VALUE")})
    assert invoke(lambda_, unique)[0] == 5
    assert lambda_.get_layer_version(LayerName=unique, VersionNumber=1)["Content"]["CodeSize"] > 0
    assert lambda_.get_layer_version_by_arn(Arn=layer["LayerVersionArn"])["Version"] == 1
    for asked, found in (({"CompatibleRuntime": "nodejs20.x"}, True), ({"CompatibleRuntime": "python3.12"}, False), ({"CompatibleArchitecture": "arm64"}, False), ({}, True)):
        assert bool(lambda_.list_layer_versions(LayerName=unique, **asked)["LayerVersions"]) is found, asked
        assert (unique in [layer["LayerName"] for layer in lambda_.list_layers(**asked)["Layers"]]) is found, asked
    lambda_.delete_layer_version(LayerName=unique, VersionNumber=1)
    refused("ResourceNotFoundException", lambda_.get_layer_version, LayerName=unique, VersionNumber=1)
    assert invoke(lambda_, unique)[0] == 5


def test_policies_tags_and_concurrency(lambda_, function):
    lambda_.add_permission(FunctionName=function, StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com", SourceAccount=ACCOUNT)
    [statement] = json.loads(lambda_.get_policy(FunctionName=function)["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"} and statement["Resource"] == arn(function)
    lambda_.remove_permission(FunctionName=function, StatementId="s")
    refused("ResourceNotFoundException", lambda_.get_policy, FunctionName=function)
    lambda_.tag_resource(Resource=arn(function), Tags={"a": "1", "b": "2"})
    lambda_.untag_resource(Resource=arn(function), TagKeys=["a"])
    assert lambda_.list_tags(Resource=arn(function))["Tags"] == {"b": "2"}
    lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    error = refused("TooManyRequestsException", lambda_.invoke, FunctionName=function)
    assert error["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert lambda_.get_function_concurrency(FunctionName=function)["ReservedConcurrentExecutions"] == 0
    lambda_.delete_function_concurrency(FunctionName=function)
    invoke(lambda_, function)
    assert lambda_.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000


def test_events_tell_destinations_how_they_went(lambda_, sqs, function, unique):
    url, target = queue(sqs, f"{unique}-told")
    destinations = {"OnSuccess": {"Destination": target}, "OnFailure": {"Destination": target}}
    lambda_.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=1, DestinationConfig=destinations)
    lambda_.update_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
    assert lambda_.get_function_event_invoke_config(FunctionName=function)["MaximumRetryAttempts"] == 0
    assert len(lambda_.list_function_event_invoke_configs(FunctionName=function)["FunctionEventInvokeConfigs"]) == 1
    for payload, condition in [({"n": 1}, "Success"), ({"fail": True}, "RetriesExhausted")]:
        assert lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload))["StatusCode"] == 202
        message = receive(sqs, url)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        record = json.loads(message["Body"])
        assert (record["requestPayload"], record["requestContext"]["condition"]) == (payload, condition)
    lambda_.delete_function_event_invoke_config(FunctionName=function)
    refused("ResourceNotFoundException", lambda_.get_function_event_invoke_config, FunctionName=function)


def test_a_destination_may_be_a_function_or_a_bus(lambda_, sqs, events, role, function, unique):
    url, target = queue(sqs, f"{unique}-told")
    listener = f"{unique}-listener"
    create(lambda_, role, listener, Code={"ZipFile": package(index__py="def handler(e, c): return e")})
    tell = lambda name, **destinations: lambda_.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={outcome: {"Destination": to} for outcome, to in destinations.items()}
    )
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    tell(function, OnSuccess=arn(listener), OnFailure=bus)
    tell(listener, OnSuccess=target)
    lambda_.invoke(FunctionName=function, InvocationType="Event", Payload='{"n": 1}')
    told = json.loads(receive(sqs, url)["Body"])["requestPayload"]
    assert (told["requestPayload"], told["requestContext"]["condition"]) == ({"n": 1}, "Success")

    url, target = queue(sqs, f"{unique}-heard")
    allow = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": target}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(allow)})
    events.put_rule(Name=unique, EventPattern=json.dumps({"source": ["lambda"], "detail": {"requestContext": {"condition": ["RetriesExhausted"]}}}))
    events.put_targets(Rule=unique, Targets=[{"Id": "q", "Arn": target}])
    lambda_.invoke(FunctionName=function, InvocationType="Event", Payload='{"fail": true}')
    heard = json.loads(receive(sqs, url)["Body"])
    assert heard["detail-type"] == "Lambda Function Invocation Result - Failure" and heard["detail"]["requestPayload"] == {"fail": True}
    assert heard["resources"] == [bus, f"{arn(function)}:$LATEST"]
    # Records of streams are told to queues and topics alone, as on AWS.
    refused("NotImplemented", lambda_.put_function_event_invoke_config, FunctionName=function, DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::b"}})
    events.remove_targets(Rule=unique, Ids=["q"])
    events.delete_rule(Name=unique)


def test_a_queue_feeds_a_function(lambda_, sqs, role, unique):
    url, source = queue(sqs, unique)
    code = 'def handler(e, c): return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in e["Records"] if r["body"] == "bad"]}'
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=code)})
    mapping = lambda_.create_event_source_mapping(EventSourceArn=source, FunctionName=unique, FunctionResponseTypes=["ReportBatchItemFailures"])
    for number in range(5):
        bodies = [f"{number}.{entry}" for entry in range(9)] + ["bad" if number == 3 else "good"]
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)])
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = lambda: [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][name] for name in names]
    wait_until(lambda: counts() == ["0", "1"], what="all but one message handled")
    assert lambda_.get_event_source_mapping(UUID=mapping["UUID"])["LastProcessingResult"] == "OK"
    assert lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)["State"] == "Disabling"
    assert [found["UUID"] for found in lambda_.list_event_source_mappings(FunctionName=unique)["EventSourceMappings"]] == [mapping["UUID"]]
    lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    refused("ResourceNotFoundException", lambda_.get_event_source_mapping, UUID=mapping["UUID"])


def test_what_a_function_prints_is_in_its_log(lambda_, logs, function):
    invoke(lambda_, function, json.dumps({"n": 7}))
    group = f"/aws/lambda/{function}"

    def lines():
        try:
            return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    found = wait_until(lambda: [line for line in lines() if line.startswith("REPORT")] and lines())
    assert [line.split()[0] for line in found] == ["INIT_START", "START", "handling", "END", "REPORT"]


def test_what_is_not_there_says_so(lambda_, function):
    error = refused("NotImplemented", lambda_.list_code_signing_configs)
    assert error["Error"]["Message"].startswith("lambda:ListCodeSigningConfigs is not implemented by Cloudlet.")


def test_accepted_events_survive_a_crash():
    server = Server()
    lambda_, sqs, iam = server.client("lambda"), server.client("sqs"), server.client("iam")
    url, target = queue(sqs, "done")
    slow = "import time\ndef handler(e, c):\n    time.sleep(0.5)\n    return e"
    create(lambda_, make_role(iam, "slow"), "slow", Code={"ZipFile": package(index__py=slow)})
    lambda_.put_function_event_invoke_config(FunctionName="slow", DestinationConfig={"OnSuccess": {"Destination": target}})
    for number in range(4):
        lambda_.invoke(FunctionName="slow", InvocationType="Event", Payload=str(number))
    server.kill()
    server.start()
    sqs, done = server.client("sqs"), set()

    def all_done():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            done.add(json.loads(message["Body"])["requestPayload"])
        return done == set(range(4))

    wait_until(all_done, what="every event done")
    assert server.stop()
