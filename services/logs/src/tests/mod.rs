//! The operations as a client meets them, on the memory engine and a clock that the test moves.

mod events;
mod groups;
mod retention;

use std::sync::Arc;

use base::{AccountId, Env, Region, Timestamp};
use kv::{Db, Memory};
use serde_json::{Value, json};
use service::{Access, Caller, Cloud, Credential, CredentialError, Denial, Error, Permission};

/// No caller but the server itself: these tests are not about permissions.
struct Nobody;

impl Access for Nobody {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, _: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
        Err(Denial { message: permission.action.clone() })
    }
}

struct World {
    cloud: Arc<Cloud>,
    env: Env,
}

const NOW: u64 = 1_795_000_000_000;

impl World {
    fn new() -> World {
        let env = Env::simulated(1, Timestamp(NOW));
        let (account, region) = (AccountId::new("000000000000"), Region::new("us-east-1"));
        let endpoint = "http://localhost:4566".into();
        let builder = Cloud::builder(Db::open(Memory::new()), env.clone(), account, region, endpoint, Arc::new(Nobody));
        World { cloud: builder.service(crate::service()).build(), env }
    }

    async fn try_call(&self, operation: &str, input: Value) -> Result<Value, Error> {
        self.cloud.call(self.cloud.system(), "logs", operation, input).await
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
