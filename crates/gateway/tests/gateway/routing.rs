//! From a request to its operation, in every protocol, and what the lost are told.

use crate::client::{Signed, form, json, rest};
use crate::fake::start;

#[tokio::test]
async fn json_calls_reach_their_operation() {
    let fake = start().await;
    let answer = fake.client.send(json("Echo_2020.Say", r#"{"Text":"hi"}"#)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"Text":"hi"}"#));
    assert!(answer.has("content-type: application/x-amz-json-1.0"));
    assert!(answer.head.contains("x-amzn-requestid: "));
    let answer = fake.client.send(json("Echo_2020.WhereAmI", "")).await;
    assert_eq!(answer.body, r#"{"Text":"http://localhost eu-west-1"}"#);
}

#[tokio::test]
async fn malformed_bodies_answer_aws_errors() {
    let fake = start().await;
    for body in ["{", "[]", r#"{"Text":5}"#, "{}x"] {
        let answer = fake.client.send(json("Echo_2020.Say", body)).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.contains("SerializationException"), "{answer:?}");
    }
    let answer = fake.client.send(json("Echo_2020.Say", r#"{"Text":5}"#)).await;
    assert!(answer.body.contains("Expected a string at Text, got a number"), "{answer:?}");
}

#[tokio::test]
async fn query_calls_reach_their_operation() {
    let fake = start().await;
    let answer = fake.client.send(form("Action=Say&Version=2020-01-01&Text=a+b&Count=3")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("<SayResult><Text>a b</Text><Count>3</Count></SayResult>"), "{answer:?}");
    let get = Signed { method: "GET", uri: "/?Action=Say&Text=x", ..Signed::default() };
    assert!(fake.client.send(get).await.body.contains("<Text>x</Text>"));
    let answer = fake.client.send(form("Action=Say&Count=x")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("<Code>MalformedInput</Code>"), "{answer:?}");
    let answer = fake.client.send(form("Action=Say&Text=%ff")).await;
    assert!(answer.body.contains("<Code>MalformedQueryString</Code>"), "{answer:?}");
}

#[tokio::test]
async fn a_path_stands_for_the_member_that_is_not_given() {
    let fake = start().await;
    let call = |body| Signed { uri: "/a/b", ..form(body) };
    assert!(fake.client.send(call("Action=Say")).await.body.contains("<Text>/a/b</Text>"));
    assert!(fake.client.send(call("Action=Say&Text=x")).await.body.contains("<Text>x</Text>"));
    assert!(fake.client.send(form("Action=Say")).await.body.contains("<Text></Text>"));
}

#[tokio::test]
async fn rest_calls_reach_their_operation() {
    let fake = start().await;
    let answer = fake.client.send(rest("PUT", "/books/a%2Fb", r#"{"Tags":{"x":"y"}}"#)).await;
    assert_eq!((answer.status, answer.body.as_str()), (201, r#"{"Name":"a/b","Tags":{"x":"y"}}"#));
    let answer = fake.client.send(rest("GET", "/books/b?page=7", "")).await;
    assert_eq!(answer.body, r#"{"Name":"b","Page":7}"#);
    let answer = fake.client.send(rest("GET", "/books/b?page=x", "")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.has("x-amzn-errortype: InvalidRequestContentException"), "{answer:?}");
}

#[tokio::test]
async fn cbor_calls_reach_their_operation() {
    let fake = start().await;
    let rpc = Signed {
        uri: "/service/Echo_2020/operation/Say",
        headers: vec![("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")],
        body: "\u{1}",
        ..Signed::default()
    };
    let answer = fake.client.send(rpc.clone()).await;
    assert_eq!(answer.status, 400);
    assert!(answer.has("content-type: application/cbor") && answer.has("smithy-protocol: rpc-v2-cbor"), "{answer:?}");
    let answer = fake.client.send(Signed { body: "", ..rpc }).await;
    assert_eq!((answer.status, answer.body.as_bytes()), (200, &b"\xef\xbf\xbddText`"[..]));
    let headers = vec![("x-amz-target", "Echo_2020.Say"), ("content-type", "application/x-amz-cbor-1.1")];
    let answer = fake.client.send(Signed { headers, ..Signed::default() }).await;
    assert!(answer.has("content-type: application/x-amz-cbor-1.1"), "{answer:?}");
}

#[tokio::test]
async fn unknown_operations_are_told_what_is_near() {
    let fake = start().await;
    let answer = fake.client.send(json("Echo_2020.Sya", "{}")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("com.amazon.coral.service#UnknownOperationException"), "{answer:?}");
    assert!(answer.body.contains("echo has no operation 'Sya'."), "{answer:?}");
    let answer = fake.client.send(json("Echo_2020.WhereImI", "{}")).await;
    assert!(answer.body.contains("Did you mean WhereAmI? `cloudlet operations` lists"), "{answer:?}");
    let answer = fake.client.send(form("Action=Pannic")).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("<Code>InvalidAction</Code>") && answer.body.contains("Did you mean Panic?"),
        "{answer:?}"
    );
    let answer = fake.client.send(json("Nobody.Say", "{}")).await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("UnknownOperationException"), "{answer:?}");
    let answer = fake.client.send(json(&"x".repeat(5000), "{}")).await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.len() < 400, "{answer:?}");
}

#[tokio::test]
async fn what_only_aws_has_is_named() {
    let fake = start().await;
    for request in [json("Echo_2020.Dream", "{}"), form("Action=Dream&Version=2020-01-01")] {
        let answer = fake.client.send(request).await;
        assert_eq!(answer.status, 501);
        assert!(answer.body.contains("NotImplemented") && answer.body.contains("echo:Dream"), "{answer:?}");
    }
    for request in [json("Kinesis_20131202.PutRecord", "{}"), rest("GET", "/x", ""), form("Action=RunInstances")] {
        let answer = fake.client.send(Signed { service: "ec2", ..request }).await;
        assert_eq!(answer.status, 501);
        assert!(answer.body.contains("'ec2' is not implemented") && answer.body.contains("echo, books"), "{answer:?}");
    }
}

#[tokio::test]
async fn paths_and_methods_are_told_apart() {
    let fake = start().await;
    let answer = fake.client.send(rest("DELETE", "/books/b", "")).await;
    assert_eq!(answer.status, 405);
    assert!(answer.body.contains("answers GET and PUT, not 'DELETE'"), "{answer:?}");
    let answer = fake.client.send(rest("GET", "/shelves", "")).await;
    assert_eq!(answer.status, 404);
    assert!(answer.has("x-amzn-errortype: UnknownOperationException"), "{answer:?}");
    let answer = fake.client.unsigned("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(answer.status, 404);
    let answer = fake.client.unsigned("OPTIONS * HTTP/1.0\r\n\r\n").await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn fronts_answer_their_own_host() {
    let fake = start().await;
    let request = "POST /books/b?Action=Say HTTP/1.1\r\nhost: app.localhost\r\nconnection: close\r\nx-amz-target: Echo_2020.Say\r\ncontent-length: 2\r\n\r\nhi";
    assert_eq!(fake.client.unsigned(request).await.body, "app /books/b 2");
}

#[tokio::test]
async fn panics_fail_one_request_alone() {
    let fake = start().await;
    let answer = fake.client.send(json("Echo_2020.Panic", "{}")).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("InternalFailure"), "{answer:?}");
    assert!(!answer.body.contains("asked to"), "the cause stays in the log: {answer:?}");
    let answer = fake.client.unsigned("GET /panic HTTP/1.1\r\nhost: app.localhost\r\nconnection: close\r\n\r\n").await;
    assert_eq!(answer.status, 500);
    assert_eq!(fake.client.send(json("Echo_2020.Panic", r#"{"Text":"calm"}"#)).await.status, 200);
}

#[tokio::test]
async fn health_and_metrics_are_open() {
    let fake = start().await;
    fake.client.send(json("Echo_2020.Say", "{}")).await;
    for path in ["/_cloudlet/health", "/_localstack/health"] {
        let answer = fake.client.unsigned(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        assert!(answer.body.contains(r#""echo":"running""#), "{answer:?}");
    }
    let answer = fake.client.unsigned("GET /_cloudlet/metrics HTTP/1.0\r\n\r\n").await;
    let line = r#"cloudlet_requests_total{service="echo",operation="Say",status="2xx"} 1"#;
    assert!(answer.body.contains(line), "{answer:?}");
    assert_eq!(fake.client.unsigned("POST /_cloudlet/health HTTP/1.0\r\n\r\n").await.status, 405);
    assert_eq!(fake.client.unsigned("GET /_cloudlet/nothing HTTP/1.0\r\n\r\n").await.status, 404);
}
