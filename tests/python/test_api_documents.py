"""APIs as OpenAPI documents, through boto3: imported, put again, exported, and deployed by templates."""

import json

import pytest
from cloudlet import ACCOUNT, Server, wait_until
from test_apigateway import behind_apis, invocations, refused, send


@pytest.fixture(scope="module")
def function(lambda_, iam):
    return behind_apis(lambda_, iam, "behind-documents")


def an_http_document(function, path="/pets/{id}", **more):
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": function, "payloadFormatVersion": "2.0"}
    return {
        "openapi": "3.0.1",
        "info": {"title": "pets", "version": "1"},
        "paths": {path: {"get": {"operationId": "getPet", "x-amazon-apigateway-integration": integration}}},
        "x-amazon-apigateway-cors": {"allowOrigins": ["*"]},
    } | more


def a_rest_document(function, *paths, **more):
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": invocations(function), "passthroughBehavior": "when_no_match"}
    method = {"responses": {"200": {"description": "ok"}}, "x-amazon-apigateway-integration": integration}
    return {
        "swagger": "2.0",
        "info": {"title": "pets", "version": "1"},
        "basePath": "/v1",
        "paths": {path: {"get": method} for path in paths or ["/pets/{id}"]},
        "x-amazon-apigateway-binary-media-types": ["image/png"],
    } | more


def test_an_http_api_is_imported_served_and_exported(server, http_apis, function):
    made = http_apis.import_api(Body=json.dumps(an_http_document(function)))
    api = made["ApiId"]
    assert (made["Name"], made["Version"], made["CorsConfiguration"]) == ("pets", "1", {"AllowOrigins": ["*"]})
    http_apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    status, _, body = send(server, "GET", f"/_aws/execute-api/{api}/pets/7")
    assert status == 200 and json.loads(body)["pathParameters"] == {"id": "7"}
    export = {"ApiId": api, "Specification": "OAS30"}
    document = json.loads(http_apis.export_api(**export, OutputType="JSON")["body"].read())
    assert document["paths"]["/pets/{id}"]["get"]["operationId"] == "getPet"
    again = http_apis.import_api(Body=json.dumps(document))["ApiId"]
    copy = json.loads(http_apis.export_api(ApiId=again, Specification="OAS30", OutputType="JSON")["body"].read())
    assert copy | {"servers": 0} == document | {"servers": 0}
    yaml = http_apis.export_api(**export, OutputType="YAML", StageName="$default")["body"].read().decode()
    assert '"/pets/{id}":' in yaml
    http_apis.reimport_api(ApiId=api, Body=yaml.replace("/pets/{id}", "/cats/{id}"))
    assert send(server, "GET", f"/_aws/execute-api/{api}/pets/7")[0] == 404
    assert send(server, "GET", f"/_aws/execute-api/{api}/cats/7")[0] == 200


def test_a_rest_api_is_imported_put_and_exported(server, rest_apis, function):
    made = rest_apis.import_rest_api(body=json.dumps(a_rest_document(function)).encode(), parameters={"basepath": "prepend", "endpointConfigurationTypes": "REGIONAL"})
    api = made["id"]
    assert made["binaryMediaTypes"] == ["image/png"] and made["endpointConfiguration"]["types"] == ["REGIONAL"]
    rest_apis.create_deployment(restApiId=api, stageName="s")
    assert send(server, "GET", f"/_aws/execute-api/{api}/s/v1/pets/7")[0] == 200
    export = {"restApiId": api, "stageName": "s", "parameters": {"extensions": "apigateway"}}
    answer = rest_apis.get_export(**export, exportType="oas30")
    document = json.loads(answer["body"].read())
    assert answer["contentType"] == "application/octet-stream" and 'filename="oas30_1.json"' in answer["contentDisposition"]
    assert document["servers"][0]["variables"] == {"basePath": {"default": "s"}}
    integration = document["paths"]["/v1/pets/{id}"]["get"]["x-amazon-apigateway-integration"]
    assert integration["type"] == "aws_proxy" and integration["uri"] == invocations(function)
    yaml = rest_apis.get_export(**export, exportType="swagger", accepts="application/yaml")["body"].read().decode()
    assert yaml.startswith("---") and '"swagger": "2.0"' in yaml
    before = {item["path"]: item["id"] for item in rest_apis.get_resources(restApiId=api)["items"]}
    rest_apis.put_rest_api(restApiId=api, mode="merge", body=json.dumps(a_rest_document(function, "/more")).encode())
    merged = {item["path"]: item["id"] for item in rest_apis.get_resources(restApiId=api)["items"]}
    assert merged.items() >= before.items() and set(merged) - set(before) == {"/more"}
    put = rest_apis.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(document).encode())
    assert put["id"] == api
    assert {item["path"]: item["id"] for item in rest_apis.get_resources(restApiId=api)["items"]} == before
    # What is deployed does not change with it.
    assert send(server, "GET", f"/_aws/execute-api/{api}/s/v1/pets/7")[0] == 200


def test_documents_are_taken_with_their_flaws(server, rest_apis, function):
    broken = {"type": "mock", "requestTemplates": {"application/json": "#if($x)"}, "responses": {"default": {"statusCode": "200"}}}
    document = a_rest_document(function, definitions={"Pet": {"type": "object", "description": "Barks"}})
    integration = document["paths"]["/pets/{id}"]["get"]["x-amazon-apigateway-integration"]
    integration["requestParameters"] = {"integration.request.header.a": True, "integration.request.header.b": "method.request.path.id"}
    document["paths"]["/broken"] = {"get": {"responses": {"200": {"description": "ok"}}, "x-amazon-apigateway-integration": broken}}
    body = json.dumps(document).encode()
    assert "GET /broken" in refused("BadRequestException", rest_apis.import_rest_api, body=body, failOnWarnings=True)
    made = rest_apis.import_rest_api(body=body)
    (warning,) = made["warnings"]
    assert "GET /broken" in warning
    assert [(one["name"], one["description"]) for one in rest_apis.get_models(restApiId=made["id"])["items"]] == [("Pet", "Barks")]
    rest_apis.create_deployment(restApiId=made["id"], stageName="s")
    assert [send(server, "GET", f"/_aws/execute-api/{made['id']}/s{path}")[0] for path in ("/pets/7", "/broken")] == [200, 500]


def test_documents_that_cannot_be_taken_change_nothing(http_apis, rest_apis, function):
    bad = {"/x": {"get": {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": "nothing"}}}}
    said = refused("BadRequestException", http_apis.import_api, Body=json.dumps(an_http_document(function, paths=bad)))
    assert said.startswith("Errors found during import:") and "GET /x" in said
    said = refused("BadRequestException", rest_apis.import_rest_api, body=json.dumps(a_rest_document(function, paths=bad)).encode())
    assert said.startswith("Errors found during import:") and "'/x'" in said
    for body in ["", "{", "openapi: 3.1.0\npaths: {}", "a: &a [*a]", "[" * 2000, "\x00"]:
        refused("BadRequestException", http_apis.import_api, Body=body)
    unknown = {"petstore": {"type": "oauth2", "flow": "implicit"}}
    document = json.dumps(a_rest_document(function, securityDefinitions=unknown)).encode()
    said = refused("BadRequestException", rest_apis.import_rest_api, body=document, failOnWarnings=True)
    assert "Unsupported security definition type 'oauth2' for 'petstore'. Ignoring." in said
    made = rest_apis.import_rest_api(body=document)
    assert made["warnings"] and [api["id"] for api in rest_apis.get_rest_apis(limit=500)["items"]].count(made["id"]) == 1


def test_a_contract_comes_before_its_integrations(rest_apis):
    document = {"openapi": "3.0.1", "info": {"title": "contract"}, "paths": {"/": {"get": {"responses": {"200": {"description": "ok"}}}}}}
    made = rest_apis.import_rest_api(body=json.dumps(document).encode(), failOnWarnings=True)
    assert "warnings" not in made
    assert "No integration defined for method" in refused("BadRequestException", rest_apis.create_deployment, restApiId=made["id"])


def test_references_to_nothing_are_warned_of(http_apis, function):
    document = an_http_document(function)
    schema = {"$ref": "#/components/schemas/Missing"}
    document["paths"]["/pets/{id}"]["get"]["responses"] = {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}
    warning = "Parse issue: attribute paths.'/pets/{id}'(get).responses.200.content.schema.#/components/schemas/Missing is missing"
    made = http_apis.import_api(Body=json.dumps(document))
    assert made["Warnings"] == [warning]
    said = refused("BadRequestException", http_apis.reimport_api, ApiId=made["ApiId"], Body=json.dumps(document | {"info": {"title": "new"}}), FailOnWarnings=True)
    assert said == f"Warnings found during import:\n\t{warning}"
    assert http_apis.get_api(ApiId=made["ApiId"])["Name"] == "pets"


def test_a_role_in_a_document_has_to_be_passed(server, iam, http_apis, sqs, unique):
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    trust = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=unique, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]["Arn"]
    send_it = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{unique}"}
    iam.put_role_policy(RoleName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [send_it]}))
    integration = {"type": "aws_proxy", "subtype": "SQS-SendMessage", "credentials": role, "requestParameters": {"QueueUrl": url, "MessageBody": "$request.body"}}
    document = json.dumps(an_http_document("", paths={"/send": {"post": {"x-amazon-apigateway-integration": integration}}}))
    iam.create_user(UserName=unique)
    allowed = {"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    maker = server.client_as("apigatewayv2", key["AccessKeyId"], key["SecretAccessKey"])
    assert "iam:PassRole" in refused("AccessDeniedException", maker.import_api, Body=document)
    api = http_apis.import_api(Body=document)["ApiId"]
    http_apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    assert send(server, "POST", f"/_aws/execute-api/{api}/send", "hello")[0] == 200
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"))
    assert message["Body"] == "hello"


def test_an_import_survives_a_crash(tmp_path):
    server = Server(tmp_path / "data")
    function = behind_apis(server.client("lambda"), server.client("iam"), "crash")
    paths = [f"/p{n}/{{id}}" for n in range(30)]
    api = server.client("apigateway").import_rest_api(body=json.dumps(a_rest_document(function, *paths)).encode())["id"]
    server.kill()
    server.start()
    rest_apis = server.client("apigateway")
    assert len(rest_apis.get_resources(restApiId=api, limit=500)["items"]) == 61
    rest_apis.create_deployment(restApiId=api, stageName="s")
    assert send(server, "GET", f"/_aws/execute-api/{api}/s/p7/x")[0] == 200
    assert server.stop(), server.logged()


def test_models_validators_and_gateway_responses_go_along(server, rest_apis, function):
    more = {
        "definitions": {"Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
        "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True, "validateRequestParameters": True}},
        "x-amazon-apigateway-gateway-responses": {"BAD_REQUEST_BODY": {"statusCode": "422", "responseTemplates": {"application/json": '{"why":"body"}'}}},
    }
    document = a_rest_document(function, **more)
    integration = document["paths"]["/pets/{id}"]["get"]["x-amazon-apigateway-integration"]
    body = {"name": "b", "in": "body", "schema": {"$ref": "#/definitions/Pet"}}
    post = {"x-amazon-apigateway-request-validator": "all", "responses": {}, "parameters": [body], "consumes": ["application/json"], "x-amazon-apigateway-integration": integration}
    document["paths"]["/pets"] = {"post": post}
    api = rest_apis.import_rest_api(body=json.dumps(document).encode(), failOnWarnings=True)["id"]
    rest_apis.create_deployment(restApiId=api, stageName="s")
    path = f"/_aws/execute-api/{api}/s/pets"
    status, _, said = send(server, "POST", path, json.dumps({"age": 1}), Content_Type="application/json")
    assert (status, said) == (422, b'{"why":"body"}')
    assert send(server, "POST", path, json.dumps({"name": "x"}), Content_Type="application/json")[0] == 200
    exported = rest_apis.get_export(restApiId=api, stageName="s", exportType="oas30", parameters={"extensions": "apigateway"})["body"].read()
    for mode in ["merge", "overwrite"]:
        rest_apis.put_rest_api(restApiId=api, mode=mode, body=exported, failOnWarnings=True)
        rest_apis.create_deployment(restApiId=api, stageName="s")
        again = rest_apis.get_export(restApiId=api, stageName="s", exportType="oas30", parameters={"extensions": "apigateway"})["body"].read()
        assert json.loads(again) == json.loads(exported), mode
        assert len(rest_apis.get_request_validators(restApiId=api)["items"]) == 1
    assert send(server, "POST", path, json.dumps({"age": 1}), Content_Type="application/json")[0] == 422
