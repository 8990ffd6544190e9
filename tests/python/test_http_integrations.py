"""What is behind routes of HTTP APIs besides functions, through boto3 and plain HTTP: URLs, and operations of other services."""

import json
import threading
import time
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, Server, wait_until
from http_endpoint import HttpEndpoint
from test_apigateway import behind_apis, refused, send


@pytest.fixture(scope="module")
def backend():
    endpoint = HttpEndpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory, backend):
    """A server that may send to the backend."""
    server = Server(tmp_path_factory.mktemp("integrations") / "data", options=["--allow-loopback", backend.port])
    yield server
    assert server.stop(), server.logged()


def an_api(server, name, *routes):
    """An API whose routes, pairs of a key and an integration, are served at once."""
    apis = server.client("apigatewayv2")
    api = apis.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    for key, integration in routes:
        made = apis.create_integration(ApiId=api, **integration)["IntegrationId"]
        apis.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{made}")
    return api


def a_url(backend, path="/", **more):
    uri = f"http://127.0.0.1:{backend.port}{path}"
    return {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": uri, "PayloadFormatVersion": "1.0"} | more


def a_role(server, name, *statements, principal="apigateway.amazonaws.com"):
    trust = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    iam = server.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    if statements:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement for statement in statements]})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return role["Role"]["Arn"]


def an_operation(subtype, role, **parameters):
    return {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": subtype, "PayloadFormatVersion": "1.0", "CredentialsArn": role, "RequestParameters": parameters}


def test_requests_go_on_to_a_url(world, backend):
    api = an_api(world, "url", ("ANY /pets/{proxy+}", a_url(backend, "/base/{proxy}")))
    backend.answer = lambda request: (201, {"X-From": "backend", "Set-Cookie": "a=1"}, f"{request.method} {request.path} {request.body}")
    status, headers, body = send(world, "PUT", f"/_aws/execute-api/{api}/pets/a/b%20c?x=1&x=2", b"hello", X_Sent="1")
    assert (status, body) == (201, b"PUT /base/a/b%20c?x=1&x=2 hello")
    assert headers["x-from"] == "backend" and headers["set-cookie"] == "a=1" and headers["apigw-requestid"]
    request = backend.next_request()
    assert request.headers["X-Sent"] == "1" and request.headers["Host"] == f"127.0.0.1:{backend.port}"
    assert request.headers["Via"] == "HTTP/1.1 AmazonAPIGateway" and "for=127.0.0.1" in request.headers["Forwarded"]


def test_large_bodies_pass_and_too_large_ones_do_not(world, backend):
    api = an_api(world, "large", ("ANY /{proxy+}", a_url(backend)))
    sent = b"x" * (10 << 20)
    backend.answer = lambda request: (200, {}, request.body)
    status, _, body = send(world, "POST", f"/_aws/execute-api/{api}/a", sent)
    assert status == 200 and body == sent
    assert send(world, "POST", f"/_aws/execute-api/{api}/a", sent + b"x")[0] == 413
    backend.answer = lambda request: (200, {}, b"x" * ((10 << 20) + 1))
    assert send(world, "GET", f"/_aws/execute-api/{api}/a")[0] == 500
    backend.received.clear()


def test_a_slow_backend_is_answered_for_and_an_unreachable_one_too(world, backend):
    api = an_api(world, "slow", ("GET /slow", a_url(backend, TimeoutInMillis=200)), ("GET /gone", a_url(backend) | {"IntegrationUri": "http://127.0.0.1:1/"}))
    backend.answer = lambda request: (time.sleep(10), (200, {}, "late"))[1]
    began = time.monotonic()
    assert send(world, "GET", f"/_aws/execute-api/{api}/slow")[0] == 503
    assert time.monotonic() - began < 8
    # Its port is not given free, which is the API's mistake and not a backend that is down.
    assert send(world, "GET", f"/_aws/execute-api/{api}/gone")[0] == 500
    backend.answer = lambda request: (200, {}, "")
    backend.received.clear()


def test_parameters_change_requests_and_answers(world, backend):
    changes = {"append:header.x-id": "$context.requestId", "overwrite:path": "/v2/${request.path.id}", "overwrite:querystring.q": "$request.body.q"}
    answers = {"500": {"overwrite:statuscode": "403", "append:header.x-why": "$response.body.why"}}
    integration = a_url(backend, "/ignored", RequestParameters=changes, ResponseParameters=answers)
    api = an_api(world, "changed", ("POST /things/{id}", integration))
    backend.answer = lambda request: (500, {}, json.dumps({"why": "because"}))
    status, headers, _ = send(world, "POST", f"/_aws/execute-api/{api}/things/7?q=old", json.dumps({"q": "new"}))
    assert (status, headers["x-why"]) == (403, "because")
    request = backend.next_request()
    assert request.path == "/v2/7?q=new" and request.headers["X-Id"] == headers["apigw-requestid"]
    apis = world.client("apigatewayv2")
    (found,) = apis.get_integrations(ApiId=api)["Items"]
    assert found["RequestParameters"] == changes and found["ResponseParameters"] == answers
    apis.update_integration(ApiId=api, IntegrationId=found["IntegrationId"], RequestParameters={"overwrite:path": ""}, ResponseParameters={"500": {}})
    status, headers, _ = send(world, "POST", f"/_aws/execute-api/{api}/things/7?q=old", json.dumps({"q": "new"}))
    assert status == 500 and "x-why" not in headers and backend.next_request().path == "/ignored?q=new"


def test_messages_are_sent_received_deleted_and_purged(world):
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="behind")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:behind"
    role = a_role(world, "queue", {"Action": "sqs:*", "Resource": arn})
    attributes = json.dumps({"kind": {"DataType": "String", "StringValue": "test"}})
    api = an_api(
        world,
        "queue",
        ("POST /", an_operation("SQS-SendMessage", role, QueueUrl=url, MessageBody="$request.body.message", MessageAttributes=attributes)),
        ("GET /", an_operation("SQS-ReceiveMessage", role, QueueUrl=url, MaxNumberOfMessages="10", MessageAttributeNames="All", WaitTimeSeconds="5")),
        ("DELETE /{handle+}", an_operation("SQS-DeleteMessage", role, QueueUrl=url, ReceiptHandle="$request.querystring.handle")),
        ("POST /purge", an_operation("SQS-PurgeQueue", role, QueueUrl=url)),
    )
    path = f"/_aws/execute-api/{api}"
    status, headers, body = send(world, "POST", f"{path}/", json.dumps({"message": "hello"}))
    assert status == 200 and json.loads(body)["MessageId"] and headers["x-amzn-requestid"]
    assert send(world, "POST", f"{path}/", json.dumps({"no": "message"}))[0] == 400
    (message,) = json.loads(send(world, "GET", f"{path}/")[2])["Messages"]
    assert message["Body"] == "hello" and message["MessageAttributes"]["kind"]["StringValue"] == "test"
    assert send(world, "DELETE", f"{path}/x?handle={quote(message['ReceiptHandle'], safe='')}")[0] == 200
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert send(world, "POST", f"{path}/", json.dumps({"message": "more"}))[0] == 200
    assert send(world, "POST", f"{path}/purge")[0] == 200
    wait_until(lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "0")


def test_events_and_records_are_put(world):
    events, sqs, kinesis = world.client("events"), world.client("sqs"), world.client("kinesis")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:events"
    policy = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [policy]})})
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["api"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    kinesis.create_stream(StreamName="records", ShardCount=1)
    wait_until(lambda: kinesis.describe_stream_summary(StreamName="records")["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    role = a_role(world, "putter", {"Action": ["events:PutEvents", "kinesis:PutRecord"], "Resource": "*"})
    api = an_api(
        world,
        "putter",
        ("POST /events", an_operation("EventBridge-PutEvents", role, Source="api", DetailType="$request.querystring.type", Detail="$request.body")),
        ("POST /records", an_operation("Kinesis-PutRecord", role, StreamName="records", PartitionKey="$context.routeKey", Data="$request.body")),
    )
    status, _, body = send(world, "POST", f"/_aws/execute-api/{api}/events?type=made", json.dumps({"n": 1}))
    assert status == 200 and json.loads(body)["FailedEntryCount"] == 0
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages"))
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["detail"]) == ("made", {"n": 1})
    status, _, body = send(world, "POST", f"/_aws/execute-api/{api}/records", "the record")
    assert status == 200 and json.loads(body)["SequenceNumber"]
    (shard,) = kinesis.list_shards(StreamName="records")["Shards"]
    iterator = kinesis.get_shard_iterator(StreamName="records", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert record["Data"] == b"the record" and record["PartitionKey"] == "POST /records"


def test_an_integration_is_what_its_role_may_be(world):
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="closed")["QueueUrl"]
    none = a_role(world, "none")
    stranger = a_role(world, "stranger", {"Action": "*", "Resource": "*"}, principal="lambda.amazonaws.com")
    api = an_api(
        world,
        "roles",
        ("POST /none", an_operation("SQS-SendMessage", none, QueueUrl=url, MessageBody="x")),
        ("POST /stranger", an_operation("SQS-SendMessage", stranger, QueueUrl=url, MessageBody="x")),
    )
    for path in ["none", "stranger"]:
        status, _, body = send(world, "POST", f"/_aws/execute-api/{api}/{path}", "x")
        assert status in (400, 403) and "AccessDenied" in json.loads(body)["__type"], (path, status, body)
    # Who may not pass the role cannot make an integration with it.
    iam = world.client("iam")
    iam.create_user(UserName="maker")
    statement = {"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}
    iam.put_user_policy(UserName="maker", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(UserName="maker")["AccessKey"]
    maker = world.client_as("apigatewayv2", key["AccessKeyId"], key["SecretAccessKey"])
    integration = an_operation("SQS-SendMessage", none, QueueUrl=url, MessageBody="x")
    assert "iam:PassRole" in refused("AccessDeniedException", maker.create_integration, ApiId=api, **integration)


def test_a_function_is_asked_as_the_role_of_its_integration(world):
    function = behind_apis(world.client("lambda"), world.client("iam"), "as-role")
    world.client("lambda").remove_permission(FunctionName="as-role", StatementId="api")
    role = a_role(world, "asker", {"Action": "lambda:InvokeFunction", "Resource": function})
    integration = {"IntegrationType": "AWS_PROXY", "IntegrationUri": function, "PayloadFormatVersion": "2.0"}
    api = an_api(world, "asker", ("GET /role", integration | {"CredentialsArn": role}), ("GET /api", integration))
    assert send(world, "GET", f"/_aws/execute-api/{api}/role")[0] == 200
    assert send(world, "GET", f"/_aws/execute-api/{api}/api")[0] == 500


def test_what_is_not_built_is_refused_by_name(world, backend):
    apis = world.client("apigatewayv2")
    api, role = an_api(world, "refused"), f"arn:aws:iam::{ACCOUNT}:role/r"
    for integration, name in [
        (an_operation("AppConfig-GetConfiguration", role), "AppConfig-GetConfiguration"),
        (a_url(backend) | {"ConnectionType": "VPC_LINK", "ConnectionId": "x"}, "VPC_LINK"),
    ]:
        error = refused("NotImplemented", apis.create_integration, ApiId=api, **integration)
        assert name in str(error), error


def test_integrations_survive_a_crash_and_many_requests_at_once(tmp_path, backend):
    server = Server(tmp_path / "data", options=["--allow-loopback", backend.port])
    api = an_api(server, "crash", ("GET /{proxy+}", a_url(backend, "/{proxy}", RequestParameters={"append:header.x-a": "1"})))
    server.kill()
    server.start()
    backend.answer = lambda request: (200, {}, request.path + (request.headers["X-A"] or ""))
    answers = {}

    def ask(n):
        answers[n] = send(server, "GET", f"/_aws/execute-api/{api}/{n}")

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answers[n][0] == 200 and answers[n][2] == f"/{n}1".encode() for n in range(100))
    backend.received.clear()
    assert server.stop(), server.logged()
