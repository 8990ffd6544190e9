//! Global indexes whose keys have several attributes of a kind, beside a plain search of all items.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Fixture, column, on_table, validation};

fn keys(kind: &str, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| json!({"AttributeName": name, "KeyType": kind})).collect()
}

fn definitions() -> Value {
    let typed = [("pk", "S"), ("h1", "S"), ("h2", "N"), ("r1", "N"), ("r2", "S"), ("r3", "B")];
    typed.map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind})).into()
}

fn index() -> Value {
    let key = [keys("HASH", &["h1", "h2"]), keys("RANGE", &["r1", "r2", "r3"])].concat();
    json!({"IndexName": "several", "KeySchema": key, "Projection": {"ProjectionType": "ALL"}})
}

/// Numbers and texts whose bytes are prefixes of each other, or hold what keys escape.
const NUMBERS: [i32; 4] = [-2, 0, 1, 10];
const TEXTS: [&str; 5] = ["a", "a\0", "a\u{1}", "ab", "b"];
const BYTES: [&str; 3] = ["AA==", "AP8=", "AQ=="];

/// Every combination of sort keys under two partitions.
fn items() -> Vec<Value> {
    let mut items = Vec::new();
    for partition in ["x", "y"] {
        for (number, text, bytes) in
            NUMBERS.iter().flat_map(|n| TEXTS.iter().flat_map(move |t| BYTES.iter().map(move |b| (n, t, b))))
        {
            items.push(json!({
                "pk": {"S": items.len().to_string()}, "h1": {"S": partition}, "h2": {"N": "7"},
                "r1": {"N": number.to_string()}, "r2": {"S": text}, "r3": {"B": bytes},
            }));
        }
    }
    items
}

async fn filled() -> Fixture {
    let fixture = Fixture::new();
    fixture
        .create_with(json!({
            "AttributeDefinitions": definitions(),
            "KeySchema": keys("HASH", &["pk"]),
            "GlobalSecondaryIndexes": [index()],
        }))
        .await;
    // In another order than that of their keys.
    let all = items();
    for at in 0..all.len() {
        fixture.put(all[at * 37 % all.len()].clone()).await;
    }
    fixture
}

fn query(condition: &str, values: Value) -> Value {
    let mut all = json!({":h1": {"S": "x"}, ":h2": {"N": "7"}});
    let condition = format!("h1 = :h1 AND h2 = :h2{condition}");
    all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    json!({"IndexName": "several", "KeyConditionExpression": condition, "ExpressionAttributeValues": all})
}

/// What a search of all items finds, in the order of the key.
fn found(meets: impl Fn(i32, &str, &str) -> bool) -> Vec<String> {
    let part = |item: &Value, name: &str, kind: &str| item[name][kind].as_str().unwrap().to_owned();
    let fits = |item: &Value| {
        let number = part(item, "r1", "N").parse().unwrap();
        item["h1"]["S"] == "x" && meets(number, &part(item, "r2", "S"), &part(item, "r3", "B"))
    };
    // They were made in this order.
    items().iter().filter(|item| fits(item)).map(|item| part(item, "pk", "S")).collect()
}

#[tokio::test]
async fn queries_find_what_a_search_finds_in_the_same_order() {
    let fixture = filled().await;
    let one = json!({":a": {"N": "1"}});
    let text = |text: &str| json!({":a": {"N": "1"}, ":b": {"S": text}});
    type Meets = fn(i32, &str, &str) -> bool;
    let cases: [(&str, Value, Meets); 16] = [
        ("", json!({}), |_, _, _| true),
        (" AND r1 = :a", one.clone(), |n, _, _| n == 1),
        (" AND r1 < :a", one.clone(), |n, _, _| n < 1),
        (" AND r1 <= :a", one.clone(), |n, _, _| n <= 1),
        (" AND r1 > :a", one.clone(), |n, _, _| n > 1),
        (" AND r1 >= :a", one.clone(), |n, _, _| n >= 1),
        (" AND r1 BETWEEN :a AND :b", json!({":a": {"N": "0"}, ":b": {"N": "1"}}), |n, _, _| (0..=1).contains(&n)),
        (" AND r1 = :a AND r2 = :b", text("a"), |n, t, _| n == 1 && t == "a"),
        (" AND r2 < :b AND r1 = :a", text("ab"), |n, t, _| n == 1 && t < "ab"),
        (" AND r1 = :a AND r2 <= :b", text("a\0"), |n, t, _| n == 1 && t <= "a\0"),
        (" AND r1 = :a AND r2 > :b", text("a"), |n, t, _| n == 1 && t > "a"),
        (" AND r1 = :a AND r2 >= :b", text("a\u{1}"), |n, t, _| n == 1 && t >= "a\u{1}"),
        (" AND r1 = :a AND begins_with(r2, :b)", text("a"), |n, t, _| n == 1 && t.starts_with('a')),
        (
            " AND r1 = :a AND r2 = :b AND r3 = :c",
            json!({":a": {"N": "10"}, ":b": {"S": "b"}, ":c": {"B": "AP8="}}),
            |n, t, b| n == 10 && t == "b" && b == "AP8=",
        ),
        (
            " AND r1 = :a AND r2 = :b AND begins_with(r3, :c)",
            json!({":a": {"N": "10"}, ":b": {"S": "b"}, ":c": {"B": "AA=="}}),
            |n, t, b| n == 10 && t == "b" && b != "AQ==",
        ),
        (
            " AND r1 = :a AND r2 = :b AND r3 > :c",
            json!({":a": {"N": "10"}, ":b": {"S": "b"}, ":c": {"B": "AA=="}}),
            |n, t, b| n == 10 && t == "b" && b != "AA==",
        ),
    ];
    for (condition, values, meets) in cases {
        let mut expected = found(meets);
        let asked = query(condition, values);
        assert_eq!(column(&fixture.query(asked.clone()).await, "pk"), expected, "{condition}");
        let mut backward = asked.clone();
        backward["ScanIndexForward"] = json!(false);
        expected.reverse();
        assert_eq!(column(&fixture.query(backward).await, "pk"), expected, "{condition}, backward");
        // Page by page.
        let (mut paged, mut start) = (Vec::new(), Value::Null);
        loop {
            let mut page = asked.clone();
            page["Limit"] = json!(4);
            if !start.is_null() {
                page["ExclusiveStartKey"] = start;
            }
            let page = fixture.query(page).await;
            paged.extend(column(&page, "pk"));
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                break;
            }
        }
        expected.reverse();
        assert_eq!(paged, expected, "{condition}, paged");
    }
}

#[tokio::test]
async fn an_index_that_is_added_later_has_what_is_there_and_items_without_a_part_are_not_in_it() {
    let fixture = Fixture::with_table().await;
    let item = |pk: &str, name: &str| {
        let mut item = items()[0].clone();
        item["pk"] = json!({"S": pk});
        item.as_object_mut().unwrap().remove(name);
        item
    };
    for (at, missing) in ["none", "h1", "h2", "r1", "r2", "r3"].iter().enumerate() {
        fixture.put(item(&at.to_string(), missing)).await;
    }
    let update = json!({"AttributeDefinitions": definitions(), "GlobalSecondaryIndexUpdates": [{"Create": index()}]});
    fixture.call("UpdateTable", on_table(update)).await;
    for _ in 0..3 {
        fixture.0.advance(Duration::from_secs(1)).await;
    }
    assert_eq!(column(&fixture.query(query("", json!({}))).await, "pk"), ["0"]);
    let described = fixture.call("DescribeTable", on_table(json!({}))).await;
    assert_eq!(described["Table"]["GlobalSecondaryIndexes"][0]["KeySchema"], index()["KeySchema"]);
    // Another value of any part is another place.
    let change = json!({"Key": {"pk": {"S": "0"}}, "UpdateExpression": "SET h2 = :v", "ExpressionAttributeValues": {":v": {"N": "8"}}});
    fixture.call("UpdateItem", on_table(change)).await;
    assert_eq!(fixture.query(query("", json!({}))).await["Count"], 0);
    fixture.call("DeleteItem", on_table(json!({"Key": {"pk": {"S": "0"}}}))).await;
    assert_eq!(fixture.call("Scan", on_table(json!({"IndexName": "several"}))).await["Count"], 0);
}

#[tokio::test]
async fn keys_and_conditions_that_are_none_are_refused() {
    let fixture = filled().await;
    let (a, b) = (json!({":a": {"N": "1"}}), json!({":b": {"S": "a"}}));
    let both = json!({":a": {"N": "1"}, ":b": {"S": "a"}});
    for (condition, values, part) in [
        (" AND r2 = :b AND r3 = :a", &both, "type"),
        (" AND r2 = :b", &b, "Query condition missed key schema element: r1"),
        (" AND r1 < :a AND r2 = :b", &both, "RANGE"),
        (" AND r1 < :a AND r2 > :b", &both, "RANGE"),
        (" AND r1 >= :a AND r3 = :a", &a, "type"),
        (" AND begins_with(r1, :b)", &b, "type"),
        (" AND pk = :b", &b, "not supported"),
    ] {
        let (code, message) = fixture.refusal("Query", on_table(query(condition, values.clone()))).await;
        assert_eq!(code, "ValidationException");
        assert!(message.contains(part), "{condition}: {message}");
    }
    let mut plain = query(" AND r1 = :a AND r2 = :b", both);
    plain.as_object_mut().unwrap().remove("IndexName");
    assert_eq!(fixture.refusal("Query", on_table(plain)).await, validation("Conditions can be of length 1 or 2 only"));
    let half = json!({"IndexName": "several", "KeyConditionExpression": "h1 = :h", "ExpressionAttributeValues": {":h": {"S": "x"}}});
    assert!(fixture.refusal("Query", on_table(half)).await.1.contains("HASH"));
    let elsewhere = json!({"pk": {"S": "1"}, "h1": {"S": "y"}, "h2": {"N": "7"}, "r1": {"N": "1"}, "r2": {"S": "a"}, "r3": {"B": "AA=="}});
    let mut outside = query("", json!({}));
    outside["ExclusiveStartKey"] = elsewhere;
    assert!(fixture.refusal("Query", on_table(outside)).await.1.contains("outside query boundaries"));
    let create = async |key: Vec<Value>| {
        let index = json!({"IndexName": "new", "KeySchema": key, "Projection": {"ProjectionType": "ALL"}});
        let names = ["pk", "a", "b", "c", "d", "e"];
        let definitions = names.map(|name| json!({"AttributeName": name, "AttributeType": "S"}));
        let input = json!({
            "TableName": "other", "BillingMode": "PAY_PER_REQUEST", "KeySchema": keys("HASH", &["pk"]),
            "AttributeDefinitions": definitions, "GlobalSecondaryIndexes": [index],
        });
        fixture.refusal("CreateTable", input).await.1
    };
    let five = ["a", "b", "c", "d", "e"];
    assert!(create(keys("HASH", &five)).await.contains("5 HASH"));
    assert!(create([keys("HASH", &["pk"]), keys("RANGE", &five)].concat()).await.contains("5 RANGE"));
    let mixed = [keys("HASH", &["a"]), keys("RANGE", &["b"]), keys("HASH", &["c"])].concat();
    assert!(create(mixed).await.contains("HASH key elements must precede RANGE"));
    assert!(create(keys("HASH", &["a", "a"])).await.contains("same name"));
}
