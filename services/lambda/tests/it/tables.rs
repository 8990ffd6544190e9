//! Streams of tables as event sources.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::World;

/// Notes a line for each record and one for each batch, and fails on the record whose key is `bad`.
const F: &str = r#"
import json, os
def note(text):
    descriptor = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (text + "\n").encode())
    os.close(descriptor)
def handler(event, context):
    records = event["Records"]
    assert all(r["eventSource"] == "aws:dynamodb" and "/stream/" in r["eventSourceARN"] for r in records)
    keys = [r["dynamodb"]["Keys"]["k"]["S"] for r in records]
    if "window" in event:
        state = event["state"].get("n", 0) + len(keys)
        note(f"{keys} state {state} final {event['isFinalInvokeForWindow']}")
        return {"state": {"n": state}}
    if "bad" in keys:
        note(f"failed {keys}")
        if "REPORT" in os.environ:
            return {"batchItemFailures": [{"itemIdentifier": records[keys.index("bad")]["dynamodb"]["SequenceNumber"]}]}
        raise ValueError("bad")
    for record in records:
        image = record["dynamodb"].get("NewImage", {})
        note(f"{record['eventName']} {record['dynamodb']['Keys']['k']['S']} {image.get('n', {}).get('N', '-')}")
    note(f"batch of {len(records)}")
"#;

struct Fed {
    world: World,
    notes: PathBuf,
    stream: String,
    _folder: TempDir,
}

impl Fed {
    /// A table `tab` with a stream, and the function `f`.
    async fn new() -> Fed {
        Fed::with(json!({})).await
    }

    async fn with(environment: Value) -> Fed {
        let world = World::running().await;
        let folder = tempfile::tempdir().unwrap();
        let notes = folder.path().join("notes");
        let mut variables = json!({"NOTES": notes});
        variables.as_object_mut().unwrap().extend(environment.as_object().unwrap().clone());
        world.function(F, json!({"Environment": {"Variables": variables}})).await;
        let table = json!({
            "TableName": "tab", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        });
        let made = world.dynamodb("CreateTable", table).await;
        let stream = made["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned();
        Fed { world, notes, stream, _folder: folder }
    }

    async fn map(&self, more: Value) -> Value {
        let mut input = json!({"FunctionName": "f", "EventSourceArn": self.stream, "StartingPosition": "TRIM_HORIZON"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.world.call("CreateEventSourceMapping", input).await
    }

    async fn put(&self, key: &str, n: u32) {
        let item = json!({"k": {"S": key}, "n": {"N": n.to_string()}});
        self.world.dynamodb("PutItem", json!({"TableName": "tab", "Item": item})).await;
    }

    fn lines(&self) -> Vec<String> {
        let notes = std::fs::read_to_string(&self.notes).unwrap_or_default();
        notes.lines().map(str::to_owned).collect()
    }

    /// Waits for so many lines of which `keep` holds.
    async fn wait(&self, count: usize, keep: impl Fn(&str) -> bool) -> Vec<String> {
        let kept = || self.lines().into_iter().filter(|line| keep(line)).collect::<Vec<_>>();
        self.world.until(async || (kept().len() >= count).then(&kept)).await
    }

    async fn wait_records(&self, count: usize) -> Vec<String> {
        self.wait(count, |line| ["INSERT", "MODIFY", "REMOVE"].iter().any(|kind| line.starts_with(kind))).await
    }
}

#[tokio::test]
async fn a_function_gets_all_changes_in_order() {
    let fed = Fed::new().await;
    fed.put("a", 1).await;
    fed.put("a", 2).await;
    let mapping = fed.map(json!({})).await;
    assert_eq!((&mapping["BatchSize"], &mapping["ParallelizationFactor"]), (&json!(100), &json!(1)));
    assert_eq!((&mapping["MaximumRetryAttempts"], &mapping["StartingPosition"]), (&json!(-1), &json!("TRIM_HORIZON")));
    assert_eq!(fed.wait_records(2).await, ["INSERT a 1", "MODIFY a 2"]);
    fed.world.dynamodb("DeleteItem", json!({"TableName": "tab", "Key": {"k": {"S": "a"}}})).await;
    assert_eq!(fed.wait_records(3).await[2..], ["REMOVE a -"]);
    let id = json!({"UUID": mapping["UUID"]});
    let done = async || {
        (fed.world.call("GetEventSourceMapping", id.clone()).await["LastProcessingResult"] == "OK").then_some(())
    };
    fed.world.until(done).await;
}

#[tokio::test]
async fn the_latest_is_what_comes_after_the_mapping() {
    let fed = Fed::new().await;
    fed.put("before", 1).await;
    let mapping = fed.map(json!({"StartingPosition": "LATEST", "Enabled": false})).await;
    fed.put("while-disabled", 2).await;
    fed.world.call("UpdateEventSourceMapping", json!({"UUID": mapping["UUID"], "Enabled": true})).await;
    fed.put("after", 3).await;
    assert_eq!(fed.wait_records(2).await, ["INSERT while-disabled 2", "INSERT after 3"]);
}

#[tokio::test]
async fn a_mapping_goes_on_where_it_was() {
    let fed = Fed::new().await;
    let mapping = fed.map(json!({})).await;
    let enable = async |enabled: bool| {
        fed.world.call("UpdateEventSourceMapping", json!({"UUID": mapping["UUID"], "Enabled": enabled})).await
    };
    let mut expected = Vec::new();
    for round in 0..4 {
        fed.put("a", round * 2).await;
        fed.wait_records(expected.len() + 1).await;
        enable(false).await;
        fed.put("a", round * 2 + 1).await;
        enable(true).await;
        let kind = if round == 0 { "INSERT" } else { "MODIFY" };
        expected.extend([format!("{kind} a {}", round * 2), format!("MODIFY a {}", round * 2 + 1)]);
        assert_eq!(fed.wait_records(expected.len()).await, expected);
    }
}

#[tokio::test]
async fn what_fails_is_found_by_halves_and_told() {
    let fed = Fed::new().await;
    for (n, key) in ["a", "b", "bad", "c"].iter().enumerate() {
        fed.put(key, n as u32).await;
    }
    let url = fed.world.queue("failures").await;
    let failures = json!({"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:failures"}});
    let mapping = fed
        .map(json!({"BisectBatchOnFunctionError": true, "MaximumRetryAttempts": 1, "DestinationConfig": failures}))
        .await;
    assert_eq!(mapping["DestinationConfig"], failures);
    assert_eq!(fed.wait_records(3).await, ["INSERT a 0", "INSERT b 1", "INSERT c 3"]);
    // By itself it is tried twice.
    assert_eq!(fed.lines().iter().filter(|line| *line == "failed ['bad']").count(), 2);
    let message = fed.world.message(&url).await;
    let told: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
    let info = &told["DDBStreamBatchInfo"];
    assert_eq!((&info["batchSize"], &info["streamArn"]), (&json!(1), &json!(fed.stream)));
    assert_eq!(info["startSequenceNumber"], info["endSequenceNumber"]);
    assert_eq!(told["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(told["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(told["responseContext"]["functionError"], "Unhandled");
}

#[tokio::test]
async fn a_batch_goes_on_from_the_record_that_failed() {
    let fed = Fed::with(json!({"REPORT": "1"})).await;
    for (n, key) in ["a", "bad", "c"].iter().enumerate() {
        fed.put(key, n as u32).await;
    }
    fed.map(json!({"FunctionResponseTypes": ["ReportBatchItemFailures"], "MaximumRetryAttempts": 1, "BatchSize": 3}))
        .await;
    fed.put("d", 4).await;
    fed.wait_records(1).await;
    let failed = fed.wait(2, |line| line.starts_with("failed")).await;
    assert!(failed[1] == "failed ['bad', 'c']", "{failed:?}");
}

#[tokio::test]
async fn filters_drop_what_does_not_match() {
    let fed = Fed::new().await;
    let filter = json!({"Filters": [{"Pattern": "{\"eventName\":[\"INSERT\"],\"dynamodb\":{\"NewImage\":{\"n\":{\"N\":[\"1\"]}}}}"}]});
    fed.map(json!({"FilterCriteria": filter})).await;
    for (key, n) in [("a", 1), ("a", 2), ("b", 2), ("c", 1)] {
        fed.put(key, n).await;
    }
    assert_eq!(fed.wait_records(2).await, ["INSERT a 1", "INSERT c 1"]);
}

#[tokio::test]
async fn lanes_keep_the_order_of_each_item() {
    const ITEMS: u32 = 12;
    const CHANGES: u32 = 8;
    let fed = Fed::new().await;
    fed.map(json!({"ParallelizationFactor": 10, "BatchSize": 3})).await;
    for n in 0..CHANGES {
        for item in 0..ITEMS {
            fed.put(&format!("i{item}"), n).await;
        }
    }
    let lines = fed.wait_records((ITEMS * CHANGES) as usize).await;
    for item in 0..ITEMS {
        let of_item = lines.iter().filter(|line| line.split(' ').nth(1) == Some(&format!("i{item}")));
        let changes: Vec<u32> = of_item.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
        assert_eq!(changes, (0..CHANGES).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_window_gathers_and_a_tumbling_one_keeps_state() {
    let fed = Fed::new().await;
    fed.map(json!({"TumblingWindowInSeconds": 1, "BatchSize": 2})).await;
    for key in ["a", "b", "c"] {
        fed.put(key, 1).await;
    }
    let lines = fed.wait(1, |line| line.ends_with("final True")).await;
    assert_eq!(lines, ["[] state 3 final True"]);
}

#[tokio::test]
async fn wrong_mappings_are_refused() {
    let fed = Fed::new().await;
    let refused = async |more: Value| {
        let mut input = json!({"FunctionName": "f", "EventSourceArn": fed.stream, "StartingPosition": "LATEST"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fed.world.refused("CreateEventSourceMapping", input).await
    };
    let none = fed.stream.replace("table/tab/", "table/none/");
    let cases = [
        (json!({"StartingPosition": Value::Null}), "'startingPosition'"),
        (json!({"StartingPosition": "AT_TIMESTAMP"}), "Unsupported starting position for arn type: arn:"),
        (json!({"ParallelizationFactor": 11}), "'parallelizationFactor'"),
        (json!({"MaximumRecordAgeInSeconds": 59}), "record age"),
        (json!({"EventSourceArn": none}), "Stream not found"),
        (json!({"ScalingConfig": {"MaximumConcurrency": 2}}), "ScalingConfig"),
        (
            json!({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:lambda:us-east-1:000000000000:function:f"}}}),
            "destination",
        ),
    ];
    for (more, word) in cases {
        let refusal = refused(more.clone()).await;
        assert!(refusal.contains(word), "{more}: {refusal}");
    }
    fed.world
        .call(
            "UpdateFunctionConfiguration",
            json!({"FunctionName": "f", "Role": "arn:aws:iam::000000000000:role/powerless"}),
        )
        .await;
    assert!(refused(json!({})).await.contains("Cannot access stream"));
}
