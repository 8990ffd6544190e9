//! Who may: signatures and policies, refused in each protocol's words.

use std::time::Duration;

use gateway::Limits;

use crate::client::{Answer, Signed, form, json, rest};
use crate::fake::{limits, start, start_with};

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(code) || answer.has(&format!("x-amzn-errortype: {code}")), "{answer:?}");
}

#[tokio::test]
async fn unsigned_calls_are_refused() {
    let fake = start().await;
    let call = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-amz-target: Echo_2020.Say\r\ncontent-length: 2\r\n\r\n{}";
    refused(&fake.client.unsigned(call).await, 400, "MissingAuthenticationTokenException");
    let call = "GET /?Action=Say&Version=2020-01-01 HTTP/1.0\r\n\r\n";
    refused(&fake.client.unsigned(call).await, 403, "<Code>MissingAuthenticationToken</Code>");
    let call = "GET /books/b HTTP/1.0\r\n\r\n";
    refused(&fake.client.unsigned(call).await, 403, "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn wrong_keys_and_secrets_are_refused() {
    let fake = start().await;
    let call = json("Echo_2020.Say", "{}");
    refused(&fake.client.send(Signed { key: "NOBODY", ..call.clone() }).await, 400, "UnrecognizedClientException");
    refused(&fake.client.send(Signed { secret: "wrong", ..call.clone() }).await, 400, "InvalidSignatureException");
    refused(&fake.client.send(Signed { key: "OLD", ..call.clone() }).await, 400, "ExpiredTokenException");
    refused(&fake.client.send(Signed { service: "books", ..call }).await, 400, "InvalidSignatureException");
    let call = form("Action=Say");
    refused(
        &fake.client.send(Signed { key: "NOBODY", ..call.clone() }).await,
        403,
        "<Code>InvalidClientTokenId</Code>",
    );
    refused(&fake.client.send(Signed { secret: "wrong", ..call }).await, 403, "<Code>SignatureDoesNotMatch</Code>");
}

#[tokio::test]
async fn tampered_and_stale_calls_are_refused() {
    let fake = start().await;
    let text = fake.client.text(&json("Echo_2020.Say", r#"{"Text":"good"}"#), "connection: close\r\n");
    refused(&fake.client.unsigned(&text.replace("good", "evil")).await, 400, "InvalidSignatureException");
    fake.client.env.advance(Duration::from_secs(6 * 60));
    refused(&fake.client.unsigned(&text).await, 400, "Signature expired");
}

#[tokio::test]
async fn headers_that_say_what_is_called_must_be_signed() {
    let fake = start().await;
    let call = Signed { method: "GET", uri: "/?Action=Say&Version=2020-01-01", ..Signed::default() };
    let text = fake.client.text(&call, "connection: close\r\n");
    assert_eq!(fake.client.unsigned(&text).await.status, 200);
    let another = text.replace("connection: close", "connection: close\r\nx-amz-target: Echo_2020.WhereAmI");
    let answer = fake.client.unsigned(&another).await;
    refused(&answer, 400, "InvalidSignatureException");
    assert!(answer.body.contains("not signed: x-amz-target"), "{answer:?}");
}

#[tokio::test]
async fn paths_that_resolve_to_another_are_nowhere() {
    let fake = start().await;
    // Signatures are over the resolved path, so this one holds for both.
    let text = fake.client.text(&rest("GET", "/books/b", ""), "connection: close\r\n");
    for path in ["/books/./b", "/books/x/../b", "/books/../books/b"] {
        assert_eq!(fake.client.unsigned(&text.replace("/books/b", path)).await.status, 404, "{path}");
    }
    assert_eq!(fake.client.unsigned(&text).await.status, 200);
}

#[tokio::test]
async fn strangers_get_little_memory() {
    let fake = start_with(Limits { stranger_body_bytes: 10, ..limits() }).await;
    let call = json("Echo_2020.Say", r#"{"Text":"more than ten bytes"}"#);
    assert_eq!(fake.client.send(call.clone()).await.status, 200);
    refused(&fake.client.send(Signed { key: "NOBODY", ..call }).await, 400, "UnrecognizedClientException");
    let call = "POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: Echo_2020.Say\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 900\r\n\r\n";
    refused(&fake.client.unsigned(call).await, 400, "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn a_signature_that_cannot_be_read_is_named_first() {
    let fake = start().await;
    let call = "GET /?Action=Nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 x\r\n\r\n";
    refused(&fake.client.unsigned(call).await, 400, "<Code>IncompleteSignature</Code>");
}

#[tokio::test]
async fn callers_without_permission_are_refused() {
    let fake = start().await;
    let answer = fake.client.send(Signed { key: "USER", ..json("Echo_2020.Say", "{}") }).await;
    refused(&answer, 400, "AccessDeniedException");
    assert!(answer.body.contains("user/u may not echo:Say on *"), "{answer:?}");
    let answer = fake.client.send(Signed { key: "USER", ..rest("GET", "/books/b", "") }).await;
    assert!(answer.body.contains("user/u may not books:GetBook on *"), "{answer:?}");
}
