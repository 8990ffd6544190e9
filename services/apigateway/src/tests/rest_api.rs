//! REST APIs as their owners make them.

use http::HeaderMap;
use serde_json::{Value, json};
use service::WireRequest;
use wire::Protocol;

use super::{FUNCTION, World, invocations, text};

/// An API with `GET /users/{id}` and its ids.
pub struct Made {
    pub api: String,
    pub root: String,
    pub users: String,
    pub user: String,
}

impl World {
    pub async fn rest_api(&self, more: Value) -> Made {
        let mut input = json!({"name": "a"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.rest("CreateRestApi", input).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (api, root) = (text(&made["id"]), text(&made["rootResourceId"]));
        let users = self.resource(&api, &root, "users").await;
        let user = self.resource(&api, &users, "{id}").await;
        self.proxy(&api, &user, "GET", &invocations(FUNCTION)).await;
        Made { api, root, users, user }
    }

    pub async fn resource(&self, api: &str, parent: &str, part: &str) -> String {
        let input = json!({"restApiId": api, "parentId": parent, "pathPart": part});
        self.rest("CreateResource", input).await["id"].as_str().unwrap().to_owned()
    }

    /// A method that a function answers.
    pub async fn proxy(&self, api: &str, resource: &str, method: &str, uri: &str) {
        let key = json!({"restApiId": api, "resourceId": resource, "httpMethod": method});
        let with = |more: Value| {
            let mut input = key.clone();
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        self.rest("PutMethod", with(json!({"authorizationType": "NONE"}))).await;
        let integration = json!({"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri});
        self.rest("PutIntegration", with(integration)).await;
    }

    pub async fn deploy(&self, api: &str, stage: &str) -> String {
        let made = self.rest("CreateDeployment", json!({"restApiId": api, "stageName": stage})).await;
        made["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn apis_are_made_listed_changed_and_removed() {
    let world = World::new();
    let made =
        world.rest("CreateRestApi", json!({"name": "a", "tags": {"k": "v"}, "binaryMediaTypes": ["image/png"]})).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!((id.len(), &made["createdDate"]), (10, &json!(1_800_000_000)));
    assert_eq!(made["endpointConfiguration"], json!({"types": ["EDGE"], "ipAddressType": "ipv4"}));
    let patches = json!([
        {"op": "replace", "path": "/name", "value": "b"},
        {"op": "replace", "path": "/description", "value": "text"},
        {"op": "add", "path": "/binaryMediaTypes/*~1*"},
        {"op": "remove", "path": "/binaryMediaTypes/image~1png"},
        {"op": "replace", "path": "/endpointConfiguration/ipAddressType", "value": "dualstack"},
    ]);
    let changed = world.rest("UpdateRestApi", json!({"restApiId": id, "patchOperations": patches})).await;
    assert_eq!(changed, world.rest("GetRestApi", json!({"restApiId": id})).await);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("b"), &json!("text")));
    assert_eq!(changed["binaryMediaTypes"], json!(["*/*"]));
    assert_eq!(changed["endpointConfiguration"]["ipAddressType"], "dualstack");
    let plain = world.rest("CreateRestApi", json!({"name": "c"})).await;
    assert_eq!(plain.get("tags"), None);
    assert_eq!(world.rest("GetRestApi", json!({"restApiId": plain["id"]})).await["tags"], json!({}));
    let page = world.rest("GetRestApis", json!({"limit": 1})).await;
    let rest = world.rest("GetRestApis", json!({"limit": 1, "position": page["position"]})).await;
    assert_eq!((page["item"].as_array().unwrap().len(), rest.get("position")), (1, None));
    assert_ne!(page["item"][0]["id"], rest["item"][0]["id"]);
    let arn = format!("arn:aws:apigateway:us-east-1::/restapis/{id}");
    world.rest("TagResource", json!({"resourceArn": arn, "tags": {"l": "w"}})).await;
    world.rest("UntagResource", json!({"resourceArn": arn, "tagKeys": ["k"]})).await;
    assert_eq!(world.rest("GetTags", json!({"resourceArn": arn})).await, json!({"tags": {"l": "w"}}));
    world.rest("DeleteRestApi", json!({"restApiId": id})).await;
    assert_eq!(world.refused("apigateway", "GetRestApi", json!({"restApiId": id})).await.0, "NotFoundException");
}

#[tokio::test]
async fn apis_are_refused_as_on_aws() {
    let world = World::new();
    for (more, code, message) in [
        (json!({"description": ""}), "BadRequestException", "Description cannot be an empty string"),
        (
            json!({"endpointConfiguration": {"types": []}}),
            "BadRequestException",
            "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
        ),
        (
            json!({"endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}}),
            "BadRequestException",
            "Cannot create an api with multiple Endpoint Types.",
        ),
        (
            json!({"endpointConfiguration": {"types": ["wrong"], "ipAddressType": "wrong"}}),
            "ValidationException",
            "2 validation errors detected: Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to satisfy \
             constraint: Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]; \
             Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' failed to satisfy constraint: Member \
             must satisfy enum value set: [ipv4, dualstack]",
        ),
        (json!({"endpointConfiguration": {"types": ["PRIVATE"]}}), "NotImplemented", "The endpoint type PRIVATE"),
    ] {
        let mut input = more.clone();
        input["name"] = json!("a");
        let refused = world.refused("apigateway", "CreateRestApi", input).await;
        assert_eq!(refused.0, code, "{more}");
        assert!(refused.1.starts_with(message), "{}", refused.1);
    }
    let api = world.rest_api(json!({})).await.api;
    let patch = |patch: Value| json!({"restApiId": api, "patchOperations": [patch]});
    for (op, value, message) in [
        ("replace", "wrong", "ipAddressType must be either ipv4 or dualstack."),
        ("remove", "ipv4", "Invalid patch operation specified. Must be one of: [replace]"),
    ] {
        let patched = patch(json!({"op": op, "path": "/endpointConfiguration/ipAddressType", "value": value}));
        assert_eq!(world.refused("apigateway", "UpdateRestApi", patched).await.1, message);
    }
    // Patches take what is no media type.
    let dash = patch(json!({"op": "add", "path": "/binaryMediaTypes/-"}));
    assert_eq!(world.rest("UpdateRestApi", dash).await["binaryMediaTypes"], json!(["-"]));
}

#[tokio::test]
async fn resources_form_a_tree() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let api = &made.api;
    let all = world.rest("GetResources", json!({"restApiId": api, "embed": ["methods"]})).await;
    let paths: Vec<_> = all["item"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/", "/users", "/users/{id}"]);
    assert_eq!(all["item"][2]["resourceMethods"]["GET"]["methodIntegration"]["type"], "AWS_PROXY");
    let one = world.rest("GetResource", json!({"restApiId": api, "resourceId": made.user})).await;
    let expected = json!({"id": made.user, "parentId": made.users, "pathPart": "{id}", "path": "/users/{id}", "resourceMethods": {"GET": {}}});
    assert_eq!(one, expected);
    let refused = async |parent: &str, part: &str| {
        let input = json!({"restApiId": api, "parentId": parent, "pathPart": part});
        world.refused("apigateway", "CreateResource", input).await.0
    };
    assert_eq!(refused(&made.root, "users").await, "ConflictException");
    for variable in ["{other}", "{other+}"] {
        assert_eq!(refused(&made.users, variable).await, "BadRequestException", "{variable}");
    }
    assert_eq!(refused("nothing", "a").await, "NotFoundException");
    for part in ["", "a b", "{}", "{+}", "a/b", "x{y}"] {
        assert_eq!(refused(&made.root, part).await, "BadRequestException", "{part}");
    }
    let rename = json!({"restApiId": api, "resourceId": made.users, "patchOperations": [{"op": "replace", "path": "/pathPart", "value": "people"}]});
    assert_eq!(world.rest("UpdateResource", rename).await["path"], "/people");
    let moved = |id: &str, op: &str, path: &str, value: &str| json!({"restApiId": api, "resourceId": id, "patchOperations": [{"op": op, "path": path, "value": value}]});
    for (id, op, path, value, message) in [
        (&made.users, "replace", "/parentId", &made.user, "Resources cannot be cyclical."),
        (&made.root, "replace", "/parentId", &made.user, "Root resource cannot update its parentId."),
        (&made.root, "replace", "/pathPart", &made.user, "Root resource cannot update its pathPart."),
        (
            &made.user,
            "remove",
            "/pathPart",
            &made.user,
            "Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported operations",
        ),
        (
            &made.user,
            "replace",
            "/x",
            &made.user,
            "Invalid patch path  '/x' specified for op 'replace'. Must be one of: [/parentId, /pathPart]",
        ),
    ] {
        assert_eq!(world.refused("apigateway", "UpdateResource", moved(id, op, path, value)).await.1, message);
    }
    assert_eq!(
        world.rest("UpdateResource", moved(&made.user, "replace", "/parentId", &made.root)).await["path"],
        "/{id}"
    );
    world.rest("UpdateResource", moved(&made.user, "replace", "/parentId", &made.users)).await;
    world.rest("DeleteResource", json!({"restApiId": api, "resourceId": made.users})).await;
    let gone = json!({"restApiId": api, "resourceId": made.user});
    assert_eq!(world.refused("apigateway", "GetResource", gone).await.0, "NotFoundException");
    let root = json!({"restApiId": api, "resourceId": made.root});
    assert_eq!(world.refused("apigateway", "DeleteResource", root).await.0, "BadRequestException");
}

#[tokio::test]
async fn what_is_not_built_is_refused_as_it_is_put() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let method = |more: Value| {
        let mut input =
            json!({"restApiId": made.api, "resourceId": made.users, "httpMethod": "GET", "authorizationType": "NONE"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    assert_eq!(
        world.refused("apigateway", "PutMethod", method(json!({"httpMethod": "FETCH"}))).await.0,
        "BadRequestException"
    );
    for more in [
        json!({"authorizationType": "CUSTOM"}),
        json!({"authorizationType": "CUSTOM", "authorizerId": "none"}),
        json!({"authorizationType": "COGNITO_USER_POOLS"}),
        json!({"authorizationType": "JWT"}),
        json!({"requestParameters": {"method.request.querystring.a": false, "method.request.header.a": false}}),
    ] {
        assert_eq!(
            world.refused("apigateway", "PutMethod", method(more.clone())).await.0,
            "BadRequestException",
            "{more}"
        );
    }
    // The word may be in any case.
    assert_eq!(
        world.rest("PutMethod", method(json!({"authorizationType": "none"}))).await["authorizationType"],
        "NONE"
    );
    assert_eq!(world.refused("apigateway", "PutMethod", method(json!({}))).await.0, "ConflictException");
    for more in [
        json!({"type": "HTTP", "uri": "http://example.com", "integrationHttpMethod": "GET", "connectionType": "VPC_LINK"}),
        json!({"type": "AWS_PROXY", "uri": invocations(FUNCTION), "responseTransferMode": "STREAM"}),
    ] {
        assert_eq!(
            world.refused("apigateway", "PutIntegration", method(more.clone())).await.0,
            "NotImplemented",
            "{more}"
        );
    }
    for more in [
        json!({"type": "AWS_PROXY"}),
        json!({"type": "AWS_PROXY", "uri": "x"}),
        json!({"type": "AWS_PROXY", "uri": FUNCTION}),
        json!({"type": "AWS_PROXY", "uri": invocations(FUNCTION), "timeoutInMillis": 30_000}),
        json!({"type": "AWS_PROXY", "uri": "arn:aws:apigateway:us-east-1:sqs:path/q"}),
        json!({"type": "HTTP", "uri": "http://example.com"}),
        json!({"type": "HTTP", "uri": "example.com", "integrationHttpMethod": "GET"}),
    ] {
        assert_eq!(
            world.refused("apigateway", "PutIntegration", method(more.clone())).await.0,
            "BadRequestException",
            "{more}"
        );
    }
    let odd = |word: &str, member: &str, rule: &str| {
        let told = format!("Value '{word}' at '{member}' failed to satisfy constraint: Member must satisfy {rule}");
        ("ValidationException".to_owned(), format!("1 validation error detected: {told}"))
    };
    for (operation, more, expected) in [
        (
            "PutIntegration",
            json!({"type": "OTHER"}),
            odd("OTHER", "putIntegrationInput.type", "enum value set: [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]"),
        ),
        (
            "GetMethodResponse",
            json!({"statusCode": "2000"}),
            odd("2000", "statusCode", r"regular expression pattern: [1-5]\d\d"),
        ),
        (
            "UpdateMethod",
            json!({"patchOperations": [{"op": "replace"}, {"op": "wrong", "path": "/a"}]}),
            odd("wrong", "patchOperations.2.member.op", "enum value set: [add, remove, move, test, replace, copy]"),
        ),
    ] {
        assert_eq!(world.refused("apigateway", operation, method(more)).await, expected);
    }
    let deployment = json!({"restApiId": made.api, "stageName": "dev"});
    let (code, message) = world.refused("apigateway", "CreateDeployment", deployment).await;
    assert_eq!((&*code, &*message), ("BadRequestException", "No integration defined for method"));
}

#[tokio::test]
async fn methods_are_shown_and_changed() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let key = json!({"restApiId": made.api, "resourceId": made.user, "httpMethod": "GET"});
    let mut patch = key.clone();
    // Where everybody may come in, an authorizer is nobody's.
    patch["patchOperations"] = json!([
        {"op": "add", "path": "/requestParameters/method.request.path.id", "value": "true"},
        {"op": "replace", "path": "/authorizerId", "value": "abc"},
    ]);
    world.rest("UpdateMethod", patch).await;
    let mut response = key.clone();
    response["statusCode"] = json!("200");
    world.rest("PutMethodResponse", response.clone()).await;
    assert_eq!(world.refused("apigateway", "PutMethodResponse", response.clone()).await.0, "ConflictException");
    let expected = json!({
        "httpMethod": "GET", "authorizationType": "NONE", "apiKeyRequired": false,
        "requestParameters": {"method.request.path.id": true},
        "methodResponses": {"200": {"statusCode": "200"}},
        "methodIntegration": {
            "type": "AWS_PROXY", "httpMethod": "POST", "uri": invocations(FUNCTION), "passthroughBehavior": "WHEN_NO_MATCH",
            "timeoutInMillis": 29_000, "cacheNamespace": made.user, "cacheKeyParameters": [],
        },
    });
    assert_eq!(world.rest("GetMethod", key.clone()).await, expected);
    assert_eq!(world.rest("GetIntegration", key.clone()).await, expected["methodIntegration"]);
    world.rest("DeleteMethodResponse", response.clone()).await;
    assert_eq!(world.refused("apigateway", "GetMethodResponse", response).await.0, "NotFoundException");
    world.rest("DeleteIntegration", key.clone()).await;
    assert_eq!(world.refused("apigateway", "GetIntegration", key.clone()).await.0, "NotFoundException");
    world.rest("DeleteMethod", key.clone()).await;
    assert_eq!(world.refused("apigateway", "GetMethod", key).await.1, "Invalid Method identifier specified");
}

#[tokio::test]
async fn stages_serve_what_was_deployed() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let api = &made.api;
    let first = world.deploy(api, "dev").await;
    world.proxy(api, &made.users, "GET", &invocations(FUNCTION)).await;
    let users = format!("/_aws/execute-api/{api}/dev/users");
    assert_eq!(world.get(&users).await.status(), 403);
    let second = world.deploy(api, "dev").await;
    assert_eq!(world.get(&users).await.status(), 200);
    let back = json!({"restApiId": api, "stageName": "dev", "patchOperations": [{"op": "replace", "path": "/deploymentId", "value": first}]});
    world.rest("UpdateStage", back).await;
    assert_eq!(world.get(&users).await.status(), 403);
    let delete = |id: &str| json!({"restApiId": api, "deploymentId": id});
    assert_eq!(world.refused("apigateway", "DeleteDeployment", delete(&first)).await.0, "BadRequestException");
    world.rest("DeleteDeployment", delete(&second)).await;
    let left = world.rest("GetDeployments", json!({"restApiId": api})).await;
    assert_eq!((left["item"].as_array().unwrap().len(), &left["item"][0]["id"]), (1, &json!(first)));
    let stage = json!({"restApiId": api, "stageName": "prod", "deploymentId": first, "variables": {"a": "1"}});
    world.rest("CreateStage", stage.clone()).await;
    assert_eq!(world.refused("apigateway", "CreateStage", stage).await.0, "ConflictException");
    let names: Vec<_> = world.rest("GetStages", json!({"restApiId": api})).await["item"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["stageName"].clone())
        .collect();
    assert_eq!(names, ["dev", "prod"]);
    world.rest("DeleteStage", json!({"restApiId": api, "stageName": "dev"})).await;
    assert_eq!(text(&world.get(&users).await), (403, r#"{"message":"Forbidden"}"#));
}

#[tokio::test]
async fn the_wire_tells_the_two_http_methods_apart() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let service = world.cloud.cloud.service("apigateway").unwrap();
    let put = service.operation("PutIntegration").unwrap();
    let request = WireRequest {
        protocol: Protocol::RestJson,
        labels: vec![
            ("restApiId", made.api.clone().into()),
            ("resourceId", made.user.clone().into()),
            ("pathMethod", "GET".into()),
        ],
        path: "/".into(),
        query: String::new(),
        headers: HeaderMap::new(),
        body: json!({"type": "AWS_PROXY", "httpMethod": "POST", "uri": invocations(FUNCTION)}).to_string().into(),
        params: None,
        upload: None,
    };
    let response = put.serve(world.cloud.root(), request).await;
    assert_eq!(response.status(), 201, "{:?}", response.body());
    let body: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap()).unwrap();
    assert_eq!(body["httpMethod"], "POST");
}
