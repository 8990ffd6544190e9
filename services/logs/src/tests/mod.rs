//! The operations as a client meets them, on the memory engine and a clock that the test moves.

mod events;
mod groups;
mod retention;

use serde_json::{Value, json};
use service::Error;
use testkit::TestCloud;

struct World(TestCloud);

impl std::ops::Deref for World {
    type Target = TestCloud;

    fn deref(&self) -> &TestCloud {
        &self.0
    }
}

/// When the clock of a [`TestCloud`] begins, in milliseconds.
const NOW: u64 = 1_800_000_000_000;

impl World {
    fn new() -> World {
        World(TestCloud::new([crate::service()]))
    }

    async fn try_call(&self, operation: &str, input: Value) -> Result<Value, Error> {
        self.0.call("logs", operation, input).await
    }

    async fn call(&self, operation: &str, input: Value) -> Value {
        self.try_call(operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The code and the words of a refusal.
    async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        match self.try_call(operation, input.clone()).await {
            Ok(output) => panic!("{operation} {input} was answered: {output}"),
            Err(error) => (error.code.into_owned(), error.message),
        }
    }

    /// A world with the group `g` and its stream `s`.
    async fn with_stream() -> World {
        let world = World::new();
        world.call("CreateLogGroup", json!({"logGroupName": "g"})).await;
        world.call("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
        world
    }

    async fn put(&self, stream: &str, events: &[(u64, &str)]) -> Value {
        let events: Vec<_> = events.iter().map(|(time, text)| json!({"timestamp": time, "message": text})).collect();
        let input = json!({"logGroupName": "g", "logStreamName": stream, "logEvents": events});
        self.call("PutLogEvents", input).await
    }

    async fn get(&self, mut input: Value) -> Value {
        input["logGroupName"] = json!("g");
        input["logStreamName"] = json!("s");
        self.call("GetLogEvents", input).await
    }

    async fn filter(&self, mut input: Value) -> Value {
        input["logGroupName"] = json!("g");
        self.call("FilterLogEvents", input).await
    }
}

/// The messages of an answer, joined.
fn messages(output: &Value) -> String {
    let events = output["events"].as_array().unwrap();
    events.iter().map(|event| event["message"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}
