//! What WebSocket APIs integrate besides functions that are told everything.

use serde_json::{Value, json};

use super::http_integrations::Backend;
use super::rest_integrations::{ROLE, world};
use super::websocket::{refusal, upgrade};
use super::{FUNCTION, World, invocations};

fn with(mut input: Value, more: Value) -> Value {
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// An API whose route has this integration with these responses, and answers.
async fn api(world: &World, route: &str, integration: Value, responses: &[Value]) -> String {
    let api = world.websocket_api(&[]).await;
    add(world, &api, route, integration, responses).await;
    api
}

async fn add(world: &World, api: &str, route: &str, integration: Value, responses: &[Value]) {
    let made = world.http("CreateIntegration", with(json!({"apiId": api}), integration)).await;
    let integration = made["integrationId"].as_str().unwrap();
    for response in responses {
        let of = json!({"apiId": api, "integrationId": integration});
        world.http("CreateIntegrationResponse", with(of, response.clone())).await;
    }
    let input = json!({
        "apiId": api, "routeKey": route, "target": format!("integrations/{integration}"),
        "routeResponseSelectionExpression": "$default",
    });
    let route = world.http("CreateRoute", input).await["routeId"].clone();
    world.http("CreateRouteResponse", json!({"apiId": api, "routeId": route, "routeResponseKey": "$default"})).await;
}

fn service(uri: &str, more: Value) -> Value {
    let uri = format!("arn:aws:apigateway:us-east-1:{uri}");
    let of =
        json!({"integrationType": "AWS", "integrationMethod": "POST", "integrationUri": uri, "credentialsArn": ROLE});
    with(of, more)
}

#[tokio::test]
async fn messages_become_operations_of_services() {
    let world = world();
    let request = json!({"requestTemplates": {"$default": "{\"Text\": \"$input.path('$.say') on $context.routeKey in $context.stage\"}"}});
    let responses = [
        json!({"integrationResponseKey": "/2\\d\\d/", "responseTemplates": {"$default": "#set($all = $input.path('$'))$all.Text by $all.Caller"}}),
        json!({"integrationResponseKey": "$default", "responseTemplates": {"$default": "refused: $input.path('$.message')"}}),
    ];
    let api = api(&world, "say", service("echojson:action/Echo", request), &responses).await;
    let mut client = world.connected(&api).await;
    client.say(r#"{"action":"say","say":"hello"}"#);
    let told = client.told().await;
    let session = "arn:aws:sts::000000000000:assumed-role/api/BackplaneAssumeRoleSession";
    assert_eq!(told, format!("hello on say in dev by {session}"));
    // What the service refuses is answered by the response for its status.
    let passed = service("echojson:action/Echo", json!({"requestTemplates": {"$default": "{}"}}));
    add(&world, &api, "nothing", passed, &responses).await;
    client.say(r#"{"action":"nothing"}"#);
    assert_eq!(client.told().await, "refused: Text is missing");
}

#[tokio::test]
async fn parameters_come_from_messages_and_from_what_is_known() {
    let world = world();
    let parameters = json!({
        "integration.request.querystring.Text": "route.request.body.text",
        "integration.request.header.X-Amz-Target": "'Echo_1.Echo'",
    });
    let responses =
        [json!({"integrationResponseKey": "$default", "responseTemplates": {"$default": "$input.path('$.Text')"}})];
    let request = json!({"requestParameters": parameters, "requestTemplates": {"$default": ""}});
    let api = api(&world, "say", service("echojson:path//", request), &responses).await;
    let mut client = world.connected(&api).await;
    client.say(r#"{"action":"say","text":"from the body"}"#);
    assert_eq!(client.told().await, "from the body");
}

#[tokio::test]
async fn functions_are_told_what_templates_say() {
    let world = world();
    let integration = json!({
        "integrationType": "AWS", "integrationMethod": "POST", "integrationUri": invocations(FUNCTION),
        "requestTemplates": {"short": "{\"short\": true}", "$default": "{\"who\": \"$context.connectionId\", \"said\": $input.json('$.said')}"},
        "templateSelectionExpression": "$request.body.form",
    });
    let responses = [
        json!({"integrationResponseKey": "$default", "responseTemplates": {"$default": "{\"got\": $input.json('$.n')}"}}),
    ];
    let api = api(&world, "$default", integration, &responses).await;
    world.answers(r#"{"n": [1, 2]}"#);
    let mut client = world.connected(&api).await;
    client.say(r#"{"said": {"a": 1}}"#);
    assert_eq!(client.told().await, r#"{"got": [1,2]}"#);
    let event = world.event();
    assert_eq!(event["said"], json!({"a": 1}));
    assert!(event["who"].as_str().unwrap().ends_with('='));
    client.say(r#"{"form": "short"}"#);
    client.told().await;
    assert_eq!(world.event(), json!({"short": true}));
    world.fails_as(FUNCTION, "no");
    client.say("{}");
    assert!(client.told().await.contains("Internal server error"));
}

#[tokio::test]
async fn a_handshake_is_answered_by_what_is_behind_it() {
    let world = world();
    let request = json!({"requestTemplates": {"$default": "{\"Text\": \"$input.params('token')\"}"}});
    let responses = [
        json!({"integrationResponseKey": "/200/", "responseParameters": {"route.response.header.Sec-WebSocket-Protocol": "integration.response.body.Text"}}),
        json!({"integrationResponseKey": "$default", "responseTemplates": {"$default": "{\"message\": \"no\"}"}}),
    ];
    let api = api(&world, "$connect", service("echojson:action/Echo", request), &responses).await;
    let client =
        world.connect(upgrade(&api, "/dev?token=chat").header("sec-websocket-protocol", "chat")).await.unwrap();
    assert_eq!(client.protocol.as_deref(), Some("chat"));
    let Err(refused) = world.connect(upgrade(&api, "/dev")).await else { panic!("the client came in") };
    assert_eq!(refusal(&refused), (400, "no".into()));
}

#[tokio::test]
async fn mocks_choose_their_status_by_what_is_said() {
    let world = world();
    let integration = json!({
        "integrationType": "MOCK",
        "requestTemplates": {"$default": "{\"statusCode\": #if($input.path('$.good') == true)200#else 418#end}"},
    });
    let responses = [
        json!({"integrationResponseKey": "/200/", "responseTemplates": {"$default": "good on $context.routeKey"}}),
        json!({"integrationResponseKey": "/4../", "responseTemplates": {"$default": "bad"}}),
    ];
    let api = api(&world, "$default", integration, &responses).await;
    let mut client = world.connected(&api).await;
    for (said, told) in [(r#"{"good": true}"#, "good on $default"), (r#"{"good": false}"#, "bad")] {
        client.say(said);
        assert_eq!(client.told().await, told);
    }
    // The status is the template's, and never the client's.
    let plain = json!({"integrationType": "MOCK"});
    let responses = [json!({"integrationResponseKey": "/200/", "responseTemplates": {"$default": "fine"}})];
    let api = self::api(&world, "$default", plain, &responses).await;
    let mut client = world.connected(&api).await;
    client.say(r#"{"statusCode": 500}"#);
    assert_eq!(client.told().await, "fine");
}

#[tokio::test]
async fn what_no_template_is_for_passes_or_not() {
    let world = world();
    for (behavior, told) in
        [("WHEN_NO_MATCH", "plain"), ("WHEN_NO_TEMPLATES", "Internal server error"), ("NEVER", "Internal server error")]
    {
        let request = json!({
            "requestTemplates": {"other": "{}"}, "templateSelectionExpression": "none", "passthroughBehavior": behavior,
        });
        let responses =
            [json!({"integrationResponseKey": "$default", "responseTemplates": {"$default": "$input.path('$.Text')"}})];
        let api = api(&world, "$default", service("echojson:action/Echo", request), &responses).await;
        let mut client = world.connected(&api).await;
        client.say(r#"{"Text": "plain"}"#);
        assert!(client.told().await.contains(told), "{behavior}");
    }
}

#[tokio::test]
async fn endpoints_are_told_messages_as_they_are_or_as_templates_make_them() {
    let world = world();
    let backend = Backend::start().await;
    let of = |kind: &str, more: Value| {
        let uri = format!("{}/${{stageVariables.v}}", backend.url);
        with(json!({"integrationType": kind, "integrationMethod": "POST", "integrationUri": uri}), more)
    };
    let api = api(&world, "$default", of("HTTP_PROXY", json!({})), &[]).await;
    world.http("UpdateStage", json!({"apiId": api, "stageName": "dev", "stageVariables": {"v": "x"}})).await;
    let request = json!({
        "requestTemplates": {"$default": "<$input.path('$.a')>"},
        "requestParameters": {"integration.request.header.X-Connection": "context.connectionId", "integration.request.querystring.q": "route.request.body.a"},
    });
    let responses = [json!({"integrationResponseKey": "$default", "responseTemplates": {"$default": "[$input.body]"}})];
    add(&world, &api, "made", of("HTTP", request), &responses).await;
    let mut client = world.connected(&api).await;
    backend.answers("200 OK", "", "as it is");
    client.say("plain text");
    assert_eq!(client.told().await, "as it is");
    let seen = backend.seen();
    assert!(seen.starts_with("POST /x HTTP/1.1\r\n") && seen.ends_with("\r\n\r\nplain text"), "{seen}");
    client.say(r#"{"action": "made", "a": "b c"}"#);
    assert_eq!(client.told().await, "[as it is]");
    let seen = backend.seen().to_ascii_lowercase();
    assert!(seen.starts_with("post /x?q=b%20c http/1.1\r\n") && seen.ends_with("\r\n\r\n<b c>"), "{seen}");
    assert!(seen.contains("x-connection: "), "{seen}");
    backend.answers("404 Not Found", "", "not here");
    client.say(r#"{"action": "made", "a": "b"}"#);
    assert_eq!(client.told().await, "[not here]");
    let integrations = world.http("GetIntegrations", json!({"apiId": api})).await["items"].clone();
    let proxy = integrations.as_array().unwrap().iter().find(|one| one["integrationType"] == "HTTP_PROXY").unwrap();
    let change = json!({"apiId": api, "integrationId": proxy["integrationId"], "timeoutInMillis": 50});
    assert_eq!(world.http("UpdateIntegration", change).await["integrationUri"], proxy["integrationUri"]);
    backend.hangs();
    client.say("plain text");
    assert!(client.told().await.contains("Endpoint request timed out"));
}
