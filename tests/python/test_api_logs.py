"""What stages of APIs tell of their requests, and what they keep of their answers: through boto3, a real log group and a deployment."""

import json
import signal
import threading
import time

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until
from test_apigateway import behind_apis, invocations, refused, send
from test_api_deploys import a_project
from test_authorizers import signed
from websockets.sync.client import connect

WAIT = 60
FORMAT = '{"id":"$context.requestId","status":$context.status,"method":"$context.httpMethod","path":"$context.path","agent":"$context.identity.userAgent","error":"$context.error.message"}'


@pytest.fixture(scope="module")
def function(lambda_, iam):
    """Answers when it was asked, so that each answer is another."""
    source = "import time\n\ndef handler(event, context):\n    return {'statusCode': 200, 'body': repr(time.time())}\n"
    return behind_apis(lambda_, iam, "behind-logged-apis", source)


@pytest.fixture
def group(logs, unique):
    """The name and the ARN of a log group."""
    logs.create_log_group(logGroupName=unique)
    yield unique, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{unique}"
    logs.delete_log_group(logGroupName=unique)


@pytest.fixture
def rest_api(rest_apis, function, unique):
    """The id of a REST API with `ANY /items/{id}` at the stage `dev`, whose cache would tell items by their id."""
    api = rest_apis.create_rest_api(name=unique)
    items = rest_apis.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="items")
    item = rest_apis.create_resource(restApiId=api["id"], parentId=items["id"], pathPart="{id}")
    method = {"restApiId": api["id"], "resourceId": item["id"], "httpMethod": "ANY"}
    rest_apis.put_method(authorizationType="NONE", requestParameters={"method.request.path.id": True}, **method)
    rest_apis.put_integration(
        type="AWS_PROXY", integrationHttpMethod="POST", uri=invocations(function), cacheKeyParameters=["method.request.path.id"], **method
    )
    rest_apis.create_deployment(restApiId=api["id"], stageName="dev")
    return api["id"]


def patch(rest_apis, api, **changes):
    operations = [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
    return rest_apis.update_stage(restApiId=api, stageName="dev", patchOperations=operations)


def lines(logs, name, count):
    """The messages of a group, once there are as many."""

    def found():
        try:
            events = logs.filter_log_events(logGroupName=name)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return [event["message"] for event in events] if len(events) >= count else None

    return wait_until(found, WAIT, what=f"{count} lines of {name}")


def test_a_rest_api_tells_of_its_requests(server, rest_apis, logs, rest_api, group):
    name, arn = group
    stage = patch(rest_apis, rest_api, **{"/accessLogSettings/destinationArn": arn, "/accessLogSettings/format": FORMAT})
    assert stage["accessLogSettings"] == {"destinationArn": arn, "format": FORMAT}
    base = f"/_aws/execute-api/{rest_api}/dev"
    _, headers, _ = send(server, "GET", f"{base}/items/1", User_Agent='a "quoted" agent')
    send(server, "GET", f"{base}/nothing")
    first, second = (json.loads(line) for line in sorted(lines(logs, name, 2), key=lambda line: "nothing" in line))
    agent = 'a "quoted" agent'
    assert first == {"id": headers["x-amzn-requestid"], "status": 200, "method": "GET", "path": "/dev/items/1", "agent": agent, "error": "-"}
    assert (second["status"], second["error"]) == (403, "Missing Authentication Token")


def test_an_execution_log_tells_of_each_step(server, rest_apis, logs, rest_api):
    patch(rest_apis, rest_api, **{"/*/*/logging/loglevel": "INFO", "/*/*/logging/dataTrace": "true"})
    send(server, "GET", f"/_aws/execute-api/{rest_api}/dev/items/1?q=x", Authorization="Bearer a-token-that-nobody-else-learns")
    told = "\n".join(lines(logs, f"API-Gateway-Execution-Logs_{rest_api}/dev", 6))
    assert "Method request query string: {q=x}" in told and "Method completed with status: 200" in told
    assert "a-token-that-nobody" not in told


def test_an_http_api_tells_of_its_requests(server, http_apis, logs, function, group, unique):
    name, arn = group
    api = http_apis.create_api(Name=unique, ProtocolType="HTTP", Target=function)["ApiId"]
    log = {"DestinationArn": arn, "Format": "$context.requestId $context.routeKey $context.status $context.responseLength"}
    assert http_apis.update_stage(ApiId=api, StageName="$default", AccessLogSettings=log)["AccessLogSettings"] == log
    _, headers, body = send(server, "GET", f"/_aws/execute-api/{api}/x")
    assert lines(logs, name, 1) == [f"{headers['apigw-requestid']} $default 200 {len(body)}"]
    http_apis.delete_access_log_settings(ApiId=api, StageName="$default")
    assert "AccessLogSettings" not in http_apis.get_stage(ApiId=api, StageName="$default")


def test_a_websocket_api_tells_of_what_happens(http_apis, logs, function, group, unique):
    name, arn = group
    made = http_apis.create_api(Name=unique, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    api = made["ApiId"]
    integration = http_apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=invocations(function))["IntegrationId"]
    for key in ["$connect", "$disconnect", "hello"]:
        http_apis.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration}")
    log = {"DestinationArn": arn, "Format": "$context.eventType $context.routeKey $context.status $context.requestId"}
    http_apis.create_stage(ApiId=api, StageName="dev", AutoDeploy=True, AccessLogSettings=log)
    with connect(f"{made['ApiEndpoint']}/dev", open_timeout=WAIT) as client:
        client.send('{"action": "hello"}')
        client.send('{"action": "nobody"}')
        assert json.loads(client.recv(timeout=WAIT))["message"] == "Forbidden"
    told = sorted(line.rsplit(" ", 1)[0] for line in lines(logs, name, 4))
    assert told == ["CONNECT $connect 200", "DISCONNECT $disconnect 200", "MESSAGE - 403", "MESSAGE hello 200"]


def test_a_log_tells_of_what_is_answered_while_the_server_ends(tmp_path):
    server = Server(tmp_path / "data", options=["--drain-timeout", "40s"])
    source = "import time\n\ndef handler(event, context):\n    time.sleep(5 if event['rawPath'].endswith('/slow') else 0)\n    return {'statusCode': 200}\n"
    function = behind_apis(server.client("lambda"), server.client("iam"), "slow", source)
    server.client("logs").create_log_group(logGroupName="late")
    apis = server.client("apigatewayv2")
    api = apis.create_api(Name="slow", ProtocolType="HTTP", Target=function)["ApiId"]
    log = {"DestinationArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:late", "Format": "$context.status $context.requestId"}
    apis.update_stage(ApiId=api, StageName="$default", AccessLogSettings=log)
    ask = lambda path: send(server, "GET", f"/_aws/execute-api/{api}{path}")[0]
    assert ask("/quick") == 200
    answered = []
    slow = threading.Thread(target=lambda: answered.append(ask("/slow")))
    slow.start()
    time.sleep(1)
    server.process.send_signal(signal.SIGTERM)
    slow.join()
    assert answered == [200] and server.process.wait(timeout=60) == 0, server.logged()
    server.start()
    assert [line.split()[0] for line in lines(server.client("logs"), "late", 2)] == ["200", "200"]
    assert server.stop(), server.logged()


def test_whoever_gives_a_stage_a_log_may_let_it_be_written(server, iam, rest_apis, http_apis, rest_api, group, function, unique):
    _, arn = group
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    own = {"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}
    allow = lambda *statements: iam.put_user_policy(
        UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    )
    allow(own)
    as_user = {service: server.client_as(service, key["AccessKeyId"], key["SecretAccessKey"]) for service in ["apigateway", "apigatewayv2"]}
    api = http_apis.create_api(Name=unique, ProtocolType="HTTP", Target=function)["ApiId"]
    log = {"/accessLogSettings/destinationArn": arn, "/accessLogSettings/format": "$context.requestId"}
    with pytest.raises(ClientError, match="logs:CreateLogDelivery"):
        patch(as_user["apigateway"], rest_api, **log)
    settings = {"ApiId": api, "StageName": "$default", "AccessLogSettings": {"DestinationArn": arn, "Format": "$context.requestId"}}
    with pytest.raises(ClientError, match="logs:CreateLogDelivery"):
        as_user["apigatewayv2"].update_stage(**settings)
    allow(own, {"Effect": "Allow", "Action": "logs:CreateLogDelivery", "Resource": arn})
    patch(as_user["apigateway"], rest_api, **log)
    as_user["apigatewayv2"].update_stage(**settings)


def test_the_account_has_a_role_for_logs_that_has_to_be_passed(server, iam, rest_apis, unique):
    trust = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=unique, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]["Arn"]
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}]}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps(policy))
    change = {"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]}
    with pytest.raises(ClientError, match="iam:PassRole"):
        server.client_as("apigateway", key["AccessKeyId"], key["SecretAccessKey"], region="eu-west-1").update_account(**change)
    # In a region of its own: others write logs, too.
    root = server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"]
    away = server.client_as("apigateway", *root, region="eu-west-1")
    assert away.update_account(**change)["cloudwatchRoleArn"] == role
    assert away.get_account()["cloudwatchRoleArn"] == role
    assert "cloudwatchRoleArn" not in rest_apis.get_account()


def test_a_cache_answers_for_its_time(server, rest_apis, rest_api):
    stage = patch(rest_apis, rest_api, **{"/cacheClusterEnabled": "true", "/*/*/caching/enabled": "true", "/*/*/caching/ttlInSeconds": "3600"})
    assert (stage["cacheClusterStatus"], stage["methodSettings"]["*/*"]["cacheTtlInSeconds"]) == ("AVAILABLE", 3600)

    def ask(path="/items/1", **headers):
        status, answered, body = send(server, "GET", f"/_aws/execute-api/{rest_api}/dev{path}", **headers)
        assert status == 200
        return body, answered

    first = ask()[0]
    assert ask()[0] == first != ask("/items/2")[0]
    body, headers = ask(Cache_Control="max-age=0")
    assert body == first and "unauthorized" in headers["warning"]
    rest_apis.flush_stage_cache(restApiId=rest_api, stageName="dev")
    assert ask()[0] != first
    patch(rest_apis, rest_api, **{"/*/*/caching/requireAuthorizationForCacheControl": "false"})
    first = ask()[0]
    assert ask(Cache_Control="max-age=0")[0] != first
    patch(rest_apis, rest_api, **{"/*/*/caching/ttlInSeconds": "1"})
    rest_apis.flush_stage_cache(restApiId=rest_api, stageName="dev")
    first = ask()[0]
    wait_until(lambda: ask()[0] != first, WAIT, what="another answer")


def test_what_is_asked_as_the_caller_is_not_kept_for_others(server, rest_apis, rest_api, function):
    item = next(one["id"] for one in rest_apis.get_resources(restApiId=rest_api)["items"] if one["path"] == "/items/{id}")
    key = {"restApiId": rest_api, "resourceId": item, "httpMethod": "GET"}
    rest_apis.put_method(authorizationType="AWS_IAM", **key)
    rest_apis.put_integration(
        type="AWS_PROXY", integrationHttpMethod="POST", uri=invocations(function), credentials="arn:aws:iam::*:user/*", **key
    )
    rest_apis.create_deployment(restApiId=rest_api, stageName="dev")
    patch(rest_apis, rest_api, **{"/cacheClusterEnabled": "true", "/*/*/caching/enabled": "true"})
    root = server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"]
    ask = lambda: signed(server, root, "GET", f"/_aws/execute-api/{rest_api}/dev/items/1")
    first, again = ask(), ask()
    assert first[0] == again[0] == 200 and first[2] != again[2]


def test_streams_of_firehose_are_no_logs(rest_apis, rest_api):
    arn = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/amazon-apigateway-x"
    operations = [
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": arn},
        {"op": "replace", "path": "/accessLogSettings/format", "value": "$context.requestId"},
    ]
    told = refused("NotImplemented", rest_apis.update_stage, restApiId=rest_api, stageName="dev", patchOperations=operations)
    assert "log group" in told


PROJECT = """
service: {name}
provider:
  name: aws
  runtime: python3.12
  logs:
    restApi: {rest}
    httpApi: true
    websocket: true
functions:
  hello:
    handler: handler.main
    events:
      - http: GET /hello
      - httpApi: GET /hello
      - websocket: $connect
"""


@pytest.mark.timeout(300)
def test_a_deployed_service_has_its_logs(server, rest_apis, http_apis, logs, tmp_path, unique):
    project = a_project(tmp_path / "service", PROJECT.format(name=unique, rest="true"))
    server.run("deploy", project)
    rest = next(api for api in rest_apis.get_rest_apis(limit=500)["items"] if api["name"] == f"dev-{unique}")["id"]
    http = next(api for api in http_apis.get_apis()["Items"] if api["Name"] == f"dev-{unique}")["ApiId"]
    send(server, "GET", f"/_aws/execute-api/{rest}/dev/hello")
    send(server, "GET", f"/_aws/execute-api/{http}/hello")
    assert "httpMethod: GET, resourcePath: /hello, status: 200" in lines(logs, f"/aws/api-gateway/{unique}-dev", 1)[0]
    told = json.loads(lines(logs, f"/aws/http-api/{unique}-dev", 1)[0])
    assert (told["routeKey"], told["status"]) == ("GET /hello", "200")
    assert logs.describe_log_groups(logGroupNamePrefix=f"/aws/websocket/{unique}-dev")["logGroups"]
    stage = rest_apis.get_stage(restApiId=rest, stageName="dev")
    assert stage["methodSettings"]["*/*"]["loggingLevel"] == "INFO"
    # What is not said any more is taken back.
    server.run("deploy", a_project(tmp_path / "service", PROJECT.format(name=unique, rest="false")))
    stage = rest_apis.get_stage(restApiId=rest, stageName="dev")
    assert "accessLogSettings" not in stage and stage.get("methodSettings", {}) == {}
    server.run("remove", project)
    assert not logs.describe_log_groups(logGroupNamePrefix=f"/aws/http-api/{unique}-dev")["logGroups"]
