//! PutIntegration, GetIntegration, UpdateIntegration, DeleteIntegration.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Permission};

use super::check_templates;
use super::integration_response::ResponseOutput;
use super::method::MethodInput;
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::front::backend::{ServiceUri, Way, services_named};
use crate::front::mapping::{Mapping, Target};
use crate::integration::check_uri;
use crate::limits;
use crate::model::rest::resource;
use crate::ops::{Empty, PATCH, PUT};
use crate::roles;
use crate::types::Texts;
use crate::types::rest::{Integration, IntegrationKind, Method};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutInput {
    #[serde(flatten)]
    pub method: MethodInput,
    /// The method as REST clients name it, in the path: their `httpMethod`, in the body, is the integration's.
    pub path_method: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub integration_http_method: Option<String>,
    pub uri: Option<String>,
    pub connection_type: Option<String>,
    pub credentials: Option<String>,
    pub request_parameters: Texts,
    /// Without a text, one is as if it were not there.
    pub request_templates: BTreeMap<String, Option<String>>,
    pub passthrough_behavior: Option<String>,
    pub cache_namespace: Option<String>,
    pub cache_key_parameters: Vec<String>,
    pub content_handling: Option<String>,
    pub timeout_in_millis: Option<u64>,
    pub tls_config: Option<serde_json::Value>,
    pub response_transfer_mode: Option<String>,
}

impl PutInput {
    /// The method that the integration is of.
    pub fn key(&self) -> MethodInput {
        let named = self.path_method.clone().unwrap_or_else(|| self.method.http_method.clone());
        MethodInput { http_method: named, ..self.method.clone() }
    }

    /// To put the integration, and to give its role away.
    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        let own = Permission::new(PUT, super::method_resource(cx, &self.key(), "/integration"));
        [own].into_iter().chain(roles::pass(self.credentials.as_deref())).collect()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationOutput {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub request_parameters: Texts,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub request_templates: Texts,
    pub passthrough_behavior: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<String>,
    pub timeout_in_millis: u64,
    pub cache_namespace: String,
    pub cache_key_parameters: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub integration_responses: BTreeMap<String, ResponseOutput>,
}

impl From<Integration> for IntegrationOutput {
    fn from(integration: Integration) -> IntegrationOutput {
        let is_http = matches!(integration.kind, IntegrationKind::Http { .. } | IntegrationKind::HttpProxy { .. });
        IntegrationOutput {
            kind: integration.kind.word(),
            http_method: integration.http_method,
            uri: integration.kind.uri().map(str::to_owned),
            connection_type: is_http.then_some("INTERNET"),
            credentials: integration.credentials,
            request_parameters: integration.request_parameters,
            request_templates: integration.request_templates,
            passthrough_behavior: integration.passthrough,
            content_handling: integration.content_handling,
            timeout_in_millis: integration.timeout_millis,
            cache_namespace: integration.cache_namespace,
            cache_key_parameters: integration.cache_key_parameters,
            integration_responses: integration
                .responses
                .into_iter()
                .map(|(status, response)| (status.clone(), ResponseOutput::new(status, response)))
                .collect(),
        }
    }
}

pub async fn put(_: Arc<ApiGateway>, cx: Cx, mut input: PutInput) -> Result<IntegrationOutput, Error> {
    if let Some(method) = input.path_method.take() {
        let in_body = std::mem::replace(&mut input.method.http_method, method);
        input.integration_http_method = Some(in_body).filter(|method| !method.is_empty());
    }
    check_supported(&input)?;
    let templates = input.request_templates.into_iter().filter_map(|(kind, text)| Some((kind, text?)));
    let kind = kind(&input.kind, input.uri)?;
    let integration = Integration {
        // Who is asked nothing, is asked with no method.
        http_method: input.integration_http_method.filter(|_| kind != IntegrationKind::Mock {}),
        kind,
        passthrough: input.passthrough_behavior.unwrap_or_else(|| "WHEN_NO_MATCH".into()),
        content_handling: input.content_handling,
        timeout_millis: input.timeout_in_millis.unwrap_or(*limits::REST_TIMEOUT_RANGE.end()),
        cache_namespace: input.cache_namespace.unwrap_or_else(|| input.method.resource_id.clone()),
        request_templates: templates.collect(),
        credentials: input.credentials,
        request_parameters: input.request_parameters,
        cache_key_parameters: input.cache_key_parameters,
        responses: BTreeMap::new(),
    };
    validate(&cx, &integration)?;
    let (stored, region, key) = (integration.clone(), cx.region().to_string(), input.method);
    let change = move |method: &mut Method| {
        check_declared(method, &stored)?;
        method.integration = Some(stored.clone());
        Ok(())
    };
    cx.db().write(move |tx| resource::change_method(tx, &region, key.key(), &change)).await?;
    Ok(integration.into())
}

/// What would change how requests are answered, and does not here, is refused.
fn check_supported(input: &PutInput) -> Result<(), Error> {
    let insecure = |config: &serde_json::Value| config.get("insecureSkipVerification") == Some(&true.into());
    let unsupported = [
        ("connectionType VPC_LINK", input.connection_type.as_deref() == Some("VPC_LINK")),
        ("tlsConfig insecureSkipVerification", input.tls_config.as_ref().is_some_and(insecure)),
        ("responseTransferMode STREAM", input.response_transfer_mode.as_deref() == Some("STREAM")),
    ];
    match unsupported.iter().find(|(_, asked)| *asked) {
        Some((what, _)) => Err(Error::not_implemented(format!("{what} in PutIntegration"))),
        None => Ok(()),
    }
}

const KINDS: [&str; 5] = ["HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"];

fn kind(word: &str, uri: Option<String>) -> Result<IntegrationKind, Error> {
    let mut constraints = Constraints::default();
    constraints.one_of(Some(word), "putIntegrationInput.type", &KINDS);
    constraints.check()?;
    let uri = uri.unwrap_or_default();
    Ok(match word {
        "AWS_PROXY" => IntegrationKind::Function { uri },
        "AWS" => IntegrationKind::Service { uri },
        "HTTP" => IntegrationKind::Http { uri },
        "HTTP_PROXY" => IntegrationKind::HttpProxy { uri },
        // `MOCK` is what is left.
        _ => IntegrationKind::Mock {},
    })
}

/// Checks what can be told of an integration by itself.
fn validate(cx: &Cx, integration: &Integration) -> Result<(), Error> {
    check_target(cx, integration)?;
    let (range, passthrough) = (limits::REST_TIMEOUT_RANGE, &*integration.passthrough);
    if !range.contains(&integration.timeout_millis) {
        return Err(Error::bad(format!("Timeout should be between {} ms and {} ms", range.start(), range.end())));
    }
    if !matches!(passthrough, "WHEN_NO_MATCH" | "WHEN_NO_TEMPLATES" | "NEVER") {
        return Err(Error::bad(format!("Invalid passthrough behavior specified: {passthrough}")));
    }
    check_handling(integration.content_handling.as_deref())?;
    check_parameters(&integration.request_parameters)?;
    check_cache_key(integration)?;
    check_templates(cx, &integration.request_templates)
}

/// Checks where values of requests go, and where they come from.
pub fn check_parameters(parameters: &Texts) -> Result<(), Error> {
    for (target, source) in parameters {
        let invalid = || {
            Error::bad(format!(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: {target}]"
            ))
        };
        let target = Target::integration(target).ok_or_else(invalid)?;
        Mapping::request(source)?;
        target.check_literal(source)?;
    }
    Ok(())
}

/// Checks what tells requests apart for a stage's cache: values of a request, or what the integration maps from one.
fn check_cache_key(integration: &Integration) -> Result<(), Error> {
    let mut sources = integration.cache_key_parameters.iter().map(|name| integration.cache_key_source(name));
    match sources.all(|source| Mapping::request(source).is_ok()) {
        true => Ok(()),
        false => Err(Error::bad("Invalid cache key parameter specified")),
    }
}

pub fn check_handling(handling: Option<&str>) -> Result<(), Error> {
    match handling {
        None | Some("CONVERT_TO_BINARY" | "CONVERT_TO_TEXT") => Ok(()),
        Some(other) => Err(Error::bad(format!(
            "Invalid content handling specified: {other}. Must be one of [CONVERT_TO_BINARY, CONVERT_TO_TEXT]"
        ))),
    }
}

/// Checks what is behind an API.
pub fn check_target(cx: &Cx, integration: &Integration) -> Result<(), Error> {
    let uri = integration.kind.uri().unwrap_or_default();
    if uri.len() > limits::URI_CHARACTERS_MAX {
        return Err(Error::bad(format!("A URI can have {} characters at most", limits::URI_CHARACTERS_MAX)));
    }
    let needs_method = !matches!(integration.kind, IntegrationKind::Mock {} | IntegrationKind::Function { .. });
    if needs_method && integration.http_method.as_deref().is_none_or(str::is_empty) {
        return Err(Error::bad("Enumeration value for HttpMethod must be non-empty"));
    }
    match &integration.kind {
        IntegrationKind::Mock {} => Ok(()),
        IntegrationKind::Function { uri } => check_function(uri, integration.http_method.as_deref()),
        IntegrationKind::Http { .. } | IntegrationKind::HttpProxy { .. } => {
            match ["http://", "https://"].iter().any(|scheme| uri.len() > scheme.len() && uri.starts_with(scheme)) {
                true => Ok(()),
                false => Err(Error::bad("Invalid HTTP endpoint specified for URI")),
            }
        }
        // What a stage's variables name is known with the stage.
        IntegrationKind::Service { uri } if uri.contains(":lambda:") || uri.contains("${stageVariables.") => {
            ServiceUri::parse(uri).map(drop).map_err(Error::bad)
        }
        IntegrationKind::Service { uri } => check_service(cx, uri, integration.credentials.as_deref()),
    }
}

fn check_function(uri: &str, http_method: Option<&str>) -> Result<(), Error> {
    if uri.is_empty() {
        return Err(Error::bad("AWS_PROXY integrations need a uri"));
    }
    // A function's own ARN is one for HTTP APIs alone.
    if uri.starts_with("arn:") {
        ServiceUri::parse(uri).map_err(Error::bad)?;
    }
    if ServiceUri::parse(uri).is_ok_and(|parsed| !parsed.is_function() && parsed.service != "firehose") {
        return Err(Error::bad(
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.",
        ));
    }
    check_uri(uri)?;
    match http_method {
        // Functions are invoked with POST; AWS takes any method here, and fails at the first request.
        None | Some("POST") => Ok(()),
        Some(other) => Err(Error::bad(format!("A function is integrated with the method POST, not {other}"))),
    }
}

/// Whether a service is here, and has the operation.
fn check_service(cx: &Cx, uri: &str, credentials: Option<&str>) -> Result<(), Error> {
    let parsed = ServiceUri::parse(uri).map_err(Error::bad)?;
    if credentials.is_none_or(str::is_empty) {
        return Err(Error::bad("Role ARN must be specified for AWS integrations"));
    }
    let mut services = services_named(cx, parsed.service).peekable();
    if services.peek().is_none() {
        return Err(Error::not_implemented(format!("An integration with the service {}", parsed.service)));
    }
    match parsed.way {
        Way::Action(action) if !services.any(|service| service.operation(action).is_some()) => {
            Err(Error::not_implemented(format!("An integration with {}:{action}", parsed.service)))
        }
        _ => Ok(()),
    }
}

/// Whether the method declares what the integration is told of its requests. Variables of the path need no declaration.
fn check_declared(method: &Method, integration: &Integration) -> Result<(), Error> {
    for source in integration.request_parameters.values() {
        let declared = Mapping::request(source)?.declared(source);
        let missing = declared.filter(|name| !name.contains(".path.") && !method.request_parameters.contains_key(name));
        if missing.is_some() {
            return Err(Error::bad(format!(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: {source}]"
            )));
        }
    }
    Ok(())
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: MethodInput) -> Result<IntegrationOutput, Error> {
    Ok(resource::integration(&input.find(&cx)?)?.clone().into())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: MethodInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let change = |method: &mut Method| method.integration.take().map(drop).ok_or_else(|| Error::invalid("Integration"));
    cx.db().write(move |tx| resource::change_method(tx, &region, input.key(), change)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub method: MethodInput,
    pub patch_operations: Vec<PatchOperation>,
}

impl UpdateInput {
    /// To change the integration, and to give its new role away.
    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        let own = Permission::new(PATCH, super::method_resource(cx, &self.method, "/integration"));
        let patches = patch::parse(self.patch_operations.clone()).unwrap_or_default();
        let given = patches.iter().filter(|patch| patch.path() == ["credentials"]);
        [own].into_iter().chain(given.filter_map(|patch| roles::pass(Some(&patch.value)))).collect()
    }
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<IntegrationOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let (key, context) = (input.method, cx.clone());
    let change = move |method: &mut Method| {
        let mut integration = resource::integration(method)?.clone();
        patches.iter().try_for_each(|patch| apply(&mut integration, patch))?;
        validate(&context, &integration)?;
        check_declared(method, &integration)?;
        method.integration = Some(integration.clone());
        Ok(integration)
    };
    Ok(cx.db().write(move |tx| resource::change_method(tx, &region, key.key(), &change)).await?.into())
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateIntegration-Patch>
fn apply(integration: &mut Integration, patch: &Patch) -> Result<(), Error> {
    let path = patch.path();
    match (patch.op, path.as_slice()) {
        (Op::Remove, ["requestParameters", name]) => {
            let missing = || Error::NotFound("Invalid parameter name specified".into());
            integration.request_parameters.remove(*name).ok_or_else(missing)?;
        }
        (_, ["requestParameters", name]) => {
            integration.request_parameters.insert((*name).to_owned(), patch.required("requestParameters")?);
        }
        (Op::Remove, ["requestTemplates", kind]) => {
            let missing = || Error::NotFound("Content-Type specified was not found".into());
            integration.request_templates.remove(*kind).ok_or_else(missing)?;
        }
        (_, ["requestTemplates", kind]) => {
            integration.request_templates.insert((*kind).to_owned(), patch.value.clone());
        }
        (Op::Add, ["cacheKeyParameters", name]) => integration.cache_key_parameters.push((*name).to_owned()),
        (Op::Remove, ["cacheKeyParameters", name]) => integration.cache_key_parameters.retain(|known| known != name),
        (Op::Replace, [member]) => replace(integration, member, patch)?,
        _ => return Err(patch.invalid()),
    }
    Ok(())
}

fn replace(integration: &mut Integration, member: &str, patch: &Patch) -> Result<(), Error> {
    match member {
        "uri" => {
            let uri = Some(patch.value.clone());
            integration.kind = kind(integration.kind.word(), uri)?;
        }
        "httpMethod" => integration.http_method = patch.text(),
        "credentials" => integration.credentials = patch.text(),
        "passthroughBehavior" => integration.passthrough = patch.value.clone(),
        "contentHandling" => integration.content_handling = patch.text(),
        "timeoutInMillis" => integration.timeout_millis = patch.number()?,
        "cacheNamespace" => integration.cache_namespace = patch.value.clone(),
        "connectionType" if patch.value == "INTERNET" => {}
        "connectionType" | "connectionId" | "responseTransferMode" | "tlsConfig" => return Err(patch.unsupported()),
        _ => return Err(patch.invalid()),
    }
    Ok(())
}
