//! Canaries of stages: what they get, and how they end.

use serde_json::{Value, json};

use super::World;

/// An API whose first deployment says `one`, and whose second `two`; the stage `dev` serves the first.
async fn two_deployments(world: &World) -> (String, String, String) {
    let made = world.rest_api(json!({})).await;
    let key = json!({"restApiId": made.api, "resourceId": made.users, "httpMethod": "GET"});
    let with = |more: Value| {
        let mut input = key.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let says = |word: &str| {
        with(
            json!({"statusCode": "200", "responseTemplates": {"application/json": format!("{word} $stageVariables.v $context.isCanaryRequest")}}),
        )
    };
    world.rest("PutMethod", with(json!({"authorizationType": "NONE"}))).await;
    world
        .rest(
            "PutIntegration",
            with(json!({"type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}})),
        )
        .await;
    world.rest("PutMethodResponse", with(json!({"statusCode": "200"}))).await;
    world.rest("PutIntegrationResponse", says("one")).await;
    let first = world
        .rest("CreateDeployment", json!({"restApiId": made.api, "stageName": "dev", "variables": {"v": "a"}}))
        .await;
    world.rest("PutIntegrationResponse", says("two")).await;
    let canary = json!({"percentTraffic": 100.0, "stageVariableOverrides": {"v": "b"}});
    let second = world
        .rest("CreateDeployment", json!({"restApiId": made.api, "stageName": "dev", "canarySettings": canary}))
        .await;
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    (made.api.clone(), id(&first), id(&second))
}

#[tokio::test]
async fn a_canary_gets_its_part_until_it_is_promoted() {
    let world = World::new();
    let (api, first, second) = two_deployments(&world).await;
    let users = format!("/_aws/execute-api/{api}/dev/users");
    let says = async || String::from_utf8(world.get(&users).await.body().to_vec()).unwrap();
    let stage = world.rest("GetStage", json!({"restApiId": api, "stageName": "dev"})).await;
    assert_eq!(stage["deploymentId"], json!(first));
    let expected = json!({"deploymentId": second, "percentTraffic": 100.0, "stageVariableOverrides": {"v": "b"}, "useStageCache": false});
    assert_eq!(stage["canarySettings"], expected);
    assert_eq!(says().await, "two b true");
    let update = |patches: Value| json!({"restApiId": api, "stageName": "dev", "patchOperations": patches});
    let percent =
        |value: &str| update(json!([{"op": "replace", "path": "/canarySettings/percentTraffic", "value": value}]));
    world.rest("UpdateStage", percent("0.0")).await;
    assert_eq!(says().await, "one a false");
    world.rest("UpdateStage", percent("50")).await;
    let mut canaries = 0;
    for _ in 0..400 {
        canaries += usize::from(says().await.starts_with("two"));
    }
    assert!((120..=280).contains(&canaries), "{canaries} of 400");
    let delete = json!({"restApiId": api, "deploymentId": second});
    assert_eq!(world.refused("apigateway", "DeleteDeployment", delete).await.0, "BadRequestException");
    let promote = json!([
        {"op": "replace", "path": "/canarySettings/percentTraffic", "value": "0.0"},
        {"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"},
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
    ]);
    world.rest("UpdateStage", update(promote)).await;
    assert_eq!(says().await, "two b false");
    let ended = world.rest("UpdateStage", update(json!([{"op": "remove", "path": "/canarySettings"}]))).await;
    assert_eq!((&ended["deploymentId"], ended.get("canarySettings")), (&json!(second), None));
}

#[tokio::test]
async fn canaries_that_cannot_be_are_refused_in_awss_words() {
    let world = World::new();
    let (api, first, _) = two_deployments(&world).await;
    world.rest("CreateStage", json!({"restApiId": api, "stageName": "s", "deploymentId": first})).await;
    let refused = async |patch: Value| {
        let input = json!({"restApiId": api, "stageName": "s", "patchOperations": [patch]});
        world.refused("apigateway", "UpdateStage", input).await.1
    };
    for (patch, message) in [
        (
            json!({"op": "replace", "path": "/canarySettings/deploymentId", "value": "none"}),
            "Deployment id does not exist",
        ),
        (
            json!({"op": "add", "path": "/canarySettings/deploymentId", "value": first}),
            "Invalid add operation with path: /canarySettings/deploymentId",
        ),
        (
            json!({"op": "copy", "path": "/deploymentId", "from": "/canarySettings/deploymentId"}),
            "Promotion not available. Canary does not exist.",
        ),
        (
            json!({"op": "remove", "path": "/canarySettings/stageVariableOverrides"}),
            "Cannot remove method setting canarySettings/stageVariableOverrides because there is no method setting for this method ",
        ),
    ] {
        assert_eq!(refused(patch).await, message);
    }
    assert!(
        refused(json!({"op": "copy", "path": "/variables", "from": "/x"}))
            .await
            .starts_with("Invalid copy operation with path: /variables and from /x.")
    );
    assert!(
        refused(json!({"op": "replace", "path": "/canarySettings/x", "value": "1"}))
            .await
            .starts_with("Invalid method setting path: /canarySettings/x.")
    );
    assert!(
        refused(json!({"op": "replace", "path": "/canarySettings/percentTraffic", "value": "101"}))
            .await
            .contains("between 0.0 and 100.0")
    );
    for (stage, words) in [
        (json!(null), "Provided value is null"),
        (json!(""), "Provided value is "),
        (json!("non-existing"), "Stage non-existing must already be created before making a canary release deployment"),
    ] {
        let mut input = json!({"restApiId": api, "canarySettings": {"percentTraffic": 1.0}});
        if stage.is_string() {
            input["stageName"] = stage;
        }
        let message = world.refused("apigateway", "CreateDeployment", input).await.1;
        assert!(message.starts_with("Invalid deployment content specified.") && message.ends_with(words), "{message}");
    }
    let renamed = json!({"restApiId": api, "deploymentId": first, "patchOperations": [{"op": "replace", "path": "/description", "value": "d"}]});
    assert_eq!(world.rest("UpdateDeployment", renamed).await["description"], "d");
    world.rest("FlushStageCache", json!({"restApiId": api, "stageName": "s"})).await;
}
