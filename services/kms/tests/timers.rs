//! What comes due: deletions, rotations, and material that expires, on a clock that is moved.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use base::{Env, Timestamp};
use serde_json::{Value, json};
use testkit::TestCloud;
use vault::Vault;

const DAY: Duration = Duration::from_secs(86_400);

fn cloud() -> TestCloud {
    TestCloud::new([kms::service(Vault::in_memory(&Env::simulated(2, Timestamp(0))))])
}

async fn call(cloud: &TestCloud, operation: &str, input: Value) -> Result<Value, String> {
    cloud.call("kms", operation, input).await.map_err(|error| error.code.into_owned())
}

async fn make(cloud: &TestCloud) -> String {
    let made = call(cloud, "CreateKey", json!({})).await.unwrap();
    made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_goes_when_its_waiting_period_ends_and_not_before() {
    let cloud = cloud();
    let (gone, kept) = (make(&cloud).await, make(&cloud).await);
    let blob = call(&cloud, "Encrypt", json!({"KeyId": gone, "Plaintext": "eA=="})).await.unwrap();
    call(&cloud, "CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": gone})).await.unwrap();
    for key in [&gone, &kept] {
        call(&cloud, "ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7})).await.unwrap();
    }
    call(&cloud, "CancelKeyDeletion", json!({"KeyId": kept})).await.unwrap();
    cloud.advance(DAY * 7 - Duration::from_secs(1)).await;
    assert!(call(&cloud, "DescribeKey", json!({"KeyId": gone})).await.is_ok());
    cloud.advance(Duration::from_secs(2)).await;
    assert_eq!(call(&cloud, "DescribeKey", json!({"KeyId": gone})).await.unwrap_err(), "NotFoundException");
    assert!(call(&cloud, "DescribeKey", json!({"KeyId": kept})).await.is_ok());
    let open = json!({"CiphertextBlob": blob["CiphertextBlob"]});
    assert_eq!(call(&cloud, "Decrypt", open).await.unwrap_err(), "InvalidCiphertextException");
    assert_eq!(call(&cloud, "ListAliases", json!({})).await.unwrap()["Aliases"], json!([]));
}

#[tokio::test]
async fn a_key_rotates_by_itself_and_opens_what_it_made_before() {
    let cloud = cloud();
    let key = make(&cloud).await;
    let blob = call(&cloud, "Encrypt", json!({"KeyId": key, "Plaintext": "eA=="})).await.unwrap();
    call(&cloud, "EnableKeyRotation", json!({"KeyId": key, "RotationPeriodInDays": 90})).await.unwrap();
    let material = |described: Value| described["KeyMetadata"]["CurrentKeyMaterialId"].clone();
    let mut seen = vec![material(call(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap())];
    for _ in 0..3 {
        cloud.advance(DAY * 90).await;
        let now = material(call(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap());
        assert!(!seen.contains(&now));
        seen.push(now);
    }
    let opened = call(&cloud, "Decrypt", json!({"CiphertextBlob": blob["CiphertextBlob"]})).await.unwrap();
    assert_eq!((&opened["Plaintext"], &opened["KeyMaterialId"]), (&json!("eA=="), &seen[0]));
    let rotations = call(&cloud, "ListKeyRotations", json!({"KeyId": key})).await.unwrap();
    assert_eq!(rotations["Rotations"].as_array().unwrap().len(), 3);
    // A key that is disabled waits for its next turn.
    call(&cloud, "DisableKey", json!({"KeyId": key})).await.unwrap();
    cloud.advance(DAY * 90).await;
    assert_eq!(material(call(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap()), seen[3]);
    call(&cloud, "EnableKey", json!({"KeyId": key})).await.unwrap();
    cloud.advance(DAY * 90).await;
    assert_ne!(material(call(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap()), seen[3]);
}

#[tokio::test]
async fn a_wrapping_key_is_good_for_a_day() {
    let cloud = cloud();
    let made = call(&cloud, "CreateKey", json!({"Origin": "EXTERNAL"})).await.unwrap();
    let key = made["KeyMetadata"]["KeyId"].clone();
    let wrapping = json!({"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"});
    let parameters = call(&cloud, "GetParametersForImport", wrapping).await.unwrap();
    let import = json!({
        "KeyId": key, "ImportToken": parameters["ImportToken"], "EncryptedKeyMaterial": "eA==",
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    });
    assert_eq!(call(&cloud, "ImportKeyMaterial", import.clone()).await.unwrap_err(), "InvalidCiphertextException");
    cloud.advance(DAY).await;
    assert_eq!(call(&cloud, "ImportKeyMaterial", import).await.unwrap_err(), "InvalidImportTokenException");
}

#[tokio::test]
async fn a_primary_key_waits_for_its_replicas_and_rotates_them() {
    let cloud = cloud();
    let made = call(&cloud, "CreateKey", json!({"MultiRegion": true})).await.unwrap();
    let key = made["KeyMetadata"]["KeyId"].as_str().unwrap();
    call(&cloud, "EnableKeyRotation", json!({"KeyId": key, "RotationPeriodInDays": 90})).await.unwrap();
    call(&cloud, "ReplicateKey", json!({"KeyId": key, "ReplicaRegion": "eu-west-1"})).await.unwrap();
    cloud.advance(DAY * 90).await;
    let material = |described: Value| described["KeyMetadata"]["CurrentKeyMaterialId"].clone();
    let here = material(call(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap());
    assert_ne!(here, material(made.clone()));
    assert_eq!(here, material(there(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap()));
    let delete = json!({"KeyId": key, "PendingWindowInDays": 7});
    let waits = call(&cloud, "ScheduleKeyDeletion", delete.clone()).await.unwrap();
    assert_eq!(waits["KeyState"], "PendingReplicaDeletion");
    cloud.advance(DAY * 10).await;
    assert_eq!(state(call(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap()), "PendingReplicaDeletion");
    there(&cloud, "ScheduleKeyDeletion", delete).await.unwrap();
    cloud.advance(DAY * 7 + Duration::from_secs(1)).await;
    assert_eq!(there(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap_err(), "NotFoundException");
    let told = call(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap();
    assert_eq!(told["KeyMetadata"]["MultiRegionConfiguration"]["ReplicaKeys"], json!([]));
    assert_eq!(state(told), "PendingDeletion");
    cloud.advance(DAY * 7 + Duration::from_secs(1)).await;
    assert_eq!(call(&cloud, "DescribeKey", json!({"KeyId": key})).await.unwrap_err(), "NotFoundException");
}

fn state(described: Value) -> Value {
    described["KeyMetadata"]["KeyState"].clone()
}

/// In another Region.
async fn there(cloud: &TestCloud, operation: &str, input: Value) -> Result<Value, String> {
    let cx = cloud.root().in_region("eu-west-1");
    cloud.cloud.call(cx, "kms", operation, input).await.map_err(|error| error.code.into_owned())
}
