//! Streams: what each change records, reading by shard and iterator, the ends of records, streams and iterators.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Fixture, on_table};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn key(pk: &str) -> Value {
    json!({"pk": {"S": pk}})
}

async fn with_stream(view: &str) -> Fixture {
    let fixture = Fixture::with_table().await;
    enable(&fixture, view).await;
    fixture
}

/// Enables a stream on `tab`; its ARN.
async fn enable(fixture: &Fixture, view: &str) -> String {
    let stream = json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": view}});
    let table = fixture.call("UpdateTable", on_table(stream)).await;
    table["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned()
}

async fn disable(fixture: &Fixture) {
    fixture.call("UpdateTable", on_table(json!({"StreamSpecification": {"StreamEnabled": false}}))).await;
}

async fn latest(fixture: &Fixture) -> String {
    let table = fixture.call("DescribeTable", on_table(json!({}))).await;
    table["Table"]["LatestStreamArn"].as_str().unwrap().to_owned()
}

async fn describe(fixture: &Fixture, arn: &str) -> Value {
    fixture.call("DescribeStream", json!({"StreamArn": arn})).await["StreamDescription"].clone()
}

async fn iterator(fixture: &Fixture, arn: &str, position: Value) -> String {
    let mut request = position;
    let shard = describe(fixture, arn).await["Shards"][0]["ShardId"].clone();
    request.as_object_mut().unwrap().extend([("StreamArn".into(), arn.into()), ("ShardId".into(), shard)]);
    fixture.call("GetShardIterator", request).await["ShardIterator"].as_str().unwrap().to_owned()
}

/// All that a stream holds from a position on.
async fn records_from(fixture: &Fixture, arn: &str, position: Value) -> Vec<Value> {
    let mut iterator = iterator(fixture, arn, position).await;
    let mut records = Vec::new();
    loop {
        let page = fixture.call("GetRecords", json!({"ShardIterator": iterator, "Limit": 2})).await;
        let read = page["Records"].as_array().unwrap().clone();
        records.extend(read.iter().cloned());
        match page["NextShardIterator"].as_str() {
            Some(next) if !read.is_empty() => iterator = next.to_owned(),
            _ => return records,
        }
    }
}

async fn records(fixture: &Fixture) -> Vec<Value> {
    records_from(fixture, &latest(fixture).await, json!({"ShardIteratorType": "TRIM_HORIZON"})).await
}

/// What happened to which item.
fn outline(records: &[Value]) -> Vec<String> {
    let line = |record: &Value| {
        format!("{} {}", record["eventName"].as_str().unwrap(), record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap())
    };
    records.iter().map(line).collect()
}

async fn update(fixture: &Fixture, pk: &str, value: &str) {
    let values = json!({":v": {"S": value}});
    let request = json!({"Key": key(pk), "UpdateExpression": "SET v = :v", "ExpressionAttributeValues": values});
    fixture.call("UpdateItem", on_table(request)).await;
}

#[tokio::test]
async fn every_way_to_write_leaves_a_record_and_what_changes_nothing_leaves_none() {
    let fixture = with_stream("NEW_AND_OLD_IMAGES").await;
    fixture.put(json!({"pk": {"S": "a"}, "v": {"S": "1"}})).await;
    fixture.put(json!({"pk": {"S": "a"}, "v": {"S": "1"}})).await;
    update(&fixture, "a", "2").await;
    update(&fixture, "a", "2").await;
    let batch = json!([{"PutRequest": {"Item": key("b")}}, {"DeleteRequest": {"Key": key("nobody")}}]);
    fixture.call("BatchWriteItem", json!({"RequestItems": {"tab": batch}})).await;
    let check =
        json!({"ConditionCheck": on_table(json!({"Key": key("a"), "ConditionExpression": "attribute_exists(pk)"}))});
    let items =
        json!([check, {"Put": on_table(json!({"Item": key("c")}))}, {"Delete": on_table(json!({"Key": key("b")}))}]);
    fixture.call("TransactWriteItems", json!({"TransactItems": items})).await;
    fixture.call("ExecuteStatement", json!({"Statement": "INSERT INTO tab VALUE {'pk': 'd'}"})).await;
    fixture.call("DeleteItem", on_table(json!({"Key": key("d")}))).await;
    fixture.call("DeleteItem", on_table(json!({"Key": key("d")}))).await;
    let refused = json!({"Item": key("a"), "ConditionExpression": "attribute_not_exists(pk)"});
    fixture.refusal("PutItem", on_table(refused)).await;
    let all = records(&fixture).await;
    let expected = ["INSERT a", "MODIFY a", "INSERT b", "INSERT c", "REMOVE b", "INSERT d", "REMOVE d"];
    assert_eq!(outline(&all), expected);

    let modified = &all[1];
    assert_eq!(modified["dynamodb"]["OldImage"]["v"], json!({"S": "1"}));
    assert_eq!(modified["dynamodb"]["NewImage"], json!({"pk": {"S": "a"}, "v": {"S": "2"}}));
    assert_eq!(modified["dynamodb"]["SizeBytes"], 13);
    assert_eq!(modified["dynamodb"]["ApproximateCreationDateTime"], 1_800_000_000);
    assert_eq!((&modified["eventVersion"], &modified["eventSource"]), (&json!("1.1"), &json!("aws:dynamodb")));
    assert_eq!((&modified["awsRegion"], &modified["userIdentity"]), (&json!("us-east-1"), &Value::Null));
    let numbers: Vec<_> = all.iter().map(|record| record["dynamodb"]["SequenceNumber"].as_str().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() >= 21));
    let mut ids: Vec<_> = all.iter().map(|record| record["eventID"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len());
}

#[tokio::test]
async fn views_show_what_they_say() {
    for (view, old, new) in [
        ("KEYS_ONLY", false, false),
        ("NEW_IMAGE", false, true),
        ("OLD_IMAGE", true, false),
        ("NEW_AND_OLD_IMAGES", true, true),
    ] {
        let fixture = with_stream(view).await;
        update(&fixture, "a", "1").await;
        update(&fixture, "a", "2").await;
        fixture.call("DeleteItem", on_table(json!({"Key": key("a")}))).await;
        let all = records(&fixture).await;
        let has = |record: &Value, image: &str| record["dynamodb"].get(image).is_some();
        let shown: Vec<_> = all.iter().map(|record| (has(record, "OldImage"), has(record, "NewImage"))).collect();
        assert_eq!(shown, [(false, new), (old, new), (old, false)], "{view}");
        assert!(all.iter().all(|record| record["dynamodb"]["StreamViewType"] == view));
        assert!(all.iter().all(|record| record["dynamodb"]["Keys"] == key("a")));
    }
}

#[tokio::test]
async fn iterators_begin_where_they_are_asked_to() {
    let fixture = with_stream("KEYS_ONLY").await;
    let arn = latest(&fixture).await;
    for pk in ["a", "b", "c"] {
        fixture.put(key(pk)).await;
    }
    let tip = iterator(&fixture, &arn, json!({"ShardIteratorType": "LATEST"})).await;
    fixture.put(key("d")).await;
    let page = fixture.call("GetRecords", json!({"ShardIterator": tip})).await;
    assert_eq!(outline(page["Records"].as_array().unwrap()), ["INSERT d"]);
    let second = records(&fixture).await[1]["dynamodb"]["SequenceNumber"].clone();
    for (position, expected) in [
        ("AT_SEQUENCE_NUMBER", vec!["INSERT b", "INSERT c", "INSERT d"]),
        ("AFTER_SEQUENCE_NUMBER", vec!["INSERT c", "INSERT d"]),
    ] {
        let position = json!({"ShardIteratorType": position, "SequenceNumber": second});
        assert_eq!(outline(&records_from(&fixture, &arn, position).await), expected);
    }
}

#[tokio::test]
async fn wrong_requests_are_refused() {
    let fixture = with_stream("KEYS_ONLY").await;
    let arn = latest(&fixture).await;
    fixture.put(key("a")).await;
    let none = arn.replace("table/tab", "table/none");
    let (code, message) = fixture.refusal("DescribeStream", json!({"StreamArn": none})).await;
    assert_eq!(code, "ResourceNotFoundException");
    assert_eq!(message, format!("Requested resource not found: Stream: {none} not found"));
    let shard = describe(&fixture, &arn).await["Shards"][0]["ShardId"].clone();
    let cases = [
        (
            json!({"ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "LATEST"}),
            "ResourceNotFoundException",
        ),
        (json!({"ShardId": shard, "ShardIteratorType": "NEWEST"}), "ValidationException"),
        (json!({"ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}), "ValidationException"),
        (
            json!({"ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "100000000000000000099"}),
            "ValidationException",
        ),
        (
            json!({"ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "x"}),
            "ValidationException",
        ),
    ];
    for (mut request, code) in cases {
        request["StreamArn"] = arn.clone().into();
        assert_eq!(fixture.refusal("GetShardIterator", request.clone()).await.0, code, "{request}");
    }
    let good = iterator(&fixture, &arn, json!({"ShardIteratorType": "TRIM_HORIZON"})).await;
    for (iterator, limit) in [("x", 1), ("a|1|b", 1), (&*good, 0), (&*good, 1001)] {
        let refusal = fixture.refusal("GetRecords", json!({"ShardIterator": iterator, "Limit": limit})).await;
        assert_eq!(refusal.0, "ValidationException");
    }
    fixture.0.env.advance(Duration::from_secs(901));
    let (code, message) = fixture.refusal("GetRecords", json!({"ShardIterator": good})).await;
    assert_eq!((&*code, &*message), ("ExpiredIteratorException", "Shard iterator has expired"));
}

#[tokio::test]
async fn a_page_ends_at_a_megabyte() {
    let fixture = with_stream("NEW_IMAGE").await;
    for pk in ["a", "b", "c", "d"] {
        fixture.put(json!({"pk": {"S": pk}, "v": {"S": "x".repeat(390_000)}})).await;
    }
    let arn = latest(&fixture).await;
    let first = iterator(&fixture, &arn, json!({"ShardIteratorType": "TRIM_HORIZON"})).await;
    let page = fixture.call("GetRecords", json!({"ShardIterator": first})).await;
    assert_eq!(outline(page["Records"].as_array().unwrap()), ["INSERT a", "INSERT b", "INSERT c"]);
    let page = fixture.call("GetRecords", json!({"ShardIterator": page["NextShardIterator"]})).await;
    assert_eq!(outline(page["Records"].as_array().unwrap()), ["INSERT d"]);
}

#[tokio::test]
async fn records_are_kept_for_a_day() {
    let fixture = with_stream("KEYS_ONLY").await;
    let arn = latest(&fixture).await;
    fixture.put(key("a")).await;
    let first = records(&fixture).await[0]["dynamodb"]["SequenceNumber"].clone();
    fixture.0.advance(DAY / 2).await;
    fixture.put(key("b")).await;
    fixture.0.advance(DAY / 2 - Duration::from_secs(601)).await;
    assert_eq!(outline(&records(&fixture).await), ["INSERT a", "INSERT b"]);
    fixture.0.advance(Duration::from_secs(1_300)).await;
    assert_eq!(outline(&records(&fixture).await), ["INSERT b"]);
    let shard = describe(&fixture, &arn).await["Shards"][0]["ShardId"].clone();
    let trimmed =
        json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": first});
    assert_eq!(fixture.refusal("GetShardIterator", trimmed).await.0, "TrimmedDataAccessException");
}

#[tokio::test]
async fn a_stream_that_ends_can_be_read_for_a_day() {
    let fixture = with_stream("KEYS_ONLY").await;
    let old = latest(&fixture).await;
    fixture.put(key("a")).await;
    disable(&fixture).await;
    fixture.put(key("b")).await;
    let shape = describe(&fixture, &old).await;
    assert_eq!(shape["StreamStatus"], "DISABLED");
    let range = &shape["Shards"][0]["SequenceNumberRange"];
    assert_eq!(range["StartingSequenceNumber"], range["EndingSequenceNumber"]);
    let all = iterator(&fixture, &old, json!({"ShardIteratorType": "TRIM_HORIZON"})).await;
    let page = fixture.call("GetRecords", json!({"ShardIterator": all})).await;
    assert_eq!(outline(page["Records"].as_array().unwrap()), ["INSERT a"]);
    assert_eq!(page.get("NextShardIterator"), None);

    fixture.0.env.advance(Duration::from_secs(1));
    let new = enable(&fixture, "NEW_IMAGE").await;
    assert_ne!(old, new);
    fixture.put(key("c")).await;
    assert_eq!(outline(&records(&fixture).await), ["INSERT c"]);
    let names = async |request: Value| {
        let list = fixture.call("ListStreams", request).await;
        let arns = list["Streams"].as_array().unwrap().iter();
        (
            arns.map(|stream| stream["StreamArn"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            list["LastEvaluatedStreamArn"].clone(),
        )
    };
    assert_eq!(names(json!({"TableName": "tab"})).await, (vec![old.clone(), new.clone()], Value::Null));
    assert_eq!(names(json!({"Limit": 1})).await, (vec![old.clone()], json!(old)));
    assert_eq!(names(json!({"ExclusiveStartStreamArn": old})).await, (vec![new.clone()], Value::Null));
    assert_eq!(names(json!({"TableName": "other"})).await, (vec![], Value::Null));

    // With its table, the new one ends too; a day later, nothing of both is left.
    fixture.call("DeleteTable", on_table(json!({}))).await;
    assert_eq!(describe(&fixture, &new).await["StreamStatus"], "DISABLED");
    for _ in 0..3 {
        fixture.0.advance(DAY / 2).await;
    }
    assert_eq!(names(json!({})).await, (vec![], Value::Null));
    assert_eq!(fixture.refusal("DescribeStream", json!({"StreamArn": old})).await.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn expired_items_are_deleted_by_the_service() {
    let fixture = with_stream("OLD_IMAGE").await;
    let ttl = json!({"TimeToLiveSpecification": {"Enabled": true, "AttributeName": "until"}});
    fixture.call("UpdateTimeToLive", on_table(ttl)).await;
    fixture.put(json!({"pk": {"S": "a"}, "until": {"N": "1800000010"}})).await;
    for _ in 0..3 {
        fixture.0.advance(Duration::from_secs(60)).await;
    }
    let all = records(&fixture).await;
    assert_eq!(outline(&all), ["INSERT a", "REMOVE a"]);
    assert_eq!(all[1]["userIdentity"], json!({"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}));
    assert_eq!(all[1]["dynamodb"]["OldImage"]["until"], json!({"N": "1800000010"}));
    assert_eq!(all[0].get("userIdentity"), None);
}

/// The changes of a transaction are in the stream together, or none is.
#[tokio::test]
async fn what_is_refused_is_not_in_the_stream() {
    let fixture = with_stream("KEYS_ONLY").await;
    let check =
        json!({"ConditionCheck": on_table(json!({"Key": key("x"), "ConditionExpression": "attribute_exists(pk)"}))});
    let items = json!([{"Put": on_table(json!({"Item": key("a")}))}, check]);
    fixture.refusal("TransactWriteItems", json!({"TransactItems": items})).await;
    assert!(records(&fixture).await.is_empty());
}

#[tokio::test]
async fn what_is_no_stream_shard_or_position_is_refused() {
    let fixture = with_stream("KEYS_ONLY").await;
    let arn = latest(&fixture).await;
    let shard = describe(&fixture, &arn).await["Shards"][0]["ShardId"].clone();
    let filter = |filter: Value| json!({"StreamArn": arn, "ShardFilter": filter});
    let number = "1".repeat(21);
    for (operation, request, part) in [
        ("DescribeStream", json!({"StreamArn": "x".repeat(50)}), "Invalid StreamArn"),
        ("DescribeStream", filter(json!({"Type": "CHILD_SHARDS"})), "shardFilter.shardId"),
        ("DescribeStream", filter(json!({"ShardId": shard})), "shardFilter.type"),
        ("DescribeStream", filter(json!({"Type": "CHILD_SHARDS", "ShardId": "short"})), "shardFilter.shardId"),
        (
            "GetShardIterator",
            json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "LATEST", "SequenceNumber": number}),
            "Invalid SequenceNumber",
        ),
    ] {
        let (code, message) = fixture.refusal(operation, request.clone()).await;
        assert_eq!(code, "ValidationException", "{request}: {message}");
        assert!(message.contains(part), "{request}: {message}");
    }
}
