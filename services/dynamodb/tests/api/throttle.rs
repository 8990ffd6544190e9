//! Throughput that is limited as AWS limits it.

use std::time::Duration;

use dynamodb::Options;
use serde_json::{Value, json};
use testkit::TestCloud;

use crate::fixture::{Fixture, on_table};

const TABLE: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
const INDEX: &str = "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API.";
const CURRENT: &str = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly. If exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html";
const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/tab";

fn units(read: u32, write: u32) -> Value {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

/// A table `tab` with these units, and as many on its index where there is one.
async fn provisioned(read: u32, write: u32, index: Option<Value>) -> Fixture {
    let fixture = Fixture(TestCloud::new(dynamodb::services(Options { throttle: true })));
    let mut table = json!({
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": units(read, write),
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    });
    if let Some(units) = index {
        table["AttributeDefinitions"].as_array_mut().unwrap().push(json!({"AttributeName": "g", "AttributeType": "S"}));
        table["GlobalSecondaryIndexes"] = json!([{
            "IndexName": "global",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": units,
        }]);
    }
    fixture.create_with(table).await;
    fixture
}

fn item(key: usize) -> Value {
    json!({"pk": {"S": key.to_string()}})
}

fn get() -> Value {
    on_table(json!({"Key": item(0), "ConsistentRead": true}))
}

/// How many requests are answered before one is refused, which `refused` is given.
async fn answered(fixture: &Fixture, operation: &str, input: impl Fn(usize) -> Value) -> (usize, service::Error) {
    for count in 0..100_000 {
        if let Err(error) = fixture.0.call("dynamodb", operation, input(count)).await {
            return (count, error);
        }
    }
    panic!("nothing was refused")
}

fn put(key: usize) -> Value {
    on_table(json!({"Item": item(key)}))
}

#[tokio::test]
async fn a_table_gives_what_is_provisioned_and_what_was_saved_up() {
    let fixture = provisioned(2, 3, None).await;
    // It was just made: there is one second's worth.
    let (count, error) = answered(&fixture, "PutItem", put).await;
    assert_eq!((count, error.message.as_str()), (3, TABLE));
    assert_eq!(error.code, "ProvisionedThroughputExceededException");
    let reasons = json!([{"reason": "TableWriteProvisionedThroughputExceeded", "resource": ARN}]);
    assert_eq!(error.members["ThrottlingReasons"], reasons);
    let (count, error) = answered(&fixture, "GetItem", |_| get()).await;
    assert_eq!((count, error.message.as_str()), (2, TABLE));
    assert_eq!(error.members["ThrottlingReasons"][0]["reason"], "TableReadProvisionedThroughputExceeded");
    // Eventual reads cost half.
    fixture.0.env.advance(Duration::from_secs(1));
    assert_eq!(answered(&fixture, "GetItem", |_| on_table(json!({"Key": item(0)}))).await.0, 4);
    for (seconds, saved) in [(1, 6), (10, 30), (3600, 900)] {
        fixture.0.env.advance(Duration::from_secs(seconds));
        let (count, error) = answered(&fixture, "PutItem", put).await;
        assert_eq!(count, saved, "{seconds} s");
        assert_eq!(error.status, 400);
    }
    // What is refused is not done.
    let scanned = fixture.0.call("dynamodb", "Scan", on_table(json!({"Select": "COUNT"}))).await.unwrap();
    assert_eq!(scanned["Count"], 900);
}

#[tokio::test]
async fn a_large_request_is_made_up_for() {
    let fixture = provisioned(1, 2, None).await;
    let large = json!({"pk": {"S": "large"}, "v": {"S": "x".repeat(10 * 1024 - 20)}});
    fixture.put(large).await;
    for _ in 0..4 {
        let error = fixture.error("PutItem", put(0)).await;
        assert_eq!(error.code, "ProvisionedThroughputExceededException");
        fixture.0.env.advance(Duration::from_secs(1));
    }
    fixture.0.env.advance(Duration::from_secs(1));
    fixture.put(item(0)).await;
}

#[tokio::test]
async fn an_index_that_is_behind_holds_its_table_back() {
    let fixture = provisioned(5, 1000, Some(units(1, 2))).await;
    let indexed = |key: usize| on_table(json!({"Item": {"pk": {"S": key.to_string()}, "g": {"S": key.to_string()}}}));
    let (count, error) = answered(&fixture, "PutItem", indexed).await;
    assert_eq!((count, error.message.as_str()), (2, INDEX));
    let resource = format!("{ARN}/index/global");
    let reasons = json!([{"reason": "IndexWriteProvisionedThroughputExceeded", "resource": resource}]);
    assert_eq!(error.members["ThrottlingReasons"], reasons);
    // Items that are not in the index do not wait for it.
    fixture.put(item(7)).await;
    let query = json!({"IndexName": "global", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "1"}}});
    let (count, error) = answered(&fixture, "Query", |_| on_table(query.clone())).await;
    assert_eq!((count, error.message.as_str()), (2, INDEX));
    assert_eq!(answered(&fixture, "GetItem", |_| get()).await.0, 5);
}

#[tokio::test]
async fn a_hot_key_is_held_back_in_both_modes() {
    let fixture = provisioned(40_000, 40_000, None).await;
    let (count, error) = answered(&fixture, "PutItem", |_| put(1)).await;
    assert_eq!((count, error.message.as_str()), (1000, TABLE));
    assert_eq!(error.members["ThrottlingReasons"][0]["reason"], "TableWriteKeyRangeThroughputExceeded");
    fixture.put(item(2)).await;
    assert_eq!(answered(&fixture, "GetItem", |_| get()).await.0, 3000);

    fixture.call("UpdateTable", on_table(json!({"BillingMode": "PAY_PER_REQUEST"}))).await;
    let (count, error) = answered(&fixture, "PutItem", |_| put(3)).await;
    assert_eq!((count, error.message.as_str()), (1000, CURRENT));
    assert_eq!(error.code, "ThrottlingException");
    assert_eq!(error.members["throttlingReasons"][0]["reason"], "TableWriteKeyRangeThroughputExceeded");
    let limits = json!({"OnDemandThroughput": {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}});
    fixture.call("UpdateTable", on_table(limits)).await;
    fixture.0.env.advance(Duration::from_secs(10));
    let (count, error) = answered(&fixture, "PutItem", put).await;
    assert_eq!(count, 6);
    assert_eq!(error.message, "Throughput exceeds the maximum OnDemandThroughput configured on table or index");
    assert_eq!(error.members["throttlingReasons"][0]["reason"], "TableWriteMaxOnDemandThroughputExceeded");
}

#[tokio::test]
async fn batches_say_what_is_left_to_do() {
    let fixture = provisioned(4, 3, None).await;
    let puts: Vec<Value> = (0..5).map(|key| json!({"PutRequest": {"Item": item(key)}})).collect();
    let batch = json!({"RequestItems": {"tab": puts}});
    let written = fixture.call("BatchWriteItem", batch.clone()).await;
    assert_eq!(written["UnprocessedItems"]["tab"], json!(puts[3..]));
    assert_eq!(fixture.error("BatchWriteItem", batch).await.message, TABLE);

    let keys: Vec<Value> = (0..6).map(item).collect();
    let batch = json!({"RequestItems": {"tab": {"Keys": keys, "ConsistentRead": true}}});
    let read = fixture.call("BatchGetItem", batch.clone()).await;
    assert_eq!(read["UnprocessedKeys"]["tab"], json!({"Keys": keys[4..], "ConsistentRead": true}));
    assert_eq!(read["Responses"]["tab"].as_array().unwrap().len(), 3);
    assert_eq!(fixture.error("BatchGetItem", batch).await.code, "ProvisionedThroughputExceededException");
}

#[tokio::test]
async fn transactions_are_cancelled_as_a_whole() {
    let fixture = provisioned(4, 3, None).await;
    let puts: Vec<Value> = (0..4).map(|key| json!({"Put": on_table(json!({"Item": item(key)}))})).collect();
    let error = fixture.error("TransactWriteItems", json!({"TransactItems": puts})).await;
    let reasons = error.members["CancellationReasons"].as_array().unwrap().clone();
    let codes: Vec<_> = reasons.iter().map(|reason| reason["Code"].as_str().unwrap()).collect();
    // Two units each: the second draws the last one and one that is not there.
    assert_eq!(codes, ["None", "None", "ProvisionedThroughputExceeded", "ProvisionedThroughputExceeded"]);
    assert_eq!(reasons[2]["Message"], TABLE);
    // It has cost nothing.
    fixture.call("TransactWriteItems", json!({"TransactItems": puts[..2]})).await;
    fixture.call("UpdateTable", on_table(json!({"BillingMode": "PAY_PER_REQUEST"}))).await;
    let limits = json!({"OnDemandThroughput": {"MaxReadRequestUnits": 3, "MaxWriteRequestUnits": 100}});
    fixture.call("UpdateTable", on_table(limits)).await;
    let gets: Vec<Value> = (0..3).map(|key| json!({"Get": on_table(json!({"Key": item(key)}))})).collect();
    let error = fixture.error("TransactGetItems", json!({"TransactItems": gets})).await;
    assert_eq!(error.members["CancellationReasons"][2]["Code"], "ThrottlingError");
    fixture.call("TransactGetItems", json!({"TransactItems": gets[..2]})).await;
}

#[tokio::test]
async fn statements_are_limited_too() {
    let fixture = provisioned(2, 2, None).await;
    let insert = |key: usize| json!({"Statement": format!("INSERT INTO tab VALUE {{'pk': '{key}'}}")});
    let (count, error) = answered(&fixture, "ExecuteStatement", insert).await;
    assert_eq!((count, error.message.as_str()), (2, TABLE));
    let select = |_| json!({"Statement": "SELECT * FROM tab WHERE pk = '1'", "ConsistentRead": true});
    assert_eq!(answered(&fixture, "ExecuteStatement", select).await.0, 2);
    let batch = fixture.call("BatchExecuteStatement", json!({"Statements": [select(0)]})).await;
    assert_eq!(batch["Responses"][0]["Error"]["Code"], "ProvisionedThroughputExceeded");
}
