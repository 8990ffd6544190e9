//! CreateIntegration, GetIntegration, GetIntegrations, UpdateIntegration, DeleteIntegration.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::integration::{check_uri, check_url};
use crate::limits;
use crate::model;
use crate::model::http::{api, deployment, route};
use crate::ops::websocket::{self, is_websocket};
use crate::ops::{self, Empty, resource, validate_length};
use crate::parameters::{self, Change};
use crate::roles;
use crate::selection::Side;
use crate::subtype::Subtype;
use crate::types::Texts;
use crate::types::http::{Integration, IntegrationKind, Payload};

/// CreateIntegration's input, and UpdateIntegration's: absent members are left as they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IntegrationInput {
    pub api_id: String,
    pub integration_id: String,
    pub integration_type: Option<String>,
    pub integration_subtype: Option<String>,
    pub integration_uri: Option<String>,
    pub integration_method: Option<String>,
    pub payload_format_version: Option<String>,
    pub timeout_in_millis: Option<u64>,
    pub description: Option<String>,
    pub connection_type: Option<String>,
    pub connection_id: Option<String>,
    pub credentials_arn: Option<String>,
    pub request_parameters: Texts,
    pub response_parameters: BTreeMap<String, Texts>,
    pub tls_config: Option<serde_json::Value>,
    // Of WebSocket APIs alone.
    pub content_handling_strategy: Option<String>,
    pub passthrough_behavior: Option<String>,
    pub request_templates: Option<Texts>,
    pub template_selection_expression: Option<String>,
}

/// An integration of an API of either kind.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Shown {
    Http(IntegrationOutput),
    WebSocket(websocket::integration::IntegrationOutput),
}

impl From<Integration> for Shown {
    fn from(integration: Integration) -> Shown {
        Shown::Http(integration.into())
    }
}

impl From<crate::types::websocket::Integration> for Shown {
    fn from(integration: crate::types::websocket::Integration) -> Shown {
        Shown::WebSocket(integration.into())
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationOutput {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub api_gateway_managed: bool,
    pub connection_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub integration_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_subtype: Option<String>,
    pub integration_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub integration_uri: String,
    pub payload_format_version: &'static str,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub request_parameters: Texts,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_parameters: BTreeMap<String, Texts>,
    pub timeout_in_millis: u64,
}

impl From<Integration> for IntegrationOutput {
    fn from(integration: Integration) -> IntegrationOutput {
        IntegrationOutput {
            api_gateway_managed: integration.managed,
            connection_type: "INTERNET",
            credentials_arn: integration.credentials,
            description: integration.description,
            integration_id: integration.id,
            integration_method: integration.method,
            integration_type: match integration.kind {
                IntegrationKind::Function | IntegrationKind::Operation(_) => "AWS_PROXY",
                IntegrationKind::Url => "HTTP_PROXY",
            },
            integration_subtype: match integration.kind {
                IntegrationKind::Operation(name) => Some(name),
                IntegrationKind::Function | IntegrationKind::Url => None,
            },
            integration_uri: integration.uri,
            payload_format_version: match integration.payload {
                Payload::V1 => "1.0",
                Payload::V2 => "2.0",
            },
            request_parameters: integration.request_parameters,
            response_parameters: integration.response_parameters,
            timeout_in_millis: integration.timeout_millis,
        }
    }
}

/// What a change of an integration needs: its own action, and to give away the role that it names.
pub fn permissions(cx: &Cx, input: &IntegrationInput, action: &'static str, path: &str) -> Vec<Permission> {
    let own = Permission::new(action, resource(cx, path));
    [own].into_iter().chain(roles::pass(input.credentials_arn.as_deref())).collect()
}

/// What would change how requests are answered, and does not here, is refused.
fn check_supported(input: &IntegrationInput, account: &str) -> Result<(), Error> {
    match input.integration_type.as_deref() {
        None | Some("AWS_PROXY" | "HTTP_PROXY") => {}
        Some(other) => {
            return Err(Error::bad(format!("Invalid integration type for an HTTP API: {other}")));
        }
    }
    match input.connection_type.as_deref() {
        None | Some("INTERNET") => {}
        Some("VPC_LINK") => {
            let instead = "name the URL of what it leads to in an integration of type HTTP_PROXY";
            return Err(Error::not_implemented(format!("Private integrations (connectionType VPC_LINK); {instead}")));
        }
        Some(other) => return Err(Error::bad(format!("Invalid connection type specified: {other}"))),
    }
    let unsupported = [
        ("connectionId", input.connection_id.is_some()),
        ("tlsConfig", input.tls_config.is_some()),
        ("templateSelectionExpression", input.template_selection_expression.is_some()),
        ("requestTemplates", input.request_templates.is_some()),
    ];
    if let Some((what, _)) = unsupported.iter().find(|(_, asked)| *asked) {
        return Err(Error::not_implemented(format!("{what} of an integration of an HTTP API")));
    }
    if let Some(role) = input.credentials_arn.as_deref().filter(|role| !role.is_empty()) {
        roles::check(role, account)?;
    }
    validate_length("description", input.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)
}

/// Whether an integration makes sense as a whole.
fn check(cx: &Cx, integration: &Integration) -> Result<(), Error> {
    parameters::check_responses(&integration.response_parameters)?;
    parameters::check_size(&integration.request_parameters, &integration.response_parameters)?;
    let is_url = integration.kind == IntegrationKind::Url;
    if integration.payload != Payload::V1 && integration.kind != IntegrationKind::Function {
        return Err(Error::bad("Invalid payloadFormatVersion: only functions are asked in another format than 1.0"));
    }
    match &integration.kind {
        IntegrationKind::Function => check_uri(&integration.uri)?,
        IntegrationKind::Url => {
            check_url(&integration.uri)?;
            check_method(integration.method.as_deref())?;
        }
        IntegrationKind::Operation(name) => {
            let subtype = Subtype::find(name)?;
            subtype.check_there(cx.cloud())?;
            if integration.credentials.is_none() {
                return Err(Error::bad(format!("A credentialsArn is required for integrations of type {name}")));
            }
            return subtype.check(&integration.request_parameters);
        }
    }
    if is_url && integration.credentials.is_some() {
        return Err(Error::bad("A credentialsArn is for functions and services; what is at a URL knows no roles"));
    }
    Change::parse_all(&integration.request_parameters, Side::Request).map(drop)
}

fn check_method(method: Option<&str>) -> Result<(), Error> {
    const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    match method {
        Some(method) if METHODS.contains(&method) => Ok(()),
        Some(method) => Err(Error::bad(format!("Invalid HTTP method specified: {method}"))),
        None => Err(Error::bad("HttpMethod (integrationMethod) must be specified for HTTP_PROXY")),
    }
}

fn payload(version: &str) -> Result<Payload, Error> {
    match version {
        "1.0" => Ok(Payload::V1),
        "2.0" => Ok(Payload::V2),
        other => Err(Error::bad(format!("Invalid payloadFormatVersion: {other}. 1.0 or 2.0 is expected"))),
    }
}

fn timeout(millis: u64) -> Result<u64, Error> {
    let range = limits::HTTP_TIMEOUT_RANGE;
    if range.contains(&millis) {
        return Ok(millis);
    }
    Err(Error::bad(format!("Timeout should be between {} ms and {} ms", range.start(), range.end())))
}

/// The integration of a kind, where all that is known of it is what is asked for.
fn new(id: String, input: IntegrationInput) -> Result<Integration, Error> {
    let kind = match (input.integration_type.as_deref(), input.integration_subtype) {
        (None, _) => return Err(Error::bad("IntegrationType is required")),
        (Some("HTTP_PROXY"), None) => IntegrationKind::Url,
        (Some("HTTP_PROXY"), Some(_)) => return Err(Error::bad("An integrationSubtype is for AWS_PROXY alone")),
        (Some(_), Some(subtype)) => IntegrationKind::Operation(subtype),
        (Some(_), None) => IntegrationKind::Function,
    };
    let uri = match (&kind, input.integration_uri) {
        (IntegrationKind::Operation(_), Some(_)) => {
            return Err(Error::bad("An integrationUri and an integrationSubtype exclude each other"));
        }
        (IntegrationKind::Operation(_), None) => String::new(),
        (_, Some(uri)) => uri,
        (_, None) => return Err(Error::bad("IntegrationUri is required for AWS_PROXY and HTTP_PROXY")),
    };
    let version = match (&kind, input.payload_format_version.as_deref()) {
        (_, Some(version)) => payload(version)?,
        (IntegrationKind::Function, None) => return Err(Error::bad("PayloadFormatVersion is required: 1.0 or 2.0")),
        (_, None) => Payload::V1,
    };
    Ok(Integration {
        id,
        uri,
        payload: version,
        timeout_millis: timeout(input.timeout_in_millis.unwrap_or(*limits::HTTP_TIMEOUT_RANGE.end()))?,
        description: input.description,
        method: match kind {
            IntegrationKind::Function => Some(input.integration_method.unwrap_or_else(|| "POST".into())),
            IntegrationKind::Url => input.integration_method,
            IntegrationKind::Operation(_) => None,
        },
        managed: false,
        credentials: input.credentials_arn.filter(|role| !role.is_empty()),
        request_parameters: parameters::merged(Texts::new(), &input.request_parameters),
        response_parameters: parameters::merged_responses(BTreeMap::new(), &input.response_parameters),
        kind,
    })
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: IntegrationInput) -> Result<Shown, Error> {
    if is_websocket(&cx, &input.api_id)? {
        return Ok(websocket::integration::create(&cx, input).await?.into());
    }
    check_supported(&input, cx.account().as_str())?;
    let api = input.api_id.clone();
    let integration = new(ops::part_id(&cx), input)?;
    check(&cx, &integration)?;
    store(&cx, api, move |_| Ok(integration.clone())).await
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: IntegrationInput) -> Result<Shown, Error> {
    if is_websocket(&cx, &input.api_id)? {
        return Ok(websocket::integration::update(&cx, input).await?.into());
    }
    check_supported(&input, cx.account().as_str())?;
    let payload = input.payload_format_version.as_deref().map(payload).transpose()?;
    let timeout = input.timeout_in_millis.map(timeout).transpose()?;
    let (context, api) = (cx.clone(), input.api_id.clone());
    store(&cx, api, move |found| {
        let integration = found(&input.integration_id)?;
        let input = input.clone();
        let changed = Integration {
            kind: changed_kind(integration.kind, input.integration_type.as_deref(), input.integration_subtype)?,
            uri: input.integration_uri.unwrap_or(integration.uri),
            payload: payload.unwrap_or(integration.payload),
            timeout_millis: timeout.unwrap_or(integration.timeout_millis),
            description: input.description.or(integration.description),
            method: input.integration_method.or(integration.method),
            credentials: input.credentials_arn.or(integration.credentials).filter(|role| !role.is_empty()),
            request_parameters: parameters::merged(integration.request_parameters, &input.request_parameters),
            response_parameters: parameters::merged_responses(
                integration.response_parameters,
                &input.response_parameters,
            ),
            ..integration
        };
        check(&context, &changed)?;
        Ok(changed)
    })
    .await
}

fn changed_kind(
    before: IntegrationKind,
    kind: Option<&str>,
    subtype: Option<String>,
) -> Result<IntegrationKind, Error> {
    match (kind, subtype) {
        (None | Some("AWS_PROXY"), Some(subtype)) => Ok(IntegrationKind::Operation(subtype)),
        (Some("HTTP_PROXY"), None) => Ok(IntegrationKind::Url),
        (Some("HTTP_PROXY"), Some(_)) => Err(Error::bad("An integrationSubtype is for AWS_PROXY alone")),
        (Some(_), None) if before == IntegrationKind::Url => Ok(IntegrationKind::Function),
        (_, None) => Ok(before),
        (Some(other), Some(_)) => Err(Error::bad(format!("Invalid integration type for an HTTP API: {other}"))),
    }
}

/// Stores the integration that `make` makes, possibly of one that is there, and deploys.
async fn store(
    cx: &Cx,
    api: String,
    make: impl Fn(&dyn Fn(&str) -> Result<Integration, Error>) -> Result<Integration, Error> + Send + 'static,
) -> Result<Shown, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(cx));
    let integration = cx.db().write(move |tx| {
        let api = api::find(tx, &region, &api)?;
        let integration = make(&|id| route::integration(tx, &api.id, id))?;
        route::put_integration(tx, &api.id, &integration)?;
        deployment::automatic(tx, now, &api, &deployment)?;
        Ok::<_, Error>(integration)
    });
    Ok(integration.await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IntegrationName {
    pub api_id: String,
    pub integration_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: IntegrationName) -> Result<Shown, Error> {
    let read = cx.db().read()?;
    if api::find(&read, cx.region().as_str(), &input.api_id)?.websocket.is_some() {
        return Ok(model::websocket::integration::find(&read, &input.api_id, &input.integration_id)?.into());
    }
    Ok(route::integration(&read, &input.api_id, &input.integration_id)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<Shown>, Error> {
    let read = cx.db().read()?;
    if api::find(&read, cx.region().as_str(), &input.api_id)?.websocket.is_some() {
        let all = model::websocket::integration::list(&read, &input.api_id)?;
        return Items::page(all, input.next_token.as_deref(), input.max_results.as_deref());
    }
    let all = route::integrations(&read, &input.api_id)?;
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: IntegrationName) -> Result<Empty, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    cx.db()
        .write(move |tx| {
            let api = api::find(tx, &region, &input.api_id)?;
            match api.websocket {
                Some(_) => model::websocket::integration::delete(tx, &api.id, &input.integration_id)?,
                None => route::delete_integration(tx, &api.id, &input.integration_id)?,
            }
            deployment::automatic(tx, now, &api, &deployment)
        })
        .await?;
    Ok(Empty {})
}
