//! CreateIntegration, GetIntegration, GetIntegrations, UpdateIntegration, DeleteIntegration.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::integration::check_uri;
use crate::limits;
use crate::model;
use crate::model::http::{api, deployment, route};
use crate::ops::websocket::{self, is_websocket};
use crate::ops::{self, Empty, validate_length};
use crate::types::Texts;
use crate::types::http::{Integration, Payload};

/// CreateIntegration's input, and UpdateIntegration's: absent members are left as they are.
#[derive(Debug, Default, Deserialize)]
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
    pub credentials_arn: Option<String>,
    pub request_parameters: Texts,
    pub response_parameters: Option<serde_json::Value>,
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
    pub description: Option<String>,
    pub integration_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_method: Option<String>,
    pub integration_type: &'static str,
    pub integration_uri: String,
    pub payload_format_version: &'static str,
    pub timeout_in_millis: u64,
}

impl From<Integration> for IntegrationOutput {
    fn from(integration: Integration) -> IntegrationOutput {
        IntegrationOutput {
            api_gateway_managed: integration.managed,
            connection_type: "INTERNET",
            description: integration.description,
            integration_id: integration.id,
            integration_method: integration.method,
            integration_type: "AWS_PROXY",
            integration_uri: integration.uri,
            payload_format_version: match integration.payload {
                Payload::V1 => "1.0",
                Payload::V2 => "2.0",
            },
            timeout_in_millis: integration.timeout_millis,
        }
    }
}

/// What would change how requests are answered, and does not here, is refused.
fn check_supported(input: &IntegrationInput) -> Result<(), Error> {
    match input.integration_type.as_deref() {
        None | Some("AWS_PROXY") => {}
        Some(kind @ "HTTP_PROXY") => return Err(Error::not_implemented(format!("The integration type {kind}"))),
        Some(other) => {
            return Err(Error::bad(format!("Invalid integration type for an HTTP API: {other}")));
        }
    }
    let parameters = |value: &serde_json::Value| value.as_object().is_none_or(|map| !map.is_empty());
    let unsupported = [
        ("integrationSubtype", input.integration_subtype.is_some()),
        ("credentialsArn", input.credentials_arn.is_some()),
        ("connectionType VPC_LINK", input.connection_type.as_deref() == Some("VPC_LINK")),
        ("requestParameters", !input.request_parameters.is_empty()),
        ("responseParameters", input.response_parameters.as_ref().is_some_and(parameters)),
    ];
    match unsupported.iter().find(|(_, asked)| *asked) {
        Some((what, _)) => Err(Error::not_implemented(format!("{what} of an integration"))),
        None => validate_length("description", input.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX),
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

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: IntegrationInput) -> Result<Shown, Error> {
    if is_websocket(&cx, &input.api_id)? {
        return Ok(websocket::integration::create(&cx, input).await?.into());
    }
    check_supported(&input)?;
    if input.integration_type.is_none() {
        return Err(Error::bad("IntegrationType is required"));
    }
    let uri = input.integration_uri.ok_or_else(|| Error::bad("IntegrationUri is required for AWS_PROXY"))?;
    check_uri(&uri)?;
    let version = input.payload_format_version.as_deref();
    let integration = Integration {
        id: ops::part_id(&cx),
        uri,
        payload: payload(version.ok_or_else(|| Error::bad("PayloadFormatVersion is required: 1.0 or 2.0"))?)?,
        timeout_millis: timeout(input.timeout_in_millis.unwrap_or(*limits::HTTP_TIMEOUT_RANGE.end()))?,
        description: input.description,
        method: Some(input.integration_method.unwrap_or_else(|| "POST".into())),
        managed: false,
    };
    store(&cx, input.api_id, move |_| Ok(integration.clone())).await
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: IntegrationInput) -> Result<Shown, Error> {
    if is_websocket(&cx, &input.api_id)? {
        return Ok(websocket::integration::update(&cx, input).await?.into());
    }
    check_supported(&input)?;
    input.integration_uri.as_deref().map_or(Ok(()), check_uri)?;
    let payload = input.payload_format_version.as_deref().map(payload).transpose()?;
    let timeout = input.timeout_in_millis.map(timeout).transpose()?;
    store(&cx, input.api_id, move |found| {
        let integration = found(&input.integration_id)?;
        Ok(Integration {
            uri: input.integration_uri.clone().unwrap_or(integration.uri),
            payload: payload.unwrap_or(integration.payload),
            timeout_millis: timeout.unwrap_or(integration.timeout_millis),
            description: input.description.clone().or(integration.description),
            method: input.integration_method.clone().or(integration.method),
            ..integration
        })
    })
    .await
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
