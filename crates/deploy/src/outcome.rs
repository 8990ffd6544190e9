//! What a deployed stack offers: its outputs, the URLs of its APIs, and its functions.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::state::{Deployed, Stack};

/// A stack that is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    pub stack: String,
    pub outputs: BTreeMap<String, String>,
    pub endpoints: Vec<Endpoint>,
    pub functions: Vec<DeployedFunction>,
    /// Resources that were made, changed or deleted.
    pub changed: usize,
}

/// A route of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Upper case; `ANY` for every method, `WS` for WebSockets.
    pub method: String,
    pub url: String,
    /// The function's name, where one answers.
    pub function: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployedFunction {
    pub logical_id: String,
    pub name: String,
}

/// Reads a stack's outcome from its state.
pub fn outcome(stack: &Stack, changed: usize) -> Outcome {
    let functions = of_kind(stack, "AWS::Lambda::Function");
    Outcome {
        stack: stack.name.clone(),
        outputs: stack.outputs.clone(),
        endpoints: http_routes(stack)
            .chain(websockets(stack))
            .chain(rest_methods(stack))
            .chain(function_urls(stack))
            .collect(),
        functions: functions
            .map(|function| DeployedFunction {
                logical_id: function.logical_id.clone(),
                name: function.physical_id.clone(),
            })
            .collect(),
        changed,
    }
}

fn of_kind<'a>(stack: &'a Stack, kind: &'a str) -> impl Iterator<Item = &'a Deployed> {
    stack.resources.iter().filter(move |resource| resource.kind == kind)
}

fn property<'a>(resource: &'a Deployed, name: &str) -> &'a str {
    resource.properties.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn attribute<'a>(resource: &'a Deployed, name: &str) -> &'a str {
    resource.attributes.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn with_id<'a>(stack: &'a Stack, kind: &'a str, id: &str) -> Option<&'a Deployed> {
    of_kind(stack, kind).find(|resource| resource.physical_id == id)
}

/// The function's name at the end of an ARN, or in the URI of a REST integration.
fn function_name(uri: &str) -> Option<String> {
    let arn = uri.split("/functions/").last()?.trim_end_matches("/invocations");
    arn.split(":function:").nth(1).map(|name| name.split(':').next().unwrap_or(name).to_string())
}

fn http_routes(stack: &Stack) -> impl Iterator<Item = Endpoint> {
    of_kind(stack, "AWS::ApiGatewayV2::Route").filter_map(|route| {
        let api =
            with_id(stack, "AWS::ApiGatewayV2::Api", property(route, "ApiId")).filter(|api| !is_websocket(api))?;
        let integration = property(route, "Target").trim_start_matches("integrations/");
        let integration = with_id(stack, "AWS::ApiGatewayV2::Integration", integration);
        let (method, path) = property(route, "RouteKey").split_once(' ').unwrap_or(("ANY", "/{proxy+}"));
        Some(Endpoint {
            method: method.into(),
            url: format!("{}{path}", attribute(api, "ApiEndpoint").trim_end_matches('/')),
            function: integration.and_then(|integration| function_name(property(integration, "IntegrationUri"))),
        })
    })
}

fn is_websocket(api: &Deployed) -> bool {
    property(api, "ProtocolType") == "WEBSOCKET"
}

/// A stage of a WebSocket API is one address for all of its routes.
fn websockets(stack: &Stack) -> impl Iterator<Item = Endpoint> {
    of_kind(stack, "AWS::ApiGatewayV2::Stage").filter_map(|stage| {
        let api = with_id(stack, "AWS::ApiGatewayV2::Api", property(stage, "ApiId")).filter(|api| is_websocket(api))?;
        Some(Endpoint {
            method: "WS".into(),
            url: format!("{}/{}", attribute(api, "ApiEndpoint"), property(stage, "StageName")),
            function: None,
        })
    })
}

fn rest_methods(stack: &Stack) -> impl Iterator<Item = Endpoint> {
    of_kind(stack, "AWS::ApiGateway::Method").filter_map(|method| {
        let uri = method.properties.get("Integration").and_then(|integration| integration.get("Uri")?.as_str());
        let function = function_name(uri?)?;
        let api = with_id(stack, "AWS::ApiGateway::RestApi", property(method, "RestApiId"))?;
        let deployment = of_kind(stack, "AWS::ApiGateway::Deployment")
            .find(|deployment| property(deployment, "RestApiId") == api.physical_id)?;
        let path = resource_path(stack, property(method, "ResourceId"));
        Some(Endpoint {
            method: property(method, "HttpMethod").into(),
            url: format!("{}/{}{path}", attribute(api, "Endpoint"), property(deployment, "StageName")),
            function: Some(function),
        })
    })
}

fn function_urls(stack: &Stack) -> impl Iterator<Item = Endpoint> {
    of_kind(stack, "AWS::Lambda::Url").map(|url| Endpoint {
        method: "ANY".into(),
        url: attribute(url, "FunctionUrl").to_owned(),
        function: function_name(attribute(url, "FunctionArn")),
    })
}

/// The path of a resource: its parts from the root down.
fn resource_path(stack: &Stack, id: &str) -> String {
    let mut parts = Vec::new();
    let mut id = id;
    while let Some(resource) = with_id(stack, "AWS::ApiGateway::Resource", id).filter(|_| parts.len() < 100) {
        parts.push(property(resource, "PathPart"));
        id = property(resource, "ParentId");
    }
    parts.iter().rev().map(|part| format!("/{part}")).collect()
}
