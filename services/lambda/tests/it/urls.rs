//! Function URLs: their configuration, who may use them, and what their users get.

use auth::sigv4;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use service::Body;

use crate::world::{ARN, World, function, package};

/// Echoes what it gets, or answers what the body says.
const F: &str = r#"
import json
def handler(event, context):
    if event.get("body") == "fail":
        raise ValueError("told to")
    if event.get("body"):
        return json.loads(event["body"])
    return event
"#;

/// Streams a head and two pieces, or fails between them.
const STREAMING: &str = r#"
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.rawPath === '/plain') { stream.setContentType('text/css'); stream.write('plain'); return stream.end(); }
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'X-Made': 'yes' }, cookies: ['a=1'] });
  stream.write('one ');
  await new Promise((done) => setTimeout(done, 5));
  if (event.rawPath === '/fail') throw new Error('told to');
  stream.write('two');
  stream.end();
});
"#;

async fn make(world: &World, more: Value) -> Value {
    let mut input = json!({"FunctionName": "f", "AuthType": "NONE"});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.call("CreateFunctionUrlConfig", input).await
}

/// Lets everybody in, which takes two statements.
async fn open(world: &World, more: Value) {
    let mut input = json!({"FunctionName": "f", "StatementId": "all", "Action": "lambda:InvokeFunctionUrl",
        "Principal": "*", "FunctionUrlAuthType": "NONE"});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = format!("invoke-{}", input["StatementId"].as_str().unwrap());
    let mut invoke = json!({"FunctionName": "f", "StatementId": id, "Action": "lambda:InvokeFunction",
        "Principal": input["Principal"], "InvokedViaFunctionUrl": true});
    if let Some(qualifier) = input.get("Qualifier") {
        invoke["Qualifier"] = qualifier.clone();
    }
    world.call("AddPermission", input).await;
    world.call("AddPermission", invoke).await;
}

fn path(url: &Value) -> String {
    url["FunctionUrl"].as_str().unwrap().strip_prefix("http://localhost:4566").unwrap().to_owned()
}

async fn send(world: &World, request: http::request::Builder, body: &str) -> Response<Body> {
    let (head, body) = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap().into_parts();
    let front = world.cloud().front(&head).unwrap();
    front.handle(world.cloud().system(), Request::from_parts(head, body)).await
}

async fn text(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    (status, String::from_utf8(response.into_body().collect().await.unwrap().to_vec()).unwrap())
}

async fn post(world: &World, url: &Value, body: &str) -> (u16, String) {
    text(send(world, Request::post(path(url)).header("host", "localhost:4566"), body).await).await
}

#[tokio::test]
async fn a_url_is_made_changed_listed_and_deleted() {
    let world = World::new().await;
    world.function(F, json!({"Publish": true})).await;
    world.call("CreateAlias", json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1"})).await;
    let made = make(&world, json!({"Cors": {"AllowOrigins": ["*"], "MaxAge": 5}})).await;
    assert_eq!((&made["FunctionArn"], &made["InvokeMode"]), (&json!(ARN), &json!("BUFFERED")));
    assert_eq!(made["CreationTime"], "2027-01-15T08:00:00.000000Z");
    assert!(path(&made).starts_with("/_aws/lambda-url/"));
    let again = json!({"FunctionName": "f", "AuthType": "NONE"});
    let conflict = world.refused("CreateFunctionUrlConfig", again).await;
    assert!(conflict.contains("FunctionUrlConfig exists for this Lambda function"), "{conflict}");
    let of_alias = make(&world, json!({"Qualifier": "live", "AuthType": "AWS_IAM"})).await;
    assert_eq!(of_alias["FunctionArn"], format!("{ARN}:live"));
    assert_ne!(of_alias["FunctionUrl"], made["FunctionUrl"]);

    let update = json!({"FunctionName": "f", "InvokeMode": "RESPONSE_STREAM", "Cors": {}});
    let updated = world.call("UpdateFunctionUrlConfig", update).await;
    assert_eq!((&updated["InvokeMode"], updated.get("Cors")), (&json!("RESPONSE_STREAM"), None));
    assert_eq!((&updated["AuthType"], &updated["FunctionUrl"]), (&json!("NONE"), &made["FunctionUrl"]));
    assert_eq!(world.call("GetFunctionUrlConfig", json!({"FunctionName": "f"})).await, updated);
    let page = world.call("ListFunctionUrlConfigs", json!({"FunctionName": "f", "MaxItems": 1})).await;
    assert_eq!(page["FunctionUrlConfigs"], json!([updated]));
    let rest = json!({"FunctionName": "f", "Marker": page["NextMarker"]});
    let rest = world.call("ListFunctionUrlConfigs", rest).await;
    assert_eq!(rest["FunctionUrlConfigs"], json!([of_alias]));

    world.call("DeleteFunctionUrlConfig", json!({"FunctionName": "f"})).await;
    assert!(world.refused("GetFunctionUrlConfig", json!({"FunctionName": "f"})).await.starts_with("ResourceNotFound"));
    assert_eq!(post(&world, &made, "").await.0, 404);
    world.call("DeleteAlias", json!({"FunctionName": "f", "Name": "live"})).await;
    assert_eq!(post(&world, &of_alias, "").await.0, 404);
    let made = make(&world, json!({})).await;
    world.call("DeleteFunction", json!({"FunctionName": "f"})).await;
    assert_eq!(post(&world, &made, "").await.0, 404);
}

#[tokio::test]
async fn what_no_url_can_have_is_refused() {
    let world = World::new().await;
    world.function(F, json!({"Publish": true})).await;
    for (more, expected) in [
        (json!({"AuthType": null}), "Value null at 'authType'"),
        (json!({"AuthType": "JWT"}), "Value 'JWT' at 'authType'"),
        (json!({"InvokeMode": "LATER"}), "Value 'LATER' at 'invokeMode'"),
        (json!({"Qualifier": "1"}), "Value '1' at 'qualifier'"),
        (json!({"Qualifier": "$LATEST"}), "Value '$LATEST' at 'qualifier'"),
        (json!({"Qualifier": "nope"}), "ResourceNotFoundException: Function not found"),
        (json!({"Cors": {"MaxAge": 86_401}}), "Value '86401' at 'cors.maxAge'"),
        (json!({"Cors": {"AllowMethods": ["OPTIONS"]}}), "Value 'OPTIONS' at 'cors.allowMethods'"),
        (json!({"Cors": {"AllowOrigins": ["x".repeat(254)]}}), "at 'cors.allowOrigins'"),
        (json!({"Cors": {"AllowHeaders": vec!["x"; 101]}}), "Value '101' at 'cors.allowHeaders'"),
    ] {
        let mut input = json!({"FunctionName": "f", "AuthType": "NONE"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = world.refused("CreateFunctionUrlConfig", input).await;
        assert!(refused.contains(expected), "{more}: {refused}");
    }
}

#[tokio::test]
async fn a_public_url_needs_a_policy_and_carries_format_2() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let url = make(&world, json!({})).await;
    assert_eq!(post(&world, &url, "").await, (403, r#"{"Message":"Forbidden"}"#.into()));
    let alone = json!({"FunctionName": "f", "StatementId": "alone", "Action": "lambda:InvokeFunctionUrl",
        "Principal": "*", "FunctionUrlAuthType": "NONE"});
    world.call("AddPermission", alone).await;
    assert_eq!(post(&world, &url, "").await.0, 403, "the function may not be invoked");
    world.call("RemovePermission", json!({"FunctionName": "f", "StatementId": "alone"})).await;
    open(&world, json!({"StatementId": "other", "FunctionUrlAuthType": "AWS_IAM"})).await;
    assert_eq!(post(&world, &url, "").await.0, 403);
    open(&world, json!({})).await;
    let id = path(&url).split('/').nth(3).unwrap().to_owned();
    let request = Request::get("/a%20b?x=1&x=2&y=")
        .header("host", format!("{id}.lambda-url.us-east-1.localhost:4566"))
        .header("cookie", "a=1; b=2");
    let (status, body) = text(send(&world, request, "").await).await;
    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &event["version"], &event["rawPath"]), (200, &json!("2.0"), &json!("/a%20b")));
    assert_eq!((&event["routeKey"], &event["cookies"]), (&json!("$default"), &json!(["a=1", "b=2"])));
    assert_eq!(event["queryStringParameters"], json!({"x": "1,2", "y": ""}));
    let context = &event["requestContext"];
    assert_eq!((&context["apiId"], &context["domainPrefix"]), (&json!(id), &json!(id)));
    assert_eq!((&context["authentication"], &context["accountId"]), (&Value::Null, &json!("anonymous")));

    let answer = json!({"statusCode": 302, "headers": {"Location": "/x"}, "cookies": ["s=1"], "body": "moved"});
    let response = send(&world, Request::post(path(&url)).header("host", "localhost"), &answer.to_string()).await;
    assert_eq!(
        (&response.headers()["location"], &response.headers()["set-cookie"]),
        (&"/x".parse().unwrap(), &"s=1".parse().unwrap())
    );
    assert!(response.headers().contains_key("x-amzn-requestid"));
    assert_eq!(text(response).await, (302, "moved".into()));
    assert_eq!(post(&world, &url, r#"{"hello":1}"#).await, (200, r#"{"hello": 1}"#.into()));
    assert_eq!(post(&world, &url, "fail").await.0, 502);
    assert_eq!(post(&world, &url, r#"{"statusCode":"no"}"#).await.0, 502);
    assert_eq!(post(&world, &url, &"x".repeat(6 << 20)).await.0, 413);
    world.call("PutFunctionConcurrency", json!({"FunctionName": "f", "ReservedConcurrentExecutions": 0})).await;
    assert_eq!(post(&world, &url, "").await.0, 429);
}

#[tokio::test]
async fn cors_is_answered_without_the_function() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let cors = json!({"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "AllowHeaders": ["x-a"], "ExposeHeaders": ["x-b"], "AllowCredentials": true, "MaxAge": 60});
    let url = make(&world, json!({"Cors": cors})).await;
    let preflight = |origin: &str| {
        let request = Request::options(path(&url)).header("host", "localhost").header("origin", origin);
        request.header("access-control-request-method", "GET")
    };
    let header = |response: &Response<Body>, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let response = send(&world, preflight("https://a.example"), "").await;
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-methods", "GET"),
        ("access-control-allow-headers", "x-a"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "60"),
    ] {
        assert_eq!(header(&response, name), value, "{name}");
    }
    let response = send(&world, preflight("https://evil.example"), "").await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");
    open(&world, json!({})).await;
    let request = Request::post(path(&url)).header("host", "localhost").header("origin", "https://a.example");
    let own = r#"{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"}}"#;
    let response = send(&world, request, own).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "https://a.example");
    assert_eq!(header(&response, "access-control-expose-headers"), "x-b");
}

#[tokio::test]
async fn a_signed_url_knows_its_caller() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let url = make(&world, json!({"AuthType": "AWS_IAM"})).await;
    let signed = async |key: &str, secret: &str, service: &str| {
        let uri = path(&url);
        let mut headers = http::HeaderMap::from_iter([(http::header::HOST, "localhost:4566".parse().unwrap())]);
        let parts = sigv4::Parts { method: "GET", path: &uri, query: "", headers: &headers };
        let (access_key_id, secret) = (key.to_owned(), secret.to_owned());
        let credentials = sigv4::Credentials { access_key_id, secret, session_token: None };
        let now = world.cloud().env().now();
        let added = sigv4::sign(&parts, b"", &credentials, "us-east-1", service, now).unwrap();
        headers.extend(added.into_iter().map(|(name, value)| (name, value.parse().unwrap())));
        let mut request = Request::get(&uri);
        request.headers_mut().unwrap().extend(headers);
        text(send(&world, request, "").await).await
    };
    let unsigned = text(send(&world, Request::get(path(&url)).header("host", "localhost"), "").await).await;
    assert_eq!(unsigned, (403, r#"{"Message":"Request is missing Authentication Token"}"#.into()));
    assert_eq!(signed("AKIASTRANGER", "wrong", "lambda").await.0, 403);
    assert_eq!(signed("AKIANOBODY", "secret", "lambda").await.0, 403);
    assert_eq!(signed("AKIASTRANGER", "secret", "s3").await.0, 403);
    assert_eq!(signed("AKIASTRANGER", "secret", "lambda").await, (403, r#"{"Message":"Forbidden"}"#.into()));
    open(&world, json!({"Principal": "arn:aws:iam::000000000000:user/stranger", "FunctionUrlAuthType": "AWS_IAM"}))
        .await;
    let (status, event) = signed("AKIASTRANGER", "secret", "lambda").await;
    let event: Value = serde_json::from_str(&event).unwrap();
    let iam = &event["requestContext"]["authorizer"]["iam"];
    assert_eq!((status, &iam["userArn"]), (200, &json!("arn:aws:iam::000000000000:user/stranger")));
    assert_eq!((&iam["accessKey"], &iam["accountId"]), (&json!("AKIASTRANGER"), &json!("000000000000")));
}

#[tokio::test]
async fn a_streaming_url_passes_on_what_the_function_makes() {
    let world = World::new().await;
    let code = json!({"ZipFile": package(&[("index.js", STREAMING)])});
    world.call("CreateFunction", function(F, json!({"Runtime": "nodejs22.x", "Code": code}))).await;
    let url = make(&world, json!({"InvokeMode": "RESPONSE_STREAM"})).await;
    open(&world, json!({})).await;
    let get = async |rest: &str| {
        send(&world, Request::get(format!("{}{rest}", path(&url))).header("host", "localhost"), "").await
    };
    let response = get("").await;
    assert_eq!(
        (&response.headers()["x-made"], &response.headers()["set-cookie"]),
        (&"yes".parse().unwrap(), &"a=1".parse().unwrap())
    );
    assert_eq!(response.body().size(), None);
    assert_eq!(text(response).await, (201, "one two".into()));
    let plain = get("plain").await;
    assert_eq!((plain.status().as_u16(), &plain.headers()["content-type"]), (200, &"text/css".parse().unwrap()));
    assert_eq!(text(plain).await.1, "plain");
    let broken = get("fail").await;
    assert_eq!(broken.status(), 201);
    assert_eq!(broken.into_body().collect().await, Err(service::Broken));
    // Where the URL gathers, the head is read all the same.
    world.call("UpdateFunctionUrlConfig", json!({"FunctionName": "f", "InvokeMode": "BUFFERED"})).await;
    assert_eq!(text(get("").await).await, (201, "one two".into()));
}
