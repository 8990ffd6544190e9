//! Provisioned concurrency.

use serde_json::{Value, json};

use crate::world::{ARN, World};

const F: &str = "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']";

fn put(qualifier: &str, executions: i64) -> Value {
    json!({"FunctionName": "f", "Qualifier": qualifier, "ProvisionedConcurrentExecutions": executions})
}

#[tokio::test]
async fn instances_are_kept_ready_and_shown() {
    let world = World::running().await;
    world.function(F, json!({"Publish": true})).await;
    let begun = world.call("PutProvisionedConcurrencyConfig", put("1", 2)).await;
    assert_eq!(
        (&begun["Status"], &begun["AvailableProvisionedConcurrentExecutions"]),
        (&json!("IN_PROGRESS"), &json!(0))
    );
    let get = json!({"FunctionName": "f", "Qualifier": "1"});
    let ready = world
        .until(async || {
            let state = world.call("GetProvisionedConcurrencyConfig", get.clone()).await;
            (state["Status"] == "READY").then_some(state)
        })
        .await;
    assert_eq!(
        (&ready["RequestedProvisionedConcurrentExecutions"], &ready["AllocatedProvisionedConcurrentExecutions"]),
        (&json!(2), &json!(2))
    );
    let (answer, _) = world.invoke(json!({"FunctionName": "f:1"})).await;
    assert_eq!(answer, "provisioned-concurrency");
    let listed = world.call("ListProvisionedConcurrencyConfigs", json!({"FunctionName": "f"})).await;
    assert_eq!(listed["ProvisionedConcurrencyConfigs"][0]["FunctionArn"], format!("{ARN}:1"));
    world.call("DeleteProvisionedConcurrencyConfig", get.clone()).await;
    assert_eq!(
        world.refused("GetProvisionedConcurrencyConfig", get).await,
        "ProvisionedConcurrencyConfigNotFoundException: No Provisioned Concurrency Config found for this function"
    );
}

#[tokio::test]
async fn an_alias_has_its_versions_ready_by_their_weights() {
    let world = World::running().await;
    world.function(F, json!({"Publish": true})).await;
    world.call("UpdateFunctionConfiguration", json!({"FunctionName": "f", "Timeout": 9})).await;
    world.call("PublishVersion", json!({"FunctionName": "f"})).await;
    let weights = json!({"AdditionalVersionWeights": {"2": 0.25}});
    let alias = json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1", "RoutingConfig": weights});
    world.call("CreateAlias", alias).await;
    world.call("PutProvisionedConcurrencyConfig", put("live", 4)).await;
    let get = json!({"FunctionName": "f", "Qualifier": "live"});
    let is_ready = async || {
        let state = world.call("GetProvisionedConcurrencyConfig", get.clone()).await;
        (state["Status"] == "READY").then_some(())
    };
    world.until(is_ready).await;
    let kept = async |version: &str| world.instances(version).await;
    assert_eq!((kept("1").await, kept("2").await), (3, 1));
    let moved = json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "2", "RoutingConfig": {}});
    world.call("UpdateAlias", moved).await;
    world.until(async || (kept("2").await == 4).then_some(())).await;
    world.call("DeleteAlias", json!({"FunctionName": "f", "Name": "live"})).await;
    world.call("CreateAlias", json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1"})).await;
    let gone = world.refused("GetProvisionedConcurrencyConfig", get.clone()).await;
    assert!(gone.starts_with("ProvisionedConcurrencyConfigNotFoundException"), "an alias takes it along: {gone}");
}

#[tokio::test]
async fn what_cannot_be_provisioned_is_refused() {
    let world = World::new().await;
    world.function(F, json!({"Publish": true})).await;
    world.call("CreateAlias", json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1"})).await;
    world.call("CreateAlias", json!({"FunctionName": "f", "Name": "next", "FunctionVersion": "$LATEST"})).await;
    for (qualifier, executions, expected) in [
        ("1", 0, "Value '0' at 'provisionedConcurrentExecutions'"),
        ("1", 181, "it keeps at most 180 instances provisioned"),
        ("$LATEST", 1, "cannot be applied to unpublished function versions."),
        ("", 1, "cannot be applied to unpublished function versions."),
        ("next", 1, "Alias cannot have a null or $LATEST version"),
        ("9", 1, "ResourceNotFoundException"),
        ("none", 1, "ResourceNotFoundException"),
    ] {
        let refused = world.refused("PutProvisionedConcurrencyConfig", put(qualifier, executions)).await;
        assert!(refused.contains(expected), "{qualifier} {executions}: {refused}");
    }
    world.call("PutProvisionedConcurrencyConfig", put("1", 5)).await;
    let overlap = world.refused("PutProvisionedConcurrencyConfig", put("live", 1)).await;
    assert!(overlap.contains("on an already Provisioned version"), "{overlap}");
    let lower = json!({"FunctionName": "f", "ReservedConcurrentExecutions": 4});
    let refused = world.refused("PutFunctionConcurrency", lower).await;
    assert!(refused.contains("should not be lower than function's total provisioned concurrency [5]"), "{refused}");
    world.call("PutFunctionConcurrency", json!({"FunctionName": "f", "ReservedConcurrentExecutions": 5})).await;
    let more = world.refused("PutProvisionedConcurrencyConfig", put("1", 6)).await;
    assert!(more.contains("should not be greater than the reservedConcurrentExecution"), "{more}");
    world.call("DeleteProvisionedConcurrencyConfig", json!({"FunctionName": "f", "Qualifier": "1"})).await;
    world.call("PutProvisionedConcurrencyConfig", put("live", 1)).await;
    let overlap = world.refused("PutProvisionedConcurrencyConfig", put("1", 1)).await;
    assert!(overlap.contains("Version is pointed by a Provisioned Concurrency alias"), "{overlap}");
}
