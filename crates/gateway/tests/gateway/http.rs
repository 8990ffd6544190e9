//! HTTP itself: sizes, times, versions, pipelining, and the end.

use std::time::Duration;

use gateway::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{json, read_to_end, rest};
use crate::fake::{Fake, limits, start, start_with};

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order() {
    let fake = start().await;
    let one = fake.client.text(&json("Echo_2020.Say", r#"{"Text":"one"}"#), "");
    let two = fake.client.text(&json("Echo_2020.Say", r#"{"Text":"two"}"#), "connection: close\r\n");
    let answers = fake.client.raw(&(one + &two)).await;
    let at = |text| answers.find(text).unwrap_or_else(|| panic!("{text} is missing: {answers}"));
    assert!(at(r#"{"Text":"one"}"#) < at(r#"{"Text":"two"}"#));
}

#[tokio::test]
async fn http_1_0_and_absolute_uris_are_understood() {
    let fake = start().await;
    let answer = fake.client.unsigned("GET /_cloudlet/health HTTP/1.0\r\n\r\n").await;
    assert_eq!(answer.status, 200);
    let answer = fake.client.send(rest("GET", "http://localhost/books/b", "")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"Name":"b"}"#));
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let fake = start().await;
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-amz-target: Echo_2020.Say\r\n";
    let expect = format!("{head}expect: 100-continue\r\ncontent-length: 1001\r\n\r\n");
    let whole = format!("{head}content-length: 1001\r\n\r\n{}", "x".repeat(1001));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n400\r\n{}\r\n0\r\n\r\n", "x".repeat(0x400));
    for request in [expect, whole, chunked] {
        let answer = fake.client.unsigned(&request).await;
        assert_eq!(answer.status, 413, "{request}");
        assert!(answer.body.contains("RequestTooLargeException"), "{answer:?}");
        assert!(answer.body.contains("Request must be smaller than 1000 bytes"), "{answer:?}");
    }
    let front = "POST / HTTP/1.1\r\nhost: app.localhost\r\nexpect: 100-continue\r\ncontent-length: 2001\r\n\r\n";
    assert_eq!(fake.client.unsigned(front).await.status, 413);
}

#[tokio::test]
async fn who_waits_in_vain_to_be_told_to_go_on_gets_another_connection() {
    let fake = start().await;
    let say = json("Echo_2020.Say", r#"{"Text":"one"}"#);
    let answer = fake.client.raw(&fake.client.text(&say, "expect: 100-continue\r\nconnection: close\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), "{answer}");
    // Were the connection kept, this would wait for its end in vain.
    let answer = fake.client.raw(&fake.client.text(&rest("GET", "/books/b", ""), "expect: 100-continue\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn memory_for_bodies_is_bounded() {
    let fake = start_with(Limits { buffered_bytes: 10, ..limits() }).await;
    let answer = fake.client.send(json("Echo_2020.Say", r#"{"Text":"too much"}"#)).await;
    assert_eq!(answer.status, 503);
    for _ in 0..3 {
        assert_eq!(fake.client.send(json("Echo_2020.Say", r#"{}"#)).await.status, 200, "memory is given back");
    }
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let wait = Duration::from_millis(100);
    let fake = start_with(Limits { header_wait: wait, body_wait: wait, ..limits() }).await;
    for start in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost: loc"] {
        let answer = fake.client.raw(start).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    let half = "POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: Echo_2020.Say\r\ncontent-length: 10\r\n\r\n{";
    assert_eq!(fake.client.unsigned(half).await.status, 408);
}

#[tokio::test]
async fn answers_that_are_not_taken_are_dropped() {
    let fake = start_with(Limits { answer_wait: Duration::from_millis(100), connections: 1, ..limits() }).await;
    let mut first = fake.client.connect().await;
    first.write_all(b"GET /large HTTP/1.1\r\nhost: app.localhost\r\n\r\n").await.unwrap();
    // There is place for one: this is answered when the first is gone, which has not read anything.
    assert_eq!(fake.client.unsigned("GET /_cloudlet/health HTTP/1.0\r\n\r\n").await.status, 200);
    let got = tokio::io::copy(&mut first, &mut tokio::io::sink()).await;
    assert!(got.as_ref().map_or(true, |bytes| *bytes < 64 << 20), "{got:?}");
}

#[tokio::test]
async fn a_client_that_grants_no_window_is_let_go() {
    let fake = start_with(Limits { answer_wait: Duration::from_millis(100), ..limits() }).await;
    for window in [0, 1, 1 << 20] {
        let io = hyper_util::rt::TokioIo::new(fake.client.connect().await);
        let mut builder = hyper::client::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
        let (mut sender, connection) = builder.initial_stream_window_size(window).handshake(io).await.unwrap();
        let connection = tokio::spawn(connection);
        let request =
            http::Request::get("http://app.localhost/large").body(http_body_util::Empty::<bytes::Bytes>::new());
        // The answer is kept, and not read.
        let response = sender.send_request(request.unwrap()).await;
        assert!(response.is_ok(), "{response:?}");
        let ended = tokio::time::timeout(Duration::from_secs(10), connection).await;
        assert!(ended.is_ok(), "a client that grants {window} bytes is still there");
    }
}

#[tokio::test]
async fn idle_connections_make_room() {
    let fake = start_with(Limits { connections: 2, ..limits() }).await;
    let mut idle = fake.client.connect().await;
    let mut waiting = fake.client.connect().await;
    waiting.write_all(fake.client.text(&json("Echo_2020.Wait", "{}"), "").as_bytes()).await.unwrap();
    assert_eq!(fake.client.unsigned("GET /_cloudlet/health HTTP/1.0\r\n\r\n").await.status, 200);
    assert_eq!(read_to_end(&mut idle).await, "");
    let early = tokio::time::timeout(Duration::from_millis(50), waiting.readable()).await;
    assert!(early.is_err(), "the request that is under way goes on");
}

#[tokio::test]
async fn strangers_whose_bodies_do_not_come_make_room() {
    let fake = start_with(Limits { connections: 1, ..limits() }).await;
    let half = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf";
    let mut stranger = fake.client.connect().await;
    stranger.write_all(half.as_bytes()).await.unwrap();
    let mut second = fake.client.connect().await;
    second.write_all(b"GET /_cloudlet/health HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut second).await.starts_with("HTTP/1.0 200"));
    assert_eq!(read_to_end(&mut stranger).await, "");
}

#[tokio::test]
async fn an_answer_on_its_way_is_not_cut_to_make_room() {
    let fake = start_with(Limits { connections: 1, ..limits() }).await;
    let mut slow = fake.client.connect().await;
    let request = b"GET /large HTTP/1.1\r\nhost: app.localhost\r\nconnection: close\r\n\r\n";
    slow.write_all(request).await.unwrap();
    assert_ne!(slow.read(&mut [0; 1]).await.unwrap(), 0);
    let mut second = fake.client.connect().await;
    second.write_all(b"GET /_cloudlet/health HTTP/1.0\r\n\r\n").await.unwrap();
    // Longer than who is idle may stay when others want its place.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let got = tokio::io::copy(&mut slow, &mut tokio::io::sink()).await.unwrap();
    assert!(got > 64 << 20, "{got}");
    drop(slow);
    assert!(read_to_end(&mut second).await.starts_with("HTTP/1.0 200"));
}

#[tokio::test]
async fn one_caller_has_only_so_many_requests_at_once() {
    let fake = start_with(Limits { caller_requests: 1, ..limits() }).await;
    let mut waiting = fake.client.connect().await;
    waiting.write_all(fake.client.text(&json("Echo_2020.Wait", "{}"), "").as_bytes()).await.unwrap();
    let refused = loop {
        let answer = fake.client.send(json("Echo_2020.Say", "{}")).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("ThrottlingException"), "{}", refused.body);
    drop(waiting);
}

/// A connection on which news come, of which the first has.
async fn news(fake: &Fake, more: &str) -> TcpStream {
    let mut connection = fake.client.connect().await;
    connection.write_all(fake.client.text(&rest("GET", "/news", ""), more).as_bytes()).await.unwrap();
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains("{}") {
        let read = connection.read_buf(&mut got).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&got));
    }
    connection
}

const WEBSOCKET: &str =
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: a2V5\r\n";

#[tokio::test]
async fn answers_that_last_count_among_the_callers_requests() {
    let fake = start_with(Limits { caller_requests: 1, ..limits() }).await;
    for more in ["", WEBSOCKET] {
        let following = news(&fake, more).await;
        assert_eq!(fake.client.send(json("Echo_2020.Say", "{}")).await.status, 400);
        drop(following);
        while fake.client.send(json("Echo_2020.Say", "{}")).await.status != 200 {}
    }
}

#[tokio::test]
async fn websockets_have_the_places_of_their_connections() {
    let fake = start_with(Limits { connections: 1, ..limits() }).await;
    let first = news(&fake, WEBSOCKET).await;
    let mut second = fake.client.connect().await;
    second.write_all(b"GET /_cloudlet/health HTTP/1.0\r\n\r\n").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), second.readable()).await;
    assert!(early.is_err(), "the second connection waits for the WebSocket");
    drop(first);
    assert!(read_to_end(&mut second).await.starts_with("HTTP/1.0 200"));
}

#[tokio::test]
async fn the_end_ends_websockets_too() {
    let mut fake = start().await;
    let mut socket = news(&fake, WEBSOCKET).await;
    fake.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), &mut fake.serving).await.expect("the server stops").unwrap();
    assert_eq!(read_to_end(&mut socket).await, "");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let fake = start().await;
    for request in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n"]
    {
        let answer = fake.client.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request}: {answer}");
    }
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    assert_eq!(fake.client.unsigned(&many).await.status, 431);
    let long = format!("GET /_cloudlet/health HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(9000));
    assert!(!fake.client.raw(&long).await.contains("200 OK"));
    let bad_chunk = "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    assert_eq!(fake.client.unsigned(bad_chunk).await.status, 400);
}

#[tokio::test]
async fn http_2_is_spoken_on_the_same_port() {
    let fake = start().await;
    let io = hyper_util::rt::TokioIo::new(fake.client.connect().await);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("http://app.localhost/x").body(http_body_util::Empty::<bytes::Bytes>::new());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(&body[..], b"app /x 0", "the front is found by :authority");
    connection.abort();
}

#[tokio::test]
async fn the_end_waits_for_requests_but_not_for_ever() {
    let mut fake = start().await;
    let mut idle = fake.client.connect().await;
    let mut waiting = fake.client.connect().await;
    waiting.write_all(fake.client.text(&json("Echo_2020.Wait", "{}"), "").as_bytes()).await.unwrap();
    // Answered by the time the connection before it is served.
    assert_eq!(fake.client.send(json("Echo_2020.Say", "{}")).await.status, 200);
    fake.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), &mut fake.serving).await.expect("the server stops").unwrap();
    assert_eq!(read_to_end(&mut idle).await, "");
    assert_eq!(read_to_end(&mut waiting).await, "");
    assert!(tokio::net::TcpStream::connect(fake.client.address).await.is_err());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let fake = start_with(Limits { connections: 1, ..limits() }).await;
    let first = fake.client.connect().await;
    let mut second = fake.client.connect().await;
    second.write_all(b"GET /_cloudlet/health HTTP/1.0\r\n\r\n").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), second.readable()).await;
    assert!(early.is_err(), "the second connection waits for the first");
    drop(first);
    assert!(read_to_end(&mut second).await.starts_with("HTTP/1.0 200"));
}

#[tokio::test]
async fn a_front_may_take_bodies_as_they_come() {
    let fake = start().await;
    // The limit of bodies that are held is 2,000 bytes.
    let long = "x".repeat(5_000);
    let head = "POST / HTTP/1.1\r\nhost: counter.localhost\r\nconnection: close\r\n";
    let answer = fake.client.unsigned(&format!("{head}content-length: 5000\r\n\r\n{long}")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "5000 of Some(5000)"));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n1388\r\n{long}\r\n0\r\n\r\n");
    assert_eq!(fake.client.unsigned(&chunked).await.body, "5000 of None");
}
