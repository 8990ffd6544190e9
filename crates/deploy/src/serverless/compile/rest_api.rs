//! `http` events: one REST API with its tree of resources, a method an event, and a deployment to the stage.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::authorizers::{invocations, merged};
use super::functions::digest;
use super::{Compiler, api_permission, attribute, invoked, rest_integration, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{EventSource, Function, Http, HttpCors};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn rest_api(&mut self) {
        let events = self.events(|source| match source {
            EventSource::Http(http) => Some(http.as_ref()),
            _ => None,
        });
        let Some((_, first, _)) = events.first() else { return };
        let api = self.rest_api_properties();
        self.add(naming::REST_API, json!({"Type": "AWS::ApiGateway::RestApi", "Properties": api}), first);
        let mut methods = Vec::new();
        for (function, at, http) in &events {
            self.rest_resources(&http.path, at);
            methods.push(self.rest_method(function, http, at));
        }
        for (path, (cors, at)) in preflights(&events) {
            let id = naming::rest_method(&path, "options");
            // A function that answers OPTIONS itself answers preflights too.
            if !methods.contains(&id) {
                self.add(&id, preflight_method(&path, &cors), &at);
                methods.push(id);
            }
        }
        self.rest_deployment(&methods, first);
    }

    fn rest_api_properties(&self) -> Value {
        let (service, config) = (self.service, &self.service.provider.rest_api);
        let name = config.name.clone().unwrap_or_else(|| match config.name_starts_with_service {
            true => format!("{}-{}", service.name, service.stage),
            false => format!("{}-{}", service.stage, service.name),
        });
        without_nulls(json!({
            "Name": name,
            "Description": config.description,
            "BinaryMediaTypes": (!config.binary_media_types.is_empty()).then_some(&config.binary_media_types),
            "DisableExecuteApiEndpoint": config.disable_default_endpoint,
            "MinimumCompressionSize": config.minimum_compression_size,
            "ApiKeySourceType": config.api_key_source,
            "EndpointConfiguration": {"Types": [config.endpoint_type.as_deref().unwrap_or("EDGE")]},
        }))
    }

    /// A resource for each part of the path that has none yet.
    fn rest_resources(&mut self, path: &str, at: &At) {
        let mut parent = root_id();
        let mut so_far = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            so_far = if so_far.is_empty() { part.into() } else { format!("{so_far}/{part}") };
            let id = naming::rest_resource(&so_far);
            let properties = json!({"ParentId": parent, "PathPart": part, "RestApiId": {"Ref": naming::REST_API}});
            self.add(&id, json!({"Type": "AWS::ApiGateway::Resource", "Properties": properties}), at);
            parent = json!({"Ref": id});
        }
    }

    fn rest_method(&mut self, function: &Function, http: &Http, at: &At) -> String {
        let permission = naming::rest_permission(&function.key);
        self.add(&permission, api_permission(function, json!({"Ref": naming::REST_API}), "/*/*"), &function.at);
        let (authorization, authorizer) = self.method_authorization(http.authorizer.as_ref(), at);
        let schemas = self.method_schemas(http, at);
        let (mut integration, responses) = match &http.integration {
            Some(integration) => rest_integration::properties(function, http, integration),
            None => {
                let uri = invocations(invoked(function));
                (json!({"IntegrationHttpMethod": "POST", "Type": "AWS_PROXY", "Uri": uri}), json!([]))
            }
        };
        let mut parameters = http.parameters.clone();
        self.cache_key(http, &mut integration, &mut parameters);
        let properties = without_nulls(json!({
            "HttpMethod": http.method.to_uppercase(),
            "RequestParameters": parameters,
            "ResourceId": resource_id(&http.path),
            "RestApiId": {"Ref": naming::REST_API},
            "OperationName": http.operation,
            "ApiKeyRequired": http.private,
            "AuthorizationType": "NONE",
            "Integration": integration,
            "MethodResponses": responses,
        }));
        let id = naming::rest_method(&http.path, &http.method);
        let depends_on: Vec<String> = [permission].into_iter().chain(authorizer).collect();
        let properties = merged(merged(properties, authorization), schemas);
        let resource = json!({"Type": "AWS::ApiGateway::Method", "Properties": properties, "DependsOn": depends_on});
        self.add(&id, resource, at);
        id
    }

    /// A deployment is a picture of the API when it was made, so a changed API needs another one: its logical id
    /// changes with the API.
    fn rest_deployment(&mut self, methods: &[String], at: &At) {
        let service = self.service;
        let stage = service.provider.rest_api.stage.as_deref().unwrap_or(&service.stage);
        let of_the_api =
            |resource: &Value| resource["Type"].as_str().is_some_and(|kind| kind.starts_with("AWS::ApiGateway::"));
        let api: Map<String, Value> = self
            .template
            .resources
            .iter()
            .filter(|(_, resource)| of_the_api(resource))
            .map(|(id, resource)| (id.clone(), resource.clone()))
            .collect();
        let id = naming::rest_deployment(&digest(&[&Value::Object(api), &json!(stage)]));
        let resource = json!({
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": {"Ref": naming::REST_API}, "StageName": stage},
            "DependsOn": methods,
        });
        self.add(&id, resource, at);
        self.rest_stage_settings(stage, &id, at);
        self.api_keys(&id, stage, at);
        let url = json!({"Fn::Join": ["", [attribute(naming::REST_API, "Endpoint"), "/", stage]]});
        self.template
            .outputs
            .insert("ServiceEndpoint".into(), json!({"Description": "URL of the service endpoint", "Value": url}));
    }
}

fn root_id() -> Value {
    attribute(naming::REST_API, "RootResourceId")
}

fn resource_id(path: &str) -> Value {
    if path.is_empty() { root_id() } else { json!({"Ref": naming::rest_resource(path)}) }
}

/// What preflight requests are answered, by path: the events of a path together.
fn preflights(events: &[(&Function, &At, &Http)]) -> BTreeMap<String, (HttpCors, At)> {
    let mut by_path: BTreeMap<String, (HttpCors, At)> = BTreeMap::new();
    for (_, at, http) in events {
        let Some(cors) = &http.cors else { continue };
        let Some((merged, _)) = by_path.get_mut(&http.path) else {
            by_path.insert(http.path.clone(), (cors.clone(), (*at).clone()));
            continue;
        };
        union(&mut merged.headers, &cors.headers);
        union(&mut merged.methods, &cors.methods);
        merged.origin = cors.origin.clone();
        merged.more_origins = cors.more_origins.clone();
        merged.credentials |= cors.credentials;
        merged.max_age = cors.max_age.or(merged.max_age);
        merged.cache_control = cors.cache_control.clone().or(merged.cache_control.take());
    }
    by_path
}

fn union(all: &mut Vec<String>, more: &[String]) {
    for item in more {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
}

/// OPTIONS answered by the API itself, with the headers of CORS.
fn preflight_method(path: &str, cors: &HttpCors) -> Value {
    let quoted = |text: &str| json!(format!("'{text}'"));
    let methods = cors.methods.join(",").replace("ANY", "DELETE,GET,HEAD,PATCH,POST,PUT");
    let mut headers = vec![
        ("Access-Control-Allow-Origin", quoted(cors.origin.as_deref().unwrap_or("*"))),
        ("Access-Control-Allow-Headers", quoted(&cors.headers.join(","))),
        ("Access-Control-Allow-Methods", quoted(&methods)),
    ];
    if cors.credentials {
        headers.push(("Access-Control-Allow-Credentials", quoted("true")));
    }
    if let Some(max_age) = cors.max_age {
        headers.push(("Access-Control-Max-Age", quoted(&max_age.to_string())));
    }
    if let Some(cache_control) = &cors.cache_control {
        headers.push(("Cache-Control", quoted(cache_control)));
    }
    let named = |header: &str| format!("method.response.header.{header}");
    let declared: Map<String, Value> = headers.iter().map(|(header, _)| (named(header), json!(true))).collect();
    let answered: Map<String, Value> = headers.into_iter().map(|(header, value)| (named(header), value)).collect();
    json!({
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "AuthorizationType": "NONE",
            "HttpMethod": "OPTIONS",
            "MethodResponses": [{"StatusCode": "200", "ResponseParameters": declared, "ResponseModels": {}}],
            "RequestParameters": {},
            "Integration": {
                "Type": "MOCK",
                "RequestTemplates": {"application/json": "{statusCode:200}"},
                "ContentHandling": "CONVERT_TO_TEXT",
                "IntegrationResponses": [{
                    "StatusCode": "200",
                    "ResponseParameters": answered,
                    "ResponseTemplates": {"application/json": origin_template(&cors.more_origins)},
                }],
            },
            "ResourceId": resource_id(path),
            "RestApiId": {"Ref": naming::REST_API},
        },
    })
}

/// Answers an origin that is one of several with itself; others are answered with the first.
fn origin_template(more: &[String]) -> String {
    if more.is_empty() {
        return String::new();
    }
    let named: Vec<String> = more.iter().map(|origin| format!("$origin == '{}'", origin.replace('\'', "''"))).collect();
    format!(
        "#set($origin = $input.params('Origin'))#if({})#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)#end",
        named.join(" || ")
    )
}
