//! What CreateIntegration, GetIntegration, GetIntegrations, UpdateIntegration and DeleteIntegration do for WebSocket APIs.

use serde::Serialize;
use service::Cx;

use super::{check_absent, check_key, check_kind, check_templates};
use crate::error::Error;
use crate::integration::check_uri;
use crate::limits;
use crate::model::http::{api, deployment};
use crate::model::websocket::integration;
use crate::ops::http::integration::IntegrationInput;
use crate::ops::{self, validate_length};
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
    pub request_templates: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_selection_expression: Option<String>,
    pub timeout_in_millis: u64,
}

impl From<Integration> for IntegrationOutput {
    fn from(integration: Integration) -> IntegrationOutput {
        let (integration_type, integration_uri) = match integration.kind {
            IntegrationKind::Function { uri } => ("AWS_PROXY", Some(uri)),
            IntegrationKind::Mock => ("MOCK", None),
        };
        IntegrationOutput {
            connection_type: "INTERNET",
            description: integration.description,
            integration_id: integration.id,
            integration_method: integration.method,
            integration_response_selection_expression: RESPONSE_SELECTION,
            integration_type,
            integration_uri,
            passthrough_behavior: integration.passthrough.unwrap_or_else(|| "WHEN_NO_MATCH".into()),
            payload_format_version: "1.0",
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
        ("credentialsArn", some(&input.credentials_arn)),
        ("contentHandlingStrategy", some(&input.content_handling_strategy)),
        ("connectionType VPC_LINK", input.connection_type.as_deref() == Some("VPC_LINK")),
        ("requestParameters", !input.request_parameters.is_empty()),
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
    input
        .template_selection_expression
        .as_deref()
        .map_or(Ok(()), |text| check_key("templateSelectionExpression", text))?;
    let range = limits::WEBSOCKET_TIMEOUT_RANGE;
    if input.timeout_in_millis.is_some_and(|millis| !range.contains(&millis)) {
        return Err(Error::bad(format!("Timeout should be between {} ms and {} ms", range.start(), range.end())));
    }
    validate_length("integrationMethod", input.integration_method.as_deref(), limits::VARIABLE_NAME_CHARACTERS_MAX)?;
    validate_length("description", input.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)
}

/// What is integrated after a change; what is not built is refused by its name.
fn kind(input: &IntegrationInput, before: Option<IntegrationKind>) -> Result<IntegrationKind, Error> {
    let word = match (&input.integration_type, &before) {
        (Some(word), _) => word.as_str(),
        (None, Some(IntegrationKind::Function { .. })) => "AWS_PROXY",
        (None, Some(IntegrationKind::Mock)) => "MOCK",
        (None, None) => return Err(Error::bad("IntegrationType is required")),
    };
    match (word, before) {
        ("MOCK", _) => Ok(IntegrationKind::Mock),
        ("AWS_PROXY", before) => {
            let before = match before {
                Some(IntegrationKind::Function { uri }) => Some(uri),
                Some(IntegrationKind::Mock) | None => None,
            };
            let uri = input.integration_uri.clone().or(before);
            let uri = uri.ok_or_else(|| Error::bad("IntegrationUri is required for AWS_PROXY"))?;
            check_uri(&uri)?;
            Ok(IntegrationKind::Function { uri })
        }
        ("AWS" | "HTTP" | "HTTP_PROXY", _) => {
            Err(Error::not_implemented(format!("The integration type {word} of a WebSocket API")))
        }
        _ => Err(Error::bad(format!("Invalid integration type specified: {word}"))),
    }
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
    };
    store(cx, input, move |_, _| Ok(made.clone())).await
}

pub async fn update(cx: &Cx, input: IntegrationInput) -> Result<Integration, Error> {
    check(&input)?;
    store(cx, input, |input, found| {
        let before = found(&input.integration_id)?;
        Ok(Integration {
            id: before.id,
            kind: kind(input, Some(before.kind))?,
            timeout_millis: input.timeout_in_millis.unwrap_or(before.timeout_millis),
            description: input.description.clone().or(before.description),
            method: input.integration_method.clone().or(before.method),
            passthrough: input.passthrough_behavior.clone().or(before.passthrough),
            request_templates: input.request_templates.clone().unwrap_or(before.request_templates),
            template_selection: input.template_selection_expression.clone().or(before.template_selection),
        })
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
