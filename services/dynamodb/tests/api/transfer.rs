//! What tests of exports, imports and bulk puts share: a bucket, a table, and short ways to say requests.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use blob::Blobs;
use flate2::read::MultiGzDecoder;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use service::Upload;
use service::objects::{self, Address, Properties};
use testkit::TestCloud;
use tokio_util::sync::CancellationToken;

use crate::fixture::Fixture;

pub const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/tab";
pub const MINUTE: Duration = Duration::from_secs(60);

/// A table `tab` with recovery, a bucket `bucket`, and all that works on them.
pub struct World {
    pub fixture: Fixture,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    pub async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).await.unwrap();
        let services = dynamodb::services(dynamodb::Options::default()).into_iter();
        let vault = vault::Vault::in_memory(&base::Env::simulated(2, base::Timestamp(0)));
        let others = [s3::service(s3::S3::new(blobs, vault)), logs::service()];
        let fixture = Fixture(TestCloud::new(services.chain(others)));
        let stop = CancellationToken::new();
        fixture.0.cloud.start(&stop, &stop);
        fixture.0.call("s3", "CreateBucket", json!({"Bucket": "bucket"})).await.unwrap();
        let definitions = json!([{"AttributeName": "pk", "AttributeType": "S"}]);
        let schema = json!([{"AttributeName": "pk", "KeyType": "HASH"}]);
        fixture.create_with(json!({"AttributeDefinitions": definitions, "KeySchema": schema})).await;
        let world = World { fixture, stop, _folder: folder };
        world.recover(true).await;
        world
    }

    pub async fn recover(&self, enabled: bool) {
        let specification = json!({"PointInTimeRecoveryEnabled": enabled});
        let request = json!({"TableName": "tab", "PointInTimeRecoverySpecification": specification});
        self.fixture.call("UpdateContinuousBackups", request).await;
    }

    pub fn now(&self) -> u64 {
        self.fixture.0.env.now().as_secs()
    }

    pub async fn put(&self, key: &str, value: u64) {
        self.fixture.put(json!({"pk": {"S": key}, "v": {"N": value.to_string()}})).await;
    }

    pub async fn delete(&self, key: &str) {
        self.fixture.call("DeleteItem", json!({"TableName": "tab", "Key": {"pk": {"S": key}}})).await;
    }

    pub async fn export(&self, request: Value) -> Value {
        self.fixture.call("ExportTableToPointInTime", export(request)).await["ExportDescription"].clone()
    }

    pub async fn refused(&self, request: Value) -> (String, String) {
        self.fixture.refusal("ExportTableToPointInTime", export(request)).await
    }

    pub async fn begin_bulk(&self, request: Value) -> Value {
        self.fixture.call("StartBulkPutItems", bulk(request)).await["BulkOperationDescription"].clone()
    }

    pub async fn bulk(&self, request: Value) -> Value {
        let arn = self.begin_bulk(request).await["BulkOperationArn"].clone();
        self.ended(&arn).await
    }

    /// What a bulk put reports, held against its manifests.
    pub async fn reports(&self, described: &Value) -> Vec<Value> {
        let prefix = described["OutputS3Configuration"]["S3KeyPrefix"].as_str().unwrap_or_default();
        let id = described["BulkOperationArn"].as_str().unwrap().rsplit('/').next().unwrap();
        let folder = format!("{prefix}AWSDynamoDB/{id}");
        let summary: Value =
            serde_json::from_str(&self.text(&format!("{folder}/manifest-summary.json")).await).unwrap();
        assert_eq!(summary["status"], described["BulkOperationStatus"]);
        assert_eq!(summary["failedItemCount"], described["FailedItemCount"]);
        let lines = self.files(&format!("{folder}/manifest-files.json")).await;
        assert_eq!(summary["reportedItemCount"], lines.len());
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The description of an export, import or bulk put, once that is over.
    pub async fn ended(&self, arn: &Value) -> Value {
        let is_export = arn.as_str().unwrap().contains("/export/");
        let is_bulk = arn.as_str().unwrap().contains("/bulk-operation/");
        loop {
            self.fixture.0.advance(Duration::from_millis(2)).await;
            let (described, status) = if is_export {
                let answer = self.fixture.call("DescribeExport", json!({"ExportArn": arn})).await;
                (answer["ExportDescription"].clone(), "ExportStatus")
            } else if is_bulk {
                let answer = self.fixture.call("DescribeBulkOperation", json!({"BulkOperationArn": arn})).await;
                (answer["BulkOperationDescription"].clone(), "BulkOperationStatus")
            } else {
                let answer = self.fixture.call("DescribeImport", json!({"ImportArn": arn})).await;
                (answer["ImportTableDescription"].clone(), "ImportStatus")
            };
            if described[status] != "IN_PROGRESS" && described[status] != "CANCELLING" {
                return described;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let page = objects::list(&self.fixture.0.root(), "bucket", prefix, None).await.unwrap();
        page.contents.into_iter().map(|entry| entry.key).collect()
    }

    pub async fn object(&self, key: &str) -> Vec<u8> {
        let (_, body) = objects::get(&self.fixture.0.root(), &Address::new("bucket", key), None).await.unwrap();
        body.collect().await.unwrap().to_vec()
    }

    pub async fn text(&self, key: &str) -> String {
        String::from_utf8(self.object(key).await).unwrap()
    }

    pub async fn put_object(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let (address, body) = (Address::new("bucket", key), Upload::whole(bytes.into().into()));
        objects::put(&self.fixture.0.root(), &address, &Properties::default(), body).await.unwrap();
    }

    /// The lines of all files of an export, in the order of their text, held against its manifests.
    pub async fn lines(&self, described: &Value) -> Vec<Value> {
        let manifest = described["ExportManifest"].as_str().unwrap();
        let summary = self.text(manifest).await;
        assert_eq!(self.text(&manifest.replace(".json", ".md5")).await, BASE64.encode(Md5::digest(&summary)));
        let summary: Value = serde_json::from_str(&summary).unwrap();
        assert_eq!((&summary["exportArn"], &summary["itemCount"]), (&described["ExportArn"], &described["ItemCount"]));
        let mut lines = self.files(summary["manifestFilesS3Key"].as_str().unwrap()).await;
        lines.sort();
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The lines of all files that a manifest names.
    async fn files(&self, files_key: &str) -> Vec<String> {
        let files = self.text(files_key).await;
        assert_eq!(self.text(&files_key.replace(".json", ".md5")).await, BASE64.encode(Md5::digest(&files)));
        let mut lines = Vec::new();
        for file in files.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let bytes = self.object(file["dataFileS3Key"].as_str().unwrap()).await;
            assert_eq!(file["md5Checksum"], BASE64.encode(Md5::digest(&bytes)));
            let mut text = String::new();
            MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
            assert_eq!(file["itemCount"], text.lines().count());
            lines.extend(text.lines().map(str::to_owned));
        }
        lines
    }

    pub async fn import(&self, request: Value) -> Value {
        let arn = self.begin_import(request).await["ImportArn"].clone();
        self.ended(&arn).await
    }

    pub async fn begin_import(&self, request: Value) -> Value {
        self.fixture.call("ImportTable", import(request)).await["ImportTableDescription"].clone()
    }

    pub async fn scan(&self, table: &str) -> Vec<Value> {
        let output = self.fixture.call("Scan", json!({"TableName": table})).await;
        let mut items = output["Items"].as_array().unwrap().clone();
        items.sort_by_key(ToString::to_string);
        items
    }
}

pub fn with(base: Value, request: Value) -> Value {
    let mut all = base;
    all.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    all
}

pub fn export(request: Value) -> Value {
    with(json!({"TableArn": TABLE, "S3Bucket": "bucket"}), request)
}

pub fn bulk(request: Value) -> Value {
    let input = json!({"S3Bucket": "bucket", "S3KeyPrefix": "in/", "InputFormat": "DYNAMODB_JSON"});
    let output = json!({"S3Bucket": "bucket", "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"]});
    with(json!({"TableName": "tab", "InputS3Configuration": input, "OutputS3Configuration": output}), request)
}

pub fn import(request: Value) -> Value {
    let table = json!({
        "TableName": "into", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    });
    let source = json!({"S3Bucket": "bucket", "S3KeyPrefix": "in/"});
    with(json!({"InputFormat": "DYNAMODB_JSON", "S3BucketSource": source, "TableCreationParameters": table}), request)
}
