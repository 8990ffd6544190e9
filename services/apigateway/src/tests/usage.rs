//! API keys and their plans, and what stages let through.

use http::{Request, Response};
use serde_json::{Value, json};

use super::rest_api::Made;
use super::{World, header, text};

const VALUE: &str = "a-key-of-twenty-characters";

/// `GET /users/{id}`, which needs a key, at the stage `dev`; a plan of that stage, and a key of the plan.
async fn metered(world: &World, plan: Value) -> (Made, String, String) {
    let made = world.rest_api(json!({})).await;
    let patches = json!([{"op": "replace", "path": "/apiKeyRequired", "value": "true"}]);
    let method =
        json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "GET", "patchOperations": patches});
    assert_eq!(world.rest("UpdateMethod", method).await["apiKeyRequired"], true);
    world.deploy(&made.api, "dev").await;
    let mut input = json!({"name": "p", "apiStages": [{"apiId": made.api, "stage": "dev"}]});
    input.as_object_mut().unwrap().extend(plan.as_object().unwrap().clone());
    let plan = world.rest("CreateUsagePlan", input).await["id"].as_str().unwrap().to_owned();
    let key = world.rest("CreateApiKey", json!({"name": "k", "value": VALUE, "enabled": true})).await;
    let key = key["id"].as_str().unwrap().to_owned();
    world.rest("CreateUsagePlanKey", json!({"usagePlanId": plan, "keyId": key, "keyType": "API_KEY"})).await;
    (made, plan, key)
}

async fn get(world: &World, api: &str, path: &str, key: Option<&str>) -> Response<bytes::Bytes> {
    let request = Request::get(path).header("host", format!("{api}.execute-api.localhost"));
    let request = key.iter().fold(request, |request, key| request.header("x-api-key", *key));
    world.send(request, b"").await
}

#[tokio::test]
async fn a_key_of_a_plan_opens_its_stages() {
    let world = World::new();
    let (made, plan, key) = metered(&world, json!({})).await;
    let status = async |key: Option<&str>| get(&world, &made.api, "/dev/users/1", key).await.status().as_u16();
    assert_eq!(status(Some(VALUE)).await, 200);
    let identity = world.event()["requestContext"]["identity"].clone();
    assert_eq!((&identity["apiKey"], &identity["apiKeyId"]), (&json!(VALUE), &json!(key)));
    for sent in [None, Some(""), Some("another-key-of-twenty-characters")] {
        let refused = get(&world, &made.api, "/dev/users/1", sent).await;
        assert_eq!(text(&refused), (403, r#"{"message":"Forbidden"}"#), "{sent:?}");
        assert_eq!(header(&refused, "x-amzn-errortype"), "ForbiddenException");
    }
    let enable = |value: &str| json!({"apiKey": key, "patchOperations": [{"op": "replace", "path": "/enabled", "value": value}]});
    world.rest("UpdateApiKey", enable("false")).await;
    assert_eq!(status(Some(VALUE)).await, 403);
    world.rest("UpdateApiKey", enable("true")).await;
    assert_eq!(status(Some(VALUE)).await, 200);
    world.rest("DeleteUsagePlanKey", json!({"usagePlanId": plan, "keyId": key})).await;
    assert_eq!(status(Some(VALUE)).await, 403);
}

#[tokio::test]
async fn a_throttle_lets_a_burst_through_and_then_its_rate() {
    let world = World::new();
    let (made, plan, _) = metered(&world, json!({"throttle": {"burstLimit": 2, "rateLimit": 1.0}})).await;
    let status = async || get(&world, &made.api, "/dev/users/1", Some(VALUE)).await.status().as_u16();
    assert_eq!([status().await, status().await], [200, 200]);
    let refused = get(&world, &made.api, "/dev/users/1", Some(VALUE)).await;
    assert_eq!(text(&refused), (429, r#"{"message":"Too Many Requests"}"#));
    assert_eq!(header(&refused, "x-amzn-errortype"), "TooManyRequestsException");
    world.cloud.advance(std::time::Duration::from_secs(1)).await;
    assert_eq!([status().await, status().await], [200, 429]);
    let path = format!("/apiStages/{}:dev/throttle/~1users~1{{id}}/GET", made.api);
    let patches = json!([
        {"op": "replace", "path": format!("{path}/burstLimit"), "value": "3"},
        {"op": "replace", "path": format!("{path}/rateLimit"), "value": "0"},
    ]);
    let changed = world.rest("UpdateUsagePlan", json!({"usagePlanId": plan, "patchOperations": patches})).await;
    assert_eq!(changed["apiStages"][0]["throttle"]["/users/{id}/GET"]["burstLimit"], 3);
    assert_eq!([status().await, status().await, status().await, status().await], [200, 200, 200, 429]);
}

#[tokio::test]
async fn a_quota_is_counted_by_day_and_period() {
    let world = World::new();
    // The clock stands at 2027-01-15, a Friday.
    let (made, plan, key) = metered(&world, json!({"quota": {"limit": 2, "period": "WEEK", "offset": 0}})).await;
    let status = async || get(&world, &made.api, "/dev/users/1", Some(VALUE)).await.status().as_u16();
    assert_eq!(status().await, 200);
    world.cloud.advance(std::time::Duration::from_secs(86_400)).await;
    assert_eq!(status().await, 200);
    let refused = get(&world, &made.api, "/dev/users/1", Some(VALUE)).await;
    assert_eq!(text(&refused), (429, r#"{"message":"Limit Exceeded"}"#));
    assert_eq!(header(&refused, "x-amzn-errortype"), "LimitExceededException");
    let days = json!({"usagePlanId": plan, "startDate": "2027-01-14", "endDate": "2027-01-16"});
    assert_eq!(world.rest("GetUsage", days).await["values"], json!({key: [[0, 2], [1, 1], [1, 0]]}));
    world.cloud.advance(std::time::Duration::from_secs(86_400)).await;
    assert_eq!(status().await, 200, "a week begins on Sunday");
}

#[tokio::test]
async fn a_stage_throttles_its_methods() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    world.deploy(&made.api, "dev").await;
    let patches = json!([
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "0"},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "1"},
    ]);
    let stage = json!({"restApiId": made.api, "stageName": "dev", "patchOperations": patches});
    assert_eq!(world.rest("UpdateStage", stage).await["methodSettings"]["*/*"]["throttlingBurstLimit"], 1);
    let status = async || get(&world, &made.api, "/dev/users/1", None).await.status().as_u16();
    assert_eq!([status().await, status().await], [200, 429]);
    let patches = json!([{"op": "remove", "path": "/*/*"}]);
    world.rest("UpdateStage", json!({"restApiId": made.api, "stageName": "dev", "patchOperations": patches})).await;
    assert_eq!(status().await, 200);

    let api = world.http_api(json!({}), "2.0", &["GET /a", "GET /b"]).await;
    let settings = json!({"throttlingBurstLimit": 1, "throttlingRateLimit": 0.0});
    let routes = json!({"GET /b": {"throttlingBurstLimit": 2, "throttlingRateLimit": 0.0}});
    let stage =
        json!({"apiId": api, "stageName": "$default", "defaultRouteSettings": settings, "routeSettings": routes});
    assert_eq!(world.http("UpdateStage", stage).await["routeSettings"]["GET /b"]["throttlingBurstLimit"], 2);
    let status = async |path: &str| get(&world, &api, path, None).await.status().as_u16();
    assert_eq!([status("/a").await, status("/a").await], [200, 429]);
    assert_eq!([status("/b").await, status("/b").await, status("/b").await], [200, 200, 429]);
}

#[tokio::test]
async fn keys_and_plans_are_checked_as_they_are_put() {
    let world = World::new();
    let (made, plan, key) = metered(&world, json!({})).await;
    let value = |value: &str| json!({"value": value});
    assert_eq!(world.refused("apigateway", "CreateApiKey", value(VALUE)).await.0, "ConflictException");
    for short in ["short", "a key with spaces in it, and long"] {
        assert_eq!(world.refused("apigateway", "CreateApiKey", value(short)).await.0, "BadRequestException");
    }
    for quota in [
        json!({"limit": 0, "period": "DAY"}),
        json!({"limit": 1, "period": "YEAR"}),
        json!({"limit": 1, "period": "DAY", "offset": 1}),
        json!({"limit": 1, "period": "WEEK", "offset": 7}),
        json!({"limit": 1, "period": "MONTH", "offset": 28}),
    ] {
        let input = json!({"name": "q", "quota": quota});
        assert_eq!(world.refused("apigateway", "CreateUsagePlan", input).await.0, "BadRequestException", "{quota}");
    }
    let nowhere = json!({"name": "q", "apiStages": [{"apiId": made.api, "stage": "gone"}]});
    assert_eq!(world.refused("apigateway", "CreateUsagePlan", nowhere).await.0, "NotFoundException");
    let again = json!({"usagePlanId": plan, "keyId": key, "keyType": "API_KEY"});
    assert_eq!(world.refused("apigateway", "CreateUsagePlanKey", again).await.0, "ConflictException");
    let other = json!({"name": "q", "apiStages": [{"apiId": made.api, "stage": "dev"}]});
    let other = world.rest("CreateUsagePlan", other).await["id"].clone();
    let both = json!({"usagePlanId": other, "keyId": key, "keyType": "API_KEY"});
    assert_eq!(world.refused("apigateway", "CreateUsagePlanKey", both).await.0, "ConflictException");
    let elsewhere =
        json!({"usagePlanId": plan, "patchOperations": [{"op": "remove", "path": "/apiStages", "value": "a:s"}]});
    assert_eq!(
        world.refused("apigateway", "UpdateUsagePlan", elsewhere).await.1,
        format!("Invalid API Stage {{api: a, stage: s}} specified for usageplan {plan}")
    );
    assert_eq!(world.rest("GetUsagePlanKeys", json!({"usagePlanId": "none"})).await["item"], json!([]));
    assert_eq!(world.rest("GetApiKeys", json!({"limit": -1})).await["item"], json!([]));
    let made = world.rest("CreateApiKey", json!({"value": "", "enabled": true})).await;
    assert_eq!(made["value"].as_str().unwrap().len(), 40);
    let patched = |path: &str, value: &str| json!({"apiKey": made["id"], "patchOperations": [{"op": "replace", "path": path, "value": value}]});
    assert_eq!(world.rest("UpdateApiKey", patched("/enabled", "maybe")).await["enabled"], false);
    for (path, value, message) in [
        (
            "/id",
            "x",
            "Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/description, /enabled, /name, /customerId]",
        ),
        ("/description", &*"x".repeat(1_100), "Invalid API Key description specified."),
    ] {
        assert_eq!(world.refused("apigateway", "UpdateApiKey", patched(path, value)).await.1, message);
    }
    let shown = world.rest("GetApiKey", json!({"apiKey": key})).await;
    assert_eq!(shown.get("value"), None);
    assert_eq!(world.rest("GetApiKey", json!({"apiKey": key, "includeValue": true})).await["value"], VALUE);
    assert_eq!(world.rest("GetUsagePlanKeys", json!({"usagePlanId": plan})).await["item"][0]["value"], VALUE);
    world.rest("DeleteApiKey", json!({"apiKey": key})).await;
    assert_eq!(world.rest("GetUsagePlanKeys", json!({"usagePlanId": plan})).await["item"], json!([]));
    world.rest("CreateApiKey", value(VALUE)).await;
}
