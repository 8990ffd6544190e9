//! What stages tell of their requests, and who may let them.

use std::sync::{Arc, Mutex};

use base::Arn;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use service::{Api, BoxFuture, Cx, Error, Invoked, Service, Target};
use testkit::TestCloud;

use super::rest_integrations::Everybody;
use super::{Function, World, text};
use crate::ApiGateway;
use crate::front::access_log::{Destination, deliver_lines};
use crate::limits;

const GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/x";

/// Who wrote, where, and the lines.
type Written = (String, String, Vec<String>);

/// What was written to log groups.
#[derive(Clone, Default)]
struct Groups {
    written: Arc<Mutex<Vec<Written>>>,
    fails: Arc<Mutex<Option<Error>>>,
}

impl Target for Groups {
    fn invoke(&self, cx: Cx, to: Arn, event: Bytes) -> BoxFuture<Result<Invoked, Error>> {
        let failure = self.fails.lock().unwrap().clone();
        if failure.is_none() {
            let event: Value = serde_json::from_slice(&event).unwrap();
            let lines = event["events"].as_array().unwrap().iter();
            let lines = lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect();
            self.written.lock().unwrap().push((cx.caller().user_id.clone(), to.to_string(), lines));
        }
        let answer = super::payload("{}");
        Box::pin(async move { failure.map_or(answer, Err) })
    }
}

struct Logged {
    world: World,
    state: Arc<ApiGateway>,
    groups: Groups,
}

impl std::ops::Deref for Logged {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Logged {
    fn new() -> Logged {
        Logged::with(TestCloud::new)
    }

    fn with(cloud: impl Fn(Vec<Service>) -> TestCloud) -> Logged {
        let (state, function, groups) = (super::state(), Function::default(), Groups::default());
        let lambda = Service::builder(Api::named("lambda"), Arc::new(())).target(function.clone()).build();
        let logs = Service::builder(Api::named("logs"), Arc::new(())).target(groups.clone()).build();
        let services = crate::services_of(state.clone()).into_iter().chain([lambda, logs]);
        Logged { world: World::of(cloud(services.collect()), function), state, groups }
    }

    /// What has been written since the last time, once all has been.
    async fn written(&self) -> Vec<Written> {
        assert!(!deliver_lines(&self.state, &self.cloud.cloud.system()).await);
        std::mem::take(&mut *self.groups.written.lock().unwrap())
    }

    /// The lines of one log.
    async fn lines(&self) -> Vec<String> {
        self.written().await.into_iter().flat_map(|(_, _, lines)| lines).collect()
    }

    async fn patch_stage(&self, api: &str, patches: Value) -> Value {
        self.rest("UpdateStage", json!({"restApiId": api, "stageName": "dev", "patchOperations": patches})).await
    }
}

fn replace(path: &str, value: &str) -> Value {
    json!({"op": "replace", "path": path, "value": value})
}

fn log_of(format: &str) -> Value {
    json!([replace("/accessLogSettings/destinationArn", GROUP), replace("/accessLogSettings/format", format)])
}

#[tokio::test]
async fn each_request_of_a_rest_api_has_a_line() {
    let world = Logged::new();
    let made = world.rest_api(json!({})).await;
    world.deploy(&made.api, "dev").await;
    let url = |path: &str| format!("/_aws/execute-api/{}/dev{path}", made.api);
    world.get(&url("/users/1")).await;
    assert!(world.written().await.is_empty(), "nobody has asked for a log");
    let format = "$context.httpMethod $context.resourcePath $context.path $context.status $context.responseLength \
        $context.integrationStatus $context.error.responseType $context.error.messageString $context.requestId";
    let stage = world.patch_stage(&made.api, log_of(format)).await;
    assert_eq!(stage["accessLogSettings"], json!({"destinationArn": GROUP, "format": format}));
    let answered = world.get(&url("/users/1%22")).await;
    let id = super::header(&answered, "x-amzn-requestid").to_owned();
    world.get(&url("/nowhere")).await;
    world.crashes();
    world.get(&url("/users/2")).await;
    let written = world.written().await;
    let (who, group, lines) = &written[0];
    assert_eq!((written.len(), who.as_str(), group.as_str()), (1, "apigateway.amazonaws.com", GROUP));
    assert_eq!(lines[0], format!("GET /users/{{id}} /dev/users/1%22 200 2 200 - - {id}"));
    assert!(
        lines[1]
            .starts_with("GET - /dev/nowhere 403 42 - MISSING_AUTHENTICATION_TOKEN \"Missing Authentication Token\" "),
        "{}",
        lines[1]
    );
    assert!(lines[2].contains(" 502 35 - INTEGRATION_FAILURE \"Internal server error\" "), "{}", lines[2]);
    let none = world.patch_stage(&made.api, json!([{"op": "remove", "path": "/accessLogSettings"}])).await;
    assert_eq!(none.get("accessLogSettings"), None);
    // The format may be said later.
    let begun = world.patch_stage(&made.api, json!([replace("/accessLogSettings/destinationArn", GROUP)])).await;
    assert_eq!(begun["accessLogSettings"], json!({"destinationArn": GROUP}));
    for (patch, message) in [
        (replace("/accessLogSettings/format", ""), "Access Log value must not be empty"),
        (
            replace("/accessLogSettings/x", "1"),
            "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]",
        ),
        (
            json!({"op": "remove", "path": "/accessLogSettings/x"}),
            "Cannot remove method setting accessLogSettings/x because there is no method setting for this method ",
        ),
    ] {
        let input = json!({"restApiId": made.api, "stageName": "dev", "patchOperations": [patch]});
        assert_eq!(world.refused("apigateway", "UpdateStage", input).await.1, message);
    }
    world.get(&url("/users/1")).await;
    assert!(world.written().await.is_empty());
}

#[tokio::test]
async fn execution_logs_tell_as_much_as_stages_ask() {
    let world = Logged::new();
    let made = world.rest_api(json!({})).await;
    world.deploy(&made.api, "dev").await;
    let url = format!("/_aws/execute-api/{}/dev/users/1?q=2", made.api);
    let get =
        || Request::get(&url).header("host", "localhost:4566").header("x-api-key", "abcdefghijklmnopqrstuvwx123456");
    let stage = world.patch_stage(&made.api, json!([replace("/*/*/logging/loglevel", "ERROR")])).await;
    assert_eq!(stage["methodSettings"]["*/*"]["loggingLevel"], "ERROR");
    world.send(get(), b"").await;
    assert!(world.written().await.is_empty());
    world.crashes();
    world.send(get(), b"").await;
    let written = world.written().await;
    let group = format!("arn:aws:logs:us-east-1:000000000000:log-group:API-Gateway-Execution-Logs_{}/dev", made.api);
    assert_eq!(written[0].1, group);
    assert!(written[0].2[0].ends_with(") Execution failed due to configuration error: The function failed"));
    world.answers(r#"{"statusCode":200,"body":"secret body"}"#);
    world.patch_stage(&made.api, json!([replace("/~1users~1{id}/GET/logging/loglevel", "INFO")])).await;
    world.send(get(), b"").await;
    let lines = world.lines().await.join("\n");
    for line in [
        ") Starting execution for request: ",
        ") HTTP Method: GET, Resource Path: /users/1",
        ") Method completed with status: 200",
    ] {
        assert!(lines.contains(line), "{lines}");
    }
    assert!(!lines.contains("secret body") && !lines.contains("q=2"), "{lines}");
    world.patch_stage(&made.api, json!([replace("/*/*/logging/dataTrace", "true")])).await;
    world.send(get(), b"").await;
    let lines = world.lines().await.join("\n");
    for line in ["secret body", "{q=2}", "x-api-key=****************123456"] {
        assert!(lines.contains(line), "{lines}");
    }
    assert!(!lines.contains("abcdefghijk"), "the event of the function is shown, and its secrets are not: {lines}");
}

#[tokio::test]
async fn requests_of_http_apis_are_told_with_their_routes() {
    let world = Logged::new();
    let api = world.http_api(json!({}), "2.0", &["GET /users/{id}"]).await;
    let format = "{\"route\":\"$context.routeKey\",\"status\":\"$context.status\",\"bytes\":$context.responseLength,\"error\":\"$context.error.message\",\"id\":\"$context.requestId\",\"agent\":\"$context.identity.userAgent\"}";
    let log = json!({"destinationArn": format!("{GROUP}:*"), "format": format});
    let input = json!({"apiId": api, "stageName": "$default", "accessLogSettings": log});
    assert_eq!(world.http("UpdateStage", input).await["accessLogSettings"], log);
    let get = |path: &str| Request::get(format!("/_aws/execute-api/{api}{path}")).header("host", "localhost:4566");
    let answered = world.send(get("/users/1").header("user-agent", "a\"b"), b"").await;
    let id = super::header(&answered, "apigw-requestid").to_owned();
    assert_eq!(text(&answered), (200, "hi"));
    world.send(get("/nowhere"), b"").await;
    let lines = world.lines().await;
    let told: Value = serde_json::from_str(&lines[0]).unwrap();
    let expected =
        json!({"route": "GET /users/{id}", "status": "200", "bytes": 2, "error": "-", "id": id, "agent": "a\"b"});
    assert_eq!(told, expected);
    let told: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!((&told["route"], &told["status"], &told["error"]), (&json!("-"), &json!("404"), &json!("Not Found")));
    world.http("DeleteAccessLogSettings", json!({"apiId": api, "stageName": "$default"})).await;
    let stage = world.http("GetStage", json!({"apiId": api, "stageName": "$default"})).await;
    assert_eq!(stage.get("accessLogSettings"), None);
}

#[tokio::test]
async fn logs_name_a_group_and_a_request() {
    let world = Logged::new();
    let made = world.rest_api(json!({})).await;
    world.deploy(&made.api, "dev").await;
    let api = world.http_api(json!({}), "2.0", &[]).await;
    let stream = "arn:aws:firehose:us-east-1:000000000000:deliverystream/amazon-apigateway-x";
    for (destination, format, code) in [
        (stream, "$context.requestId", "NotImplemented"),
        ("arn:aws:kinesis:us-east-1:000000000000:stream/x", "$context.requestId", "BadRequestException"),
        ("arn:aws:logs:us-east-1:111111111111:log-group:x", "$context.requestId", "BadRequestException"),
        (GROUP, "$context.status", "BadRequestException"),
        (GROUP, "", "BadRequestException"),
        ("", "$context.requestId", "BadRequestException"),
    ] {
        let patches = json!([
            replace("/accessLogSettings/destinationArn", destination),
            replace("/accessLogSettings/format", format),
        ]);
        let input = json!({"restApiId": made.api, "stageName": "dev", "patchOperations": patches});
        assert_eq!(world.refused("apigateway", "UpdateStage", input).await.0, code, "{destination} {format}");
        let log = json!({"destinationArn": destination, "format": format});
        let input = json!({"apiId": api, "stageName": "x", "accessLogSettings": log});
        assert_eq!(world.refused("apigatewayv2", "CreateStage", input).await.0, code, "{destination} {format}");
    }
}

#[tokio::test]
async fn a_role_of_the_region_writes_the_logs_of_rest_apis() {
    let world = Logged::new();
    let account = world.rest("GetAccount", json!({})).await;
    let throttle = json!({"burstLimit": 5_000, "rateLimit": 10_000.0});
    assert_eq!(account, json!({"throttleSettings": throttle, "features": ["UsagePlans"], "apiKeyVersion": "4"}));
    let role = "arn:aws:iam::000000000000:role/logs";
    let patch = |value: &str| json!({"patchOperations": [replace("/cloudwatchRoleArn", value)]});
    assert_eq!(world.rest("UpdateAccount", patch(role)).await["cloudwatchRoleArn"], role);
    for wrong in ["role", "arn:aws:iam::111111111111:role/logs"] {
        assert_eq!(world.refused("apigateway", "UpdateAccount", patch(wrong)).await.0, "BadRequestException");
    }
    assert_eq!(world.rest("UpdateAccount", patch("")).await.get("cloudwatchRoleArn"), None);
    // In a cloud where roles may do nothing, and in one where they may do everything.
    let everybody = || Logged::with(|services| TestCloud::with_access(services, Arc::new(Everybody)));
    for (world, writer) in [(Logged::new(), None), (everybody(), Some("logs:APIGatewayLogs"))] {
        world.rest("UpdateAccount", patch(role)).await;
        let made = world.rest_api(json!({})).await;
        world.deploy(&made.api, "dev").await;
        world.patch_stage(&made.api, log_of("$context.requestId")).await;
        world.get(&format!("/_aws/execute-api/{}/dev/users/1", made.api)).await;
        let written = world.written().await;
        assert_eq!(written.first().map(|(who, ..)| who.as_str()), writer);
    }
}

#[tokio::test]
async fn lines_wait_for_a_log_that_fails_and_those_without_room_are_counted() {
    let world = Logged::new();
    let made = world.rest_api(json!({})).await;
    world.deploy(&made.api, "dev").await;
    world.patch_stage(&made.api, log_of("$context.requestId")).await;
    let url = format!("/_aws/execute-api/{}/dev/users/1", made.api);
    *world.groups.fails.lock().unwrap() = Some(Error::new(500, "InternalFailure", "later"));
    world.get(&url).await;
    let system = world.cloud.cloud.system();
    assert!(deliver_lines(&world.state, &system).await, "it stays");
    *world.groups.fails.lock().unwrap() = None;
    assert_eq!(world.lines().await.len(), 1);
    *world.groups.fails.lock().unwrap() = Some(Error::new(400, "AccessDeniedException", "never"));
    world.get(&url).await;
    assert!(!deliver_lines(&world.state, &system).await, "what is refused once is refused again");
    *world.groups.fails.lock().unwrap() = None;
    let of = Destination {
        group: GROUP.into(),
        region: "us-east-1".into(),
        account: "000000000000".into(),
        api: made.api.clone(),
        stage: "dev".into(),
        is_rest: true,
        needs_role: false,
    };
    // What was given with a role has no other writer.
    world.state.journal.note(Destination { needs_role: true, ..of.clone() }, base::Timestamp(0), "x".into());
    assert!(world.lines().await.is_empty());
    let long = "x".repeat(limits::ACCESS_LOG_BYTES_MAX - 10);
    world.state.journal.note(of, base::Timestamp(0), long);
    world.get(&url).await;
    assert_eq!(world.lines().await.len(), 1, "the request was answered, and has no line");
}
