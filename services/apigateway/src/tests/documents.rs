//! APIs as documents: what is imported, what is exported, and that both are the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{FUNCTION, World, invocations, text};

const HTTP: &str = r"
openapi: 3.0.1
info: {title: pets, version: '2'}
tags: [{name: team, x-amazon-apigateway-tag-value: one}]
x-amazon-apigateway-cors: {allowOrigins: ['https://a.example'], maxAge: 5}
components:
  securitySchemes:
    users:
      type: oauth2
      x-amazon-apigateway-authorizer: {type: jwt, identitySource: $request.header.Auth, jwtConfiguration: {issuer: 'https://i.example', audience: [a]}}
    judge:
      type: apiKey
      name: X-Who
      in: header
      x-amazon-apigateway-authorizer:
        type: request
        authorizerUri: URI
        authorizerPayloadFormatVersion: 2.0
        enableSimpleResponses: true
        identitySource: $request.header.X-Who
        authorizerResultTtlInSeconds: 60
    signed: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
paths:
  /$default:
    x-amazon-apigateway-any-method:
      isDefaultRoute: true
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: URI, payloadFormatVersion: '2.0'}
  /pets/{id}:
    get:
      operationId: getPet
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: URI, payloadFormatVersion: '2.0'}
    put:
      security: [{users: [write]}]
      x-amazon-apigateway-integration:
        type: http_proxy
        httpMethod: ANY
        uri: http://h/{id}
        requestParameters: {append:header.a: $context.requestId}
        responseParameters: {'404': {overwrite:statuscode: '200'}}
    delete:
      security: [{judge: []}]
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: URI, payloadFormatVersion: '1.0', timeoutInMillis: 500}
  /signed:
    x-amazon-apigateway-any-method:
      security: [{signed: []}]
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: URI, payloadFormatVersion: '2.0'}
";

fn http_document() -> String {
    HTTP.replace("URI", &invocations(FUNCTION))
}

const REST: &str = r#"
swagger: '2.0'
info: {title: pets, version: '2', description: all of them}
basePath: /v1
x-amazon-apigateway-binary-media-types: [image/png]
x-amazon-apigateway-api-key-source: AUTHORIZER
securityDefinitions:
  api_key: {type: apiKey, name: x-api-key, in: header}
  signed: {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
  judge:
    type: apiKey
    name: X-Who
    in: header
    x-amazon-apigateway-authtype: custom
    x-amazon-apigateway-authorizer: {type: token, authorizerUri: URI, authorizerResultTtlInSeconds: 60, identityValidationExpression: 'a.*'}
paths:
  /:
    get:
      responses: {'200': {description: ok}}
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: URI}
  /pets/{id}:
    x-amazon-apigateway-any-method:
      operationId: anyPet
      parameters: [{name: id, in: path, required: true, type: string}, {name: q, in: query, type: string}]
      security: [{judge: []}, {api_key: []}]
      responses: {'200': {description: ok, headers: {X-A: {type: string}}}}
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: URI, timeoutInMillis: 500}
    options:
      responses: {'200': {description: ok, headers: {Access-Control-Allow-Origin: {type: string}}}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: '200', responseParameters: {method.response.header.Access-Control-Allow-Origin: '''*'''}, responseTemplates: {application/json: ''}}}
  /signed:
    post:
      security: [{signed: []}]
      responses: {}
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: URI}
"#;

fn rest_document() -> String {
    REST.replace("URI", &invocations(FUNCTION))
}

fn blob(text: &str) -> String {
    STANDARD.encode(text)
}

fn read(exported: &Value) -> Value {
    let bytes = STANDARD.decode(exported["body"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// A document without what belongs to one API alone.
fn common(mut document: Value) -> Value {
    for member in ["servers", "host", "basePath"] {
        document.as_object_mut().unwrap().remove(member);
    }
    document
}

#[tokio::test]
async fn an_http_api_is_what_its_document_says_and_the_other_way_round() {
    let world = World::new();
    let made = world.http("ImportApi", json!({ "body": http_document() })).await;
    let api = made["apiId"].as_str().unwrap();
    assert_eq!(
        (&made["name"], &made["version"], &made["tags"]),
        (&json!("pets"), &json!("2"), &json!({"team": "one"}))
    );
    assert_eq!(made["corsConfiguration"], json!({"allowOrigins": ["https://a.example"], "maxAge": 5}));
    let all = json!({ "apiId": api });
    let routes = world.http("GetRoutes", all.clone()).await["items"].as_array().unwrap().clone();
    assert_eq!(routes.len(), 5);
    assert_eq!(world.http("GetIntegrations", all.clone()).await["items"].as_array().unwrap().len(), 3);
    assert_eq!(world.http("GetApis", json!({})).await["items"].as_array().unwrap().len(), 1);
    world.http("CreateStage", json!({"apiId": api, "stageName": "$default", "autoDeploy": true})).await;
    assert_eq!(text(&world.get(&format!("/_aws/execute-api/{api}/pets/7")).await), (200, "hi"));
    assert_eq!(world.event()["routeKey"], "GET /pets/{id}");
    assert_eq!(world.get(&format!("/_aws/execute-api/{api}/signed")).await.status(), 403);
    let export = json!({"apiId": api, "specification": "OAS30", "outputType": "JSON"});
    let first = read(&world.http("ExportApi", export.clone()).await);
    let again = world.http("ImportApi", json!({ "body": first.to_string() })).await;
    let export_again = json!({"apiId": again["apiId"], "specification": "OAS30", "outputType": "JSON"});
    assert_eq!(common(read(&world.http("ExportApi", export_again).await)), common(first.clone()));
    let yaml = world
        .http(
            "ExportApi",
            json!({"apiId": api, "specification": "OAS30", "outputType": "YAML", "stageName": "$default"}),
        )
        .await;
    let yaml = String::from_utf8(STANDARD.decode(yaml["body"].as_str().unwrap()).unwrap()).unwrap();
    world.http("ReimportApi", json!({"apiId": api, "body": yaml})).await;
    let mut after = read(&world.http("ExportApi", export).await);
    // A stage knows no names of operations.
    after["paths"]["/pets/{id}"]["get"]["operationId"] = json!("getPet");
    assert_eq!(common(after), common(first));
    assert_eq!(world.get(&format!("/_aws/execute-api/{api}/pets/7")).await.status(), 200);
    let plain = world
        .http(
            "ExportApi",
            json!({"apiId": api, "specification": "OAS30", "outputType": "JSON", "includeExtensions": false}),
        )
        .await;
    assert!(!read(&plain).to_string().contains("x-amazon"), "{plain}");
}

#[tokio::test]
async fn reimporting_takes_the_place_of_what_was_there_or_changes_nothing() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &["GET /old"]).await;
    let document = |paths: &str| format!("openapi: 3.0.0\ninfo: {{title: new}}\npaths: {{{paths}}}");
    let integration =
        format!("x-amazon-apigateway-integration: {{type: aws_proxy, uri: '{FUNCTION}', payloadFormatVersion: '2.0'}}");
    let good = document(&format!("/new: {{get: {{{integration}}}}}"));
    let bad = document("/new: {get: {x-amazon-apigateway-integration: {type: aws_proxy, uri: nothing}}}");
    let put = |body: &str| json!({"apiId": api, "body": body});
    let refused = world.refused("apigatewayv2", "ReimportApi", put(&bad)).await;
    assert_eq!(refused.0, "BadRequestException");
    assert!(
        refused.1.starts_with("Errors found during import:\n\tUnable to create integration for route 'GET /new'"),
        "{}",
        refused.1
    );
    assert_eq!(world.get(&format!("/_aws/execute-api/{api}/old")).await.status(), 200);
    assert_eq!(world.http("ReimportApi", put(&good)).await["name"], "new");
    assert_eq!(world.get(&format!("/_aws/execute-api/{api}/old")).await.status(), 404);
    assert_eq!(world.get(&format!("/_aws/execute-api/{api}/new")).await.status(), 200);
    let unfinished = document("/new: {get: {}}");
    let strict = json!({"apiId": api, "body": unfinished, "failOnWarnings": true});
    let refused = world.refused("apigatewayv2", "ReimportApi", strict).await;
    assert!(refused.1.starts_with("Warnings found during import:"), "{}", refused.1);
    assert_eq!(world.http("ReimportApi", put(&unfinished)).await["warnings"].as_array().unwrap().len(), 1);
    assert_eq!(world.http("GetApis", json!({})).await["items"].as_array().unwrap().len(), 1);
    for (body, code) in
        [("", "BadRequestException"), ("{", "BadRequestException"), ("swagger: 2.0\npaths: {}", "BadRequestException")]
    {
        assert_eq!(world.refused("apigatewayv2", "ImportApi", json!({ "body": body })).await.0, code, "{body}");
    }
    assert_eq!(
        world.refused("apigatewayv2", "ReimportApi", json!({"apiId": "none", "body": good})).await.0,
        "NotFoundException"
    );
    let socket = world.websocket_api(&[]).await;
    assert_eq!(
        world.refused("apigatewayv2", "ReimportApi", json!({"apiId": socket, "body": good})).await.0,
        "BadRequestException"
    );
    let export = json!({"apiId": api, "specification": "RAML", "outputType": "JSON"});
    assert_eq!(world.refused("apigatewayv2", "ExportApi", export).await.0, "BadRequestException");
}

#[tokio::test]
async fn a_rest_api_is_what_its_document_says_and_the_other_way_round() {
    let world = World::new();
    let made = world
        .rest("ImportRestApi", json!({"body": blob(&rest_document()), "parameters": {"basepath": "prepend"}}))
        .await;
    let api = made["id"].as_str().unwrap();
    assert_eq!(
        (&made["name"], &made["binaryMediaTypes"], &made["apiKeySource"]),
        (&json!("pets"), &json!(["image/png"]), &json!("AUTHORIZER"))
    );
    world.deploy(api, "s").await;
    assert_eq!(text(&world.get(&format!("/_aws/execute-api/{api}/s/v1")).await), (200, "hi"));
    assert_eq!(world.get(&format!("/_aws/execute-api/{api}/s/v1/pets/7")).await.status(), 401);
    for (kind, extensions) in [("oas30", "apigateway"), ("swagger", "integrations,authorizers")] {
        let export =
            json!({"restApiId": api, "stageName": "s", "exportType": kind, "parameters": {"extensions": extensions}});
        let first = read(&world.rest("GetExport", export.clone()).await);
        let again = world.rest("ImportRestApi", json!({"body": blob(&first.to_string())})).await;
        let again = again["id"].as_str().unwrap();
        world.deploy(again, "s").await;
        let mut export = export;
        export["restApiId"] = json!(again);
        assert_eq!(common(read(&world.rest("GetExport", export).await)), common(first), "{kind}");
    }
    let plain = json!({"restApiId": api, "stageName": "s", "exportType": "oas30", "accepts": "application/yaml"});
    let plain = world.rest("GetExport", plain).await;
    assert_eq!(
        (&plain["contentType"], &plain["contentDisposition"]),
        (&json!("application/octet-stream"), &json!("attachment; filename=\"oas30_2.yaml\""))
    );
    let plain = String::from_utf8(STANDARD.decode(plain["body"].as_str().unwrap()).unwrap()).unwrap();
    assert!(plain.contains("\"/v1/pets/{id}\":") && !plain.contains("apigateway-integration"), "{plain}");
}

#[tokio::test]
async fn putting_merges_or_overwrites_and_keeps_ids() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let api = made.api.clone();
    let integration = format!(
        "x-amazon-apigateway-integration: {{type: aws_proxy, httpMethod: POST, uri: '{}'}}",
        invocations(FUNCTION)
    );
    let document = format!(
        "swagger: '2.0'\ninfo: {{title: new}}\npaths: {{/users/{{id}}: {{put: {{{integration}}}}}, /more: {{get: {{{integration}}}}}}}"
    );
    let document = document.replace("/users/{id}:", "'/users/{id}':");
    let put = |mode: &str, body: &str| json!({"restApiId": api, "mode": mode, "body": blob(body)});
    let resources = async || world.rest("GetResources", json!({"restApiId": api, "limit": 500})).await["item"].clone();
    let methods = |resources: &Value, path: &str| {
        let found = resources.as_array().unwrap().iter().find(|resource| resource["path"] == path);
        found.map(|found| {
            (
                found["id"].clone(),
                found["resourceMethods"].as_object().map_or(Vec::new(), |all| all.keys().cloned().collect()),
            )
        })
    };
    world.rest("PutRestApi", put("merge", &document)).await;
    let merged = resources().await;
    assert_eq!(methods(&merged, "/users/{id}"), Some((json!(made.user), vec!["GET".into(), "PUT".into()])));
    let more = methods(&merged, "/more").unwrap();
    assert_eq!(more.1, ["GET"]);
    let bad =
        "swagger: '2.0'\ninfo: {title: t}\npaths: {/x: {get: {x-amazon-apigateway-integration: {type: nothing}}}}";
    let refused = world.refused("apigateway", "PutRestApi", put("overwrite", bad)).await;
    assert!(
        refused
            .1
            .starts_with("Errors found during import:\n\tUnable to put integration on 'GET' for resource at path '/x'"),
        "{}",
        refused.1
    );
    assert_eq!(resources().await, merged);
    let put_again = world.rest("PutRestApi", put("overwrite", &document)).await;
    assert_eq!((&put_again["name"], &put_again["rootResourceId"]), (&json!("new"), &json!(made.root)));
    let overwritten = resources().await;
    assert_eq!(methods(&overwritten, "/users/{id}"), Some((json!(made.user), vec!["PUT".into()])));
    assert_eq!(methods(&overwritten, "/more"), Some(more));
    assert_eq!(world.rest("GetRestApis", json!({})).await["item"].as_array().unwrap().len(), 1);
    for (mode, body, code) in [
        ("replace", document.as_str(), "BadRequestException"),
        ("merge", "", "BadRequestException"),
        ("merge", "\u{feff}{", "BadRequestException"),
    ] {
        assert_eq!(world.refused("apigateway", "PutRestApi", put(mode, body)).await.0, code, "{mode}");
    }
}

#[tokio::test]
async fn exports_leave_out_what_goes_without_saying() {
    let world = World::new();
    let document = r"
swagger: '2.0'
info: {title: t}
definitions: {Pet: {type: object}}
paths:
  /pets:
    post:
      produces: [text/html]
      parameters: [{name: q, in: query, type: string}, {name: any, in: body, schema: {$ref: '#/definitions/Pet'}}]
      responses: {'200': {description: ok, schema: {$ref: '#/definitions/Pet'}}, '400': {description: bad}}
      x-amazon-apigateway-integration: {type: http, httpMethod: POST, uri: 'http://h/', responses: {default: {statusCode: '200'}}}
";
    let made = world.rest("ImportRestApi", json!({"body": blob(document)})).await;
    let api = made["id"].as_str().unwrap();
    world.deploy(api, "s").await;
    let exported = async |kind: &str| {
        let export =
            json!({"restApiId": api, "stageName": "s", "exportType": kind, "parameters": {"extensions": "apigateway"}});
        world.rest("GetExport", export).await
    };
    let swagger = exported("swagger").await;
    assert_eq!(swagger["contentDisposition"], "attachment; filename=\"swagger_2027-01-15T08:00:00Z.json\"");
    let swagger = read(&swagger);
    assert_eq!(
        (&swagger["info"]["version"], swagger.get("x-amazon-apigateway-api-key-source")),
        (&json!("2027-01-15T08:00:00Z"), None)
    );
    let post = &swagger["paths"]["/pets"]["post"];
    assert_eq!((&post["consumes"], &post["produces"]), (&json!(["application/json"]), &json!(["text/html"])));
    let query = json!({"name": "q", "in": "query", "required": false, "type": "string"});
    let body = json!({"name": "Pet", "in": "body", "required": true, "schema": {"$ref": "#/definitions/Pet"}});
    assert_eq!(post["parameters"], json!([query, body]));
    let integration = json!({
        "type": "http", "httpMethod": "POST", "uri": "http://h/", "passthroughBehavior": "when_no_match",
        "responses": {"default": {"statusCode": "200"}},
    });
    assert_eq!(post["x-amazon-apigateway-integration"], integration);
    let openapi = read(&exported("oas30").await);
    assert!(openapi["servers"][0]["url"].as_str().unwrap().ends_with(&format!("{api}/{{basePath}}")), "{openapi}");
    assert_eq!(openapi["servers"][0]["variables"], json!({"basePath": {"default": "s"}}));
    let post = &openapi["paths"]["/pets"]["post"];
    assert_eq!(post["parameters"], json!([{"name": "q", "in": "query", "schema": {"type": "string"}}]));
    assert_eq!(post["responses"]["400"]["content"], json!({}));
    assert_eq!(post["responses"]["200"]["content"]["text/html"]["schema"], json!({"$ref": "#/components/schemas/Pet"}));
}

#[tokio::test]
async fn documents_are_taken_with_their_flaws() {
    let world = World::new();
    let document = r"
openapi: 3.0.1
info: {title: t}
x-amazon-apigateway-binary-media-types: [image/heif]
components: {schemas: {Pet: {type: object, description: Barks or meows}}}
paths:
  /pets/{id}/{rest+}:
    get:
      responses: {'200': {description: ok}}
      x-amazon-apigateway-integration:
        type: mock
        httpMethod: POST
        requestParameters: {integration.request.header.a: '''a''', integration.request.header.b: true}
        requestTemplates: {application/json: '#if($x)'}
        responses: {default: {statusCode: '200'}}
";
    let strict = json!({"body": blob(document), "failOnWarnings": true});
    let refused = world.refused("apigateway", "ImportRestApi", strict).await.1;
    assert!(refused.contains("A mapping template of GET /pets/{id}/{rest+} fails: "), "{refused}");
    let made = world.rest("ImportRestApi", json!({"body": blob(document)})).await;
    let api = made["id"].as_str().unwrap();
    assert_eq!(made["warnings"].as_array().unwrap().len(), 1, "{made}");
    let models = world.rest("GetModels", json!({"restApiId": api})).await["item"].clone();
    let shown: Vec<_> = models.as_array().unwrap().iter().map(|one| (&one["name"], &one["description"])).collect();
    assert_eq!(shown, [(&json!("Pet"), &json!("Barks or meows"))]);
    let resources = world.rest("GetResources", json!({"restApiId": api, "embed": ["methods"]})).await["item"].clone();
    let resources = resources.as_array().unwrap();
    let found = resources.iter().find(|one| one["path"] == "/pets/{id}/{rest+}").unwrap();
    let method = &found["resourceMethods"]["GET"];
    let declared = json!({"method.request.path.id": true, "method.request.path.rest": true});
    assert_eq!(method["requestParameters"], declared);
    let integration = &method["methodIntegration"];
    assert_eq!(integration["requestParameters"], json!({"integration.request.header.a": "'a'"}));
    assert_eq!(integration.get("httpMethod"), None);
    world.deploy(api, "s").await;
    assert_eq!(world.get(&format!("/_aws/execute-api/{api}/s/pets/7/x")).await.status(), 500);
    let more =
        "swagger: '2.0'\ninfo: {title: t}\nx-amazon-apigateway-binary-media-types: [image/png, image/heif]\npaths: {}";
    for (mode, types) in
        [("merge", json!(["image/heif", "image/png"])), ("overwrite", json!(["image/png", "image/heif"]))]
    {
        let put = json!({"restApiId": api, "mode": mode, "body": blob(more)});
        assert_eq!(world.rest("PutRestApi", put).await["binaryMediaTypes"], types, "{mode}");
    }
    let many: Vec<_> = (0..100).map(|number| format!("image/{number}")).collect();
    let many =
        json!({"swagger": "2.0", "info": {"title": "t"}, "x-amazon-apigateway-binary-media-types": many, "paths": {}});
    let put = json!({"restApiId": api, "mode": "merge", "body": blob(&many.to_string())});
    assert_eq!(world.refused("apigateway", "PutRestApi", put).await.0, "LimitExceededException");
}

/// A part of a plan that cannot be made leaves nothing behind.
#[tokio::test]
async fn what_is_not_whole_is_not_there() {
    let world = World::new();
    let bad = "openapi: 3.0.0\ninfo: {title: t}\npaths: {/a: {get: {x-amazon-apigateway-integration: {type: aws_proxy, uri: nothing}}}}";
    for _ in 0..3 {
        world.refused("apigatewayv2", "ImportApi", json!({ "body": bad })).await;
        world.refused("apigateway", "ImportRestApi", json!({ "body": blob(bad) })).await;
    }
    let read = world.cloud.cloud.db().read().unwrap();
    assert_eq!(crate::keys::HTTP_APIS.scan(&read, kv::Order::Forward).unwrap().count(), 0);
    assert_eq!(crate::keys::REST_APIS.scan(&read, kv::Order::Forward).unwrap().count(), 0);
}

/// What stands between methods and integrations goes along, and is changed rather than made twice.
#[tokio::test]
async fn models_validators_and_gateway_responses_are_part_of_a_document() {
    let world = World::new();
    let integration = format!(
        "x-amazon-apigateway-integration: {{type: aws_proxy, httpMethod: POST, uri: '{}'}}",
        invocations(FUNCTION)
    );
    let document = |properties: &str, body: bool| {
        format!(
            "swagger: '2.0'\ninfo: {{title: t, version: '1'}}\n\
             x-amazon-apigateway-request-validators: {{all: {{validateRequestBody: {body}, validateRequestParameters: true}}}}\n\
             x-amazon-apigateway-gateway-responses: {{THROTTLED: {{statusCode: '430', responseTemplates: {{application/json: '{{}}'}}}}}}\n\
             definitions: {{Pet: {{type: object, properties: {{{properties}}}}}, Pets: {{type: array, items: {{$ref: '#/definitions/Pet'}}}}}}\n\
             paths: {{/pets: {{post: {{x-amazon-apigateway-request-validator: all, responses: {{'200': {{description: ok, schema: {{$ref: '#/definitions/Pet'}}}}}}, \
             parameters: [{{name: b, in: body, schema: {{$ref: '#/definitions/Pets'}}}}], {integration}}}}}}}"
        )
    };
    let first = document("name: {type: string}", true);
    let made = world.rest("ImportRestApi", json!({"body": blob(&first), "failOnWarnings": true})).await;
    let api = made["id"].as_str().unwrap();
    world.deploy(api, "s").await;
    let export =
        json!({"restApiId": api, "stageName": "s", "exportType": "oas30", "parameters": {"extensions": "apigateway"}});
    let exported = read(&world.rest("GetExport", export.clone()).await);
    assert_eq!(exported["components"]["schemas"]["Pets"]["items"], json!({"$ref": "#/components/schemas/Pet"}));
    assert_eq!(exported["x-amazon-apigateway-gateway-responses"]["THROTTLED"]["statusCode"], "430");
    assert_eq!(exported["paths"]["/pets"]["post"]["x-amazon-apigateway-request-validator"], "all");
    let again = world.rest("ImportRestApi", json!({"body": blob(&exported.to_string()), "failOnWarnings": true})).await;
    let copy = again["id"].as_str().unwrap();
    world.deploy(copy, "s").await;
    let mut of_copy = export.clone();
    of_copy["restApiId"] = json!(copy);
    assert_eq!(common(read(&world.rest("GetExport", of_copy).await)), common(exported));
    for mode in ["merge", "overwrite"] {
        let second = document("age: {type: integer}", false);
        world
            .rest("PutRestApi", json!({"restApiId": api, "mode": mode, "body": blob(&second), "failOnWarnings": true}))
            .await;
        let all = json!({ "restApiId": api });
        let validators = world.rest("GetRequestValidators", all.clone()).await["item"].as_array().unwrap().clone();
        assert_eq!(
            validators.iter().map(|found| &found["validateRequestBody"]).collect::<Vec<_>>(),
            [&json!(false)],
            "{mode}"
        );
        let pet = world.rest("GetModel", json!({"restApiId": api, "modelName": "Pet"})).await["schema"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(pet.contains("age") && !pet.contains("name"), "{pet}");
        let pets = world.rest("GetModel", json!({"restApiId": api, "modelName": "Pets"})).await["schema"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(pets.contains(&format!("restapis/{api}/models/Pet")), "{pets}");
    }
}
