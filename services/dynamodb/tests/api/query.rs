//! Queries and scans: order, conditions, pages, filters, segments.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fixture::{Fixture, column, on_table, validation};

async fn filled() -> Fixture {
    let fixture = Fixture::with_sorted_table().await;
    for n in ["10", "-3", "2", "0", "7.5", "-20"] {
        fixture.put(json!({"pk": {"S": "a"}, "sk": {"N": n}, "even": {"BOOL": !n.contains('.')}})).await;
    }
    fixture.put(json!({"pk": {"S": "b"}, "sk": {"N": "1"}})).await;
    fixture
}

fn of(condition: &str, values: Value) -> Value {
    let mut all = json!({":a": {"S": "a"}});
    all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    json!({"KeyConditionExpression": format!("pk = :a{condition}"), "ExpressionAttributeValues": all})
}

#[tokio::test]
async fn sort_keys_are_in_order() {
    let fixture = filled().await;
    let n = |n: &str| json!({"N": n});
    for (condition, values, expected) in [
        ("", json!({}), vec!["-20", "-3", "0", "2", "7.5", "10"]),
        (" AND sk > :x", json!({":x": n("0")}), vec!["2", "7.5", "10"]),
        (" AND sk >= :x", json!({":x": n("0")}), vec!["0", "2", "7.5", "10"]),
        (" AND sk < :x", json!({":x": n("-3")}), vec!["-20"]),
        (" AND :x >= sk", json!({":x": n("-3")}), vec!["-20", "-3"]),
        (" AND sk = :x", json!({":x": n("7.50")}), vec!["7.5"]),
        (" AND sk BETWEEN :x AND :y", json!({":x": n("-3"), ":y": n("2")}), vec!["-3", "0", "2"]),
    ] {
        let mut query = of(condition, values);
        assert_eq!(column(&fixture.query(query.clone()).await, "sk"), expected, "{condition}");
        query["ScanIndexForward"] = json!(false);
        let reversed: Vec<_> = expected.into_iter().rev().collect();
        assert_eq!(column(&fixture.query(query).await, "sk"), reversed, "{condition}");
    }
}

#[tokio::test]
async fn texts_and_bytes_begin_with() {
    let fixture = Fixture::new();
    let definitions =
        json!([{"AttributeName": "pk", "AttributeType": "B"}, {"AttributeName": "sk", "AttributeType": "B"}]);
    let schema = json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]);
    fixture.create_with(json!({"AttributeDefinitions": definitions, "KeySchema": schema})).await;
    // 00, 00 00, 00 ff, 01, ff
    for sk in ["AA==", "AAA=", "AP8=", "AQ==", "/w=="] {
        fixture.put(json!({"pk": {"B": "AA=="}, "sk": {"B": sk}})).await;
    }
    let query = |prefix: &str| {
        json!({
            "KeyConditionExpression": "pk = :a AND begins_with(sk, :p)",
            "ExpressionAttributeValues": {":a": {"B": "AA=="}, ":p": {"B": prefix}},
        })
    };
    assert_eq!(column(&fixture.query(query("AA==")).await, "sk"), ["AA==", "AAA=", "AP8="]);
    assert_eq!(column(&fixture.query(query("AP8=")).await, "sk"), ["AP8="]);
    assert_eq!(column(&fixture.query(query("/w==")).await, "sk"), ["/w=="]);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let fixture = filled().await;
    for forward in [true, false] {
        let mut query = of("", json!({}));
        query["Limit"] = json!(4);
        query["ScanIndexForward"] = json!(forward);
        let first = fixture.query(query.clone()).await;
        assert_eq!((first["Count"].as_u64(), column(&first, "sk").len()), (Some(4), 4));
        query["ExclusiveStartKey"] = first["LastEvaluatedKey"].clone();
        let second = fixture.query(query).await;
        assert_eq!(second.get("LastEvaluatedKey"), None);
        let mut all = [column(&first, "sk"), column(&second, "sk")].concat();
        if !forward {
            all.reverse();
        }
        assert_eq!(all, ["-20", "-3", "0", "2", "7.5", "10"]);
    }
    // A page that ends with the last item does not know that it does.
    let mut query = of("", json!({}));
    query["Limit"] = json!(6);
    assert_eq!(fixture.query(query).await["LastEvaluatedKey"], json!({"pk": {"S": "a"}, "sk": {"N": "10"}}));
}

#[tokio::test]
async fn a_page_ends_at_a_megabyte() {
    let fixture = Fixture::with_sorted_table().await;
    for n in 0..4 {
        let payload = "x".repeat(390_000);
        fixture.put(json!({"pk": {"S": "a"}, "sk": {"N": n.to_string()}, "x": {"S": payload}})).await;
    }
    let output = fixture.query(of("", json!({}))).await;
    assert_eq!(column(&output, "sk"), ["0", "1", "2"]);
    assert_eq!(output["LastEvaluatedKey"]["sk"], json!({"N": "2"}));
}

#[tokio::test]
async fn filters_come_after_reading() {
    let fixture = filled().await;
    let mut query = of("", json!({":yes": {"BOOL": true}}));
    query["FilterExpression"] = json!("even = :yes");
    let output = fixture.query(query.clone()).await;
    assert_eq!((output["Count"].as_u64(), output["ScannedCount"].as_u64()), (Some(5), Some(6)));
    query["Select"] = json!("COUNT");
    let output = fixture.query(query.clone()).await;
    assert_eq!(output, json!({"Count": 5, "ScannedCount": 6}));
    query["FilterExpression"] = json!("sk = :yes");
    let message = "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk";
    assert_eq!(fixture.refusal("Query", on_table(query)).await, validation(message));
    let legacy = json!({
        "KeyConditions": {
            "pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]},
            "sk": {"ComparisonOperator": "LE", "AttributeValueList": [{"N": "0"}]},
        },
        "QueryFilter": {"even": {"ComparisonOperator": "NOT_NULL"}},
    });
    assert_eq!(column(&fixture.query(legacy).await, "sk"), ["-20", "-3", "0"]);
}

#[tokio::test]
async fn segments_partition_a_scan() {
    let fixture = Fixture::with_table().await;
    let all: BTreeSet<String> = (0..50).map(|n| format!("k{n}")).collect();
    for key in &all {
        fixture.put(json!({"pk": {"S": key}})).await;
    }
    let whole = fixture.call("Scan", on_table(json!({}))).await;
    assert_eq!(column(&whole, "pk").into_iter().collect::<BTreeSet<_>>(), all);
    let mut seen = Vec::new();
    for segment in 0..3 {
        let mut scan = on_table(json!({"Segment": segment, "TotalSegments": 3, "Limit": 7}));
        loop {
            let page = fixture.call("Scan", scan.clone()).await;
            seen.extend(column(&page, "pk"));
            let Some(last) = page.get("LastEvaluatedKey") else { break };
            scan["ExclusiveStartKey"] = last.clone();
        }
    }
    assert_eq!(seen.len(), all.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
    let (_, message) = fixture.refusal("Scan", on_table(json!({"Segment": 3, "TotalSegments": 3}))).await;
    assert_eq!(
        message,
        "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 3 is not less than TotalSegments: 3"
    );
}

#[tokio::test]
async fn start_keys_are_checked() {
    let fixture = filled().await;
    let with = |condition: &str, values: Value, start: Value| {
        let mut query = of(condition, values);
        query["ExclusiveStartKey"] = start;
        on_table(query)
    };
    for (query, message) in [
        (with("", json!({}), json!({"pk": {"S": "a"}})), "The provided starting key is invalid"),
        (
            with("", json!({}), json!({"pk": {"S": "b"}, "sk": {"N": "1"}})),
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            with(" AND sk > :x", json!({":x": {"N": "5"}}), json!({"pk": {"S": "a"}, "sk": {"N": "1"}})),
            "The provided starting key does not match the range key predicate",
        ),
        (
            with("", json!({}), json!({"pk": {}, "sk": {"N": "1"}})),
            "The provided starting key is invalid: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            with("", json!({}), json!({"pk": {"S": "a"}, "sk": {"N": "x"}})),
            "The parameter cannot be converted to a numeric value: x",
        ),
    ] {
        assert_eq!(fixture.refusal("Query", query).await, validation(message));
    }
}

#[tokio::test]
async fn key_conditions_must_fit_the_key() {
    let fixture = filled().await;
    for (condition, message) in [
        ("sk = :n", "Query condition missed key schema element: pk"),
        ("pk > :s", "Query key condition not supported"),
        ("pk = :n", "One or more parameter values were invalid: Condition parameter type does not match schema type"),
        ("pk = :s AND third = :n", "Query condition missed key schema element: sk"),
    ] {
        let mut values = json!({});
        for (name, value) in [(":n", json!({"N": "1"})), (":s", json!({"S": "a"}))] {
            if condition.contains(name) {
                values[name] = value;
            }
        }
        let query = json!({"KeyConditionExpression": condition, "ExpressionAttributeValues": values});
        assert_eq!(fixture.refusal("Query", on_table(query)).await, validation(message), "{condition}");
    }
    let (_, message) = fixture.refusal("Query", on_table(json!({}))).await;
    assert_eq!(
        message,
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
    );
}

#[tokio::test]
async fn conditions_that_find_no_key_are_judged_by_the_key() {
    let fixture = Fixture::with_table().await;
    let ask = |table: &str, name: &str, operator: &str, values: serde_json::Value| {
        let condition = json!({"ComparisonOperator": operator, "AttributeValueList": values});
        json!({"TableName": table, "KeyConditions": {name: condition}})
    };
    let (code, _) = fixture.refusal("Query", ask("absent", "pk", "NE", json!([{"S": "a"}]))).await;
    assert_eq!(code, "ResourceNotFoundException");
    let missed = validation("Query condition missed key schema element: pk");
    assert_eq!(fixture.refusal("Query", ask("tab", "z", "NULL", json!([]))).await, missed);
    let not_indexable = validation("Attempted conditional constraint is not an indexable operation");
    assert_eq!(fixture.refusal("Query", ask("tab", "pk", "NULL", json!([]))).await, not_indexable);
    assert_eq!(fixture.refusal("Query", ask("tab", "pk", "NE", json!([{"N": "1"}]))).await, not_indexable);
    let keys = json!([{"pk": {"S": "a"}}, {"pk": {"S": "b"}}, {"pk": {"S": "a"}}]);
    let twice = fixture.refusal("BatchGetItem", json!({"RequestItems": {"absent": {"Keys": keys}}})).await;
    assert_eq!(twice, validation("Provided list of item keys contains duplicates"));
}
