//! Streams of Kinesis as event sources: what becomes of mappings when records, shards, streams and consumers go.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::World;

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
const DAY: u64 = 86_400;

/// Notes the key of each record. Fails on `bad`, and holds `held` for as long as a file is there.
const F: &str = r#"
import os, time
def note(text):
    descriptor = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (text + "\n").encode())
    os.close(descriptor)
def handler(event, context):
    for record in event["Records"]:
        key = record["kinesis"]["partitionKey"]
        note(key)
        if key == "bad":
            raise ValueError(key)
        while key == "held" and os.path.exists(os.environ["HOLD"]):
            time.sleep(0.005)
"#;

struct Fed {
    world: World,
    folder: TempDir,
}

impl Fed {
    /// A stream `s`, and the function `f`.
    async fn new(shards: u32) -> Fed {
        let (world, folder) = (World::running().await, tempfile::tempdir().unwrap());
        let variables = json!({"NOTES": folder.path().join("notes"), "HOLD": folder.path().join("hold")});
        world.function(F, json!({"Timeout": 60, "Environment": {"Variables": variables}})).await;
        let fed = Fed { world, folder };
        fed.stream(shards).await;
        fed
    }

    async fn stream(&self, shards: u32) {
        self.world.kinesis("CreateStream", json!({"StreamName": "s", "ShardCount": shards})).await;
    }

    async fn map(&self, source: &str) -> Value {
        let input = json!({"FunctionName": "f", "EventSourceArn": source, "StartingPosition": "TRIM_HORIZON"});
        let mapping = self.world.call("CreateEventSourceMapping", input).await;
        json!({"UUID": mapping["UUID"]})
    }

    async fn put(&self, key: &str, hash: u128) {
        let data = STANDARD.encode(key);
        let input = json!({"StreamName": "s", "PartitionKey": key, "ExplicitHashKey": hash.to_string(), "Data": data});
        self.world.kinesis("PutRecord", input).await;
    }

    async fn split(&self, shard: u32, hash: u128) {
        let shard = format!("shardId-{shard:012}");
        let input = json!({"StreamName": "s", "ShardToSplit": shard, "NewStartingHashKey": hash.to_string()});
        self.world.kinesis("SplitShard", input).await;
    }

    async fn consumer(&self) -> String {
        let input = json!({"StreamARN": STREAM, "ConsumerName": "c"});
        let made = self.world.kinesis("RegisterStreamConsumer", input).await;
        made["Consumer"]["ConsumerARN"].as_str().unwrap().to_owned()
    }

    fn hold(&self) -> PathBuf {
        self.folder.path().join("hold")
    }

    fn has(&self, key: &str) -> bool {
        let notes = std::fs::read_to_string(self.folder.path().join("notes")).unwrap_or_default();
        notes.lines().any(|line| line == key)
    }

    async fn wait(&self, key: &str) {
        self.world.until(async || self.has(key).then_some(())).await;
    }
}

#[tokio::test]
async fn a_record_that_fails_holds_its_shard_up_no_longer_than_it_is_kept() {
    let fed = Fed::new(1).await;
    fed.map(STREAM).await;
    fed.put("bad", 0).await;
    fed.wait("bad").await;
    fed.world.advance(DAY - 60).await;
    fed.put("next", 0).await;
    fed.world.advance(61).await;
    fed.wait("next").await;
}

#[tokio::test]
async fn shards_wait_for_what_they_came_of_even_when_that_is_gone() {
    let fed = Fed::new(2).await;
    std::fs::write(fed.hold(), "").unwrap();
    fed.map(STREAM).await;
    fed.put("held", 0).await;
    fed.wait("held").await;
    fed.split(0, 1 << 100).await;
    fed.world.advance(DAY + 120).await;
    let listed = fed.world.kinesis("ListShards", json!({"StreamName": "s"})).await;
    assert_eq!(listed["Shards"].as_array().unwrap().len(), 3, "the first is trimmed");
    fed.put("child", 0).await;
    // The other shard is done with, which has the mapping look for new ones.
    fed.split(1, u128::MAX - 9).await;
    for key in ["other", "another"] {
        fed.put(key, u128::MAX).await;
        fed.wait(key).await;
    }
    assert!(!fed.has("child"));
    std::fs::remove_file(fed.hold()).unwrap();
    fed.wait("child").await;
}

#[tokio::test]
async fn a_stream_that_is_made_again_is_read_from_its_beginning() {
    let fed = Fed::new(1).await;
    fed.map(STREAM).await;
    fed.put("one", 0).await;
    fed.wait("one").await;
    fed.world.kinesis("DeleteStream", json!({"StreamName": "s"})).await;
    fed.world.advance(2).await;
    fed.stream(1).await;
    fed.put("two", 0).await;
    fed.wait("two").await;
}

#[tokio::test]
async fn a_mapping_goes_on_with_a_stream_made_while_it_was_disabled() {
    let fed = Fed::new(1).await;
    let mapping = fed.map(STREAM).await;
    fed.put("one", 0).await;
    fed.wait("one").await;
    let ok = async || {
        (fed.world.call("GetEventSourceMapping", mapping.clone()).await["LastProcessingResult"] == "OK").then_some(())
    };
    fed.world.until(ok).await;
    let enable = async |enabled: bool| {
        fed.world.call("UpdateEventSourceMapping", json!({"UUID": mapping["UUID"], "Enabled": enabled})).await
    };
    enable(false).await;
    fed.world.kinesis("DeleteStream", json!({"StreamName": "s"})).await;
    fed.world.advance(2).await;
    fed.stream(1).await;
    fed.put("two", 0).await;
    enable(true).await;
    fed.wait("two").await;
}

#[tokio::test]
async fn a_consumer_that_is_deregistered_is_read_no_more() {
    let fed = Fed::new(1).await;
    let mapping = fed.map(&fed.consumer().await).await;
    fed.put("one", 0).await;
    fed.wait("one").await;
    fed.world.kinesis("DeregisterStreamConsumer", json!({"StreamARN": STREAM, "ConsumerName": "c"})).await;
    fed.put("two", 0).await;
    let problem = async || {
        let found = fed.world.call("GetEventSourceMapping", mapping.clone()).await;
        found["LastProcessingResult"].as_str()?.contains("not found").then_some(())
    };
    fed.world.until(problem).await;
    assert!(!fed.has("two"));
}

#[tokio::test]
async fn a_consumers_policy_lets_a_role_read_it() {
    let fed = Fed::new(1).await;
    let role = "arn:aws:iam::000000000000:role/powerless";
    fed.world.call("UpdateFunctionConfiguration", json!({"FunctionName": "f", "Role": role})).await;
    let consumer = fed.consumer().await;
    let input = json!({"FunctionName": "f", "EventSourceArn": consumer, "StartingPosition": "TRIM_HORIZON"});
    let refused = fed.world.refused("CreateEventSourceMapping", input).await;
    assert!(refused.contains("Cannot access stream"), "{refused}");
    let statement = json!({
        "Effect": "Allow", "Principal": {"AWS": role}, "Action": "kinesis:SubscribeToShard", "Resource": consumer,
    });
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    fed.world.kinesis("PutResourcePolicy", json!({"ResourceARN": consumer, "Policy": policy})).await;
    fed.map(&consumer).await;
    fed.put("one", 0).await;
    fed.wait("one").await;
}
