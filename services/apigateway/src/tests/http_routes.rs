//! Requests of an HTTP API's users.

use http::Request;
use serde_json::json;
use service::Error;

use super::{World, header, text};

#[tokio::test]
async fn the_event_is_that_of_payload_format_2() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &["POST /users/{id}"]).await;
    let host = format!("{api}.execute-api.localhost:4566");
    world.answers(r#"{"statusCode":201,"headers":{"X-A":"1"},"cookies":["a=1","b=2"],"body":"made"}"#);
    let request = Request::post("/users/a%20b?x=1&x=2&y=%C3%A4")
        .header("host", &host)
        .header("cookie", "c=1; d=2")
        .header("x-many", "1")
        .header("x-many", "2")
        .header("content-type", "application/json");
    let response = world.send(request, br#"{"a":1}"#).await;
    assert_eq!(text(&response), (201, "made"));
    assert_eq!(header(&response, "content-type"), "text/plain;charset=UTF-8");
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    let call = world.call();
    let source = format!("arn:aws:execute-api:us-east-1:000000000000:{api}/$default/POST/users/{{id}}");
    assert_eq!(call.caller.arn.to_string(), source);
    let event = call.event;
    assert_eq!(header(&response, "apigw-requestid"), event["requestContext"]["requestId"]);
    let domain = format!("{api}.execute-api.localhost");
    let expected = json!({
        "version": "2.0",
        "routeKey": "POST /users/{id}",
        "rawPath": "/users/a%20b",
        "rawQueryString": "x=1&x=2&y=%C3%A4",
        "cookies": ["c=1", "d=2"],
        "headers": {
            "content-type": "application/json", "host": host, "x-amzn-trace-id": event["headers"]["x-amzn-trace-id"],
            "x-forwarded-for": "127.0.0.1", "x-forwarded-port": "4566", "x-forwarded-proto": "http", "x-many": "1,2",
        },
        "queryStringParameters": {"x": "1,2", "y": "ä"},
        "pathParameters": {"id": "a b"},
        "requestContext": {
            "accountId": "000000000000", "apiId": api, "domainName": domain, "domainPrefix": api,
            "http": {"method": "POST", "path": "/users/a%20b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
            "requestId": event["requestContext"]["requestId"], "routeKey": "POST /users/{id}", "stage": "$default",
            "time": "15/Jan/2027:08:00:00 +0000", "timeEpoch": 1_800_000_000_000_u64,
        },
        "body": r#"{"a":1}"#,
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn payload_format_1_has_its_version_and_names_in_lower_case() {
    let world = World::new();
    let api = world.http_api(json!({}), "1.0", &["ANY /{proxy+}"]).await;
    let stage = json!({"apiId": api, "stageName": "dev", "autoDeploy": true, "stageVariables": {"v": "1"}});
    world.http("CreateStage", stage).await;
    assert_eq!(text(&world.get(&format!("/_aws/execute-api/{api}/dev/a/b?x=1")).await), (200, "hi"));
    let event = world.event();
    assert_eq!(event.as_object().unwrap().keys().next().unwrap(), "version");
    for (member, value) in [
        ("version", json!("1.0")),
        ("resource", json!("/{proxy+}")),
        ("path", json!("/dev/a/b")),
        ("pathParameters", json!({"proxy": "a/b"})),
        ("stageVariables", json!({"v": "1"})),
        ("multiValueQueryStringParameters", json!({"x": ["1"]})),
        ("body", json!(null)),
    ] {
        assert_eq!(event[member], value, "{member}");
    }
    assert_eq!(event["multiValueHeaders"]["host"], json!(["localhost:4566"]));
    assert_eq!(
        (&event["requestContext"]["stage"], &event["requestContext"]["resourceId"]),
        (&json!("dev"), &json!("ANY /{proxy+}"))
    );
    world.answers(r#"{"message":"no format 1"}"#);
    assert_eq!(
        text(&world.get(&format!("/_aws/execute-api/{api}/a")).await),
        (500, r#"{"message":"Internal Server Error"}"#)
    );
}

#[tokio::test]
async fn answers_are_inferred_and_bodies_may_be_binary() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &["ANY /"]).await;
    let uri = format!("/_aws/execute-api/{api}/");
    for (answer, body) in [(r#"{"a":1}"#, r#"{"a":1}"#), (r#""text""#, "text"), ("null", "null"), ("[1,2]", "[1,2]")] {
        world.answers(answer);
        let response = world.get(&uri).await;
        assert_eq!(text(&response), (200, body));
        assert_eq!(header(&response, "content-type"), "application/json");
    }
    world.answers(r#"{"statusCode":200,"body":"AP8=","isBase64Encoded":true,"headers":{"content-type":"image/png"}}"#);
    assert_eq!(world.get(&uri).await.body().as_ref(), [0, 255]);
    for (kind, binary) in [
        ("text/csv", false),
        ("application/vnd.api+json", false),
        ("application/x-www-form-urlencoded", true),
        ("image/png", true),
    ] {
        world.send(Request::post(&uri).header("host", "localhost").header("content-type", kind), b"abc").await;
        let event = world.event();
        let body = if binary { "YWJj" } else { "abc" };
        assert_eq!((&event["isBase64Encoded"], &event["body"]), (&json!(binary), &json!(body)), "{kind}");
    }
    world.send(Request::post(&uri).header("host", "localhost").header("content-type", "text/plain"), b"\xff").await;
    assert_eq!(world.event()["body"], "/w==");
}

#[tokio::test(start_paused = true)]
async fn failures_are_the_documented_answers() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &["GET /a"]).await;
    world.http("CreateRoute", json!({"apiId": api, "routeKey": "GET /unfinished"})).await;
    let uri = format!("/_aws/execute-api/{api}/a");
    let internal = r#"{"message":"Internal Server Error"}"#;
    assert_eq!(text(&world.get(&format!("/_aws/execute-api/{api}/b")).await), (404, r#"{"message":"Not Found"}"#));
    assert_eq!(text(&world.get(&format!("/_aws/execute-api/{api}/unfinished")).await), (500, internal));
    world.crashes();
    assert_eq!(text(&world.get(&uri).await), (500, internal));
    world.answers(r#"{"statusCode":"no"}"#);
    assert_eq!(text(&world.get(&uri).await), (500, internal));
    world.fails(Error::new(404, "ResourceNotFoundException", "no"));
    assert_eq!(text(&world.get(&uri).await), (500, internal));
    world.hangs();
    assert_eq!(text(&world.get(&uri).await), (503, r#"{"message":"Service Unavailable"}"#));
}

#[tokio::test]
async fn cors_is_answered_by_the_api() {
    let world = World::new();
    let cors = json!({
        "allowOrigins": ["https://a.example", "http://*"], "allowMethods": ["GET", "POST"], "allowHeaders": ["Authorization"],
        "exposeHeaders": ["x-a"], "allowCredentials": true, "maxAge": 300,
    });
    let api = world.http_api(json!({"corsConfiguration": cors}), "2.0", &["ANY /{proxy+}"]).await;
    let uri = format!("/_aws/execute-api/{api}/x");
    let preflight = |origin: &str| {
        Request::options(&uri)
            .header("host", "localhost")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
    };
    let response = world.send(preflight("https://a.example"), b"").await;
    assert_eq!(text(&response), (204, ""));
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "authorization"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "300"),
        ("access-control-expose-headers", ""),
    ] {
        assert_eq!(header(&response, name), value, "{name}");
    }
    assert!(world.function.0.lock().unwrap().calls.is_empty(), "preflights do not reach the function");
    let stranger = world.send(preflight("https://b.example"), b"").await;
    assert_eq!((stranger.status().as_u16(), header(&stranger, "access-control-allow-origin")), (204, ""));

    world.answers(r#"{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*","X-B":"1"},"body":""}"#);
    let from = |origin: &str| Request::get(&uri).header("host", "localhost").header("origin", origin);
    let response = world.send(from("http://any.example:3000"), b"").await;
    assert_eq!(header(&response, "access-control-allow-origin"), "http://any.example:3000");
    assert_eq!((header(&response, "access-control-expose-headers"), header(&response, "x-b")), ("x-a", "1"));
    let response = world.send(from("https://b.example"), b"").await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");
    assert_eq!(header(&world.get(&uri).await, "access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_cors_the_functions_headers_and_options_stand() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &["ANY /x"]).await;
    world.answers(r#"{"statusCode":204,"headers":{"Access-Control-Allow-Origin":"*"},"body":"dropped"}"#);
    let request = Request::options(format!("/_aws/execute-api/{api}/x"))
        .header("host", "localhost")
        .header("origin", "https://a.example")
        .header("access-control-request-method", "GET");
    let response = world.send(request, b"").await;
    assert_eq!((text(&response), header(&response, "access-control-allow-origin")), ((204, ""), "*"));
}
