"""WebSocket APIs through boto3, and their users through a WebSocket client: a real function that is told of everything."""

import io
import json
import socket
import struct
import time
import zipfile

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until
from test_apigateway import behind_apis, invocations, refused, send
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

# How long anything may take that should come at once.
WAIT = 60
KEY = "a-key-of-twenty-characters"

# Keeps what it is told in a table, and does what it is asked to: answer in words of the caller's, post to the connection itself,
# by the address that the event tells or by the one that the SDK knows, or fail.
SOURCE = """
import json, os
import boto3

TABLE = boto3.resource("dynamodb").Table("told")

def handler(event, context):
    request = event["requestContext"]
    TABLE.put_item(Item={"connection": request["connectionId"], "at": str(request["requestTimeEpoch"]) + request["eventType"] + request["requestId"], "event": json.dumps(event)})
    asked = (event.get("queryStringParameters") or {}) if request["eventType"] == "CONNECT" else {}
    if "status" in asked:
        return {"statusCode": int(asked["status"]), "body": "as asked"}
    if "protocol" in asked:
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": asked["protocol"]}}
    body = json.loads(event.get("body") or "{}") if (event.get("body") or "").startswith("{") else {}
    if body.get("fail"):
        raise ValueError("asked to")
    if body.get("action") == "post":
        endpoint = f"http://{request['domainName']}/{request['stage']}" if body["by"] == "event" else None
        client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
        for number in range(body.get("times", 1)):
            client.post_to_connection(ConnectionId=request["connectionId"], Data=f"posted {number}".encode())
    return {"statusCode": 200, "body": event.get("body") or "nothing"}

def decide(event, context):
    token = event["queryStringParameters"]["token"]
    if token == "broken":
        raise ValueError("asked to")
    effect = "Allow" if token == "good" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {"principalId": "ada", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": {"room": 7}}
"""


@pytest.fixture(scope="module")
def function(lambda_, iam, dynamodb):
    """The ARN of the function behind every API here, which may post to their connections."""
    keys = [{"AttributeName": "connection", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]
    attributes = [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in keys]
    dynamodb.create_table(TableName="told", BillingMode="PAY_PER_REQUEST", KeySchema=keys, AttributeDefinitions=attributes)
    arn = behind_apis(lambda_, iam, "behind-websockets", SOURCE)
    lambda_.get_waiter("function_active_v2").wait(FunctionName="behind-websockets")
    statements = [
        {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": "arn:aws:execute-api:*:*:*/@connections/*"},
        {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName="behind-websockets", PolicyName="posts", PolicyDocument=document)
    return arn


class Api:
    """A WebSocket API at the stage `dev`, with the function behind its routes."""

    def __init__(self, server, http_apis, function, name, routes):
        made = http_apis.create_api(Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
        self.id, self.endpoint, self.apis = made["ApiId"], made["ApiEndpoint"], http_apis
        integration = http_apis.create_integration(ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=invocations(function))
        self.integration = integration["IntegrationId"]
        self.routes = {key: self.route(key, **more) for key, more in routes.items()}
        http_apis.create_stage(ApiId=self.id, StageName="dev", AutoDeploy=True)
        self.url = f"{self.endpoint}/dev"
        assert self.url == f"{server.endpoint.replace('http', 'ws')}/_aws/execute-api/{self.id}/dev"

    def route(self, key, **more):
        return self.apis.create_route(ApiId=self.id, RouteKey=key, Target=f"integrations/{self.integration}", **more)["RouteId"]


ROUTES = {"$connect": {}, "$disconnect": {}, "$default": {}, "post": {}, "echo": {"RouteResponseSelectionExpression": "$default"}}


@pytest.fixture
def api(server, http_apis, function, unique):
    api = Api(server, http_apis, function, unique, ROUTES)
    http_apis.create_route_response(ApiId=api.id, RouteId=api.routes["echo"], RouteResponseKey="$default")
    yield api
    http_apis.delete_api(ApiId=api.id)


@pytest.fixture
def told(dynamodb):
    """What the function was told of a connection so far, in order."""

    def told(connection):
        names = {"#c": "connection"}
        rows = dynamodb.query(TableName="told", KeyConditionExpression="#c = :c", ExpressionAttributeNames=names, ExpressionAttributeValues={":c": {"S": connection}}, ConsistentRead=True)
        return [json.loads(row["event"]["S"]) for row in rows["Items"]]

    return told


def heard(client):
    return client.recv(timeout=WAIT)


def say(client, **message):
    client.send(json.dumps(message))


def identity(client):
    """The connection's id, by what a failure tells."""
    say(client, action="echo", fail=True)
    answer = json.loads(heard(client))
    assert answer["message"] == "Internal server error"
    return answer["connectionId"]


def test_functions_are_told_of_a_connection(server, api, told):
    with connect(f"{api.url}?a=1&a=2", user_agent_header="tests", open_timeout=WAIT) as client:
        connection = identity(client)
        client.send("no JSON")
        wait_until(lambda: len(told(connection)) == 3, what="the message")
        client.close(1001, "done")
    events = wait_until(lambda: events if len(events := told(connection)) == 4 else None, what="the end")
    begun, failed, message, ended = events
    context = begun["requestContext"]
    assert context["eventType"] == "CONNECT" and context["routeKey"] == "$connect"
    assert begun["queryStringParameters"] == {"a": "2"} and begun["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert begun["headers"]["Sec-WebSocket-Version"] == "13" and "Sec-WebSocket-Key" in begun["headers"]
    assert context["identity"] == {"userAgent": "tests", "sourceIp": "127.0.0.1"}
    assert context["domainName"] == f"{server.endpoint.removeprefix('http://')}/_aws/execute-api/{api.id}"
    assert failed["requestContext"]["routeKey"] == "echo"
    assert message["body"] == "no JSON" and message["requestContext"]["routeKey"] == "$default"
    assert message["requestContext"]["messageId"] and "headers" not in message
    end = ended["requestContext"]
    assert (end["eventType"], end["disconnectStatusCode"], end["disconnectReason"]) == ("DISCONNECT", 1001, "done")
    assert {event["requestContext"]["connectedAt"] for event in events} == {context["connectedAt"]}


def test_connect_decides_and_names_the_protocol(api):
    for status in (400, 401, 403, 410, 500):
        with pytest.raises(InvalidStatus) as caught:
            connect(f"{api.url}?status={status}", open_timeout=WAIT)
        assert caught.value.response.status_code == status
    with connect(f"{api.url}?protocol=chat", subprotocols=["chat", "other"], open_timeout=WAIT) as client:
        assert client.subprotocol == "chat"
    for url in (f"{api.endpoint}/none", api.endpoint, f"{api.url}/more"):
        with pytest.raises(InvalidStatus) as caught:
            connect(url, open_timeout=WAIT)
        assert caught.value.response.status_code == 403
        assert json.loads(caught.value.response.body)["message"] == "Forbidden"


def test_requests_that_ask_for_no_websocket_are_forbidden(server, api):
    status, _, body = send(server, "GET", f"/_aws/execute-api/{api.id}/dev")
    assert status == 403 and json.loads(body)["message"] == "Forbidden"
    status, _, _ = send(server, "POST", f"/_aws/execute-api/{api.id}/dev/@connections/x", b"data")
    assert status == 403, "nobody posts who does not sign"


def test_hosts_name_apis_too(server, api):
    port = server.endpoint.rsplit(":", 1)[1]
    line = socket.create_connection(("127.0.0.1", int(port)))
    with connect(f"ws://{api.id}.execute-api.localhost:{port}/dev", sock=line, open_timeout=WAIT) as client:
        say(client, action="echo", text="hi")
        assert json.loads(heard(client))["text"] == "hi"


def test_routes_answer_where_they_have_a_response(http_apis, api):
    with connect(api.url, open_timeout=WAIT) as client:
        say(client, action="echo", text="Grüße")
        assert json.loads(heard(client)) == {"action": "echo", "text": "Grüße"}
        response = http_apis.get_route_responses(ApiId=api.id, RouteId=api.routes["echo"])["Items"][0]["RouteResponseId"]
        http_apis.update_route_response(ApiId=api.id, RouteId=api.routes["echo"], RouteResponseId=response)
        assert http_apis.get_route_response(ApiId=api.id, RouteId=api.routes["echo"], RouteResponseId=response)["RouteResponseKey"] == "$default"
        http_apis.delete_route_response(ApiId=api.id, RouteId=api.routes["echo"], RouteResponseId=response)
        say(client, action="echo", text="unanswered")
        say(client, action="post", by="event")
        assert heard(client) == "posted 0"


@pytest.mark.parametrize("by", ["event", "sdk"])
def test_functions_post_to_connections(api, by):
    with connect(api.url, open_timeout=WAIT) as client:
        say(client, action="post", by=by, times=3)
        assert [heard(client) for _ in range(3)] == ["posted 0", "posted 1", "posted 2"]


def test_connections_are_managed_by_those_who_may(server, api, connections, iam, told, unique):
    below = server_client(server, api)
    with connect(api.url, user_agent_header="tests", open_timeout=WAIT) as client:
        connection = identity(client)
        for manager in (connections, below):
            manager.post_to_connection(ConnectionId=connection, Data="ä".encode())
            assert heard(client) == "ä"
            shown = manager.get_connection(ConnectionId=connection)
            assert shown["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "tests"}
            assert shown["ConnectedAt"] <= shown["LastActiveAt"]
            refused("PayloadTooLargeException", manager.post_to_connection, ConnectionId=connection, Data=b"x" * (131072 + 1))
            refused("GoneException", manager.post_to_connection, ConnectionId="none", Data=b"x")
        below.post_to_connection(ConnectionId=connection, Data=b"x" * 131072)
        assert len(heard(client)) == 131072
        iam.create_user(UserName=unique)
        key = iam.create_access_key(UserName=unique)["AccessKey"]
        user = server_client(server, api, key["AccessKeyId"], key["SecretAccessKey"])
        assert "execute-api:ManageConnections" in refused("AccessDeniedException", user.post_to_connection, ConnectionId=connection, Data=b"x")
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.id}/dev/GET/@connections/*"
        statement = {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": arn}
        iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        assert user.get_connection(ConnectionId=connection)
        refused("GoneException", user.get_connection, ConnectionId="none")
        refused("AccessDeniedException", user.delete_connection, ConnectionId=connection)
        below.delete_connection(ConnectionId=connection)
        with pytest.raises(ConnectionClosed) as ended:
            heard(client)
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1000, "Connection Closed Normally")
        refused("GoneException", connections.delete_connection, ConnectionId=connection)
    ended = wait_until(lambda: [event for event in told(connection) if event["requestContext"]["eventType"] == "DISCONNECT"], what="the end")
    assert ended[0]["requestContext"]["disconnectStatusCode"] == 1000


def server_client(server, api, key_id=None, secret=None):
    """A client for the connections of an API, by the address of its stage."""
    key_id, secret = key_id or server.root["AWS_ACCESS_KEY_ID"], secret or server.root["AWS_SECRET_ACCESS_KEY"]
    endpoint = api.url.replace("ws", "http", 1)
    return server.session().client("apigatewaymanagementapi", region_name=REGION, endpoint_url=endpoint, aws_access_key_id=key_id, aws_secret_access_key=secret)


def test_a_client_of_another_api_is_gone_here(server, http_apis, function, api, unique):
    other = Api(server, http_apis, function, unique, {"$default": {}})
    with connect(api.url, open_timeout=WAIT) as client:
        connection = identity(client)
        refused("GoneException", server_client(server, other).post_to_connection, ConnectionId=connection, Data=b"x")
        server_client(server, api).post_to_connection(ConnectionId=connection, Data=b"mine")
        assert heard(client) == "mine"


def test_what_is_too_large_or_binary_ends_a_connection(api):
    def end(act):
        with connect(api.url, open_timeout=WAIT, max_size=None) as client:
            with pytest.raises(ConnectionClosed) as ended:
                act(client)
                heard(client)
            return ended.value.rcvd.code

    assert end(lambda client: client.send(b"binary")) == 1003
    assert end(lambda client: client.send("x" * (32 * 1024 + 1))) == 1009
    assert end(lambda client: client.send(["x" * 32 * 1024] * 4 + ["x"])) == 1009
    with connect(api.url, open_timeout=WAIT, max_size=None) as client:
        text = json.dumps({"action": "echo", "text": "x" * 32_700 * 4})
        assert len(text) <= 128 * 1024
        client.send([text[start : start + 32 * 1024] for start in range(0, len(text), 32 * 1024)])
        assert heard(client) == text


def test_a_client_that_takes_nothing_fills_no_memory(server, api):
    """Its connection has room for some messages, and then posts are refused."""
    manager = server_client(server, api)
    with connect(api.url, open_timeout=WAIT, max_queue=1) as client:
        connection = identity(client)
        with pytest.raises(ClientError) as full:
            for _ in range(1000):
                manager.post_to_connection(ConnectionId=connection, Data=b"x" * 131072)
        assert full.value.response["Error"]["Code"] == "LimitExceededException"
        assert full.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        for _ in range(4):
            assert len(heard(client)) == 131072
        wait_until(lambda: taken_again(manager, connection, client), what="room for another post")


def taken_again(manager, connection, client):
    try:
        client.recv(timeout=1)
        manager.post_to_connection(ConnectionId=connection, Data=b"again")
        return True
    except ClientError:
        return False
    except TimeoutError:
        return False


@pytest.mark.parametrize("effect, status", [("good", None), ("bad", 403), ("broken", 500), (None, 401)])
def test_authorizers_let_clients_in(http_apis, lambda_, function, api, told, unique, effect, status):
    decider = lambda_.get_function(FunctionName="behind-websockets")["Configuration"]
    assert decider["FunctionArn"] == function
    name = deciding(lambda_, decider["Role"])
    made = http_apis.create_authorizer(ApiId=api.id, Name="a", AuthorizerType="REQUEST", AuthorizerUri=invocations(name), IdentitySource=["route.request.querystring.token"])
    http_apis.update_route(ApiId=api.id, RouteId=api.routes["$connect"], AuthorizationType="CUSTOM", AuthorizerId=made["AuthorizerId"])
    url = f"{api.url}?token={effect}" if effect else api.url
    if status:
        with pytest.raises(InvalidStatus) as caught:
            connect(url, open_timeout=WAIT)
        assert caught.value.response.status_code == status
        return
    with connect(url, open_timeout=WAIT) as client:
        connection = identity(client)
    for event in told(connection):
        assert event["requestContext"]["authorizer"] == {"principalId": "ada", "room": "7"}


def deciding(lambda_, role):
    """The ARN of a function that decides by tokens; made once."""
    try:
        return lambda_.get_function(FunctionName="deciding")["Configuration"]["FunctionArn"]
    except lambda_.exceptions.ResourceNotFoundException:
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("app.py", SOURCE)
        made = lambda_.create_function(FunctionName="deciding", Runtime="python3.12", Handler="app.decide", Role=role, Timeout=20, Code={"ZipFile": package.getvalue()})
        permission = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
        lambda_.get_waiter("function_active_v2").wait(FunctionName="deciding")
        lambda_.add_permission(FunctionName="deciding", StatementId="api", SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*", **permission)
        return made["FunctionArn"]


def test_signed_handshakes_are_those_of_who_may(server, http_apis, iam, api, told, unique):
    http_apis.update_route(ApiId=api.id, RouteId=api.routes["$connect"], AuthorizationType="AWS_IAM")

    def signed(key_id, secret):
        request = AWSRequest("GET", api.url.replace("ws", "http", 1))
        SigV4QueryAuth(Credentials(key_id, secret), "execute-api", REGION, expires=60).add_auth(request)
        return request.url.replace("http", "ws", 1)

    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    user = key["AccessKeyId"], key["SecretAccessKey"]
    for url in (api.url, signed(*user)):
        with pytest.raises(InvalidStatus) as caught:
            connect(url, open_timeout=WAIT)
        assert caught.value.response.status_code == 403
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.id}/dev/$connect"}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    with connect(signed(*user), open_timeout=WAIT) as client:
        connection = identity(client)
    assert told(connection)[0]["requestContext"]["identity"]["userArn"] == f"arn:aws:iam::{ACCOUNT}:user/{unique}"


def test_api_keys_and_throttles(rest_apis, http_apis, api, unique):
    http_apis.update_route(ApiId=api.id, RouteId=api.routes["$connect"], ApiKeyRequired=True)
    plan = rest_apis.create_usage_plan(name=unique, apiStages=[{"apiId": api.id, "stage": "dev"}])["id"]
    key = rest_apis.create_api_key(name=unique, value=f"{KEY}-{unique}", enabled=True)["id"]
    rest_apis.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    with pytest.raises(InvalidStatus) as caught:
        connect(api.url, open_timeout=WAIT)
    assert caught.value.response.status_code == 403
    with connect(api.url, additional_headers={"x-api-key": f"{KEY}-{unique}"}, open_timeout=WAIT) as client:
        settings = {"echo": {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 0.01}}
        http_apis.update_stage(ApiId=api.id, StageName="dev", RouteSettings=settings)
        say(client, action="echo", text="one")
        say(client, action="echo", text="two")
        answers = [json.loads(heard(client)) for _ in range(2)]
        assert "Too Many Requests" in [answer.get("message") for answer in answers]
        nobody = {"nobody": settings["echo"]}
        with pytest.raises(http_apis.exceptions.NotFoundException, match="Unable to find Route by key nobody"):
            http_apis.update_stage(ApiId=api.id, StageName="dev", RouteSettings=nobody)
        logs = {"DataTraceEnabled": True, "DetailedMetricsEnabled": False, "LoggingLevel": "INFO"}
        assert http_apis.update_stage(ApiId=api.id, StageName="dev", DefaultRouteSettings=logs)["DefaultRouteSettings"] == logs
        http_apis.delete_route_settings(ApiId=api.id, StageName="dev", RouteKey="echo")
        say(client, action="echo", text="three")
        assert json.loads(heard(client))["text"] == "three"


def test_messages_go_to_a_queue_as_a_role_that_may_send_them(iam, sqs, http_apis, api, unique):
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    trust = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=unique, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]["Arn"]
    form = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    integration = http_apis.create_integration(
        ApiId=api.id, IntegrationType="AWS", IntegrationMethod="POST", CredentialsArn=role, RequestParameters=form,
        IntegrationUri=f"arn:aws:apigateway:{REGION}:sqs:path/{ACCOUNT}/{unique}",
        RequestTemplates={"$default": "Action=SendMessage&MessageBody=$util.urlEncode($input.path('$.text'))"},
    )["IntegrationId"]
    for key, template in [("/2../", "sent"), ("$default", "refused")]:
        http_apis.create_integration_response(ApiId=api.id, IntegrationId=integration, IntegrationResponseKey=key, ResponseTemplates={"$default": template})
    route = http_apis.create_route(ApiId=api.id, RouteKey="queue", Target=f"integrations/{integration}", RouteResponseSelectionExpression="$default")
    http_apis.create_route_response(ApiId=api.id, RouteId=route["RouteId"], RouteResponseKey="$default")
    with connect(api.url, open_timeout=WAIT) as client:
        say(client, action="queue", text="too soon")
        assert heard(client) == "refused"
        allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
        iam.put_role_policy(RoleName=unique, PolicyName="sends", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
        say(client, action="queue", text="hello & Action=PurgeQueue")
        assert heard(client) == "sent"
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert [message["Body"] for message in messages] == ["hello & Action=PurgeQueue"]


def test_mocks_answer_by_themselves(http_apis, api):
    mock = http_apis.create_integration(ApiId=api.id, IntegrationType="MOCK", RequestTemplates={"$default": '{"statusCode": 200}'})["IntegrationId"]
    made = http_apis.create_integration_response(ApiId=api.id, IntegrationId=mock, IntegrationResponseKey="/200/", ResponseTemplates={"$default": "ping"})
    named = {"ApiId": api.id, "IntegrationId": mock, "IntegrationResponseId": made["IntegrationResponseId"]}
    http_apis.update_integration_response(ResponseTemplates={"$default": "pong"}, **named)
    assert http_apis.get_integration_response(**named)["ResponseTemplates"] == {"$default": "pong"}
    assert len(http_apis.get_integration_responses(ApiId=api.id, IntegrationId=mock)["Items"]) == 1
    route = http_apis.create_route(ApiId=api.id, RouteKey="ping", Target=f"integrations/{mock}", RouteResponseSelectionExpression="$default")
    http_apis.create_route_response(ApiId=api.id, RouteId=route["RouteId"], RouteResponseKey="$default")
    with connect(api.url, open_timeout=WAIT) as client:
        say(client, action="ping")
        assert heard(client) == "pong"
    http_apis.delete_route(ApiId=api.id, RouteId=route["RouteId"])
    http_apis.delete_integration_response(**named)
    refused("NotFoundException", http_apis.get_integration_response, **named)
    private = {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://example.com", "IntegrationMethod": "GET", "ConnectionType": "VPC_LINK"}
    refused("NotImplemented", http_apis.create_integration, ApiId=api.id, **private)


def test_deployments_are_pictures_of_the_api(http_apis, api):
    made = http_apis.create_deployment(ApiId=api.id, Description="d")
    http_apis.update_deployment(ApiId=api.id, DeploymentId=made["DeploymentId"], Description="other")
    assert http_apis.get_deployment(ApiId=api.id, DeploymentId=made["DeploymentId"])["Description"] == "other"
    http_apis.create_stage(ApiId=api.id, StageName="kept", DeploymentId=made["DeploymentId"])
    http_apis.delete_route(ApiId=api.id, RouteId=api.routes["echo"])
    for stage, route in (("kept", "echo"), ("dev", "$default")):
        with connect(f"{api.endpoint}/{stage}", open_timeout=WAIT) as client:
            say(client, action="echo", text="hi")
            if route == "echo":
                assert json.loads(heard(client))["text"] == "hi"
            else:
                say(client, action="post", by="event")
                assert heard(client) == "posted 0"


@pytest.mark.parametrize("what", ["stage", "api"])
def test_connections_end_with_their_stage_and_api(server, http_apis, function, unique, what):
    api = Api(server, http_apis, function, unique, {"$default": {}})
    with connect(api.url, open_timeout=WAIT) as client:
        if what == "stage":
            http_apis.delete_stage(ApiId=api.id, StageName="dev")
        else:
            http_apis.delete_api(ApiId=api.id)
        with pytest.raises(ConnectionClosed) as ended:
            heard(client)
        assert ended.value.rcvd.code == 1001


def test_connections_end_with_the_server_and_its_apis_do_not():
    """A crash loses connections; APIs are there again. A stop says goodbye."""
    server = Server()
    apis, lambda_, iam = (server.client(name) for name in ("apigatewayv2", "lambda", "iam"))
    dynamo = server.client("dynamodb")
    keys = [{"AttributeName": "connection", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]
    attributes = [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in keys]
    dynamo.create_table(TableName="told", BillingMode="PAY_PER_REQUEST", KeySchema=keys, AttributeDefinitions=attributes)
    arn = behind_apis(lambda_, iam, "survivor", SOURCE)
    lambda_.get_waiter("function_active_v2").wait(FunctionName="survivor")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="survivor", PolicyName="all", PolicyDocument=json.dumps(document))
    api = Api(server, apis, arn, "survivor", {"$connect": {}, "$disconnect": {}, "post": {}})
    with connect(api.url, open_timeout=WAIT) as client:
        say(client, action="post", by="event")
        assert heard(client) == "posted 0"
        server.kill()
        with pytest.raises(ConnectionClosed):
            heard(client)
    server.start()
    url = f"{server.endpoint.replace('http', 'ws')}/_aws/execute-api/{api.id}/dev"
    with connect(url, open_timeout=WAIT) as client:
        say(client, action="post", by="event")
        assert heard(client) == "posted 0"
        assert server.stop()
        with pytest.raises(ConnectionClosed) as ended:
            heard(client)
    assert ended.value.rcvd.code == 1001
    server.start()
    dynamo = server.client("dynamodb")

    def ends():
        rows = dynamo.scan(TableName="told", ConsistentRead=True)["Items"]
        contexts = [json.loads(row["event"]["S"])["requestContext"] for row in rows]
        return [context["disconnectStatusCode"] for context in contexts if context["eventType"] == "DISCONNECT"]

    wait_until(ends, WAIT, "that the end is told of at the next start")
    assert ends() == [1001]
    server.stop()


def test_frames_that_break_the_rules_harm_nobody(server, api):
    """Raw bytes after the handshake: whatever comes, the connection ends and the server goes on."""
    port = int(server.endpoint.rsplit(":", 1)[1])
    path = f"/_aws/execute-api/{api.id}/dev"
    head = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    unmasked = b"\x81\x02hi"
    reserved = b"\xf1\x80\x00\x00\x00\x00"
    endless = b"\x81\xff" + struct.pack(">Q", 2**63 - 1) + b"\x00" * 4
    no_text = b"\x81\x82\x00\x00\x00\x00\xff\xfe"
    long_ping = b"\x89\xfe\x01\x00" + b"\x00" * 4 + b"x" * 256
    for frame, code in ((unmasked, 1002), (reserved, 1002), (endless, 1009), (no_text, 1007), (long_ping, 1002)):
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as line:
            line.sendall(head.encode() + frame)
            received = b""
            deadline = time.monotonic() + WAIT
            while b"\x88" not in received.partition(b"\r\n\r\n")[2] and time.monotonic() < deadline:
                piece = line.recv(4096)
                if not piece:
                    break
                received += piece
            answer, _, frames = received.partition(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 101"), answer
            close = frames[frames.index(b"\x88") :]
            assert struct.unpack(">H", close[2:4])[0] == code, (frame, close)
    with connect(api.url, open_timeout=WAIT) as client:
        say(client, action="echo", text="still here")
        assert json.loads(heard(client))["text"] == "still here"
