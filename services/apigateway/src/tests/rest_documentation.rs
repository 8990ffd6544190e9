//! What is said of a REST API's parts: one by one, in documents, and in versions that stages have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::World;
use super::rest_api::Made;

const SAID: &str = r#"{"description": "d"}"#;

impl World {
    async fn refusal(&self, operation: &str, input: Value) -> (String, String) {
        self.refused("apigateway", operation, input).await
    }

    async fn said(&self, api: &str, location: Value) -> Value {
        let input = json!({"restApiId": api, "location": location, "properties": SAID});
        self.rest("CreateDocumentationPart", input).await
    }

    async fn places(&self, api: &str, filter: Value) -> Vec<Value> {
        let mut input = json!({"restApiId": api});
        input.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        let listed = self.rest("GetDocumentationParts", input).await;
        listed["item"].as_array().unwrap().iter().map(|part| part["location"].clone()).collect()
    }

    async fn exported(&self, api: &str, more: Value) -> Value {
        let mut input = json!({"restApiId": api, "stageName": "dev", "exportType": "oas30"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let exported = self.rest("GetExport", input).await;
        serde_json::from_slice(&STANDARD.decode(exported["body"].as_str().unwrap()).unwrap()).unwrap()
    }
}

fn of(made: &Made, more: Value) -> Value {
    let mut input = json!({"restApiId": made.api});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

#[tokio::test]
async fn parts_are_made_changed_and_removed() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let part = world.said(&made.api, json!({"type": "API"})).await;
    assert_eq!((&part["location"], &part["properties"]), (&json!({"type": "API"}), &json!(SAID)));
    let id = part["id"].as_str().unwrap();
    assert_eq!(id.len(), 6);
    let one = of(&made, json!({"documentationPartId": id}));
    assert_eq!(world.rest("GetDocumentationPart", one.clone()).await, part);
    let patched = |op: &str, path: &str, value: &str| {
        of(&made, json!({"documentationPartId": id, "patchOperations": [{"op": op, "path": path, "value": value}]}))
    };
    let changed = world.rest("UpdateDocumentationPart", patched("replace", "/properties", r#"{"a": 1}"#)).await;
    assert_eq!(changed["properties"], r#"{"a": 1}"#);
    for (op, path, value, why) in [
        (
            "add",
            "/properties",
            SAID,
            "Invalid patch path  '/properties' specified for op 'add'. Please choose supported operations",
        ),
        ("replace", "/x", SAID, "Invalid patch path  '/x' specified for op 'replace'. Must be one of: [/properties]"),
        ("replace", "/properties", "", "Documentation part properties must be non-empty"),
    ] {
        let refused = world.refusal("UpdateDocumentationPart", patched(op, path, value)).await;
        assert_eq!(refused, ("BadRequestException".into(), why.into()));
    }
    let missing = ("NotFoundException".to_owned(), "Invalid Documentation part identifier specified".to_owned());
    let elsewhere = json!({"restApiId": "x", "documentationPartId": id});
    assert_eq!(world.refusal("GetDocumentationPart", elsewhere.clone()).await, missing);
    assert_eq!(world.refusal("DeleteDocumentationPart", elsewhere).await.1, "Invalid API identifier specified x");
    world.rest("DeleteDocumentationPart", one.clone()).await;
    for operation in ["GetDocumentationPart", "UpdateDocumentationPart", "DeleteDocumentationPart"] {
        assert_eq!(world.refusal(operation, one.clone()).await, missing, "{operation}");
    }
}

#[tokio::test]
async fn places_have_defaults_and_are_said_something_of_once() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    for (given, full) in [
        (json!({"type": "RESOURCE"}), json!({"type": "RESOURCE", "path": "/"})),
        (
            json!({"type": "METHOD", "path": "users", "method": "get"}),
            json!({"type": "METHOD", "path": "/users", "method": "GET"}),
        ),
        (
            json!({"type": "RESPONSE", "statusCode": "200"}),
            json!({"type": "RESPONSE", "path": "/", "method": "*", "statusCode": "200"}),
        ),
        (
            json!({"type": "RESPONSE_HEADER", "name": "X-A", "statusCode": " "}),
            json!({"type": "RESPONSE_HEADER", "path": "/", "method": "*", "statusCode": "*", "name": "X-A"}),
        ),
        (
            json!({"type": "MODEL", "name": "Error.message", "path": null}),
            json!({"type": "MODEL", "name": "Error.message"}),
        ),
    ] {
        assert_eq!(world.said(&made.api, given).await["location"], full);
    }
    let create = |location: Value, said: &str| of(&made, json!({"location": location, "properties": said}));
    let refused =
        world.refusal("CreateDocumentationPart", create(json!({"type": "RESOURCE", "path": "/"}), SAID)).await;
    let why = "Documentation part already exists for the specified location: type 'RESOURCE', path '/'.";
    assert_eq!(refused, ("ConflictException".into(), why.into()));
    for (location, said) in [
        (json!({"type": "API", "path": "/"}), SAID),
        (json!({"type": "RESOURCE", "method": "GET"}), SAID),
        (json!({"type": "METHOD", "statusCode": "200"}), SAID),
        (json!({"type": "RESPONSE_BODY", "name": "x"}), SAID),
        (json!({"type": "MODEL"}), SAID),
        (json!({"type": "QUERY_PARAMETER"}), SAID),
        (json!({"type": "RESPONSE", "statusCode": "600"}), SAID),
        (json!({"type": "RESPONSE", "statusCode": "2xx"}), SAID),
        (json!({"type": "METHOD", "method": "FETCH"}), SAID),
        (json!({"type": "API"}), ""),
        (json!({"type": "API"}), "[]"),
        (json!({"type": "API"}), "{"),
    ] {
        let refused = world.refusal("CreateDocumentationPart", create(location.clone(), said)).await;
        assert_eq!(refused.0, "BadRequestException", "{location} {said}");
    }
    let unknown = world.refusal("CreateDocumentationPart", create(json!({"type": "INVALID"}), SAID)).await;
    assert_eq!(unknown.0, "ValidationException");
    assert!(unknown.1.starts_with("1 validation error detected: Value 'INVALID' at 'createDocumentationPartInput.location.type' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_BODY, RESPONSE,"), "{}", unknown.1);
}

#[tokio::test]
async fn parts_are_listed_by_place_and_so_is_what_has_none() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let method = json!({
        "resourceId": made.users, "httpMethod": "POST", "authorizationType": "NONE", "requestModels": {"application/json": "Error"},
        "requestParameters": {"method.request.querystring.q": true, "method.request.header.H": false},
    });
    world.rest("PutMethod", of(&made, method)).await;
    let response = json!({
        "resourceId": made.users, "httpMethod": "POST", "statusCode": "200", "responseModels": {"application/json": "Empty"},
        "responseParameters": {"method.response.header.X-A": true},
    });
    world.rest("PutMethodResponse", of(&made, response)).await;
    for location in [
        json!({"type": "QUERY_PARAMETER", "path": "/users", "method": "POST", "name": "q"}),
        json!({"type": "RESOURCE", "path": "/users"}),
        json!({"type": "API"}),
        json!({"type": "MODEL", "name": "Error"}),
    ] {
        world.said(&made.api, location).await;
    }
    let kinds =
        |places: Vec<Value>| places.iter().map(|place| place["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(kinds(world.places(&made.api, json!({})).await), ["API", "MODEL", "QUERY_PARAMETER", "RESOURCE"]);
    assert_eq!(kinds(world.places(&made.api, json!({"type": "MODEL"})).await), ["MODEL"]);
    assert_eq!(kinds(world.places(&made.api, json!({"nameQuery": "Er"})).await), ["MODEL"]);
    assert_eq!(kinds(world.places(&made.api, json!({"path": "/users"})).await), ["QUERY_PARAMETER", "RESOURCE"]);
    let rest = world.places(&made.api, json!({"locationStatus": "UNDOCUMENTED", "path": "/users"})).await;
    assert_eq!(
        kinds(rest.clone()),
        ["METHOD", "REQUEST_BODY", "REQUEST_HEADER", "RESPONSE", "RESPONSE_BODY", "RESPONSE_HEADER"]
    );
    assert_eq!(rest[0], json!({"type": "METHOD", "path": "/users", "method": "POST"}));
    assert_eq!(
        rest[5],
        json!({"type": "RESPONSE_HEADER", "path": "/users", "method": "POST", "statusCode": "200", "name": "X-A"})
    );
    assert_eq!(
        world.places(&made.api, json!({"locationStatus": "UNDOCUMENTED", "type": "MODEL"})).await,
        [json!({"type": "MODEL", "name": "Empty"})]
    );
    let page = world.rest("GetDocumentationParts", of(&made, json!({"limit": 3}))).await;
    let next = world.rest("GetDocumentationParts", of(&made, json!({"limit": 3, "position": page["position"]}))).await;
    assert_eq!((page["item"].as_array().unwrap().len(), next["item"].as_array().unwrap().len()), (3, 1));
    for filter in [json!({"type": "X"}), json!({"locationStatus": "X"})] {
        assert_eq!(world.refusal("GetDocumentationParts", of(&made, filter)).await.0, "ValidationException");
    }
}

const DOCUMENT: &str = r"
openapi: 3.0.0
info: {title: doc, version: '1', description: description}
paths:
  /:
    get:
      parameters: [{name: q, in: query, schema: {type: string}}]
      responses: {'200': {description: ok, headers: {X-A: {schema: {type: string}}}}, '400': {description: no}}
      x-amazon-apigateway-integration: {type: mock}
  /pets:
    get:
      responses: {'400': {description: no}}
      x-amazon-apigateway-integration: {type: mock}
components: {schemas: {Pet: {type: object, title: Pet, properties: {name: {type: string}}}}}
x-amazon-apigateway-documentation:
  version: 1.0.3
  documentationParts:
    - {location: {type: API}, properties: {x-bar: API x-bar, foo: API foo, info: {description: API info, version: '9', x-bar: info x-bar}}}
    - {location: {type: METHOD, method: GET}, properties: {description: Method, summary: s, foo: f, x-example: e}}
    - {location: {type: RESOURCE}, properties: {description: r, x-bar: resource x-bar}}
    - {location: {type: QUERY_PARAMETER, name: q}, properties: {description: the q}}
    - {location: {type: RESPONSE, statusCode: '400'}, properties: {description: Invalid request}}
    - {location: {type: RESPONSE, statusCode: '400', path: /pets}, properties: {description: Invalid pet}}
    - {location: {type: RESPONSE_HEADER, name: X-A}, properties: {description: the a}}
    - {location: {type: MODEL, name: Pet}, properties: {title: A pet}}
    - {location: {type: MODEL, name: Pet.name}, properties: {description: its name}}
";

fn blob(text: &str) -> String {
    STANDARD.encode(text)
}

#[tokio::test]
async fn documents_bring_parts_along() {
    let world = World::new();
    let imported = world.rest("ImportRestApi", json!({"body": blob(DOCUMENT), "failOnWarnings": true})).await;
    let api = imported["id"].as_str().unwrap().to_owned();
    let places = world.places(&api, json!({})).await;
    assert_eq!((places.len(), &places[1]), (9, &json!({"type": "METHOD", "path": "/", "method": "GET"})));
    let first =
        world.rest("GetDocumentationParts", json!({"restApiId": api, "type": "METHOD"})).await["item"][0].clone();
    let import = |mode: &str, body: &str| json!({"restApiId": api, "mode": mode, "body": blob(body)});
    let with = |parts: &str| {
        format!(
            "{{\"openapi\": \"3.0.0\", \"paths\": {{}}, \"x-amazon-apigateway-documentation\": {{\"documentationParts\": {parts}}}}}"
        )
    };
    // A place that is known keeps its id, and what is said of it stays beside what is new.
    let more = with(r#"[{"location": {"type": "METHOD", "method": "GET"}, "properties": {"summary": "t"}}]"#);
    let merged = world.rest("ImportDocumentationParts", import("merge", &more)).await;
    assert_eq!(merged, json!({"ids": [first["id"]]}));
    let said = world.rest("GetDocumentationPart", json!({"restApiId": api, "documentationPartId": first["id"]})).await;
    let said: Value = serde_json::from_str(said["properties"].as_str().unwrap()).unwrap();
    assert_eq!(said, json!({"description": "Method", "summary": "t", "foo": "f", "x-example": "e"}));
    // What is wrong is told, or refused where that is asked for.
    let odd = with(
        r#"[{"location": {"type": "X"}, "properties": {}}, {"location": {"type": "API"}, "properties": {"a": 1}}, {}]"#,
    );
    let mut strict = import("overwrite", &odd);
    strict["failOnWarnings"] = json!(true);
    assert_eq!(world.refusal("ImportDocumentationParts", strict).await.0, "BadRequestException");
    assert_eq!(world.places(&api, json!({})).await.len(), 9);
    let told = world.rest("ImportDocumentationParts", import("overwrite", &odd)).await;
    assert_eq!((told["ids"].as_array().unwrap().len(), told["warnings"].as_array().unwrap().len()), (1, 2));
    assert_eq!(world.places(&api, json!({})).await, [json!({"type": "API"})]);
    let twice =
        with(r#"[{"location": {"type": "API"}, "properties": {}}, {"location": {"type": "API"}, "properties": {}}]"#);
    let refused = world.refusal("ImportDocumentationParts", import("merge", &twice)).await;
    assert!(refused.1.ends_with("Duplicate documentation part for location: type 'API'"), "{}", refused.1);
    for body in ["{'key:value}", "a: [", ""] {
        let refused = world.refusal("ImportDocumentationParts", import("merge", body)).await;
        assert_eq!(refused, ("BadRequestException".into(), "Unable to build importer with provided input.".into()));
    }
    // Of a whole API: what it says takes the place of all, unless that is to be ignored.
    let put = |mode: &str, more: Value| {
        let mut input = import(mode, DOCUMENT);
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    world.rest("PutRestApi", put("overwrite", json!({"parameters": {"ignore": "documentation"}}))).await;
    assert_eq!(world.places(&api, json!({})).await, [json!({"type": "API"})]);
    world.said(&api, json!({"type": "MODEL", "name": "Empty"})).await;
    world.rest("PutRestApi", put("merge", json!({}))).await;
    assert_eq!(world.places(&api, json!({})).await.len(), 10);
    world.rest("PutRestApi", put("overwrite", json!({}))).await;
    assert_eq!(world.places(&api, json!({})).await.len(), 9);
}

#[tokio::test]
async fn a_stage_is_exported_with_its_version() {
    let world = World::new();
    let imported = world.rest("ImportRestApi", json!({"body": blob(DOCUMENT)})).await;
    let api = imported["id"].as_str().unwrap().to_owned();
    world.deploy(&api, "dev").await;
    let extension = "x-amazon-apigateway-documentation";
    assert_eq!(world.exported(&api, json!({})).await.get(extension), None, "the stage has no version");
    let create = json!({"restApiId": api, "documentationVersion": "1.0.0", "stageName": "dev", "description": "d"});
    let version = world.rest("CreateDocumentationVersion", create).await;
    assert_eq!((&version["version"], &version["description"]), (&json!("1.0.0"), &json!("d")));
    // What is said later is not in the version.
    world.said(&api, json!({"type": "MODEL", "name": "Empty"})).await;
    let exported = world.exported(&api, json!({"extensions": "documentation"})).await;
    assert_eq!(world.exported(&api, json!({})).await, exported);
    let said = &exported[extension];
    assert_eq!((&said["version"], said["documentationParts"].as_array().unwrap().len()), (&json!("1.0.0"), 9));
    assert!(said["createdDate"].as_str().unwrap().ends_with('Z'));
    assert_eq!(said["documentationParts"][1]["location"], json!({"type": "METHOD", "method": "GET"}));
    assert_eq!(
        exported["info"],
        json!({"title": "doc", "version": "1", "description": "API info", "x-bar": "info x-bar"})
    );
    assert_eq!((&exported["x-bar"], exported.get("foo")), (&json!("API x-bar"), None));
    let root = &exported["paths"]["/"];
    assert_eq!((&root["x-bar"], root.get("description")), (&json!("resource x-bar"), None));
    let get = &root["get"];
    assert_eq!(
        (&get["description"], &get["summary"], &get["x-example"], get.get("foo")),
        (&json!("Method"), &json!("s"), &json!("e"), None)
    );
    assert_eq!(get["parameters"][0]["description"], "the q");
    assert_eq!(get["responses"]["200"]["headers"]["X-A"]["description"], "the a");
    assert_eq!(get["responses"]["400"]["description"], "Invalid request");
    let pets = &exported["paths"]["/pets"]["get"];
    assert_eq!(
        (&pets["description"], &pets["responses"]["400"]["description"]),
        (&json!("Method"), &json!("Invalid pet"))
    );
    let pet = &exported["components"]["schemas"]["Pet"];
    assert_eq!((&pet["title"], &pet["properties"]["name"]["description"]), (&json!("A pet"), &json!("its name")));
    let without = world.exported(&api, json!({"extensions": "integrations"})).await;
    assert_eq!((without.get(extension), &without["info"]["description"]), (None, &json!("description")));
    let swagger = world.exported(&api, json!({"extensions": "apigateway", "exportType": "swagger"})).await;
    assert_eq!(swagger["definitions"]["Pet"]["title"], "A pet");
    // What is exported is what imports read.
    let again = world.rest("ImportRestApi", json!({"body": blob(&swagger.to_string()), "failOnWarnings": true})).await;
    assert_eq!(world.places(again["id"].as_str().unwrap(), json!({})).await.len(), 9);
}

#[tokio::test]
async fn versions_are_given_to_stages_and_removed() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let deployment = world.deploy(&made.api, "dev").await;
    let version = |name: &str| of(&made, json!({"documentationVersion": name}));
    world.rest("CreateDocumentationVersion", version("v1")).await;
    world.rest("CreateDocumentationVersion", version("v2")).await;
    let refused = async |operation: &str, input: Value| world.refusal(operation, input).await;
    assert_eq!(refused("CreateDocumentationVersion", version("v1")).await.0, "ConflictException");
    assert_eq!(refused("CreateDocumentationVersion", version("")).await.0, "BadRequestException");
    let nowhere = of(&made, json!({"documentationVersion": "v3", "stageName": "none"}));
    assert_eq!(refused("CreateDocumentationVersion", nowhere).await.1, "Invalid stage identifier specified");
    let missing = ("NotFoundException".to_owned(), "Invalid Documentation version specified".to_owned());
    for operation in ["GetDocumentationVersion", "UpdateDocumentationVersion", "DeleteDocumentationVersion"] {
        assert_eq!(refused(operation, version("v3")).await, missing, "{operation}");
    }
    let patched = |path: &str| {
        of(
            &made,
            json!({"documentationVersion": "v1", "patchOperations": [{"op": "replace", "path": path, "value": "new"}]}),
        )
    };
    assert_eq!(world.rest("UpdateDocumentationVersion", patched("/description")).await["description"], "new");
    assert!(refused("UpdateDocumentationVersion", patched("/x")).await.1.ends_with("Must be one of: [/description]"));
    let listed = world.rest("GetDocumentationVersions", of(&made, json!({"limit": 1}))).await;
    assert_eq!((&listed["item"][0]["version"], listed["position"].is_string()), (&json!("v1"), true));
    let stage = |name: &str, version: &str| {
        of(&made, json!({"stageName": name, "deploymentId": deployment, "documentationVersion": version}))
    };
    assert_eq!(refused("CreateStage", stage("prod", "v3")).await, missing);
    assert_eq!(world.rest("CreateStage", stage("prod", "v1")).await["documentationVersion"], "v1");
    let give = |version: &str| {
        of(
            &made,
            json!({"stageName": "prod", "patchOperations": [{"op": "replace", "path": "/documentationVersion", "value": version}]}),
        )
    };
    let associated = "Cannot delete documentation version because there are API Stages associated with it.";
    assert_eq!(
        refused("DeleteDocumentationVersion", version("v1")).await,
        ("BadRequestException".into(), associated.into())
    );
    assert_eq!(refused("UpdateStage", give("v3")).await, missing);
    assert_eq!(world.rest("UpdateStage", give("v2")).await["documentationVersion"], "v2");
    world.deploy(&made.api, "prod").await;
    assert_eq!(world.rest("GetStage", of(&made, json!({"stageName": "prod"}))).await["documentationVersion"], "v2");
    world.rest("DeleteDocumentationVersion", version("v1")).await;
    assert_eq!(world.rest("UpdateStage", give("")).await.get("documentationVersion"), None);
    world.rest("DeleteDocumentationVersion", version("v2")).await;
    for number in 0..crate::limits::DOCUMENTATION_VERSIONS_MAX {
        world.rest("CreateDocumentationVersion", version(&format!("n{number}"))).await;
    }
    assert_eq!(refused("CreateDocumentationVersion", version("more")).await.0, "LimitExceededException");
}

#[tokio::test]
async fn there_is_an_end_to_what_can_be_said() {
    let world = World::new();
    let made = world.rest_api(json!({})).await;
    let long = |bytes: usize| json!({"description": "x".repeat(bytes)}).to_string();
    let large = of(
        &made,
        json!({"location": {"type": "API"}, "properties": long(crate::limits::DOCUMENTATION_PART_BYTES_MAX)}),
    );
    assert_eq!(world.refusal("CreateDocumentationPart", large).await.0, "BadRequestException");
    let part = |number: usize, said: &Value| json!({"location": {"type": "MODEL", "name": format!("m{number}")}, "properties": said});
    let import = |count: usize, said: Value| {
        let parts: Vec<Value> = (0..count).map(|number| part(number, &said)).collect();
        let document = json!({"openapi": "3.0.0", "paths": {}, "x-amazon-apigateway-documentation": {"documentationParts": parts}});
        of(&made, json!({"body": blob(&document.to_string())}))
    };
    let (few, many) = (crate::limits::DOCUMENTATION_PARTS_MAX, crate::limits::DOCUMENTATION_PARTS_MAX + 1);
    assert_eq!(world.refusal("ImportDocumentationParts", import(many, json!({}))).await.0, "LimitExceededException");
    let nothing = json!({"openapi": "3.0.0", "paths": {}, "x-amazon-apigateway-documentation": {"documentationParts": vec![0; many]}});
    let nothing = of(&made, json!({"body": blob(&nothing.to_string())}));
    assert_eq!(world.refusal("ImportDocumentationParts", nothing).await.0, "LimitExceededException");
    assert_eq!(
        world.refusal("ImportDocumentationParts", import(20, json!({"d": "x".repeat(60 << 10)}))).await.0,
        "LimitExceededException"
    );
    assert_eq!(world.places(&made.api, json!({})).await.len(), 0);
    world.rest("ImportDocumentationParts", import(few, json!({}))).await;
    let one = of(&made, json!({"location": {"type": "API"}, "properties": SAID}));
    assert_eq!(world.refusal("CreateDocumentationPart", one).await.0, "LimitExceededException");
}
