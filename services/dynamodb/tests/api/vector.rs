//! Vector indexes: what is near, what writes do to them, how they come and go, and what is refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Fixture, validation};

fn numbers(components: &[f64]) -> Value {
    components.iter().map(|component| json!({"N": component.to_string()})).collect()
}

fn vector(components: &[f64]) -> Value {
    json!({"L": numbers(components)})
}

fn index(more: Value) -> Value {
    let mut index = json!({
        "IndexName": "near", "VectorAttribute": {"AttributeName": "v"}, "Dimensions": 3, "DistanceFunction": "COSINE",
        "Projection": {"ProjectionType": "ALL"},
    });
    index.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    index
}

/// A table `tab` with these vector indexes; `defined` are attributes beside its key, texts all.
async fn with_indexes(defined: &[&str], indexes: Value) -> Fixture {
    let fixture = Fixture::new();
    fixture.create_with(table(defined, indexes)).await;
    fixture
}

fn table(defined: &[&str], indexes: Value) -> Value {
    let definitions: Vec<Value> = std::iter::once(&"pk")
        .chain(defined)
        .map(|name| json!({"AttributeName": name, "AttributeType": "S"}))
        .collect();
    let schema = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
    json!({"AttributeDefinitions": definitions, "KeySchema": schema, "VectorIndexes": indexes})
}

fn by_tenant() -> Value {
    let schema = json!([
        {"AttributeName": "tenant", "SearchSchemaElementType": "HASH"},
        {"AttributeName": "kind", "SearchSchemaElementType": "INLINE_FILTER"},
    ]);
    index(json!({"SearchSchema": schema, "Projection": {"ProjectionType": "KEYS_ONLY"}}))
}

fn search(components: &[f64], more: Value) -> Value {
    let mut request = json!({"TableName": "tab", "IndexName": "near", "SearchVector": numbers(components), "TopK": 10});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

/// The keys and scores of what is near.
async fn found(fixture: &Fixture, request: Value) -> Vec<(String, f64)> {
    let output = fixture.call("SearchVectors", request).await;
    let result = |one: &Value| (one["Item"]["pk"]["S"].as_str().unwrap().to_owned(), one["Score"].as_f64().unwrap());
    output["SearchResults"].as_array().unwrap().iter().map(result).collect()
}

fn keys(found: &[(String, f64)]) -> Vec<&str> {
    found.iter().map(|(key, _)| key.as_str()).collect()
}

#[tokio::test]
async fn the_nearest_come_first() {
    for (function, expected) in [
        ("COSINE", vec![("x", 0.0), ("far", 0.0), ("y", 1.0), ("back", 2.0)]),
        ("EUCLIDEAN", vec![("x", 0.0), ("y", 2f64.sqrt()), ("back", 2.0), ("far", 9.0)]),
        ("DOT_PRODUCT", vec![("far", 10.0), ("x", 1.0), ("y", 0.0), ("back", -1.0)]),
    ] {
        let fixture = with_indexes(&[], json!([index(json!({"DistanceFunction": function}))])).await;
        for (key, components) in
            [("x", [1.0, 0.0, 0.0]), ("y", [0.0, 1.0, 0.0]), ("far", [10.0, 0.0, 0.0]), ("back", [-1.0, 0.0, 0.0])]
        {
            fixture.put(json!({"pk": {"S": key}, "v": vector(&components)})).await;
        }
        let mut all = found(&fixture, search(&[1.0, 0.0, 0.0], json!({}))).await;
        if function == "COSINE" {
            // These two are equally near.
            all[..2].sort_by(|one, other| other.0.cmp(&one.0));
        }
        let expected: Vec<_> = expected.into_iter().map(|(key, score)| (key.to_owned(), score)).collect();
        assert_eq!(all, expected, "{function}");
        let best = found(&fixture, search(&[1.0, 0.0, 0.0], json!({"TopK": 3}))).await;
        assert_eq!(best.len(), 3);
        assert_eq!(keys(&best)[2], expected[2].0, "{function}");
    }
}

#[tokio::test]
async fn writes_keep_the_index_true() {
    let fixture = with_indexes(&["tenant", "kind"], json!([by_tenant()])).await;
    let at = |tenant: &str, kind: Option<&str>| {
        let mut more = json!({
            "SearchConditionExpression": "tenant = :t", "ExpressionAttributeValues": {":t": {"S": tenant}},
        });
        if let Some(kind) = kind {
            more["SearchConditionExpression"] = json!("#k = :k AND tenant = :t");
            more["ExpressionAttributeNames"] = json!({"#k": "kind"});
            more["ExpressionAttributeValues"][":k"] = json!({"S": kind});
        }
        search(&[1.0, 0.0, 0.0], more)
    };
    let item = |key: &str, tenant: &str, kind: &str| json!({"pk": {"S": key}, "tenant": {"S": tenant}, "kind": {"S": kind}, "extra": {"S": "o"}, "v": vector(&[1.0, 2.0, 3.0])});
    fixture.put(item("1", "a", "x")).await;
    fixture.put(item("2", "a", "y")).await;
    fixture.put(item("3", "b", "x")).await;
    fixture.put(json!({"pk": {"S": "4"}, "v": vector(&[1.0, 0.0, 0.0])})).await;
    fixture.put(json!({"pk": {"S": "5"}, "tenant": {"S": "a"}, "v": vector(&[0.0, 1.0, 0.0])})).await;
    fixture.put(json!({"pk": {"S": "6"}, "tenant": {"S": "a"}})).await;
    let near = found(&fixture, at("a", None)).await;
    assert_eq!(keys(&near)[2], "5", "the first two are equally near");
    let mut two = keys(&near)[..2].to_vec();
    two.sort_unstable();
    assert_eq!(two, ["1", "2"]);
    assert_eq!(keys(&found(&fixture, at("a", Some("y"))).await), ["2"]);
    assert!(found(&fixture, at("none", None)).await.is_empty());
    // Into another part, to another vector, out of the index, and back.
    let update = |key: &str, expression: &str, values: Value| {
        let mut request = json!({"TableName": "tab", "Key": {"pk": {"S": key}}, "UpdateExpression": expression, "ReturnConsumedCapacity": "INDEXES"});
        if !values.is_null() {
            request["ExpressionAttributeValues"] = values;
        }
        request
    };
    let moved = fixture.call("UpdateItem", update("1", "SET tenant = :t", json!({":t": {"S": "b"}}))).await;
    let bytes = |answer: &Value| answer["ConsumedCapacity"]["VectorIndexes"]["near"]["VectorWriteRequestBytes"].clone();
    assert_eq!(bytes(&moved), 2048.0, "both parts were written");
    let untouched = fixture.call("UpdateItem", update("2", "SET extra = :o", json!({":o": {"S": "p"}}))).await;
    assert!(untouched["ConsumedCapacity"].get("VectorIndexes").is_none(), "{untouched}");
    fixture.call("UpdateItem", update("3", "SET v[0] = :n", json!({":n": {"N": "9"}}))).await;
    let near = found(&fixture, at("b", None)).await;
    assert_eq!(keys(&near), ["3", "1"]);
    fixture.call("UpdateItem", update("3", "REMOVE v", Value::Null)).await;
    fixture.call("DeleteItem", json!({"TableName": "tab", "Key": {"pk": {"S": "1"}}})).await;
    assert!(found(&fixture, at("b", None)).await.is_empty());
    let transaction = json!({"TransactItems": [
        {"Put": {"TableName": "tab", "Item": item("7", "b", "x")}},
        {"Delete": {"TableName": "tab", "Key": {"pk": {"S": "2"}}}},
    ]});
    fixture.call("TransactWriteItems", transaction).await;
    assert_eq!(keys(&found(&fixture, at("b", None)).await), ["7"]);
    let described = fixture.call("DescribeTable", json!({"TableName": "tab"})).await["Table"].clone();
    let index = &described["VectorIndexes"][0];
    // Two are left: 5 and 7, each three components of four bytes, the names and values of the key and the search schema.
    let size = 2 * (3 * 4 + "v".len() + "pk5tenanta".len()) + "kindx".len();
    assert_eq!((&index["ItemCount"], &index["IndexSizeBytes"]), (&json!(2), &json!(size)));
    assert_eq!(index["SearchSchema"], by_tenant()["SearchSchema"]);
    assert_eq!((&index["IndexStatus"], index.get("Backfilling")), (&json!("ACTIVE"), None));
    assert_eq!(index["IndexArn"], "arn:aws:dynamodb:us-east-1:000000000000:table/tab/index/near");
}

#[tokio::test]
async fn answers_have_what_is_projected() {
    let include = index(
        json!({"IndexName": "named", "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["title", "v"]}}),
    );
    let keys_only = index(json!({"IndexName": "keys", "Projection": {"ProjectionType": "KEYS_ONLY"}}));
    let fixture = with_indexes(&[], json!([index(json!({})), include, keys_only])).await;
    let item = json!({"pk": {"S": "k"}, "title": {"S": "t"}, "more": {"M": {"a": {"N": "1"}}}, "v": vector(&[0.1, -2.0, 1e-20])});
    fixture.put(item).await;
    let answer = async |index: &str, projection: Option<&str>| {
        let mut more = json!({"IndexName": index, "ReturnConsumedCapacity": "TOTAL"});
        if let Some(projection) = projection {
            more["ProjectionExpression"] = json!(projection);
        }
        let output = fixture.call("SearchVectors", search(&[1.0, 0.0, 0.0], more)).await;
        assert_eq!(output["ConsumedCapacity"], json!({"VectorSearchRequestBytes": 1024.0}));
        output["SearchResults"][0]["Item"].clone()
    };
    let all = json!({"pk": {"S": "k"}, "title": {"S": "t"}, "more": {"M": {"a": {"N": "1"}}}});
    assert_eq!(answer("near", None).await, all, "the vector only where it is asked for");
    assert_eq!(answer("named", None).await, json!({"pk": {"S": "k"}, "title": {"S": "t"}}));
    assert_eq!(answer("keys", None).await, json!({"pk": {"S": "k"}}));
    let v = json!({"L": [{"N": "0.1"}, {"N": "-2"}, {"N": "0.00000000000000000001"}]});
    assert_eq!(answer("near", Some("v, more.a")).await, json!({"v": v, "more": {"M": {"a": {"N": "1"}}}}));
    assert_eq!(answer("named", Some("v[1], more")).await, json!({"v": {"L": [{"N": "-2"}]}}));
    assert_eq!(answer("keys", Some("pk, v, title")).await, json!({"pk": {"S": "k"}}));
}

#[tokio::test]
async fn indexes_come_and_go() {
    let fixture = Fixture::with_table().await;
    for number in 0..2500 {
        let components = [f64::from(number), 1.0, 0.0];
        fixture.put(json!({"pk": {"S": number.to_string()}, "v": vector(&components), "t": {"S": "x"}})).await;
    }
    for (key, value) in [
        ("text", json!({"S": "no vector"})),
        ("short", vector(&[1.0])),
        ("words", json!({"L": [{"S": "a"}, {"N": "1"}, {"N": "1"}]})),
    ] {
        fixture.put(json!({"pk": {"S": key}, "v": value, "t": {"S": "x"}})).await;
    }
    let create = |index: Value| json!({"TableName": "tab", "AttributeDefinitions": [{"AttributeName": "t", "AttributeType": "S"}], "VectorIndexUpdates": [{"Create": index}]});
    let schema = json!([{"AttributeName": "t", "SearchSchemaElementType": "INLINE_FILTER"}]);
    let made = fixture
        .call("UpdateTable", create(index(json!({"SearchSchema": schema, "DistanceFunction": "EUCLIDEAN"}))))
        .await;
    let described = &made["TableDescription"]["VectorIndexes"][0];
    assert_eq!((&described["IndexStatus"], &described["Backfilling"]), (&json!("CREATING"), &json!(true)));
    let early = fixture.refusal("SearchVectors", search(&[1.0, 0.0, 0.0], json!({}))).await;
    assert_eq!(early, validation("Cannot search backfilling vector index: near"));
    let again = fixture.refusal("UpdateTable", create(index(json!({})))).await;
    assert_eq!(again.0, "ResourceInUseException");
    while fixture.call("DescribeTable", json!({"TableName": "tab"})).await["Table"]["VectorIndexes"][0]["IndexStatus"]
        == "CREATING"
    {
        fixture.0.advance(Duration::from_millis(10)).await;
    }
    let near = found(&fixture, search(&[1233.0, 1.0, 0.0], json!({"TopK": 1}))).await;
    assert_eq!(near, [("1233".to_owned(), 0.0)]);
    let described = fixture.call("DescribeTable", json!({"TableName": "tab"})).await["Table"].clone();
    assert_eq!(described["VectorIndexes"][0]["ItemCount"], 2500, "what is no vector is not in it");
    // What was there before the index may stay as it is, as long as it is not written.
    let other = json!({"TableName": "tab", "Key": {"pk": {"S": "text"}}, "UpdateExpression": "SET o = :o", "ExpressionAttributeValues": {":o": {"N": "1"}}});
    fixture.call("UpdateItem", other).await;
    let exists = fixture.refusal("UpdateTable", create(index(json!({})))).await;
    assert_eq!(exists, validation("Attempting to create an index which already exists"));
    let delete = json!({"TableName": "tab", "VectorIndexUpdates": [{"Delete": {"IndexName": "near"}}]});
    fixture.call("UpdateTable", delete.clone()).await;
    let described = fixture.call("DescribeTable", json!({"TableName": "tab"})).await["Table"].clone();
    assert!(described.get("VectorIndexes").is_none());
    assert_eq!(described["AttributeDefinitions"].as_array().unwrap().len(), 1);
    assert_eq!(fixture.refusal("UpdateTable", delete).await.0, "ResourceNotFoundException");
    let gone = fixture.refusal("SearchVectors", search(&[1.0, 0.0, 0.0], json!({}))).await;
    assert_eq!(gone, validation("The table does not have the specified index: near"));
    let two = json!({"TableName": "tab", "VectorIndexUpdates": [{"Create": index(json!({}))}, {"Create": index(json!({"IndexName": "two"}))}]});
    let limit = "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table";
    assert_eq!(fixture.refusal("UpdateTable", two).await, ("LimitExceededException".into(), limit.into()));
}

#[tokio::test]
async fn what_tables_cannot_have() {
    let fixture = Fixture::new();
    let refused = async |indexes: Value, more: Value| {
        let mut request = table(&[], indexes);
        request["TableName"] = json!("tab");
        request["BillingMode"] = json!("PAY_PER_REQUEST");
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fixture.refusal("CreateTable", request).await
    };
    let invalid = |text: &str| validation(&format!("One or more parameter values were invalid: {text}"));
    let units = json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}});
    let provisioned = refused(json!([index(json!({}))]), units).await;
    assert_eq!(provisioned, invalid("Vector indexes are only supported for PAY_PER_REQUEST tables"));
    let undefined =
        json!([index(json!({"SearchSchema": [{"AttributeName": "t", "SearchSchemaElementType": "HASH"}]}))]);
    let words = "One element in SearchSchema is not defined in attribute definitions";
    assert_eq!(refused(undefined, json!({})).await, invalid(words));
    let words = "Number of dimensions must be between 1 and 4096 inclusive.";
    assert_eq!(refused(json!([index(json!({"Dimensions": 4097}))]), json!({})).await, invalid(words));
    let six: Value = (0..6).map(|number| index(json!({"IndexName": format!("near-{number}")}))).collect();
    assert_eq!(refused(six, json!({})).await, invalid("VectorIndex count exceeds the per-table limit of 5"));
    let conflict = "Conflicting attribute definition for 'v'. All VectorIndexes on the same vector attribute must use the same dimensions.";
    let two = json!([index(json!({})), index(json!({"IndexName": "two", "Dimensions": 4}))]);
    assert_eq!(refused(two, json!({})).await, invalid(conflict));
    let key = json!([index(json!({"VectorAttribute": {"AttributeName": "pk"}}))]);
    let conflict = "Conflicting attribute definition for 'pk'. An attribute cannot be defined in AttributeDefinitions when used as a VectorAttribute.";
    assert_eq!(refused(key, json!({})).await, invalid(conflict));
    let twice = json!([index(json!({})), index(json!({}))]);
    assert_eq!(refused(twice, json!({})).await, invalid("Duplicate index name: near"));
    let function = refused(json!([index(json!({"DistanceFunction": "MANHATTAN"}))]), json!({})).await;
    assert!(function.1.contains("'vectorIndexes.1.member.distanceFunction' failed to satisfy constraint: Member must satisfy enum value set: [COSINE, DOT_PRODUCT, EUCLIDEAN]"));
    let nothing = refused(json!([{"IndexName": "near"}]), json!({})).await;
    assert!(
        nothing.1.starts_with("4 validation errors detected: Value null at 'vectorIndexes.1.member.vectorAttribute'"),
        "{nothing:?}"
    );
}

#[tokio::test]
async fn what_writes_cannot_have() {
    let fixture = with_indexes(&["tenant", "kind"], json!([by_tenant()])).await;
    let refused = async |more: Value| {
        let mut item = json!({"pk": {"S": "k"}});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fixture.refusal("PutItem", json!({"TableName": "tab", "Item": item})).await
    };
    let both = "One or more parameter values are not valid. One or more parameter values were invalid .";
    let size = format!("{both} Invalid size for parameter v, Expected: 3, Actual: 2. IndexName: near");
    assert_eq!(refused(json!({"v": vector(&[1.0, 2.0])})).await, validation(&size));
    let kind = format!("{both} Invalid type for parameter v, Expected: L, Actual: S. IndexName: near");
    assert_eq!(refused(json!({"v": {"S": "x"}})).await, validation(&kind));
    let element = "One or more parameter values were invalid. Invalid type for parameter v[1], Expected: 32-bit floating point number, Actual: BOOL. IndexName: near";
    assert_eq!(refused(json!({"v": {"L": [{"N": "1"}, {"BOOL": true}, {"N": "1"}]}})).await, validation(element));
    let range = format!(
        "{both} Invalid value for parameter v[2], Value: -1.3E+40 is outside valid range [-3.4028235E38, 3.4028235E38]. IndexName: near"
    );
    assert_eq!(refused(json!({"v": {"L": [{"N": "1"}, {"N": "2"}, {"N": "-13e39"}]}})).await, validation(&range));
    let mismatch = "One or more parameter values were invalid. Attribute 'tenant' type mismatch. Expected: S, Actual: N. IndexName: near";
    assert_eq!(refused(json!({"tenant": {"N": "1"}})).await, validation(mismatch));
    let empty = "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: near, IndexKey: tenant";
    assert_eq!(refused(json!({"tenant": {"S": ""}})).await, validation(empty));
    let long = "One or more parameter values were invalid: Size limit exceeded for SearchSchema attribute 'kind': maximum 10240 bytes";
    assert_eq!(refused(json!({"kind": {"S": "x".repeat(10_241)}})).await, validation(long));
    fixture.put(json!({"pk": {"S": "k"}, "tenant": {"S": "a"}, "v": vector(&[1.0, 2.0, 3.0])})).await;
    let update = json!({"TableName": "tab", "Key": {"pk": {"S": "k"}}, "UpdateExpression": "SET v = list_append(v, :one)", "ExpressionAttributeValues": {":one": {"L": [{"N": "1"}]}}});
    let size = format!("{both} Invalid size for parameter v, Expected: 3, Actual: 4. IndexName: near");
    assert_eq!(fixture.refusal("UpdateItem", update).await, validation(&size));
    let batch = json!({"RequestItems": {"tab": [{"PutRequest": {"Item": {"pk": {"S": "b"}, "v": {"S": "x"}}}}]}});
    assert_eq!(fixture.refusal("BatchWriteItem", batch).await, validation(&kind));
}

#[tokio::test]
async fn what_searches_cannot_ask() {
    let fixture = with_indexes(&["tenant", "kind"], json!([by_tenant(), index(json!({"IndexName": "plain"}))])).await;
    let refused =
        async |components: &[f64], more: Value| fixture.refusal("SearchVectors", search(components, more)).await;
    let x = [1.0, 0.0, 0.0];
    let plain = |more: Value| {
        let mut all = json!({"IndexName": "plain"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let condition = |text: &str, value: Value| json!({"SearchConditionExpression": text, "ExpressionAttributeValues": {":v": value}});
    let top = "Provided TopK value '101' is out of valid range. The value must be between 1 and 100 inclusive";
    assert_eq!(refused(&x, plain(json!({"TopK": 101}))).await, validation(top));
    let missing = "SearchConditionExpression must be provided when SearchSchema has a HASH key";
    assert_eq!(refused(&x, json!({})).await, validation(missing));
    assert_eq!(refused(&x, condition("kind = :v", json!({"S": "a"}))).await, validation(missing));
    let prefix = "Invalid SearchConditionExpression: Invalid";
    for (text, what) in [
        ("tenant < :v", "comparator"),
        ("tenant <> :v", "comparator"),
        ("NOT tenant = :v", "operator"),
        ("begins_with(tenant, :v)", "operator"),
        ("tenant IN (:v)", "operator"),
    ] {
        let words = format!("{prefix} {what} used in SearchConditionExpression");
        assert_eq!(refused(&x, condition(text, json!({"S": "a"}))).await, validation(&words), "{text}");
    }
    let outside = "SearchConditionExpression must not contain any attributes that is not in SearchSchema. Invalid attribute: tenant";
    assert_eq!(refused(&x, plain(condition("tenant = :v", json!({"S": "a"})))).await, validation(outside));
    let kind = "Type of 'tenant' attribute in SearchConditionExpression (N) does not match type in search schema (S)";
    assert_eq!(refused(&x, condition("tenant = :v", json!({"N": "1"}))).await, validation(kind));
    let empty = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: tenant";
    assert_eq!(refused(&x, condition("tenant = :v", json!({"S": ""}))).await, validation(empty));
    let dimensions = "Input search vector dimension 2 does not match vector index dimension 3";
    assert_eq!(refused(&x[..2], plain(json!({}))).await, validation(dimensions));
    let values = "Search vector contains invalid values. All values in the search vector must be a 32-bit floating-point number attribute";
    for invalid in [json!([{"L": numbers(&x)}]), json!([{"N": "1E+39"}, {"N": "0"}, {"N": "0"}])] {
        assert_eq!(refused(&x, plain(json!({"SearchVector": invalid}))).await, validation(values));
    }
    assert_eq!(refused(&x, json!({"TableName": "none"})).await.0, "ResourceNotFoundException");
    let absent = refused(&x, json!({"IndexName": "absent"})).await;
    assert_eq!(absent, validation("The table does not have the specified index: absent"));
    let scan = fixture.refusal("Scan", json!({"TableName": "tab", "IndexName": "plain"})).await;
    assert_eq!(scan, validation("Scan operation not supported on this index type."));
    let query = json!({"TableName": "tab", "IndexName": "plain", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}});
    assert_eq!(fixture.refusal("Query", query).await, validation("Query operation not supported on this index type."));
    let units = json!({"TableName": "tab", "BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}});
    let words =
        "One or more parameter values were invalid: Vector indexes are only supported for PAY_PER_REQUEST tables";
    assert_eq!(fixture.refusal("UpdateTable", units).await, validation(words));
    // What contradicts itself finds nothing.
    let values = json!({":a": {"S": "a"}, ":b": {"S": "b"}});
    let both = json!({"SearchConditionExpression": "tenant = :a AND tenant = :b", "ExpressionAttributeValues": values});
    assert!(found(&fixture, search(&x, both)).await.is_empty());
}

#[tokio::test]
async fn backups_bring_vector_indexes_back() {
    let fixture = with_indexes(&[], json!([index(json!({})), index(json!({"IndexName": "two"}))])).await;
    fixture.put(json!({"pk": {"S": "k"}, "v": vector(&[1.0, 2.0, 3.0])})).await;
    let backup = fixture.call("CreateBackup", json!({"TableName": "tab", "BackupName": "one"})).await;
    let arn = &backup["BackupDetails"]["BackupArn"];
    let later = async || {
        for _ in 0..20 {
            fixture.0.advance(Duration::from_secs(1)).await;
        }
    };
    later().await;
    let described = fixture.call("DescribeBackup", json!({"BackupArn": arn})).await;
    let features = &described["BackupDescription"]["SourceTableFeatureDetails"]["VectorIndexes"];
    assert_eq!(*features, json!([index(json!({})), index(json!({"IndexName": "two"}))]));
    let restore = |target: &str, indexes: Option<Value>| {
        let mut request = json!({"BackupArn": arn, "TargetTableName": target});
        if let Some(indexes) = indexes {
            request["VectorIndexOverride"] = indexes;
        }
        request
    };
    let renamed = json!([index(json!({"IndexName": "renamed"}))]);
    for (target, indexes) in [("all", None), ("some", Some(renamed)), ("none", Some(json!([])))] {
        fixture.call("RestoreTableFromBackup", restore(target, indexes)).await;
        later().await;
    }
    let other = restore("other", Some(json!([index(json!({"DistanceFunction": "EUCLIDEAN"}))])));
    let refused = fixture.refusal("RestoreTableFromBackup", other).await;
    assert!(refused.1.starts_with("Index near does not match a vector index"), "{refused:?}");
    for (table, index) in [("all", "two"), ("some", "renamed")] {
        let near = found(&fixture, search(&[1.0, 2.0, 3.0], json!({"TableName": table, "IndexName": index}))).await;
        assert_eq!(near, [("k".to_owned(), 0.0)], "{table}");
    }
    let none = fixture.call("DescribeTable", json!({"TableName": "none"})).await;
    assert!(none["Table"].get("VectorIndexes").is_none());
}
