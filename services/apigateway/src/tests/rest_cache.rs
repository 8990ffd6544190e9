//! Answers of REST APIs that come from their stage's cache.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::rest_api::Made;
use super::{FUNCTION, World, header, invocations, text};

fn replace(path: &str, value: &str) -> Value {
    json!({"op": "replace", "path": path, "value": value})
}

/// An API whose stage `dev` keeps what is answered to `GET /users/{id}`, by its id, its `q` and its `X-A`.
async fn cached(world: &World) -> Made {
    let made = world.rest_api(json!({})).await;
    let key = json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "GET"});
    let mut integration = key.clone();
    let more = json!({
        "type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": invocations(FUNCTION),
        "requestParameters": {"integration.request.header.X-B": "method.request.header.X-A"},
        "cacheKeyParameters": ["method.request.path.id", "method.request.querystring.q", "integration.request.header.X-B"],
    });
    integration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let declared = json!([
        {"op": "add", "path": "/requestParameters/method.request.header.X-A", "value": "false"},
        {"op": "add", "path": "/requestParameters/method.request.querystring.q", "value": "false"},
    ]);
    let mut method = key;
    method["patchOperations"] = declared;
    world.rest("UpdateMethod", method).await;
    world.rest("PutIntegration", integration).await;
    world.proxy(&made.api, &made.users, "POST", &invocations(FUNCTION)).await;
    world.deploy(&made.api, "dev").await;
    patch(world, &made, json!([replace("/cacheClusterEnabled", "true"), replace("/*/*/caching/enabled", "true")]))
        .await;
    made
}

async fn patch(world: &World, made: &Made, patches: Value) -> Value {
    world.rest("UpdateStage", json!({"restApiId": made.api, "stageName": "dev", "patchOperations": patches})).await
}

async fn ask(world: &World, made: &Made, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let request = Request::get(format!("/_aws/execute-api/{}/dev{path}", made.api)).header("host", "localhost:4566");
    world.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)), b"").await
}

/// How often the function was asked since the last time.
fn asked(world: &World) -> usize {
    world.calls_of(FUNCTION).0
}

#[tokio::test]
async fn what_was_answered_once_is_answered_again() {
    let world = World::new();
    let made = cached(&world).await;
    let stage = world.rest("GetStage", json!({"restApiId": made.api, "stageName": "dev"})).await;
    let expected = json!({
        "metricsEnabled": false, "loggingLevel": "OFF", "dataTraceEnabled": false, "throttlingBurstLimit": 5_000,
        "throttlingRateLimit": 10_000.0, "cachingEnabled": true, "cacheTtlInSeconds": 300, "cacheDataEncrypted": false,
        "requireAuthorizationForCacheControl": true,
        "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
    });
    assert_eq!(stage["methodSettings"]["*/*"], expected);
    assert_eq!(
        (&stage["cacheClusterEnabled"], &stage["cacheClusterSize"], &stage["cacheClusterStatus"]),
        (&json!(true), &json!("0.5"), &json!("AVAILABLE"))
    );
    world.answers(r#"{"statusCode":200,"body":"first","headers":{"x-own":"1"}}"#);
    assert_eq!(text(&ask(&world, &made, "/users/1", &[]).await), (200, "first"));
    world.answers(r#"{"statusCode":200,"body":"second"}"#);
    let again = ask(&world, &made, "/users/1", &[("x-unknown", "1")]).await;
    assert_eq!((text(&again), header(&again, "x-own"), asked(&world)), ((200, "first"), "1", 1));
    // What counts is asked for itself.
    for (path, headers) in [("/users/2", &[][..]), ("/users/1?q=1", &[]), ("/users/1", &[("x-a", "1")])] {
        assert_eq!(text(&ask(&world, &made, path, headers).await), (200, "second"), "{path}");
        assert_eq!(text(&ask(&world, &made, path, headers).await), (200, "second"), "{path}");
    }
    assert_eq!(asked(&world), 3);
    world.cloud.advance(Duration::from_secs(300)).await;
    assert_eq!(text(&ask(&world, &made, "/users/1", &[]).await), (200, "second"));
    assert_eq!(asked(&world), 1);
    world.rest("FlushStageCache", json!({"restApiId": made.api, "stageName": "dev"})).await;
    ask(&world, &made, "/users/1", &[]).await;
    assert_eq!(asked(&world), 1);
    // Another deployment has answers of its own.
    world.deploy(&made.api, "dev").await;
    ask(&world, &made, "/users/1", &[]).await;
    assert_eq!(asked(&world), 1);
    patch(&world, &made, json!([replace("/cacheClusterEnabled", "false")])).await;
    ask(&world, &made, "/users/1", &[]).await;
    assert_eq!(asked(&world), 1);
}

#[tokio::test]
async fn only_successes_of_methods_that_are_cached_are_kept() {
    let world = World::new();
    let made = cached(&world).await;
    for answer in [
        r#"{"statusCode":404,"body":"x"}"#,
        r#"{"statusCode":500,"body":"x"}"#,
        r#"{"statusCode":200,"headers":{"set-cookie":"a=b"}}"#,
    ] {
        world.answers(answer);
        ask(&world, &made, "/users/1", &[]).await;
        ask(&world, &made, "/users/1", &[]).await;
        assert_eq!(asked(&world), 2, "{answer}");
    }
    world.answers(r#"{"statusCode":200}"#);
    let post = || Request::post(format!("/_aws/execute-api/{}/dev/users", made.api)).header("host", "localhost:4566");
    for expected in [2, 1] {
        world.send(post(), b"").await;
        world.send(post(), b"").await;
        assert_eq!(asked(&world), expected);
        patch(&world, &made, json!([replace("/~1users/POST/caching/enabled", "true")])).await;
    }
    patch(&world, &made, json!([replace("/~1users~1{id}/GET/caching/enabled", "false")])).await;
    ask(&world, &made, "/users/1", &[]).await;
    ask(&world, &made, "/users/1", &[]).await;
    assert_eq!(asked(&world), 2);
    let zero = json!([
        replace("/~1users~1{id}/GET/caching/enabled", "true"),
        replace("/~1users~1{id}/GET/caching/ttlInSeconds", "0")
    ]);
    patch(&world, &made, zero).await;
    ask(&world, &made, "/users/1", &[]).await;
    ask(&world, &made, "/users/1", &[]).await;
    assert_eq!(asked(&world), 2);
}

#[tokio::test]
async fn who_asks_for_what_is_new_needs_permission_unless_nobody_does() {
    const FRESH: (&str, &str) = ("cache-control", "no-store, Max-Age=0");
    let world = World::new();
    let made = cached(&world).await;
    ask(&world, &made, "/users/1", &[]).await;
    let warned = ask(&world, &made, "/users/1", &[FRESH]).await;
    assert!(warned.status().is_success() && header(&warned, "warning").contains("unauthorized"));
    assert_eq!(asked(&world), 1);
    let strategy = |value: &str| json!([replace("/*/*/caching/unauthorizedCacheControlHeaderStrategy", value)]);
    patch(&world, &made, strategy("SUCCEED_WITHOUT_RESPONSE_HEADER")).await;
    assert_eq!(header(&ask(&world, &made, "/users/1", &[FRESH]).await, "warning"), "");
    patch(&world, &made, strategy("FAIL_WITH_403")).await;
    assert_eq!(ask(&world, &made, "/users/1", &[FRESH]).await.status(), 403);
    assert_eq!(asked(&world), 0);
    patch(&world, &made, json!([replace("/*/*/caching/requireAuthorizationForCacheControl", "false")])).await;
    world.answers(r#"{"statusCode":200,"body":"new"}"#);
    assert_eq!(text(&ask(&world, &made, "/users/1", &[FRESH]).await), (200, "new"));
    assert_eq!(text(&ask(&world, &made, "/users/1", &[]).await), (200, "new"), "it has taken the place of the other");
    assert_eq!(asked(&world), 1);
}

#[tokio::test]
async fn what_tells_nothing_apart_is_no_parameter_of_a_key() {
    let world = World::new();
    let made = cached(&world).await;
    for name in ["integration.request.header.Y", "method.request.Authorization", "request.path.id"] {
        let input = json!({
            "restApiId": made.api, "resourceId": made.user, "httpMethod": "GET", "type": "AWS_PROXY",
            "integrationHttpMethod": "POST", "uri": invocations(FUNCTION), "cacheKeyParameters": [name],
        });
        let refused = world.refused("apigateway", "PutIntegration", input).await;
        let expected = ("BadRequestException".to_owned(), "Invalid cache key parameter specified".to_owned());
        assert_eq!(refused, expected, "{name}");
    }
    // A mapping stays as long as a key counts with it.
    let gone = json!([{"op": "remove", "path": "/requestParameters/integration.request.header.X-B"}]);
    let input = json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "GET", "patchOperations": gone});
    assert_eq!(world.refused("apigateway", "UpdateIntegration", input).await.0, "BadRequestException");
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let world = World::new();
    let made = cached(&world).await;
    for (path, value) in [
        ("/cacheClusterSize", "1"),
        ("/*/*/caching/ttlInSeconds", "3601"),
        ("/*/*/caching/ttlInSeconds", "-1"),
        ("/*/*/caching/unauthorizedCacheControlHeaderStrategy", "MAYBE"),
        ("/*/*/logging/loglevel", "LOUD"),
        ("/*/*/caching/other", "true"),
        ("/*/*/other/enabled", "true"),
    ] {
        let input = json!({"restApiId": made.api, "stageName": "dev", "patchOperations": [replace(path, value)]});
        assert_eq!(world.refused("apigateway", "UpdateStage", input).await.0, "BadRequestException", "{path} {value}");
    }
    // What guards a cache is not taken back by what takes back other things.
    for member in ["caching/requireAuthorizationForCacheControl", "caching/enabled", "throttling/rateLimit"] {
        let remove = json!([{"op": "remove", "path": format!("/~1users/GET/{member}")}]);
        let input = json!({"restApiId": made.api, "stageName": "dev", "patchOperations": remove});
        assert_eq!(world.refused("apigateway", "UpdateStage", input).await.0, "BadRequestException", "{member}");
    }
    let stage = world.rest("GetStage", json!({"restApiId": made.api, "stageName": "dev"})).await;
    assert_eq!(stage["methodSettings"].as_object().unwrap().len(), 1);
    let made = patch(&world, &made, json!([{"op": "remove", "path": "/*/*"}])).await;
    assert_eq!(made["methodSettings"], json!({}));
}
