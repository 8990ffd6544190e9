//! After any sequence of writes, a table holds what a plain map would, and each index holds exactly what the table says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{Fixture, on_table};

/// A write of the item with key `k`: what it sets `g` and `n` to.
#[derive(Clone, Debug)]
enum Write {
    Put(u8, Option<u8>, Option<i8>),
    Update(u8, Option<u8>, Option<i8>),
    Delete(u8),
    /// Two puts that happen only if the first key is there.
    Both(u8, u8, Option<u8>),
}

fn write() -> impl Strategy<Value = Write> {
    let g = || proptest::option::of(0u8..3);
    let n = || proptest::option::of(-3i8..3);
    prop_oneof![
        3 => (0u8..6, g(), n()).prop_map(|(k, g, n)| Write::Put(k, g, n)),
        3 => (0u8..6, g(), n()).prop_map(|(k, g, n)| Write::Update(k, g, n)),
        2 => (0u8..6).prop_map(Write::Delete),
        1 => (0u8..3, 3u8..6, g()).prop_map(|(a, b, g)| Write::Both(a, b, g)),
    ]
}

type Model = BTreeMap<u8, Value>;

fn key(k: u8) -> Value {
    json!({"pk": {"S": k.to_string()}})
}

fn item(k: u8, g: Option<u8>, n: Option<i8>) -> Value {
    let mut item = key(k);
    if let Some(g) = g {
        item["g"] = json!({"S": g.to_string()});
    }
    if let Some(n) = n {
        item["n"] = json!({"N": n.to_string()});
    }
    item
}

async fn apply(fixture: &Fixture, model: &mut Model, write: &Write) {
    match *write {
        Write::Put(k, g, n) => {
            fixture.put(item(k, g, n)).await;
            model.insert(k, item(k, g, n));
        }
        Write::Update(k, g, n) => {
            let update = |value: Option<Value>| match value {
                Some(value) => json!({"Action": "PUT", "Value": value}),
                None => json!({"Action": "DELETE"}),
            };
            let new = item(k, g, n);
            let updates = json!({"g": update(new.get("g").cloned()), "n": update(new.get("n").cloned())});
            fixture.call("UpdateItem", on_table(json!({"Key": key(k), "AttributeUpdates": updates}))).await;
            // An update that only takes away makes no item.
            if g.is_some() || n.is_some() || model.contains_key(&k) {
                model.insert(k, new);
            }
        }
        Write::Delete(k) => {
            fixture.call("DeleteItem", on_table(json!({"Key": key(k)}))).await;
            model.remove(&k);
        }
        Write::Both(a, b, g) => {
            let put = |k, condition: &str| json!({"Put": on_table(json!({"Item": item(k, g, None), "ConditionExpression": condition}))});
            let items =
                json!([put(b, "attribute_exists(pk) OR attribute_not_exists(pk)"), put(a, "attribute_exists(pk)")]);
            let done = fixture.0.call("dynamodb", "TransactWriteItems", json!({"TransactItems": items})).await;
            assert_eq!(done.is_ok(), model.contains_key(&a));
            if done.is_ok() {
                model.insert(a, item(a, g, None));
                model.insert(b, item(b, g, None));
            }
        }
    }
}

async fn scanned(fixture: &Fixture, index: Option<&str>) -> Vec<String> {
    let request = index.map_or(json!({}), |index| json!({"IndexName": index}));
    let output = fixture.call("Scan", on_table(request)).await;
    let mut items: Vec<String> = output["Items"].as_array().unwrap().iter().map(Value::to_string).collect();
    items.sort();
    items
}

fn expected(model: &Model, names: &[&str]) -> Vec<String> {
    let held = model.values().filter(|item| names.iter().all(|name| item.get(name).is_some()));
    // Answers name attributes in order.
    let sorted = |item: &Value| {
        let members: BTreeMap<String, Value> = serde_json::from_value(item.clone()).unwrap();
        json!(members).to_string()
    };
    let mut items: Vec<String> = held.map(sorted).collect();
    items.sort();
    items
}

async fn agrees(writes: Vec<Write>) {
    let fixture = Fixture::new();
    let definition = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let element = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let all = json!({"ProjectionType": "ALL"});
    fixture
        .create_with(json!({
            "AttributeDefinitions": [definition("pk", "S"), definition("g", "S"), definition("n", "N")],
            "KeySchema": [element("pk", "HASH")],
            "GlobalSecondaryIndexes": [
                {"IndexName": "by-g", "KeySchema": [element("g", "HASH")], "Projection": all},
                {"IndexName": "by-both", "KeySchema": [element("g", "HASH"), element("n", "RANGE")], "Projection": all},
            ],
        }))
        .await;
    let mut model = Model::new();
    for write in &writes {
        apply(&fixture, &mut model, write).await;
        assert_eq!(scanned(&fixture, None).await, expected(&model, &[]));
        assert_eq!(scanned(&fixture, Some("by-g")).await, expected(&model, &["g"]));
        assert_eq!(scanned(&fixture, Some("by-both")).await, expected(&model, &["g", "n"]));
    }
    let table = fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
    let counts =
        [&table["Table"], &table["Table"]["GlobalSecondaryIndexes"][0], &table["Table"]["GlobalSecondaryIndexes"][1]];
    let counts = counts.map(|counted| counted["ItemCount"].as_u64().unwrap() as usize);
    let held = [&[][..], &["g"], &["g", "n"]].map(|names| expected(&model, names).len());
    assert_eq!(counts, held);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn tables_and_indexes_agree(writes in proptest::collection::vec(write(), 1..25)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(agrees(writes));
    }
}
