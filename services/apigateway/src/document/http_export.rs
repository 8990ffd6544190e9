//! An HTTP API as a document.

use serde_json::{Map, Value, json};

use super::http::MEMBERS;
use super::{ANY_METHOD, AUTH_TYPE, AUTHORIZER, ENDPOINT, INTEGRATION, METHODS, SIGNED, VERSION};
use crate::ops::http::api::CorsShape;
use crate::ops::http::authorizer::Shape;
use crate::ops::http::integration::IntegrationOutput;
use crate::route_key;
use crate::types::authorizer::{Authorization, AuthorizationKind, Authorizer};
use crate::types::http::{Api, Cors, Integration};

/// The scheme of requests that are signed.
const SIGNED_SCHEME: &str = "sigv4";

/// A route with what belongs to it.
pub struct Route {
    pub key: String,
    pub operation_name: Option<String>,
    pub integration: Option<Integration>,
    pub authorization: Authorization,
    pub authorizer: Option<Authorizer>,
}

/// What is written.
pub struct Wanted<'a> {
    pub api: &'a Api,
    pub cors: Option<Cors>,
    pub routes: Vec<Route>,
    /// Where the API answers.
    pub url: String,
    /// With what only API Gateway understands.
    pub extensions: bool,
}

pub fn document(wanted: Wanted<'_>) -> Value {
    let Wanted { api, cors, routes, url, extensions } = wanted;
    let mut info = json!({"title": api.name, "version": api.version.clone().unwrap_or_else(|| api.created.iso8601())});
    if let Some(description) = &api.description {
        info["description"] = json!(description);
    }
    let mut server = json!({ "url": url });
    let mut schemes = Map::new();
    let mut paths = Map::new();
    for route in routes {
        let (name, path) = match route_key::parts(&route.key) {
            None => (ANY_METHOD, "/$default".to_owned()),
            Some((method, path)) => {
                let name = METHODS.iter().find(|(_, known)| *known == method).map_or(ANY_METHOD, |(name, _)| *name);
                (name, path.to_owned())
            }
        };
        let operation = operation(&route, extensions, &mut schemes);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        // Other tools know no method that is any.
        if extensions || name != ANY_METHOD {
            item[name] = operation;
        }
    }
    let mut document = json!({"openapi": "3.0.1", "info": info});
    if extensions && api.disable_execute_api {
        server[ENDPOINT] = json!({"disableExecuteApiEndpoint": true});
    }
    document["servers"] = json!([server]);
    if extensions && !api.tags.is_empty() {
        let tags = api.tags.iter().map(|(name, value)| json!({"name": name, "x-amazon-apigateway-tag-value": value}));
        document["tags"] = tags.collect();
    }
    document["paths"] = Value::Object(paths);
    if !schemes.is_empty() {
        document["components"] = json!({ "securitySchemes": schemes });
    }
    if extensions {
        if let Some(cors) = cors {
            document["x-amazon-apigateway-cors"] = json!(CorsShape::from(cors));
        }
        document[VERSION] = json!("1.0");
    }
    document
}

fn operation(route: &Route, extensions: bool, schemes: &mut Map<String, Value>) -> Value {
    let mut operation = Map::new();
    if let Some(name) = &route.operation_name {
        operation.insert("operationId".into(), json!(name));
    }
    let variables: Vec<Value> = variables(&route.key)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if !variables.is_empty() {
        operation.insert("parameters".into(), json!(variables));
    }
    let answer = json!({"default": {"description": format!("Default response for {}", route.key)}});
    operation.insert("responses".into(), answer);
    if let Some((name, scheme)) = scheme(route, extensions) {
        operation.insert("security".into(), json!([{ (name.as_str()): route.authorization.scopes }]));
        schemes.insert(name, scheme);
    }
    if extensions {
        if route.key == route_key::DEFAULT {
            operation.insert("isDefaultRoute".into(), json!(true));
        }
        if let Some(found) = &route.integration {
            operation.insert(INTEGRATION.into(), integration(found.clone()));
        }
    }
    Value::Object(operation)
}

/// The names of a path's variables.
fn variables(key: &str) -> impl Iterator<Item = &str> {
    let path = route_key::parts(key).map_or("", |(_, path)| path);
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| name.trim_end_matches('+'))
}

/// The scheme that says who may use a route, with its name.
fn scheme(route: &Route, extensions: bool) -> Option<(String, Value)> {
    let header = json!({"type": "apiKey", "name": "Authorization", "in": "header"});
    if route.authorization.kind == AuthorizationKind::Iam {
        let mut scheme = header;
        if extensions {
            scheme[AUTH_TYPE] = json!(SIGNED);
        }
        return Some((SIGNED_SCHEME.into(), scheme));
    }
    let authorizer = route.authorizer.as_ref()?;
    let mut scheme = match route.authorization.kind {
        AuthorizationKind::Jwt => json!({"type": "oauth2", "flows": {}}),
        _ => header,
    };
    if extensions {
        scheme[AUTHORIZER] = extension(authorizer.clone());
    }
    Some((authorizer.name.clone(), scheme))
}

/// An authorizer as documents have it.
fn extension(authorizer: Authorizer) -> Value {
    let mut written = Map::new();
    for (member, value) in json!(Shape::from(authorizer)).as_object().into_iter().flatten() {
        let (name, value) = match member.as_str() {
            "name" => continue,
            "authorizerType" => ("type", json!(value.as_str().unwrap_or_default().to_ascii_lowercase())),
            "identitySource" => ("identitySource", json!(super::texts(value).join(","))),
            "authorizerCredentialsArn" => ("authorizerCredentials", value.clone()),
            other => (other, value.clone()),
        };
        written.insert(name.to_owned(), value);
    }
    Value::Object(written)
}

fn integration(integration: Integration) -> Value {
    let shown = json!(IntegrationOutput::from(integration));
    let kind = shown["integrationType"].as_str().unwrap_or_default().to_ascii_lowercase();
    let mut written = Map::new();
    written.insert("type".into(), json!(kind));
    for (name, member) in MEMBERS {
        if let Some(value) = shown.get(member) {
            written.insert(name.to_owned(), value.clone());
        }
    }
    Value::Object(written)
}
