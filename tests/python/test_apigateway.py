"""API Gateway through boto3, and its users through plain HTTP: REST and HTTP APIs in front of a real function."""

import http.client
import io
import json
import zipfile
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION

# Answers what it was told in the query, or else the event itself.
SOURCE = """
import json

def handler(event, context):
    asked = (event.get("queryStringParameters") or {}).get("answer")
    if asked == "raise":
        raise ValueError("asked to")
    if asked:
        return json.loads(asked)
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def function(lambda_, iam):
    """The ARN of the function behind every API here."""
    return behind_apis(lambda_, iam, "behind-apis")


def behind_apis(lambda_, iam, name, source=SOURCE):
    """The ARN of a new function that any API may invoke."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", source)
    made = lambda_.create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=role, Timeout=20, Code={"ZipFile": package.getvalue()}
    )
    permit(lambda_, name, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*")
    return made["FunctionArn"]


def permit(lambda_, name, source):
    principal = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    lambda_.add_permission(FunctionName=name, StatementId="api", SourceArn=source, **principal)


def invocations(function):
    return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"


def send(server, method, path, body=None, host=None, **headers):
    """Sends a request; returns status, headers and body."""
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named | ({"Host": host} if host else {}))
    response = connection.getresponse()
    answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    connection.close()
    return answer


def refused(code, call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    return caught.value.response["Error"]["Message"]


@pytest.fixture
def rest_api(rest_apis, function, unique):
    """The id of a REST API with `ANY /items/{id}` at the stage `dev`."""
    api = rest_apis.create_rest_api(name=unique, binaryMediaTypes=["image/png"])
    items = rest_apis.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="items")
    item = rest_apis.create_resource(restApiId=api["id"], parentId=items["id"], pathPart="{id}")
    method = {"restApiId": api["id"], "resourceId": item["id"], "httpMethod": "ANY"}
    rest_apis.put_method(authorizationType="NONE", **method)
    put = rest_apis.put_integration(type="AWS_PROXY", integrationHttpMethod="POST", uri=invocations(function), **method)
    assert (put["type"], put["httpMethod"], put["timeoutInMillis"]) == ("AWS_PROXY", "POST", 29_000)
    rest_apis.create_deployment(restApiId=api["id"], stageName="dev")
    return api["id"]


@pytest.fixture
def http_api(http_apis, function, unique):
    """The id of an HTTP API with `GET /items/{id}` and `ANY /all/{proxy+}`."""
    api = http_apis.create_api(Name=unique, ProtocolType="HTTP")["ApiId"]
    integration = http_apis.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )
    for key in ["GET /items/{id}", "ANY /all/{proxy+}"]:
        http_apis.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")
    http_apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return api


def test_a_rest_api_answers_with_its_function(server, rest_api):
    path = f"/_aws/execute-api/{rest_api}/dev/items/a%20b?x=1&x=2"
    status, headers, body = send(server, "POST", path, b'{"n":1}', Content_Type="application/json")
    event = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert headers["x-amzn-requestid"] == event["requestContext"]["requestId"]
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/items/{id}", "/items/a%20b", "POST")
    assert (event["pathParameters"], event["body"]) == ({"id": "a b"}, '{"n":1}')
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["headers"]["Content-Type"] == "application/json"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_an_api_has_a_host_of_its_own(server, rest_api, http_api):
    status, _, body = send(server, "GET", "/dev/items/1", host=f"{rest_api}.execute-api.localhost:4566")
    assert (status, json.loads(body)["requestContext"]["domainPrefix"]) == (200, rest_api)
    status, _, body = send(server, "GET", "/items/1", host=f"{http_api}.execute-api.{REGION}.amazonaws.com")
    assert (status, json.loads(body)["rawPath"]) == (200, "/items/1")


def test_slashes_around_the_stage_are_one(server, rest_api):
    for path in ["//dev/items/7", "/dev//items/7"]:
        status, _, body = send(server, "GET", path, host=f"{rest_api}.execute-api.localhost:4566")
        assert (status, json.loads(body)["path"]) == (200, "/items/7"), path


def test_errors_of_rest_apis(server, rest_api):
    base = f"/_aws/execute-api/{rest_api}/dev"
    for path, expected in [
        (f"{base}/nothing", (403, "Missing Authentication Token")),
        (f"/_aws/execute-api/{rest_api}/prod/items/1", (403, "Forbidden")),
        (f"{base}/items/1?answer=raise", (502, "Internal server error")),
        (f"{base}/items/1?answer=%7B%22no%22:1%7D", (502, "Internal server error")),
    ]:
        status, _, body = send(server, "GET", path)
        assert (status, json.loads(body)["message"]) == expected, path


def test_binary_bodies_of_rest_apis(server, rest_api):
    path = f"/_aws/execute-api/{rest_api}/dev/items/1"
    event = json.loads(send(server, "PUT", path, b"\x00\xff", Content_Type="image/png")[2])
    assert (event["isBase64Encoded"], event["body"]) == (True, "AP8=")
    answer = "%7B%22body%22:%22AP8=%22,%22isBase64Encoded%22:true%7D"
    assert send(server, "GET", f"{path}?answer={answer}", Accept="image/png")[2] == b"\x00\xff"


def test_an_http_api_answers_with_its_function(server, http_api):
    status, headers, body = send(server, "GET", f"/_aws/execute-api/{http_api}/items/7?a=1&a=2", Cookie="c=1; d=2")
    event = json.loads(body)
    assert (status, headers["apigw-requestid"]) == (200, event["requestContext"]["requestId"])
    assert (event["version"], event["routeKey"], event["pathParameters"]) == ("2.0", "GET /items/{id}", {"id": "7"})
    assert (event["queryStringParameters"], event["cookies"]) == ({"a": "1,2"}, ["c=1", "d=2"])
    inferred = send(server, "GET", f"/_aws/execute-api/{http_api}/all/x?answer=%7B%22a%22:1%7D")
    assert (inferred[0], inferred[1]["content-type"], json.loads(inferred[2])) == (200, "application/json", {"a": 1})
    for path, expected in [("items", (404, "Not Found")), ("all/x?answer=raise", (500, "Internal Server Error"))]:
        status, _, body = send(server, "GET", f"/_aws/execute-api/{http_api}/{path}")
        assert (status, json.loads(body)["message"]) == expected


def test_cors_of_http_apis(server, http_apis, http_api):
    cors = {"AllowOrigins": ["https://app.example"], "AllowMethods": ["GET"], "AllowHeaders": ["X-A"], "MaxAge": 60}
    http_apis.update_api(ApiId=http_api, CorsConfiguration=cors)
    path = f"/_aws/execute-api/{http_api}/items/1"
    status, headers, _ = send(server, "OPTIONS", path, Origin="https://app.example", Access_Control_Request_Method="GET")
    assert (status, headers["access-control-allow-origin"], headers["access-control-max-age"]) == (204, "https://app.example", "60")
    assert headers["access-control-allow-headers"] == "x-a"
    _, headers, _ = send(server, "GET", path, Origin="https://app.example")
    assert headers["access-control-allow-origin"] == "https://app.example"
    _, headers, _ = send(server, "GET", path, Origin="https://other.example")
    assert "access-control-allow-origin" not in headers


def test_a_function_has_to_permit_the_api(server, lambda_, function, rest_apis, http_apis, http_api, unique):
    package = lambda_.get_function(FunctionName=function)["Configuration"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("app.py", SOURCE)
    closed = lambda_.create_function(
        FunctionName=unique, Runtime="python3.12", Handler="app.handler", Role=package["Role"], Code={"ZipFile": archive.getvalue()}
    )["FunctionArn"]
    made = http_apis.create_api(Name=unique, ProtocolType="HTTP", Target=closed)
    path = f"/_aws/execute-api/{made['ApiId']}/x"
    assert made["ApiEndpoint"] == f"{server.endpoint}/_aws/execute-api/{made['ApiId']}"
    assert send(server, "GET", path)[0] == 500
    permit(lambda_, unique, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{made['ApiId']}/*")
    assert send(server, "GET", path)[0] == 200


def test_functions_behind_rest_apis_are_told_names_of_headers_as_they_were_written(server, rest_api):
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=60)
    for written in ("x-tenant", "X-tEnAnt"):
        # The second request comes on the same connection, behind a body that looks like a header.
        connection.request("POST", f"/_aws/execute-api/{rest_api}/dev/items/1", b"\r\nX-TENANT: body\r\n" * 5_000, {written: "a", "authorization": "b"})
        event = json.loads(connection.getresponse().read())
        assert {name: value for name, value in event["headers"].items() if name.lower() in ("x-tenant", "authorization")} == {written: "a", "Authorization": "b"}
        assert event["multiValueHeaders"][written] == ["a"]
    connection.close()


def test_what_is_not_built_is_refused(rest_apis, http_apis, rest_api, http_api):
    refused("BadRequestException", http_apis.create_api, Name="ws", ProtocolType="WEBSOCKET")
    refused("BadRequestException", http_apis.create_route, ApiId=http_api, RouteKey="GET /x", AuthorizationType="JWT")
    assert "apigatewayv2:GetModels" in refused("NotImplemented", http_apis.get_models, ApiId=http_api)
    assert "apigateway:DeleteVpcLink" in refused("NotImplemented", rest_apis.delete_vpc_link, vpcLinkId="v")
    root = next(item["id"] for item in rest_apis.get_resources(restApiId=rest_api)["items"] if item["path"] == "/")
    method = {"restApiId": rest_api, "resourceId": root, "httpMethod": "GET"}
    refused("BadRequestException", rest_apis.put_method, authorizationType="NONE", requestValidatorId="v", **method)
    refused("NotFoundException", rest_apis.get_rest_api, restApiId="nothing")


def test_parts_are_listed_tagged_and_deleted(rest_apis, http_apis, rest_api, http_api):
    assert [stage["stageName"] for stage in rest_apis.get_stages(restApiId=rest_api)["item"]] == ["dev"]
    patch = [{"op": "replace", "path": "/variables/a", "value": "1"}]
    assert rest_apis.update_stage(restApiId=rest_api, stageName="dev", patchOperations=patch)["variables"] == {"a": "1"}
    for value in ["false", "true"]:
        patch = [{"op": "replace", "path": "/tracingEnabled", "value": value}]
        assert rest_apis.update_stage(restApiId=rest_api, stageName="dev", patchOperations=patch)["tracingEnabled"] == (value == "true")
    deployment = rest_apis.create_deployment(restApiId=rest_api)["id"]
    assert rest_apis.create_stage(restApiId=rest_api, stageName="traced", deploymentId=deployment, tracingEnabled=True)["tracingEnabled"]
    rest_apis.delete_stage(restApiId=rest_api, stageName="traced")
    for client, arn in [
        (rest_apis, f"arn:aws:apigateway:{REGION}::/restapis/{rest_api}"),
        (http_apis, f"arn:aws:apigateway:{REGION}::/apis/{http_api}"),
    ]:
        names = {"resourceArn": arn} if client is rest_apis else {"ResourceArn": arn}
        tags, keys = ("tags", "tagKeys") if client is rest_apis else ("Tags", "TagKeys")
        client.tag_resource(**names, **{tags: {"a": "1", "b": "2"}})
        client.untag_resource(**names, **{keys: ["a"]})
        assert client.get_tags(**names)[tags] == {"b": "2"}
    assert {route["RouteKey"] for route in http_apis.get_routes(ApiId=http_api)["Items"]} == {"GET /items/{id}", "ANY /all/{proxy+}"}
    rest_apis.delete_rest_api(restApiId=rest_api)
    http_apis.delete_api(ApiId=http_api)
    refused("NotFoundException", http_apis.get_api, ApiId=http_api)
