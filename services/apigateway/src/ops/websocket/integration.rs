//! What CreateIntegration, GetIntegration, GetIntegrations, UpdateIntegration and DeleteIntegration do for WebSocket APIs.

use std::collections::BTreeMap;

use serde::Serialize;
use service::Cx;

use super::{check_absent, check_kind, check_template_selection, check_templates};
use crate::error::Error;
use crate::integration::check_uri;
use crate::limits;
use crate::model::http::{api, deployment};
use crate::model::websocket::integration;
use crate::ops::http::integration::IntegrationInput;
use crate::ops::rest::integration::{check_parameters, check_target};
use crate::ops::{self, validate_length};
use crate::parameters;
use crate::roles;
use crate::types::Texts;
use crate::types::websocket::{Integration, IntegrationKind};

/// By what an integration's answer chooses its response, for all that have any.
const RESPONSE_SELECTION: &str = "${integration.response.statuscode}";
const PASSTHROUGH: [&str; 3] = ["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationOutput {
    pub connection_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub integration_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_method: Option<String>,
    pub integration_response_selection_expression: &'static str,
    pub integration_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_uri: Option<String>,
    pub passthrough_behavior: String,
    pub payload_format_version: &'static str,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub request_parameters: Texts,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub request_templates: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_selection_expression: Option<String>,
    pub timeout_in_millis: u64,
}

impl From<Integration> for IntegrationOutput {
    fn from(integration: Integration) -> IntegrationOutput {
        IntegrationOutput {
            connection_type: "INTERNET",
            credentials_arn: integration.credentials,
            description: integration.description,
            integration_id: integration.id,
            integration_method: integration.method,
            integration_response_selection_expression: RESPONSE_SELECTION,
            integration_type: integration.kind.word(),
            integration_uri: integration.kind.uri().map(str::to_owned),
            passthrough_behavior: integration.passthrough.unwrap_or_else(|| "WHEN_NO_MATCH".into()),
            payload_format_version: "1.0",
            request_parameters: integration.request_parameters,
            request_templates: integration.request_templates,
            template_selection_expression: integration.template_selection,
            timeout_in_millis: integration.timeout_millis,
        }
    }
}

fn check(input: &IntegrationInput) -> Result<(), Error> {
    let some = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let unsupported = [
        ("integrationSubtype", some(&input.integration_subtype)),
        ("contentHandlingStrategy", some(&input.content_handling_strategy)),
        ("connectionType VPC_LINK", input.connection_type.as_deref() == Some("VPC_LINK")),
        ("responseParameters", !input.response_parameters.is_empty()),
    ];
    check_absent(&unsupported, "an integration of a WebSocket API")?;
    if let Some(other) = input.passthrough_behavior.as_deref().filter(|text| !PASSTHROUGH.contains(text)) {
        return Err(Error::bad(format!("Invalid passthrough behavior specified: {other}")));
    }
    if let Some(other) = input.payload_format_version.as_deref().filter(|version| *version != "1.0") {
        return Err(Error::bad(format!("The payload format version of a WebSocket API is 1.0, not {other}")));
    }
    input.request_templates.as_ref().map_or(Ok(()), check_templates)?;
    input.template_selection_expression.as_deref().map_or(Ok(()), |text| check_template_selection(text, true))?;
    let range = limits::WEBSOCKET_TIMEOUT_RANGE;
    if input.timeout_in_millis.is_some_and(|millis| !range.contains(&millis)) {
        return Err(Error::bad(format!("Timeout should be between {} ms and {} ms", range.start(), range.end())));
    }
    validate_length("integrationMethod", input.integration_method.as_deref(), limits::VARIABLE_NAME_CHARACTERS_MAX)?;
    validate_length("description", input.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)
}

/// What is integrated after a change.
fn kind(input: &IntegrationInput, before: Option<&IntegrationKind>) -> Result<IntegrationKind, Error> {
    let word = input.integration_type.as_deref().or(before.map(IntegrationKind::word));
    let word = word.ok_or_else(|| Error::bad("IntegrationType is required"))?;
    let uri = || {
        let before = before.filter(|before| before.word() == word).and_then(IntegrationKind::uri);
        let uri = input.integration_uri.as_deref().or(before).map(str::to_owned);
        uri.ok_or_else(|| Error::bad(format!("IntegrationUri is required for {word}")))
    };
    Ok(match word {
        "MOCK" => IntegrationKind::Mock,
        "AWS_PROXY" => IntegrationKind::Function { uri: uri()? },
        "AWS" => IntegrationKind::Service { uri: uri()? },
        "HTTP" => IntegrationKind::Http { uri: uri()? },
        "HTTP_PROXY" => IntegrationKind::HttpProxy { uri: uri()? },
        _ => return Err(Error::bad(format!("Invalid integration type specified: {word}"))),
    })
}

/// Checks an integration as a whole, as those of REST APIs are.
fn check_whole(cx: &Cx, integration: Integration) -> Result<Integration, Error> {
    if let Some(role) = &integration.credentials {
        roles::check(role, cx.account().as_str())?;
    }
    if let IntegrationKind::Function { uri } = &integration.kind {
        check_uri(uri)?;
    }
    parameters::check_size(&integration.request_parameters, &BTreeMap::new())?;
    if let Some(wrong) = integration.request_parameters.values().find(|source| source.starts_with("method.")) {
        return Err(Error::bad(format!("Invalid mapping expression specified: {wrong}. A route has route.request.…")));
    }
    if let Some(of_rest) = integration.of_rest() {
        check_target(cx, &of_rest)?;
        check_parameters(&of_rest.request_parameters)?;
    } else if !integration.request_parameters.is_empty() {
        return Err(Error::bad(
            "A function of AWS_PROXY is told all of a message: request parameters are for other types",
        ));
    }
    Ok(integration)
}

/// A role that is taken back is an empty text.
fn role(input: &IntegrationInput, before: Option<String>) -> Option<String> {
    input.credentials_arn.clone().or(before).filter(|role| !role.is_empty())
}

pub async fn create(cx: &Cx, input: IntegrationInput) -> Result<Integration, Error> {
    check(&input)?;
    let made = Integration {
        id: ops::part_id(cx),
        kind: kind(&input, None)?,
        timeout_millis: input.timeout_in_millis.unwrap_or(*limits::WEBSOCKET_TIMEOUT_RANGE.end()),
        description: input.description.clone(),
        method: input.integration_method.clone(),
        passthrough: input.passthrough_behavior.clone(),
        request_templates: input.request_templates.clone().unwrap_or_default(),
        template_selection: input.template_selection_expression.clone(),
        credentials: role(&input, None),
        request_parameters: input.request_parameters.clone(),
    };
    let made = check_whole(cx, made)?;
    store(cx, input, move |_, _| Ok(made.clone())).await
}

pub async fn update(cx: &Cx, input: IntegrationInput) -> Result<Integration, Error> {
    check(&input)?;
    let of = cx.clone();
    store(cx, input, move |input, found| {
        let before = found(&input.integration_id)?;
        let after = Integration {
            id: before.id,
            kind: kind(input, Some(&before.kind))?,
            timeout_millis: input.timeout_in_millis.unwrap_or(before.timeout_millis),
            description: input.description.clone().or(before.description),
            method: input.integration_method.clone().or(before.method),
            passthrough: input.passthrough_behavior.clone().or(before.passthrough),
            request_templates: input.request_templates.clone().unwrap_or(before.request_templates),
            template_selection: input.template_selection_expression.clone().or(before.template_selection),
            credentials: role(input, before.credentials),
            request_parameters: parameters::merged(before.request_parameters, &input.request_parameters),
        };
        check_whole(&of, after)
    })
    .await
}

type Found<'a> = &'a dyn Fn(&str) -> Result<Integration, Error>;

/// Stores the integration that `make` makes, possibly of one that is there, and deploys.
async fn store(
    cx: &Cx,
    input: IntegrationInput,
    make: impl Fn(&IntegrationInput, Found<'_>) -> Result<Integration, Error> + Send + 'static,
) -> Result<Integration, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(cx));
    let stored = cx.db().write(move |tx| {
        let api = check_kind(api::find(tx, &region, &input.api_id)?)?;
        let made = make(&input, &|id| integration::find(tx, &api.id, id))?;
        integration::put(tx, &api.id, &made)?;
        deployment::automatic(tx, now, &api, &deployment)?;
        Ok::<_, Error>(made)
    });
    stored.await
}
