//! Models, validators and gateway responses of REST APIs, and the requests that they are about.

use http::Request;
use serde_json::{Value, json};

use super::rest_api::Made;
use super::{World, header, text};

const SCHEMA: &str = r#"{"type": "object", "required": ["a"], "properties": {"a": {"type": "number"}}}"#;

/// `POST /users`, held to a model and to a parameter.
async fn held(world: &World) -> Made {
    let made = world.rest_api(json!({})).await;
    let api = &made.api;
    world
        .rest(
            "CreateModel",
            json!({"restApiId": api, "name": "M", "contentType": "application/json", "schema": SCHEMA}),
        )
        .await;
    let list = r#"{"type": "array", "items": {"$ref": "https://apigateway.amazonaws.com/restapis/x/models/M"}}"#;
    world
        .rest("CreateModel", json!({"restApiId": api, "name": "L", "contentType": "application/json", "schema": list}))
        .await;
    let validator =
        json!({"restApiId": api, "name": "v", "validateRequestBody": true, "validateRequestParameters": true});
    let validator = world.rest("CreateRequestValidator", validator).await["id"].clone();
    let method = json!({
        "restApiId": api, "resourceId": made.users, "httpMethod": "POST", "authorizationType": "NONE",
        "requestValidatorId": validator, "requestModels": {"application/json": "L"},
        "requestParameters": {"method.request.querystring.q": true, "method.request.header.x-h": true, "method.request.header.x-o": false},
    });
    assert_eq!(world.rest("PutMethod", method).await["requestValidatorId"], validator);
    let integration = json!({
        "restApiId": api, "resourceId": made.users, "httpMethod": "POST", "type": "MOCK",
        "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
    });
    world.rest("PutIntegration", integration).await;
    let response = json!({"restApiId": api, "resourceId": made.users, "httpMethod": "POST", "statusCode": "200"});
    world.rest("PutMethodResponse", response.clone()).await;
    world.rest("PutIntegrationResponse", response).await;
    world.deploy(api, "dev").await;
    made
}

async fn post(world: &World, api: &str, query: &str, header: &str, body: &str) -> (u16, String) {
    let request = Request::post(format!("/_aws/execute-api/{api}/dev/users{query}")).header("host", "localhost");
    let response = world.send(request.header("x-h", header), body.as_bytes()).await;
    (response.status().as_u16(), text(&response).1.to_owned())
}

#[tokio::test]
async fn requests_are_held_to_models_and_parameters() {
    let world = World::new();
    let made = held(&world).await;
    let post = async |query: &str, header: &str, body: &str| post(&world, &made.api, query, header, body).await;
    assert_eq!(post("?q=1", "h", r#"[{"a": 1}]"#).await, (200, String::new()));
    let missing = |names: &str| (400, format!(r#"{{"message":"Missing required request parameters: [{names}]"}}"#));
    assert_eq!(post("", "", "[]").await, missing("x-h, q"));
    assert_eq!(post("?q=", "h", "[]").await, missing("q"));
    for body in [r#"[{"a": "1"}]"#, "[{}]", "{}", "x", ""] {
        assert_eq!(post("?q=1", "h", body).await, (400, r#"{"message":"Invalid request body"}"#.into()), "{body}");
    }
    // What is deployed stays as it was.
    let validators = world.rest("GetRequestValidators", json!({"restApiId": made.api})).await;
    let id = validators["item"][0]["id"].clone();
    let off = json!([{"op": "replace", "path": "/validateRequestBody", "value": "false"}, {"op": "replace", "path": "/validateRequestParameters", "value": "no"}]);
    let changed = json!({"restApiId": made.api, "requestValidatorId": id, "patchOperations": off});
    let changed = world.rest("UpdateRequestValidator", changed).await;
    assert_eq!(
        (&changed["validateRequestBody"], &changed["validateRequestParameters"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(post("?q=1", "h", "x").await.0, 400);
    world.deploy(&made.api, "dev").await;
    assert_eq!(post("", "", "x").await.0, 200);
}

#[tokio::test]
async fn models_are_made_changed_and_removed() {
    let world = World::new();
    let made = held(&world).await;
    let of = |name: &str| json!({"restApiId": made.api, "modelName": name});
    let names: Vec<_> = world.rest("GetModels", json!({"restApiId": made.api})).await["item"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["name"].clone())
        .collect();
    assert_eq!(names, ["Empty", "Error", "L", "M"]);
    let template = world.rest("GetModelTemplate", of("M")).await["value"].clone();
    assert!(template.as_str().unwrap().starts_with("#set($inputRoot = $input.path('$'))"), "{template}");
    let refused = async |operation: &str, input: Value| world.refused("apigateway", operation, input).await;
    let create = |name: &str, schema: &str| json!({"restApiId": made.api, "name": name, "schema": schema, "contentType": "application/json"});
    for (input, code, message) in [
        (create("M", SCHEMA), "ConflictException", "Model name already exists for this REST API"),
        (create("", SCHEMA), "BadRequestException", "Model name must be non-empty"),
        (create("N", ""), "BadRequestException", "Model schema must have at least 1 property or array items defined"),
    ] {
        assert_eq!(refused("CreateModel", input).await, (code.into(), message.into()));
    }
    assert_eq!(refused("CreateModel", create("N", "{")).await.0, "BadRequestException");
    assert!(refused("CreateModel", create("N", r#"{"pattern": "(?=a)"}"#)).await.1.contains("(?=a)"));
    let patched = |path: &str, op: &str, value: &str| json!({"restApiId": made.api, "modelName": "M", "patchOperations": [{"op": op, "path": path, "value": value}]});
    assert_eq!(
        world.rest("UpdateModel", patched("/schema", "replace", "{\"type\": \"object\"}")).await["schema"],
        "{\"type\": \"object\"}"
    );
    let (wrong, missing) = (
        refused("UpdateModel", patched("/name", "replace", "x")).await,
        refused("UpdateModel", patched("/x", "add", "x")).await,
    );
    assert_eq!(
        wrong.1,
        "Invalid patch path  '/name' specified for op 'replace'. Must be one of: [/description, /schema]"
    );
    assert_eq!(missing.1, "Invalid patch path  '/x' specified for op 'add'. Please choose supported operations");
    let used = refused("DeleteModel", of("L")).await;
    assert_eq!(
        used,
        ("ConflictException".into(), "Cannot delete model 'L', is referenced in method request: /users/POST".into())
    );
    world.rest("DeleteModel", of("M")).await;
    assert_eq!(refused("GetModel", of("M")).await.1, "Invalid model name specified: M");
    let method =
        json!({"restApiId": made.api, "resourceId": made.users, "httpMethod": "GET", "authorizationType": "NONE"});
    let mut unknown = method.clone();
    unknown["requestModels"] = json!({"application/json": "petModel"});
    assert_eq!(refused("PutMethod", unknown).await.1, "Invalid model identifier specified: petModel");
    let mut unknown = method;
    unknown["requestValidatorId"] = json!("none");
    assert_eq!(refused("PutMethod", unknown).await.1, "Invalid Request Validator identifier specified");
}

#[tokio::test]
async fn owners_say_what_their_apis_answer() {
    let world = World::new();
    let made = held(&world).await;
    let api = &made.api;
    let default = world.rest("GetGatewayResponse", json!({"restApiId": api, "responseType": "THROTTLED"})).await;
    let expected = json!({
        "responseType": "THROTTLED", "statusCode": "429", "responseParameters": {}, "defaultResponse": true,
        "responseTemplates": {"application/json": "{\"message\":$context.error.messageString}"},
    });
    assert_eq!(default, expected);
    let own = json!({
        "restApiId": api, "responseType": "BAD_REQUEST_BODY", "statusCode": "422",
        "responseParameters": {"gatewayresponse.header.X-Q": "method.request.querystring.q", "gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
        "responseTemplates": {"application/json": "{\"m\": $context.error.messageString, \"t\": \"$context.error.responseType\", \"v\": \"$context.error.validationErrorString\"}"},
    });
    assert_eq!(world.rest("PutGatewayResponse", own).await["defaultResponse"], false);
    let class = json!({"restApiId": api, "responseType": "DEFAULT_4XX", "responseParameters": {"gatewayresponse.header.X-C": "'c'"}});
    world.rest("PutGatewayResponse", class).await;
    let all = world.rest("GetGatewayResponses", json!({"restApiId": api})).await["item"].clone();
    let of = |kind: &str| all.as_array().unwrap().iter().find(|one| one["responseType"] == kind).unwrap().clone();
    assert_eq!(
        (all.as_array().unwrap().len(), &of("THROTTLED")["responseParameters"]),
        (21, &json!({"gatewayresponse.header.X-C": "'c'"}))
    );
    assert_eq!(
        (&of("THROTTLED")["defaultResponse"], &of("AUTHORIZER_FAILURE")["responseParameters"]),
        (&json!(true), &json!({}))
    );
    world.deploy(api, "dev").await;
    let request =
        Request::post(format!("/_aws/execute-api/{api}/dev/users?q=z")).header("host", "localhost").header("x-h", "h");
    let response = world.send(request, b"{}").await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(
        (response.status().as_u16(), &body["m"], &body["t"]),
        (422, &json!("Invalid request body"), &json!("BAD_REQUEST_BODY"))
    );
    assert!(body["v"].as_str().unwrap().contains("instance type (object)"), "{body}");
    let headers = ["x-q", "access-control-allow-origin", "x-c"].map(|name| header(&response, name));
    assert_eq!(headers, ["z", "*", ""]);
    let response = world.get(&format!("/_aws/execute-api/{api}/dev/nothing")).await;
    assert_eq!(
        (text(&response), header(&response, "x-c")),
        ((403, r#"{"message":"Missing Authentication Token"}"#), "c")
    );
    let refused = async |operation: &str, input: Value| world.refused("apigateway", operation, input).await.1;
    let patch = |op: &str, path: &str| json!({"restApiId": api, "responseType": "DEFAULT_4XX", "patchOperations": [{"op": op, "path": path, "value": "444"}]});
    assert_eq!(world.rest("UpdateGatewayResponse", patch("replace", "/statusCode")).await["statusCode"], "444");
    assert_eq!(refused("UpdateGatewayResponse", patch("add", "/statusCode")).await, "Invalid patch path /statusCode");
    assert_eq!(
        refused("UpdateGatewayResponse", patch("replace", "/responseParameters/gatewayresponse.header.N")).await,
        "Invalid parameter name specified"
    );
    assert_eq!(
        refused("DeleteGatewayResponse", json!({"restApiId": api, "responseType": "THROTTLED"})).await,
        "Gateway response type not defined on api"
    );
    world.rest("DeleteGatewayResponse", json!({"restApiId": api, "responseType": "DEFAULT_4XX"})).await;
}
