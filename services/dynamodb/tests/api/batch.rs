//! Batches.

use serde_json::{Value, json};

use crate::fixture::{Fixture, on_table, validation};

fn put(key: &str) -> Value {
    json!({"PutRequest": {"Item": {"pk": {"S": key}, "v": {"S": key}}}})
}

fn delete(key: &str) -> Value {
    json!({"DeleteRequest": {"Key": {"pk": {"S": key}}}})
}

#[tokio::test]
async fn batches_write_and_get() {
    let fixture = Fixture::with_table().await;
    let puts: Vec<Value> = (0..25).map(|n| put(&n.to_string())).collect();
    let written =
        fixture.call("BatchWriteItem", json!({"RequestItems": {"tab": puts}, "ReturnConsumedCapacity": "TOTAL"})).await;
    assert_eq!(
        written,
        json!({"UnprocessedItems": {}, "ConsumedCapacity": [{"TableName": "tab", "CapacityUnits": 25.0}]})
    );
    fixture.call("BatchWriteItem", json!({"RequestItems": {"tab": [delete("3"), put("new")]}})).await;

    let keys: Vec<Value> = ["3", "4", "new"].iter().map(|key| json!({"pk": {"S": key}})).collect();
    let request = json!({"RequestItems": {"tab": {"Keys": keys, "ProjectionExpression": "#v", "ExpressionAttributeNames": {"#v": "v"}}}});
    let got = fixture.call("BatchGetItem", request).await;
    assert_eq!(got["Responses"], json!({"tab": [{"v": {"S": "4"}}, {"v": {"S": "new"}}]}));
    assert_eq!(got["UnprocessedKeys"], json!({}));
}

#[tokio::test]
async fn what_does_not_fit_an_answer_is_named() {
    let fixture = Fixture::with_table().await;
    let keys: Vec<Value> = (0..50).map(|n| json!({"pk": {"S": n.to_string()}})).collect();
    for key in &keys {
        let mut item = key.clone();
        item["x"] = json!({"S": "x".repeat(380_000)});
        fixture.put(item).await;
    }
    let mut request = json!({"tab": {"Keys": keys, "ConsistentRead": true}});
    let mut seen = 0;
    let mut rounds = 0;
    while request != json!({}) {
        let got = fixture.call("BatchGetItem", json!({"RequestItems": request})).await;
        seen += got["Responses"]["tab"].as_array().unwrap().len();
        request = got["UnprocessedKeys"].clone();
        rounds += 1;
    }
    assert_eq!((seen, rounds), (50, 2));
}

#[tokio::test]
async fn malformed_batches_are_refused_whole() {
    let fixture = Fixture::with_table().await;
    let keys = |n: usize| (0..n).map(|n| json!({"pk": {"S": n.to_string()}})).collect::<Vec<_>>();
    for (operation, items, message) in [
        ("BatchGetItem", json!({}), "The requestItems parameter is required for BatchGetItem"),
        ("BatchWriteItem", json!({}), "The requestItems parameter is required for BatchWriteItem"),
        (
            "BatchGetItem",
            json!({"tab": {"Keys": keys(101)}}),
            "1 validation error detected: Value at 'RequestItems.tab.member.Keys' failed to satisfy constraint: Member must have length less than or equal to 100",
        ),
        (
            "BatchGetItem",
            json!({"tab": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "a"}}]}}),
            "Provided list of item keys contains duplicates",
        ),
        ("BatchWriteItem", json!({"tab": [put("a"), delete("a")]}), "Provided list of item keys contains duplicates"),
        (
            "BatchWriteItem",
            json!({"tab": [put("a"), {"PutRequest": {"Item": {"x": {"S": "no key"}}}}]}),
            "The provided key element does not match the schema",
        ),
        (
            "BatchWriteItem",
            json!({"tab": [{}]}),
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        ),
    ] {
        assert_eq!(fixture.refusal(operation, json!({"RequestItems": items})).await, validation(message));
    }
    let many: Vec<Value> = (0..26).map(|n| put(&n.to_string())).collect();
    let (_, message) = fixture.refusal("BatchWriteItem", json!({"RequestItems": {"tab": many}})).await;
    assert!(message.ends_with("at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"), "{message}");
    let missing = json!({"RequestItems": {"tab": [put("a")], "missing": [put("a")]}});
    assert_eq!(fixture.refusal("BatchWriteItem", missing).await.0, "ResourceNotFoundException");
    assert_eq!(fixture.call("Scan", on_table(json!({}))).await["Count"], 0);
}
