//! SnapStart, runtime management, recursion, InvokeAsync, and the policies of layer versions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::{ARN, World, package};

const F: &str = "def handler(event, context): return event";

#[tokio::test]
async fn snap_start_is_on_for_published_versions() {
    let world = World::new().await;
    let created = world.function(F, json!({"SnapStart": {"ApplyOn": "PublishedVersions"}, "Publish": true})).await;
    assert_eq!(created["SnapStart"], json!({"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}));
    let latest = world.call("GetFunctionConfiguration", json!({"FunctionName": "f"})).await;
    assert_eq!(latest["SnapStart"], json!({"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}));
    let off = json!({"FunctionName": "f", "SnapStart": {"ApplyOn": "None"}});
    let off = world.call("UpdateFunctionConfiguration", off).await;
    assert_eq!(off["SnapStart"], json!({"ApplyOn": "None", "OptimizationStatus": "Off"}));
    let version = world.call("GetFunctionConfiguration", json!({"FunctionName": "f:1"})).await;
    assert_eq!(version["SnapStart"]["OptimizationStatus"], "On");
    for (more, expected) in [
        (json!({"SnapStart": {"ApplyOn": "Always"}}), "Value 'Always' at 'snapStart.applyOn'"),
        (
            json!({"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.11"}),
            "python3.11 is not supported for SnapStart enabled functions.",
        ),
    ] {
        let mut input = json!({"FunctionName": "f"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = world.refused("UpdateFunctionConfiguration", input).await;
        assert!(refused.contains(expected), "{refused}");
    }
}

#[tokio::test]
async fn logs_are_text_or_json_with_levels() {
    let world = World::new().await;
    let created = world.function(F, json!({})).await;
    let group = "/aws/lambda/f";
    assert_eq!(created["LoggingConfig"], json!({"LogFormat": "Text", "LogGroup": group}));
    let update = |logging: Value| json!({"FunctionName": "f", "LoggingConfig": logging});
    let json = world.call("UpdateFunctionConfiguration", update(json!({"LogFormat": "JSON"}))).await;
    let expected =
        json!({"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": group});
    assert_eq!(json["LoggingConfig"], expected);
    let levels = json!({"ApplicationLogLevel": "DEBUG", "SystemLogLevel": "WARN", "LogGroup": "own"});
    let changed = world.call("UpdateFunctionConfiguration", update(levels)).await;
    let expected =
        json!({"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "WARN", "LogGroup": "own"});
    assert_eq!(changed["LoggingConfig"], expected);
    for (logging, expected) in [
        (json!({"LogFormat": "Text", "SystemLogLevel": "WARN"}), "Log levels can only be set when LogFormat is JSON."),
        (json!({"LogFormat": "XML"}), "Value 'XML' at 'loggingConfig.logFormat'"),
        (json!({"ApplicationLogLevel": "LOUD"}), "Value 'LOUD' at 'loggingConfig.applicationLogLevel'"),
        (json!({"SystemLogLevel": "ERROR"}), "Value 'ERROR' at 'loggingConfig.systemLogLevel'"),
    ] {
        let refused = world.refused("UpdateFunctionConfiguration", update(logging)).await;
        assert!(refused.contains(expected), "{refused}");
    }
}

#[tokio::test]
async fn runtimes_are_managed_for_each_version() {
    let world = World::new().await;
    world.function(F, json!({"Publish": true})).await;
    let get = json!({"FunctionName": "f"});
    let expected =
        json!({"UpdateRuntimeOn": "Auto", "FunctionArn": format!("{ARN}:$LATEST"), "RuntimeVersionArn": null});
    assert_eq!(world.call("GetRuntimeManagementConfig", get.clone()).await, expected);
    let put = json!({"FunctionName": "f", "Qualifier": "1", "UpdateRuntimeOn": "FunctionUpdate"});
    let made = world.call("PutRuntimeManagementConfig", put).await;
    assert_eq!(
        (&made["UpdateRuntimeOn"], &made["FunctionArn"]),
        (&json!("FunctionUpdate"), &json!(format!("{ARN}:1")))
    );
    let of_version = json!({"FunctionName": "f", "Qualifier": "1"});
    assert_eq!(world.call("GetRuntimeManagementConfig", of_version).await, made);
    assert_eq!(world.call("GetRuntimeManagementConfig", get).await, expected);
    let refused = |more: Value| {
        let mut input = json!({"FunctionName": "f"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.refused("PutRuntimeManagementConfig", input)
    };
    assert!(refused(json!({})).await.contains("Value null at 'updateRuntimeOn'"));
    assert!(refused(json!({"UpdateRuntimeOn": "Never"})).await.contains("Value 'Never'"));
    assert!(refused(json!({"UpdateRuntimeOn": "Manual"})).await.starts_with("NotImplemented: UpdateRuntimeOn Manual"));
    assert!(refused(json!({"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": "x"})).await.contains("cannot be set"));
    assert!(refused(json!({"UpdateRuntimeOn": "Auto", "Qualifier": "9"})).await.starts_with("ResourceNotFound"));
    assert!(refused(json!({"UpdateRuntimeOn": "Auto", "Qualifier": "live"})).await.contains("for aliases"));
}

#[tokio::test]
async fn recursion_is_kept() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let get = json!({"FunctionName": "f"});
    assert_eq!(world.call("GetFunctionRecursionConfig", get.clone()).await, json!({"RecursiveLoop": "Terminate"}));
    let put = json!({"FunctionName": "f", "RecursiveLoop": "Allow"});
    assert_eq!(world.call("PutFunctionRecursionConfig", put).await, json!({"RecursiveLoop": "Allow"}));
    assert_eq!(world.call("GetFunctionRecursionConfig", get).await, json!({"RecursiveLoop": "Allow"}));
    let wrong = json!({"FunctionName": "f", "RecursiveLoop": "Maybe"});
    assert!(world.refused("PutFunctionRecursionConfig", wrong).await.contains("Value 'Maybe' at 'recursiveLoop'"));
    let none = json!({"FunctionName": "none"});
    assert!(world.refused("GetFunctionRecursionConfig", none).await.starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn the_operation_of_2014_invokes_too() {
    let world = World::running().await;
    world.function(F, json!({})).await;
    let url = world.queue("done").await;
    let destination = json!({"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:000000000000:done"}});
    let config = json!({"FunctionName": "f", "DestinationConfig": destination});
    world.call("PutFunctionEventInvokeConfig", config).await;
    let input = json!({"FunctionName": "f", "InvokeArgs": STANDARD.encode(r#"{"n":1}"#)});
    assert_eq!(world.call("InvokeAsync", input.clone()).await, json!({"Status": 202}));
    let record: Value = serde_json::from_str(world.message(&url).await["Body"].as_str().unwrap()).unwrap();
    assert_eq!(record["responsePayload"], json!({"n": 1}));
    assert_eq!(world.call_as_stranger("InvokeAsync", input).await.unwrap_err().status, 403);
    let broken = json!({"FunctionName": "f", "InvokeArgs": STANDARD.encode("{")});
    assert!(world.refused("InvokeAsync", broken).await.starts_with("InvalidRequestContentException"));
}

#[tokio::test]
async fn a_layer_version_is_shared_by_its_policy() {
    let world = World::new().await;
    let layer = json!({"LayerName": "l", "Content": {"ZipFile": package(&[("python/x.py", "")])}});
    let arn = world.call("PublishLayerVersion", layer).await["LayerVersionArn"].clone();
    let version = json!({"LayerName": "l", "VersionNumber": 1});
    let with = |more: Value| {
        let mut input = version.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let add = |more: Value| {
        let mut input = with(json!({"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}));
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    assert!(world.refused("GetLayerVersionPolicy", version.clone()).await.starts_with("ResourceNotFoundException"));
    for (more, expected) in [
        (json!({"Action": "lambda:*"}), "Value 'lambda:*' at 'action'"),
        (json!({"Principal": "me"}), "Value 'me' at 'principal'"),
        (json!({"OrganizationId": "x"}), "Value 'x' at 'organizationId'"),
        (json!({"OrganizationId": "o-0123456789", "Principal": "000000000000"}), "only supported when"),
        (json!({"VersionNumber": 2}), "ResourceNotFoundException: Layer version"),
        (json!({"RevisionId": "no"}), "PreconditionFailedException"),
    ] {
        let refused = world.refused("AddLayerVersionPermission", add(more)).await;
        assert!(refused.contains(expected), "{refused}");
    }
    let made = world.call("AddLayerVersionPermission", add(json!({"OrganizationId": "o-0123456789"}))).await;
    let statement: Value = serde_json::from_str(made["Statement"].as_str().unwrap()).unwrap();
    assert_eq!(statement["Resource"], arn);
    assert_eq!(statement["Condition"], json!({"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}));
    assert!(world.refused("AddLayerVersionPermission", add(json!({}))).await.starts_with("ResourceConflictException"));
    let got = world.call("GetLayerVersionPolicy", version.clone()).await;
    assert_eq!(got["RevisionId"], made["RevisionId"]);
    assert!(got["Policy"].as_str().unwrap().contains(made["Statement"].as_str().unwrap()));
    let remove = with(json!({"StatementId": "s"}));
    world.call("RemoveLayerVersionPermission", remove.clone()).await;
    assert!(world.refused("RemoveLayerVersionPermission", remove).await.starts_with("ResourceNotFoundException"));
    world.call("AddLayerVersionPermission", add(json!({}))).await;
    world.call("DeleteLayerVersion", version.clone()).await;
    assert!(world.refused("GetLayerVersionPolicy", version).await.starts_with("ResourceNotFoundException"));
}
