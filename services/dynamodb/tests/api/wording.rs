//! What is checked before a table is looked at, in which order, and in which words.

use serde_json::{Value, json};

use crate::fixture::{Fixture, on_table, validation};

async fn refused(operation: &str, request: Value, message: &str) {
    let fixture = Fixture::with_table().await;
    assert_eq!(fixture.refusal(operation, on_table(request)).await, validation(message), "{operation}");
}

#[tokio::test]
async fn parameters_come_first_and_together() {
    let request = json!({
        "TableName": "x!", "Item": {}, "ReturnConsumedCapacity": "INVALID", "ReturnItemCollectionMetrics": "INVALID", "ReturnValues": "INVALID",
    });
    let message = "4 validation errors detected: \
        Value 'INVALID' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; \
        Value 'INVALID' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must satisfy enum value set: [SIZE, NONE]; \
        Value 'INVALID' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; \
        Value 'x!' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
    refused("PutItem", request, message).await;
    let nothing = "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null; Value null at 'key' failed to satisfy constraint: Member must not be null";
    refused("GetItem", json!({"TableName": null}), nothing).await;
    let limit = "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1";
    refused("Query", json!({"Limit": 0}), limit).await;
}

#[tokio::test]
async fn expressions_and_older_parameters_do_not_mix() {
    let item = json!({"pk": {"S": "a"}});
    refused(
        "PutItem",
        json!({"Item": item, "Expected": {}, "ConditionExpression": ""}),
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
    )
    .await;
    refused(
        "PutItem",
        json!({"Item": item, "ExpressionAttributeValues": {}}),
        "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
    )
    .await;
    refused(
        "UpdateItem",
        json!({"Key": item, "ExpressionAttributeValues": {}}),
        "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null",
    )
    .await;
    refused(
        "GetItem",
        json!({"Key": item, "ExpressionAttributeNames": {}}),
        "ExpressionAttributeNames can only be specified when using expressions",
    )
    .await;
    refused(
        "Query",
        json!({"QueryFilter": {}, "KeyConditions": {}, "FilterExpression": ""}),
        "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {QueryFilter} Expression parameters: {FilterExpression}",
    )
    .await;
}

#[tokio::test]
async fn names_and_values_must_be_used_and_well_formed() {
    let update = |expression: &str, names: Value, values: Value| {
        json!({
            "Key": {"pk": {"S": "a"}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        })
    };
    let v = json!({":v": {"S": "x"}});
    for (request, message) in [
        (update("", json!({}), v.clone()), "ExpressionAttributeNames must not be empty"),
        (
            update("", json!({"a": "b"}), v.clone()),
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\"",
        ),
        (update("", json!({"#a": "b"}), json!({})), "ExpressionAttributeValues must not be empty"),
        (
            update("", json!({"#a": "b"}), json!({":v": {"N": "x"}})),
            "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :v",
        ),
        (update("", json!({"#a": "b"}), v.clone()), "Invalid UpdateExpression: The expression can not be empty;"),
        (
            update("SET a = :v", json!({"#a": "b"}), v.clone()),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}",
        ),
        (
            update("REMOVE #a", json!({"#a": "b"}), v),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}",
        ),
    ] {
        refused("UpdateItem", request, message).await;
    }
}

#[tokio::test]
async fn hostile_requests_are_answered() {
    let fixture = Fixture::with_table().await;
    for (operation, request) in [
        ("PutItem", json!({"TableName": 5})),
        ("PutItem", json!({"TableName": "tab", "Item": {"pk": {"S": 5}}})),
        ("PutItem", json!({"TableName": "tab", "Item": {"pk": {"B": "not base64!"}}})),
        ("Query", json!({"TableName": "tab", "Limit": "many"})),
        ("TransactWriteItems", json!({"TransactItems": {}})),
    ] {
        let (code, _) = fixture.refusal(operation, request).await;
        assert_eq!(code, "SerializationException");
    }
    let deep = (0..60).fold(json!({"NULL": true}), |inner, _| json!({"M": {"x": inner}}));
    let (code, message) = fixture.refusal("PutItem", on_table(json!({"Item": {"pk": {"S": "a"}, "deep": deep}}))).await;
    assert_eq!(code, "ValidationException");
    assert!(message.starts_with("Nesting Levels have exceeded supported limits"), "{message}");
    let parentheses = on_table(json!({"Item": {"pk": {"S": "a"}}, "ConditionExpression": "(".repeat(4096)}));
    assert_eq!(fixture.refusal("PutItem", parentheses).await.0, "ValidationException");
}
