//! Functions that say who may come in.

use http::{Request, Response};
use serde_json::{Value, json};
use service::Error;

use super::rest_api::Made;
use super::{World, header, invocations, text};

const DECIDER: &str = "arn:aws:lambda:us-east-1:000000000000:function:decider";

/// An answer that allows, or denies, what has these ends of ARNs.
fn policy(effect: &str, resources: &[&str], context: Value) -> Value {
    let resources: Vec<String> =
        resources.iter().map(|end| format!("arn:aws:execute-api:us-east-1:000000000000:{end}")).collect();
    let statement = json!({"Effect": effect, "Action": "execute-api:Invoke", "Resource": resources});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]});
    json!({"principalId": "somebody", "policyDocument": document, "context": context})
}

/// `GET /users/{id}`, closed by an authorizer of this shape, at the stage `dev`.
async fn closed(world: &World, authorizer: Value) -> (Made, String) {
    let made = world.rest_api(json!({})).await;
    let mut input = json!({"restApiId": made.api, "name": "a", "authorizerUri": invocations(DECIDER)});
    input.as_object_mut().unwrap().extend(authorizer.as_object().unwrap().clone());
    let id = world.rest("CreateAuthorizer", input).await["id"].as_str().unwrap().to_owned();
    let patches = json!([
        {"op": "replace", "path": "/authorizationType", "value": "CUSTOM"},
        {"op": "replace", "path": "/authorizerId", "value": id},
    ]);
    let method =
        json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "GET", "patchOperations": patches});
    assert_eq!(world.rest("UpdateMethod", method).await["authorizationType"], "CUSTOM");
    world.deploy(&made.api, "dev").await;
    (made, id)
}

async fn send(world: &World, api: &str, path: &str, headers: &[(&str, &str)]) -> Response<bytes::Bytes> {
    let mut request = Request::get(path).header("host", format!("{api}.execute-api.localhost"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request, b"").await
}

#[tokio::test]
async fn a_token_is_judged_once_and_its_policy_for_each_method() {
    let world = World::new();
    let (made, id) = closed(&world, json!({"type": "TOKEN", "identityValidationExpression": "^Bearer [a-z]+$"})).await;
    let get = async |path: &str, token: &str| send(&world, &made.api, path, &[("authorization", token)]).await;
    world
        .answers_as(DECIDER, &policy("Allow", &[&format!("{}/dev/GET/users/1*", made.api)], json!({"n": 7, "s": "t"})));

    assert_eq!(text(&get("/dev/users/1", "Bearer good").await), (200, "hi"));
    let source = format!("arn:aws:execute-api:us-east-1:000000000000:{}/authorizers/{id}", made.api);
    assert_eq!(world.function.0.lock().unwrap().calls[0].caller.arn.to_string(), source);
    let (calls, event) = world.calls_of(DECIDER);
    let target = format!("arn:aws:execute-api:us-east-1:000000000000:{}/dev/GET/users/1", made.api);
    assert_eq!(event, json!({"type": "TOKEN", "methodArn": target, "authorizationToken": "Bearer good"}));
    let told = world.event()["requestContext"]["authorizer"].clone();
    assert_eq!((calls, told), (1, json!({"n": "7", "s": "t", "principalId": "somebody"})));

    // The same policy, from memory, about another path.
    let denied = get("/dev/users/2", "Bearer good").await;
    assert_eq!(text(&denied), (403, r#"{"Message":"User is not authorized to access this resource"}"#));
    assert_eq!(header(&denied, "x-amzn-errortype"), "AccessDeniedException");
    assert_eq!(get("/dev/users/12", "Bearer good").await.status(), 200);
    assert_eq!(world.calls_of(DECIDER).0, 0);

    // What is not what it says is not asked about.
    for token in ["", "good", "Bearer 1"] {
        let refused = get("/dev/users/1", token).await;
        assert_eq!(text(&refused), (401, r#"{"message":"Unauthorized"}"#), "{token}");
        assert_eq!(header(&refused, "x-amzn-errortype"), "UnauthorizedException");
    }
    assert_eq!(send(&world, &made.api, "/dev/users/1", &[]).await.status(), 401);
    assert_eq!(world.calls_of(DECIDER).0, 0);

    world.answers_as(DECIDER, &policy("Deny", &["*"], json!({})));
    assert_eq!(get("/dev/users/1", "Bearer good").await.status(), 200, "the result is still kept");
    world.rest("FlushStageAuthorizersCache", json!({"restApiId": made.api, "stageName": "dev"})).await;
    let denied = get("/dev/users/1", "Bearer good").await;
    let words = r#"{"Message":"User is not authorized to access this resource with an explicit deny"}"#;
    assert_eq!(text(&denied), (403, words));
    world.answers_as(DECIDER, &policy("Allow", &["*"], json!({})));
    assert_eq!(get("/dev/users/1", "Bearer good").await.status(), 403, "a denial is kept, too");
    world.cloud.advance(std::time::Duration::from_secs(300)).await;
    assert_eq!(get("/dev/users/1", "Bearer good").await.status(), 200);
}

#[tokio::test]
async fn a_path_that_is_written_otherwise_is_the_same_to_policies() {
    let world = World::new();
    let (made, _) = closed(&world, json!({"type": "TOKEN", "authorizerResultTtlInSeconds": 0})).await;
    let mut answer = policy("Allow", &["*"], json!({}));
    let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*/dev/GET/users/admin"});
    answer["policyDocument"]["Statement"].as_array_mut().unwrap().push(deny);
    world.answers_as(DECIDER, &answer);
    for path in ["/dev/users/admin", "/dev/users/%61dmin", "/dev/users/admin/"] {
        assert_eq!(send(&world, &made.api, path, &[("authorization", "t")]).await.status(), 403, "{path}");
    }
    assert_eq!(send(&world, &made.api, "/dev/users/x%2F..%2Fadmin", &[("authorization", "t")]).await.status(), 200);
    assert!(world.event()["pathParameters"]["id"] == "x/../admin");
}

#[tokio::test]
async fn an_authorizer_that_fails_lets_nobody_in() {
    let world = World::new();
    let (made, _) = closed(&world, json!({"type": "TOKEN", "authorizerResultTtlInSeconds": 0})).await;
    let get = async || send(&world, &made.api, "/dev/users/1", &[("authorization", "t")]).await;
    world.fails_as(DECIDER, "Unauthorized");
    assert_eq!(text(&get().await), (401, r#"{"message":"Unauthorized"}"#));
    world.fails_as(DECIDER, "something else");
    let failed = get().await;
    assert_eq!(text(&failed), (500, r#"{"message":null}"#));
    assert_eq!(header(&failed, "x-amzn-errortype"), "AuthorizerFailureException");
    for answer in [
        json!({}),
        json!("text"),
        json!({"isAuthorized": true}),
        json!({"principalId": "x", "policyDocument": {}}),
        policy("Allow", &["*"], json!({"a": {"b": 1}})),
        policy("Allow", &["*"], json!({"a": "x".repeat(9_000)})),
    ] {
        world.answers_as(DECIDER, &answer);
        let failed = get().await;
        assert_eq!(failed.status(), 500, "{answer}");
        assert_eq!(header(&failed, "x-amzn-errortype"), "AuthorizerConfigurationException");
    }
    world.function.0.lock().unwrap().others.clear();
    world.fails(Error::new(404, "ResourceNotFoundException", "gone"));
    assert_eq!(get().await.status(), 500);
}

#[tokio::test]
async fn a_request_authorizer_is_told_everything_but_the_body() {
    let world = World::new();
    let sources = "method.request.header.X-Who, method.request.querystring.q, context.httpMethod";
    let (made, id) = closed(&world, json!({"type": "REQUEST", "identitySource": sources})).await;
    world.answers_as(DECIDER, &policy("Allow", &["*"], json!({"b": true})));
    let get = async |path: &str, who: &str| send(&world, &made.api, path, &[("x-who", who)]).await;
    assert_eq!(get("/dev/users/1?q=a&r=", "me").await.status(), 200);
    let (_, event) = world.calls_of(DECIDER);
    assert_eq!(
        (&event["type"], &event["resource"], &event["path"]),
        (&json!("REQUEST"), &json!("/users/{id}"), &json!("/users/1"))
    );
    assert_eq!((&event["headers"]["X-Who"], &event["stageVariables"]), (&json!("me"), &json!({})));
    assert_eq!(event["multiValueQueryStringParameters"], json!({"q": ["a"], "r": [""]}));
    assert_eq!((event.get("body"), &event["requestContext"]["apiId"]), (None, &json!(made.api)));
    assert_eq!(get("/dev/users/2?q=a", "me").await.status(), 200);
    assert_eq!(world.calls_of(DECIDER).0, 0, "the same sender");
    assert_eq!(get("/dev/users/1?q=b", "me").await.status(), 200);
    assert_eq!(world.calls_of(DECIDER).0, 1, "another one");
    for path in ["/dev/users/1", "/dev/users/1?q="] {
        assert_eq!(get(path, "me").await.status(), 401, "{path}");
    }
    let test = json!({
        "restApiId": made.api, "authorizerId": id, "headers": {"X-Who": "me"}, "pathWithQueryString": "/users/1?q=c",
    });
    let told = world.rest("TestInvokeAuthorizer", test.clone()).await;
    assert_eq!((&told["clientStatus"], &told["principalId"]), (&json!(200), &json!("somebody")));
    assert!(told["policy"].as_str().unwrap().contains("execute-api:Invoke"));
    let unknown = json!({"restApiId": made.api, "authorizerId": id});
    assert_eq!(world.rest("TestInvokeAuthorizer", unknown).await["clientStatus"], 401);
}

#[tokio::test]
async fn a_deployment_keeps_the_authorizer_that_it_was_made_with() {
    let world = World::new();
    let (made, id) = closed(&world, json!({"type": "TOKEN", "authorizerResultTtlInSeconds": 0})).await;
    world.answers_as(DECIDER, &policy("Allow", &["*"], json!({})));
    let one = json!({"restApiId": made.api, "authorizerId": id});
    assert_eq!(world.refused("apigateway", "DeleteAuthorizer", one.clone()).await.0, "ConflictException");
    let mut change = one.clone();
    change["patchOperations"] =
        json!([{"op": "replace", "path": "/identitySource", "value": "method.request.header.X"}]);
    assert_eq!(world.rest("UpdateAuthorizer", change).await["identitySource"], "method.request.header.X");
    assert_eq!(send(&world, &made.api, "/dev/users/1", &[("authorization", "t")]).await.status(), 200);
    let open = json!([{"op": "replace", "path": "/authorizationType", "value": "NONE"}]);
    let method = json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "GET", "patchOperations": open});
    assert_eq!(world.rest("UpdateMethod", method).await.get("authorizerId"), None);
    world.rest("DeleteAuthorizer", one).await;
    assert_eq!(send(&world, &made.api, "/dev/users/1", &[]).await.status(), 401, "until the next deployment");
    world.deploy(&made.api, "dev").await;
    assert_eq!(send(&world, &made.api, "/dev/users/1", &[]).await.status(), 200);
}

#[tokio::test]
async fn authorizers_are_checked_as_they_are_put() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let (uri, decider) = (invocations(DECIDER), json!(DECIDER));
    for (input, code) in [
        (json!({"type": "OTHER"}), "BadRequestException"),
        (json!({"type": "TOKEN"}), "BadRequestException"),
        (json!({"type": "TOKEN", "authorizerUri": uri, "name": ""}), "BadRequestException"),
        (json!({"type": "TOKEN", "authorizerUri": uri, "identitySource": "header.x"}), "BadRequestException"),
        (json!({"type": "TOKEN", "authorizerUri": uri, "identityValidationExpression": "("}), "BadRequestException"),
        (json!({"type": "TOKEN", "authorizerUri": uri, "authorizerResultTtlInSeconds": 3_601}), "BadRequestException"),
        (json!({"type": "REQUEST", "authorizerUri": uri}), "BadRequestException"),
        (
            json!({"type": "TOKEN", "authorizerUri": uri, "authorizerCredentials": "arn:aws:iam::0:role/r"}),
            "NotImplemented",
        ),
        (json!({"type": "COGNITO_USER_POOLS", "providerARNs": [decider]}), "NotImplemented"),
    ] {
        let mut whole = json!({"restApiId": made.api, "name": "n"});
        whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        assert_eq!(world.refused("apigateway", "CreateAuthorizer", whole).await.0, code, "{input}");
    }
    let api = world.http_api(json!({}), "2.0", &[]).await;
    let jwt = json!({"issuer": "https://issuer.example", "audience": ["a"]});
    let header = json!(["$request.header.Authorization"]);
    for input in [
        json!({"authorizerType": "JWT", "identitySource": header}),
        json!({"authorizerType": "JWT", "identitySource": [], "jwtConfiguration": jwt}),
        json!({"authorizerType": "JWT", "identitySource": header, "jwtConfiguration": {"issuer": "x", "audience": ["a"]}}),
        json!({"authorizerType": "JWT", "identitySource": header, "jwtConfiguration": {"issuer": "https://i.example"}}),
        json!({"authorizerType": "REQUEST", "identitySource": header, "authorizerUri": uri}),
        json!({"authorizerType": "REQUEST", "identitySource": ["method.request.header.x"], "authorizerUri": uri, "authorizerPayloadFormatVersion": "2.0"}),
        json!({"authorizerType": "REQUEST", "identitySource": [], "authorizerUri": uri, "authorizerPayloadFormatVersion": "2.0", "authorizerResultTtlInSeconds": 1}),
        json!({"authorizerType": "REQUEST", "identitySource": header, "authorizerUri": uri, "authorizerPayloadFormatVersion": "1.0", "enableSimpleResponses": true}),
    ] {
        let mut whole = json!({"apiId": api, "name": "n"});
        whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        assert_eq!(world.refused("apigatewayv2", "CreateAuthorizer", whole).await.0, "BadRequestException", "{input}");
    }
}

/// An HTTP API with `GET /a/{b}`, closed by a function of this form.
async fn closed_http(world: &World, more: Value) -> (String, String) {
    let api = world.http_api(json!({}), "2.0", &["GET /a/{b}", "GET /open"]).await;
    let mut input = json!({
        "apiId": api, "name": "n", "authorizerType": "REQUEST", "authorizerUri": invocations(DECIDER),
        "authorizerPayloadFormatVersion": "2.0", "identitySource": ["$request.header.X-Who"],
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = world.http("CreateAuthorizer", input).await["authorizerId"].as_str().unwrap().to_owned();
    let routes = world.http("GetRoutes", json!({"apiId": api})).await["items"].clone();
    let route = routes.as_array().unwrap().iter().find(|route| route["routeKey"] == "GET /a/{b}").unwrap();
    let close = json!({"apiId": api, "routeId": route["routeId"], "authorizationType": "CUSTOM", "authorizerId": id});
    assert_eq!(world.http("UpdateRoute", close).await["authorizerId"], id);
    (api, id)
}

#[tokio::test]
async fn http_apis_take_simple_answers() {
    let world = World::new();
    let (api, _) = closed_http(&world, json!({"enableSimpleResponses": true})).await;
    let get = async |path: &str, who: &str| send(&world, &api, path, &[("x-who", who)]).await;
    world.answers_as(DECIDER, &json!({"isAuthorized": true, "context": {"list": [1, 2]}}));
    assert_eq!(get("/a/1?q=2", "me").await.status(), 200);
    let (_, event) = world.calls_of(DECIDER);
    assert_eq!(
        (&event["version"], &event["type"], &event["routeKey"]),
        (&json!("2.0"), &json!("REQUEST"), &json!("GET /a/{b}"))
    );
    assert_eq!(event["routeArn"], format!("arn:aws:execute-api:us-east-1:000000000000:{api}/$default/GET/a/1"));
    assert_eq!((&event["identitySource"], event.get("body")), (&json!(["me"]), None));
    assert_eq!(world.event()["requestContext"]["authorizer"], json!({"lambda": {"list": [1, 2]}}));
    world.answers_as(DECIDER, &json!({"isAuthorized": false}));
    assert_eq!(get("/a/1", "me").await.status(), 200, "kept for five minutes");
    world.http("ResetAuthorizersCache", json!({"apiId": api, "stageName": "$default"})).await;
    assert_eq!(text(&get("/a/1", "me").await), (403, r#"{"message":"Forbidden"}"#));
    assert_eq!(text(&send(&world, &api, "/a/1", &[]).await), (401, r#"{"message":"Unauthorized"}"#));
    assert_eq!(send(&world, &api, "/open", &[]).await.status(), 200);
    world.fails_as(DECIDER, "x");
    assert_eq!(text(&get("/a/1", "you").await), (500, r#"{"message":"Internal Server Error"}"#));
}

#[tokio::test]
async fn http_apis_take_policies_in_both_forms() {
    let world = World::new();
    let (api, id) = closed_http(&world, json!({})).await;
    let get = async |path: &str| send(&world, &api, path, &[("x-who", "me")]).await;
    world.answers_as(DECIDER, &policy("Allow", &[&format!("{api}/$default/GET/a/1")], json!({})));
    assert_eq!((get("/a/1").await.status().as_u16(), get("/a/2").await.status().as_u16()), (200, 403));
    let change = json!({"apiId": api, "authorizerId": id, "authorizerPayloadFormatVersion": "1.0", "authorizerResultTtlInSeconds": 0});
    assert_eq!(world.http("UpdateAuthorizer", change).await["authorizerPayloadFormatVersion"], "1.0");
    world.calls_of(DECIDER);
    assert_eq!((get("/a/1").await.status().as_u16(), get("/a/2").await.status().as_u16()), (200, 403));
    let (calls, event) = world.calls_of(DECIDER);
    assert_eq!((calls, &event["version"], &event["identitySource"]), (2, &json!("1.0"), &json!("me")));
    assert_eq!(event["methodArn"], format!("arn:aws:execute-api:us-east-1:000000000000:{api}/$default/GET/a/2"));
    let name = json!({"apiId": api, "authorizerId": id});
    assert_eq!(world.refused("apigatewayv2", "DeleteAuthorizer", name.clone()).await.0, "ConflictException");
    assert_eq!(world.http("GetAuthorizer", name).await["name"], "n");
}
