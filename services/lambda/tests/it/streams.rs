//! Invocations whose answer is read while it is made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use service::WireRequest;
use wire::Protocol;

use crate::world::{World, function, package};

const F: &str = r#"
exports.handler = async (event) => { if (event.fail) throw new RangeError('told to'); return event; };
exports.streams = awslambda.streamifyResponse(async (event, stream) => {
  console.log('hello log');
  stream.write('one ');
  await new Promise((done) => setTimeout(done, 5));
  if (event.fail) throw new RangeError('told to');
  stream.end('two');
});
"#;

async fn world(handler: &str) -> World {
    let world = World::new().await;
    let code = json!({"ZipFile": package(&[("index.js", F)])});
    let more = json!({"Runtime": "nodejs22.x", "Handler": handler, "Code": code});
    world.call("CreateFunction", function("", more)).await;
    world
}

/// The status, the version, and the events: names and payloads.
async fn invoke(
    world: &World,
    payload: &str,
    headers: &[(&'static str, &str)],
) -> (u16, String, Vec<(String, String)>) {
    let operation = world.cloud().service("lambda").unwrap().operation("InvokeWithResponseStream").unwrap();
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let request = WireRequest {
        protocol: Protocol::RestJson,
        labels: vec![("FunctionName", "f".into())],
        path: "/".into(),
        query: String::new(),
        headers,
        body: payload.to_owned().into(),
        params: None,
        upload: None,
    };
    let response = operation.serve(world.cloud().system(), request).await;
    let version = response.headers().get("x-amz-executed-version").map_or("", |version| version.to_str().unwrap());
    assert_eq!(response.headers()["content-type"], "application/vnd.amazon.eventstream");
    let (status, version) = (response.status().as_u16(), version.to_owned());
    (status, version, events(&response.into_body().collect().await.unwrap()))
}

fn events(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (total, headers) = (number(0), number(4));
        let name = &bytes[12 + 1 + ":event-type".len() + 1..];
        let length = usize::from(u16::from_be_bytes(name[..2].try_into().unwrap()));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        events.push((text(&name[2..2 + length]), text(&bytes[12 + headers..total - 4])));
        bytes = &bytes[total..];
    }
    events
}

fn chunk(text: &str) -> (String, String) {
    ("PayloadChunk".into(), text.into())
}

#[tokio::test]
async fn a_streamed_answer_is_events_with_an_end() {
    let world = world("index.streams").await;
    let (status, version, events) = invoke(&world, "{}", &[("x-amz-log-type", "Tail")]).await;
    assert_eq!((status, &*version), (200, "$LATEST"));
    assert_eq!(events[..2], [chunk("one "), chunk("two")]);
    let end: Value = serde_json::from_str(&events[2].1).unwrap();
    assert_eq!((&*events[2].0, end.get("ErrorCode")), ("InvokeComplete", None));
    let log = STANDARD.decode(end["LogResult"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("hello log"));
    let (_, _, events) = invoke(&world, r#"{"fail":1}"#, &[]).await;
    let end: Value = serde_json::from_str(&events[1].1).unwrap();
    assert_eq!((&events[0], &end["ErrorCode"]), (&chunk("one "), &json!("Unhandled")));
    let details: Value = serde_json::from_str(end["ErrorDetails"].as_str().unwrap()).unwrap();
    assert_eq!((&details["errorType"], end.get("LogResult")), (&json!("RangeError"), None));
}

#[tokio::test]
async fn a_buffered_answer_comes_as_events_too() {
    let world = world("index.handler").await;
    let large = json!("x".repeat(300 << 10)).to_string();
    let (_, _, events) = invoke(&world, &large, &[]).await;
    assert_eq!(events.len(), 3);
    assert_eq!(format!("{}{}", events[0].1, events[1].1), large);
    assert_eq!(events[2], ("InvokeComplete".into(), "{}".into()));
    let (status, _, events) = invoke(&world, r#"{"fail":1}"#, &[]).await;
    assert_eq!((status, events.len()), (200, 1));
    assert!(events[0].1.contains("told to"));
    let (status, _, events) = invoke(&world, "{}", &[("x-amz-invocation-type", "DryRun")]).await;
    assert_eq!((status, events.len()), (204, 0));
}

#[tokio::test]
async fn refusals_come_before_the_stream() {
    let world = world("index.streams").await;
    world.call("PutFunctionConcurrency", json!({"FunctionName": "f", "ReservedConcurrentExecutions": 0})).await;
    let refused = world.refused("InvokeWithResponseStream", json!({"FunctionName": "f"})).await;
    assert!(refused.starts_with("TooManyRequestsException"), "{refused}");
    let event =
        world.refused("InvokeWithResponseStream", json!({"FunctionName": "f", "InvocationType": "Event"})).await;
    assert!(event.starts_with("ValidationException"), "{event}");
    let none = world.refused("InvokeWithResponseStream", json!({"FunctionName": "none"})).await;
    assert!(none.starts_with("ResourceNotFoundException"), "{none}");
}
