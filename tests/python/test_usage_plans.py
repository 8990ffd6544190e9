"""API keys, usage plans and throttles, through boto3 and plain HTTP."""

import datetime
import json
import time

import pytest
from cloudlet import Server
from test_apigateway import behind_apis, invocations, refused, send


@pytest.fixture(scope="module")
def function(lambda_, iam):
    return behind_apis(lambda_, iam, "behind-metered-apis")


@pytest.fixture
def metered(rest_apis, function, unique):
    """The id of a REST API whose `GET /a` needs a key, at the stage `dev`."""
    api = rest_apis.create_rest_api(name=unique)
    part = rest_apis.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="a")
    method = {"restApiId": api["id"], "resourceId": part["id"], "httpMethod": "GET"}
    assert rest_apis.put_method(authorizationType="NONE", apiKeyRequired=True, **method)["apiKeyRequired"] is True
    rest_apis.put_integration(type="AWS_PROXY", integrationHttpMethod="POST", uri=invocations(function), **method)
    rest_apis.create_deployment(restApiId=api["id"], stageName="dev")
    return api["id"]


def status(server, api, key=None):
    code, _, body = send(server, "GET", f"/_aws/execute-api/{api}/dev/a", **({"X_Api_Key": key} if key else {}))
    return code, json.loads(body)


def test_a_key_opens_the_stages_of_its_plan(server, rest_apis, metered, unique):
    key = rest_apis.create_api_key(name=unique, enabled=True, customerId="c", tags={"a": "b"})
    assert len(key["value"]) == 40
    assert status(server, metered, key["value"]) == (403, {"message": "Forbidden"})
    stages = [{"apiId": metered, "stage": "dev"}]
    plan = rest_apis.create_usage_plan(name=unique, apiStages=stages, throttle={"burstLimit": 100, "rateLimit": 50.5})
    assert (plan["apiStages"], plan["throttle"]) == (stages, {"burstLimit": 100, "rateLimit": 50.5})
    one = {"usagePlanId": plan["id"], "keyId": key["id"]}
    made = rest_apis.create_usage_plan_key(**one, keyType="API_KEY")
    assert (made["type"], made["value"]) == ("API_KEY", key["value"])
    code, event = status(server, metered, key["value"])
    assert (code, event["requestContext"]["identity"]["apiKeyId"]) == (200, key["id"])
    assert [status(server, metered, other)[0] for other in (None, "x" * 40)] == [403, 403]

    assert rest_apis.get_api_key(apiKey=key["id"], includeValue=True)["value"] == key["value"]
    assert "value" not in rest_apis.get_api_key(apiKey=key["id"])
    assert [item["id"] for item in rest_apis.get_api_keys(nameQuery=unique)["items"]] == [key["id"]]
    patches = [{"op": "replace", "path": "/enabled", "value": "false"}]
    assert rest_apis.update_api_key(apiKey=key["id"], patchOperations=patches)["enabled"] is False
    assert status(server, metered, key["value"])[0] == 403
    assert rest_apis.get_usage_plan(usagePlanId=plan["id"])["name"] == unique
    assert [item["id"] for item in rest_apis.get_usage_plans(keyId=key["id"])["items"]] == [plan["id"]]
    patches = [{"op": "replace", "path": "/quota/limit", "value": "5"}, {"op": "replace", "path": "/quota/period", "value": "MONTH"}]
    assert rest_apis.update_usage_plan(usagePlanId=plan["id"], patchOperations=patches)["quota"] == {"limit": 5, "offset": 0, "period": "MONTH"}
    assert rest_apis.get_usage_plan_key(**one)["name"] == unique
    assert [item["id"] for item in rest_apis.get_usage_plan_keys(usagePlanId=plan["id"])["items"]] == [key["id"]]
    rest_apis.delete_usage_plan_key(**one)
    refused("NotFoundException", rest_apis.get_usage_plan_key, **one)
    rest_apis.delete_usage_plan(usagePlanId=plan["id"])
    refused("NotFoundException", rest_apis.get_usage_plan, usagePlanId=plan["id"])
    rest_apis.delete_api_key(apiKey=key["id"])
    refused("NotFoundException", rest_apis.get_api_key, apiKey=key["id"])


def planned(server, **plan):
    """Asks an API with a key of a new plan; with the key and the plan."""
    rest_apis = server.client("apigateway")
    api = rest_apis.create_rest_api(name="a")
    method = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    rest_apis.put_method(authorizationType="NONE", apiKeyRequired=True, **method)
    rest_apis.put_integration(type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, **method)
    rest_apis.put_method_response(statusCode="200", **method)
    rest_apis.put_integration_response(statusCode="200", **method)
    rest_apis.create_deployment(restApiId=api["id"], stageName="dev")
    key = rest_apis.create_api_key(enabled=True)
    plan = rest_apis.create_usage_plan(name="p", apiStages=[{"apiId": api["id"], "stage": "dev"}], **plan)
    rest_apis.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")

    def ask():
        return send(server, "GET", f"/_aws/execute-api/{api['id']}/dev/", X_Api_Key=key["value"])

    return ask, key, plan


def test_a_quota_is_still_used_up_after_a_crash(tmp_path):
    server = Server(tmp_path / "data")
    try:
        ask, key, plan = planned(server, quota={"limit": 3, "period": "MONTH"})
        assert [ask()[0] for _ in range(2)] == [200, 200]
        server.kill()
        server.start()
        code, headers, body = [ask() for _ in range(2)][-1]
        assert (code, headers["x-amzn-errortype"], json.loads(body)) == (429, "LimitExceededException", {"message": "Limit Exceeded"})
        today = str(datetime.datetime.now(datetime.timezone.utc).date())
        usage = server.client("apigateway").get_usage(usagePlanId=plan["id"], startDate=today, endDate=today)
        assert usage["items"] == {key["id"]: [[3, 0]]}
        assert key["value"].encode() not in b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    finally:
        assert server.stop(), server.logged()


@pytest.mark.parametrize("crashes", [False, True])
def test_a_start_does_not_fill_the_buckets_of_throttles(tmp_path, crashes):
    server = Server(tmp_path / "data")
    try:
        # A token comes each quarter of an hour.
        ask, _, _ = planned(server, throttle={"burstLimit": 2, "rateLimit": 1 / 900})
        assert [ask()[0] for _ in range(3)] == [200, 200, 429]
        if crashes:
            # It is written a second after it was taken.
            time.sleep(5)
            server.kill()
        else:
            assert server.stop(), server.logged()
        server.start()
        assert ask()[0] == 429
    finally:
        assert server.stop(), server.logged()


def test_a_stage_throttles(server, rest_apis, http_apis, function, metered, unique):
    patches = [{"op": "replace", "path": f"/*/*/throttling/{name}", "value": value} for name, value in (("burstLimit", "0"), ("rateLimit", "1"))]
    stage = rest_apis.update_stage(restApiId=metered, stageName="dev", patchOperations=patches)
    assert stage["methodSettings"]["*/*"]["throttlingBurstLimit"] == 0
    assert status(server, metered) == (429, {"message": "Too Many Requests"})
    api = http_apis.create_api(Name=unique, ProtocolType="HTTP", Target=function)["ApiId"]
    settings = {"ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 1.0}
    http_apis.update_stage(ApiId=api, StageName="$default", DefaultRouteSettings=settings)
    with pytest.raises(http_apis.exceptions.BadRequestException, match="Execution logs are not supported on protocolType HTTP"):
        http_apis.update_stage(ApiId=api, StageName="$default", DefaultRouteSettings={"LoggingLevel": "INFO"})
    code, _, body = send(server, "GET", f"/_aws/execute-api/{api}/a")
    assert (code, json.loads(body)) == (429, {"message": "Too Many Requests"})
