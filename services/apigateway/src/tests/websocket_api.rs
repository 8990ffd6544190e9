//! WebSocket APIs as their owners make them.

use kv::{Bytes, Stored};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FUNCTION, World, invocations};
use crate::types::Texts;
use crate::types::http;

impl World {
    /// A WebSocket API with a function behind these routes, at the stage `dev` that deploys by itself.
    pub async fn websocket_api(&self, routes: &[(&str, Value)]) -> String {
        let input =
            json!({"name": "w", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"});
        let api = self.http("CreateApi", input).await["apiId"].as_str().unwrap().to_owned();
        let integration =
            json!({"apiId": api, "integrationType": "AWS_PROXY", "integrationUri": invocations(FUNCTION)});
        let integration = self.http("CreateIntegration", integration).await["integrationId"].clone();
        let target = format!("integrations/{}", integration.as_str().unwrap());
        for (key, more) in routes {
            let mut route = json!({"apiId": api, "routeKey": key, "target": target});
            route.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
            self.http("CreateRoute", route).await;
        }
        self.http("CreateStage", json!({"apiId": api, "stageName": "dev", "autoDeploy": true})).await;
        api
    }
}

fn with(api: &str, mut input: Value, more: &Value) -> Value {
    input["apiId"] = json!(api);
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

#[tokio::test]
async fn apis_have_what_theirs_alone_have() {
    let world = World::new();
    let made = world
        .http(
            "CreateApi",
            json!({"name": "w", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.a"}),
        )
        .await;
    let id = made["apiId"].as_str().unwrap();
    let expected = json!({
        "apiEndpoint": format!("ws://localhost:4566/_aws/execute-api/{id}"), "apiId": id, "name": "w",
        "apiKeySelectionExpression": "$request.header.x-api-key", "createdDate": "2027-01-15T08:00:00.000Z",
        "disableExecuteApiEndpoint": false, "disableSchemaValidation": false, "protocolType": "WEBSOCKET",
        "routeSelectionExpression": "$request.body.a", "tags": {},
    });
    assert_eq!(made, expected);
    let change = json!({
        "apiId": id, "routeSelectionExpression": "${request.body.b}",
        "apiKeySelectionExpression": "$context.authorizer.usageIdentifierKey",
    });
    let changed = world.http("UpdateApi", change).await;
    assert_eq!(changed["routeSelectionExpression"], "${request.body.b}");
    assert_eq!(changed["apiKeySelectionExpression"], "$context.authorizer.usageIdentifierKey");
    assert_eq!(changed, world.http("GetApis", json!({})).await["items"][0]);
    for (more, code) in [
        (json!({"routeSelectionExpression": null}), "BadRequestException"),
        (json!({"routeSelectionExpression": "$request.header.x"}), "BadRequestException"),
        (json!({"apiKeySelectionExpression": "$request.body.key"}), "BadRequestException"),
        (json!({"corsConfiguration": {"allowOrigins": ["*"]}}), "BadRequestException"),
        (json!({"target": FUNCTION}), "BadRequestException"),
        (json!({"protocolType": "MQTT"}), "BadRequestException"),
    ] {
        let input = json!({"name": "w", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.a"});
        assert_eq!(world.refused("apigatewayv2", "CreateApi", with("", input, &more)).await.0, code, "{more}");
    }
    world.http("DeleteApi", json!({"apiId": id})).await;
    assert_eq!(world.refused("apigatewayv2", "GetApi", json!({"apiId": id})).await.0, "NotFoundException");
}

#[tokio::test]
async fn routes_and_integrations_are_those_of_websockets() {
    let world = World::new();
    let api = world
        .websocket_api(&[("$connect", json!({})), ("join", json!({"routeResponseSelectionExpression": "$default"}))])
        .await;
    let routes = world.http("GetRoutes", json!({"apiId": api})).await["items"].clone();
    let join = routes.as_array().unwrap().iter().find(|route| route["routeKey"] == "join").unwrap();
    assert_eq!(join["routeResponseSelectionExpression"], "$default");
    assert_eq!((&join["apiKeyRequired"], &join["authorizationType"]), (&json!(false), &json!("NONE")));
    for (more, code) in [
        (json!({"routeKey": "join"}), "ConflictException"),
        (json!({"routeKey": "$other"}), "BadRequestException"),
        (json!({"routeKey": ""}), "BadRequestException"),
        (json!({"authorizationType": "AWS_IAM"}), "BadRequestException"),
        (json!({"authorizationType": "JWT"}), "BadRequestException"),
        (json!({"routeResponseSelectionExpression": "$other"}), "BadRequestException"),
        (json!({"requestModels": {"a": "b"}}), "NotImplemented"),
        (json!({"target": "integrations/none"}), "BadRequestException"),
    ] {
        let input = with(&api, json!({"routeKey": "leave"}), &more);
        assert_eq!(world.refused("apigatewayv2", "CreateRoute", input).await.0, code, "{more}");
    }
    for (more, code) in [
        (json!({"integrationType": "AWS"}), "BadRequestException"),
        (
            json!({"integrationType": "AWS", "integrationMethod": "POST", "integrationUri": "arn:aws:apigateway:us-east-1:sqs:action/SendMessage"}),
            "BadRequestException",
        ),
        (json!({"integrationType": "HTTP_PROXY", "integrationUri": "https://example.com"}), "BadRequestException"),
        (
            json!({"integrationType": "HTTP", "integrationMethod": "POST", "integrationUri": "ftp://example.com"}),
            "BadRequestException",
        ),
        (json!({"credentialsArn": "role"}), "BadRequestException"),
        (json!({"requestParameters": {"integration.request.header.X": "context.connectionId"}}), "BadRequestException"),
        (json!({"integrationType": "SMTP"}), "BadRequestException"),
        (json!({"integrationUri": "https://example.com"}), "BadRequestException"),
        (json!({"payloadFormatVersion": "2.0"}), "BadRequestException"),
        (json!({"timeoutInMillis": 29_001}), "BadRequestException"),
        (json!({"contentHandlingStrategy": "CONVERT_TO_TEXT"}), "NotImplemented"),
        (json!({"requestTemplates": {"a": "#if($x)"}}), "BadRequestException"),
        (json!({"templateSelectionExpression": "$integration.response.body.x"}), "NotImplemented"),
        (json!({"passthroughBehavior": "SOMETIMES"}), "BadRequestException"),
    ] {
        let input = with(&api, json!({"integrationType": "AWS_PROXY", "integrationUri": FUNCTION}), &more);
        assert_eq!(world.refused("apigatewayv2", "CreateIntegration", input).await.0, code, "{more}");
    }
    let mock = json!({
        "apiId": api, "integrationType": "MOCK", "requestTemplates": {"200": "{\"statusCode\":200}"},
        "templateSelectionExpression": "200",
    });
    let made = world.http("CreateIntegration", mock).await;
    let id = made["integrationId"].clone();
    let expected = json!({
        "connectionType": "INTERNET", "integrationId": id, "integrationResponseSelectionExpression": "${integration.response.statuscode}",
        "integrationType": "MOCK", "passthroughBehavior": "WHEN_NO_MATCH", "payloadFormatVersion": "1.0",
        "requestTemplates": {"200": "{\"statusCode\":200}"}, "templateSelectionExpression": "200", "timeoutInMillis": 29_000,
    });
    assert_eq!(made, expected);
    let change = json!({"apiId": api, "integrationId": id, "description": "text"});
    assert_eq!(world.http("UpdateIntegration", change).await["description"], "text");
    assert_eq!(world.http("GetIntegrations", json!({"apiId": api})).await["items"].as_array().unwrap().len(), 2);
    world.http("DeleteIntegration", json!({"apiId": api, "integrationId": id})).await;
    let used =
        json!({"apiId": api, "integrationId": routes[0]["target"].as_str().unwrap().replace("integrations/", "")});
    assert_eq!(world.refused("apigatewayv2", "DeleteIntegration", used).await.0, "ConflictException");
    let stage = json!({"apiId": api, "stageName": "$default"});
    assert_eq!(world.refused("apigatewayv2", "CreateStage", stage).await.0, "BadRequestException");
}

#[tokio::test]
async fn responses_are_parts_of_routes_and_integrations() {
    let world = World::new();
    let api = world.websocket_api(&[("join", json!({}))]).await;
    let route = world.http("GetRoutes", json!({"apiId": api})).await["items"][0]["routeId"].clone();
    let of_route = json!({"apiId": api, "routeId": route});
    let made =
        world.http("CreateRouteResponse", with(&api, of_route.clone(), &json!({"routeResponseKey": "$default"}))).await;
    assert_eq!(made["routeResponseKey"], "$default");
    let named = with(&api, of_route.clone(), &json!({"routeResponseId": made["routeResponseId"]}));
    assert_eq!(world.http("GetRouteResponse", named.clone()).await, made);
    assert_eq!(world.http("UpdateRouteResponse", named.clone()).await, made);
    assert_eq!(world.http("GetRouteResponses", of_route.clone()).await, json!({"items": [made]}));
    for (more, code) in [
        (json!({"routeResponseKey": "$default"}), "ConflictException"),
        (json!({"routeResponseKey": "200"}), "BadRequestException"),
        (json!({"routeResponseKey": "$default", "responseModels": {"a": "b"}}), "NotImplemented"),
    ] {
        let input = with(&api, of_route.clone(), &more);
        assert_eq!(world.refused("apigatewayv2", "CreateRouteResponse", input).await.0, code, "{more}");
    }
    world.http("DeleteRouteResponse", named.clone()).await;
    assert_eq!(world.refused("apigatewayv2", "GetRouteResponse", named).await.0, "NotFoundException");

    let mock = json!({"apiId": api, "integrationType": "MOCK"});
    let integration = world.http("CreateIntegration", mock).await["integrationId"].clone();
    let of = json!({"apiId": api, "integrationId": integration});
    let input = json!({"integrationResponseKey": "/2\\d\\d/", "responseTemplates": {"$default": "fine"}});
    let made = world.http("CreateIntegrationResponse", with(&api, of.clone(), &input)).await;
    let named = with(&api, of.clone(), &json!({"integrationResponseId": made["integrationResponseId"]}));
    let change = with(&api, named.clone(), &json!({"integrationResponseKey": "$default"}));
    let changed = world.http("UpdateIntegrationResponse", change).await;
    assert_eq!(
        (&changed["integrationResponseKey"], &changed["responseTemplates"]["$default"]),
        (&json!("$default"), &json!("fine"))
    );
    assert_eq!(world.http("GetIntegrationResponse", named.clone()).await, changed);
    assert_eq!(world.http("GetIntegrationResponses", of.clone()).await, json!({"items": [changed]}));
    for (more, code) in [
        (json!({"integrationResponseKey": "$default"}), "ConflictException"),
        (json!({"integrationResponseKey": "/(/"}), "BadRequestException"),
        (json!({"integrationResponseKey": "/(\\w{1,99}){1,99}/"}), "BadRequestException"),
        (json!({"integrationResponseKey": "200"}), "BadRequestException"),
        (json!({"integrationResponseKey": "/200/", "responseTemplates": {"a": "#set($x)"}}), "BadRequestException"),
        (
            json!({"integrationResponseKey": "/200/", "responseParameters": {"route.response.header.X": "x"}}),
            "BadRequestException",
        ),
        (json!({"integrationResponseKey": "/200/", "contentHandlingStrategy": "CONVERT_TO_TEXT"}), "NotImplemented"),
    ] {
        let input = with(&api, of.clone(), &more);
        assert_eq!(world.refused("apigatewayv2", "CreateIntegrationResponse", input).await.0, code, "{more}");
    }
    world.http("DeleteIntegrationResponse", named.clone()).await;
    assert_eq!(world.refused("apigatewayv2", "GetIntegrationResponse", named).await.0, "NotFoundException");
    let http = world.http_api(json!({}), "2.0", &["GET /a"]).await;
    let input = json!({"apiId": http, "routeId": "x", "routeResponseKey": "$default"});
    assert_eq!(world.refused("apigatewayv2", "CreateRouteResponse", input).await.0, "BadRequestException");
}

#[tokio::test]
async fn authorizers_are_functions_that_are_told_the_handshake() {
    let world = World::new();
    let api = world.websocket_api(&[("$connect", json!({}))]).await;
    let input = json!({"name": "a", "authorizerType": "REQUEST", "authorizerUri": invocations(FUNCTION)});
    let sources = json!({"identitySource": ["route.request.header.Auth", "route.request.querystring.q"]});
    let made = world.http("CreateAuthorizer", with(&api, input.clone(), &sources)).await;
    assert_eq!(made["authorizerType"], "REQUEST");
    assert_eq!((made.get("authorizerResultTtlInSeconds"), made.get("enableSimpleResponses")), (None, None));
    for more in [
        json!({"authorizerType": "JWT"}),
        json!({"authorizerResultTtlInSeconds": 5}),
        json!({"enableSimpleResponses": true}),
        json!({"authorizerPayloadFormatVersion": "2.0"}),
        json!({"identitySource": ["$request.header.Auth"]}),
    ] {
        let input = with(&api, with(&api, input.clone(), &json!({"name": "b"})), &more);
        assert_eq!(world.refused("apigatewayv2", "CreateAuthorizer", input).await.0, "BadRequestException", "{more}");
    }
    let change = json!({"apiId": api, "authorizerId": made["authorizerId"], "name": "c"});
    let changed = world.http("UpdateAuthorizer", change).await;
    assert_eq!((&changed["name"], &changed["identitySource"]), (&json!("c"), &sources["identitySource"]));
}

#[tokio::test]
async fn deployments_need_a_route_and_can_be_described() {
    let world = World::new();
    let api = world.websocket_api(&[]).await;
    let made = world.http("CreateStage", json!({"apiId": api, "stageName": "prod"})).await;
    let unsaid = json!({"dataTraceEnabled": false, "detailedMetricsEnabled": false, "loggingLevel": "OFF"});
    assert_eq!(made["defaultRouteSettings"], unsaid);
    let refused = world.refused("apigatewayv2", "CreateDeployment", json!({"apiId": api})).await;
    assert_eq!(
        refused,
        ("BadRequestException".into(), "At least one route is required before deploying the Api.".into())
    );
    let said = json!({"dataTraceEnabled": true, "loggingLevel": "INFO", "throttlingBurstLimit": 1, "throttlingRateLimit": 1.0});
    let change =
        json!({"apiId": api, "stageName": "prod", "routeSettings": {"join": said}, "defaultRouteSettings": said});
    let told = "Unable to find Route by key join within the provided RouteSettings";
    let refused = world.refused("apigatewayv2", "UpdateStage", change.clone()).await;
    assert_eq!(refused, ("NotFoundException".into(), told.into()));
    world.http("CreateRoute", json!({"apiId": api, "routeKey": "join"})).await;
    let changed = world.http("UpdateStage", change).await;
    assert_eq!(changed["routeSettings"], json!({"join": said}));
    let mut shown = said.clone();
    shown["detailedMetricsEnabled"] = json!(false);
    assert_eq!(changed["defaultRouteSettings"], shown);
    let loud = json!({"apiId": api, "stageName": "prod", "defaultRouteSettings": {"loggingLevel": "LOUD"}});
    assert_eq!(world.refused("apigatewayv2", "UpdateStage", loud).await.0, "BadRequestException");
    let made = world.http("CreateDeployment", json!({"apiId": api, "stageName": "prod"})).await;
    let change = json!({"apiId": api, "deploymentId": made["deploymentId"], "description": "text"});
    assert_eq!(world.http("UpdateDeployment", change).await["description"], "text");
    let settings = json!({"apiId": api, "stageName": "prod", "routeKey": "join"});
    world.http("DeleteRouteSettings", settings.clone()).await;
    assert_eq!(world.refused("apigatewayv2", "DeleteRouteSettings", settings).await.0, "NotFoundException");
    assert_eq!(world.http("GetStage", json!({"apiId": api, "stageName": "prod"})).await["routeSettings"], json!({}));
}

/// An API and a route as they were stored before there were WebSockets.
#[derive(Serialize, Deserialize)]
struct OldApi {
    id: String,
    region: String,
    account: String,
    name: String,
    description: Option<String>,
    version: Option<String>,
    created: base::Timestamp,
    cors: Option<http::Cors>,
    disable_execute_api: bool,
    tags: Texts,
}
kv::stored!(OldApi, version = 1);

#[derive(Serialize, Deserialize)]
struct OldRoute {
    id: String,
    key: String,
    integration: Option<String>,
    operation_name: Option<String>,
    managed: bool,
}
kv::stored!(OldRoute, version = 1);

#[test]
fn what_was_stored_before_is_read() {
    let text = || "x".to_owned();
    let api = OldApi {
        id: text(),
        region: text(),
        account: text(),
        name: text(),
        description: None,
        version: None,
        created: base::Timestamp(1),
        cors: None,
        disable_execute_api: false,
        tags: Texts::new(),
    };
    assert_eq!(http::Api::from_bytes(&api.to_bytes().unwrap()).unwrap().websocket, None);
    let route = OldRoute { id: text(), key: "GET /".into(), integration: None, operation_name: None, managed: false };
    let bytes: Bytes = route.to_bytes().unwrap();
    let route = http::Route::from_bytes(&bytes).unwrap();
    assert_eq!((route.api_key_required, route.response_selection), (false, None));
}
