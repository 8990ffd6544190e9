//! Extensions in layers, and inside the runtime: what they are told, what waits for them, and how they fail.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use runtime::FunctionSpec;
use serde_json::{Value, json};

use crate::harness::{Harness, invocation, json as value_of, node, python};

/// An extension in Python's standard library. It prints what it is told, and does what its variables say.
const EXTENSION: &str = r#"#!/usr/bin/env python3
import json, os, sys, time, urllib.error, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
name, mode = os.path.basename(sys.argv[0]), os.environ.get("MODE", "")
def call(method, path, headers={}, body=None):
    request = urllib.request.Request(base + path, body and json.dumps(body).encode(), headers, method=method)
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    return answer, json.loads(answer.read())
def say(what):
    print(name, what, flush=True)
if mode == "exit":
    sys.exit(3)
answer, body = call("POST", "/2020-01-01/extension/register", {"Lambda-Extension-Name": name, "Lambda-Extension-Accept-Feature": "accountId"}, {"events": ["INVOKE", "SHUTDOWN"]})
say("registered " + json.dumps(body, sort_keys=True))
say("environment " + " ".join(sorted(key for key in os.environ if key in ("_HANDLER", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_FUNCTION_NAME"))))
id = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
if mode == "init error":
    call("POST", "/2020-01-01/extension/init/error", {**id, "Lambda-Extension-Function-Error-Type": "My.Reason"}, {})
    sys.exit(4)
if mode == "telemetry":
    import socket
    listener = socket.create_server(("127.0.0.1", 0))
    destination = {"protocol": "TCP", "port": listener.getsockname()[1]}
    wanted = {"schemaVersion": "2022-12-13", "types": ["platform"], "buffering": {"timeoutMs": 25}, "destination": destination}
    answer, body = call("PUT", "/2022-07-01/telemetry", id, wanted)
    say(f"telemetry {answer.status} {body}")
    say("telemetry " + json.loads(listener.accept()[0].makefile().readline())["type"])
while True:
    _, event = call("GET", "/2020-01-01/extension/event/next", id)
    say("event " + json.dumps(event, sort_keys=True))
    if event["eventType"] == "SHUTDOWN":
        sys.exit(0)
    if mode == "linger":
        while not os.path.exists(os.environ["HOME"] + "/done"):
            time.sleep(0.001)
        say("lingered")
    if mode == "crash":
        sys.exit(5)
"#;

/// Tells that it is asked to end, and ends.
const HANDLER: &str = r#"
import os, signal, sys, time
def bye(*_):
    print("asked to end", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
def handler(event, context):
    if event == "sleep": time.sleep(1000)
    if event == "done": open(os.environ["HOME"] + "/done", "w").close()
    return "answer"
"#;

fn with_extension(harness: &Harness, mut spec: FunctionSpec, mode: &str) -> Arc<FunctionSpec> {
    spec.layers = vec![harness.layer("l", &[("extensions/mine", EXTENSION)])];
    spec.environment = [("MODE".into(), mode.into()), ("PATH".into(), search_path())].into();
    Arc::new(spec)
}

fn python_with_extension(harness: &Harness, mode: &str) -> Arc<FunctionSpec> {
    with_extension(harness, harness.function("f", python(), "index.handler", &[("index.py", HANDLER)]), mode)
}

fn search_path() -> String {
    crate::harness::search_path().to_string_lossy().into_owned()
}

/// The lines so far that begin with `start`, without it.
fn said(harness: &Harness, start: &str) -> Vec<String> {
    let messages = harness.host.messages();
    messages.iter().filter_map(|line| line.strip_prefix(start)).map(|line| line.trim_end().to_string()).collect()
}

async fn until_said(harness: &Harness, start: &str) -> Vec<String> {
    for _ in 0..10_000 {
        let found = said(harness, start);
        if !found.is_empty() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("nobody said {start:?}: {:?}", harness.host.messages());
}

fn event(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

async fn life_of_an_extension(harness: &Harness, spec: &Arc<FunctionSpec>) {
    let mut invocation = invocation("{}");
    invocation.trace_id = Some("Root=1".into());
    let id = invocation.request_id.clone();
    let outcome = harness.runtime.invoke(spec, invocation).await.unwrap();
    assert_eq!(value_of(&outcome), "answer", "{:?}", harness.host.messages());
    assert_eq!(
        event(&until_said(harness, "mine registered ").await[0]),
        json!({"accountId": "000000000000", "functionName": "f", "functionVersion": "$LATEST", "handler": spec.handler})
    );
    assert_eq!(until_said(harness, "mine environment ").await, ["AWS_LAMBDA_FUNCTION_NAME"]);
    assert_eq!(said(harness, "EXTENSION\t"), ["Name: mine\tState: Ready\tEvents: [INVOKE,SHUTDOWN]"]);
    let mut told = event(&until_said(harness, "mine event ").await[0]);
    assert!(told.as_object_mut().unwrap().remove("deadlineMs").unwrap().as_u64().unwrap() > 1_700_000_000_000);
    let arn = "arn:aws:lambda:eu-west-1:000000000000:function:f";
    let tracing = json!({"type": "X-Amzn-Trace-Id", "value": "Root=1"});
    assert_eq!(told, json!({"eventType": "INVOKE", "requestId": id, "invokedFunctionArn": arn, "tracing": tracing}));
    harness.until_idle().await;
    harness.runtime.shutdown(Duration::from_secs(10)).await;
    let last = event(said(harness, "mine event ").last().unwrap());
    assert_eq!((&last["eventType"], &last["shutdownReason"]), (&json!("SHUTDOWN"), &json!("spindown")));
}

#[tokio::test]
async fn an_extension_lives_beside_a_python_function() {
    let harness = Harness::new();
    life_of_an_extension(&harness, &python_with_extension(&harness, "")).await;
    assert_eq!(said(&harness, "asked to end"), [""]);
}

#[tokio::test]
async fn an_extension_lives_beside_a_function_that_is_not_isolated() {
    let harness = Harness::with(|config| config.isolate = false);
    life_of_an_extension(&harness, &python_with_extension(&harness, "")).await;
}

#[tokio::test]
async fn an_extension_lives_beside_a_node_function() {
    let harness = Harness::new();
    let source = "exports.handler = async () => 'answer';";
    let spec = harness.function("f", node(), "index.handler", &[("index.js", source)]);
    life_of_an_extension(&harness, &with_extension(&harness, spec, "")).await;
}

#[tokio::test]
async fn an_extension_lives_beside_a_custom_runtime() {
    let harness = Harness::new();
    let bootstrap = r#"#!/usr/bin/env python3
import http.client, os
api, base = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", base + "next")
    answer = api.getresponse()
    answer.read()
    api.request("POST", base + answer.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", '"answer"')
    api.getresponse().read()
"#;
    let spec = harness.function("f", "provided.al2023", "h", &[("bootstrap", bootstrap)]);
    life_of_an_extension(&harness, &with_extension(&harness, spec, "")).await;
}

#[tokio::test]
async fn the_answer_does_not_wait_for_an_extension_but_the_next_invocation_does() {
    let harness = Harness::new();
    let mut spec = (*python_with_extension(&harness, "linger")).clone();
    spec.instances_max = Some(1);
    let spec = Arc::new(spec);
    assert_eq!(harness.value(&spec, "{}").await, "answer");
    assert!(said(&harness, "mine lingered").is_empty());
    // The only instance is not free, so nobody can tell it to go on.
    let refused = harness.try_invoke(&spec, "\"done\"").await;
    assert_eq!(refused.unwrap_err(), runtime::InvokeError::Throttled);
    assert!(said(&harness, "mine lingered").is_empty());
}

#[tokio::test]
async fn an_extension_that_takes_too_long_ends_the_instance() {
    let harness = Harness::new();
    let mut spec = (*python_with_extension(&harness, "linger")).clone();
    spec.timeout = Duration::from_millis(500);
    assert_eq!(harness.value(&Arc::new(spec), "{}").await, "answer");
    harness.until_instances(0).await;
}

#[tokio::test]
async fn extensions_hear_that_time_was_up() {
    let harness = Harness::new();
    let mut spec = (*python_with_extension(&harness, "")).clone();
    spec.timeout = Duration::from_millis(500);
    assert_eq!(harness.error(&Arc::new(spec), "\"sleep\"").await["errorType"], "Sandbox.Timedout");
    harness.runtime.shutdown(Duration::from_secs(10)).await;
    let last = event(said(&harness, "mine event ").last().unwrap());
    assert_eq!((&last["eventType"], &last["shutdownReason"]), (&json!("SHUTDOWN"), &json!("timeout")));
}

#[tokio::test]
async fn extensions_that_fail_fail_the_function() {
    let failure = async |mode: &str| {
        let harness = Harness::new();
        let invocation = invocation("{}");
        let id = invocation.request_id.clone();
        let outcome = harness.runtime.invoke(&python_with_extension(&harness, mode), invocation).await.unwrap();
        let error = value_of(&outcome);
        let message = error["errorMessage"].as_str().unwrap().replace(&id, "ID");
        (error["errorType"].as_str().unwrap().to_string(), message)
    };
    let expected = |kind: &str, status: &str| (kind.to_string(), format!("RequestId: ID Error: {status}"));
    assert_eq!(failure("exit").await, expected("Extension.Crash", "exit status 3"));
    assert_eq!(failure("init error").await, expected("Extension.InitError", "exit status 4"));
}

#[tokio::test]
async fn an_extension_that_crashes_takes_its_instance_with_it() {
    let harness = Harness::new();
    let spec = python_with_extension(&harness, "crash");
    // Whether the answer is there first is chance, as on Lambda.
    let outcome = harness.invoke(&spec, "{}").await;
    assert!(outcome.function_error.is_none() || value_of(&outcome)["errorType"] == "Extension.Crash");
    harness.until_instances(0).await;
}

#[tokio::test]
async fn an_extension_that_cannot_be_started_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let harness = Harness::new();
    let spec = python_with_extension(&harness, "");
    let file: PathBuf = spec.layers[0].join("extensions/mine");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = harness.error(&spec, "{}").await;
    assert_eq!(error["errorType"], "Extension.LaunchError");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("fork/exec /opt/extensions/mine: permission denied"));
    let line = "Name: mine\tState: LaunchError\tEvents: []\tError Type: PermissionDenied";
    assert_eq!(said(&harness, "EXTENSION\t"), [line]);
}

#[tokio::test]
async fn an_extension_is_told_what_happens_with_and_without_isolation() {
    for isolate in [true, false] {
        let harness = Harness::simulated(isolate);
        assert_eq!(harness.value(&python_with_extension(&harness, "telemetry"), "{}").await, "answer");
        assert_eq!(said(&harness, "mine telemetry "), ["200 OK", "platform.initStart"], "{isolate}");
    }
}

/// An extension that is part of the function's own code.
const INTERNAL: &str = r#"
import http.client, json, os, threading
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
def call(method, path, headers, body=None):
    connection = http.client.HTTPConnection(api)
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, json.loads(answer.read())
def register(name, events):
    return call("POST", "register", {"Lambda-Extension-Name": name}, json.dumps({"events": events}))
refused = register("mine", ["SHUTDOWN"])[2]["errorType"]
id = register("mine", ["INVOKE"])[1]["Lambda-Extension-Identifier"]
twice = register("mine", ["INVOKE"])[2]["errorType"]
events = []
told = threading.Event()
def work():
    while True:
        events.append(call("GET", "event/next", {"Lambda-Extension-Identifier": id})[2])
        told.set()
threading.Thread(target=work, daemon=True).start()
def handler(event, context):
    told.wait(10)
    late = register("late", [])[2]["errorType"]
    unknown = call("GET", "event/next", {"Lambda-Extension-Identifier": "0" * 36})[2]["errorType"]
    missing = call("GET", "event/next", {})[2]["errorType"]
    return [refused, twice, late, unknown, missing, events[0]["requestId"] == context.aws_request_id]
"#;

#[tokio::test]
async fn an_extension_may_be_part_of_the_function() {
    let harness = Harness::new();
    let answer = harness.value(&harness.python(INTERNAL), "{}").await;
    let kinds = [
        "InvalidEventType",
        "InvalidExtensionState",
        "RegistrationClosed",
        "UnknownExtensionIdentifier",
        "MissingExtensionIdentifier",
    ];
    let mut expected: Vec<Value> = kinds.iter().map(|kind| format!("Extension.{kind}").into()).collect();
    expected.push(true.into());
    assert_eq!(answer, Value::from(expected));
    harness.until_idle().await;
}
