"""Models, validators, gateway responses, canaries and tests of REST APIs; keys that are imported, and what they have left."""

import datetime
import json

import pytest
from rest_method import MOCK, RestApi, template
from test_apigateway import refused, send

SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 1}}, "additionalProperties": False}


@pytest.fixture
def api(server, unique):
    return RestApi(server, unique)


def test_bodies_are_held_to_models_and_parameters_are_required(api):
    client, where = api.client, {"restApiId": api.id}
    model = client.create_model(**where, name="Order", contentType="application/json", schema=json.dumps(SCHEMA))
    assert client.get_model(**where, modelName="Order")["id"] == model["id"]
    reference = {"type": "array", "items": {"$ref": f"https://apigateway.amazonaws.com/restapis/{api.id}/models/Order"}}
    client.create_model(**where, name="Orders", contentType="application/json", schema=json.dumps(reference))
    assert {item["name"] for item in client.get_models(**where)["items"]} == {"Empty", "Error", "Order", "Orders"}
    described = [{"op": "replace", "path": "/description", "value": "d"}]
    assert client.update_model(**where, modelName="Order", patchOperations=described)["description"] == "d"
    assert "$input.path('$')" in client.get_model_template(**where, modelName="Order")["value"]
    validator = client.create_request_validator(**where, name="all", validateRequestBody=True, validateRequestParameters=True)["id"]
    assert client.get_request_validator(**where, requestValidatorId=validator)["validateRequestBody"] is True
    required = {"method.request.querystring.q": True, "method.request.header.X-H": True}
    key = api.method("POST", "/orders", MOCK, {"200": template('{"ok": true}')}, requestParameters=required, requestValidatorId=validator, requestModels={"application/json": "Orders"})
    api.deploy()
    assert api.json("POST", "/orders?q=1", '[{"a": 1}]', X_H="h") == (200, {"ok": True})
    for body in ["[{}]", '[{"a": 0}]', '[{"a": 1, "b": 2}]', "{", "{}"]:
        assert api.json("POST", "/orders?q=1", body, X_H="h") == (400, {"message": "Invalid request body"}), body
    assert api.json("POST", "/orders", "[]") == (400, {"message": "Missing required request parameters: [X-H, q]"})
    assert refused("ConflictException", client.delete_model, **where, modelName="Orders").startswith("Cannot delete model 'Orders'")
    off = [{"op": "replace", "path": "/validateRequestBody", "value": "false"}]
    assert client.update_request_validator(**where, requestValidatorId=validator, patchOperations=off)["validateRequestBody"] is False
    client.update_method(**key, patchOperations=[{"op": "replace", "path": "/requestValidatorId", "value": ""}, {"op": "remove", "path": "/requestModels/application~1json"}])
    client.delete_request_validator(**where, requestValidatorId=validator)
    assert client.get_request_validators(**where)["items"] == []
    client.delete_model(**where, modelName="Orders")
    refused("NotFoundException", client.get_model, **where, modelName="Orders")


def test_owners_say_how_their_apis_refuse(api):
    client, where = api.client, {"restApiId": api.id}
    api.method("GET", "/", MOCK, {"200": {}})
    text = '{"type": "$context.error.responseType", "message": $context.error.messageString, "stage": "$context.stage"}'
    put = client.put_gateway_response(
        **where, responseType="MISSING_AUTHENTICATION_TOKEN", statusCode="404", responseTemplates={"application/json": text},
        responseParameters={"gatewayresponse.header.Access-Control-Allow-Origin": "'*'", "gatewayresponse.header.X-Q": "method.request.querystring.q"},
    )
    assert (put["statusCode"], put["defaultResponse"]) == ("404", False)
    assert len(client.get_gateway_responses(**where)["items"]) == 21
    assert client.get_gateway_response(**where, responseType="MISSING_AUTHENTICATION_TOKEN")["responseTemplates"] == {"application/json": text}
    patch = [{"op": "add", "path": "/responseParameters/gatewayresponse.header.X-P", "value": "'p'"}]
    client.update_gateway_response(**where, responseType="MISSING_AUTHENTICATION_TOKEN", patchOperations=patch)
    api.deploy()
    status, headers, body = api.send("GET", "/none?q=1")
    assert (status, json.loads(body)) == (404, {"type": "MISSING_AUTHENTICATION_TOKEN", "message": "Missing Authentication Token", "stage": "dev"})
    assert [headers.get(name) for name in ("access-control-allow-origin", "x-q", "x-p")] == ["*", "1", "p"]
    client.delete_gateway_response(**where, responseType="MISSING_AUTHENTICATION_TOKEN")
    api.deploy()
    assert api.json("GET", "/none") == (403, {"message": "Missing Authentication Token"})
    refused("NotFoundException", client.delete_gateway_response, **where, responseType="THROTTLED")


def test_parts_of_methods_are_patched(api):
    client = api.client
    key = api.method("GET", "/", MOCK, {"200": template("one")})
    patch = [{"op": "replace", "path": "/requestTemplates/application~1json", "value": '{"statusCode": 202}'}]
    assert client.update_integration(**key, patchOperations=patch)["requestTemplates"] == {"application/json": '{"statusCode": 202}'}
    add = [{"op": "add", "path": "/responseParameters/method.response.header.X", "value": "true"}]
    assert client.update_method_response(**key, statusCode="200", patchOperations=add)["responseParameters"] == {"method.response.header.X": True}
    patches = [
        {"op": "replace", "path": "/selectionPattern", "value": "202"},
        {"op": "add", "path": "/responseParameters/method.response.header.X", "value": "'x'"},
        {"op": "replace", "path": "/responseTemplates/application~1json", "value": "two"},
    ]
    assert client.update_integration_response(**key, statusCode="200", patchOperations=patches)["selectionPattern"] == "202"
    deployment = api.deploy()
    named = [{"op": "replace", "path": "/description", "value": "d"}]
    assert client.update_deployment(restApiId=api.id, deploymentId=deployment, patchOperations=named)["description"] == "d"
    status, headers, body = api.send("GET", "/")
    assert (status, headers["x"], body) == (200, "x", b"two")
    client.flush_stage_cache(restApiId=api.id, stageName="dev")
    wrong = [{"op": "replace", "path": "/httpMethods", "value": "x"}]
    assert refused("BadRequestException", client.update_integration, **key, patchOperations=wrong) == "Invalid patch path /httpMethods"


def test_methods_are_tried_without_a_deployment(api):
    key = api.method("POST", "/pets/{id}", MOCK, {"200": template('{"id": "$input.params(\'id\')", "q": "$input.params(\'q\')"}')}, authorizationType="AWS_IAM")
    tried = api.client.test_invoke_method(**key, pathWithQueryString="/pets/7?q=x", body="{}", headers={"X-A": "1"})
    assert (tried["status"], json.loads(tried["body"])) == (200, {"id": "7", "q": "x"})
    assert tried["headers"] == {"Content-Type": "application/json"}
    assert "Method request path: {id=7}" in tried["log"] and "Method completed with status: 200" in tried["log"]
    refused("NotFoundException", api.client.test_invoke_method, **key | {"httpMethod": "GET"})


def test_a_canary_is_tried_and_promoted(api):
    client, stage = api.client, {"restApiId": api.id, "stageName": "dev"}
    key = api.method("GET", "/", MOCK, {"200": template("one $stageVariables.v")})
    api.deploy(variables={"v": "a"})
    changed = [{"op": "replace", "path": "/responseTemplates/application~1json", "value": "two $stageVariables.v"}]
    client.update_integration_response(**key, statusCode="200", patchOperations=changed)
    canary = api.deploy(canarySettings={"percentTraffic": 100.0, "stageVariableOverrides": {"v": "b"}})
    assert client.get_stage(**stage)["canarySettings"]["deploymentId"] == canary
    assert api.send("GET", "/")[2] == b"two b"
    client.update_stage(**stage, patchOperations=[{"op": "replace", "path": "/canarySettings/percentTraffic", "value": "0"}])
    assert api.send("GET", "/")[2] == b"one a"
    promote = [
        {"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"},
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
        {"op": "remove", "path": "/canarySettings"},
    ]
    after = client.update_stage(**stage, patchOperations=promote)
    assert (after["deploymentId"], "canarySettings" in after) == (canary, False)
    assert api.send("GET", "/")[2] == b"two b"


def test_keys_are_imported_and_given_more(server, api, rest_apis, unique):
    api.method("GET", "/", MOCK, {"200": {}}, apiKeyRequired=True)
    api.deploy()
    plan = rest_apis.create_usage_plan(name=unique, apiStages=[{"apiId": api.id, "stage": "dev"}], quota={"limit": 1, "period": "DAY"})["id"]
    value = f"{unique}-imported-key-of-a-file"
    file = f"name,key,description,enabled,usageplanIds\n{unique},{value},from a file,TRUE,\"{plan}\"\n"
    imported = rest_apis.import_api_keys(body=file.encode(), format="csv")
    (key,) = imported["ids"]
    assert rest_apis.get_api_key(apiKey=key, includeValue=True)["value"] == value
    again = rest_apis.import_api_keys(body=file.encode(), format="csv")
    assert (again["ids"], len(again["warnings"])) == ([], 1)
    refused("BadRequestException", rest_apis.import_api_keys, body=file.encode(), format="csv", failOnWarnings=True)
    refused("BadRequestException", rest_apis.import_api_keys, body=b"a,b\n", format="csv")

    def status():
        return send(server, "GET", f"/_aws/execute-api/{api.id}/dev/", X_Api_Key=value)[0]

    assert [status(), status()] == [200, 429]
    left = rest_apis.update_usage(usagePlanId=plan, keyId=key, patchOperations=[{"op": "replace", "path": "/remaining", "value": "2"}])
    today = str(datetime.datetime.now(datetime.timezone.utc).date())
    assert (left["startDate"], left["items"]) == (today, {key: [[1, 2]]})
    assert [status() for _ in range(3)] == [200, 200, 429]


def test_bad_parts_are_refused_in_awss_words(api):
    client, where = api.client, {"restApiId": api.id}
    key = {**where, "resourceId": api.root, "httpMethod": "GET"}
    schema = {"contentType": "application/json", "schema": "{}"}
    assert refused("BadRequestException", client.create_model, **where, name="a-b", **schema).startswith("Model name must be alphanumeric")
    assert refused("BadRequestException", client.put_method, **key, authorizationType="NONE", requestModels={"a/b": "None"}) == "Invalid model identifier specified: None"
    client.put_method(**key, authorizationType="NONE")
    for integration, message in [
        ({"type": "HTTP", "uri": "http://h"}, "Enumeration value for HttpMethod must be non-empty"),
        ({"type": "HTTP_PROXY", "uri": "h", "integrationHttpMethod": "GET"}, "Invalid HTTP endpoint specified for URI"),
        ({"type": "AWS", "uri": "h", "integrationHttpMethod": "GET"}, "Invalid ARN specified in the request"),
        ({"type": "AWS", "uri": "arn:aws:apigateway:us-east-1:sqs:q", "integrationHttpMethod": "GET"}, "AWS ARN for integration must contain path or action"),
        ({"type": "AWS", "uri": "arn:aws:apigateway:us-east-1:sqs:path/q", "integrationHttpMethod": "GET"}, "Role ARN must be specified for AWS integrations"),
        ({"type": "AWS_PROXY", "uri": "arn:aws:apigateway:us-east-1:s3:path/b/k", "integrationHttpMethod": "POST"}, "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations."),
        (MOCK | {"requestParameters": {"integration.request.header.X": "method.request.header.X"}}, "method.request.header.X]"),
        (MOCK | {"timeoutInMillis": 30_000}, "Timeout should be between 50 ms and 29000 ms"),
        (MOCK | {"requestTemplates": {"application/json": "#if($x)"}}, "line 1, column 8"),
    ]:
        assert message in refused("BadRequestException", client.put_integration, **key, **integration), integration
    assert "'WRONG' at 'putIntegrationInput.type'" in refused("ValidationException", client.put_integration, **key, type="WRONG")
    assert "'2x' at 'statusCode'" in refused("ValidationException", client.put_method_response, **key, statusCode="2x")
    assert "'X' at 'responseType'" in refused("ValidationException", client.get_gateway_response, **where, responseType="X")
    assert "'wrong' at 'patchOperations.1.member.op'" in refused("ValidationException", client.update_method, **key, patchOperations=[{"op": "wrong"}])
    named = refused("NotImplemented", client.put_integration, **key, type="HTTP", uri="http://h", integrationHttpMethod="GET", connectionType="VPC_LINK", connectionId="x")
    assert "VPC_LINK" in named
