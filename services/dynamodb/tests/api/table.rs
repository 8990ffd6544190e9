//! Tables: their life, their description, what they refuse.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{Fixture, column, validation};

#[tokio::test]
async fn a_table_lives() {
    let fixture = Fixture::with_table().await;
    let described = fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
    let table = &described["Table"];
    assert_eq!(table["TableStatus"], "ACTIVE");
    assert_eq!(table["TableArn"], "arn:aws:dynamodb:us-east-1:000000000000:table/tab");
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["KeySchema"], json!([{"AttributeName": "pk", "KeyType": "HASH"}]));
    assert_eq!(table["ItemCount"], 0);

    fixture.put(json!({"pk": {"S": "a"}, "x": {"N": "12"}})).await;
    fixture.put(json!({"pk": {"S": "b"}})).await;
    fixture.put(json!({"pk": {"S": "b"}, "y": {"S": "more"}})).await;
    let table = fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
    assert_eq!(table["Table"]["ItemCount"], 2);
    assert_eq!(table["Table"]["TableSizeBytes"], (2 + 1 + 1 + 2) + (2 + 1 + 1 + 4));

    let in_use = fixture.refusal("CreateTable", create()).await;
    assert_eq!(in_use, ("ResourceInUseException".into(), "Table already exists: tab".into()));
    let deleted = fixture.call("DeleteTable", json!({"TableName": "tab"})).await;
    assert_eq!(deleted["TableDescription"]["TableStatus"], "DELETING");
    let missing = fixture.refusal("DescribeTable", json!({"TableName": "tt-"})).await;
    let message = "Requested resource not found: Table: tt- not found";
    assert_eq!(missing, ("ResourceNotFoundException".into(), message.into()));

    // A table of that name made again begins empty.
    fixture.call("CreateTable", create()).await;
    assert_eq!(fixture.get(json!({"pk": {"S": "a"}})).await, json!(null));
}

fn create() -> serde_json::Value {
    json!({
        "TableName": "tab",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    })
}

#[tokio::test]
async fn a_large_table_goes_too() {
    let fixture = Fixture::with_table().await;
    for batch in 0..90 {
        let put = |n| json!({"PutRequest": {"Item": {"pk": {"S": format!("{batch}-{n}")}}}});
        let puts: Vec<_> = (0..25).map(put).collect();
        fixture.call("BatchWriteItem", json!({"RequestItems": {"tab": puts}})).await;
    }
    let rows = |fixture: &Fixture| {
        let read = fixture.0.cloud.db().read().unwrap();
        kv::Read::scan(&read, kv::KeyRange::prefix(&[3, 3]), kv::Order::Forward).unwrap().count()
    };
    assert_eq!(rows(&fixture), 2250);
    fixture.call("DeleteTable", json!({"TableName": "tab"})).await;
    assert_eq!(rows(&fixture), 250);
    fixture.0.advance(Duration::from_secs(1)).await;
    assert_eq!(rows(&fixture), 0);
}

#[tokio::test]
async fn tables_are_listed_in_pages() {
    let fixture = Fixture::new();
    for name in ["ccc", "aaa", "bbb"] {
        let mut table = create();
        table["TableName"] = json!(name);
        fixture.call("CreateTable", table).await;
    }
    let first = fixture.call("ListTables", json!({"Limit": 2})).await;
    assert_eq!(first, json!({"TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb"}));
    let rest = fixture.call("ListTables", json!({"ExclusiveStartTableName": "bbb"})).await;
    assert_eq!(rest, json!({"TableNames": ["ccc"]}));
}

#[tokio::test]
async fn a_table_changes() {
    let fixture = Fixture::with_table().await;
    let update = |change| {
        let mut request = json!({"TableName": "tab"});
        request.as_object_mut().unwrap().extend(serde_json::Map::clone(serde_json::Value::as_object(&change).unwrap()));
        request
    };
    let units = json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 6});
    let provisioned = update(json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}));
    let table = fixture.call("UpdateTable", provisioned).await;
    assert_eq!(table["TableDescription"]["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
    let (_, message) = fixture.refusal("UpdateTable", update(json!({"ProvisionedThroughput": units}))).await;
    assert!(message.starts_with("The provisioned throughput for the table will not change."), "{message}");
    let (_, message) = fixture.refusal("UpdateTable", update(json!({}))).await;
    assert!(message.starts_with("At least one of ProvisionedThroughput, BillingMode"), "{message}");

    let stream = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    let table = fixture.call("UpdateTable", update(json!({"StreamSpecification": stream}))).await;
    assert_eq!(table["TableDescription"]["StreamSpecification"], stream);
    assert!(table["TableDescription"]["LatestStreamArn"].as_str().unwrap().contains("table/tab/stream/"));

    fixture.call("UpdateTable", update(json!({"DeletionProtectionEnabled": true}))).await;
    let (code, _) = fixture.refusal("DeleteTable", json!({"TableName": "tab"})).await;
    assert_eq!(code, "ValidationException");
    fixture.call("UpdateTable", update(json!({"DeletionProtectionEnabled": false}))).await;
    fixture.call("DeleteTable", json!({"TableName": "arn:aws:dynamodb:us-east-1:000000000000:table/tab"})).await;
}

#[tokio::test]
async fn tags_and_time_to_live() {
    let fixture = Fixture::with_table().await;
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/tab";
    let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]);
    fixture.call("TagResource", json!({"ResourceArn": arn, "Tags": tags})).await;
    fixture.call("UntagResource", json!({"ResourceArn": arn, "TagKeys": ["a"]})).await;
    let listed = fixture.call("ListTagsOfResource", json!({"ResourceArn": arn})).await;
    assert_eq!(listed, json!({"Tags": [{"Key": "b", "Value": "2"}]}));
    let foreign = json!({"ResourceArn": "arn:aws:dynamodb:us-east-1:111111111111:table/tab"});
    assert_eq!(fixture.refusal("ListTagsOfResource", foreign).await.0, "AccessDeniedException");
    // Tags are looked at first, then whose the resource is, and last whether it is there.
    let none =
        "1 validation error detected: Value null at 'tags' failed to satisfy constraint: Member must not be null";
    assert_eq!(fixture.refusal("TagResource", json!({"ResourceArn": "a:b:c:d:e:f/g"})).await, validation(none));
    for wrong in ["abcd", "a:b:c:d:e:f/g", "arn:aws:dynamodb:us-east-1:000000000000:table/ab"] {
        let message = format!("Invalid TableArn: Invalid ResourceArn provided as input {wrong}");
        assert_eq!(
            fixture.refusal("TagResource", json!({"ResourceArn": wrong, "Tags": []})).await,
            validation(&message)
        );
    }
    let absent = "arn:aws:dynamodb:us-east-1:000000000000:table/absent";
    let none = "Atleast one Tag needs to be provided as Input.";
    assert_eq!(fixture.refusal("TagResource", json!({"ResourceArn": absent, "Tags": []})).await, validation(none));
    let (code, _) =
        fixture.refusal("TagResource", json!({"ResourceArn": absent, "Tags": [{"Key": "a", "Value": "b"}]})).await;
    assert_eq!(code, "ResourceNotFoundException");

    let describe = json!({"TableName": "tab"});
    let ttl = fixture.call("DescribeTimeToLive", describe.clone()).await;
    assert_eq!(ttl, json!({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}));
    let enable = json!({"TableName": "tab", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "at"}});
    fixture.call("UpdateTimeToLive", enable.clone()).await;
    assert_eq!(fixture.refusal("UpdateTimeToLive", enable).await, validation("TimeToLive is already enabled"));
    let ttl = fixture.call("DescribeTimeToLive", describe).await;
    assert_eq!(ttl["TimeToLiveDescription"], json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "at"}));
}

#[tokio::test]
async fn the_account_answers() {
    let fixture = Fixture::new();
    assert_eq!(fixture.call("DescribeLimits", json!({})).await["TableMaxReadCapacityUnits"], 40_000);
    let endpoints = fixture.call("DescribeEndpoints", json!({})).await;
    assert_eq!(endpoints["Endpoints"][0]["Address"], "localhost:4566");
}

#[tokio::test]
async fn schemas_that_are_none_are_refused() {
    let fixture = Fixture::new();
    let invalid = "One or more parameter values were invalid: ";
    let definition = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let element = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    for (change, message) in [
        (json!({"TableName": null}), "The parameter 'TableName' is required but was not present in the request".into()),
        (
            json!({"TableName": "ab"}),
            "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3".into(),
        ),
        (
            json!({"KeySchema": [element("pk", "HASH"), element("pk", "RANGE"), element("pk", "RANGE")]}),
            "1 validation error detected: Value '[KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=pk, keyType=RANGE), KeySchemaElement(attributeName=pk, keyType=RANGE)]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2".into(),
        ),
        (
            json!({"KeySchema": [element("pk", "HASH"), element("pk", "RANGE")]}),
            "Invalid KeySchema: Some index key attribute have no definition".into(),
        ),
        (
            json!({"KeySchema": [element("other", "HASH")]}),
            format!("{invalid}Some index key attributes are not defined in AttributeDefinitions. Keys: [other], AttributeDefinitions: [pk]"),
        ),
        (
            json!({"KeySchema": [element("pk", "RANGE")]}),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".into(),
        ),
        (
            json!({"AttributeDefinitions": [definition("pk"), definition("x")]}),
            format!("{invalid}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"),
        ),
        (
            json!({"BillingMode": "PROVISIONED"}),
            format!("{invalid}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"),
        ),
        (
            json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}),
            format!("{invalid}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"),
        ),
        (json!({"GlobalSecondaryIndexes": []}), format!("{invalid}List of GlobalSecondaryIndexes is empty")),
        (
            json!({"LocalSecondaryIndexes": [{"IndexName": "idx", "KeySchema": [element("pk", "HASH")], "Projection": {"ProjectionType": "ALL"}}]}),
            format!("{invalid}Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"),
        ),
        (
            json!({"StreamSpecification": {"StreamEnabled": true}}),
            format!("{invalid}StreamViewType must be specified when StreamEnabled is true"),
        ),
    ] {
        let mut table = create();
        table.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(fixture.refusal("CreateTable", table).await, validation(&message), "{change}");
    }
}

#[tokio::test]
async fn an_on_demand_table_is_no_colder_than_it_begins() {
    let fixture = Fixture::new();
    let mut request = create();
    request["WarmThroughput"] = json!({"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 3_999});
    let message = "One or more parameter values were invalid: Requested WriteUnitsPerSecond for WarmThroughput for table is lower than initial throughput for OnDemand";
    assert_eq!(fixture.refusal("CreateTable", request.clone()).await, validation(message));
    request["WarmThroughput"] = json!({"ReadUnitsPerSecond": 15_000});
    let made = fixture.call("CreateTable", request).await;
    let warm = &made["TableDescription"]["WarmThroughput"];
    assert_eq!((&warm["ReadUnitsPerSecond"], &warm["WriteUnitsPerSecond"]), (&json!(15_000), &json!(4_000)));
}

#[tokio::test]
async fn items_past_their_time_go() {
    let fixture = Fixture::with_table().await;
    let now = fixture.0.env.now().as_secs();
    let item = |key: &str, until: u64| json!({"pk": {"S": key}, "until": {"N": until.to_string()}});
    fixture.put(item("before", now + 30)).await;
    let enable = json!({"TableName": "tab", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "until"}});
    fixture.call("UpdateTimeToLive", enable).await;
    fixture.put(item("soon", now + 40)).await;
    fixture.put(item("later", now + 1000)).await;
    fixture.put(item("extended", now + 40)).await;
    fixture.put(item("extended", now + 2000)).await;
    fixture.put(item("ancient", 1)).await;
    fixture.put(json!({"pk": {"S": "text"}, "until": {"S": "1"}})).await;
    for _ in 0..3 {
        fixture.0.advance(Duration::from_secs(30)).await;
    }
    let left = fixture.call("Scan", json!({"TableName": "tab"})).await;
    let mut left = column(&left, "pk");
    left.sort();
    assert_eq!(left, ["ancient", "extended", "later", "text"]);
    let table = fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
    assert_eq!(table["Table"]["ItemCount"], 4);

    let disable = json!({"TableName": "tab", "TimeToLiveSpecification": {"Enabled": false, "AttributeName": "until"}});
    fixture.call("UpdateTimeToLive", disable).await;
    for _ in 0..3 {
        fixture.0.advance(Duration::from_secs(5000)).await;
    }
    assert_eq!(fixture.call("Scan", json!({"TableName": "tab"})).await["Count"], 4);
}

#[tokio::test]
async fn expiry_goes_on_when_the_clock_is_set_back() {
    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    let fixture = Fixture::with_table().await;
    let now = fixture.0.env.now().as_secs();
    fixture.0.env.advance(YEAR);
    let enable = json!({"TableName": "tab", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "until"}});
    fixture.call("UpdateTimeToLive", enable).await;
    fixture.0.env.set_back(YEAR);
    fixture.put(json!({"pk": {"S": "a"}, "until": {"N": (now + 30).to_string()}})).await;
    for _ in 0..3 {
        fixture.0.advance(Duration::from_secs(40)).await;
    }
    assert_eq!(fixture.call("Scan", json!({"TableName": "tab"})).await["Count"], 0);
}
