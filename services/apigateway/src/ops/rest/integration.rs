//! PutIntegration, GetIntegration, DeleteIntegration, PutIntegrationResponse, GetIntegrationResponse,
//! DeleteIntegrationResponse.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::method::{MethodInput, ResponseInput, no_response};
use super::mock;
use crate::ApiGateway;
use crate::error::Error;
use crate::integration::check_uri;
use crate::limits;
use crate::model::rest::resource;
use crate::ops::Empty;
use crate::types::Texts;
use crate::types::rest::{Integration, IntegrationKind, IntegrationResponse, Method};

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
    pub request_templates: Texts,
    pub passthrough_behavior: Option<String>,
    pub cache_namespace: Option<String>,
    pub cache_key_parameters: Vec<String>,
    pub content_handling: Option<String>,
    pub timeout_in_millis: Option<u64>,
    pub response_transfer_mode: Option<String>,
}

impl PutInput {
    /// The method that the integration is of.
    pub fn key(&self) -> MethodInput {
        let named = self.path_method.clone().unwrap_or_else(|| self.method.http_method.clone());
        MethodInput { http_method: named, ..self.method.clone() }
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
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub request_templates: Texts,
    pub passthrough_behavior: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<String>,
    pub timeout_in_millis: u64,
    pub cache_namespace: String,
    pub cache_key_parameters: [&'static str; 0],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub integration_responses: BTreeMap<String, ResponseOutput>,
}

impl From<Integration> for IntegrationOutput {
    fn from(integration: Integration) -> IntegrationOutput {
        let (kind, uri) = match integration.kind {
            IntegrationKind::Function { uri } => ("AWS_PROXY", Some(uri)),
            IntegrationKind::Mock { .. } => ("MOCK", None),
        };
        IntegrationOutput {
            kind,
            http_method: integration.http_method,
            uri,
            request_templates: integration.request_templates,
            passthrough_behavior: integration.passthrough,
            content_handling: integration.content_handling,
            timeout_in_millis: integration.timeout_millis,
            cache_namespace: integration.cache_namespace,
            cache_key_parameters: [],
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
    let kind = match input.kind.as_str() {
        "AWS_PROXY" => function(&input)?,
        "MOCK" => IntegrationKind::Mock { status: mock::status(&input.request_templates)? },
        "AWS" | "HTTP" | "HTTP_PROXY" => {
            return Err(Error::not_implemented(format!("The integration type {}", input.kind)));
        }
        _ => return Err(Error::bad("Integration type must be one of [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]")),
    };
    let passthrough = input.passthrough_behavior.unwrap_or_else(|| "WHEN_NO_MATCH".into());
    if !matches!(passthrough.as_str(), "WHEN_NO_MATCH" | "WHEN_NO_TEMPLATES" | "NEVER") {
        return Err(Error::bad(format!("Invalid passthrough behavior specified: {passthrough}")));
    }
    let integration = Integration {
        kind,
        http_method: input.integration_http_method,
        passthrough,
        content_handling: input.content_handling,
        timeout_millis: timeout(input.timeout_in_millis)?,
        cache_namespace: input.cache_namespace.unwrap_or_else(|| input.method.resource_id.clone()),
        request_templates: input.request_templates,
        responses: BTreeMap::new(),
    };
    let (stored, region, key) = (integration.clone(), cx.region().to_string(), input.method);
    let change = move |method: &mut Method| {
        method.integration = Some(stored.clone());
        Ok(())
    };
    cx.db().write(move |tx| resource::change_method(tx, &region, key.key(), &change)).await?;
    Ok(integration.into())
}

/// What would change how requests are answered, and does not here, is refused.
fn check_supported(input: &PutInput) -> Result<(), Error> {
    let proxy = input.kind == "AWS_PROXY";
    let unsupported = [
        ("connectionType VPC_LINK", input.connection_type.as_deref() == Some("VPC_LINK")),
        ("credentials", input.credentials.is_some()),
        ("requestParameters", !input.request_parameters.is_empty()),
        ("cacheKeyParameters", !input.cache_key_parameters.is_empty()),
        ("contentHandling of a function's integration", proxy && input.content_handling.is_some()),
        ("responseTransferMode STREAM", input.response_transfer_mode.as_deref() == Some("STREAM")),
    ];
    match unsupported.iter().find(|(_, asked)| *asked) {
        Some((what, _)) => Err(Error::not_implemented(format!("{what} in PutIntegration"))),
        None => Ok(()),
    }
}

fn function(input: &PutInput) -> Result<IntegrationKind, Error> {
    let uri = input.uri.clone().ok_or_else(|| Error::bad("AWS_PROXY integrations need a uri"))?;
    check_uri(&uri)?;
    match input.integration_http_method.as_deref() {
        // Functions are invoked with POST; AWS takes any method here, and fails at the first request.
        None | Some("POST") => Ok(IntegrationKind::Function { uri }),
        Some(other) => Err(Error::bad(format!("A function is integrated with the method POST, not {other}"))),
    }
}

fn timeout(wanted: Option<u64>) -> Result<u64, Error> {
    let range = limits::REST_TIMEOUT_RANGE;
    let timeout = wanted.unwrap_or(*range.end());
    if range.contains(&timeout) {
        return Ok(timeout);
    }
    Err(Error::bad(format!("Timeout should be between {} ms and {} ms", range.start(), range.end())))
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseOutput {
    pub status_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection_pattern: Option<String>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub response_parameters: Texts,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub response_templates: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<String>,
}

impl ResponseOutput {
    fn new(status_code: String, response: IntegrationResponse) -> ResponseOutput {
        ResponseOutput {
            status_code,
            selection_pattern: response.selection_pattern,
            response_parameters: response.parameters,
            response_templates: response.templates,
            content_handling: response.content_handling,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutResponseInput {
    #[serde(flatten)]
    pub response: ResponseInput,
    pub selection_pattern: Option<String>,
    pub response_parameters: Texts,
    pub response_templates: Texts,
    pub content_handling: Option<String>,
}

pub async fn put_response(_: Arc<ApiGateway>, cx: Cx, input: PutResponseInput) -> Result<ResponseOutput, Error> {
    input.response.validate()?;
    let ResponseInput { method: key, status_code } = input.response;
    let response = IntegrationResponse {
        selection_pattern: input.selection_pattern.filter(|pattern| !pattern.is_empty()),
        parameters: input.response_parameters,
        templates: input.response_templates,
        content_handling: input.content_handling,
    };
    let (stored, status, region) = (response.clone(), status_code.clone(), cx.region().to_string());
    let change = move |method: &mut Method| {
        let declared = method.responses.get(&status).ok_or_else(no_response)?;
        let integration = method.integration.as_mut().ok_or_else(|| Error::invalid("Integration"))?;
        if matches!(integration.kind, IntegrationKind::Mock { .. }) {
            mock::validate(&stored, declared)?;
        }
        integration.responses.insert(status.clone(), stored.clone());
        Ok(())
    };
    cx.db().write(move |tx| resource::change_method(tx, &region, key.key(), &change)).await?;
    Ok(ResponseOutput::new(status_code, response))
}

pub async fn get_response(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<ResponseOutput, Error> {
    let method = input.method.find(&cx)?;
    let response = resource::integration(&method)?.responses.get(&input.status_code).cloned();
    Ok(ResponseOutput::new(input.status_code, response.ok_or_else(no_response)?))
}

pub async fn delete_response(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let ResponseInput { method: key, status_code } = input;
    let change = move |method: &mut Method| {
        let integration = method.integration.as_mut().ok_or_else(|| Error::invalid("Integration"))?;
        integration.responses.remove(&status_code).map(drop).ok_or_else(no_response)
    };
    cx.db().write(move |tx| resource::change_method(tx, &region, key.key(), &change)).await?;
    Ok(Empty {})
}
