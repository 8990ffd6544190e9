//! A REST API as a document, of what its operations show.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::rest::{BINARY_TYPES, COMPRESSION, GATEWAY_RESPONSES, KEY_SOURCE, SAME, VALIDATOR, VALIDATORS};
use super::{ANY_METHOD, AUTH_TYPE, AUTHORIZER, ENDPOINT, INTEGRATION, METHODS, SIGNED};
use crate::limits;

/// The names of the schemes that are no authorizers.
const KEY_SCHEME: &str = "api_key";
const SIGNED_SCHEME: &str = "sigv4";

/// Which extensions a document has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    pub integrations: bool,
    pub authorizers: bool,
    /// What is said of the parts.
    pub documentation: bool,
    /// Everything else that only API Gateway understands.
    pub others: bool,
}

impl Extensions {
    /// What there is where nobody asks: documents are for readers then.
    ///
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api-quick-start-publishing.html>
    pub fn unasked() -> Extensions {
        Extensions { documentation: true, ..Extensions::default() }
    }

    /// `integrations,authorizers,documentation`, or `apigateway` for all.
    pub fn parse(text: &str) -> Extensions {
        let has = |name: &str| text.split(',').any(|one| matches!(one.trim(), "apigateway") || one.trim() == name);
        Extensions {
            integrations: has("integrations"),
            authorizers: has("authorizers"),
            documentation: has("documentation"),
            others: has("apigateway"),
        }
    }
}

/// A method, by what its operations show of it.
pub struct Method {
    pub path: String,
    pub resource: String,
    pub http_method: String,
    pub shown: Value,
}

/// What is written, each part as operations show it.
pub struct Wanted {
    pub api: Value,
    pub methods: Vec<Method>,
    pub authorizers: Vec<Value>,
    pub models: Vec<Value>,
    pub validators: Vec<Value>,
    pub gateway_responses: Vec<Value>,
    /// Where the API's stage answers: scheme and host, and the path.
    pub url: (String, String),
    pub swagger: bool,
    pub extensions: Extensions,
}

fn string<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn members(value: &Value, name: &str) -> Map<String, Value> {
    value.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

pub fn document(wanted: &Wanted) -> Value {
    let api = &wanted.api;
    let mut info = json!({"title": string(api, "name"), "version": string(api, "version")});
    if let Some(description) = api.get("description") {
        info["description"] = description.clone();
    }
    let (origin, path) = &wanted.url;
    let mut document = match wanted.swagger {
        true => {
            let (scheme, host) = origin.split_once("://").unwrap_or(("http", origin));
            json!({"swagger": "2.0", "info": info, "host": host, "basePath": path, "schemes": [scheme]})
        }
        false => {
            let variables = json!({"basePath": {"default": path.trim_start_matches('/')}});
            let server = json!({"url": format!("{origin}/{{basePath}}"), "variables": variables});
            json!({"openapi": "3.0.1", "info": info, "servers": [server]})
        }
    };
    let mut schemes = Map::new();
    let mut paths = Map::new();
    for method in &wanted.methods {
        let name = METHODS.iter().find(|(_, known)| *known == method.http_method).map_or(ANY_METHOD, |(name, _)| *name);
        let item = paths.entry(method.path.clone()).or_insert_with(|| json!({}));
        item[name] = wanted.operation(method, &mut schemes);
    }
    document["paths"] = Value::Object(paths);
    wanted.components(&mut document, schemes);
    if wanted.extensions.others {
        wanted.others(&mut document);
    }
    document
}

impl Wanted {
    /// The schemes and the models, where this version of the specification has them.
    fn components(&self, document: &mut Value, schemes: Map<String, Value>) {
        let mut models: Map<String, Value> = self
            .models
            .iter()
            .map(|model| {
                let schema: Value =
                    serde_json::from_str(string(model, "schema")).unwrap_or_else(|_| json!({"type": "object"}));
                (string(model, "name").to_owned(), self.local(schema))
            })
            .collect();
        // What methods name is there, even if nobody has defined it.
        for name in self.models_of_methods() {
            models.entry(name.clone()).or_insert_with(|| json!({"title": format!("{name} Schema"), "type": "object"}));
        }
        let (models, schemes) = (Value::Object(models), Value::Object(schemes));
        let is_empty = |value: &Value| value.as_object().is_none_or(Map::is_empty);
        if self.swagger {
            for (name, value) in [("securityDefinitions", schemes), ("definitions", models)] {
                if !is_empty(&value) {
                    document[name] = value;
                }
            }
            return;
        }
        let mut components = json!({});
        for (name, value) in [("schemas", models), ("securitySchemes", schemes)] {
            if !is_empty(&value) {
                components[name] = value;
            }
        }
        document["components"] = components;
    }

    fn models_of_methods(&self) -> Vec<String> {
        let of = |map: Map<String, Value>| map.into_iter().filter_map(|(_, name)| name.as_str().map(str::to_owned));
        let mut names: Vec<String> = Vec::new();
        for method in &self.methods {
            names.extend(of(members(&method.shown, "requestModels")));
            for (_, response) in members(&method.shown, "methodResponses") {
                names.extend(of(members(&response, "responseModels")));
            }
        }
        names
    }

    /// A schema whose references to other models are local ones.
    fn local(&self, schema: Value) -> Value {
        match schema {
            Value::Object(map) => {
                let member = |(name, value): (String, Value)| match value.as_str() {
                    Some(text) if name == "$ref" => {
                        let local = text.rsplit_once("/models/").map(|(_, model)| self.reference(model));
                        (name, local.unwrap_or_else(|| value.clone()))
                    }
                    _ => (name, self.local(value)),
                };
                Value::Object(map.into_iter().map(member).collect())
            }
            Value::Array(list) => list.into_iter().map(|value| self.local(value)).collect(),
            other => other,
        }
    }

    fn reference(&self, model: &str) -> Value {
        let place = if self.swagger { "definitions" } else { "components/schemas" };
        json!(format!("#/{place}/{model}"))
    }

    fn operation(&self, method: &Method, schemes: &mut Map<String, Value>) -> Value {
        let shown = &method.shown;
        let mut operation = Map::new();
        if let Some(name) = shown.get("operationName") {
            operation.insert("operationId".into(), name.clone());
        }
        let mut parameters: Vec<Value> = members(shown, "requestParameters")
            .iter()
            .filter_map(|(name, required)| self.parameter(name, required))
            .collect();
        let models = members(shown, "requestModels");
        if self.swagger {
            if let Some((_, model)) = models.iter().next() {
                let schema = json!({"$ref": self.reference(model.as_str().unwrap_or_default())});
                parameters.push(json!({"in": "body", "name": model, "required": true, "schema": schema}));
            }
            let [consumed, produced] = media_types(shown);
            for (name, kinds) in [("consumes", consumed), ("produces", produced)] {
                if !kinds.is_empty() {
                    operation.insert(name.into(), json!(kinds));
                }
            }
        } else if !models.is_empty() {
            operation.insert("requestBody".into(), json!({"required": true, "content": self.content(&models)}));
        }
        if !parameters.is_empty() {
            operation.insert("parameters".into(), json!(parameters));
        }
        let responses = members(shown, "methodResponses").into_iter().map(|(status, answer)| {
            let written = self.response(&status, &answer);
            (status, written)
        });
        operation.insert("responses".into(), Value::Object(responses.collect()));
        let security = self.security(shown, schemes);
        if !security.is_empty() {
            operation.insert("security".into(), json!(security));
        }
        if self.extensions.others
            && let Some(id) = shown.get("requestValidatorId")
            && let Some(validator) = self.validators.iter().find(|validator| validator.get("id") == Some(id))
        {
            operation.insert(VALIDATOR.into(), json!(string(validator, "name")));
        }
        if let Some(found) = shown.get("methodIntegration").filter(|_| self.extensions.integrations) {
            operation.insert(INTEGRATION.into(), integration(found, &method.resource));
        }
        Value::Object(operation)
    }

    fn parameter(&self, name: &str, required: &Value) -> Option<Value> {
        let (place, name) = name.strip_prefix("method.request.")?.split_once('.')?;
        let place = if place == "querystring" { "query" } else { place };
        let mut parameter = json!({"name": name, "in": place});
        if self.swagger || required == &json!(true) {
            parameter["required"] = required.clone();
        }
        match self.swagger {
            true => parameter["type"] = json!("string"),
            false => parameter["schema"] = json!({"type": "string"}),
        }
        Some(parameter)
    }

    fn content(&self, models: &Map<String, Value>) -> Value {
        let of = |model: &Value| json!({"schema": {"$ref": self.reference(model.as_str().unwrap_or_default())}});
        Value::Object(models.iter().map(|(kind, model)| (kind.clone(), of(model))).collect())
    }

    fn response(&self, status: &str, shown: &Value) -> Value {
        let mut response = json!({"description": format!("{status} response")});
        let header = match self.swagger {
            true => json!({"type": "string"}),
            false => json!({"schema": {"type": "string"}}),
        };
        let headers: Map<String, Value> = members(shown, "responseParameters")
            .keys()
            .filter_map(|name| name.strip_prefix("method.response.header."))
            .map(|name| (name.to_owned(), header.clone()))
            .collect();
        if !headers.is_empty() {
            response["headers"] = Value::Object(headers);
        }
        let models = members(shown, "responseModels");
        match models.iter().next() {
            Some((_, model)) if self.swagger => {
                response["schema"] = json!({"$ref": self.reference(model.as_str().unwrap_or_default())});
            }
            None if self.swagger => {}
            _ => response["content"] = self.content(&models),
        }
        response
    }

    /// Who may use a method: schemes, of which all count.
    fn security(&self, shown: &Value, schemes: &mut Map<String, Value>) -> Vec<Value> {
        let header = |name: &str| json!({"type": "apiKey", "name": name, "in": "header"});
        let mut security = Vec::new();
        match string(shown, "authorizationType") {
            "AWS_IAM" => {
                let mut scheme = header("Authorization");
                scheme[AUTH_TYPE] = json!(SIGNED);
                schemes.insert(SIGNED_SCHEME.into(), scheme);
                security.push(json!({ SIGNED_SCHEME: [] }));
            }
            "CUSTOM" | "COGNITO_USER_POOLS" => {
                let found =
                    self.authorizers.iter().find(|authorizer| authorizer.get("id") == shown.get("authorizerId"));
                if let Some(found) = found {
                    let scopes = shown.get("authorizationScopes").cloned().unwrap_or_else(|| json!([]));
                    security.push(json!({ string(found, "name"): scopes }));
                    schemes.insert(string(found, "name").to_owned(), self.scheme(found));
                }
            }
            _ => {}
        }
        if shown.get("apiKeyRequired") == Some(&json!(true)) {
            schemes.insert(KEY_SCHEME.into(), header("x-api-key"));
            security.push(json!({ KEY_SCHEME: [] }));
        }
        security
    }

    fn scheme(&self, authorizer: &Value) -> Value {
        let source = string(authorizer, "identitySource");
        let name = source.strip_prefix("method.request.header.").filter(|name| !name.contains(','));
        let mut scheme = json!({"type": "apiKey", "name": name.unwrap_or("Unused"), "in": "header"});
        if let Some(kind) = authorizer.get("authType") {
            scheme[AUTH_TYPE] = kind.clone();
        }
        if self.extensions.authorizers {
            let written =
                authorizer.as_object().into_iter().flatten().filter_map(|(member, value)| match member.as_str() {
                    "id" | "name" | "authType" => None,
                    "type" => Some((member.clone(), json!(value.as_str().unwrap_or_default().to_ascii_lowercase()))),
                    _ => Some((member.clone(), value.clone())),
                });
            scheme[AUTHORIZER] = Value::Object(written.collect());
        }
        scheme
    }

    /// What only API Gateway understands, of the API as a whole.
    fn others(&self, document: &mut Value) {
        for (member, extension) in
            [("binaryMediaTypes", BINARY_TYPES), ("minimumCompressionSize", COMPRESSION), ("apiKeySource", KEY_SOURCE)]
        {
            if let Some(value) = self.api.get(member).filter(|value| *value != "HEADER") {
                document[extension] = value.clone();
            }
        }
        if self.api.get("disableExecuteApiEndpoint") == Some(&json!(true)) {
            document[ENDPOINT] = json!({"disableExecuteApiEndpoint": true});
        }
        let tags = members(&self.api, "tags");
        if !tags.is_empty() {
            let tag = |(name, value): (&String, &Value)| json!({"name": name, "x-amazon-apigateway-tag-value": value});
            document["tags"] = tags.iter().map(tag).collect();
        }
        let validators = self.validators.iter().map(|validator| {
            let flag = |member: &str| validator.get(member).cloned().unwrap_or(json!(false));
            let (body, parameters) = (flag("validateRequestBody"), flag("validateRequestParameters"));
            (
                string(validator, "name").to_owned(),
                json!({"validateRequestBody": body, "validateRequestParameters": parameters}),
            )
        });
        let validators: Map<String, Value> = validators.collect();
        if !validators.is_empty() {
            document[VALIDATORS] = Value::Object(validators);
        }
        let own =
            self.gateway_responses.iter().filter(|response| response.get("defaultResponse") != Some(&json!(true)));
        let responses: Map<String, Value> = own
            .map(|response| {
                let mut written = response.clone();
                if let Some(written) = written.as_object_mut() {
                    written.retain(|name, _| !matches!(name.as_str(), "responseType" | "defaultResponse"));
                }
                (string(response, "responseType").to_owned(), written)
            })
            .collect();
        if !responses.is_empty() {
            document[GATEWAY_RESPONSES] = Value::Object(responses);
        }
    }
}

/// What a method takes, and what it answers: as its models say, and its integration's templates.
fn media_types(shown: &Value) -> [BTreeSet<String>; 2] {
    let of = |value: &Value, name: &str| members(value, name).into_iter().map(|(kind, _)| kind);
    let mut kinds: [BTreeSet<String>; 2] = Default::default();
    let [consumed, produced] = &mut kinds;
    consumed.extend(of(shown, "requestModels"));
    for (_, response) in members(shown, "methodResponses") {
        produced.extend(of(&response, "responseModels"));
    }
    if let Some(integration) = shown.get("methodIntegration") {
        consumed.extend(of(integration, "requestTemplates").filter(|kind| kind.contains('/')));
        for (_, response) in members(integration, "integrationResponses") {
            produced.extend(of(&response, "responseTemplates"));
        }
    }
    kinds
}

/// An integration as documents have it. `resource` is the id that its cache's namespace is by default.
fn integration(shown: &Value, resource: &str) -> Value {
    let mut written = Map::new();
    written.insert("type".into(), json!(string(shown, "type").to_ascii_lowercase()));
    let is_default = |name: &str, value: &Value| match name {
        "cacheNamespace" => value == resource,
        "timeoutInMillis" => value == limits::REST_TIMEOUT_RANGE.end(),
        "connectionType" => value == "INTERNET",
        "cacheKeyParameters" => value.as_array().is_none_or(Vec::is_empty),
        _ => value.is_null(),
    };
    for name in SAME.iter().chain(&["httpMethod", "connectionType"]) {
        if let Some(value) = shown.get(*name).filter(|value| !is_default(name, value)) {
            written.insert((*name).to_owned(), value.clone());
        }
    }
    written.insert("passthroughBehavior".into(), json!(string(shown, "passthroughBehavior").to_ascii_lowercase()));
    let mut responses = Map::new();
    for (_, response) in members(shown, "integrationResponses") {
        let pattern = response.get("selectionPattern").and_then(Value::as_str).filter(|pattern| !pattern.is_empty());
        let mut answer = response.clone();
        if let Some(answer) = answer.as_object_mut() {
            answer.retain(|name, _| name != "selectionPattern");
        }
        responses.insert(pattern.unwrap_or("default").to_owned(), answer);
    }
    if !responses.is_empty() {
        written.insert("responses".into(), Value::Object(responses));
    }
    Value::Object(written)
}
