//! What Node functions see and answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Harness, invocation, json as value_of, node};

#[tokio::test]
async fn every_kind_of_handler_answers() {
    let harness = Harness::new();
    let handlers = [
        ("async", "exports.handler = async (event) => ({ got: event.a })"),
        ("promise", "exports.handler = (event) => new Promise((done) => setTimeout(() => done({ got: event.a }), 5))"),
        (
            "callback",
            "exports.handler = (event, context, callback) => { setTimeout(() => callback(null, { got: event.a }), 5) }",
        ),
        ("early", "exports.handler = (event, context, callback) => { callback(null, { got: event.a }) }"),
        ("succeed", "exports.handler = (event, context) => { context.succeed({ got: event.a }) }"),
        ("nested", "exports.handler = { };exports.handler = Object.assign(async (e) => ({ got: e.a }))"),
    ];
    for (name, source) in handlers {
        let spec = Arc::new(harness.function(name, node(), "index.handler", &[("index.js", source)]));
        for _ in 0..2 {
            assert_eq!(harness.value(&spec, r#"{"a": "ü"}"#).await, json!({"got": "ü"}), "{name}");
        }
    }
}

#[tokio::test]
async fn every_kind_of_file_is_found() {
    let harness = Harness::new();
    let esm = "import fs from 'node:fs'; import { name } from './name.js'; export const handler = async () => name;";
    let cases: [(&str, &[(&str, &str)]); 8] = [
        (
            "index.handler",
            &[("index.js", "exports.handler = async () => require('./name').name"), ("name.js", "exports.name = 'x'")],
        ),
        (
            "index.handler",
            &[("index.mjs", esm), ("name.js", "export const name = 'x'"), ("package.json", r#"{"type":"module"}"#)],
        ),
        (
            "index.handler",
            &[("index.js", esm), ("name.js", "export const name = 'x'"), ("package.json", r#"{"type":"module"}"#)],
        ),
        (
            "index.handler",
            &[("index.cjs", "exports.handler = async () => 'x'"), ("package.json", r#"{"type":"module"}"#)],
        ),
        ("src/handlers/user.create", &[("src/handlers/user.js", "exports.create = async () => 'x'")]),
        ("index.api.create", &[("index.js", "exports.api = { create: async () => 'x' }")]),
        (
            "index.handler",
            &[("index.mjs", "const ready = await Promise.resolve('x'); export const handler = async () => ready")],
        ),
        ("index.handler", &[("index.mjs", "export default { handler: async () => 'x' }")]),
    ];
    for (number, (handler, files)) in cases.into_iter().enumerate() {
        let spec = harness.function(&format!("f{number}"), node(), handler, files);
        assert_eq!(harness.value(&Arc::new(spec), "{}").await, "x", "{files:?}");
    }
}

#[tokio::test]
async fn packages_of_layers_are_found_by_both_kinds() {
    let harness = Harness::new();
    let layer = harness.layer(
        "l",
        &[
            ("nodejs/node_modules/dep/package.json", r#"{"main":"main.js"}"#),
            ("nodejs/node_modules/dep/main.js", "module.exports = { name: 'x' }"),
        ],
    );
    for (name, file, source) in [
        ("cjs", "index.js", "const dep = require('dep'); exports.handler = async () => dep.name"),
        ("esm", "index.mjs", "import dep from 'dep'; export const handler = async () => dep.name"),
    ] {
        let mut spec = harness.function(name, node(), "index.handler", &[(file, source)]);
        spec.layers = vec![layer.clone()];
        assert_eq!(harness.value(&Arc::new(spec), "{}").await, "x");
    }
}

#[tokio::test]
async fn errors_have_lambdas_shape() {
    let harness = Harness::new();
    let source = "class Oops extends Error { constructor(m) { super(m); this.name = 'Oops'; this.code = 7 } }\nexports.handler = async (event) => { if (event === 'text') throw 'just text'; throw new Oops('no') }";
    let spec = harness.node(source);
    let outcome = harness.invoke(&spec, "{}").await;
    let error = value_of(&outcome);
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("Oops"), &json!("no")));
    assert_eq!(error["trace"][0], "Oops: no");
    assert!(error["trace"][1].as_str().unwrap().contains("index.js:2"), "{error}");
    assert!(
        outcome.log_tail.contains(
            "\tERROR\tInvoke Error \t{\"errorType\":\"Oops\",\"errorMessage\":\"no\",\"code\":7,\"stack\":[\"Oops: no\""
        ),
        "{}",
        outcome.log_tail
    );
    assert_eq!(
        harness.error(&spec, "\"text\"").await,
        json!({"errorType": "string", "errorMessage": "just text", "trace": []})
    );
}

#[tokio::test]
async fn callbacks_fail_as_lambdas_do() {
    let harness = Harness::new();
    let spec = harness.node("exports.handler = (event, context, callback) => { callback(new TypeError('no')) }");
    assert_eq!(harness.error(&spec, "{}").await["errorType"], "TypeError");
}

#[tokio::test]
async fn failures_to_load_are_told_apart() {
    let harness = Harness::new();
    let cases = [
        ("index.handler", "require('no-such')", "Runtime.ImportModuleError", "Error: Cannot find module 'no-such'"),
        ("other.handler", "", "Runtime.ImportModuleError", "Error: Cannot find module 'other'"),
        ("index.missing", "", "Runtime.HandlerNotFound", "index.missing is undefined or not exported"),
        ("index", "", "Runtime.MalformedHandlerName", "Bad handler index"),
        ("index.handler", "function (", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
        ("index.handler", "throw new RangeError('x')", "RangeError", "x"),
    ];
    for (number, (handler, source, error_type, message)) in cases.into_iter().enumerate() {
        let spec = harness.function(&format!("f{number}"), node(), handler, &[("index.js", source)]);
        let error = harness.error(&Arc::new(spec), "{}").await;
        assert_eq!(error["errorType"], error_type, "{error}");
        assert!(error["errorMessage"].as_str().unwrap().starts_with(message), "{error}");
    }
}

#[tokio::test]
async fn what_nobody_catches_ends_the_instance_and_tells_the_caller() {
    let harness = Harness::new();
    let spec = harness.node("exports.handler = (event, context, callback) => { setTimeout(() => { if (event === 'throw') throw new RangeError('late'); Promise.reject(new Error('lost')); }, 1) ; setTimeout(() => {}, 10000) }");
    let error = harness.error(&spec, "\"throw\"").await;
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("RangeError"), &json!("late")));
    let error = harness.error(&spec, "\"reject\"").await;
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("Runtime.UnhandledPromiseRejection"), &json!("lost"))
    );
}

#[tokio::test]
async fn an_empty_event_loop_answers() {
    let harness = Harness::new();
    let spec = harness.node("exports.handler = (event, context, callback) => { if (event === 1) { let late; setTimeout(() => { late = 'late'; console.log(late) }, 20); callback(null, 'early') } }");
    assert_eq!(harness.value(&spec, "0").await, json!(null));
    let outcome = harness.invoke(&spec, "1").await;
    assert_eq!(value_of(&outcome), "early");
    assert!(outcome.log_tail.contains("\tINFO\tlate\n"), "the answer waits for the timer: {}", outcome.log_tail);
    let never = harness.node("exports.handler = () => new Promise(() => {})");
    assert_eq!(harness.value(&never, "0").await, json!(null));
}

#[tokio::test]
async fn a_callback_need_not_wait_for_the_event_loop() {
    let harness = Harness::new();
    let spec = harness.node("exports.handler = (event, context, callback) => { context.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 100000); callback(null, 'now') }");
    assert_eq!(harness.value(&spec, "0").await, "now");
}

#[tokio::test]
async fn the_log_is_complete_and_worded_as_lambdas() {
    let harness = Harness::new();
    let spec = harness.node("console.log('loading'); exports.handler = async () => { console.log('one', { two: 2 }); console.error('three\\nfour'); console.debug('d'); process.stdout.write('raw'); console.warn('x'.repeat(100000)) }");
    let invocation = invocation("{}");
    let id = &invocation.request_id;
    harness.runtime.invoke(&spec, invocation.clone()).await.unwrap();
    let mut lines = harness.host.messages();
    lines.retain(|line| !line.starts_with("[cloudlet] Node.js "));
    assert!(lines[1].ends_with("Z\tundefined\tINFO\tloading\n"), "{lines:?}");
    let endings = [
        format!("Z\t{id}\tINFO\tone {{ two: 2 }}\n"),
        format!("Z\t{id}\tERROR\tthree\nfour\n"),
        format!("Z\t{id}\tDEBUG\td\n"),
    ];
    for (line, ending) in lines[3..].iter().zip(&endings) {
        assert!(line.ends_with(ending), "{line:?} {ending:?}");
    }
    assert!(lines[6].starts_with("raw20") && lines[6].len() > 100_000);
    assert!(lines[7].starts_with("END RequestId: "));
}

#[tokio::test]
async fn the_context_is_complete() {
    let harness = Harness::new();
    let spec = harness.node("exports.handler = async (event, c) => [c.functionName, c.functionVersion, c.invokedFunctionArn, c.memoryLimitInMB, c.awsRequestId, c.logGroupName, c.logStreamName, c.identity.cognitoIdentityId, c.clientContext.custom, c.getRemainingTimeInMillis() > 0, process.env._X_AMZN_TRACE_ID]");
    let mut invocation = invocation("{}");
    invocation.client_context = Some(r#"{"custom":{"k":"v"}}"#.into());
    invocation.identity = Some(r#"{"cognitoIdentityId":"id"}"#.into());
    invocation.trace_id = Some("Root=1".into());
    let (id, arn) = (invocation.request_id.clone(), invocation.invoked_function_arn.clone());
    let outcome = harness.runtime.invoke(&spec, invocation).await.unwrap();
    let expected =
        json!(["f", "$LATEST", arn, "128", id, "/aws/lambda/f", outcome.log_stream, "id", {"k": "v"}, true, "Root=1"]);
    assert_eq!(value_of(&outcome), expected);
}

#[tokio::test]
async fn results_that_are_no_json_or_too_large_are_errors() {
    let harness = Harness::new();
    let spec = harness.node("exports.handler = async (event) => event === 1 ? { big: 1n } : event === 2 ? 'x'.repeat(6 * 1024 * 1024 + 99) : event");
    assert_eq!(harness.error(&spec, "1").await["errorType"], "Runtime.MarshalError");
    assert_eq!(harness.error(&spec, "2").await["errorType"], "Function.ResponseSizeTooLarge");
    let payload = format!("\"{}\"", "x".repeat(runtime::limits::PAYLOAD_BYTES_MAX - 2));
    assert_eq!(harness.invoke(&spec, &payload).await.payload, payload);
}

#[tokio::test]
async fn time_runs_out_and_exits_are_told() {
    let harness = Harness::new();
    let mut spec = harness.function(
        "f",
        node(),
        "index.handler",
        &[("index.js", "exports.handler = async (event) => { if (event === 'exit') process.exit(4); for (;;); }")],
    );
    spec.timeout = Duration::from_millis(200);
    let spec = Arc::new(spec);
    assert_eq!(harness.error(&spec, "{}").await["errorType"], "Sandbox.Timedout");
    let error = harness.error(&spec, "\"exit\"").await;
    assert_eq!(error["errorType"], "Runtime.ExitError");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("exit status 4"), "{error}");
}
