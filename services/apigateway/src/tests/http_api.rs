//! HTTP APIs as their owners make them.

use serde_json::{Value, json};

use super::{FUNCTION, World, text};

impl World {
    /// An API with an integration, a `$default` stage that deploys by itself, and these routes.
    pub async fn http_api(&self, more: Value, payload: &str, routes: &[&str]) -> String {
        let mut input = json!({"name": "a", "protocolType": "HTTP"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let api = self.http("CreateApi", input).await["apiId"].as_str().unwrap().to_owned();
        let stage = json!({"apiId": api, "stageName": "$default", "autoDeploy": true, "stageVariables": {}});
        self.http("CreateStage", stage).await;
        let integration = self.integration(&api, payload).await;
        for key in routes {
            let route = json!({"apiId": api, "routeKey": key, "target": format!("integrations/{integration}")});
            self.http("CreateRoute", route).await;
        }
        api
    }

    async fn integration(&self, api: &str, payload: &str) -> String {
        let integration = json!({"apiId": api, "integrationType": "AWS_PROXY", "integrationUri": FUNCTION, "payloadFormatVersion": payload});
        self.http("CreateIntegration", integration).await["integrationId"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn apis_are_made_listed_changed_and_removed() {
    let world = World::new();
    let cors = json!({"allowOrigins": ["https://a.example"], "allowHeaders": ["X-A"], "maxAge": 5});
    let made = world
        .http("CreateApi", json!({"name": "a", "protocolType": "HTTP", "corsConfiguration": cors, "tags": {"k": "v"}}))
        .await;
    let id = made["apiId"].as_str().unwrap();
    assert_eq!(made["apiEndpoint"], format!("http://localhost:4566/_aws/execute-api/{id}"));
    assert_eq!(made["createdDate"], "2027-01-15T08:00:00.000Z");
    assert_eq!(made["corsConfiguration"]["allowHeaders"], json!(["x-a"]));
    let changed = world.http("UpdateApi", json!({"apiId": id, "name": "b", "description": "text"})).await;
    assert_eq!(changed, world.http("GetApi", json!({"apiId": id})).await);
    assert_eq!((&changed["name"], &changed["corsConfiguration"]["maxAge"]), (&json!("b"), &json!(5)));
    world.http("DeleteCorsConfiguration", json!({"apiId": id})).await;
    let items = world.http("GetApis", json!({"maxResults": "1"})).await;
    assert_eq!(items["items"][0].get("corsConfiguration"), None);
    let arn = format!("arn:aws:apigateway:us-east-1::/apis/{id}");
    world.http("TagResource", json!({"resourceArn": arn, "tags": {"l": "w"}})).await;
    world.http("UntagResource", json!({"resourceArn": arn, "tagKeys": ["k"]})).await;
    assert_eq!(world.http("GetTags", json!({"resourceArn": arn})).await, json!({"tags": {"l": "w"}}));
    world.http("DeleteApi", json!({"apiId": id})).await;
    assert_eq!(world.refused("apigatewayv2", "GetApi", json!({"apiId": id})).await.0, "NotFoundException");
    let open = json!({"name": "a", "protocolType": "HTTP", "corsConfiguration": {"allowOrigins": ["*"], "allowCredentials": true}});
    assert_eq!(world.refused("apigatewayv2", "CreateApi", open).await.0, "BadRequestException");
}

#[tokio::test]
async fn what_is_not_built_is_refused_as_it_is_put() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &["GET /a"]).await;
    let with = |mut input: Value, more: Value| {
        input["apiId"] = json!(api);
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let route = |more| with(json!({"routeKey": "GET /b"}), more);
    for (more, code) in [
        (json!({"authorizationType": "JWT"}), "BadRequestException"),
        (json!({"authorizationType": "CUSTOM", "authorizerId": "x"}), "BadRequestException"),
        (json!({"authorizationType": "COGNITO_USER_POOLS"}), "BadRequestException"),
        (json!({"routeKey": "GET /a"}), "ConflictException"),
        (json!({"routeKey": "FETCH /a"}), "BadRequestException"),
        (json!({"target": "integrations/none"}), "BadRequestException"),
        (json!({"target": "none"}), "BadRequestException"),
        (json!({"apiKeyRequired": true}), "BadRequestException"),
    ] {
        assert_eq!(world.refused("apigatewayv2", "CreateRoute", route(more.clone())).await.0, code, "{more}");
    }
    let proxy = json!({"integrationType": "AWS_PROXY", "integrationUri": FUNCTION, "payloadFormatVersion": "2.0"});
    for (more, code) in [
        (json!({"integrationType": "MOCK"}), "BadRequestException"),
        (json!({"integrationUri": "https://example.com"}), "BadRequestException"),
        (json!({"payloadFormatVersion": "3.0"}), "BadRequestException"),
        (json!({"timeoutInMillis": 30_001}), "BadRequestException"),
    ] {
        let input = with(proxy.clone(), more.clone());
        assert_eq!(world.refused("apigatewayv2", "CreateIntegration", input).await.0, code, "{more}");
    }
    let throttled = with(json!({"stageName": "x"}), json!({"defaultRouteSettings": {"throttlingRateLimit": -1.0}}));
    assert_eq!(world.refused("apigatewayv2", "CreateStage", throttled).await.0, "BadRequestException");
    for settings in [json!({"loggingLevel": "INFO"}), json!({"dataTraceEnabled": true})] {
        let logged = with(json!({"stageName": "x"}), json!({"defaultRouteSettings": settings}));
        let told = "Execution logs are not supported on protocolType HTTP";
        let refused = world.refused("apigatewayv2", "CreateStage", logged).await;
        assert_eq!(refused, ("BadRequestException".into(), told.into()));
    }
    let routes = with(json!({"stageName": "x"}), json!({"routeSettings": {"GET /none": {"throttlingBurstLimit": 1}}}));
    assert_eq!(world.refused("apigatewayv2", "CreateStage", routes).await.0, "NotFoundException");
}

#[tokio::test]
async fn parts_are_shown_changed_and_removed() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &["GET /a"]).await;
    let all = json!({"apiId": api});
    let route = world.http("GetRoutes", all.clone()).await["items"][0].clone();
    let integration = world.http("GetIntegrations", all.clone()).await["items"][0].clone();
    let expected = json!({
        "connectionType": "INTERNET", "integrationId": integration["integrationId"], "integrationMethod": "POST",
        "integrationType": "AWS_PROXY", "integrationUri": FUNCTION, "payloadFormatVersion": "2.0", "timeoutInMillis": 30_000,
    });
    assert_eq!(integration, expected);
    let expected = json!({
        "apiKeyRequired": false, "authorizationType": "NONE", "routeId": route["routeId"], "routeKey": "GET /a",
        "target": format!("integrations/{}", integration["integrationId"].as_str().unwrap()),
    });
    assert_eq!(route, expected);
    let name = |part: &str, id: &Value| json!({"apiId": api, part: id});
    let mut change = name("routeId", &route["routeId"]);
    change["routeKey"] = json!("GET /b");
    assert_eq!(world.http("UpdateRoute", change).await["target"], route["target"]);
    let used = name("integrationId", &integration["integrationId"]);
    assert_eq!(world.refused("apigatewayv2", "DeleteIntegration", used.clone()).await.0, "ConflictException");
    let mut change = used.clone();
    change["timeoutInMillis"] = json!(100);
    world.http("UpdateIntegration", change).await;
    assert_eq!(world.http("GetIntegration", used.clone()).await["timeoutInMillis"], 100);
    world.http("DeleteRoute", name("routeId", &route["routeId"])).await;
    world.http("DeleteIntegration", used).await;
    let deployments = world.http("GetDeployments", all).await;
    assert_eq!(deployments["items"].as_array().unwrap().len(), 1, "automatic deployments do not pile up");
    assert_eq!(deployments["items"][0]["autoDeployed"], true);
}

#[tokio::test]
async fn stages_without_auto_deploy_wait_for_a_deployment() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &["GET /a"]).await;
    world.http("CreateStage", json!({"apiId": api, "stageName": "dev"})).await;
    let path = format!("/_aws/execute-api/{api}/dev/a");
    assert_eq!(text(&world.get(&path).await), (404, r#"{"message":"Not Found"}"#));
    let deployed = world.http("CreateDeployment", json!({"apiId": api, "stageName": "dev"})).await;
    assert_eq!(world.get(&path).await.status(), 200);
    let one = json!({"apiId": api, "deploymentId": deployed["deploymentId"]});
    assert_eq!(world.refused("apigatewayv2", "DeleteDeployment", one.clone()).await.0, "BadRequestException");
    world.http("UpdateStage", json!({"apiId": api, "stageName": "dev", "autoDeploy": true})).await;
    world.http("DeleteDeployment", one).await;
    assert_eq!(world.get(&path).await.status(), 200);
    let stages = world.http("GetStages", json!({"apiId": api})).await;
    assert_eq!(stages["items"][0]["stageName"], "$default");
    world.http("DeleteStage", json!({"apiId": api, "stageName": "dev"})).await;
    assert_eq!(world.get(&path).await.status(), 404);
}

#[tokio::test]
async fn quick_create_makes_the_whole_api() {
    let world = World::new();
    let made = world.http("CreateApi", json!({"name": "q", "protocolType": "HTTP", "target": FUNCTION})).await;
    let api = made["apiId"].as_str().unwrap();
    assert_eq!(text(&world.get(&format!("/_aws/execute-api/{api}/any/path")).await), (200, "hi"));
    let event = world.event();
    assert_eq!((&event["routeKey"], &event["rawPath"]), (&json!("$default"), &json!("/any/path")));
}
