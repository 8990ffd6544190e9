//! Who may: signatures and policies, refused in each protocol's words.

use std::time::Duration;

use crate::client::{Answer, Signed, form, json, rest};
use crate::fake::start;

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
async fn callers_without_permission_are_refused() {
    let fake = start().await;
    let answer = fake.client.send(Signed { key: "USER", ..json("Echo_2020.Say", "{}") }).await;
    refused(&answer, 400, "AccessDeniedException");
    assert!(answer.body.contains("user/u may not echo:Say on *"), "{answer:?}");
    let answer = fake.client.send(Signed { key: "USER", ..rest("GET", "/books/b", "") }).await;
    assert!(answer.body.contains("user/u may not books:GetBook on *"), "{answer:?}");
}
