//! Kinesis streams as destinations: what a table may have, what is sent, and what becomes of it where a stream is gone.

use std::time::Duration;

use serde_json::{Value, json};
use service::outbox;
use testkit::TestCloud;
use tokio_util::sync::CancellationToken;
use wire::Blob;

use super::fixture::{Fixture, on_table, validation};

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/changes";
const OTHER: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/missing";
const STATE: &str = "Table is not in a valid state to enable Kinesis Streaming Destination:";

/// A table `tab` and a stream `changes`; what waits is delivered only once it is [started](start).
async fn world() -> Fixture {
    let services = dynamodb::services(dynamodb::Options::default()).into_iter();
    let cloud = TestCloud::new(services.chain([kinesis::service(kinesis::Options::default())]));
    cloud.call("kinesis", "CreateStream", json!({"StreamName": "changes", "ShardCount": 1})).await.unwrap();
    let fixture = Fixture(cloud);
    let definitions = json!([{"AttributeName": "pk", "AttributeType": "S"}]);
    let schema = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
    fixture.create_with(json!({"AttributeDefinitions": definitions, "KeySchema": schema})).await;
    fixture
}

async fn ask(fixture: &Fixture, operation: &str, stream: &str, more: Value) -> Value {
    let operation = format!("{operation}KinesisStreamingDestination");
    fixture.call(&operation, on_stream(stream, more)).await
}

async fn refused(fixture: &Fixture, operation: &str, stream: &str, more: Value) -> (String, String) {
    let operation = format!("{operation}KinesisStreamingDestination");
    fixture.refusal(&operation, on_stream(stream, more)).await
}

fn on_stream(stream: &str, more: Value) -> Value {
    let mut request = on_table(json!({"StreamArn": stream}));
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

fn precision(value: &str) -> Value {
    json!({"UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": value}})
}

async fn described(fixture: &Fixture) -> Value {
    let answer = fixture.call("DescribeKinesisStreamingDestination", on_table(json!({}))).await;
    assert_eq!(answer["TableName"], "tab");
    answer["KinesisDataStreamDestinations"].clone()
}

/// Ends what was begun with destinations.
async fn settle(fixture: &Fixture) {
    fixture.0.advance(Duration::ZERO).await;
}

async fn enabled() -> Fixture {
    let fixture = world().await;
    ask(&fixture, "Enable", STREAM, json!({})).await;
    settle(&fixture).await;
    fixture
}

/// Delivers what waits, and waits until nothing does.
async fn deliver(fixture: &Fixture) {
    let stop = CancellationToken::new();
    fixture.0.cloud.start(&stop, &stop);
    while outbox::waiting(&fixture.0.cloud.system(), 1).unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.cancel();
}

/// The records of the stream, with their partition keys.
async fn records(fixture: &Fixture) -> Vec<(String, Value)> {
    let shard =
        json!({"StreamName": "changes", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = fixture.0.call("kinesis", "GetShardIterator", shard).await.unwrap();
    let page =
        fixture.0.call("kinesis", "GetRecords", json!({"ShardIterator": iterator["ShardIterator"]})).await.unwrap();
    let record = |record: &Value| {
        let data: Blob = serde_json::from_value(record["Data"].clone()).unwrap();
        (record["PartitionKey"].as_str().unwrap().to_owned(), serde_json::from_slice(&data).unwrap())
    };
    page["Records"].as_array().unwrap().iter().map(record).collect()
}

#[tokio::test]
async fn statuses_follow_one_another_and_others_are_refused() {
    let fixture = world().await;
    assert_eq!(described(&fixture).await, json!([]));
    let answer = ask(&fixture, "Enable", STREAM, json!({})).await;
    let expected = json!({
        "TableName": "tab", "StreamArn": STREAM, "DestinationStatus": "ENABLING",
        "EnableKinesisStreamingConfiguration": {},
    });
    assert_eq!(answer, expected);
    assert_eq!(described(&fixture).await, json!([{"StreamArn": STREAM, "DestinationStatus": "ENABLING"}]));

    let twice = "EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE operation.";
    let twice = validation(&format!("{STATE} {twice}"));
    let early =
        validation(&format!("{STATE} KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."));
    assert_eq!(refused(&fixture, "Enable", OTHER, json!({})).await, twice);
    assert_eq!(refused(&fixture, "Disable", STREAM, json!({})).await, early);
    let inactive = "Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state.";
    let inactive = validation(&format!("{STATE} {inactive} TableName: tab, kdsArn: {STREAM}"));
    assert_eq!(refused(&fixture, "Update", STREAM, precision("MICROSECOND")).await, inactive);
    settle(&fixture).await;
    assert_eq!(described(&fixture).await, json!([{"StreamArn": STREAM, "DestinationStatus": "ACTIVE"}]));

    let table = fixture.call("DescribeTable", on_table(json!({}))).await;
    let same = |precision: &str| {
        let id = table["Table"]["TableId"].as_str().unwrap();
        let problem = format!("Precision is already set to the desired value of {precision}");
        validation(&format!("Invalid Request: {problem} for tableId: {id}, kdsArn: {STREAM}"))
    };
    assert_eq!(refused(&fixture, "Update", STREAM, precision("MILLISECOND")).await, same("MILLISECOND"));
    let answer = ask(&fixture, "Update", STREAM, precision("MICROSECOND")).await;
    assert_eq!(answer["DestinationStatus"], "UPDATING");
    assert_eq!(refused(&fixture, "Disable", STREAM, json!({})).await, early);
    settle(&fixture).await;
    assert_eq!(refused(&fixture, "Update", STREAM, precision("MICROSECOND")).await, same("MICROSECOND"));
    assert_eq!(refused(&fixture, "Enable", STREAM, json!({})).await, twice);

    let answer = ask(&fixture, "Disable", STREAM, json!({})).await;
    assert_eq!(answer, json!({"TableName": "tab", "StreamArn": STREAM, "DestinationStatus": "DISABLING"}));
    assert_eq!(refused(&fixture, "Enable", STREAM, json!({})).await, twice);
    settle(&fixture).await;
    assert_eq!(described(&fixture).await, json!([{"StreamArn": STREAM, "DestinationStatus": "DISABLED"}]));
    ask(&fixture, "Enable", STREAM, json!({})).await;
    assert_eq!(described(&fixture).await, json!([{"StreamArn": STREAM, "DestinationStatus": "ENABLING"}]));
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let fixture = enabled().await;
    let nothing = "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration cannot be null or contain only null values";
    assert_eq!(refused(&fixture, "Update", STREAM, json!({})).await, validation(nothing));
    let unknown = "1 validation error detected: Value 'SECOND' at 'updateKinesisStreamingConfiguration.approximateCreationDateTimePrecision' failed to satisfy constraint: Member must satisfy enum value set: [MILLISECOND, MICROSECOND]";
    assert_eq!(refused(&fixture, "Update", STREAM, precision("SECOND")).await, validation(unknown));
    let none = format!("{STATE} No streaming destination with streamArn: {OTHER} found for table with tableName: tab");
    assert_eq!(refused(&fixture, "Update", OTHER, precision("MICROSECOND")).await, validation(&none));
    for operation in ["Enable", "Disable", "Describe"] {
        let request = json!({"TableName": "nobody", "StreamArn": STREAM});
        let (code, message) = fixture.refusal(&format!("{operation}KinesisStreamingDestination"), request).await;
        assert_eq!(code, "ResourceNotFoundException");
        assert_eq!(message, "Requested resource not found: Table: nobody not found");
    }
}

#[tokio::test]
async fn a_stream_that_is_not_there_fails_and_makes_room_for_others() {
    let fixture = world().await;
    let elsewhere = "arn:aws:kinesis:eu-west-1:000000000000:stream/changes";
    for stream in [OTHER, elsewhere, OTHER] {
        ask(&fixture, "Enable", stream, json!({})).await;
        fixture.put(json!({"pk": {"S": stream}})).await;
        settle(&fixture).await;
    }
    let failed = |stream: &str| {
        let reason = "User does not have a permission to use kinesis stream";
        json!({"StreamArn": stream, "DestinationStatus": "ENABLE_FAILED", "DestinationStatusDescription": reason})
    };
    assert_eq!(described(&fixture).await, json!([failed(OTHER), failed(elsewhere)]));
    assert_eq!(outbox::waiting(&fixture.0.cloud.system(), 1).unwrap(), 0);
    ask(&fixture, "Enable", STREAM, json!({})).await;
    settle(&fixture).await;
    assert_eq!(described(&fixture).await[0], json!({"StreamArn": STREAM, "DestinationStatus": "ACTIVE"}));
}

#[tokio::test]
async fn every_change_is_sent_in_order_and_what_is_refused_is_not() {
    let fixture = enabled().await;
    let item = |pk: &str, v: &str| json!({"pk": {"S": pk}, "v": {"S": v}});
    fixture.put(item("a", "1")).await;
    fixture.put(item("a", "1")).await;
    fixture.put(item("a", "2")).await;
    let batch = json!([{"PutRequest": {"Item": item("b", "1")}}]);
    fixture.call("BatchWriteItem", json!({"RequestItems": {"tab": batch}})).await;
    let key = |pk: &str| json!({"pk": {"S": pk}});
    let check = |pk: &str| {
        let condition = json!({"Key": key(pk), "ConditionExpression": "attribute_exists(pk)"});
        json!({"ConditionCheck": on_table(condition)})
    };
    let put = json!({"Put": on_table(json!({"Item": {"pk": {"S": "c"}, "bytes": {"B": "AP8="}}}))});
    fixture.refusal("TransactWriteItems", json!({"TransactItems": [put, check("nobody")]})).await;
    let delete = json!({"Delete": on_table(json!({"Key": key("b")}))});
    fixture.call("TransactWriteItems", json!({"TransactItems": [check("a"), put, delete]})).await;
    deliver(&fixture).await;

    let all = records(&fixture).await;
    let line = |(_, record): &(String, Value)| {
        format!("{} {}", record["eventName"].as_str().unwrap(), record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap())
    };
    let lines: Vec<_> = all.iter().map(line).collect();
    assert_eq!(lines, ["INSERT a", "MODIFY a", "INSERT b", "INSERT c", "REMOVE b"]);
    let (first, modified) = (&all[0], &all[1]);
    assert_eq!(first.0, modified.0, "changes of one item are in one shard");
    assert_eq!(first.0.len(), 32);
    assert_ne!(first.0, all[2].0);
    let expected = json!({
        "awsRegion": "us-east-1",
        "eventID": modified.1["eventID"],
        "eventName": "MODIFY",
        "userIdentity": null,
        "recordFormat": "application/json",
        "tableName": "tab",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_800_000_000_000_u64,
            "Keys": {"pk": {"S": "a"}},
            "NewImage": item("a", "2"),
            "OldImage": item("a", "1"),
            "SizeBytes": 13,
            "ApproximateCreationDateTimePrecision": "MILLISECOND",
        },
        "eventSource": "aws:dynamodb",
    });
    assert_eq!(modified.1, expected);
    assert_eq!(first.1["dynamodb"].get("OldImage"), None);
    assert_eq!(all[3].1["dynamodb"]["NewImage"]["bytes"], json!({"B": "AP8="}));
    assert_eq!(all[4].1["dynamodb"].get("NewImage"), None);
    let mut ids: Vec<_> = all.iter().map(|(_, record)| record["eventID"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|id| id.len() == 36));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len());
}

#[tokio::test]
async fn expired_items_are_sent_as_the_services_doing_in_the_precision_that_is_set() {
    let fixture = enabled().await;
    ask(&fixture, "Update", STREAM, precision("MICROSECOND")).await;
    let ttl = json!({"TimeToLiveSpecification": {"Enabled": true, "AttributeName": "until"}});
    fixture.call("UpdateTimeToLive", on_table(ttl)).await;
    fixture.put(json!({"pk": {"S": "a"}, "until": {"N": "1800000010"}})).await;
    for _ in 0..3 {
        fixture.0.advance(Duration::from_secs(60)).await;
    }
    ask(&fixture, "Disable", STREAM, json!({})).await;
    fixture.put(json!({"pk": {"S": "late"}})).await;
    deliver(&fixture).await;
    let all = records(&fixture).await;
    assert_eq!(all.len(), 2);
    let (inserted, removed) = (&all[0].1, &all[1].1);
    assert_eq!((&inserted["eventName"], &inserted["userIdentity"]), (&json!("INSERT"), &Value::Null));
    assert_eq!(inserted["dynamodb"]["ApproximateCreationDateTime"], 1_800_000_000_000_000_u64);
    assert_eq!(inserted["dynamodb"]["ApproximateCreationDateTimePrecision"], "MICROSECOND");
    assert_eq!(removed["eventName"], "REMOVE");
    assert_eq!(removed["userIdentity"], json!({"principalId": "dynamodb.amazonaws.com", "type": "Service"}));
}

#[tokio::test]
async fn a_stream_that_is_deleted_ends_its_destination() {
    let fixture = enabled().await;
    fixture.0.call("kinesis", "DeleteStream", json!({"StreamName": "changes"})).await.unwrap();
    fixture.put(json!({"pk": {"S": "a"}})).await;
    deliver(&fixture).await;
    assert_eq!(described(&fixture).await[0]["DestinationStatus"], "ENABLE_FAILED");
    fixture.put(json!({"pk": {"S": "b"}})).await;
    assert_eq!(outbox::waiting(&fixture.0.cloud.system(), 1).unwrap(), 0);
}

/// What no stream takes is not sent, and does not stop the write.
#[tokio::test]
async fn a_change_too_large_for_a_record_is_written_all_the_same() {
    let fixture = enabled().await;
    let control = "\u{1}".repeat(390_000);
    fixture.put(json!({"pk": {"S": "a"}, "v": {"S": control}})).await;
    fixture.put(json!({"pk": {"S": "b"}})).await;
    deliver(&fixture).await;
    let all = records(&fixture).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].1["dynamodb"]["Keys"]["pk"]["S"], "b");
    assert_eq!(described(&fixture).await[0]["DestinationStatus"], "ACTIVE");
    assert_ne!(fixture.get(json!({"pk": {"S": "a"}})).await, Value::Null);
}
