//! CreateIntegrationResponse, GetIntegrationResponse, GetIntegrationResponses, UpdateIntegrationResponse,
//! DeleteIntegrationResponse.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{check_absent, check_key, check_kind, check_templates, find, given};
use crate::ApiGateway;
use crate::error::Error;
use crate::keys::INTEGRATION_RESPONSES;
use crate::model::http::{api, deployment};
use crate::model::websocket::{integration, response};
use crate::ops::http::Items;
use crate::ops::{self, Empty};
use crate::route_key;
use crate::types::Texts;
use crate::types::websocket::IntegrationResponse;

/// CreateIntegrationResponse's input, and UpdateIntegrationResponse's: absent members are left as they are.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseInput {
    pub api_id: String,
    pub integration_id: String,
    pub integration_response_id: String,
    pub integration_response_key: Option<String>,
    pub response_templates: Option<Texts>,
    pub template_selection_expression: Option<String>,
    pub content_handling_strategy: Option<serde_json::Value>,
    pub response_parameters: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseOutput {
    pub integration_response_id: String,
    pub integration_response_key: String,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub response_templates: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_selection_expression: Option<String>,
}

impl From<IntegrationResponse> for ResponseOutput {
    fn from(response: IntegrationResponse) -> ResponseOutput {
        ResponseOutput {
            integration_response_id: response.id,
            integration_response_key: response.key,
            response_templates: response.templates,
            template_selection_expression: response.template_selection,
        }
    }
}

fn check(input: &ResponseInput) -> Result<(), Error> {
    let unsupported = [
        ("contentHandlingStrategy", given(input.content_handling_strategy.as_ref())),
        ("responseParameters", given(input.response_parameters.as_ref())),
    ];
    check_absent(&unsupported, "an integration response")?;
    input.response_templates.as_ref().map_or(Ok(()), check_templates)?;
    input
        .template_selection_expression
        .as_deref()
        .map_or(Ok(()), |text| check_key("templateSelectionExpression", text))?;
    input.integration_response_key.as_deref().map_or(Ok(()), check_response_key)
}

/// `$default`, or an expression between slashes.
fn check_response_key(key: &str) -> Result<(), Error> {
    check_key("The key of an integration response", key)?;
    let fits = key == route_key::DEFAULT || statuses(key).is_some();
    fits.then_some(()).ok_or_else(|| Error::bad(format!("Invalid integration response key specified: {key}")))
}

/// The statuses that the key of a response is for.
pub fn statuses(key: &str) -> Option<regex_lite::Regex> {
    let expression = key.strip_prefix('/')?.strip_suffix('/')?;
    regex_lite::Regex::new(&format!("^(?:{expression})$")).ok()
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<ResponseOutput, Error> {
    check(&input)?;
    let made = IntegrationResponse {
        id: ops::part_id(&cx),
        key: input.integration_response_key.clone().ok_or_else(|| Error::bad("IntegrationResponseKey is required"))?,
        templates: input.response_templates.clone().unwrap_or_default(),
        template_selection: input.template_selection_expression.clone(),
    };
    store(&cx, input, move |_, _| Ok(made.clone())).await
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<ResponseOutput, Error> {
    check(&input)?;
    store(&cx, input, |input, found| {
        let before = found(&input.integration_response_id)?;
        Ok(IntegrationResponse {
            key: input.integration_response_key.clone().unwrap_or(before.key),
            templates: input.response_templates.clone().unwrap_or(before.templates),
            template_selection: input.template_selection_expression.clone().or(before.template_selection),
            id: before.id,
        })
    })
    .await
}

type Found<'a> = &'a dyn Fn(&str) -> Result<IntegrationResponse, Error>;

/// Stores the response that `make` makes, possibly of one that is there, and deploys.
async fn store(
    cx: &Cx,
    input: ResponseInput,
    make: impl Fn(&ResponseInput, Found<'_>) -> Result<IntegrationResponse, Error> + Send + 'static,
) -> Result<ResponseOutput, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(cx));
    let stored = cx.db().write(move |tx| {
        let api = check_kind(api::find(tx, &region, &input.api_id)?)?;
        integration::find(tx, &api.id, &input.integration_id)?;
        let of = (api.id.as_str(), input.integration_id.as_str());
        let made = make(&input, &|id| response::find(tx, &INTEGRATION_RESPONSES, of, id))?;
        response::put(tx, &INTEGRATION_RESPONSES, of, &made)?;
        deployment::automatic(tx, now, &api, &deployment)?;
        Ok::<_, Error>(made)
    });
    Ok(stored.await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseName {
    pub api_id: String,
    pub integration_id: String,
    pub integration_response_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ResponseName) -> Result<ResponseOutput, Error> {
    find(&cx, &input.api_id)?;
    let of = (input.api_id.as_str(), input.integration_id.as_str());
    Ok(response::find(&cx.db().read()?, &INTEGRATION_RESPONSES, of, &input.integration_response_id)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub api_id: String,
    pub integration_id: String,
    /// Text in the model.
    pub max_results: Option<String>,
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<ResponseOutput>, Error> {
    find(&cx, &input.api_id)?;
    let read = cx.db().read()?;
    integration::find(&read, &input.api_id, &input.integration_id)?;
    let all = response::list(&read, &INTEGRATION_RESPONSES, (&input.api_id, &input.integration_id))?;
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: ResponseName) -> Result<Empty, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    cx.db()
        .write(move |tx| {
            let api = check_kind(api::find(tx, &region, &input.api_id)?)?;
            let of = (api.id.as_str(), input.integration_id.as_str());
            response::delete(tx, &INTEGRATION_RESPONSES, of, &input.integration_response_id)?;
            deployment::automatic(tx, now, &api, &deployment)
        })
        .await?;
    Ok(Empty {})
}
