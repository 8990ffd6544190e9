//! Responses that leave while the function still makes them.

use std::sync::Arc;
use std::time::Duration;

use runtime::{FunctionSpec, Outcome, Part};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::harness::{Harness, invocation, json as value_of, text};

type Running = JoinHandle<Outcome>;

/// Starts an invocation that is read along.
fn start(harness: &Harness, spec: &Arc<FunctionSpec>, payload: &str) -> (mpsc::Receiver<Part>, Running) {
    let (parts, reader) = mpsc::channel(1);
    let (runtime, spec, invocation) = (harness.runtime.clone(), spec.clone(), invocation(payload));
    let running = async move { runtime.invoke_streaming(&spec, invocation, parts).await.unwrap() };
    (reader, tokio::spawn(running))
}

/// All that is left, as text.
async fn rest(reader: &mut mpsc::Receiver<Part>) -> String {
    let mut all = Vec::new();
    while let Some(Part::Bytes(bytes)) = reader.recv().await {
        all.extend_from_slice(&bytes);
    }
    String::from_utf8(all).unwrap()
}

/// Streams, and goes on only when the file that it is told of is there.
const NODE: &str = r#"
const fs = require('node:fs');
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.early) throw new RangeError('early');
  stream.setContentType('text/plain');
  if (event.status) stream = awslambda.HttpResponseStream.from(stream, { statusCode: event.status });
  stream.write('first ');
  if (event.wait) await new Promise((done) => { const timer = setInterval(() => { if (fs.existsSync(event.wait)) { clearInterval(timer); done(); } }, 2); });
  if (event.late) throw new RangeError('late');
  if (event.bytes) for (let sent = 0; sent < event.bytes; sent += 1 << 20) { if (!stream.write(Buffer.alloc(1 << 20, 'x'))) await new Promise((done) => stream.once('drain', done)); }
  stream.write(context.functionName);
  if (!event.open) stream.end();
});
"#;

#[tokio::test]
async fn the_first_bytes_arrive_before_the_handler_ends() {
    let harness = Harness::with(|config| config.isolate = false);
    let spec = harness.node(NODE);
    let gate = harness.cache().join("gate");
    let (mut reader, running) = start(&harness, &spec, &json!({"wait": gate}).to_string());
    assert_eq!(reader.recv().await, Some(Part::Begin(Some("text/plain".into()))));
    assert_eq!(reader.recv().await, Some(Part::Bytes("first ".into())));
    assert!(!running.is_finished());
    std::fs::write(&gate, "").unwrap();
    assert_eq!(rest(&mut reader).await, "f");
    let outcome = running.await.unwrap();
    assert_eq!((text(&outcome).as_str(), outcome.function_error), ("", None));
    // Gathered for a caller that does not read along, also when the handler leaves its stream open.
    assert_eq!(text(&harness.invoke(&spec, "{}").await), "first f");
    assert_eq!(text(&harness.invoke(&spec, r#"{"open": true}"#).await), "first f");
    let with_status = text(&harness.invoke(&spec, r#"{"status": 201}"#).await);
    assert_eq!(with_status, "{\"statusCode\":201}\0\0\0\0\0\0\0\0first f");
}

#[tokio::test]
async fn errors_come_before_a_stream_or_end_it() {
    let harness = Harness::new();
    let spec = harness.node(NODE);
    let (mut reader, running) = start(&harness, &spec, r#"{"early": true}"#);
    assert_eq!(reader.recv().await, None);
    let outcome = running.await.unwrap();
    assert_eq!((&value_of(&outcome)["errorType"], outcome.function_error), (&json!("RangeError"), Some("Unhandled")));
    let (mut reader, running) = start(&harness, &spec, r#"{"late": true}"#);
    assert!(matches!(reader.recv().await, Some(Part::Begin(_))));
    assert_eq!(rest(&mut reader).await, "first ");
    assert_eq!(value_of(&running.await.unwrap())["errorMessage"], "late");
    assert_eq!(text(&harness.invoke(&spec, "{}").await), "first f", "the instance goes on");
}

#[tokio::test]
async fn a_reader_that_leaves_does_not_hold_the_function_up() {
    let harness = Harness::new();
    let spec = harness.node(NODE);
    let (mut reader, running) = start(&harness, &spec, r#"{"bytes": 20971520}"#);
    assert!(matches!(reader.recv().await, Some(Part::Begin(_))));
    drop(reader);
    let outcome = tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
    assert_eq!(outcome.function_error, None);
    let error = harness.error(&spec, r#"{"bytes": 20971520}"#).await;
    assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
}

#[tokio::test]
async fn a_buffered_response_is_the_outcome() {
    let harness = Harness::new();
    let (mut reader, running) = start(&harness, &harness.node("exports.handler = async () => 7"), "{}");
    assert_eq!(reader.recv().await, None);
    assert_eq!(value_of(&running.await.unwrap()), 7);
}

/// Streams in chunks, with an error in the trailers when the event says so.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import base64, http.client, json, os
api = os.environ["AWS_LAMBDA_RUNTIME_API"]
base = "/2018-06-01/runtime/invocation/"
while True:
    connection = http.client.HTTPConnection(api)
    connection.request("GET", base + "next")
    response = connection.getresponse()
    event, request = json.loads(response.read()), response.headers["Lambda-Runtime-Aws-Request-Id"]
    with connection.sock as raw:
        head = f"POST {base}{request}/response HTTP/1.1\r\nHost: {api}\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nContent-Type: text/event-stream\r\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
        raw.sendall(head.encode())
        for chunk in ["one ", "two"]:
            raw.sendall(f"{len(chunk):x}\r\n{chunk}\r\n".encode())
        if event == "cut":
            continue
        trailers = ""
        if event == "fail":
            body = base64.b64encode(json.dumps({"errorType": "My.Error", "errorMessage": "no"}).encode()).decode()
            trailers = f"Lambda-Runtime-Function-Error-Type: My.Error\r\nLambda-Runtime-Function-Error-Body: {body}\r\n"
        raw.sendall(f"0\r\n{trailers}\r\n".encode())
        print(raw.recv(1000).split(b"\r\n")[0].decode(), flush=True)
"#;

#[tokio::test]
async fn the_runtime_api_streams_with_errors_in_trailers() {
    let harness = Harness::new();
    let spec = Arc::new(harness.function("f", "provided.al2023", "h", &[("bootstrap", BOOTSTRAP)]));
    let cases: [(&str, Value); 3] = [
        ("1", Value::Null),
        ("\"fail\"", json!({"errorType": "My.Error", "errorMessage": "no"})),
        ("\"cut\"", json!("Runtime.TruncatedResponse")),
    ];
    for (event, expected) in cases {
        let (mut reader, running) = start(&harness, &spec, event);
        assert_eq!(reader.recv().await, Some(Part::Begin(Some("text/event-stream".into()))));
        assert_eq!(rest(&mut reader).await, "one two", "{event}");
        let outcome = running.await.unwrap();
        let told: Value = serde_json::from_slice(&outcome.payload).unwrap_or_default();
        assert!(told == expected || told["errorType"] == expected, "{event}: {told}");
    }
    assert_eq!(text(&harness.invoke(&spec, "1").await), "one two");
    assert!(harness.host.messages().iter().any(|line| line == "HTTP/1.1 202 Accepted\n"));
}
