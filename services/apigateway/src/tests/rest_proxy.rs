//! Requests of a REST API's users.

use http::Request;
use serde_json::{Value, json};
use service::Error;

use super::rest_api::Made;
use super::{FUNCTION, World, header, invocations, text};

async fn deployed(more: Value) -> (World, Made, String) {
    let world = World::new();
    let made = world.rest_api(more).await;
    world.proxy(&made.api, &made.users, "POST", &invocations(FUNCTION)).await;
    world.deploy(&made.api, "dev").await;
    let host = format!("{}.execute-api.us-east-1.amazonaws.com", made.api);
    (world, made, host)
}

#[tokio::test]
async fn the_event_is_that_of_payload_format_1() {
    let (world, made, host) = deployed(json!({})).await;
    let request = Request::get("/dev/users/a%20b?x=1&x=2+3&y=%C3%A4&z")
        .header("host", &host)
        .header("user-agent", "test/1")
        .header("x-many", "1")
        .header("x-many", "2")
        .header("max-forwards", "1")
        .header("content-md5", "x")
        .header("connection", "close");
    let response = world.send(request, b"").await;
    assert_eq!(text(&response), (200, "hi"));
    assert_eq!(header(&response, "content-type"), "application/json");
    let call = world.call();
    assert_eq!(call.function, FUNCTION);
    assert_eq!(call.caller.user_id, "apigateway.amazonaws.com");
    let source = format!("arn:aws:execute-api:us-east-1:000000000000:{}/dev/GET/users/{{id}}", made.api);
    assert_eq!(call.caller.arn.to_string(), source);
    let event = call.event;
    let context = &event["requestContext"];
    assert_eq!(header(&response, "x-amzn-requestid"), context["requestId"]);
    assert_eq!(header(&response, "x-amz-apigw-id"), context["extendedRequestId"]);
    let deployment =
        world.rest("GetStage", json!({"restApiId": made.api, "stageName": "dev"})).await["deploymentId"].clone();
    let trace = event["headers"]["X-Amzn-Trace-Id"].clone();
    assert_eq!(header(&response, "x-amzn-trace-id"), trace);
    let expected = json!({
        "resource": "/users/{id}",
        "path": "/users/a%20b",
        "httpMethod": "GET",
        "headers": {
            "Host": host, "User-Agent": "test/1", "X-Amzn-Trace-Id": trace, "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": "80", "X-Forwarded-Proto": "http", "X-Many": "2",
        },
        "multiValueHeaders": {
            "Host": [host], "User-Agent": ["test/1"], "X-Amzn-Trace-Id": [trace], "X-Forwarded-For": ["127.0.0.1"],
            "X-Forwarded-Port": ["80"], "X-Forwarded-Proto": ["http"], "X-Many": ["1", "2"],
        },
        "queryStringParameters": {"x": "2 3", "y": "ä", "z": ""},
        "multiValueQueryStringParameters": {"x": ["1", "2 3"], "y": ["ä"], "z": [""]},
        "pathParameters": {"id": "a b"},
        "stageVariables": null,
        "requestContext": {
            "resourceId": made.user, "resourcePath": "/users/{id}", "httpMethod": "GET",
            "extendedRequestId": context["extendedRequestId"], "requestTime": "15/Jan/2027:08:00:00 +0000",
            "path": "/dev/users/a%20b", "accountId": "000000000000", "protocol": "HTTP/1.1", "stage": "dev",
            "domainPrefix": made.api, "requestTimeEpoch": 1_800_000_000_000_u64, "requestId": context["requestId"],
            "identity": {
                "cognitoIdentityPoolId": null, "accountId": null, "cognitoIdentityId": null, "caller": null,
                "sourceIp": "127.0.0.1", "principalOrgId": null, "accessKey": null, "cognitoAuthenticationType": null,
                "cognitoAuthenticationProvider": null, "userArn": null, "userAgent": "test/1", "user": null,
            },
            "domainName": host, "apiId": made.api, "deploymentId": deployment,
        },
        "body": null,
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[tokio::test]
async fn paths_that_stand_for_the_host_work_the_same() {
    let (world, made, host) = deployed(json!({})).await;
    for uri in [
        format!("/_aws/execute-api/{}/dev/users/7", made.api),
        format!("/restapis/{}/dev/_user_request_/users/7", made.api),
    ] {
        assert_eq!(world.get(&uri).await.status(), 200, "{uri}");
        assert_eq!(world.event()["path"], "/users/7");
    }
    let unknown = |path: &str| Request::get(path.to_owned()).header("host", &host);
    let response = world.send(unknown("/dev/nothing"), b"").await;
    assert_eq!(text(&response), (403, r#"{"message":"Missing Authentication Token"}"#));
    assert_eq!(header(&response, "x-amzn-errortype"), "MissingAuthenticationTokenException");
    let response = world.send(unknown("/prod/users/7"), b"").await;
    assert_eq!(text(&response), (403, r#"{"message":"Forbidden"}"#));
}

#[tokio::test]
async fn bodies_are_text_or_as_the_api_says_binary() {
    let (world, _, host) = deployed(json!({"binaryMediaTypes": ["image/*"]})).await;
    let post = |kind: &str| Request::post("/dev/users").header("host", &host).header("content-type", kind);
    world.send(post("application/json"), br#"{"a":1}"#).await;
    let event = world.event();
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!(r#"{"a":1}"#), &json!(false)));
    assert_eq!(event["headers"]["Content-Type"], "application/json");
    world.send(post("image/png"), b"abc").await;
    let event = world.event();
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YWJj"), &json!(true)));
    world.answers(r#"{"body":"AP8=","isBase64Encoded":true,"headers":{"Content-Type":"image/png"}}"#);
    let binary = world.send(post("text/plain").header("accept", "image/png,*/*"), b"x").await;
    assert_eq!(binary.body().as_ref(), [0, 255]);
    let base64 = world.send(post("text/plain").header("accept", "*/*"), b"x").await;
    assert_eq!(base64.body().as_ref(), b"AP8=");
    let large = world.send(post("text/plain"), &vec![b'x'; (10 << 20) + 1]).await;
    assert_eq!(large.status(), 413);
}

#[tokio::test]
async fn headers_of_answers_are_kept_renamed_or_dropped() {
    let (world, made, _) = deployed(json!({})).await;
    let uri = format!("/_aws/execute-api/{}/dev/users/7", made.api);
    world.answers(
        r#"{"statusCode":201,"headers":{"X-A":"1","Date":"d","Server":"s","Transfer-Encoding":"chunked"},
            "multiValueHeaders":{"Set-Cookie":["a=1","b=2"]},"body":"x"}"#,
    );
    let response = world.get(&uri).await;
    assert_eq!(response.status(), 201);
    for (name, value) in [
        ("x-a", "1"),
        ("date", ""),
        ("x-amzn-remapped-date", "d"),
        ("x-amzn-remapped-server", "s"),
        ("transfer-encoding", ""),
    ] {
        assert_eq!(header(&response, name), value, "{name}");
    }
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn failures_are_the_documented_answers() {
    let (world, made, _) = deployed(json!({})).await;
    let uri = format!("/_aws/execute-api/{}/dev/users/7", made.api);
    let internal = r#"{"message":"Internal server error"}"#;
    for malformed in ["null", "\"text\"", r#"{"message":"hi"}"#, r#"{"statusCode":"x"}"#, r#"{"body":{"a":1}}"#] {
        world.answers(malformed);
        assert_eq!(text(&world.get(&uri).await), (502, internal), "{malformed}");
    }
    world.crashes();
    let response = world.get(&uri).await;
    assert_eq!(text(&response), (502, internal));
    assert_eq!(header(&response, "x-amzn-errortype"), "InternalServerErrorException");
    world.fails(Error::new(403, "AccessDeniedException", "no"));
    assert_eq!(text(&world.get(&uri).await), (500, internal));
    world.fails(Error::new(429, "TooManyRequestsException", "Rate Exceeded."));
    assert_eq!(text(&world.get(&uri).await), (500, internal));
    world.fails(Error::new(413, "RequestTooLargeException", "large"));
    assert_eq!(text(&world.get(&uri).await), (413, r#"{"message":"Request Too Long"}"#));
    world.hangs();
    assert_eq!(text(&world.get(&uri).await), (504, r#"{"message":"Endpoint request timed out"}"#));
}

#[tokio::test]
async fn variables_of_the_stage_choose_the_function() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    world.proxy(&made.api, &made.root, "ANY", &invocations(&FUNCTION.replace("hello", "${stageVariables.fn}"))).await;
    let deployment = world.deploy(&made.api, "dev").await;
    let stage = json!({"restApiId": made.api, "stageName": "prod", "deploymentId": deployment, "variables": {"fn": "other:live"}});
    world.rest("CreateStage", stage).await;
    assert_eq!(world.get(&format!("/_aws/execute-api/{}/prod", made.api)).await.status(), 200);
    let call = world.call();
    assert_eq!(call.function, FUNCTION.replace("hello", "other:live"));
    assert_eq!((&call.event["path"], &call.event["stageVariables"]), (&json!("/"), &json!({"fn": "other:live"})));
    assert_eq!(world.get(&format!("/_aws/execute-api/{}/dev/", made.api)).await.status(), 500);
}

/// A base that ends with a slash, and a path that begins with one.
#[tokio::test]
async fn slashes_around_the_stage_are_one() {
    let (world, made, _) = deployed(json!({})).await;
    for (path, told) in [("//dev/users/7", "/dev/users/7"), ("/dev//users/7", "/dev//users/7")] {
        assert_eq!(world.get(&format!("/_aws/execute-api/{}{path}", made.api)).await.status(), 200, "{path}");
        let event = world.event();
        assert_eq!((&event["path"], &event["requestContext"]["path"]), (&json!("/users/7"), &json!(told)), "{path}");
    }
}

#[tokio::test]
async fn preflights_are_mocked() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let with = |more: Value| {
        let mut input =
            json!({"restApiId": made.api, "resourceId": made.users, "httpMethod": "OPTIONS", "statusCode": "200"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let origin = "method.response.header.Access-Control-Allow-Origin";
    world.rest("PutMethod", with(json!({"authorizationType": "NONE"}))).await;
    world.rest("PutMethodResponse", with(json!({"responseParameters": {origin: true}}))).await;
    let mock = json!({"type": "MOCK", "requestTemplates": {"application/json": "{statusCode:200}"}, "contentHandling": "CONVERT_TO_TEXT"});
    world.rest("PutIntegration", with(mock)).await;
    let undeclared = with(json!({"responseParameters": {"method.response.header.X": "'1'"}}));
    assert_eq!(world.refused("apigateway", "PutIntegrationResponse", undeclared).await.0, "BadRequestException");
    let fixed =
        json!({"responseParameters": {origin: "'https://example.com'"}, "responseTemplates": {"application/json": ""}});
    world.rest("PutIntegrationResponse", with(fixed)).await;
    world.deploy(&made.api, "dev").await;
    let request = Request::options(format!("/_aws/execute-api/{}/dev/users", made.api)).header("host", "localhost");
    let response = world.send(request, b"").await;
    assert_eq!(text(&response), (200, ""));
    assert_eq!(header(&response, "access-control-allow-origin"), "https://example.com");
    assert_eq!(header(&response, "content-type"), "application/json");
}

#[tokio::test]
async fn an_api_can_close_its_own_host() {
    let (world, made, _) = deployed(json!({"disableExecuteApiEndpoint": true})).await;
    assert_eq!(world.get(&format!("/_aws/execute-api/{}/dev/users/7", made.api)).await.status(), 403);
}
