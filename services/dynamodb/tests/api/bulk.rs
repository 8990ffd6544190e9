//! Bulk puts: what they put beside other writers, what they report, what is refused, and what stops them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::transfer::{TABLE, World, bulk};

fn line(key: &str, more: Value) -> String {
    let mut line = json!({"Item": {"pk": {"S": key}, "v": {"N": "1"}}});
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{line}\n")
}

fn new(key: &str) -> String {
    line(key, json!({"ConditionExpression": "attribute_not_exists(pk)"}))
}

impl World {
    /// How many changes the stream of `tab` has.
    async fn changes(&self) -> usize {
        let table = self.fixture.call("DescribeTable", json!({"TableName": "tab"})).await;
        let arn = &table["Table"]["LatestStreamArn"];
        let described = self.fixture.call("DescribeStream", json!({"StreamArn": arn})).await;
        let shard = &described["StreamDescription"]["Shards"][0]["ShardId"];
        let from = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = self.fixture.call("GetShardIterator", from).await["ShardIterator"].clone();
        let records = self.fixture.call("GetRecords", json!({"ShardIterator": iterator})).await;
        records["Records"].as_array().unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_are_put_where_their_conditions_hold() {
    let world = World::new().await;
    let stream = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
    world.fixture.call("UpdateTable", json!({"TableName": "tab", "StreamSpecification": stream})).await;
    world.put("old", 7).await;
    world.put("kept", 7).await;
    let more = json!({
        "ConditionExpression": "#v < :v", "ExpressionAttributeNames": {"#v": "v"}, "ExpressionAttributeValues": {":v": {"N": "8"}},
    });
    let text = [line("old", json!({})), new("kept"), new("new"), line("kept", more)].concat();
    world.put_object("in/1", text.clone()).await;
    world.put_object("in/2", line("last", json!({})).trim_end()).await;
    let begun = world.begin_bulk(json!({"ClientToken": "t"})).await;
    assert_eq!((&begun["BulkOperationStatus"], begun.get("EndTime")), (&json!("IN_PROGRESS"), None));
    let ended = world.ended(&begun["BulkOperationArn"]).await;
    assert_eq!(ended["BulkOperationStatus"], "COMPLETED", "{ended}");
    let counts = ["ProcessedItemCount", "FailedItemCount"].map(|name| ended[name].as_u64().unwrap());
    assert_eq!(counts, [5, 0]);
    let total = (text.len() + line("last", json!({})).len() - 1) as u64;
    assert_eq!((&ended["TotalInputBytes"], &ended["ProcessedInputBytes"]), (&json!(total), &json!(total)));
    let usage = json!([{"TableName": "tab", "BulkPutBytes": 4096, "Table": {"BulkPutBytes": 4096}}]);
    assert_eq!(ended["BulkOperationUsage"], usage);
    assert_eq!(ended["TableDetails"][0]["TableName"], "tab");
    let keys: Vec<_> =
        world.scan("tab").await.iter().map(|item| item["pk"]["S"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys, ["kept", "last", "new", "old"]);
    let reported = world.reports(&ended).await;
    let existing = json!({"pk": {"S": "kept"}, "v": {"N": "7"}});
    let item = json!({"pk": {"S": "kept"}, "v": {"N": "1"}});
    let told = json!({
        "OutputType": "CONDITION_CHECK_FAILURE", "S3Bucket": "bucket", "S3Key": "in/1", "ItemIndex": 1, "Item": item, "ExistingItem": existing,
    });
    assert_eq!(reported, [told]);
    assert_eq!(world.changes().await, 6, "two puts before, and four of the bulk put");
    // The same token is the same bulk put, and with other parameters none.
    assert_eq!(world.begin_bulk(json!({"ClientToken": "t"})).await["BulkOperationArn"], begun["BulkOperationArn"]);
    let other = bulk(json!({"ClientToken": "t", "PerformanceTier": "ACCELERATED"}));
    let refused = world.fixture.refusal("StartBulkPutItems", other).await;
    assert_eq!(refused.0, "IdempotentParameterMismatchException");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_put_is_reported() {
    let world = World::new().await;
    let wrong = line("w", json!({"ConditionExpression": "v <"}));
    let text = [line("a", json!({})), "{\"Item\": {\"x\": {\"S\": \"no key\"}}}\n".into(), wrong, line("b", json!({}))];
    world.put_object("in/1", text.concat()).await;
    world.put_object("in/2", format!("{}not json\n{}", line("c", json!({})), line("d", json!({})))).await;
    let ended = world.bulk(json!({"MaxWriteRequestUnits": 1024, "PerformanceTier": "ACCELERATED"})).await;
    assert_eq!(ended["BulkOperationStatus"], "COMPLETED_WITH_ERRORS");
    let counts = ["ProcessedItemCount", "FailedItemCount", "MaxWriteRequestUnits"];
    assert_eq!(counts.map(|name| ended[name].as_u64().unwrap()), [7, 3, 1024]);
    let reported = world.reports(&ended).await;
    let places: Vec<_> =
        reported.iter().map(|one| (one["S3Key"].as_str().unwrap(), one["ItemIndex"].as_u64().unwrap())).collect();
    assert_eq!(places, [("in/1", 1), ("in/1", 2), ("in/2", 1)]);
    assert!(reported.iter().all(|one| one["OutputType"] == "ERROR"));
    let missing = "One or more parameter values were invalid: Missing the key pk in the item";
    assert_eq!((&reported[0]["ErrorMessage"], &reported[0]["Item"]["x"]), (&json!(missing), &json!({"S": "no key"})));
    assert!(reported[1]["ErrorMessage"].as_str().unwrap().starts_with("Invalid ConditionExpression: Syntax error"));
    assert_eq!(world.scan("tab").await.len(), 4);
    // Reports of one kind alone, compressed source.
    let output = json!({"S3Bucket": "bucket", "S3KeyPrefix": "told/", "OutputType": ["CONDITION_CHECK_FAILURE"]});
    let again = world.bulk(json!({"OutputS3Configuration": output, "InputS3Configuration": {"S3Bucket": "bucket", "S3KeyPrefix": "in/1", "InputFormat": "DYNAMODB_JSON"}})).await;
    assert_eq!(again["BulkOperationStatus"], "COMPLETED_WITH_ERRORS");
    assert_eq!(world.reports(&again).await, Vec::<Value>::new());
    let id = again["BulkOperationArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let named =
        ["_started", "manifest-files.json", "manifest-files.md5", "manifest-summary.json", "manifest-summary.md5"];
    let named = named.map(|name| format!("told/AWSDynamoDB/{id}/{name}"));
    assert_eq!(world.keys("told/").await, named);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_items_are_put_in_steps() {
    let world = World::new().await;
    let large = "x".repeat(390_000);
    for number in 0..60 {
        let item = json!({"pk": {"S": format!("k{number:02}")}, "v": {"S": large}});
        world.fixture.put(item).await;
    }
    // Each of these lines is short, and would be told with an item that is not.
    let lines: String = (0..60).map(|number| new(&format!("k{number:02}"))).collect();
    world.put_object("in/1", lines).await;
    let refused = world.bulk(json!({})).await;
    assert_eq!((&refused["BulkOperationStatus"], &refused["ProcessedItemCount"]), (&json!("COMPLETED"), &json!(60)));
    assert_eq!(refused["ProcessedInputBytes"], refused["TotalInputBytes"]);
    let told = world.reports(&refused).await;
    let places: Vec<_> = told.iter().map(|one| one["ItemIndex"].as_u64().unwrap()).collect();
    assert_eq!(places, (0..60).collect::<Vec<_>>());
    assert!(told.iter().all(|one| one["ExistingItem"]["v"]["S"] == large));
    // Each replaces one that is kept for recovery.
    let lines: String = (0..60).map(|number| line(&format!("k{number:02}"), json!({}))).collect();
    world.put_object("in/1", lines).await;
    assert_eq!(world.bulk(json!({})).await["BulkOperationUsage"][0]["BulkPutBytes"], 60 * 381 * 1024);
    assert_eq!(world.scan("tab").await.len(), 60);
    // What would be too long as text is told by its key.
    let item = json!({"pk": {"S": "control"}, "v": {"S": "\u{1}".repeat(390_000)}});
    world.fixture.put(item.clone()).await;
    let line = json!({"Item": item, "ConditionExpression": "attribute_not_exists(pk)"});
    world.put_object("in/1", line.to_string()).await;
    let told = world.reports(&world.bulk(json!({})).await).await;
    assert_eq!((&told[0]["Item"], told[0].get("ExistingItem")), (&json!({"pk": {"S": "control"}}), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_put_can_be_stopped() {
    let world = World::new().await;
    let text: String = (0..20_000).map(|number| line(&format!("{number:06}"), json!({}))).collect();
    world.put_object("in/1", text).await;
    let arn = world.begin_bulk(json!({"MaxWriteRequestUnits": 1024})).await["BulkOperationArn"].clone();
    let describe = async || {
        world.fixture.0.advance(Duration::from_millis(2)).await;
        let answer = world.fixture.call("DescribeBulkOperation", json!({"BulkOperationArn": arn})).await;
        answer["BulkOperationDescription"].clone()
    };
    while describe().await["ProcessedItemCount"] == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let cancelled = world.fixture.call("CancelBulkOperation", json!({"BulkOperationArn": arn})).await;
    assert_eq!(cancelled, json!({"BulkOperationArn": arn, "BulkOperationStatus": "CANCELLING"}));
    let ended = world.ended(&arn).await;
    assert_eq!(ended["BulkOperationStatus"], "CANCELLED");
    let count = ended["ProcessedItemCount"].as_u64().unwrap();
    assert!((1..20_000).contains(&count), "{count}");
    let items = world.fixture.call("Scan", json!({"TableName": "tab", "Select": "COUNT"})).await;
    assert_eq!(items["Count"], count, "what was put stays");
    let again = world.fixture.call("CancelBulkOperation", json!({"BulkOperationArn": arn})).await;
    assert_eq!(again["BulkOperationStatus"], "CANCELLED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused() {
    let world = World::new().await;
    let refused = async |request: Value| world.fixture.refusal("StartBulkPutItems", bulk(request)).await;
    assert_eq!(refused(json!({"TableName": "none"})).await.0, "ResourceNotFoundException");
    let ion = json!({"InputS3Configuration": {"S3Bucket": "bucket", "InputFormat": "ION"}});
    assert_eq!(refused(ion).await.0, "NotImplemented");
    let slow = refused(json!({"MaxWriteRequestUnits": 1023})).await;
    assert_eq!(slow.0, "ValidationException");
    assert!(slow.1.contains("Value '1023' at 'maxWriteRequestUnits' failed to satisfy constraint: Member must have value greater than or equal to 1024"));
    let nowhere = refused(json!({"OutputS3Configuration": {"OutputType": ["ERROR"]}})).await;
    assert!(nowhere.1.contains("Value null at 'outputS3Configuration.s3Bucket'"), "{nowhere:?}");
    let nothing = refused(json!({"OutputS3Configuration": {"S3Bucket": "bucket", "OutputType": ["ALL"]}})).await;
    assert!(nothing.1.contains("[ERROR, CONDITION_CHECK_FAILURE]"), "{nothing:?}");
    let missing = json!({"BulkOperationArn": format!("{TABLE}/bulk-operation/01234567890123-abcdef01")});
    for operation in ["DescribeBulkOperation", "CancelBulkOperation"] {
        assert_eq!(world.fixture.refusal(operation, missing.clone()).await.0, "ResourceNotFoundException");
    }
    let elsewhere = json!({"InputS3Configuration": {"S3Bucket": "elsewhere", "InputFormat": "DYNAMODB_JSON"}});
    let first = world.bulk(elsewhere).await;
    assert_eq!((&first["BulkOperationStatus"], &first["FailureCode"]), (&json!("FAILED"), &json!("S3NoSuchBucket")));
    let output = json!({"OutputS3Configuration": {"S3Bucket": "elsewhere", "OutputType": ["ERROR"]}});
    world.put_object("in/1", line("a", json!({}))).await;
    let second = world.bulk(output).await;
    assert_eq!((&second["BulkOperationStatus"], &second["FailureCode"]), (&json!("FAILED"), &json!("S3NoSuchBucket")));
    assert_eq!(world.scan("tab").await, Vec::<Value>::new(), "nothing is put where nothing could be reported");
    let third = world.bulk(json!({})).await;
    let listed = world.fixture.call("ListBulkOperations", json!({"MaxResults": 2})).await;
    let arns = |page: &Value| -> Vec<Value> {
        page["BulkOperationsSummaryList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["BulkOperationArn"].clone())
            .collect()
    };
    assert_eq!(arns(&listed), [third["BulkOperationArn"].clone(), second["BulkOperationArn"].clone()]);
    let rest = world.fixture.call("ListBulkOperations", json!({"NextToken": listed["NextToken"]})).await;
    assert_eq!(arns(&rest), [first["BulkOperationArn"].clone()]);
    // A table that goes ends it.
    let text: String = (0..5000).map(|number| line(&number.to_string(), json!({}))).collect();
    world.put_object("in/2", text).await;
    let begun = world.begin_bulk(json!({"MaxWriteRequestUnits": 1024})).await;
    world.fixture.call("DeleteTable", json!({"TableName": "tab"})).await;
    let ended = world.ended(&begun["BulkOperationArn"]).await;
    let outcome = (&ended["BulkOperationStatus"], &ended["FailureCode"]);
    assert_eq!(outcome, (&json!("FAILED"), &json!("ResourceNotFoundException")));
}
