//! Backups and point-in-time recovery: what they hold, what becomes of them, what is refused.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::TestCloud;

use crate::fixture::{Fixture, column, validation};

const DAY: Duration = Duration::from_secs(24 * 3600);
const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/tab";

impl Fixture {
    async fn backup(&self) -> Value {
        let made = self.call("CreateBackup", json!({"TableName": "tab", "BackupName": "bkp"})).await;
        assert_eq!(made["BackupDetails"]["BackupStatus"], "CREATING");
        made["BackupDetails"]["BackupArn"].clone()
    }

    /// Lets what is to be done at once be done, step by step.
    async fn settle(&self) {
        for _ in 0..5 {
            self.0.advance(Duration::from_millis(2)).await;
        }
    }

    async fn status(&self, table: &str) -> Value {
        self.call("DescribeTable", json!({"TableName": table})).await["Table"]["TableStatus"].clone()
    }

    async fn keys(&self, table: &str) -> Vec<String> {
        let mut keys = column(&self.call("Scan", json!({"TableName": table})).await, "pk");
        keys.sort();
        keys
    }

    async fn recoverable(&self, enabled: bool) -> Value {
        let specification = json!({"PointInTimeRecoveryEnabled": enabled});
        let request = json!({"TableName": "tab", "PointInTimeRecoverySpecification": specification});
        let answer = self.call("UpdateContinuousBackups", request).await;
        answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"].clone()
    }

    fn rows(&self, table: u8) -> usize {
        let read = self.0.cloud.db().read().unwrap();
        kv::Read::scan(&read, kv::KeyRange::prefix(&[3, table]), kv::Order::Forward).unwrap().count()
    }
}

fn code(error: (String, String)) -> String {
    error.0
}

#[tokio::test]
async fn a_backup_is_of_the_moment_it_was_asked_for() {
    let fixture = Fixture::with_table().await;
    fixture.put(json!({"pk": {"S": "a"}, "v": {"N": "1"}})).await;
    fixture.put(json!({"pk": {"S": "b"}})).await;
    let arn = fixture.backup().await;
    fixture.put(json!({"pk": {"S": "a"}, "v": {"N": "2"}})).await;
    fixture.put(json!({"pk": {"S": "c"}})).await;
    fixture.call("DeleteItem", json!({"TableName": "tab", "Key": {"pk": {"S": "b"}}})).await;
    let in_use = fixture.refusal("DeleteBackup", json!({"BackupArn": arn})).await;
    assert_eq!(code(in_use), "BackupInUseException");
    fixture.settle().await;

    let described = fixture.call("DescribeBackup", json!({"BackupArn": arn})).await;
    let details = &described["BackupDescription"]["BackupDetails"];
    assert_eq!(details["BackupStatus"], "AVAILABLE");
    assert_eq!((&details["BackupName"], &details["BackupType"]), (&json!("bkp"), &json!("USER")));
    assert_eq!(details["BackupSizeBytes"], (2 + 1 + 1 + 2) + (2 + 1));
    assert_eq!(details.get("BackupExpiryDateTime"), None);
    let source = &described["BackupDescription"]["SourceTableDetails"];
    assert_eq!((&source["ItemCount"], &source["TableName"]), (&json!(2), &json!("tab")));
    assert_eq!(source["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(described["BackupDescription"]["SourceTableFeatureDetails"], json!({}));
    // Nothing of what only the copying needed is left.
    assert_eq!((fixture.rows(13), fixture.rows(16), fixture.rows(17)), (0, 0, 0));

    let request = json!({"BackupArn": arn, "TargetTableName": "restored"});
    let restoring = fixture.call("RestoreTableFromBackup", request.clone()).await;
    let restoring = &restoring["TableDescription"];
    assert_eq!(restoring["TableStatus"], "CREATING");
    assert_eq!(restoring["RestoreSummary"]["RestoreInProgress"], true);
    assert_eq!(restoring["RestoreSummary"]["SourceBackupArn"], arn);
    assert_eq!(restoring["RestoreSummary"]["SourceTableArn"], ARN);
    while_restoring(&fixture, &arn, request).await;
    fixture.settle().await;

    let table = fixture.call("DescribeTable", json!({"TableName": "restored"})).await;
    assert_eq!(table["Table"]["TableStatus"], "ACTIVE");
    assert_eq!(table["Table"].get("RestoreSummary"), None);
    assert_eq!(table["Table"]["ItemCount"], 2);
    assert_eq!(fixture.keys("restored").await, ["a", "b"]);
    let a = fixture.call("GetItem", json!({"TableName": "restored", "Key": {"pk": {"S": "a"}}})).await;
    assert_eq!(a["Item"]["v"]["N"], "1");

    let deleted = fixture.call("DeleteBackup", json!({"BackupArn": arn})).await;
    assert_eq!(deleted["BackupDescription"]["BackupDetails"]["BackupStatus"], "DELETED");
    for operation in ["DescribeBackup", "DeleteBackup"] {
        let missing = fixture.refusal(operation, json!({"BackupArn": arn})).await;
        assert_eq!(missing, ("BackupNotFoundException".into(), format!("Backup not found: {}", arn.as_str().unwrap())));
    }
    // The items of the table and of the restored one are left, and not those of the backup.
    assert_eq!(fixture.rows(3), 4);
}

/// A table that is being restored can be looked at, and that is all.
async fn while_restoring(fixture: &Fixture, backup: &Value, request: Value) {
    let item = json!({"TableName": "restored", "Item": {"pk": {"S": "x"}}});
    assert_eq!(code(fixture.refusal("PutItem", item).await), "ResourceNotFoundException");
    let scanned = fixture.refusal("Scan", json!({"TableName": "restored"})).await;
    assert_eq!(code(scanned), "ResourceNotFoundException");
    let ttl = fixture.refusal("DescribeTimeToLive", json!({"TableName": "restored"})).await;
    assert_eq!(ttl.1, "Requested resource not found: Table: restored not found");
    let backups = fixture.refusal("DescribeContinuousBackups", json!({"TableName": "restored"})).await;
    assert_eq!(backups, ("TableNotFoundException".into(), "Table not found: restored".into()));
    let deleted = fixture.refusal("DeleteTable", json!({"TableName": "restored"})).await;
    let message = "Attempt to change a resource which is still in use: Table is being created: restored";
    assert_eq!(deleted, ("ResourceInUseException".into(), message.into()));

    let arn = backup.as_str().unwrap();
    let again = fixture.refusal("RestoreTableFromBackup", request).await;
    let message = format!("Table: restored is already being restored from backup: {arn}");
    assert_eq!(again, ("TableInUseException".into(), message));
    let other = json!({"BackupArn": arn, "TargetTableName": "other"});
    let busy = fixture.refusal("RestoreTableFromBackup", other).await;
    assert_eq!(busy, ("BackupInUseException".into(), format!("Backup is being used to restore another table: {arn}")));
    let deleted = fixture.refusal("DeleteBackup", json!({"BackupArn": arn})).await;
    assert_eq!(deleted, ("BackupInUseException".into(), format!("Backup is being used to restore table: {arn}")));
}

#[tokio::test]
async fn a_backup_outlives_its_table() {
    let fixture = Fixture::with_table().await;
    fixture.put(json!({"pk": {"S": "a"}})).await;
    let (finished, begun) = (fixture.backup().await, {
        fixture.settle().await;
        fixture.backup().await
    });
    fixture.call("DeleteTable", json!({"TableName": "tab"})).await;
    fixture.settle().await;
    fixture.0.advance(Duration::from_secs(2)).await;
    assert_eq!(fixture.rows(3), 2);
    for (arn, target) in [(finished, "one"), (begun, "two")] {
        fixture.call("RestoreTableFromBackup", json!({"BackupArn": arn, "TargetTableName": target})).await;
        fixture.settle().await;
        assert_eq!(fixture.keys(target).await, ["a"]);
    }
    let listed = fixture.call("ListBackups", json!({"TableName": "tab"})).await;
    assert_eq!(listed["BackupSummaries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn fifty_copies_are_made_at_once_and_no_more() {
    let fixture = Fixture::with_table().await;
    for _ in 0..50 {
        fixture.backup().await;
    }
    let request = json!({"TableName": "tab", "BackupName": "bkp"});
    let message = "Too many operations for a given subscriber: 50 backups, restores and exports are under way. Try again when some are done";
    let refused = fixture.refusal("CreateBackup", request).await;
    assert_eq!(refused, ("LimitExceededException".into(), message.into()));
    fixture.settle().await;
    let listed = fixture.call("ListBackups", json!({})).await;
    assert_eq!(listed["BackupSummaries"].as_array().unwrap().len(), 50);
    fixture.backup().await;
}

/// Damages the stored item of the first table or backup that has one.
async fn damage(fixture: &Fixture) {
    let harm = |tx: &mut kv::Tx| {
        let row = kv::Read::scan(tx, kv::KeyRange::prefix(&[3, 3]), kv::Order::Forward)?.next().transpose()?;
        tx.put(&row.expect("there is an item").0, kv::Bytes::from_static(b"?"))
    };
    fixture.0.cloud.db().write(harm).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_leaves_nothing() {
    let fixture = indexed().await;
    let sound = fixture.backup().await;
    fixture.settle().await;
    fixture.call("RestoreTableFromBackup", json!({"BackupArn": sound, "TargetTableName": "sound"})).await;
    fixture.settle().await;
    damage(&fixture).await;
    let arn = fixture.backup().await;
    fixture.settle().await;
    let missing = fixture.refusal("DescribeBackup", json!({"BackupArn": arn})).await;
    assert_eq!(code(missing), "BackupNotFoundException");
    // The table keeps no changes for it, and can be backed up again once it is in order.
    assert_eq!((fixture.rows(13), fixture.rows(16), fixture.rows(17)), (0, 0, 0));
    fixture.put(json!({"pk": {"S": "q"}, "sk": {"S": "s"}})).await;
    assert_eq!(fixture.rows(13), 0);

    fixture.recoverable(true).await;
    let restore = json!({"SourceTableName": "tab", "TargetTableName": "new", "UseLatestRestorableTime": true});
    fixture.call("RestoreTableToPointInTime", restore).await;
    fixture.settle().await;
    let missing = fixture.refusal("DescribeTable", json!({"TableName": "new"})).await;
    assert_eq!(code(missing), "ResourceNotFoundException");
    // The items of the table, its backup and the table made of that; and the entries in two indexes of the item that has them, twice.
    assert_eq!((fixture.rows(16), fixture.rows(3), fixture.rows(4)), (0, 4, 4));
}

#[tokio::test]
async fn backups_are_listed_in_pages() {
    let fixture = Fixture::with_table().await;
    let mut arns = Vec::new();
    for _ in 0..3 {
        arns.push(fixture.backup().await);
        fixture.settle().await;
    }
    let arn_of = |summary: &Value| summary["BackupArn"].clone();
    let listed = |output: Value| output["BackupSummaries"].as_array().unwrap().iter().map(arn_of).collect::<Vec<_>>();
    let first = fixture.call("ListBackups", json!({"Limit": 2})).await;
    assert_eq!(first["LastEvaluatedBackupArn"], arns[1]);
    assert_eq!(first["BackupSummaries"][0]["TableArn"], ARN);
    assert_eq!(listed(first), arns[..2]);
    let rest = fixture.call("ListBackups", json!({"ExclusiveStartBackupArn": arns[1]})).await;
    assert_eq!(rest.get("LastEvaluatedBackupArn"), None);
    assert_eq!(listed(rest), arns[2..]);
    // The clock began at a whole second, and each backup is ten milliseconds after the other.
    let bounds = json!({"TimeRangeLowerBound": 1_800_000_000.01, "TimeRangeUpperBound": 1_800_000_000.02});
    assert_eq!(listed(fixture.call("ListBackups", bounds).await), arns[1..2]);
    assert_eq!(listed(fixture.call("ListBackups", json!({"TableName": ARN})).await), arns);
    assert_eq!(listed(fixture.call("ListBackups", json!({"TableName": "other"})).await), [json!(null); 0]);
    assert_eq!(listed(fixture.call("ListBackups", json!({"BackupType": "SYSTEM"})).await), [json!(null); 0]);

    let turned = json!({"TimeRangeLowerBound": 2, "TimeRangeUpperBound": 1});
    let message = "Time range lower bound must be less than or equal to upper bound";
    assert_eq!(fixture.refusal("ListBackups", turned).await, validation(message));
    let message = "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100";
    assert_eq!(fixture.refusal("ListBackups", json!({"Limit": 101})).await, validation(message));
}

#[tokio::test]
async fn what_is_no_backup_is_refused() {
    let fixture = Fixture::with_table().await;
    let missing = fixture.refusal("CreateBackup", json!({"TableName": "none", "BackupName": "bkp"})).await;
    assert_eq!(missing, ("TableNotFoundException".into(), "Table not found: none".into()));
    let message = "1 validation error detected: Value 'b!p' at 'backupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
    let named = fixture.refusal("CreateBackup", json!({"TableName": "tab", "BackupName": "b!p"})).await;
    assert_eq!(named, validation(message));
    let id = "backup/01800000000000-00000000";
    for (arn, error) in [
        (ARN.to_owned(), validation("Invalid Backup ARN")),
        (format!("arn:aws:sqs:us-east-1:000000000000:table/tab/{id}"), validation("BackupArn is not valid")),
        (
            format!("arn:aws:dynamodb:us-east-1:111111111111:table/tab/{id}"),
            ("AccessDeniedException".into(), "Access is denied".into()),
        ),
        (format!("{ARN}/{id}"), ("BackupNotFoundException".into(), format!("Backup not found: {ARN}/{id}"))),
    ] {
        assert_eq!(fixture.refusal("DescribeBackup", json!({"BackupArn": arn})).await, error);
        let restore = json!({"BackupArn": arn, "TargetTableName": "new"});
        assert_eq!(fixture.refusal("RestoreTableFromBackup", restore).await, error);
    }
}

/// A cloud that has keys for tables.
fn with_keys() -> Fixture {
    let vault = vault::Vault::in_memory(&base::Env::simulated(2, base::Timestamp(0)));
    let services = dynamodb::services(dynamodb::Options::default()).into_iter();
    Fixture(TestCloud::new(services.chain([kms::service(vault)])))
}

async fn indexed() -> Fixture {
    let fixture = with_keys();
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let define = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    fixture
        .create_with(json!({
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
            "AttributeDefinitions": [define("pk"), define("sk"), define("g"), define("l")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            "LocalSecondaryIndexes": [{
                "IndexName": "local",
                "KeySchema": [key("pk", "HASH"), key("l", "RANGE")],
                "Projection": {"ProjectionType": "ALL"},
            }],
            "GlobalSecondaryIndexes": [{
                "IndexName": "global",
                "KeySchema": [key("g", "HASH")],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
            }],
            "SSESpecification": {"Enabled": true},
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
            "DeletionProtectionEnabled": true,
            "TableClass": "STANDARD_INFREQUENT_ACCESS",
            "Tags": [{"Key": "t", "Value": "v"}],
        }))
        .await;
    let ttl = json!({"Enabled": true, "AttributeName": "until"});
    fixture.call("UpdateTimeToLive", json!({"TableName": "tab", "TimeToLiveSpecification": ttl})).await;
    let item = json!({"pk": {"S": "p"}, "sk": {"S": "s"}, "g": {"S": "g"}, "l": {"S": "l"}, "other": {"S": "o"}});
    fixture.put(item).await;
    fixture
}

#[tokio::test]
async fn a_restored_table_has_its_indexes_and_no_more() {
    let fixture = indexed().await;
    let arn = fixture.backup().await;
    fixture.settle().await;
    let described = fixture.call("DescribeBackup", json!({"BackupArn": arn})).await;
    let features = &described["BackupDescription"]["SourceTableFeatureDetails"];
    assert_eq!(features["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
    assert_eq!(features["LocalSecondaryIndexes"][0].as_object().unwrap().len(), 3);
    assert_eq!(features["StreamDescription"]["StreamViewType"], "NEW_IMAGE");
    assert_eq!(features["TimeToLiveDescription"], json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}));
    assert_eq!(features["SSEDescription"]["SSEType"], "KMS");

    fixture.call("RestoreTableFromBackup", json!({"BackupArn": arn, "TargetTableName": "new"})).await;
    fixture.settle().await;
    let table = fixture.call("DescribeTable", json!({"TableName": "new"})).await["Table"].clone();
    for (index, member) in [("local", "LocalSecondaryIndexes"), ("global", "GlobalSecondaryIndexes")] {
        let scanned = fixture.call("Scan", json!({"TableName": "new", "IndexName": index})).await;
        assert_eq!((&scanned["Count"], &table[member][0]["ItemCount"]), (&json!(1), &json!(1)), "{index}");
    }
    assert_eq!(table["ProvisionedThroughput"]["WriteCapacityUnits"], 4);
    assert_eq!(table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"], 5);
    assert_eq!(table["SSEDescription"]["Status"], "ENABLED");
    assert_eq!(table["DeletionProtectionEnabled"], false);
    assert!(["StreamSpecification", "TableClassSummary"].iter().all(|member| table.get(member).is_none()));
    let tags = fixture.call("ListTagsOfResource", json!({"ResourceArn": table["TableArn"]})).await;
    assert_eq!(tags["Tags"], json!([]));
    let ttl = fixture.call("DescribeTimeToLive", json!({"TableName": "new"})).await;
    assert_eq!(ttl["TimeToLiveDescription"]["TimeToLiveStatus"], "DISABLED");
}

#[tokio::test]
async fn restoring_can_change_throughput_and_indexes() {
    let fixture = indexed().await;
    let arn = fixture.backup().await;
    fixture.settle().await;
    let restore = |name: &str, overrides: Value| {
        let mut request = json!({"BackupArn": arn, "TargetTableName": name});
        request.as_object_mut().unwrap().extend(overrides.as_object().unwrap().clone());
        request
    };
    let on_demand = json!({
        "BillingModeOverride": "PAY_PER_REQUEST",
        "OnDemandThroughputOverride": {"MaxReadRequestUnits": 7, "MaxWriteRequestUnits": 8},
        "LocalSecondaryIndexOverride": [],
        "SSESpecificationOverride": {"Enabled": false},
    });
    fixture.call("RestoreTableFromBackup", restore("one", on_demand)).await;
    fixture.settle().await;
    let one = fixture.call("DescribeTable", json!({"TableName": "one"})).await["Table"].clone();
    assert_eq!(one["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(one["OnDemandThroughput"]["MaxReadRequestUnits"], 7);
    assert_eq!(one["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"], 0);
    assert!(["LocalSecondaryIndexes", "SSEDescription"].iter().all(|member| one.get(member).is_none()));
    assert_eq!(one["AttributeDefinitions"].as_array().unwrap().len(), 3);

    let mut index = json!({
        "IndexName": "renamed",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
    });
    let units = json!({"ReadCapacityUnits": 9, "WriteCapacityUnits": 10});
    let renamed = json!({"GlobalSecondaryIndexOverride": [index], "ProvisionedThroughputOverride": units});
    fixture.call("RestoreTableFromBackup", restore("two", renamed)).await;
    fixture.settle().await;
    let two = fixture.call("DescribeTable", json!({"TableName": "two"})).await["Table"].clone();
    assert_eq!(two["ProvisionedThroughput"]["ReadCapacityUnits"], 9);
    assert_eq!(two["GlobalSecondaryIndexes"][0]["IndexName"], "renamed");
    assert_eq!(two["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["WriteCapacityUnits"], 2);

    let refused = |overrides: Value, message: &str| {
        let (request, message) = (restore("three", overrides), validation(message));
        let fixture = &fixture;
        async move { assert_eq!(fixture.refusal("RestoreTableFromBackup", request).await, message) }
    };
    let message = "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED";
    refused(json!({"BillingModeOverride": "PROVISIONED"}), message).await;
    let message = "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED";
    let both = json!({"BillingModeOverride": "PAY_PER_REQUEST", "ProvisionedThroughputOverride": units});
    refused(both, message).await;
    index.as_object_mut().unwrap().remove("ProvisionedThroughput");
    let unprovisioned = json!({"GlobalSecondaryIndexOverride": [index]});
    refused(unprovisioned, "Must specify provisioned throughput for index renamed").await;
    index["Projection"] = json!({"ProjectionType": "ALL"});
    let message = "Index renamed does not match a secondary index that existed in the source table and cannot be created during the restore operation";
    refused(json!({"GlobalSecondaryIndexOverride": [index]}), message).await;
    let exists = fixture.refusal("RestoreTableFromBackup", restore("tab", json!({}))).await;
    assert_eq!(exists, ("TableAlreadyExistsException".into(), "Table already exists: tab".into()));
    assert_eq!(
        code(fixture.refusal("DescribeTable", json!({"TableName": "three"})).await),
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn restoring_in_another_region_takes_a_word_on_encryption() {
    let fixture = with_keys();
    let definitions = json!([{"AttributeName": "pk", "AttributeType": "S"}]);
    let schema = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
    fixture.create_with(json!({"AttributeDefinitions": definitions, "KeySchema": schema})).await;
    fixture.put(json!({"pk": {"S": "a"}})).await;
    let arn = fixture.backup().await;
    fixture.settle().await;
    let cloud = &fixture.0.cloud;
    let elsewhere = |input: Value| {
        let root = service::Caller::root(cloud.account());
        let cx = cloud.cx(root, base::Region::new("eu-west-1"), None);
        cloud.call(cx, "dynamodb", "RestoreTableFromBackup", input)
    };
    let request = json!({"BackupArn": arn, "TargetTableName": "new"});
    let refused = elsewhere(request.clone()).await.unwrap_err();
    assert!(refused.message.ends_with("sseSpecificationOverride must be provided for cross-region restores"));
    let mut request = request;
    request["SSESpecificationOverride"] = json!({"Enabled": true});
    let made = elsewhere(request).await.unwrap();
    assert_eq!(made["TableDescription"]["TableArn"], "arn:aws:dynamodb:eu-west-1:000000000000:table/new");
    let key = made["TableDescription"]["SSEDescription"]["KMSMasterKeyArn"].as_str().unwrap();
    assert!(key.starts_with("arn:aws:kms:eu-west-1:000000000000:key/"), "{key}");
    fixture.settle().await;
    let missing = fixture.refusal("DescribeTable", json!({"TableName": "new"})).await;
    assert_eq!(code(missing), "ResourceNotFoundException");
}

#[tokio::test]
async fn any_second_of_a_recoverable_table_can_be_restored() {
    let fixture = Fixture::with_table().await;
    fixture.put(json!({"pk": {"S": "old"}})).await;
    assert_eq!(fixture.recoverable(false).await, json!({"PointInTimeRecoveryStatus": "DISABLED"}));
    fixture.0.advance(Duration::from_millis(500)).await;
    let enabled = fixture.recoverable(true).await;
    assert_eq!(enabled["EarliestRestorableDateTime"], 1_800_000_000.5);
    assert_eq!(enabled["RecoveryPeriodInDays"], 35);
    for (second, key) in ["a", "b", "c"].iter().enumerate() {
        fixture.0.advance(Duration::from_millis(1000)).await;
        fixture.put(json!({"pk": {"S": key}})).await;
        fixture.put(json!({"pk": {"S": "old"}, "n": {"N": second.to_string()}})).await;
    }
    fixture.call("DeleteItem", json!({"TableName": "tab", "Key": {"pk": {"S": "a"}}})).await;

    let restore = |at: u64| json!({"SourceTableName": "tab", "TargetTableName": format!("at-{at}"), "RestoreDateTime": 1_800_000_000 + at});
    let contents: [&[&str]; 4] = [&["old"], &["old"], &["a", "old"], &["a", "b", "old"]];
    for (at, keys) in contents.into_iter().enumerate() {
        let restoring = fixture.call("RestoreTableToPointInTime", restore(at as u64)).await;
        let summary = &restoring["TableDescription"]["RestoreSummary"];
        assert_eq!((&summary["SourceTableArn"], summary.get("SourceBackupArn")), (&json!(ARN), None));
        // A change that is made meanwhile is none of the past.
        fixture.put(json!({"pk": {"S": "late"}})).await;
        fixture.call("DeleteItem", json!({"TableName": "tab", "Key": {"pk": {"S": "late"}}})).await;
        fixture.settle().await;
        assert_eq!(fixture.keys(&format!("at-{at}")).await, keys, "{at}");
    }
    let latest = json!({"SourceTableArn": ARN, "TargetTableName": "now", "UseLatestRestorableTime": true});
    fixture.call("RestoreTableToPointInTime", latest).await;
    fixture.settle().await;
    assert_eq!(fixture.keys("now").await, ["b", "c", "old"]);
    refused_moments(&fixture).await;
}

async fn refused_moments(fixture: &Fixture) {
    let refusal = |input: Value| async move { fixture.refusal("RestoreTableToPointInTime", input).await };
    let future = json!({"SourceTableName": "tab", "TargetTableName": "new", "RestoreDateTime": 1_800_000_060});
    let message = "RestoreDateTime '2027-01-15T08:01:00Z' must be within EarliestRestorableDateTime '2027-01-15T08:00:00Z' and LatestRestorableDateTime '2027-01-15T08:00:03Z'";
    assert_eq!(refusal(future).await, ("InvalidRestoreTimeException".into(), message.into()));
    let past = json!({"SourceTableName": "tab", "TargetTableName": "new", "RestoreDateTime": 1_799_999_999});
    assert_eq!(code(refusal(past).await), "InvalidRestoreTimeException");
    let untimed = json!({"SourceTableName": "tab", "TargetTableName": "new"});
    let message =
        "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both";
    assert_eq!(refusal(untimed).await, validation(message));
    let both = json!({"SourceTableName": "tab", "SourceTableArn": ARN, "TargetTableName": "new", "UseLatestRestorableTime": true});
    let message = "Must provide exactly one of: sourceTableArn, sourceTableName";
    assert_eq!(refusal(both).await, validation(message));
    let missing = json!({"SourceTableName": "none", "TargetTableName": "new", "UseLatestRestorableTime": true});
    assert_eq!(refusal(missing).await, ("TableNotFoundException".into(), "Table not found: none".into()));
    let same = json!({"SourceTableName": "tab", "TargetTableName": "tab", "UseLatestRestorableTime": true});
    assert_eq!(refusal(same).await, ("TableAlreadyExistsException".into(), "Table already exists: tab".into()));
    let plain = json!({"SourceTableName": "now", "TargetTableName": "new", "UseLatestRestorableTime": true});
    let message = "Point in time recovery is not enabled for table 'now'";
    assert_eq!(refusal(plain).await, ("PointInTimeRecoveryUnavailableException".into(), message.into()));
}

#[tokio::test]
async fn recovery_reaches_back_as_far_as_its_period() {
    let fixture = Fixture::with_table().await;
    fixture.recoverable(true).await;
    let period = |days: i64| {
        let specification = json!({"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": days});
        json!({"TableName": "tab", "PointInTimeRecoverySpecification": specification})
    };
    let described = |answer: Value| answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"].clone();
    let start = 1_800_000_000;
    let day = 24 * 3600;
    for n in 0..4 {
        fixture.put(json!({"pk": {"S": "a"}, "n": {"N": n.to_string()}})).await;
        fixture.0.advance(DAY).await;
    }
    assert_eq!(fixture.rows(13), 4);
    let shorter = described(fixture.call("UpdateContinuousBackups", period(2)).await);
    assert_eq!(shorter["EarliestRestorableDateTime"], start + 2 * day);
    fixture.0.advance(Duration::from_secs(600)).await;
    assert_eq!(fixture.rows(13), 1);
    // What has been forgotten does not come back with a longer period.
    let longer = described(fixture.call("UpdateContinuousBackups", period(35)).await);
    assert_eq!(longer["EarliestRestorableDateTime"], start + 2 * day + 600);
    for days in [0, 36] {
        assert_eq!(code(fixture.refusal("UpdateContinuousBackups", period(days)).await), "ValidationException");
    }
    // Disabling and enabling begins anew.
    fixture.recoverable(false).await;
    fixture.settle().await;
    assert_eq!(fixture.rows(13), 0);
    let again = fixture.recoverable(true).await;
    assert_eq!(again["EarliestRestorableDateTime"], json!(start as f64 + (4 * day + 600) as f64 + 0.01));
}

#[tokio::test]
async fn a_recoverable_table_that_is_deleted_leaves_a_backup() {
    let fixture = Fixture::with_table().await;
    fixture.recoverable(true).await;
    fixture.put(json!({"pk": {"S": "a"}})).await;
    fixture.call("DeleteTable", json!({"TableName": "tab"})).await;
    fixture.settle().await;
    let listed = fixture.call("ListBackups", json!({"BackupType": "ALL"})).await;
    let backup = listed["BackupSummaries"][0].clone();
    assert_eq!((&backup["BackupName"], &backup["BackupType"]), (&json!("tab$DeletedTableBackup"), &json!("SYSTEM")));
    assert_eq!(backup["BackupExpiryDateTime"], 1_800_000_000 + 35 * 24 * 3600);
    assert_eq!(backup["BackupArn"], format!("{ARN}/backup/01800000000000-00000000"));
    assert_eq!(fixture.call("ListBackups", json!({})).await["BackupSummaries"], json!([]));
    let refused = fixture.refusal("DeleteBackup", json!({"BackupArn": backup["BackupArn"]})).await;
    assert!(refused.1.starts_with("User is not allowed to delete the system backup with arn"), "{refused:?}");
    assert_eq!((fixture.rows(13), fixture.rows(14)), (0, 0));

    let request = json!({"BackupArn": backup["BackupArn"], "TargetTableName": "tab"});
    fixture.call("RestoreTableFromBackup", request).await;
    fixture.settle().await;
    assert_eq!(fixture.status("tab").await, "ACTIVE");
    assert_eq!(fixture.keys("tab").await, ["a"]);
    fixture.0.advance(DAY * 35).await;
    assert_eq!(fixture.call("ListBackups", json!({"BackupType": "ALL"})).await["BackupSummaries"], json!([]));
    assert_eq!(fixture.rows(3), 1);
}
