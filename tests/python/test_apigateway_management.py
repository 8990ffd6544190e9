"""What API Gateway's consoles and tools do with an API besides deploying it: reading, changing and removing its parts."""

import pytest
from botocore.exceptions import ClientError

INTEGRATION = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations"
CODE = "NotFoundException"


def gone(call, code=CODE, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"] == code


def test_a_rest_api_is_read_changed_and_taken_apart(server, unique):
    api = server.client("apigateway")
    created = api.create_rest_api(name=unique)
    where = {"restApiId": created["id"]}
    assert "tags" not in created and api.get_rest_api(**where)["tags"] == {}
    assert gone(api.create_rest_api, name=unique, description="", code="BadRequestException")
    assert created["id"] in [item["id"] for item in api.get_rest_apis(limit=500)["items"]]
    renamed = [{"op": "replace", "path": "/description", "value": "changed"}]
    api.update_rest_api(**where, patchOperations=renamed)
    assert api.get_rest_api(**where)["description"] == "changed"

    root = api.get_resources(**where)["items"][0]["id"]
    resource = api.create_resource(**where, parentId=root, pathPart="a")["id"]
    api.update_resource(**where, resourceId=resource, patchOperations=[{"op": "replace", "path": "/pathPart", "value": "b"}])
    assert api.get_resource(**where, resourceId=resource)["path"] == "/b"
    method = {**where, "resourceId": resource, "httpMethod": "OPTIONS"}
    api.put_method(**method, authorizationType="none")
    assert api.get_method(**method)["authorizationType"] == "NONE"
    required = [{"op": "replace", "path": "/apiKeyRequired", "value": "false"}]
    assert api.update_method(**method, patchOperations=required)["apiKeyRequired"] is False
    api.put_method_response(**method, statusCode="200", responseParameters={"method.response.header.X": False})
    assert api.get_method_response(**method, statusCode="200")["statusCode"] == "200"
    api.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    assert api.get_integration(**method)["type"] == "MOCK"
    api.put_integration_response(**method, statusCode="200", responseParameters={"method.response.header.X": "'y'"})
    assert api.get_integration_response(**method, statusCode="200")["responseParameters"] == {"method.response.header.X": "'y'"}

    deployment = api.create_deployment(**where)["id"]
    api.create_stage(**where, stageName="s", deploymentId=deployment)
    assert api.get_stage(**where, stageName="s")["deploymentId"] == deployment
    assert api.get_deployment(**where, deploymentId=deployment)["id"] == deployment
    assert [item["id"] for item in api.get_deployments(**where)["items"]] == [deployment]

    api.delete_integration_response(**method, statusCode="200")
    assert gone(api.get_integration_response, **method, statusCode="200")
    api.delete_method_response(**method, statusCode="200")
    assert gone(api.get_method_response, **method, statusCode="200")
    api.delete_integration(**method)
    assert gone(api.get_integration, **method)
    api.delete_method(**method)
    assert gone(api.get_method, **method)
    api.delete_resource(**where, resourceId=resource)
    assert gone(api.get_resource, **where, resourceId=resource)
    api.delete_stage(**where, stageName="s")
    api.delete_deployment(**where, deploymentId=deployment)
    assert gone(api.get_deployment, **where, deploymentId=deployment)
    api.delete_rest_api(**where)
    assert gone(api.get_rest_api, **where)


def test_an_http_api_is_read_changed_and_taken_apart(server, unique):
    api = server.client("apigatewayv2")
    created = api.create_api(Name=unique, ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["*"]})
    where = {"ApiId": created["ApiId"]}
    assert created["ApiId"] in [item["ApiId"] for item in api.get_apis(MaxResults="500")["Items"]]
    api.delete_cors_configuration(**where)
    assert "CorsConfiguration" not in api.get_api(**where)

    integration = api.create_integration(**where, IntegrationType="AWS_PROXY", IntegrationUri=INTEGRATION, PayloadFormatVersion="2.0")
    one = {**where, "IntegrationId": integration["IntegrationId"]}
    assert api.update_integration(**one, PayloadFormatVersion="1.0")["PayloadFormatVersion"] == "1.0"
    assert api.get_integration(**one)["PayloadFormatVersion"] == "1.0"
    assert len(api.get_integrations(**where)["Items"]) == 1
    route = api.create_route(**where, RouteKey="GET /a", Target=f"integrations/{one['IntegrationId']}")
    the_route = {**where, "RouteId": route["RouteId"]}
    api.update_route(**the_route, RouteKey="GET /b")
    assert api.get_route(**the_route)["RouteKey"] == "GET /b"
    api.create_stage(**where, StageName="s")
    api.update_stage(**where, StageName="s", Description="changed")
    assert api.get_stage(**where, StageName="s")["Description"] == "changed"
    assert [item["StageName"] for item in api.get_stages(**where)["Items"]] == ["s"]
    deployment = api.create_deployment(**where, StageName="s")["DeploymentId"]
    assert api.get_deployment(**where, DeploymentId=deployment)["DeploymentId"] == deployment
    assert deployment in [item["DeploymentId"] for item in api.get_deployments(**where)["Items"]]

    api.delete_route(**the_route)
    assert gone(api.get_route, **the_route)
    api.delete_integration(**one)
    assert gone(api.get_integration, **one)
    api.delete_stage(**where, StageName="s")
    assert gone(api.get_stage, **where, StageName="s")
    api.delete_deployment(**where, DeploymentId=deployment)
    assert gone(api.get_deployment, **where, DeploymentId=deployment)
    api.delete_api(**where)
    assert gone(api.get_api, **where)


def test_rest_apis_take_and_refuse_what_aws_does(server, unique):
    api = server.client("apigateway")
    made = api.create_rest_api(name=unique)
    where = {"restApiId": made["id"]}
    below = where | {"parentId": made["rootResourceId"]}
    proxy = api.create_resource(**below, pathPart="{proxy+}")["id"]
    assert gone(api.create_resource, **below, pathPart="{id}", code="BadRequestException")
    method = where | {"resourceId": proxy, "httpMethod": "GET"}
    twice = {"method.request.querystring.a": False, "method.request.header.a": False}
    assert gone(api.put_method, **method, authorizationType="NONE", requestParameters=twice, code="BadRequestException")
    api.put_method(**method, authorizationType="NONE")
    patch = [{"op": "replace", "path": "/authorizerId", "value": "abc"}]
    assert "authorizerId" not in api.update_method(**method, patchOperations=patch)
    bare = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": INTEGRATION.split("functions/")[1].removesuffix("/invocations")}
    assert gone(api.put_integration, **method, **bare, code="BadRequestException")
    api.put_method_response(**method, statusCode="200")
    for path in ["/responseParameters/wrong", "/responseModels/wrong"]:
        patch = [{"op": "replace", "path": path, "value": "true"}]
        assert gone(api.update_method_response, **method, statusCode="200", patchOperations=patch)
    assert api.get_usage_plan_keys(usagePlanId="none")["items"] == api.get_api_keys(limit=-1)["items"] == []
    key = api.create_api_key(value="")
    assert len(key["value"]) == 40
    plan = api.create_usage_plan(name=unique)["id"]
    patch = [{"op": "remove", "path": "/apiStages", "value": "a:s"}]
    assert gone(api.update_usage_plan, usagePlanId=plan, patchOperations=patch)
