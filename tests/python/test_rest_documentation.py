"""What is said of the parts of REST APIs: documentation parts, versions of them, and documents that have both."""

import json

import pytest
from rest_method import MOCK, RestApi
from test_apigateway import refused

EXTENSION = "x-amazon-apigateway-documentation"
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "doc", "version": "1", "description": "description"},
    "paths": {"/": {"get": {"responses": {"200": {"description": "200 response"}}, "x-amazon-apigateway-integration": {"type": "mock"}}}},
    EXTENSION: {
        "version": "1.0.3",
        "documentationParts": [
            {"location": {"type": "API"}, "properties": {"info": {"description": "API info", "version": "3"}}},
            {"location": {"type": "METHOD", "method": "GET"}, "properties": {"description": "Method description."}},
            {"location": {"type": "MODEL", "name": "Empty"}, "properties": {"title": "Empty Schema"}},
            {"location": {"type": "RESPONSE", "method": "GET", "statusCode": "200"}, "properties": {"description": "said"}},
        ],
    },
}


@pytest.fixture
def api(server, unique):
    return RestApi(server, unique)


def locations(client, api, **filters):
    return [item["location"] for item in client.get_documentation_parts(restApiId=api, **filters)["items"]]


def test_parts_live_and_are_found(api):
    client, where = api.client, {"restApiId": api.id}
    api.method("GET", "/pets", MOCK, {"200": {}}, requestParameters={"method.request.querystring.q": False})
    made = client.create_documentation_part(**where, location={"type": "API"}, properties='{"description": "one"}')
    assert (made["location"], made["ResponseMetadata"]["HTTPStatusCode"]) == ({"type": "API"}, 201)
    part = where | {"documentationPartId": made["id"]}
    changed = client.update_documentation_part(**part, patchOperations=[{"op": "replace", "path": "/properties", "value": '{"description": "two"}'}])
    assert json.loads(client.get_documentation_part(**part)["properties"]) == json.loads(changed["properties"]) == {"description": "two"}
    client.create_documentation_part(**where, location={"type": "METHOD", "path": "/pets", "method": "GET"}, properties="{}")
    again = refused("ConflictException", client.create_documentation_part, **where, location={"type": "API"}, properties="{}")
    assert again == "Documentation part already exists for the specified location: type 'API'."
    assert locations(client, api.id, type="METHOD") == locations(client, api.id, path="/pets") == [{"type": "METHOD", "path": "/pets", "method": "GET"}]
    undocumented = locations(client, api.id, locationStatus="UNDOCUMENTED", nameQuery="q")
    assert undocumented == [{"type": "QUERY_PARAMETER", "path": "/pets", "method": "GET", "name": "q"}]
    pages = client.get_paginator("get_documentation_parts").paginate(**where, PaginationConfig={"PageSize": 1})
    assert [len(page["items"]) for page in pages] == [1, 1]
    assert client.delete_documentation_part(**part)["ResponseMetadata"]["HTTPStatusCode"] == 202
    for operation in (client.get_documentation_part, client.delete_documentation_part):
        assert refused("NotFoundException", operation, **part) == "Invalid Documentation part identifier specified"


def test_parts_are_at_places_and_say_something(api):
    client, where = api.client, {"restApiId": api.id}
    for location, properties, message in [
        ({"type": "API"}, " ", "Documentation part properties must be non-empty"),
        ({"type": "API"}, "{", "Invalid JSON"),
        ({"type": "MODEL"}, "{}", "'name' is required for type 'MODEL'"),
        ({"type": "RESOURCE", "method": "GET"}, "{}", "'method' is not a valid field for type 'RESOURCE'"),
    ]:
        assert message in refused("BadRequestException", client.create_documentation_part, **where, location=location, properties=properties)
    wrong = refused("ValidationException", client.create_documentation_part, **where, location={"type": "INVALID"}, properties="{}")
    assert wrong.startswith("1 validation error detected: Value 'INVALID' at 'createDocumentationPartInput.location.type' failed to satisfy constraint")
    refused("NotFoundException", client.get_documentation_parts, restApiId="nothing")


def test_documents_bring_parts_along(rest_apis, unique):
    body = json.dumps(DOCUMENT).encode()
    api = rest_apis.import_rest_api(body=body, failOnWarnings=True)["id"]
    expected = [
        {"type": "API"}, {"type": "METHOD", "path": "/", "method": "GET"}, {"type": "MODEL", "name": "Empty"},
        {"type": "RESPONSE", "path": "/", "method": "GET", "statusCode": "200"},
    ]
    assert locations(rest_apis, api) == expected
    before = [item["id"] for item in rest_apis.get_documentation_parts(restApiId=api)["items"]]
    merged = rest_apis.import_documentation_parts(restApiId=api, mode="merge", body=body)
    assert sorted(merged["ids"]) == sorted(before)
    after = rest_apis.import_documentation_parts(restApiId=api, mode="overwrite", failOnWarnings=True, body=body)
    assert (len(after["ids"]), set(after["ids"]) & set(before), after["ResponseMetadata"]["HTTPStatusCode"]) == (4, set(), 200)
    assert locations(rest_apis, api) == expected
    for wrong in (b"{'key:value}", b'test:\n    value:\n        - "value "escaped": $var}"'):
        assert refused("BadRequestException", rest_apis.import_documentation_parts, restApiId=api, body=wrong) == "Unable to build importer with provided input."
    without = rest_apis.import_rest_api(body=body, parameters={"ignore": "documentation"})["id"]
    assert locations(rest_apis, without) == []


def test_a_stage_is_exported_with_its_version(rest_apis):
    api = rest_apis.import_rest_api(body=json.dumps(DOCUMENT).encode())["id"]
    where, stage = {"restApiId": api}, {"restApiId": api, "stageName": "dev"}
    rest_apis.create_deployment(**stage)
    made = rest_apis.create_documentation_version(**where, documentationVersion="1.0.0", stageName="dev", description="first")
    assert (made["version"], made["description"]) == ("1.0.0", "first")
    assert rest_apis.get_stage(**stage)["documentationVersion"] == "1.0.0"
    version = where | {"documentationVersion": "1.0.0"}
    rest_apis.update_documentation_version(**version, patchOperations=[{"op": "replace", "path": "/description", "value": "new"}])
    assert rest_apis.get_documentation_version(**version)["description"] == "new"
    assert [item["version"] for item in rest_apis.get_documentation_versions(**where)["items"]] == ["1.0.0"]

    def exported(**options):
        return json.loads(rest_apis.get_export(**stage, exportType="oas30", accepts="application/json", **options)["body"].read())

    said = exported(parameters={"extensions": "documentation"})
    assert said[EXTENSION]["documentationParts"] == DOCUMENT[EXTENSION]["documentationParts"]
    assert (said["info"]["description"], said["info"]["version"]) == ("API info", "1")
    method = said["paths"]["/"]["get"]
    assert (method["description"], method["responses"]["200"]["description"]) == ("Method description.", "said")
    assert exported() == said and EXTENSION not in exported(parameters={"extensions": "integrations"})
    told = refused("BadRequestException", rest_apis.delete_documentation_version, **version)
    assert told == "Cannot delete documentation version because there are API Stages associated with it."
    rest_apis.create_documentation_version(**where, documentationVersion="2.0.0")
    other = [{"op": "replace", "path": "/documentationVersion", "value": "2.0.0"}]
    assert rest_apis.update_stage(**stage, patchOperations=other)["documentationVersion"] == "2.0.0"
    rest_apis.delete_documentation_version(**version)
    assert refused("NotFoundException", rest_apis.get_documentation_version, **version) == "Invalid Documentation version specified"


CONFIG = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
functions:
  hello:
    handler: handler.main
    events: [{{ http: {{ path: hello, method: get }} }}]
resources:
  Resources:
    Said:
      Type: AWS::ApiGateway::DocumentationPart
      Properties:
        RestApiId: {{ Ref: ApiGatewayRestApi }}
        Location: {{ Type: RESPONSE, Path: /hello, Method: GET, StatusCode: 200 }}
        Properties: '{{"description": "{said}"}}'
    SaidVersion:
      Type: AWS::ApiGateway::DocumentationVersion
      DependsOn: Said
      Properties:
        RestApiId: {{ Ref: ApiGatewayRestApi }}
        DocumentationVersion: v{said}
        Description: {said}
"""


def test_templates_say_what_parts_are(server, rest_apis, tmp_path, unique):
    (tmp_path / "handler.py").write_text("def main(event, context):\n    return {'statusCode': 200}\n")

    def deploy(said, command="deploy"):
        (tmp_path / "serverless.yml").write_text(CONFIG.format(name=unique, said=said))
        server.run(command, tmp_path)

    deploy("one")
    api = next(item["id"] for item in rest_apis.get_rest_apis(limit=500)["items"] if unique in item["name"])
    (part,) = rest_apis.get_documentation_parts(restApiId=api)["items"]
    assert part["location"] == {"type": "RESPONSE", "path": "/hello", "method": "GET", "statusCode": "200"}
    deploy("two")
    (changed,) = rest_apis.get_documentation_parts(restApiId=api)["items"]
    assert (changed["id"], json.loads(changed["properties"])) == (part["id"], {"description": "two"})
    assert [(item["version"], item["description"]) for item in rest_apis.get_documentation_versions(restApiId=api)["items"]] == [("vtwo", "two")]
    deploy("two", command="remove")
    assert api not in [item["id"] for item in rest_apis.get_rest_apis(limit=500)["items"]]
