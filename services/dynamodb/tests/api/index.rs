//! Secondary indexes: what they hold, how they are read, how they are added and removed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Fixture, column, on_table, validation};

/// Keys `pk` and `sk`; a local index by `l` (keys only), global ones by `g` (all) and by `g`, `n` (including `x`).
async fn indexed() -> Fixture {
    let fixture = Fixture::new();
    let definition = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let key = |partition: &str, sort: &str| json!([{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]);
    let table = fixture.create_with(json!({
        "AttributeDefinitions": [
            definition("pk", "S"), definition("sk", "S"), definition("l", "S"), definition("g", "S"), definition("n", "N"),
        ],
        "KeySchema": key("pk", "sk"),
        "LocalSecondaryIndexes": [
            {"IndexName": "local", "KeySchema": key("pk", "l"), "Projection": {"ProjectionType": "KEYS_ONLY"}},
        ],
        "GlobalSecondaryIndexes": [
            {"IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}},
            {"IndexName": "by-n", "KeySchema": key("g", "n"), "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}},
        ],
    })).await;
    assert_eq!(table["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexStatus"], "ACTIVE");
    fixture
}

fn by(index: &str, condition: &str, values: Value) -> Value {
    json!({"IndexName": index, "KeyConditionExpression": condition, "ExpressionAttributeValues": values})
}

fn item(sk: &str, rest: Value) -> Value {
    let mut item = json!({"pk": {"S": "p"}, "sk": {"S": sk}});
    item.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    item
}

#[tokio::test]
async fn entries_follow_their_items() {
    let fixture = indexed().await;
    fixture.put(item("1", json!({"g": {"S": "x"}, "n": {"N": "2"}, "x": {"S": "shown"}, "y": {"S": "hidden"}}))).await;
    fixture.put(item("2", json!({"g": {"S": "x"}, "n": {"N": "-1"}, "l": {"S": "z"}}))).await;
    fixture.put(item("3", json!({"l": {"S": "a"}}))).await;
    let x = json!({":x": {"S": "x"}});
    let ordered = fixture.query(by("by-n", "g = :x", x.clone())).await;
    assert_eq!(column(&ordered, "sk"), ["2", "1"]);
    assert_eq!(ordered["Items"][1], item("1", json!({"g": {"S": "x"}, "n": {"N": "2"}, "x": {"S": "shown"}})));
    let p = json!({":p": {"S": "p"}});
    assert_eq!(column(&fixture.query(by("local", "pk = :p", p)).await, "sk"), ["3", "2"]);

    // Moving, leaving, and going.
    let update = |expression: &str| {
        on_table(json!({
            "Key": item("1", json!({})),
            "UpdateExpression": expression,
            "ExpressionAttributeValues": {":v": {"S": "moved"}},
            "ReturnConsumedCapacity": "INDEXES",
        }))
    };
    let moved = fixture.call("UpdateItem", update("SET g = :v")).await;
    let units = &moved["ConsumedCapacity"];
    assert_eq!(units["CapacityUnits"], 5.0);
    assert_eq!(units["GlobalSecondaryIndexes"]["by-g"]["CapacityUnits"], 2.0);
    assert_eq!(column(&fixture.query(by("by-g", "g = :x", x.clone())).await, "sk"), ["2"]);
    let moved = json!({":x": {"S": "moved"}});
    assert_eq!(column(&fixture.query(by("by-g", "g = :x", moved.clone())).await, "sk"), ["1"]);
    let mut remove = update("REMOVE g");
    remove.as_object_mut().unwrap().remove("ExpressionAttributeValues");
    fixture.call("UpdateItem", remove).await;
    assert_eq!(fixture.query(by("by-g", "g = :x", moved)).await["Count"], 0);
    fixture.call("DeleteItem", on_table(json!({"Key": item("2", json!({}))}))).await;
    assert_eq!(fixture.query(by("by-n", "g = :x", x)).await["Count"], 0);
    let described = fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
    assert_eq!(described["Table"]["GlobalSecondaryIndexes"][0]["ItemCount"], 0);
    assert_eq!(described["Table"]["GlobalSecondaryIndexes"][0]["IndexSizeBytes"], 0);
    assert_eq!(described["Table"]["LocalSecondaryIndexes"][0]["ItemCount"], 1);
}

#[tokio::test]
async fn pages_of_an_index_with_equal_keys() {
    let fixture = indexed().await;
    for n in 0..10 {
        fixture.put(item(&n.to_string(), json!({"g": {"S": "same"}, "n": {"N": "1"}}))).await;
    }
    for (operation, forward) in [("Query", true), ("Query", false), ("Scan", true)] {
        let mut request = match operation {
            "Query" => by("by-n", "g = :g", json!({":g": {"S": "same"}})),
            _ => json!({"IndexName": "by-n"}),
        };
        request["Limit"] = json!(3);
        if !forward {
            request["ScanIndexForward"] = json!(false);
        }
        let mut seen = Vec::new();
        loop {
            let page = fixture.call(operation, on_table(request.clone())).await;
            seen.extend(column(&page, "sk"));
            let Some(last) = page.get("LastEvaluatedKey") else { break };
            assert_eq!(last.as_object().unwrap().len(), 4);
            request["ExclusiveStartKey"] = last.clone();
        }
        seen.sort();
        assert_eq!(seen, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_an_index_does_not_hold() {
    let fixture = indexed().await;
    fixture.put(item("1", json!({"g": {"S": "x"}, "n": {"N": "1"}, "l": {"S": "l"}, "y": {"S": "y"}}))).await;
    let p = json!({":p": {"S": "p"}});
    let mut local = by("local", "pk = :p", p);
    assert_eq!(fixture.query(local.clone()).await["Items"][0], item("1", json!({"l": {"S": "l"}})));
    local["ProjectionExpression"] = json!("y");
    assert_eq!(fixture.query(local.clone()).await["Items"][0], json!({"y": {"S": "y"}}));
    local.as_object_mut().unwrap().remove("ProjectionExpression");
    local["Select"] = json!("ALL_ATTRIBUTES");
    assert_eq!(fixture.query(local).await["Items"][0]["y"], json!({"S": "y"}));

    let mut global = by("by-n", "g = :x", json!({":x": {"S": "x"}}));
    global["Select"] = json!("ALL_ATTRIBUTES");
    let message = "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by-n because its projection type is not ALL";
    assert_eq!(fixture.refusal("Query", on_table(global.clone())).await, validation(message));
    global.as_object_mut().unwrap().remove("Select");
    global["ConsistentRead"] = json!(true);
    let message = "Consistent reads are not supported on global secondary indexes";
    assert_eq!(fixture.refusal("Query", on_table(global)).await, validation(message));
    let missing = by("nothing", "g = :x", json!({":x": {"S": "x"}}));
    let message = "The table does not have the specified index: nothing";
    assert_eq!(fixture.refusal("Query", on_table(missing)).await, validation(message));
}

#[tokio::test]
async fn keys_of_indexes_are_checked() {
    let fixture = indexed().await;
    let put = |rest| on_table(json!({"Item": item("1", rest)}));
    let message = "One or more parameter values were invalid: Type mismatch for Index Key n Expected: N Actual: S IndexName: by-n";
    assert_eq!(fixture.refusal("PutItem", put(json!({"n": {"S": "1"}}))).await, validation(message));
    let message = "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: local, IndexKey: l";
    assert_eq!(fixture.refusal("PutItem", put(json!({"l": {"S": ""}}))).await, validation(message));
    let update = on_table(json!({
        "Key": item("1", json!({})),
        "UpdateExpression": "SET n = :v",
        "ExpressionAttributeValues": {":v": {"S": "text"}},
    }));
    let message = "One or more parameter values were invalid: Type mismatch for Index Key n Expected: N Actual: S IndexName: by-n";
    assert_eq!(fixture.refusal("UpdateItem", update).await, validation(message));
}

#[tokio::test]
async fn an_index_is_added_and_removed() {
    let fixture = Fixture::with_table().await;
    for n in 0..2500 {
        let mut item = json!({"pk": {"S": format!("k{n}")}});
        if n % 2 == 0 {
            item["g"] = json!({"S": "even"});
        }
        fixture.put(item).await;
    }
    let create = json!({
        "IndexName": "added",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    });
    let definitions = json!([{"AttributeName": "g", "AttributeType": "S"}]);
    let update = json!({"AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": [{"Create": create}]});
    let table = fixture.call("UpdateTable", on_table(update)).await;
    assert_eq!(table["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexStatus"], "CREATING");
    let query = by("added", "g = :x", json!({":x": {"S": "even"}}));
    let (_, message) = fixture.refusal("Query", on_table(query.clone())).await;
    assert_eq!(message, "Cannot read from backfilling global secondary index: added");
    // Written meanwhile: seen once all the same.
    fixture.put(json!({"pk": {"S": "k0"}, "g": {"S": "even"}, "again": {"BOOL": true}})).await;
    fixture.put(json!({"pk": {"S": "k2"}})).await;
    // Filling takes a step for each thousand items.
    for _ in 0..3 {
        fixture.0.advance(Duration::from_secs(1)).await;
    }
    assert_eq!(fixture.query(query.clone()).await["Count"], 1249);
    let described = fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
    let index = &described["Table"]["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexStatus"], &index["ItemCount"]), (&json!("ACTIVE"), &json!(1249)));

    let delete = json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "added"}}]});
    let table = fixture.call("UpdateTable", on_table(delete.clone())).await;
    assert_eq!(
        table["TableDescription"]["AttributeDefinitions"],
        json!([{"AttributeName": "pk", "AttributeType": "S"}])
    );
    assert_eq!(fixture.refusal("Query", on_table(query)).await.0, "ValidationException");
    assert_eq!(fixture.refusal("UpdateTable", on_table(delete)).await.0, "ResourceNotFoundException");
}
