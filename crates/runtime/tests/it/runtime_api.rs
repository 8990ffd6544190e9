//! Who may use an instance's Runtime API, and how much of the server it takes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Harness, invocation, json as value_of};

/// A runtime that answers with the value of the Python expression that is the event.
const EVALUATES: &str = r#"#!/usr/bin/env python3
import http.client, json, os, socket
address, base = os.environ["AWS_LAMBDA_RUNTIME_API"], "/2018-06-01/runtime/invocation/"
api = http.client.HTTPConnection(address)
def call(method, path, body=None):
    api.request(method, base + path, body)
    response = api.getresponse()
    return response, response.read()
def connect(head):
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(f"{head} HTTP/1.1\r\nhost: x\r\ncontent-length: {6_000_000 if head.startswith('POST') else 0}\r\n\r\n".encode())
    return connection
def status(connection, seconds=10):
    connection.settimeout(seconds)
    try: return int(connection.recv(4096).split()[1])
    except TimeoutError: return 0
while True:
    response, event = call("GET", "next")
    request = response.headers["Lambda-Runtime-Aws-Request-Id"]
    call("POST", f"{request}/response", json.dumps(eval(json.loads(event))))
"#;

#[tokio::test]
async fn a_foreign_process_gets_nothing() {
    let harness = Harness::new();
    let spec = Arc::new(harness.function("f", "provided.al2023", "h", &[("bootstrap", EVALUATES)]));
    let address = harness.value(&spec, "\"address\"").await;
    let mut foreign = TcpStream::connect(address.as_str().unwrap()).unwrap();
    foreign.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n";
    // It may be closed before.
    let _ = foreign.write_all(request);
    let answer = tokio::task::spawn_blocking(move || foreign.read(&mut [0; 100]).map_err(|error| error.kind()));
    // The function's own connection goes on meanwhile.
    assert_eq!(harness.value(&spec, "\"1 + 1\"").await, 2);
    let answer = answer.await.unwrap();
    assert!(matches!(answer, Ok(0) | Err(std::io::ErrorKind::ConnectionReset)), "{answer:?}");
}

#[tokio::test]
async fn any_process_of_the_instance_is_served() {
    let harness = Harness::new();
    let files = [("bootstrap", "#!/bin/sh\npython3 /var/task/runtime.py\nexit 7\n"), ("runtime.py", EVALUATES)];
    let spec = Arc::new(harness.function("f", "provided.al2023", "h", &files));
    assert_eq!(harness.value(&spec, "\"1 + 1\"").await, 2);
}

#[tokio::test]
async fn connections_of_one_instance_are_few() {
    let harness = Harness::new();
    let spec = Arc::new(harness.function("f", "provided.al2023", "h", &[("bootstrap", EVALUATES)]));
    // With the one that brought the event, thirty-two are answered; another waits until one of them is closed.
    let event = "[few := [connect('GET /') for _ in range(31)], [status(c) for c in few] == [404] * 31, late := connect('GET /'), status(late, 0.2), few.pop().close(), status(late), late.close()][1::2]";
    assert_eq!(harness.value(&spec, &json!(event).to_string()).await, json!([true, 0, 404]));
}

#[tokio::test]
async fn what_answers_no_invocation_is_not_read() {
    let harness = Harness::new();
    let spec = Arc::new(harness.function("f", "provided.al2023", "h", &[("bootstrap", EVALUATES)]));
    // The bodies that these announce never come.
    for (path, answer) in [("invocation/x/response", 400), ("invocation/x/error", 400), ("init/error", 202)] {
        let event = format!("status(connect('POST /2018-06-01/runtime/{path}'))");
        assert_eq!(harness.value(&spec, &json!(event).to_string()).await, answer, "{path}");
    }
}

#[tokio::test]
async fn connections_are_kept_after_bodies_that_come_in_chunks() {
    let harness = Harness::new();
    let spec = Arc::new(harness.function("f", "provided.al2023", "h", &[("bootstrap", EVALUATES)]));
    // An answer that is taken, and one that nobody wants. The function tells of the first in its next invocation.
    let first =
        "globals().update(told=call('POST', f'{request}/response', iter([b'[1', b', 2]']))[0].getheader('connection'))";
    assert_eq!(harness.value(&spec, &json!(first).to_string()).await, json!([1, 2]));
    assert_eq!(harness.value(&spec, &json!("[told]").to_string()).await, json!([null]));
    let unwanted =
        "[call('POST', 'x/response', iter([b'x' * size, b'y']))[0].getheader('connection') for size in [1, 200_000]]";
    let told = harness.value(&spec, &json!(unwanted).to_string()).await;
    assert_eq!(told, json!([null, null]));
    // One whose end never comes is answered all the same.
    let endless = r"[c := socket.create_connection(address.split(':')), c.sendall(b'POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n'), status(c)][2]";
    assert_eq!(harness.value(&spec, &json!(endless).to_string()).await, 400);
}

#[tokio::test]
async fn an_answer_that_breaks_off_can_be_given_again() {
    let harness = Harness::new();
    let spec = Arc::new(harness.function("f", "provided.al2023", "h", &[("bootstrap", EVALUATES)]));
    let event = "connect(f'POST {base}{request}/response').close() or __import__('time').sleep(0.05)";
    assert_eq!(harness.value(&spec, &json!(event).to_string()).await, json!(null));
}

#[tokio::test]
async fn what_no_header_carries_is_an_error_of_the_request_alone() {
    let harness = Harness::new();
    let spec = Arc::new(harness.function("f", "provided.al2023", "h", &[("bootstrap", EVALUATES)]));
    assert_eq!(harness.value(&spec, "\"1\"").await, 1);
    let before = harness.pid().await;
    let mut invocation = invocation("\"1\"");
    invocation.client_context = Some("{\n}".into());
    let outcome = harness.runtime.invoke(&spec, invocation).await.unwrap();
    assert_eq!(outcome.function_error, Some("Unhandled"));
    assert_eq!(value_of(&outcome)["errorType"], "Runtime.InvalidHeader");
    assert_eq!(harness.value(&spec, "\"1 + 1\"").await, 2);
    assert_eq!(harness.pid().await, before);
}
