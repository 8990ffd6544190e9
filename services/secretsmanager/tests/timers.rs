//! What comes due: the end of recovery windows, and rotations, on a clock that is moved.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use base::{Env, Timestamp};
use serde_json::{Value, json};
use testkit::TestCloud;
use vault::Vault;

const DAY: Duration = Duration::from_secs(86_400);

fn cloud() -> TestCloud {
    let vault = Vault::in_memory(&Env::simulated(2, Timestamp(0)));
    TestCloud::new([kms::service(vault), secretsmanager::service()])
}

async fn call(cloud: &TestCloud, operation: &str, mut input: Value) -> Result<Value, String> {
    if ["CreateSecret", "PutSecretValue"].contains(&operation) {
        // As SDKs do.
        input["ClientRequestToken"] = json!(cloud.env.uuid());
    }
    cloud.call("secretsmanager", operation, input).await.map_err(|error| error.code.into_owned())
}

#[tokio::test]
async fn a_secret_goes_when_its_recovery_window_ends_and_not_before() {
    let cloud = cloud();
    for name in ["gone", "kept"] {
        call(&cloud, "CreateSecret", json!({"Name": name, "SecretString": "v"})).await.unwrap();
        call(&cloud, "DeleteSecret", json!({"SecretId": name, "RecoveryWindowInDays": 7})).await.unwrap();
    }
    call(&cloud, "RestoreSecret", json!({"SecretId": "kept"})).await.unwrap();
    cloud.advance(DAY * 7 - Duration::from_secs(1)).await;
    assert!(call(&cloud, "DescribeSecret", json!({"SecretId": "gone"})).await.is_ok());
    cloud.advance(Duration::from_secs(2)).await;
    let gone = call(&cloud, "DescribeSecret", json!({"SecretId": "gone"})).await;
    assert_eq!(gone.unwrap_err(), "ResourceNotFoundException");
    let kept = call(&cloud, "GetSecretValue", json!({"SecretId": "kept"})).await.unwrap();
    assert_eq!(kept["SecretString"], "v");
    // The name is free again, and nothing of before is in it.
    call(&cloud, "CreateSecret", json!({"Name": "gone"})).await.unwrap();
    let every = json!({"SecretId": "gone", "IncludeDeprecated": true});
    assert_eq!(call(&cloud, "ListSecretVersionIds", every).await.unwrap()["Versions"], json!([]));
}

#[tokio::test]
async fn of_versions_without_a_label_a_hundred_are_kept() {
    let cloud = cloud();
    call(&cloud, "CreateSecret", json!({"Name": "s", "SecretString": "0"})).await.unwrap();
    for number in 1..110 {
        cloud.advance(Duration::from_secs(1)).await;
        let value = json!({"SecretId": "s", "SecretString": number.to_string()});
        call(&cloud, "PutSecretValue", value).await.unwrap();
    }
    let every = json!({"SecretId": "s", "IncludeDeprecated": true});
    let mut count = 0;
    let mut token = Value::Null;
    loop {
        let mut input = every.clone();
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let page = call(&cloud, "ListSecretVersionIds", input).await.unwrap();
        count += page["Versions"].as_array().unwrap().len();
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(count, 102, "two have labels");
    let value = call(&cloud, "GetSecretValue", json!({"SecretId": "s"})).await.unwrap();
    assert_eq!(value["SecretString"], "109");
}
