//! Item collections of tables with local indexes: how large they are, and how large they can be.

use serde_json::{Value, json};

use crate::fixture::{Fixture, on_table};

const GIGABYTE: u64 = 1024 * 1024 * 1024;

async fn collections() -> Fixture {
    let fixture = Fixture::new();
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let define = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    fixture
        .create_with(json!({
            "AttributeDefinitions": [define("pk"), define("sk"), define("l")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "LocalSecondaryIndexes": [{
                "IndexName": "local",
                "KeySchema": [key("pk", "HASH"), key("l", "RANGE")],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
        }))
        .await;
    fixture
}

fn item(sort: &str, more: Value) -> Value {
    let mut item = json!({"pk": {"S": "p"}, "sk": {"S": sort}});
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}

/// The only collection's key in the store, and its size.
fn stored(fixture: &Fixture) -> Option<(kv::Bytes, u64)> {
    let read = fixture.0.cloud.db().read().unwrap();
    let mut rows = kv::Read::scan(&read, kv::KeyRange::prefix(&[3, 18]), kv::Order::Forward).unwrap();
    let (key, value) = rows.next()?.unwrap();
    Some((key, <u64 as kv::Stored>::from_bytes(&value).unwrap()))
}

/// As if there were so many items.
async fn grow(fixture: &Fixture, bytes: u64) {
    let (key, _) = stored(fixture).unwrap();
    let value = <u64 as kv::Stored>::to_bytes(&bytes).unwrap();
    fixture.0.cloud.db().write(move |tx| tx.put(&key, value.clone())).await.unwrap();
}

#[tokio::test]
async fn a_collection_is_its_items_and_their_local_entries() {
    let fixture = collections().await;
    let size = || stored(&fixture).map_or(0, |(_, bytes)| bytes);
    let (key, indexed) = (2 + 1 + 2 + 1, 1 + 1);
    fixture.put(item("a", json!({}))).await;
    assert_eq!(size(), key);
    fixture.put(item("b", json!({"l": {"S": "x"}, "v": {"S": "1234"}}))).await;
    assert_eq!(size(), key + (key + indexed + 5) + (key + indexed));
    let update = json!({"Key": item("b", json!({})), "UpdateExpression": "REMOVE l"});
    fixture.call("UpdateItem", on_table(update)).await;
    assert_eq!(size(), key + (key + 5));
    for sort in ["a", "b"] {
        fixture.call("DeleteItem", on_table(json!({"Key": item(sort, json!({}))}))).await;
    }
    assert_eq!(stored(&fixture), None);
}

#[tokio::test]
async fn every_write_tells_how_large_its_collection_is() {
    let fixture = collections().await;
    fixture.put(item("a", json!({}))).await;
    grow(&fixture, 7 * GIGABYTE).await;
    let told = |metrics: &Value| {
        assert_eq!(metrics["ItemCollectionKey"], json!({"pk": {"S": "p"}}));
        assert_eq!(metrics["SizeEstimateRangeGB"], json!([7.0, 8.0]));
    };
    let size = |mut request: Value| {
        request["ReturnItemCollectionMetrics"] = json!("SIZE");
        request
    };
    let put = json!({"Item": item("b", json!({}))});
    told(&fixture.call("PutItem", size(on_table(put.clone()))).await["ItemCollectionMetrics"]);
    let update = json!({"Key": item("b", json!({})), "UpdateExpression": "SET v = sk"});
    told(&fixture.call("UpdateItem", size(on_table(update))).await["ItemCollectionMetrics"]);
    let delete = on_table(json!({"Key": item("b", json!({}))}));
    told(&fixture.call("DeleteItem", size(delete)).await["ItemCollectionMetrics"]);
    let batch = json!({"RequestItems": {"tab": [{"PutRequest": put}]}});
    told(&fixture.call("BatchWriteItem", size(batch)).await["ItemCollectionMetrics"]["tab"][0]);
    let transaction = json!({"TransactItems": [{"Put": on_table(put)}]});
    told(&fixture.call("TransactWriteItems", size(transaction)).await["ItemCollectionMetrics"]["tab"][0]);
}

#[tokio::test]
async fn a_collection_has_ten_gigabytes_at_most() {
    let fixture = collections().await;
    fixture.put(item("a", json!({"v": {"S": "12345"}}))).await;
    grow(&fixture, 10 * GIGABYTE - 3).await;
    let put = on_table(json!({"Item": item("b", json!({}))}));
    let refused = ("ItemCollectionSizeLimitExceededException".to_owned(), "Collection size exceeded.".to_owned());
    assert_eq!(fixture.refusal("PutItem", put.clone()).await, refused);
    let other = on_table(json!({"Item": {"pk": {"S": "other"}, "sk": {"S": "b"}}}));
    let request = json!({"TransactItems": [{"Put": other}, {"Put": put}]});
    let error = fixture.error("TransactWriteItems", request).await;
    let reasons = json!([
        {"Code": "None"},
        {"Code": "ItemCollectionSizeLimitExceeded", "Message": "Collection size exceeded."},
    ]);
    assert_eq!(error.members["CancellationReasons"], reasons);
    // What does not grow it is done.
    fixture.put(item("a", json!({"v": {"S": "123"}}))).await;
    fixture.call("PutItem", other).await;
}

#[tokio::test]
async fn a_table_is_restored_whatever_the_size_of_its_collections() {
    let fixture = collections().await;
    fixture.put(item("a", json!({}))).await;
    let (key, _) = stored(&fixture).unwrap();
    let backup = fixture.call("CreateBackup", json!({"TableName": "tab", "BackupName": "bkp"})).await;
    let settle = async || {
        for _ in 0..4 {
            fixture.0.advance(std::time::Duration::from_millis(2)).await;
        }
    };
    settle().await;
    let request = json!({"BackupArn": backup["BackupDetails"]["BackupArn"], "TargetTableName": "new"});
    fixture.call("RestoreTableFromBackup", request).await;
    // The table, its index and the backup have the numbers before.
    let mut full = key.to_vec();
    full.get_mut(2..10).unwrap().copy_from_slice(&4u64.to_be_bytes());
    let value = <u64 as kv::Stored>::to_bytes(&(10 * GIGABYTE)).unwrap();
    fixture.0.cloud.db().write(move |tx| tx.put(&full, value.clone())).await.unwrap();
    settle().await;
    let request = json!({"TableName": "new", "Item": item("b", json!({}))});
    assert_eq!(fixture.refusal("PutItem", request).await.0, "ItemCollectionSizeLimitExceededException");
    assert_eq!(fixture.call("Scan", json!({"TableName": "new"})).await["Count"], 1);
}
