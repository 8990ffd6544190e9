//! Clients that mean harm: floods of HTTP/2 frames, requests that hide others, and addresses that want everything.

use std::time::Duration;

use gateway::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{json, read_to_end};
use crate::fake::{limits, start, start_with};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET` of a path on `app.localhost`, by HPACK's static table.
fn get(path: &str) -> Vec<u8> {
    let literal = |index: u8, text: &str| [&[index, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0x82, 0x86], literal(0x44, path), literal(0x41, "app.localhost")].concat()
}

async fn open(stream: &mut TcpStream) {
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
}

#[tokio::test]
async fn requests_that_are_called_off_at_once_end_the_connection() {
    let fake = start_with(Limits { called_off: 100, ..limits() }).await;
    let mut stream = fake.client.connect().await;
    open(&mut stream).await;
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        // Those that wait for an answer that does not come, and so are called off before they are answered.
        for number in 0..200_000_u32 {
            let stream = 2 * number + 1;
            let asked = frame(HEADERS, END_STREAM | END_HEADERS, stream, &get("/pending"));
            let flood = [asked, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat();
            if writer.write_all(&flood).await.is_err() {
                return number;
            }
        }
        u32::MAX
    });
    let mut got = Vec::new();
    let _ = timeout(Duration::from_secs(20), reader.read_to_end(&mut got)).await.expect("the connection ends");
    assert!(writing.await.unwrap() < 100_000, "the flood is cut off");
    assert_eq!(fake.client.send(json("Echo_2020.Say", "{}")).await.status, 200, "others are served");
}

#[tokio::test]
async fn headers_without_end_end_the_connection() {
    let fake = start().await;
    let mut stream = fake.client.connect().await;
    open(&mut stream).await;
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &get("/x"))).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        // Each has a header, x: yyy...
        let header = [&[0x40, 1, b'x', 100][..], &[b'y'; 100]].concat().repeat(100);
        for number in 0..100_000_u32 {
            if writer.write_all(&frame(CONTINUATION, 0, 1, &header)).await.is_err() {
                return number;
            }
        }
        u32::MAX
    });
    let mut got = Vec::new();
    let _ = timeout(Duration::from_secs(20), reader.read_to_end(&mut got)).await.expect("the connection ends");
    assert!(writing.await.unwrap() < 10_000, "the flood is cut off");
    assert_eq!(fake.client.send(json("Echo_2020.Say", "{}")).await.status, 200, "others are served");
}

#[tokio::test]
async fn http_2_headers_are_limited_too() {
    let fake = start().await;
    let mut stream = fake.client.connect().await;
    open(&mut stream).await;
    let long = [&[0x40, 1, b'x', 0x7f, 0xa9, 0x45][..], &[b'y'; 9_000]].concat();
    let block = [get("/x"), long].concat();
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).await.unwrap();
    let mut got = Vec::new();
    while !got.windows(3).any(|bytes| bytes == b"431") && !got.windows(9).any(|bytes| bytes[3] == RST_STREAM) {
        let read =
            timeout(Duration::from_secs(10), stream.read_buf(&mut got)).await.expect("there is an answer").unwrap();
        if read == 0 {
            break;
        }
    }
    assert!(!String::from_utf8_lossy(&got).contains("app /x"), "the request is not answered");
}

#[tokio::test]
async fn a_request_does_not_hide_another() {
    let fake = start().await;
    let hidden = "GET /hidden HTTP/1.1\r\nhost: app.localhost\r\n\r\n";
    let length = hidden.len();
    // Whoever is in front may have counted the body the other way: behind such a request nothing more is read.
    for framing in [
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n\r\n0\r\n\r\n{hidden}"),
        format!("content-length: 0\r\ncontent-length: {length}\r\n\r\n{hidden}"),
        format!("content-length: 0, {length}\r\n\r\n{hidden}"),
        format!("content-length: +{length}\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!(" content-length: 0\r\n\r\n{hidden}"),
        format!("x: y\r\n z: w\r\n\r\n{hidden}"),
        format!("host: other.localhost\r\n\r\n{hidden}"),
    ] {
        let request = format!("POST /seen HTTP/1.1\r\nhost: app.localhost\r\n{framing}");
        let answer = fake.client.raw(&request).await;
        assert!(!answer.contains("/hidden"), "{framing}: {answer}");
    }
    let one_0 =
        format!("POST /seen HTTP/1.0\r\nhost: app.localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}");
    assert!(!fake.client.raw(&one_0).await.contains("/hidden"));
}

#[tokio::test]
async fn paths_are_handed_on_as_they_were_sent() {
    let fake = start().await;
    for path in ["//", "//a//b/", "/a%2fb", "/a%2Fb", "/A/b", "/a/../b", "/a/%2e%2e/b", "/a;b", "/%00"] {
        let answer = fake.client.unsigned(&format!("GET {path} HTTP/1.0\r\nhost: app.localhost\r\n\r\n")).await;
        assert_eq!((answer.status, answer.body), (200, format!("app {path} 0")), "{path}");
    }
}

#[tokio::test]
async fn health_tells_of_the_end_and_last_answers_say_so() {
    let fake = start_with(Limits { shutdown_wait: Duration::from_secs(10), ..limits() }).await;
    let mut used = fake.client.connect().await;
    let health = "GET /_cloudlet/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut got = Vec::new();
    used.write_all(health.as_bytes()).await.unwrap();
    while !String::from_utf8_lossy(&got).contains("running\"}") {
        assert_ne!(used.read_buf(&mut got).await.unwrap(), 0, "{}", String::from_utf8_lossy(&got));
    }
    fake.gateway.drain();
    assert_eq!(fake.client.unsigned("GET /_cloudlet/health HTTP/1.0\r\n\r\n").await.status, 503);
    fake.stop.cancel();
    // The connection that is in use is told, and closes behind the answer.
    used.write_all(health.as_bytes()).await.unwrap();
    let last = read_to_end(&mut used).await;
    assert!(last.starts_with("HTTP/1.1 503") && last.contains("connection: close"), "{last}");
    assert!(last.contains("\"status\":\"draining\""), "{last}");
}
