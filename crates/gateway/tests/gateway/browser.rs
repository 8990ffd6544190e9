//! Calls from pages in a browser.

use crate::client::{Signed, json};
use crate::fake::start;

fn from<'a>(origin: &'a str) -> Signed<'a> {
    let mut request = json("Echo_2020.Say", "{}");
    request.headers.push(("origin", origin));
    request
}

#[tokio::test]
async fn pages_of_this_machine_may_call() {
    let fake = start().await;
    for origin in ["http://localhost:3000", "https://good.example"] {
        let answer = fake.client.send(from(origin)).await;
        assert_eq!(answer.status, 200);
        assert!(answer.has(&format!("access-control-allow-origin: {origin}")), "{answer:?}");
    }
    let failed = fake.client.send(Signed { secret: "wrong", ..from("http://localhost:3000") }).await;
    assert!(failed.has("access-control-allow-origin: http://localhost:3000"), "errors can be read too: {failed:?}");
}

#[tokio::test]
async fn other_pages_may_not_even_with_a_good_signature() {
    let fake = start().await;
    for origin in ["https://evil.example", "null"] {
        let answer = fake.client.send(from(origin)).await;
        assert_eq!(answer.status, 403);
        assert!(!answer.head.contains("access-control-allow-origin"), "{answer:?}");
    }
}

#[tokio::test]
async fn preflights_are_answered() {
    let fake = start().await;
    let preflight = |origin: &str| {
        format!(
            "OPTIONS / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\norigin: {origin}\r\n\
             access-control-request-method: POST\r\naccess-control-request-headers: x-amz-target, authorization\r\n\r\n"
        )
    };
    let answer = fake.client.unsigned(&preflight("http://localhost:3000")).await;
    assert_eq!(answer.status, 204);
    assert!(answer.has("access-control-allow-headers: x-amz-target, authorization"), "{answer:?}");
    assert_eq!(fake.client.unsigned(&preflight("https://evil.example")).await.status, 403);
}

#[tokio::test]
async fn a_page_that_gave_its_name_this_machines_address_is_refused() {
    let fake = start().await;
    let call = "GET /?Action=Say&Version=2020-01-01 HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    let answer = fake.client.unsigned(call).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("not to 'evil.example'"), "{answer:?}");
}
