//! Single items: put, get, update, delete, with conditions and what they return.

use serde_json::{Value, json};

use crate::fixture::{Fixture, on_table, validation};

#[tokio::test]
async fn all_types_come_back() {
    let fixture = Fixture::with_table().await;
    let item = json!({
        "pk": {"S": "a"}, "n": {"N": "-12.50"}, "b": {"B": "AP8="}, "yes": {"BOOL": true}, "no": {"BOOL": false},
        "null": {"NULL": true}, "l": {"L": [{"S": ""}, {"L": []}]}, "m": {"M": {"x": {"M": {}}}},
        "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["-1", "2"]}, "bs": {"BS": ["AA==", "AQ=="]},
    });
    fixture.put(item.clone()).await;
    let mut expected = item;
    expected["n"] = json!({"N": "-12.5"});
    assert_eq!(fixture.get(json!({"pk": {"S": "a"}})).await, expected);
    let projected = on_table(json!({"Key": {"pk": {"S": "a"}}, "ProjectionExpression": "n, l[0]"}));
    let projected = fixture.call("GetItem", projected).await;
    assert_eq!(projected, json!({"Item": {"n": {"N": "-12.5"}, "l": {"L": [{"S": ""}]}}}));
    let legacy = on_table(json!({"Key": {"pk": {"S": "a"}}, "AttributesToGet": ["yes", "l[0]"]}));
    assert_eq!(fixture.call("GetItem", legacy).await, json!({"Item": {"yes": {"BOOL": true}}}));
}

#[tokio::test]
async fn conditions_decide() {
    let fixture = Fixture::with_table().await;
    let put = |value: &str| {
        on_table(json!({
            "Item": {"pk": {"S": "a"}, "v": {"S": value}},
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }))
    };
    fixture.call("PutItem", put("first")).await;
    let error = fixture.error("PutItem", put("second")).await;
    assert_eq!((&*error.code, &*error.message), ("ConditionalCheckFailedException", "The conditional request failed"));
    assert_eq!(error.members["Item"], json!({"pk": {"S": "a"}, "v": {"S": "first"}}));
    assert_eq!(fixture.get(json!({"pk": {"S": "a"}})).await["v"], json!({"S": "first"}));

    let delete = |expected: &str| {
        let condition = json!({"v": {"Value": {"S": expected}}});
        on_table(json!({"Key": {"pk": {"S": "a"}}, "Expected": condition, "ReturnValues": "ALL_OLD"}))
    };
    assert_eq!(fixture.refusal("DeleteItem", delete("other")).await.0, "ConditionalCheckFailedException");
    let deleted = fixture.call("DeleteItem", delete("first")).await;
    assert_eq!(deleted["Attributes"]["v"], json!({"S": "first"}));
    assert_eq!(fixture.get(json!({"pk": {"S": "a"}})).await, Value::Null);
}

#[tokio::test]
async fn updates_return_what_is_asked_for() {
    let fixture = Fixture::with_table().await;
    let update = |returned: &str| {
        on_table(json!({
            "Key": {"pk": {"S": "a"}},
            "UpdateExpression": "SET m.x = if_not_exists(m.x, :zero) + :one REMOVE gone",
            "ExpressionAttributeValues": {":zero": {"N": "0"}, ":one": {"N": "1"}},
            "ReturnValues": returned,
        }))
    };
    fixture.put(json!({"pk": {"S": "a"}, "m": {"M": {"y": {"S": "kept"}}}, "gone": {"S": "g"}})).await;
    let attributes = |output: Value| output.get("Attributes").cloned().unwrap_or(Value::Null);
    assert_eq!(attributes(fixture.call("UpdateItem", update("UPDATED_OLD")).await), json!({"gone": {"S": "g"}}));
    let old = json!({"m": {"M": {"x": {"N": "1"}}}});
    assert_eq!(attributes(fixture.call("UpdateItem", update("UPDATED_OLD")).await), old);
    let new = json!({"m": {"M": {"x": {"N": "3"}}}});
    assert_eq!(attributes(fixture.call("UpdateItem", update("UPDATED_NEW")).await), new);
    let all = |x: &str| json!({"pk": {"S": "a"}, "m": {"M": {"x": {"N": x}, "y": {"S": "kept"}}}});
    assert_eq!(attributes(fixture.call("UpdateItem", update("ALL_OLD")).await), all("3"));
    assert_eq!(attributes(fixture.call("UpdateItem", update("ALL_NEW")).await), all("5"));
    assert_eq!(attributes(fixture.call("UpdateItem", update("NONE")).await), Value::Null);

    // An update of what is not there makes it.
    let made = on_table(json!({"Key": {"pk": {"S": "new"}}, "ReturnValues": "ALL_NEW"}));
    assert_eq!(attributes(fixture.call("UpdateItem", made).await), json!({"pk": {"S": "new"}}));
    let legacy = on_table(json!({
        "Key": {"pk": {"S": "new"}},
        "AttributeUpdates": {"n": {"Action": "ADD", "Value": {"N": "7"}}, "l": {"Value": {"S": "put"}}},
        "ReturnValues": "ALL_NEW",
    }));
    let expected = json!({"pk": {"S": "new"}, "n": {"N": "7"}, "l": {"S": "put"}});
    assert_eq!(attributes(fixture.call("UpdateItem", legacy).await), expected);
}

#[tokio::test]
async fn keys_must_fit_the_table() {
    let fixture = Fixture::with_sorted_table().await;
    let schema = validation("The provided key element does not match the schema");
    for key in [
        json!({"pk": {"S": "a"}}),
        json!({"pk": {"S": "a"}, "sk": {"S": "1"}}),
        json!({"pk": {"S": "a"}, "sk": {"N": "1"}, "x": {"S": ""}}),
    ] {
        assert_eq!(fixture.refusal("GetItem", on_table(json!({"Key": key}))).await, schema);
        assert_eq!(fixture.refusal("DeleteItem", on_table(json!({"Key": key}))).await, schema);
    }
    let invalid = "One or more parameter values were invalid: ";
    for (item, message) in [
        (json!({"pk": {"S": "a"}}), format!("{invalid}Missing the key sk in the item")),
        (
            json!({"pk": {"S": "a"}, "sk": {"S": "1"}}),
            format!("{invalid}Type mismatch for key sk expected: N actual: S"),
        ),
        (
            json!({"pk": {"S": ""}, "sk": {"N": "1"}}),
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk".into(),
        ),
        (
            json!({"pk": {"S": "a".repeat(2049)}, "sk": {"N": "1"}}),
            format!("{invalid}Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ),
        (json!({"pk": {"S": "a"}, "sk": {"N": "1"}, "x": {"S": "x".repeat(409_600)}}), "Item size has exceeded the maximum allowed size".into()),
    ] {
        assert_eq!(fixture.refusal("PutItem", on_table(json!({"Item": item}))).await, validation(&message));
    }
    let update = on_table(json!({
        "Key": {"pk": {"S": "a"}, "sk": {"N": "1"}},
        "UpdateExpression": "SET sk = :v",
        "ExpressionAttributeValues": {":v": {"N": "2"}},
    }));
    let message = format!("{invalid}Cannot update attribute sk. This attribute is part of the key");
    assert_eq!(fixture.refusal("UpdateItem", update).await, validation(&message));
    // The longest keys that are allowed.
    let long = json!({"pk": {"S": "a".repeat(2048)}, "sk": {"N": "1E125"}});
    fixture.put(long.clone()).await;
    assert_ne!(fixture.get(long).await, Value::Null);
}

#[tokio::test]
async fn an_item_grows_no_larger_than_allowed() {
    let fixture = Fixture::with_table().await;
    fixture.put(json!({"pk": {"S": "a"}, "x": {"S": "x".repeat(300_000)}})).await;
    let update = on_table(json!({
        "Key": {"pk": {"S": "a"}},
        "UpdateExpression": "SET y = x",
    }));
    let message = "Item size to update has exceeded the maximum allowed size";
    assert_eq!(fixture.refusal("UpdateItem", update).await, validation(message));
    let deep = on_table(json!({
        "Key": {"pk": {"S": "b"}},
        "UpdateExpression": "SET x = :deep",
        "ExpressionAttributeValues": {":deep": nested(33)},
    }));
    let message = "ExpressionAttributeValues contains invalid value: Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit for key :deep";
    assert_eq!(fixture.refusal("UpdateItem", deep).await, validation(message));
    let wrap = |value| {
        on_table(json!({
            "Key": {"pk": {"S": "b"}},
            "UpdateExpression": "SET x = list_append(:empty, :deep)",
            "ExpressionAttributeValues": {":empty": {"L": []}, ":deep": value},
        }))
    };
    fixture.call("UpdateItem", wrap(nested(32))).await;
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!({"NULL": true}), |inner, _| json!({"L": [inner]}))
}

#[tokio::test]
async fn capacity_is_counted() {
    let fixture = Fixture::with_table().await;
    let kilobytes = |n: usize| json!({"pk": {"S": "a"}, "x": {"S": "x".repeat(n * 1024 - 4)}});
    let put = |n| on_table(json!({"Item": kilobytes(n), "ReturnConsumedCapacity": "TOTAL"}));
    let consumed = |units: f64| json!({"TableName": "tab", "CapacityUnits": units});
    assert_eq!(fixture.call("PutItem", put(3)).await["ConsumedCapacity"], consumed(3.0));
    // The larger of before and after.
    assert_eq!(fixture.call("PutItem", put(1)).await["ConsumedCapacity"], consumed(3.0));
    fixture.call("PutItem", put(9)).await;
    let get = |consistent: bool| {
        on_table(json!({"Key": {"pk": {"S": "a"}}, "ConsistentRead": consistent, "ReturnConsumedCapacity": "INDEXES"}))
    };
    let output = fixture.call("GetItem", get(true)).await;
    assert_eq!(
        output["ConsumedCapacity"],
        json!({"TableName": "tab", "CapacityUnits": 3.0, "Table": {"CapacityUnits": 3.0}})
    );
    assert_eq!(fixture.call("GetItem", get(false)).await["ConsumedCapacity"]["CapacityUnits"], 1.5);
    let missing = on_table(json!({"Key": {"pk": {"S": "none"}}, "ReturnConsumedCapacity": "TOTAL"}));
    assert_eq!(fixture.call("GetItem", missing).await, json!({"ConsumedCapacity": consumed(0.5)}));
}
