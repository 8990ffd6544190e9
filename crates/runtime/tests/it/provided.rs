//! Functions that bring their own runtime and speak the Runtime API.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Harness, invocation, json as value_of};

/// A runtime in Python's standard library: echoes, or does what the event says.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import http.client, json, os, sys
api, base = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/"
def call(method, path, body=None, headers={}):
    api.request(method, base + path, body, headers)
    response = api.getresponse()
    return response, response.read()
if os.environ.get("FAIL") == "init":
    call("POST", "init/error", json.dumps({"errorType": "My.Init", "errorMessage": "no"}), {"Lambda-Runtime-Function-Error-Type": "My.Init"})
    sys.exit(1)
print("loaded", flush=True)
while True:
    response, event = call("GET", "invocation/next")
    request, event = response.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(event)
    print("running", request, flush=True)
    if event == "exit":
        sys.exit(3)
    if event == "error":
        call("POST", f"invocation/{request}/error", json.dumps({"errorType": "My.Error", "errorMessage": "no"}))
    elif event == "large":
        status = call("POST", f"invocation/{request}/response", "x" * (6 * 1024 * 1024 + 101))[0].status
        print("status", status, flush=True)
    elif event == "wrong id":
        status = call("POST", "invocation/other/response", "1")[0].status
        call("POST", f"invocation/{request}/response", str(status))
    else:
        headers = {name: value for name, value in response.headers.items() if name.lower().startswith("lambda-")}
        call("POST", f"invocation/{request}/response", json.dumps({"event": event, "headers": headers, "handler": os.environ["_HANDLER"]}))
"#;

#[tokio::test]
async fn the_runtime_api_carries_requests_and_answers() {
    let harness = Harness::new();
    let spec = Arc::new(harness.function("f", "provided.al2023", "my.handler", &[("bootstrap", BOOTSTRAP)]));
    let mut invocation = invocation(r#"{"a": 1}"#);
    invocation.trace_id = Some("Root=1".into());
    invocation.client_context = Some(r#"{"custom":{}}"#.into());
    let id = invocation.request_id.clone();
    let outcome = harness.runtime.invoke(&spec, invocation).await.unwrap();
    let mut answer = value_of(&outcome);
    let deadline = answer["headers"].as_object_mut().unwrap().remove("lambda-runtime-deadline-ms").unwrap();
    assert!(deadline.as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000_000);
    assert_eq!(
        answer,
        json!({
            "event": {"a": 1},
            "handler": "my.handler",
            "headers": {
                "lambda-runtime-aws-request-id": id,
                "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-west-1:000000000000:function:f",
                "lambda-runtime-trace-id": "Root=1",
                "lambda-runtime-client-context": r#"{"custom":{}}"#,
            },
        })
    );
    let lines = harness.host.messages();
    assert_eq!((&lines[1], &lines[3]), (&"loaded\n".to_string(), &format!("running {id}\n")));
    assert_eq!(harness.error(&spec, "\"error\"").await, json!({"errorType": "My.Error", "errorMessage": "no"}));
    assert_eq!(harness.error(&spec, "\"large\"").await["errorType"], "Function.ResponseSizeTooLarge");
    assert_eq!(harness.value(&spec, "\"wrong id\"").await, 400);
    assert_eq!(harness.error(&spec, "\"exit\"").await["errorType"], "Runtime.ExitError");
    assert_eq!(harness.value(&spec, "7").await["event"], 7);
}

#[tokio::test]
async fn a_failed_init_is_told() {
    let harness = Harness::new();
    let mut spec = harness.function("f", "provided.al2023", "h", &[("bootstrap", BOOTSTRAP)]);
    spec.environment = [("FAIL".into(), "init".into())].into();
    assert_eq!(harness.error(&Arc::new(spec), "{}").await, json!({"errorType": "My.Init", "errorMessage": "no"}));
}

#[tokio::test]
async fn a_missing_or_broken_bootstrap_is_told() {
    let harness = Harness::new();
    let spec = harness.function("none", "provided.al2023", "h", &[("other", "")]);
    assert_eq!(harness.error(&Arc::new(spec), "{}").await["errorType"], "Runtime.InvalidEntrypoint");
    let spec = harness.function("broken", "provided.al2", "h", &[("bootstrap", "#!/no/such/interpreter\n")]);
    assert_eq!(harness.error(&Arc::new(spec), "{}").await["errorType"], "Runtime.InvalidEntrypoint");
    let spec = harness.function("exits", "provided", "h", &[("bootstrap", "#!/bin/sh\necho bye\nexit 9\n")]);
    let error = harness.error(&Arc::new(spec), "{}").await;
    assert!(error["errorMessage"].as_str().unwrap().ends_with("exit status 9"), "{error}");
}

#[tokio::test]
async fn a_layer_may_bring_the_bootstrap_and_time_runs_out() {
    let harness = Harness::new();
    let mut spec = harness.function("f", "provided.al2023", "h", &[("data", "")]);
    spec.layers = vec![harness.layer("l", &[("bootstrap", BOOTSTRAP)])];
    assert_eq!(harness.value(&Arc::new(spec), "7").await["event"], 7);
    let slow = "#!/bin/sh\nexec sleep 1000\n";
    let mut spec = harness.function("slow", "provided.al2023", "h", &[("bootstrap", slow)]);
    spec.timeout = Duration::from_millis(100);
    spec.key = "slow".into();
    let _never_ready = tokio::time::timeout(Duration::from_millis(300), harness.invoke(&Arc::new(spec), "{}")).await;
    harness.runtime.shutdown(Duration::ZERO).await;
}

#[tokio::test]
#[ignore = "installs from PyPI"]
async fn the_official_python_client_runs_unmodified() {
    let harness = Harness::new();
    let bootstrap = "#!/bin/sh\nexec python3 -m awslambdaric \"$_HANDLER\"\n";
    let source = "import logging\ndef handler(event, context):\n  logging.getLogger().warning('hello')\n  if event == 'fail': raise ValueError('no')\n  return [event, context.aws_request_id, context.function_name, context.get_remaining_time_in_millis() > 0]";
    let spec =
        harness.function("f", "provided.al2023", "index.handler", &[("bootstrap", bootstrap), ("index.py", source)]);
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "awslambdaric", "--target"];
    let status = std::process::Command::new("python3").args(pip).arg(&spec.code).status().unwrap();
    assert!(status.success());
    let mut spec = spec;
    spec.environment = [("PATH".into(), std::env::var("PATH").unwrap())].into();
    let spec = Arc::new(spec);
    let invocation = invocation("{}");
    let id = invocation.request_id.clone();
    let outcome = harness.runtime.invoke(&spec, invocation).await.unwrap();
    assert_eq!(value_of(&outcome), json!([{}, id, "f", true]));
    assert!(outcome.log_tail.contains(&format!("Z\t{id}\thello\n")), "{}", outcome.log_tail);
    for _ in 0..3 {
        let error = harness.error(&spec, "\"fail\"").await;
        assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("ValueError"), &json!("no")));
    }
}
