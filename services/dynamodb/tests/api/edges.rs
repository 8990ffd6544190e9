//! Rules that are easy to get wrong, each as the real service has it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Fixture, on_table};

async fn refused(fixture: &Fixture, operation: &str, request: Value, part: &str) {
    let (code, message) = fixture.refusal(operation, request.clone()).await;
    assert_eq!(code, "ValidationException", "{operation} {request}: {message}");
    assert!(message.contains(part), "{operation} {request}: {message}");
}

#[tokio::test]
async fn an_update_that_only_takes_away_makes_no_item() {
    let fixture = Fixture::with_table().await;
    let key = json!({"pk": {"S": "a"}});
    let set = json!({":s": {"SS": ["x"]}});
    for update in [
        json!({"UpdateExpression": "REMOVE b"}),
        json!({"UpdateExpression": "DELETE b :s", "ExpressionAttributeValues": set}),
        json!({"AttributeUpdates": {"b": {"Action": "DELETE"}}}),
    ] {
        let mut request = json!({"Key": key, "ReturnValues": "ALL_NEW"});
        request.as_object_mut().unwrap().extend(update.as_object().unwrap().clone());
        let answer = fixture.call("UpdateItem", on_table(request)).await;
        assert!(answer.get("Attributes").is_none(), "{update}: {answer}");
        assert!(fixture.call("GetItem", on_table(json!({"Key": key}))).await.get("Item").is_none(), "{update}");
    }
    // One with nothing in it does.
    fixture.call("UpdateItem", on_table(json!({"Key": key}))).await;
    assert_eq!(fixture.call("GetItem", on_table(json!({"Key": key}))).await["Item"], key);
}

#[tokio::test]
async fn what_no_key_can_be_is_left_out_of_a_new_index() {
    let fixture = Fixture::with_table().await;
    for (id, x) in [("a", "hello".into()), ("b", "x".repeat(3000)), ("c", String::new())] {
        fixture.put(json!({"pk": {"S": id}, "x": {"S": x}})).await;
    }
    let create = json!({
        "IndexName": "by-x",
        "KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    });
    let definitions = json!([{"AttributeName": "x", "AttributeType": "S"}]);
    let update = json!({"AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": [{"Create": create}]});
    fixture.call("UpdateTable", on_table(update)).await;
    fixture.0.advance(Duration::from_secs(1)).await;
    assert_eq!(fixture.call("Scan", on_table(json!({"IndexName": "by-x"}))).await["Count"], 1);
    // They can still be changed and deleted.
    for id in ["a", "b", "c"] {
        fixture.call("DeleteItem", on_table(json!({"Key": {"pk": {"S": id}}}))).await;
    }
    let table = fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
    assert_eq!(table["Table"]["GlobalSecondaryIndexes"][0]["ItemCount"], 0);
}

#[tokio::test]
async fn an_index_names_the_types_of_its_key() {
    let fixture = Fixture::with_table().await;
    let create = |name: &str, attribute: &str| {
        json!([{"Create": {
            "IndexName": name,
            "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }}])
    };
    let request = on_table(json!({"GlobalSecondaryIndexUpdates": create("one", "pk")}));
    refused(&fixture, "UpdateTable", request, "not defined in AttributeDefinitions").await;
    let typed = |kind: &str| json!([{"AttributeName": "pk", "AttributeType": kind}]);
    let request = |definitions: Value| {
        on_table(json!({"AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": create("one", "pk")}))
    };
    refused(&fixture, "UpdateTable", request(typed("N")), "Attributes cannot be redefined").await;
    let twice = json!([typed("S")[0], typed("N")[0]]);
    refused(&fixture, "UpdateTable", request(twice), "Duplicate AttributeName in AttributeDefinitions: pk").await;
    let both = json!({"Create": create("one", "pk")[0]["Create"], "Delete": {"IndexName": "two"}});
    let request = json!({"AttributeDefinitions": typed("S"), "GlobalSecondaryIndexUpdates": [both]});
    refused(&fixture, "UpdateTable", on_table(request), "Only one of").await;
    let stream = json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": "EVERYTHING"}});
    refused(&fixture, "UpdateTable", on_table(stream), "streamSpecification.streamViewType").await;
}

#[tokio::test]
async fn names_paths_and_functions_have_their_form() {
    let fixture = Fixture::with_table().await;
    let key = json!({"pk": {"S": "a"}});
    let get = |path: String| on_table(json!({"Key": key, "ProjectionExpression": path}));
    fixture.call("GetItem", get(format!("a{}", ".b".repeat(31)))).await;
    refused(&fixture, "GetItem", get(format!("a{}", ".b".repeat(32))), "too many nesting levels; nesting levels: 33")
        .await;
    let update = |expression: &str| {
        on_table(json!({"Key": key, "UpdateExpression": expression, "ExpressionAttributeValues": {":v": {"N": "1"}}}))
    };
    refused(&fixture, "UpdateItem", update("SET _a = :v"), "Syntax error; token: \"_\"").await;
    refused(&fixture, "UpdateItem", update("SET a = _f(b, :v)"), "Syntax error; token: \"_\"").await;
    let condition = json!({"Item": key, "ConditionExpression": "if_not_exists(a, a) = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}});
    refused(&fixture, "PutItem", on_table(condition), "not allowed to be used this way").await;
    let action = json!({"Key": key, "AttributeUpdates": {"a": {"Action": "GROW", "Value": {"N": "1"}}}});
    refused(&fixture, "UpdateItem", on_table(action), "[ADD, PUT, DELETE]").await;
    let operator = json!({"Item": key, "Expected": {}, "ConditionalOperator": "OR"});
    refused(&fixture, "PutItem", on_table(operator), "ConditionalOperator cannot be used without").await;
    for (name, part) in [(String::new(), "Empty attribute name"), ("x".repeat(65_536), "must be less than 65536 bytes")]
    {
        refused(&fixture, "PutItem", on_table(json!({"Item": {"pk": {"S": "a"}, name.as_str(): {"N": "1"}}})), part)
            .await;
        refused(&fixture, "GetItem", on_table(json!({"Key": key, "AttributesToGet": [name]})), part).await;
        let updates = json!({"Key": key, "AttributeUpdates": {name.as_str(): {"Value": {"N": "1"}}}});
        refused(&fixture, "UpdateItem", on_table(updates), part).await;
    }
}

#[tokio::test]
async fn tags_keep_their_rules() {
    let fixture = Fixture::with_table().await;
    let table = fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
    let arn = &table["Table"]["TableArn"];
    let tagged = |tags: Value| json!({"ResourceArn": arn, "Tags": tags});
    for tag in [
        json!({"Key": "", "Value": "x"}),
        json!({"Key": "k"}),
        json!({"Key": "k".repeat(129), "Value": "x"}),
        json!({"Key": "k", "Value": "x".repeat(257)}),
        json!({"Key": "hi!", "Value": "x"}),
        json!({"Key": "k", "Value": "100%"}),
    ] {
        refused(&fixture, "TagResource", tagged(json!([tag])), "tags.1.member").await;
    }
    let many: Vec<Value> = (0..51).map(|n| json!({"Key": n.to_string(), "Value": ""})).collect();
    refused(&fixture, "TagResource", tagged(json!(many)), "at most 50").await;
    let unicode = json!([{"Key": "ключ 1:a/b", "Value": "é+é=@"}]);
    fixture.call("TagResource", tagged(unicode.clone())).await;
    assert_eq!(fixture.call("ListTagsOfResource", json!({"ResourceArn": arn})).await["Tags"], unicode);
}

#[tokio::test]
async fn a_table_that_is_deleted_tells_little() {
    let fixture = Fixture::with_table().await;
    let deleted = fixture.call("DeleteTable", json!({"TableName": "tab"})).await;
    let told = deleted["TableDescription"].as_object().unwrap();
    assert_eq!(told["TableStatus"], "DELETING");
    assert!(["TableArn", "TableId", "ItemCount"].iter().all(|member| told.contains_key(*member)));
    assert!(!["KeySchema", "AttributeDefinitions", "CreationDateTime"].iter().any(|member| told.contains_key(*member)));
}
