//! What stands between a method's request and its answer: templates, parameters, selected responses, and services behind.

use std::sync::Arc;

use base::Timestamp;
use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{
    Access, Api, Caller, Credential, CredentialError, Cx, Denial, Error, Permission, QueryApi, Service, read,
};
use testkit::TestCloud;
use wire::Protocol;
use wire::query::Names;

use super::rest_api::Made;
use super::{FUNCTION, Function, World, header, invocations, text};

pub const ROLE: &str = "arn:aws:iam::000000000000:role/api";

/// A service with one operation, which answers what it was asked, and by whom.
fn echo(name: &'static str, api: Api) -> Service {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Input {
        text: String,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        text: String,
        caller: String,
    }
    async fn echo(_: Arc<()>, cx: Cx, input: Input) -> Result<Output, Error> {
        match input.text.as_str() {
            "" => Err(Error::new(400, "ValidationException", "Text is missing")),
            _ => Ok(Output { text: input.text, caller: cx.caller().arn.to_string() }),
        }
    }
    assert_eq!(api.name, name);
    Service::builder(api, Arc::new(())).operation(read("Echo", echo)).build()
}

pub fn world() -> World {
    let function = Function::default();
    let lambda = Service::builder(Api::named("lambda"), Arc::new(())).target(function.clone()).build();
    let of_json = Api { json: Some((Protocol::Json10, "Echo_1")), ..Api::named("echojson") };
    let query = QueryApi { version: "2020-01-01", xmlns: "x", names: &Names::NONE, path_member: None };
    let of_query = Api { query: Some(query), ..Api::named("echoquery") };
    let of_ssm = Api { json: Some((Protocol::Json11, "AmazonSSM")), ..Api::named("ssm") };
    let more = [lambda, echo("echojson", of_json), echo("echoquery", of_query), echo("ssm", of_ssm)];
    World::of(TestCloud::with_access(super::services().into_iter().chain(more), Arc::new(Everybody)), function)
}

/// Policies that let everybody do everything.
pub struct Everybody;

impl Access for Everybody {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, _: &Caller, _: &Permission, _: Timestamp) -> Result<(), Denial> {
        Ok(())
    }
}

/// An API with `POST /users` behind which an integration is, with one response for each row, and its stage `dev`.
async fn deployed(world: &World, method: Value, integration: Value, responses: &[(&str, Value)]) -> Made {
    let made = world.rest_api(json!({})).await;
    put(world, &made, method, integration, responses).await;
    world.deploy(&made.api, "dev").await;
    made
}

fn with(key: &Value, more: Value) -> Value {
    let mut input = key.clone();
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

async fn put(world: &World, made: &Made, method: Value, integration: Value, responses: &[(&str, Value)]) {
    let key = json!({"restApiId": made.api, "resourceId": made.users, "httpMethod": "POST"});
    world.rest("PutMethod", with(&with(&key, json!({"authorizationType": "NONE"})), method)).await;
    world.rest("PutIntegration", with(&key, integration)).await;
    for (status, response) in responses {
        let key = with(&key, json!({"statusCode": status}));
        let names = response["responseParameters"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| (name.clone(), json!(true)));
        let declared: serde_json::Map<String, Value> = names.collect();
        world.rest("PutMethodResponse", with(&key, json!({"responseParameters": declared}))).await;
        world.rest("PutIntegrationResponse", with(&key, response.clone())).await;
    }
}

async fn post(world: &World, made: &Made, query: &str, body: &str) -> http::Response<bytes::Bytes> {
    let request = Request::post(format!("/_aws/execute-api/{}/dev/users{query}", made.api));
    let request = request.header("host", "localhost:4566").header("content-type", "application/json");
    world.send(request.header("x-a", "1").header("x-a", "2"), body.as_bytes()).await
}

#[tokio::test]
async fn templates_choose_what_mock_answers() {
    let world = world();
    let request = json!({"application/json": "#set($code = $input.path('$.code')){\"statusCode\": $code}"});
    let ok = json!({"responseTemplates": {"application/json": "{\"stage\": \"$context.stage\", \"q\": \"$input.params('q')\"}"}});
    let failed = json!({
        "selectionPattern": "4\\d{2}",
        "responseTemplates": {"text/html": "#set($context.responseOverride.status = 418)#set($context.responseOverride.header.X-B = 'b')<p>"},
        "responseParameters": {"method.response.header.X-A": "'a'", "method.response.header.X-B": "context.httpMethod"},
    });
    let made = deployed(
        &world,
        json!({}),
        json!({"type": "MOCK", "requestTemplates": request}),
        &[("200", ok), ("400", failed)],
    )
    .await;
    let response = post(&world, &made, "?q=x", r#"{"code": 200}"#).await;
    assert_eq!(text(&response), (200, r#"{"stage": "dev", "q": "x"}"#));
    assert_eq!(header(&response, "content-type"), "application/json");
    let response = post(&world, &made, "", r#"{"code": 404}"#).await;
    assert_eq!(text(&response), (418, "<p>"));
    let headers = ["content-type", "x-a", "x-b"].map(|name| header(&response, name));
    assert_eq!(headers, ["text/html", "a", "b"]);
    // A template that says no status, and one that cannot be filled.
    for body in [r#"{"code": "x"}"#, "{}"] {
        let response = post(&world, &made, "", body).await;
        assert_eq!(
            text(&response),
            (500, r#"{"message": "Internal server error"}"#.replace(": ", ":").as_str()),
            "{body}"
        );
        assert_eq!(header(&response, "x-amzn-errortype"), "InternalServerErrorException");
    }
}

#[tokio::test]
async fn functions_are_told_what_templates_say() {
    let world = world();
    let request = json!({"application/json": "{\"body\": $input.json('$'), \"q\": \"$util.escapeJavaScript($input.params().querystring.get('q'))\", \"v\": \"$stageVariables.v\"}"});
    let integration = json!({"type": "AWS", "httpMethod": "POST", "integrationHttpMethod": "POST", "uri": invocations(FUNCTION), "requestTemplates": request});
    let responses = [
        ("200", json!({"responseTemplates": {"application/json": "{\"got\": $input.json('$.x')}"}})),
        (
            "404",
            json!({"selectionPattern": ".*not found.*", "responseTemplates": {"application/json": "{\"why\": \"$input.path('$.errorMessage')\"}"}}),
        ),
    ];
    let made = world.rest_api(json!({})).await;
    let mut integration = integration;
    integration.as_object_mut().unwrap().remove("httpMethod");
    put(&world, &made, json!({}), integration, &responses).await;
    world.deploy(&made.api, "dev").await;
    world.answers(r#"{"x": [1]}"#);
    let response = post(&world, &made, "?q=it%22s", r#"{"a": 1}"#).await;
    assert_eq!(text(&response), (200, r#"{"got": [1]}"#));
    let call = world.call();
    assert_eq!(call.event, json!({"body": {"a": 1}, "q": "it\"s", "v": ""}));
    assert_eq!(call.caller.user_id, "apigateway.amazonaws.com");
    assert!(call.caller.arn.to_string().ends_with("/dev/POST/users"));
    world.fails_as(FUNCTION, "it was not found here");
    assert_eq!(text(&post(&world, &made, "", "{}").await), (404, r#"{"why": "it was not found here"}"#));
    // What no pattern fits is answered as a success is.
    world.fails_as(FUNCTION, "other");
    assert_eq!(text(&post(&world, &made, "", "{}").await), (200, r#"{"got": ""}"#));
    assert_eq!(post(&world, &made, "", "{").await.status(), 200);
}

#[tokio::test]
async fn parameters_go_where_they_are_mapped() {
    let world = world();
    let method =
        json!({"requestParameters": {"method.request.querystring.q": false, "method.request.header.X-A": false}});
    let parameters = json!({
        "integration.request.querystring.Text": "method.request.querystring.q",
        "integration.request.header.X-Amz-Target": "'Echo_1.Echo'",
    });
    let integration = json!({
        "type": "AWS", "integrationHttpMethod": "POST", "credentials": ROLE,
        "uri": "arn:aws:apigateway:us-east-1:echojson:path//", "requestParameters": parameters,
    });
    let responses = [
        (
            "200",
            json!({
                "responseParameters": {"method.response.header.X-Who": "integration.response.body.Caller", "method.response.header.X-Type": "integration.response.header.Content-Type"},
                "responseTemplates": {"application/json": "$input.path('$.Text')"},
            }),
        ),
        ("400", json!({"selectionPattern": "400"})),
    ];
    let made = deployed(&world, method, integration, &responses).await;
    let response = post(&world, &made, "?q=hi%20there", "").await;
    assert_eq!(text(&response), (200, "hi there"));
    assert_eq!(header(&response, "x-type"), "application/x-amz-json-1.0");
    assert!(header(&response, "x-who").contains("assumed-role/api/"), "{}", header(&response, "x-who"));
    let response = post(&world, &made, "", "{}").await;
    assert_eq!(response.status(), 400);
    assert!(text(&response).1.contains("Text is missing"), "{}", text(&response).1);
    let key = json!({"restApiId": made.api, "resourceId": made.users, "httpMethod": "POST"});
    for (parameters, patched) in [
        (json!({"integration.request.header.X": "method.request.querystring.other"}), "not declared"),
        (json!({"integration.request.cookie.X": "'a'"}), "no place"),
        (json!({"integration.request.header.X": "true"}), "no source"),
    ] {
        let input = with(
            &key,
            json!({"type": "HTTP", "integrationHttpMethod": "GET", "uri": "http://h", "requestParameters": parameters}),
        );
        assert_eq!(world.refused("apigateway", "PutIntegration", input).await.0, "BadRequestException", "{patched}");
    }
}

/// A function is told what clients send, and is not to be told otherwise of the way that it came.
#[tokio::test]
async fn headers_of_the_gateway_are_not_mapped() {
    let world = world();
    for (header, status) in [("X-A", 200), ("Content-Length", 500), ("Authorization", 500), ("TE", 500)] {
        let parameters = json!({format!("integration.request.header.{header}"): "'a'"});
        let integration = json!({
            "type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": invocations(FUNCTION), "requestParameters": parameters,
        });
        let made = deployed(&world, json!({}), integration, &[]).await;
        assert_eq!(post(&world, &made, "", "").await.status(), status, "{header}");
    }
}

#[tokio::test]
async fn actions_are_called_in_the_protocol_of_their_service() {
    let world = world();
    let of = |service: &str| {
        json!({
            "type": "AWS", "integrationHttpMethod": "POST", "credentials": ROLE,
            "uri": format!("arn:aws:apigateway:us-east-1:{service}:action/Echo"),
            "requestTemplates": {"application/json": if service == "echojson" { "{\"Text\": \"$input.path('$.t')\"}" } else { "Text=$util.urlEncode($input.path('$.t'))" }},
            "requestParameters": if service == "echojson" { json!({}) } else { json!({"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}) },
        })
    };
    let default = [("200", json!({}))];
    let made = deployed(&world, json!({}), of("echojson"), &default).await;
    let answered: Value = serde_json::from_slice(post(&world, &made, "", r#"{"t": "a b"}"#).await.body()).unwrap();
    assert_eq!(answered["Text"], "a b");
    let made = deployed(&world, json!({}), of("echoquery"), &default).await;
    let answered: Value = serde_json::from_slice(post(&world, &made, "", r#"{"t": "a&b"}"#).await.body()).unwrap();
    assert_eq!(answered["EchoResponse"]["EchoResult"]["Text"], "a&b", "{answered}");
    assert!(answered["EchoResponse"]["ResponseMetadata"]["RequestId"].is_string(), "{answered}");
    let by_query = json!({
        "type": "AWS", "integrationHttpMethod": "POST", "credentials": ROLE, "uri": "arn:aws:apigateway:us-east-1:ssm:action/Echo",
        "requestParameters": {"integration.request.querystring.Text": "'a'"},
    });
    let made = deployed(&world, json!({}), by_query, &default).await;
    let answered: Value = serde_json::from_slice(post(&world, &made, "", "").await.body()).unwrap();
    assert_eq!(answered["EchoResponse"]["EchoResult"]["Text"], "a", "{answered}");
    assert!(answered["EchoResponse"]["ResponseMetadata"]["RequestId"].is_string(), "{answered}");
    let key = json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "GET", "type": "AWS", "integrationHttpMethod": "POST"});
    for (more, code) in [
        (json!({"uri": "arn:aws:apigateway:us-east-1:echojson:action/Echo"}), "BadRequestException"),
        (json!({"uri": "arn:aws:apigateway:us-east-1:nothing:action/Echo", "credentials": ROLE}), "NotImplemented"),
        (json!({"uri": "arn:aws:apigateway:us-east-1:echojson:action/Other", "credentials": ROLE}), "NotImplemented"),
        (json!({"uri": "arn:aws:apigateway:us-east-1:echojson:Echo", "credentials": ROLE}), "BadRequestException"),
        (json!({"uri": "echo", "credentials": ROLE}), "BadRequestException"),
    ] {
        assert_eq!(world.refused("apigateway", "PutIntegration", with(&key, more.clone())).await.0, code, "{more}");
    }
}

/// A form that is the client's own adds to what the integration names, and chooses neither the action nor the parameters there.
#[tokio::test]
async fn clients_do_not_choose_what_is_done() {
    let world = world();
    let form = json!({"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"});
    let integration = |uri: &str, parameters: &Value, more: Value| {
        let of = json!({"type": "AWS", "integrationHttpMethod": "POST", "credentials": ROLE, "uri": uri, "requestParameters": parameters});
        with(&of, more)
    };
    let path = "arn:aws:apigateway:us-east-1:echoquery:path/a/b";
    let named = with(&form, json!({"integration.request.querystring.Action": "'Echo'"}));
    let template = json!({"requestTemplates": {"application/json": "Action=Echo&Text=$input.body"}});
    let responses = [("200", json!({}))];
    for (parameters, more, body, status, told) in [
        (&form, json!({}), "Action=Echo&Text=a", 500, "Internal server error"),
        (&form, json!({}), "Text=a", 500, "Internal server error"),
        (&named, json!({}), "Action=Other&Text=a", 200, "a"),
        (&named, json!({}), "Text=a&Action=Other", 200, "a"),
        (&form, template.clone(), "a&Action=Other", 200, "a"),
    ] {
        let made = deployed(&world, json!({}), integration(path, parameters, more.clone()), &responses).await;
        let answer = post(&world, &made, "", body).await;
        let (code, text) = text(&answer);
        assert_eq!(code, status, "{parameters} {more} {body}: {text}");
        assert!(text.contains(told), "{text}");
    }
    let action = integration("arn:aws:apigateway:us-east-1:echoquery:action/Echo", &form, json!({}));
    let made = deployed(&world, json!({}), action, &responses).await;
    assert_eq!(post(&world, &made, "", "Action=Other&Text=a").await.status(), 200);
}

/// Tools put the responses of a method and of its integration in any order.
#[tokio::test]
async fn an_integrations_response_may_come_before_its_methods() {
    let world = world();
    let made = world.rest_api(json!({})).await;
    let key = json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "PUT"});
    let integration = json!({"type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}});
    world.rest("PutMethod", with(&key, json!({"authorizationType": "NONE"}))).await;
    world.rest("PutIntegration", with(&key, integration)).await;
    let response = with(&key, json!({"statusCode": "200"}));
    world.rest("PutIntegrationResponse", response.clone()).await;
    let failed = world.rest("TestInvokeMethod", key.clone()).await;
    let log = failed["log"].as_str().unwrap();
    assert_eq!(failed["status"], 500);
    assert!(log.contains("Output mapping refers to an invalid method response: 200"), "{log}");
    world.rest("PutMethodResponse", response.clone()).await;
    assert_eq!(world.rest("TestInvokeMethod", key).await["status"], 200);
    // Headers need the method's to say where they are.
    let header = json!({"statusCode": "201", "responseParameters": {"method.response.header.X": "'1'"}});
    let undeclared = world.refused("apigateway", "PutIntegrationResponse", with(&response, header)).await;
    assert_eq!(undeclared.0, "BadRequestException");
}

#[tokio::test]
async fn bodies_without_a_template_pass_or_not_as_is_said() {
    let world = world();
    for (behavior, templates, status) in [
        ("WHEN_NO_MATCH", json!({"text/plain": "{\"statusCode\": 200}"}), 200),
        ("WHEN_NO_TEMPLATES", json!({"text/plain": "{\"statusCode\": 200}"}), 415),
        ("WHEN_NO_TEMPLATES", json!({}), 200),
        ("NEVER", json!({}), 415),
        ("NEVER", json!({"$default": "{\"statusCode\": 200}"}), 200),
    ] {
        let integration = json!({"type": "MOCK", "passthroughBehavior": behavior, "requestTemplates": templates});
        let made = deployed(&world, json!({}), integration, &[("200", json!({}))]).await;
        let response = post(&world, &made, "", r#"{"statusCode": 200}"#).await;
        assert_eq!(response.status(), status, "{behavior} {templates}");
        if status == 415 {
            assert_eq!(text(&response).1, r#"{"message":"Unsupported Media Type"}"#);
        }
    }
}

#[tokio::test]
async fn templates_that_cannot_be_read_are_refused_with_their_place() {
    let world = world();
    let made = world.rest_api(json!({})).await;
    let key = json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "GET", "type": "MOCK"});
    for (template, place) in
        [("{\n#if($x)", "line 2"), ("#macro(x)#end", "#macro is not supported"), ("#set($x)", "`=` is expected")]
    {
        let input = with(&key, json!({"requestTemplates": {"application/json": template}}));
        let (code, message) = world.refused("apigateway", "PutIntegration", input).await;
        assert_eq!(code, "BadRequestException");
        assert!(message.contains(place), "{message}");
    }
    let input = with(&key, json!({"requestTemplates": {"123": "x"}}));
    let message = world.refused("apigateway", "PutIntegration", input).await.1;
    assert_eq!(message, "Validation Result: warnings : [], errors : [Invalid content type specified: 123]");
}

#[tokio::test]
async fn integrations_and_their_responses_are_patched() {
    let world = world();
    let made = deployed(&world, json!({}), json!({"type": "MOCK"}), &[("200", json!({"selectionPattern": ""}))]).await;
    let key = json!({"restApiId": made.api, "resourceId": made.users, "httpMethod": "POST"});
    let patched = |patches: Value| with(&key, json!({"patchOperations": patches}));
    let changed = world
        .rest(
            "UpdateIntegration",
            patched(json!([
                {"op": "add", "path": "/requestTemplates/application~1json", "value": "{\"statusCode\": 200}"},
                {"op": "replace", "path": "/timeoutInMillis", "value": "50"},
                {"op": "replace", "path": "/passthroughBehavior", "value": "NEVER"},
                {"op": "add", "path": "/requestParameters/integration.request.header.X", "value": "'x'"},
                {"op": "remove", "path": "/requestParameters/integration.request.header.X"},
            ])),
        )
        .await;
    assert_eq!((&changed["timeoutInMillis"], &changed["passthroughBehavior"]), (&json!(50), &json!("NEVER")));
    assert_eq!(changed["requestTemplates"], json!({"application/json": "{\"statusCode\": 200}"}));
    assert_eq!(changed, world.rest("GetIntegration", key.clone()).await);
    for (patch, message) in [
        (json!({"op": "replace", "path": "/type", "value": "HTTP"}), "Invalid patch path /type"),
        (
            json!({"op": "replace", "path": "/timeoutInMillis", "value": "1"}),
            "Timeout should be between 50 ms and 29000 ms",
        ),
        (json!({"op": "remove", "path": "/requestTemplates/a~1b"}), "Content-Type specified was not found"),
        (json!({"op": "remove", "path": "/requestParameters/x"}), "Invalid parameter name specified"),
        (
            json!({"op": "add", "path": "/cacheKeyParameters/integration.request.header.Y"}),
            "Invalid cache key parameter specified",
        ),
    ] {
        assert_eq!(world.refused("apigateway", "UpdateIntegration", patched(json!([patch]))).await.1, message);
    }
    let status = json!({"statusCode": "200"});
    let response = |patches: Value| with(&patched(patches), status.clone());
    world
        .rest(
            "UpdateMethodResponse",
            response(json!([{"op": "add", "path": "/responseParameters/method.response.header.X", "value": "true"}])),
        )
        .await;
    let changed = world
        .rest(
            "UpdateIntegrationResponse",
            response(json!([
                {"op": "replace", "path": "/selectionPattern", "value": "2.."},
                {"op": "add", "path": "/responseParameters/method.response.header.X", "value": "'x'"},
            ])),
        )
        .await;
    assert_eq!(
        (&changed["selectionPattern"], &changed["responseParameters"]["method.response.header.X"]),
        (&json!("2.."), &json!("'x'"))
    );
    for (operation, patch, message) in [
        (
            "UpdateMethodResponse",
            json!({"op": "remove", "path": "/responseModels/a~1b"}),
            "Content-Type specified was not found",
        ),
        (
            "UpdateMethodResponse",
            json!({"op": "replace", "path": "/responseModels/a~1b", "value": "Empty"}),
            "Content-Type specified was not found",
        ),
        (
            "UpdateMethodResponse",
            json!({"op": "replace", "path": "/responseParameters/wrong", "value": "true"}),
            "Invalid parameter name specified",
        ),
        ("UpdateMethodResponse", json!({"op": "add", "path": "/wrong/x"}), "Invalid patch path /wrong/x"),
        (
            "UpdateMethodResponse",
            json!({"op": "add", "path": "/responseModels/a~1b", "value": "None"}),
            "Invalid model identifier specified: None",
        ),
        (
            "UpdateIntegrationResponse",
            json!({"op": "replace", "path": "/statusCode", "value": "201"}),
            "Invalid patch path /statusCode",
        ),
    ] {
        assert_eq!(world.refused("apigateway", operation, response(json!([patch]))).await.1, message);
    }
}

#[tokio::test]
async fn methods_are_tested_before_they_are_deployed() {
    let world = world();
    let made = world.rest_api(json!({})).await;
    let integration = json!({"type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}});
    let key = json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "PUT"});
    world.rest("PutMethod", with(&key, json!({"authorizationType": "AWS_IAM", "apiKeyRequired": true}))).await;
    world.rest("PutIntegration", with(&key, integration)).await;
    let failed = world.rest("TestInvokeMethod", key.clone()).await;
    assert_eq!((&failed["status"], &failed["body"]), (&json!(500), &json!(r#"{"message":"Internal server error"}"#)));
    assert!(failed["log"].as_str().unwrap().contains("No match for output mapping"), "{failed}");
    let response = with(&key, json!({"statusCode": "200"}));
    world.rest("PutMethodResponse", response.clone()).await;
    let template =
        json!({"responseTemplates": {"application/json": "$input.params('id') $stageVariables.v $context.stage"}});
    world.rest("PutIntegrationResponse", with(&response, template)).await;
    let asked = json!({"pathWithQueryString": "/users/7?q=1", "body": "b", "headers": {"X-A": "1"}, "stageVariables": {"v": "w"}});
    let tested = world.rest("TestInvokeMethod", with(&key, asked)).await;
    assert_eq!((&tested["status"], &tested["body"]), (&json!(200), &json!("7 w test-invoke-stage")));
    assert_eq!(tested["headers"], json!({"Content-Type": "application/json"}));
    let log = tested["log"].as_str().unwrap();
    for line in [
        "HTTP Method: PUT, Resource Path: /users/7",
        "Method request path: {id=7}",
        "Method request query string: {q=1}",
        "Method request body before transformations: b",
        "Method response body after transformations: 7 w test-invoke-stage",
        "Successfully completed execution",
        "Method completed with status: 200",
    ] {
        assert!(log.contains(&format!(" : {line}\n")), "{line}: {log}");
    }
    let any = with(&key, json!({"httpMethod": "ANY", "resourceId": made.users}));
    world.rest("PutMethod", with(&any, json!({"authorizationType": "NONE"}))).await;
    let any = world.rest("TestInvokeMethod", with(&any, json!({"httpMethod": "GET"}))).await;
    assert!(any["log"].as_str().unwrap().contains("HTTP Method: GET, Resource Path: /users\n"), "{any}");
    let none = with(&key, json!({"httpMethod": "PATCH"}));
    assert_eq!(world.refused("apigateway", "TestInvokeMethod", none).await.1, "Invalid Method identifier specified");
}
