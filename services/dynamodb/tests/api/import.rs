//! Imports: what they bring in, what becomes of them, what is refused.

use std::io::Write as _;

use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::fixture::column;
use crate::transfer::{TABLE, World, import, with};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_exported_can_be_imported() {
    let world = World::new().await;
    let rich = json!({
        "pk": {"S": "rich"}, "n": {"N": "1.50"}, "b": {"B": "AAE="}, "t": {"BOOL": true}, "z": {"NULL": true},
        "l": {"L": [{"S": "ü\n"}, {"M": {"a": {"N": "-1E+10"}}}]}, "ss": {"SS": ["a", "b"]}, "bs": {"BS": ["AA=="]},
    });
    world.fixture.put(rich).await;
    for number in 0..500 {
        world.put(&format!("k{number}"), number).await;
    }
    let export = world.export(json!({"S3Prefix": "out"})).await;
    world.ended(&export["ExportArn"]).await;
    let id = export["ExportArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let source = json!({"S3Bucket": "bucket", "S3KeyPrefix": format!("out/AWSDynamoDB/{id}/data/")});
    let begun = world.begin_import(json!({"S3BucketSource": source, "InputCompressionType": "GZIP"})).await;
    assert_eq!(begun["ImportStatus"], "IN_PROGRESS");
    let described = world.fixture.call("DescribeTable", json!({"TableName": "into"})).await;
    assert!(matches!(described["Table"]["TableStatus"].as_str(), Some("CREATING" | "ACTIVE")));
    let ended = world.ended(&begun["ImportArn"]).await;
    assert_eq!((&ended["ImportStatus"], &ended["ErrorCount"]), (&json!("COMPLETED"), &json!(0)));
    assert_eq!((&ended["ImportedItemCount"], &ended["ProcessedItemCount"]), (&json!(501), &json!(501)));
    assert!(ended["ProcessedSizeBytes"].as_u64().unwrap() > 500 * 20);
    assert_eq!(world.scan("into").await, world.scan("tab").await);
    // Two frames of Zstandard are as one.
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let line = |key: &str| format!("{{\"Item\": {{\"pk\": {{\"S\": \"{key}\"}}}}}}\n");
    let frames =
        [line("a") + &line("b"), line("c")].map(|text| ruzstd::encoding::compress_to_vec(text.as_bytes(), level));
    world.put_object("zstd/a", frames.concat()).await;
    let table = with(import(json!({}))["TableCreationParameters"].clone(), json!({"TableName": "zstd"}));
    let source = json!({"S3Bucket": "bucket", "S3KeyPrefix": "zstd/"});
    let request = json!({"S3BucketSource": source, "InputCompressionType": "ZSTD", "TableCreationParameters": table});
    assert_eq!(world.import(request).await["ImportStatus"], "COMPLETED");
    assert_eq!(world.scan("zstd").await.len(), 3);
    // The manifests are no items, and fail one by one: the items are there all the same.
    let table = with(import(json!({}))["TableCreationParameters"].clone(), json!({"TableName": "root"}));
    let source = json!({"S3Bucket": "bucket", "S3KeyPrefix": "out/"});
    let root = json!({"S3BucketSource": source, "InputCompressionType": "GZIP", "TableCreationParameters": table});
    let ended = world.import(root).await;
    assert_eq!((&ended["ImportStatus"], &ended["ErrorCount"]), (&json!("FAILED"), &json!(4)));
    assert_eq!((&ended["FailureCode"], world.scan("root").await.len()), (&json!("ItemValidationError"), 501));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_item_is_counted_and_logged() {
    let world = World::new().await;
    let line = |key: &str| format!("{{\"Item\": {{\"pk\": {{\"S\": \"{key}\"}}}}}}\n");
    let lines =
        [line("a"), "\n".into(), line("a"), "{\"Item\": {\"x\": {\"S\": \"no key\"}}}\n".into(), line("b")].concat();
    let large = format!("{{\"Item\": {{\"pk\": {{\"S\": \"l\"}}, \"v\": {{\"S\": \"{}\"}}}}}}\n", "x".repeat(500_000));
    world.put_object("in/1", lines + &large).await;
    world.put_object("in/2", format!("{}not json\n{}", line("c"), line("never read"))).await;
    world.put_object("in/3", "").await;
    world.put_object("in/4", "{\"pk\": {\"S\": \"no item\"}}").await;
    world.put_object("in/5", line("d").trim_end()).await;
    world.put_object("other", line("e")).await;
    let ended = world.import(json!({})).await;
    assert_eq!((&ended["ImportStatus"], &ended["FailureCode"]), (&json!("FAILED"), &json!("ItemValidationError")));
    let counts = ["ProcessedItemCount", "ImportedItemCount", "ErrorCount"].map(|name| ended[name].as_u64().unwrap());
    assert_eq!(counts, [9, 5, 4]);
    let output = world.fixture.call("Scan", json!({"TableName": "into"})).await;
    let mut keys = column(&output, "pk");
    keys.sort();
    assert_eq!(keys, ["a", "b", "c", "d"]);
    let group = "/aws-dynamodb/imports";
    assert_eq!(ended["CloudWatchLogGroupArn"], format!("arn:aws:logs:us-east-1:000000000000:log-group:{group}:*"));
    let id = ended["ImportArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let stream = json!({"logGroupName": group, "logStreamName": format!("{id}/error"), "startFromHead": true});
    let events = world.fixture.0.call("logs", "GetLogEvents", stream).await.unwrap();
    let told = events["events"].as_array().unwrap().iter();
    let told: Vec<Value> =
        told.map(|event| serde_json::from_str(event["message"].as_str().unwrap()).unwrap()).collect();
    let places: Vec<_> = told
        .iter()
        .map(|one| (one["itemS3Pointer"]["key"].as_str().unwrap(), one["itemS3Pointer"]["itemIndex"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("in/1", 2), ("in/1", 4), ("in/2", 1), ("in/4", 0)]);
    assert_eq!(
        told[0]["errorMessages"][0],
        "One or more parameter values were invalid: Missing the key pk in the item"
    );
    assert_eq!(told[1]["errorMessages"][0], "Item size has exceeded the maximum allowed size");
    assert_eq!(told[3]["errorMessages"][0], "Expected 'Item' top level container");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_files_have_columns_and_keys_their_types() {
    let world = World::new().await;
    let table = json!({
        "TableName": "into", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}, {"AttributeName": "name", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{"IndexName": "by-name", "KeySchema": [{"AttributeName": "name", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
    });
    let text = "\u{feff}id,name,text\n1,Ann,\"two\nlines, \"\"quoted\"\"\"\nno number,Bob,x\n2,Cid\n3,Dan,7\r\n";
    world.put_object("in/a.csv", text).await;
    let ended = world.import(json!({"InputFormat": "CSV", "TableCreationParameters": table})).await;
    let counts = ["ProcessedItemCount", "ImportedItemCount", "ErrorCount"].map(|name| ended[name].as_u64().unwrap());
    assert_eq!((counts, ended.get("InputFormatOptions")), ([4, 2, 2], None));
    assert_eq!(ended["ProcessedSizeBytes"], text.len());
    let expected = [
        json!({"id": {"N": "1"}, "name": {"S": "Ann"}, "text": {"S": "two\nlines, \"quoted\""}}),
        json!({"id": {"N": "3"}, "name": {"S": "Dan"}, "text": {"S": "7"}}),
    ];
    assert_eq!(world.scan("into").await, expected);
    let query = json!({"TableName": "into", "IndexName": "by-name", "KeyConditionExpression": "#n = :n", "ExpressionAttributeNames": {"#n": "name"}, "ExpressionAttributeValues": {":n": {"S": "Dan"}}});
    assert_eq!(world.fixture.call("Query", query).await["Items"], json!([expected[1]]));
    assert_eq!(ended["TableCreationParameters"], table, "it is told as it was sent");

    // Without a first line of names, with another delimiter, compressed in two pieces.
    let bytes = [gzip("1;a\n2"), gzip(";b\n")].concat();
    world.put_object("gz/a", bytes).await;
    let options = json!({"Csv": {"Delimiter": ";", "HeaderList": ["pk", "v"]}});
    let table = with(import(json!({}))["TableCreationParameters"].clone(), json!({"TableName": "zip"}));
    let source = json!({"S3Bucket": "bucket", "S3KeyPrefix": "gz/"});
    let request = json!({
        "InputFormat": "CSV", "InputFormatOptions": options, "InputCompressionType": "GZIP",
        "S3BucketSource": source, "TableCreationParameters": table,
    });
    let ended = world.import(request).await;
    assert_eq!((&ended["ImportStatus"], &ended["InputFormatOptions"]), (&json!("COMPLETED"), &options));
    let expected = [json!({"pk": {"S": "1"}, "v": {"S": "a"}}), json!({"pk": {"S": "2"}, "v": {"S": "b"}})];
    assert_eq!(world.scan("zip").await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_that_cannot_be_made_leave_no_table() {
    let world = World::new().await;
    let elsewhere = world.import(json!({"S3BucketSource": {"S3Bucket": "elsewhere"}})).await;
    assert_eq!((&elsewhere["ImportStatus"], &elsewhere["FailureCode"]), (&json!("FAILED"), &json!("S3NoSuchBucket")));
    assert_eq!(elsewhere["S3BucketSource"], json!({"S3Bucket": "elsewhere", "S3BucketOwner": "000000000000"}));
    let gone = world.fixture.refusal("DescribeTable", json!({"TableName": "into"})).await;
    assert_eq!(gone.0, "ResourceNotFoundException");
    let empty = world.import(json!({"S3BucketSource": {"S3Bucket": "bucket", "S3KeyPrefix": "none/"}})).await;
    assert_eq!((&empty["ImportStatus"], &empty["ProcessedItemCount"]), (&json!("COMPLETED"), &json!(0)));
    assert_eq!(world.scan("into").await, Vec::<Value>::new());
    let taken = world.fixture.refusal("ImportTable", import(json!({}))).await;
    assert_eq!(taken, ("ResourceInUseException".into(), "Table already exists: into".into()));
    world.fixture.call("DeleteTable", json!({"TableName": "into"})).await;
    world.put_object("in/plain", "{}").await;
    let mismatch = world.import(json!({"InputCompressionType": "ZSTD"})).await;
    assert_eq!((&mismatch["FailureCode"], &mismatch["ErrorCount"]), (&json!("ItemValidationError"), &json!(1)));
    let listed = world.fixture.call("ListImports", json!({"PageSize": 2})).await;
    let arns: Vec<_> = listed["ImportSummaryList"].as_array().unwrap().iter().map(|one| &one["ImportArn"]).collect();
    assert_eq!(arns, [&mismatch["ImportArn"], &empty["ImportArn"]]);
    let rest = world.fixture.call("ListImports", json!({"NextToken": listed["NextToken"]})).await;
    assert_eq!(rest["ImportSummaryList"][0]["ImportArn"], elsewhere["ImportArn"]);

    let refused = async |request: Value| world.fixture.refusal("ImportTable", import(request)).await;
    let csv = json!({"Csv": {"Delimiter": ","}});
    let unsupported = "Invalid Request: Unsupported InputFormatOptions for the given input format: DYNAMODB_JSON.";
    assert_eq!(refused(json!({"InputFormatOptions": csv})).await, ("ValidationException".into(), unsupported.into()));
    let two = refused(json!({"InputFormat": "CSV", "InputFormatOptions": {"Csv": {"Delimiter": ";;"}}})).await.1;
    assert!(two.starts_with("2 validation errors detected: Value ';;' at 'inputFormatOptions.csv.delimiter' failed to satisfy constraint: Member must satisfy regular expression pattern: [,;:|\\t ]"), "{two}");
    let other = refused(json!({"InputCompressionType": "BZIP2"})).await.1;
    assert!(other.ends_with("Member must satisfy enum value set: [ZSTD, NONE, GZIP]"), "{other}");
    assert_eq!(refused(json!({"InputFormat": "ION"})).await.0, "NotImplemented");
    let provisioned = with(import(json!({}))["TableCreationParameters"].clone(), json!({"BillingMode": null}));
    let units = "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED";
    let answer = refused(json!({"TableCreationParameters": provisioned})).await;
    assert_eq!(answer, ("ValidationException".into(), units.into()));
    let of = json!({"ImportArn": format!("{TABLE}/import/01234567890123-abcdef01")});
    assert_eq!(world.fixture.refusal("DescribeImport", of).await.0, "ImportNotFoundException");
    let invalid = world.fixture.refusal("DescribeImport", json!({"ImportArn": TABLE})).await;
    assert_eq!(invalid, ("ValidationException".into(), "Invalid Import ARN".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_make_an_import_one() {
    let world = World::new().await;
    world.put_object("in/1", "{\"Item\": {\"pk\": {\"S\": \"a\"}}}").await;
    let first = world.begin_import(json!({"ClientToken": "t"})).await;
    let again = world.begin_import(json!({"ClientToken": "t"})).await;
    assert_eq!((&again["ImportArn"], &again["ClientToken"]), (&first["ImportArn"], &json!("t")));
    let other = json!({"ClientToken": "t", "S3BucketSource": {"S3Bucket": "bucket"}});
    assert_eq!(world.fixture.refusal("ImportTable", import(other)).await.0, "ImportConflictException");
    assert_eq!(world.ended(&first["ImportArn"]).await["ImportStatus"], "COMPLETED");
    assert_eq!(world.begin_import(json!({"ClientToken": "t"})).await["ImportStatus"], "COMPLETED");
    // A token of an export is another one.
    let export = world.export(json!({"ClientToken": "t"})).await;
    assert_eq!(world.ended(&export["ExportArn"]).await["ExportStatus"], "COMPLETED");
}
