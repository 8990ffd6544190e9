//! Requests of many behind one proxy: who is believed, what one address has, and what is kept for all of them together.

use std::time::Duration;

use gateway::{Functions, Limits};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{Answer, read_to_end};
use crate::fake::{Fake, limits, start, start_behind_a_proxy, start_with};

fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: app.localhost\r\nconnection: close\r\n{more}\r\n")
}

async fn from(fake: &Fake, address: &str) -> Answer {
    fake.client.unsigned(&get("/from", &format!("x-forwarded-for: {address}\r\nx-forwarded-proto: https\r\n"))).await
}

/// A request of somebody behind the proxy that is not answered.
async fn pending(fake: &Fake, address: &str) -> TcpStream {
    let mut connection = fake.client.connect().await;
    connection.write_all(get("/pending", &format!("x-forwarded-for: {address}\r\n")).as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn nobody_is_believed_who_is_not_named() {
    let fake = start().await;
    assert_eq!(from(&fake, "192.0.2.1").await.body, "127.0.0.1 http");
    let proxied = start_behind_a_proxy(limits(), Functions::default()).await;
    assert_eq!(from(&proxied, "192.0.2.1").await.body, "192.0.2.1 https");
}

#[tokio::test]
async fn a_function_is_not_believed_where_a_proxy_is() {
    let fake = start_behind_a_proxy(limits(), Functions::new(|theirs, ours| theirs.ip() == ours.ip())).await;
    assert_eq!(from(&fake, "192.0.2.1").await.body, "127.0.0.1 http");
}

#[tokio::test]
async fn one_address_has_only_so_many_requests_to_fronts() {
    let fake = start_behind_a_proxy(Limits { address_requests: 1, ..limits() }, Functions::default()).await;
    let waiting = pending(&fake, "192.0.2.1").await;
    let refused = loop {
        let answer = from(&fake, "192.0.2.1").await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("192.0.2.1 has 1 requests under way"), "{refused:?}");
    assert!(refused.body.contains("--trusted-proxy"), "{refused:?}");
    assert_eq!(from(&fake, "192.0.2.2").await.status, 200, "others are served");
    drop(waiting);
    while from(&fake, "192.0.2.1").await.status != 200 {}
}

#[tokio::test]
async fn bodies_for_fronts_have_bounds_of_their_own_wherever_they_are_from() {
    // Half as much as calls have.
    let fake = start_behind_a_proxy(Limits { buffered_bytes: 40, ..limits() }, Functions::default()).await;
    let post = |address: &str, size: usize| {
        let body = "x".repeat(size);
        format!(
            "POST /a HTTP/1.1\r\nhost: app.localhost\r\nconnection: close\r\nx-forwarded-for: {address}\r\ncontent-length: {size}\r\n\r\n{body}"
        )
    };
    assert_eq!(fake.client.unsigned(&post("192.0.2.1", 21)).await.status, 503);
    for address in ["192.0.2.1", "192.0.2.2"] {
        assert_eq!(fake.client.unsigned(&post(address, 20)).await.body, "app /a 20", "what is refused is given back");
    }
    // One that has not come whole has its share all the same.
    let mut half = fake.client.connect().await;
    half.write_all(&post("192.0.2.1", 20).as_bytes()[..post("192.0.2.1", 20).len() - 1]).await.unwrap();
    while fake.client.unsigned(&post("192.0.2.2", 2)).await.status != 503 {}
    drop(half);
    while fake.client.unsigned(&post("192.0.2.2", 2)).await.status != 200 {}
}

#[tokio::test]
async fn there_are_only_so_many_websockets() {
    let fake = start_with(Limits { websockets: 1, ..limits() }).await;
    let asks = "GET /talk HTTP/1.1\r\nhost: app.localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: a2V5\r\n\r\n";
    let mut first = fake.client.connect().await;
    first.write_all(asks.as_bytes()).await.unwrap();
    let mut got = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut first, &mut got).await.unwrap();
    assert_eq!(&got, b"HTTP/1.1 101");
    let refused = async || {
        let mut stream = fake.client.connect().await;
        stream.write_all(asks.replace("connection: upgrade", "connection: upgrade, close").as_bytes()).await.unwrap();
        let mut head = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head).await.unwrap();
        String::from_utf8_lossy(&head).ends_with("503")
    };
    assert!(refused().await);
    assert_eq!(fake.client.unsigned(&get("/x", "")).await.status, 200, "requests go on");
}

#[tokio::test]
async fn who_stops_in_the_middle_of_an_upload_is_told_and_let_go() {
    let fake = start_with(Limits { body_wait: Duration::from_millis(100), ..limits() }).await;
    let mut stream = fake.client.connect().await;
    // So much at once would buy minutes, if what has come did.
    let head = format!("POST / HTTP/1.1\r\nhost: counter.localhost\r\ncontent-length: {}\r\n\r\n", 20 << 20);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 10 << 20]).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with("RequestTimeout"), "{answer}");
}
