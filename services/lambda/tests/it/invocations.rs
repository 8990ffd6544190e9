//! Invocations that wait for the answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use service::Caller;

use crate::world::{ARN, World, package};

const F: &str = r#"
import os
def handler(event, context):
    print("hello log")
    if event.get("fail"):
        raise ValueError("told to")
    return {"event": event, "stage": os.environ.get("STAGE"), "version": context.function_version,
            "arn": context.invoked_function_arn, "context": context.client_context and context.client_context.custom}
"#;

fn payload(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

#[tokio::test]
async fn a_function_answers_fails_and_logs() {
    let world = World::new().await;
    world.function(F, json!({"Environment": {"Variables": {"STAGE": "dev"}}})).await;
    let context = payload(&json!({"custom": {"k": "v"}}));
    let input =
        json!({"FunctionName": "f", "Payload": payload(&json!({"n": 1})), "LogType": "Tail", "ClientContext": context});
    let (answer, about) = world.invoke(input).await;
    let expected = json!({"event": {"n": 1}, "stage": "dev", "version": "$LATEST", "arn": ARN, "context": {"k": "v"}});
    assert_eq!(answer, expected);
    assert_eq!(
        (&about["StatusCode"], &about["ExecutedVersion"], &about["FunctionError"]),
        (&json!(200), &json!("$LATEST"), &Value::Null)
    );
    let log = String::from_utf8(STANDARD.decode(about["LogResult"].as_str().unwrap()).unwrap()).unwrap();
    assert!(log.contains("START RequestId: ") && log.contains("hello log\n") && log.contains("\nREPORT "), "{log}");

    let (error, about) = world.invoke(json!({"FunctionName": "f", "Payload": payload(&json!({"fail": true}))})).await;
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("ValueError"), &json!("told to")));
    assert_eq!((&about["FunctionError"], &about["StatusCode"]), (&json!("Unhandled"), &json!(200)));
    let (empty, _) = world.invoke(json!({"FunctionName": "f"})).await;
    assert_eq!(empty["event"], json!({}));

    let invoked =
        world.cloud().system().invoke(ARN.parse().unwrap(), Bytes::from_static(b"{\"fail\":1}")).await.unwrap();
    assert_eq!((invoked.function_error.as_deref(), &*invoked.executed_version), (Some("Unhandled"), "$LATEST"));
}

#[tokio::test]
async fn services_need_the_functions_permission() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let source = "arn:aws:execute-api:us-east-1:000000000000:abc/dev/GET/";
    let invoke = async |source: &str| {
        let service = Caller::service(world.cloud().account(), "apigateway.amazonaws.com");
        let caller = Caller { arn: source.parse().unwrap(), ..service };
        let cx = world.cloud().system().with_caller(caller);
        cx.invoke(ARN.parse().unwrap(), Bytes::from_static(b"{}")).await.map_err(|error| error.code)
    };
    assert_eq!(invoke(source).await.unwrap_err(), "AccessDeniedException");
    let input = json!({
        "FunctionName": "f", "StatementId": "api", "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com", "SourceArn": source,
    });
    world.call("AddPermission", input).await;
    assert_eq!(invoke(source).await.unwrap().function_error, None);
    assert_eq!(invoke(&source.replace("dev", "prod")).await.unwrap_err(), "AccessDeniedException");
}

#[tokio::test]
async fn bad_invocations_are_refused() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let refused = |more: Value| {
        let mut input = json!({"FunctionName": "f"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.refused("Invoke", input)
    };
    let no_json = refused(json!({"Payload": STANDARD.encode("{x")})).await;
    assert!(
        no_json.starts_with("InvalidRequestContentException: Could not parse request body into json: "),
        "{no_json}"
    );
    let event =
        json!({"InvocationType": "Event", "Payload": STANDARD.encode(format!("\"{}\"", "x".repeat(1_048_576)))});
    assert_eq!(
        refused(event).await,
        "RequestTooLargeException: Request must be smaller than 1048576 bytes for the InvokeFunction operation"
    );
    assert!(refused(json!({"InvocationType": "Later"})).await.starts_with("ValidationException"));
    assert!(refused(json!({"ClientContext": "?"})).await.starts_with("InvalidRequestContentException"));
    assert_eq!(
        refused(json!({"Qualifier": "live"})).await,
        format!("ResourceNotFoundException: Function not found: {ARN}:live")
    );
    assert_eq!(world.call("Invoke", json!({"FunctionName": "f", "InvocationType": "DryRun"})).await["StatusCode"], 204);
}

#[tokio::test]
async fn versions_and_aliases_run_what_they_name_and_changes_apply_at_once() {
    let world = World::new().await;
    world.function("def handler(event, context): return 'one'", json!({"Publish": true})).await;
    world.call("CreateAlias", json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1"})).await;
    assert_eq!(world.invoke(json!({"FunctionName": "f"})).await.0, "one");
    let code =
        json!({"FunctionName": "f", "ZipFile": package(&[("index.py", "def handler(event, context): return 'two'")])});
    world.call("UpdateFunctionCode", code).await;
    assert_eq!(world.invoke(json!({"FunctionName": "f"})).await.0, "two");
    let (answer, about) = world.invoke(json!({"FunctionName": "f:live"})).await;
    assert_eq!((answer, &about["ExecutedVersion"]), (json!("one"), &json!("1")));
}

#[tokio::test]
async fn reserved_concurrency_is_a_limit() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    world.call("PutFunctionConcurrency", json!({"FunctionName": "f", "ReservedConcurrentExecutions": 0})).await;
    let error = world.try_call("Invoke", json!({"FunctionName": "f"})).await.unwrap_err();
    assert_eq!((error.status, &*error.code, &*error.message), (429, "TooManyRequestsException", "Rate Exceeded."));
    assert_eq!(error.members["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    world.call("PutFunctionConcurrency", json!({"FunctionName": "f", "ReservedConcurrentExecutions": 1})).await;
    world.invoke(json!({"FunctionName": "f"})).await;
    world.invoke(json!({"FunctionName": "f"})).await;
}

#[tokio::test]
async fn layers_are_there_for_the_code() {
    let world = World::new().await;
    let layer = json!({"LayerName": "l", "Content": {"ZipFile": package(&[("python/shared.py", "VALUE = 42")])}});
    let arn = world.call("PublishLayerVersion", layer).await["LayerVersionArn"].clone();
    world.function("import shared\ndef handler(event, context): return shared.VALUE", json!({"Layers": [arn]})).await;
    assert_eq!(world.invoke(json!({"FunctionName": "f"})).await.0, 42);
}
