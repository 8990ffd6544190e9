//! Transactions: all or nothing, reasons, tokens.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Fixture, on_table, validation};

fn key(pk: &str) -> Value {
    json!({"pk": {"S": pk}})
}

fn add(pk: &str, amount: &str, condition: &str) -> Value {
    json!({"Update": on_table(json!({
        "Key": key(pk),
        "UpdateExpression": "SET balance = balance + :amount",
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {":amount": {"N": amount}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }))})
}

async fn accounts() -> Fixture {
    let fixture = Fixture::with_table().await;
    for (pk, balance) in [("alice", "10"), ("bob", "5")] {
        fixture.put(json!({"pk": {"S": pk}, "balance": {"N": balance}})).await;
    }
    fixture
}

async fn balances(fixture: &Fixture) -> [Value; 2] {
    [fixture.get(key("alice")).await["balance"]["N"].clone(), fixture.get(key("bob")).await["balance"]["N"].clone()]
}

#[tokio::test]
async fn all_or_nothing() {
    let fixture = accounts().await;
    let transfer = json!([add("alice", "-4", "attribute_exists(pk)"), add("bob", "4", "attribute_exists(pk)")]);
    let done =
        fixture.call("TransactWriteItems", json!({"TransactItems": transfer, "ReturnConsumedCapacity": "TOTAL"})).await;
    assert_eq!(done["ConsumedCapacity"][0]["WriteCapacityUnits"], 4.0);
    assert_eq!(balances(&fixture).await, ["6", "9"]);

    let check = json!({"ConditionCheck": on_table(json!({"Key": key("carol"), "ConditionExpression": "attribute_exists(pk)"}))});
    let put = json!({"Put": on_table(json!({"Item": key("dave")}))});
    let items = json!([put, add("alice", "-100", "balance >= balance_needed"), check]);
    let error = fixture.error("TransactWriteItems", json!({"TransactItems": items})).await;
    assert_eq!(&*error.code, "TransactionCanceledException");
    assert_eq!(
        error.message,
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ConditionalCheckFailed]"
    );
    let failed = "The conditional request failed";
    let alice = json!({"pk": {"S": "alice"}, "balance": {"N": "6"}});
    assert_eq!(
        error.members["CancellationReasons"],
        json!([
            {"Code": "None"},
            {"Code": "ConditionalCheckFailed", "Message": failed, "Item": alice},
            {"Code": "ConditionalCheckFailed", "Message": failed},
        ])
    );
    assert_eq!(fixture.get(key("dave")).await, Value::Null);
    assert_eq!(balances(&fixture).await, ["6", "9"]);
}

#[tokio::test]
async fn a_token_is_good_for_one_request() {
    let fixture = accounts().await;
    let transfer = |amount: &str| json!({"TransactItems": [add("alice", amount, "attribute_exists(pk)")], "ClientRequestToken": "once"});
    fixture.call("TransactWriteItems", transfer("1")).await;
    fixture.call("TransactWriteItems", transfer("1")).await;
    assert_eq!(balances(&fixture).await, ["11", "5"]);
    let (code, _) = fixture.refusal("TransactWriteItems", transfer("2")).await;
    assert_eq!(code, "IdempotentParameterMismatchException");
    fixture.0.advance(Duration::from_secs(601)).await;
    fixture.call("TransactWriteItems", transfer("2")).await;
    assert_eq!(balances(&fixture).await, ["13", "5"]);
}

#[tokio::test]
async fn reads_of_one_moment() {
    let fixture = accounts().await;
    let get = |pk: &str| json!({"Get": on_table(json!({"Key": key(pk), "ProjectionExpression": "balance"}))});
    let items = json!([get("bob"), get("nobody"), get("alice")]);
    let got =
        fixture.call("TransactGetItems", json!({"TransactItems": items, "ReturnConsumedCapacity": "TOTAL"})).await;
    assert_eq!(got["Responses"], json!([{"Item": {"balance": {"N": "5"}}}, {}, {"Item": {"balance": {"N": "10"}}}]));
    assert_eq!(got["ConsumedCapacity"][0]["CapacityUnits"], 6.0);
    let wrong = json!({"Get": on_table(json!({"Key": {"other": {"S": "x"}}}))});
    let error = fixture.error("TransactGetItems", json!({"TransactItems": [get("bob"), wrong]})).await;
    assert_eq!(error.members["CancellationReasons"][1]["Code"], "ValidationError");
}

#[tokio::test]
async fn malformed_transactions_are_refused() {
    let fixture = accounts().await;
    let put = |pk: &str| json!({"Put": on_table(json!({"Item": key(pk)}))});
    let empty = "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1";
    for (items, message) in [
        (json!([]), empty),
        (json!([put("a"), put("a")]), "Transaction request cannot include multiple operations on one item"),
        (json!([{}]), "TransactItems can only contain one of Check, Put, Update or Delete"),
        (
            json!([{"Update": on_table(json!({"Key": key("a")}))}]),
            "1 validation error detected: Value null at 'transactItems.1.member.update.updateExpression' failed to satisfy constraint: Member must not be null",
        ),
    ] {
        assert_eq!(fixture.refusal("TransactWriteItems", json!({"TransactItems": items})).await, validation(message));
    }
    assert_eq!(fixture.refusal("TransactGetItems", json!({"TransactItems": []})).await, validation(empty));
}

/// AWS takes it, and counts no copies in indexes: here they are in the same transaction of the store, which is bounded.
#[tokio::test]
async fn a_transaction_with_too_many_copies_in_indexes_is_refused_with_its_size() {
    let fixture = Fixture::new();
    let names: Vec<String> = (0..20).map(|number| format!("index{number}")).collect();
    let mut definitions = vec![json!({"AttributeName": "pk", "AttributeType": "S"})];
    definitions.extend(names.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})));
    let index = |name| {
        let keys = json!([{"AttributeName": name, "KeyType": "HASH"}]);
        json!({"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}})
    };
    let indexes: Vec<Value> = names.iter().map(index).collect();
    let keys = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
    fixture
        .create_with(json!({"AttributeDefinitions": definitions, "KeySchema": keys, "GlobalSecondaryIndexes": indexes}))
        .await;
    let put = |number: usize| {
        let mut item = json!({"pk": {"S": number.to_string()}, "large": {"S": "x".repeat(390 * 1024)}});
        names.iter().for_each(|name| item[name] = json!({"S": "value"}));
        item
    };
    let actions = |count| (0..count).map(|number| json!({"Put": on_table(json!({"Item": put(number)}))})).collect();
    let all = |actions: Vec<Value>| json!({"TransactItems": actions});
    let (code, message) = fixture.refusal("TransactWriteItems", all(actions(10))).await;
    assert_eq!(code, "ValidationException");
    assert!(message.contains("copies in indexes") && message.contains("41943040"), "{message}");
    assert_eq!(fixture.get(key("0")).await, Value::Null);
    // What is not one transaction for the caller is not one here either.
    let requests: Vec<Value> = (0..10).map(|number| json!({"PutRequest": {"Item": put(number)}})).collect();
    let written = fixture.call("BatchWriteItem", json!({"RequestItems": {"tab": requests}})).await;
    assert_eq!(written["UnprocessedItems"], json!({}));
    fixture.call("TransactWriteItems", all(actions(4))).await;
}
