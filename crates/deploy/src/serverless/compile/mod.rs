//! A service compiled to a template, with the logical ids and names that Serverless Framework gives.

mod api_cache;
mod api_keys;
mod api_logs;
mod authorizers;
mod buckets;
mod custom_domains;
mod eventbridge;
mod functions;
mod http_api;
mod migrate;
mod queues;
mod rest_api;
mod rest_integration;
mod role;
mod schedules;
mod site;
mod streams;
mod topics;
mod user_pools;
mod user_resources;
mod websockets;

pub use functions::digest;
pub use site::INDEX;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::config::{EventSource, Function, Service};
use super::naming;
use crate::diagnostic::{At, Diagnostic, Diagnostics};
use crate::template::Template;

/// SHA-256 of each package, in hexadecimal, by the key of what it is for.
#[derive(Clone, Debug, Default)]
pub struct PackageHashes {
    pub functions: BTreeMap<String, String>,
    pub layers: BTreeMap<String, String>,
    pub site: Option<String>,
}

/// Compiles the service; `hashes` has every function and layer.
pub fn compile(service: &Service, hashes: &PackageHashes, diagnostics: &mut Diagnostics) -> Template {
    let mut compiler = Compiler { service, hashes, template: Template::default(), diagnostics };
    compiler.role();
    compiler.layers();
    compiler.functions();
    compiler.http_api();
    compiler.rest_api();
    compiler.websockets();
    compiler.custom_domains();
    compiler.queues();
    compiler.streams();
    compiler.topics();
    compiler.user_pools();
    compiler.buckets();
    compiler.schedules();
    compiler.event_rules();
    compiler.site();
    compiler.migrate();
    compiler.user_resources();
    // Last, because a version's name depends on all that its function is.
    compiler.versions();
    compiler.template
}

struct Compiler<'a> {
    service: &'a Service,
    hashes: &'a PackageHashes,
    template: Template,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Compiler<'a> {
    /// Adds a resource. The same one may be added again; another one under its name is an error.
    fn add(&mut self, logical_id: &str, resource: Value, at: &At) {
        match self.template.resources.get(logical_id) {
            Some(present) if *present == resource => {}
            Some(_) => self
                .diagnostics
                .error(at, format!("two parts of the service would both be the resource `{logical_id}`")),
            None => {
                self.template.resources.insert(logical_id.into(), resource);
                self.template.origins.insert(format!("Resources/{logical_id}"), at.clone());
            }
        }
    }

    fn warn(&mut self, at: &At, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::warning(message).at(at));
    }

    /// Adds a statement to the role that is made for the functions, where one is.
    fn allow(&mut self, statement: Value) {
        let properties = self.template.properties_mut(naming::ROLE);
        let statements = properties.and_then(|properties| {
            properties.get_mut("Policies")?.pointer_mut("/0/PolicyDocument/Statement")?.as_array_mut()
        });
        if let Some(statements) = statements {
            statements.push(statement);
        }
    }

    /// Each function's events of one kind, with the function.
    fn events<T: 'a>(&self, kind: impl Fn(&'a EventSource) -> Option<T>) -> Vec<(&'a Function, &'a At, T)> {
        let functions = self.service.functions.iter();
        let events = functions.flat_map(|function| function.events.iter().map(move |event| (function, event)));
        events.filter_map(|(function, event)| Some((function, &event.at, kind(&event.source)?))).collect()
    }
}

/// `{"Fn::GetAtt": [id, attribute]}`.
fn attribute(logical_id: &str, attribute: &str) -> Value {
    json!({"Fn::GetAtt": [logical_id, attribute]})
}

/// An ARN of this account and region, with what follows the account.
fn arn(service: &str, parts: &[Value]) -> Value {
    let mut joined = vec![
        json!("arn:"),
        json!({"Ref": "AWS::Partition"}),
        json!(format!(":{service}:")),
        json!({"Ref": "AWS::Region"}),
        json!(":"),
        json!({"Ref": "AWS::AccountId"}),
        json!(":"),
    ];
    joined.extend_from_slice(parts);
    json!({"Fn::Join": ["", joined]})
}

/// What a function's triggers call: its alias, or itself.
fn invoked(function: &Function) -> Value {
    match function.alias() {
        Some(alias) => json!({"Ref": naming::alias(&function.key, alias)}),
        None => attribute(&naming::function(&function.key), "Arn"),
    }
}

/// The permission for a rule of this logical id to invoke a function.
fn rule_permission(function: &Function, rule: &str) -> Value {
    json!({
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": invoked(function),
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            "SourceArn": attribute(rule, "Arn"),
        },
    })
}

/// The permission for an API to invoke a function.
fn api_permission(function: &Function, api: Value, paths: &str) -> Value {
    api_permission_for(invoked(function), api, paths)
}

/// The same for whatever function this is.
fn api_permission_for(function: Value, api: Value, paths: &str) -> Value {
    json!({
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": function,
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": arn("execute-api", &[api, json!(paths)]),
        },
    })
}

/// Tags as the list of `Key` and `Value` that most resources take.
fn tag_list(tags: &Map<String, Value>) -> Value {
    Value::Array(tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect())
}

/// Takes out what has no value, so that a template names only what was set.
fn without_nulls(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    value
}
