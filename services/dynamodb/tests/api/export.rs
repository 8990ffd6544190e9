//! Exports: what is in them, what becomes of them, what is refused.

use base::Arn;
use serde_json::{Value, json};
use service::Caller;

use crate::transfer::{MINUTE, TABLE, World, export};

fn incremental(from: u64, to: Option<u64>, view: Option<&str>) -> Value {
    let specification = json!({"ExportFromTime": from, "ExportToTime": to, "ExportViewType": view});
    json!({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": specification})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_export_is_of_its_moment_and_has_manifests() {
    let world = World::new().await;
    for number in 0..300 {
        world.put(&format!("k{number:03}"), number).await;
    }
    let begun = world.export(json!({"S3Prefix": "some/place", "ClientToken": "t"})).await;
    for number in 0..300 {
        world.put(&format!("k{number:03}"), 1_000).await;
    }
    world.put("later", 0).await;
    world.delete("k000").await;
    assert_eq!((&begun["ExportStatus"], &begun["ExportFormat"]), (&json!("IN_PROGRESS"), &json!("DYNAMODB_JSON")));
    for absent in ["ExportType", "EndTime", "ItemCount", "ExportManifest", "BilledSizeBytes", "S3BucketOwner"] {
        assert_eq!(begun.get(absent), None, "{absent}");
    }
    let ended = world.ended(&begun["ExportArn"]).await;
    assert_eq!((&ended["ExportStatus"], &ended["ItemCount"]), (&json!("COMPLETED"), &json!(300)));
    assert!(ended["BilledSizeBytes"].as_u64().unwrap() > 300 * 5);
    let lines = world.lines(&ended).await;
    let item = |number: usize| json!({"Item": {"pk": {"S": format!("k{number:03}")}, "v": {"N": number.to_string()}}});
    assert_eq!(lines, (0..300).map(item).collect::<Vec<_>>());

    let id = begun["ExportArn"].as_str().unwrap().rsplit('/').next().unwrap();
    let folder = format!("some/place/AWSDynamoDB/{id}");
    let manifests =
        ["_started", "manifest-files.json", "manifest-files.md5", "manifest-summary.json", "manifest-summary.md5"];
    let keys = world.keys("").await;
    let (data, others): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.contains("/data/"));
    assert_eq!(others, manifests.map(|name| format!("{folder}/{name}")).iter().collect::<Vec<_>>());
    assert!(data.iter().all(|key| key.starts_with(&format!("{folder}/data/")) && key.ends_with(".json.gz")));
    let summary: Value = serde_json::from_str(&world.text(&format!("{folder}/manifest-summary.json")).await).unwrap();
    assert_eq!((&summary["version"], &summary["s3SseAlgorithm"]), (&json!("2020-06-30"), &json!("AES256")));
    assert_eq!((&summary["s3SseKmsKeyId"], &summary["exportType"]), (&Value::Null, &json!("FULL_EXPORT")));

    // Nothing is left of what only the export needed, and the token stands for it still.
    let rows = |table: u8| {
        let read = world.fixture.0.cloud.db().read().unwrap();
        kv::Read::scan(&read, kv::KeyRange::prefix(&[3, table]), kv::Order::Forward).unwrap().count()
    };
    assert_eq!((rows(3), rows(16), rows(17), rows(21), rows(25)), (300, 0, 0, 0, 0));
    let again = world.export(json!({"S3Prefix": "some/place", "ClientToken": "t"})).await;
    assert_eq!(again["ExportArn"], begun["ExportArn"]);
    let other = world.refused(json!({"S3Prefix": "some", "ClientToken": "t"})).await;
    let conflict = "Export conflict: Duplicate request detected with conflicting parameters";
    assert_eq!(other, ("ExportConflictException".into(), conflict.into()));
    world.fixture.0.advance(9 * 60 * MINUTE).await;
    let anew = world.export(json!({"S3Prefix": "some/place", "ClientToken": "t"})).await;
    assert_ne!(anew["ExportArn"], begun["ExportArn"]);
    assert_eq!(world.ended(&anew["ExportArn"]).await["ItemCount"], 300);
    assert_eq!((world.lines(&world.ended(&anew["ExportArn"]).await).await).len(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_moment_can_be_exported_and_an_empty_table() {
    let world = World::new().await;
    let empty = world.export(json!({"ExportType": "FULL_EXPORT"})).await;
    let empty = world.ended(&empty["ExportArn"]).await;
    assert_eq!((&empty["ItemCount"], &empty["ExportType"]), (&json!(0), &json!("FULL_EXPORT")));
    assert_eq!(world.lines(&empty).await, Vec::<Value>::new());
    assert_eq!(world.keys("AWSDynamoDB/").await.iter().filter(|key| key.ends_with(".gz")).count(), 1);
    world.put("a", 1).await;
    world.fixture.0.advance(MINUTE).await;
    let moment = world.now();
    world.fixture.0.advance(MINUTE).await;
    world.put("a", 2).await;
    world.put("b", 1).await;
    let export = world.export(json!({"ExportTime": moment})).await;
    assert_eq!(export["ExportTime"], moment);
    let ended = world.ended(&export["ExportArn"]).await;
    assert_eq!(world.lines(&ended).await, [json!({"Item": {"pk": {"S": "a"}, "v": {"N": "1"}}})]);
    for bad in [world.now() + 60, 1_700_000_000] {
        let refused = world.refused(json!({"ExportTime": bad})).await;
        assert_eq!(refused, ("InvalidExportTimeException".into(), "Export Time is invalid".into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incremental_export_has_what_changed_in_its_period() {
    let world = World::new().await;
    for key in ["stays", "changes", "goes", "back"] {
        world.put(key, 1).await;
    }
    world.fixture.0.advance(MINUTE).await;
    let from = world.now();
    world.put("changes", 2).await;
    world.fixture.0.advance(MINUTE).await;
    world.put("changes", 3).await;
    world.put("comes", 1).await;
    world.put("passes", 1).await;
    world.delete("passes").await;
    world.delete("goes").await;
    world.put("back", 2).await;
    world.put("back", 1).await;
    let changed = world.fixture.0.env.now().as_millis() * 1000;
    world.fixture.0.advance(20 * MINUTE).await;
    let to = world.now();
    // Not in the period any more: its end is not a part of it.
    world.put("comes", 2).await;
    world.put("late", 1).await;
    world.delete("changes").await;
    world.put("goes", 9).await;

    let export = world.export(incremental(from, Some(to), None)).await;
    world.put("back", 7).await;
    let specification = &export["IncrementalExportSpecification"];
    let expected = json!({"ExportFromTime": from, "ExportToTime": to, "ExportViewType": "NEW_AND_OLD_IMAGES"});
    assert_eq!((specification, export.get("ExportTime")), (&expected, None));
    let ended = world.ended(&export["ExportArn"]).await;
    assert_eq!((&ended["ItemCount"], &ended["BilledSizeBytes"]), (&json!(4), &json!(10_000_000)));
    let item = |key: &str, value: u64| json!({"pk": {"S": key}, "v": {"N": value.to_string()}});
    let line = |key: &str, new: Option<u64>, old: Option<u64>| {
        let metadata = json!({"WriteTimestampMicros": {"N": changed.to_string()}});
        let mut line = json!({"Metadata": metadata, "Keys": {"pk": {"S": key}}});
        let mut image = |name: &str, value: Option<u64>| {
            if let Some(value) = value {
                line[name] = item(key, value);
            }
        };
        image("NewImage", new);
        image("OldImage", old);
        line
    };
    let all = [
        line("back", Some(1), Some(1)),
        line("changes", Some(3), Some(1)),
        line("comes", Some(1), None),
        line("goes", None, Some(1)),
    ];
    let by_key = |lines: Vec<Value>| {
        let mut lines = lines;
        lines.sort_by_key(|line| line["Keys"].to_string());
        lines
    };
    assert_eq!(by_key(world.lines(&ended).await), all);
    assert!(world.keys("AWSDynamoDB/data/").await.iter().all(|key| key.ends_with(".json.gz")));
    let summary: Value = serde_json::from_str(&world.text(ended["ExportManifest"].as_str().unwrap()).await).unwrap();
    assert_eq!((&summary["version"], &summary["outputView"]), (&json!("2023-08-01"), &json!("NEW_AND_OLD_IMAGES")));
    assert!(summary["exportFromTime"].is_string() && summary.get("exportTime").is_none());

    let export = world.export(incremental(from, Some(to), Some("NEW_IMAGE"))).await;
    // The period's changes stay until they are read, also where recovery ends meanwhile, and the table.
    world.recover(false).await;
    world.fixture.call("DeleteTable", json!({"TableName": "tab"})).await;
    let ended = world.ended(&export["ExportArn"]).await;
    let new = all.map(|mut line| {
        line.as_object_mut().unwrap().remove("OldImage");
        line
    });
    assert_eq!(by_key(world.lines(&ended).await), new);
    world.fixture.0.advance(2 * MINUTE).await;
    let read = world.fixture.0.cloud.db().read().unwrap();
    for table in [3, 13, 16, 17, 22] {
        let rows = kv::Read::scan(&read, kv::KeyRange::prefix(&[3, table]), kv::Order::Forward).unwrap().count();
        assert_eq!(rows, 0, "table {table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_that_cannot_be_made_are_refused() {
    let world = World::new().await;
    let invalid = |message: &str| ("ValidationException".to_owned(), message.to_owned());
    let request = |message: &str| invalid(&format!("Invalid Request: {message}"));
    let failed = |at: &str, value: &str, constraint: &str| {
        invalid(&format!(
            "1 validation error detected: Value '{value}' at '{at}' failed to satisfy constraint: Member must satisfy {constraint}"
        ))
    };
    let pattern = r"regular expression pattern: ^[a-z0-9A-Z]+[\.\-\w]*[a-z0-9A-Z]+$";
    let now = world.now();
    for (input, expected) in [
        (json!({"TableArn": "tab"}), invalid("One or more parameter values were invalid: tableArn is not a valid ARN")),
        (json!({"TableArn": format!("{TABLE}/index/i")}), request("Table ARN is invalid.")),
        (json!({"S3Bucket": ""}), failed("s3Bucket", "", pattern)),
        (json!({"S3Bucket": "arn:aws:s3:::b"}), failed("s3Bucket", "arn:aws:s3:::b", pattern)),
        (json!({"S3BucketOwner": "me"}), failed("s3BucketOwner", "me", "regular expression pattern: [0-9]{12}")),
        (json!({"ExportFormat": "CSV"}), failed("exportFormat", "CSV", "enum value set: [DYNAMODB_JSON, ION]")),
        (
            json!({"ExportType": "SOME"}),
            failed("exportType", "SOME", "enum value set: [FULL_EXPORT, INCREMENTAL_EXPORT]"),
        ),
        (json!({"S3SseAlgorithm": "aws:kms"}), failed("s3SseAlgorithm", "aws:kms", "enum value set: [AES256, KMS]")),
        (json!({"S3SseKmsKeyId": "k"}), request("KMS Key Id is not supported for this encryption type")),
        (json!({"ClientToken": "a$"}), failed("clientToken", "a$", r"regular expression pattern: ^[^\$]+$")),
        (
            json!({"IncrementalExportSpecification": {}}),
            request("Export Type expected to be Incremental Export when incremental export specification is provided"),
        ),
        (
            json!({"ExportType": "FULL_EXPORT", "IncrementalExportSpecification": {}}),
            request("When Export Type is Full Export , Incremental Export Specification should not be provided"),
        ),
        (
            json!({"ExportType": "INCREMENTAL_EXPORT"}),
            request("Incremental Export Specification expected when export type is set as Incremental Export"),
        ),
        (
            json!({"ExportType": "INCREMENTAL_EXPORT", "IncrementalExportSpecification": {}}),
            request("ExportFromTime must be provided in IncrementalExportSpecification"),
        ),
    ] {
        assert_eq!(world.refused(input.clone()).await, expected, "{input}");
    }
    let elsewhere = TABLE.replace("table/tab", "table/none");
    let missing = world.refused(json!({"TableArn": elsewhere})).await;
    assert_eq!(missing, ("TableNotFoundException".into(), format!("Table not found: {elsewhere}")));
    let foreign = world.refused(json!({"TableArn": TABLE.replace("000000000000", "111111111111")})).await;
    assert_eq!(foreign, ("AccessDeniedException".into(), "Access is denied".into()));
    for (input, expected) in [
        (
            incremental(now - 3600, None, None),
            "Incremental export period from time cannot be less than the table creation time : 2027-01-15T07:00:00Z",
        ),
        (
            incremental(now, None, None),
            "Difference between export period from time and export period to time is less than 15 minutes",
        ),
        (
            incremental(now, Some(now + 3600), None),
            "Incremental export period to time cannot be greater than the current time : 2027-01-15T09:00:00Z",
        ),
    ] {
        assert_eq!(world.refused(input).await, ("InvalidExportTimeException".into(), expected.into()));
    }
    assert_eq!(world.refused(json!({"ExportFormat": "ION"})).await.0, "NotImplemented");
    let mut filtered = incremental(now, None, None);
    filtered["FilterSpecification"] = json!({});
    assert_eq!(world.refused(filtered).await.0, "NotImplemented");
    let filter = |text: &str| json!({"FilterSpecification": {"FilterExpression": text}});
    let syntax = world.refused(filter("v <")).await;
    assert!(syntax.1.starts_with("Invalid FilterExpression: Syntax error"), "{syntax:?}");
    let values = json!({":p": {"S": "a"}});
    let key = json!({"FilterSpecification": {"KeyConditionExpression": "v = :p", "ExpressionAttributeValues": values}});
    assert_eq!(world.refused(key).await, invalid("Query condition missed key schema element: pk"));
    let both = json!({"FilterSpecification": {"KeyConditionExpression": "pk = :p", "FilterExpression": "pk <> :p", "ExpressionAttributeValues": values}});
    let words = "Filter Expression can only contain non-primary key attributes: Primary key attribute: pk";
    assert_eq!(world.refused(both).await, invalid(words));
    world.recover(false).await;
    let unavailable = "Point in time recovery is not enabled for table 'tab'";
    assert_eq!(world.refused(json!({})).await, ("PointInTimeRecoveryUnavailableException".into(), unavailable.into()));
    assert_eq!(world.refused(incremental(now, None, None)).await.0, "InvalidExportTimeException");

    let of = |arn: &str| json!({"ExportArn": arn});
    let invalid_arn = invalid("Invalid Export ARN");
    assert_eq!(world.fixture.refusal("DescribeExport", of(TABLE)).await, invalid_arn);
    assert_eq!(world.fixture.refusal("DescribeExport", of(&"x".repeat(40))).await, invalid_arn);
    let import = format!("{TABLE}/import/01234567890123-abcdef01");
    assert_eq!(world.fixture.refusal("DescribeExport", of(&import)).await, invalid_arn);
    let none = import.replace("import", "export");
    let missing = format!("Export not found: Export not found: {none}");
    assert_eq!(world.fixture.refusal("DescribeExport", of(&none)).await, ("ExportNotFoundException".into(), missing));
    let elsewhere = world.fixture.refusal("DescribeExport", of(&none.replace("us-east-1", "us-west-2"))).await;
    assert_eq!(elsewhere, ("ExportNotFoundException".into(), "Export not found: Invalid export arn".into()));
    let foreign = world.fixture.refusal("DescribeExport", of(&none.replace("000000000000", "111111111111"))).await;
    assert_eq!(foreign.0, "AccessDeniedException");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_have_what_their_filter_lets_through() {
    let world = World::new().await;
    for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
        world.put(key, value).await;
    }
    let exported = async |filter: Value| {
        let begun = world.export(json!({"FilterSpecification": filter})).await;
        assert_eq!(begun["FilterSpecification"], filter);
        let ended = world.ended(&begun["ExportArn"]).await;
        assert_eq!(ended["ExportStatus"], "COMPLETED", "{ended}");
        let lines = world.lines(&ended).await;
        assert_eq!(ended["ItemCount"], lines.len());
        lines.iter().map(|line| line["Item"].clone()).collect::<Vec<_>>()
    };
    let values = json!({":v": {"N": "1"}, ":c": {"S": "c"}});
    let some = json!({
        "FilterExpression": "v > :v AND pk < :c", "ProjectionExpression": "#v", "ExpressionAttributeNames": {"#v": "v"},
        "ExpressionAttributeValues": values,
    });
    assert_eq!(exported(some).await, [json!({"v": {"N": "2"}})]);
    let one = json!({"KeyConditionExpression": "pk = :c", "ExpressionAttributeValues": {":c": {"S": "c"}}});
    assert_eq!(exported(one).await, [json!({"pk": {"S": "c"}, "v": {"N": "3"}})]);
    let none = json!({
        "KeyConditionExpression": "pk = :c", "FilterExpression": "v = :v", "ExpressionAttributeValues": values,
    });
    assert_eq!(exported(none).await, Vec::<Value>::new());
    assert_eq!(exported(json!({})).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_fail_where_the_bucket_does_and_are_listed() {
    let world = World::new().await;
    world.put("a", 1).await;
    let missing = world.export(json!({"S3Bucket": "elsewhere"})).await;
    let missing = world.ended(&missing["ExportArn"]).await;
    assert_eq!((&missing["ExportStatus"], &missing["FailureCode"]), (&json!("FAILED"), &json!("S3NoSuchBucket")));
    assert!(
        missing["FailureMessage"]
            .as_str()
            .unwrap()
            .starts_with("The specified bucket does not exist (Service: Amazon S3")
    );
    let foreign = world.export(json!({"S3BucketOwner": "111111111111"})).await;
    assert_eq!(world.ended(&foreign["ExportArn"]).await["FailureCode"], "S3AccessDenied");
    assert_eq!(world.keys("").await, Vec::<String>::new());
    let kept = world.export(json!({"S3BucketOwner": "000000000000", "S3SseAlgorithm": "AES256"})).await;
    assert_eq!(world.ended(&kept["ExportArn"]).await["ExportStatus"], "COMPLETED");

    let list = async |request: Value| {
        let answer = world.fixture.call("ListExports", request).await;
        let arns = answer["ExportSummaries"].as_array().unwrap().iter().map(|one| one["ExportArn"].clone());
        (arns.collect::<Vec<_>>(), answer.get("NextToken").cloned())
    };
    let newest_first: Vec<Value> =
        [&kept, &foreign, &missing].iter().map(|export| export["ExportArn"].clone()).collect();
    assert_eq!(list(json!({})).await, (newest_first.clone(), None));
    assert_eq!(list(json!({"TableArn": TABLE})).await, (newest_first.clone(), None));
    assert_eq!(list(json!({"TableArn": TABLE.replace("tab", "b")})).await, (Vec::new(), None));
    let (page, token) = list(json!({"MaxResults": 2})).await;
    assert_eq!(page, newest_first[..2]);
    let token = token.unwrap();
    assert!(token.as_str().unwrap().len() >= 112 && token.as_str().unwrap().len().is_multiple_of(16));
    assert_eq!(list(json!({"NextToken": token})).await, (newest_first[2..].to_vec(), None));
    for (operation, request) in
        [("ListImports", json!({"NextToken": token})), ("ListExports", json!({"NextToken": "abc"}))]
    {
        let refused = world.fixture.refusal(operation, request).await;
        assert!(refused.1.starts_with("Invalid Request: Provided nextToken is invalid: "), "{refused:?}");
    }
    // After 90 days, none is told of.
    world.fixture.0.advance(91 * 24 * 60 * MINUTE).await;
    assert_eq!(list(json!({})).await, (Vec::new(), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_write_and_read_with_their_own_permissions() {
    let world = World::new().await;
    let role: Arn = "arn:aws:iam::000000000000:role/r".parse().unwrap();
    let reader = world.fixture.0.root().with_caller(Caller::role_session(&role, "s"));
    let refused = world.fixture.0.cloud.call(reader, "dynamodb", "ExportTableToPointInTime", export(json!({}))).await;
    assert_eq!(refused.unwrap_err().code, "AccessDeniedException");
}
