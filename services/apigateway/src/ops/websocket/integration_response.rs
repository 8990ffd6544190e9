//! What operations say of the responses of integrations.

use std::collections::BTreeMap;

use kv::Read;
use serde::{Deserialize, Serialize};

use super::response::Response;
use super::{check_absent, check_key, check_template_selection, check_templates, given};
use crate::error::Error;
use crate::front::mapping::{Mapping, Target};
use crate::keys::INTEGRATION_RESPONSES;
use crate::model::websocket::integration;
use crate::model::websocket::response::Responses;
use crate::parameters;
use crate::route_key;
use crate::schema;
use crate::types::Texts;
use crate::types::websocket::IntegrationResponse;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Said {
    pub integration_response_key: Option<String>,
    pub response_templates: Option<Texts>,
    pub template_selection_expression: Option<String>,
    pub content_handling_strategy: Option<serde_json::Value>,
    pub response_parameters: Option<Texts>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub integration_response_id: String,
    pub integration_response_key: String,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub response_parameters: Texts,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub response_templates: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_selection_expression: Option<String>,
}

impl From<IntegrationResponse> for Shown {
    fn from(response: IntegrationResponse) -> Shown {
        Shown {
            integration_response_id: response.id,
            integration_response_key: response.key,
            response_parameters: response.parameters,
            response_templates: response.templates,
            template_selection_expression: response.template_selection,
        }
    }
}

/// `$default`, or an expression between slashes.
fn check_response_key(key: &str) -> Result<(), Error> {
    check_key("The key of an integration response", key)?;
    let fits = key == route_key::DEFAULT || statuses(key).is_some();
    fits.then_some(()).ok_or_else(|| Error::bad(format!("Invalid integration response key specified: {key}")))
}

/// The statuses that the key of a response is for; `None` where it is for all others, or cannot be read.
pub fn statuses(key: &str) -> Option<regex_lite::Regex> {
    let expression = key.strip_prefix('/')?.strip_suffix('/')?;
    schema::compiled(&format!("^(?:{expression})$")).ok()
}

/// Headers of the answer to a handshake, with what they are mapped from.
fn check_parameters(all: &Texts) -> Result<(), Error> {
    parameters::check_size(all, &BTreeMap::new())?;
    for (target, source) in all {
        let target = Target::route_response(target);
        let target = target.ok_or_else(|| Error::bad(format!("Invalid mapping expression specified: {source}")))?;
        Mapping::response(source)?;
        target.check_literal(source)?;
    }
    Ok(())
}

impl Response for IntegrationResponse {
    type Said = Said;
    type Shown = Shown;

    const TABLE: Responses<IntegrationResponse> = INTEGRATION_RESPONSES;

    fn check(said: &Said) -> Result<(), Error> {
        let unsupported = [("contentHandlingStrategy", given(said.content_handling_strategy.as_ref()))];
        check_absent(&unsupported, "an integration response")?;
        said.response_templates.as_ref().map_or(Ok(()), check_templates)?;
        said.response_parameters.as_ref().map_or(Ok(()), check_parameters)?;
        let selection = said.template_selection_expression.as_deref();
        selection.map_or(Ok(()), |text| check_template_selection(text, false))?;
        said.integration_response_key.as_deref().map_or(Ok(()), check_response_key)
    }

    fn check_parent(read: &dyn Read, api: &str, id: &str) -> Result<(), Error> {
        integration::find(read, api, id).map(drop)
    }

    fn made(id: String, said: &Said) -> Result<IntegrationResponse, Error> {
        let key = said.integration_response_key.clone();
        Ok(IntegrationResponse {
            id,
            key: key.ok_or_else(|| Error::bad("IntegrationResponseKey is required"))?,
            templates: said.response_templates.clone().unwrap_or_default(),
            template_selection: said.template_selection_expression.clone(),
            parameters: said.response_parameters.clone().unwrap_or_default(),
        })
    }

    fn changed(self, said: &Said) -> IntegrationResponse {
        IntegrationResponse {
            id: self.id,
            key: said.integration_response_key.clone().unwrap_or(self.key),
            templates: said.response_templates.clone().unwrap_or(self.templates),
            template_selection: said.template_selection_expression.clone().or(self.template_selection),
            parameters: said.response_parameters.clone().unwrap_or(self.parameters),
        }
    }
}
