//! What CreateApi and UpdateApi say of a WebSocket API besides.

use crate::error::Error;
use crate::ops::http::api::{CreateInput, UpdateInput};
use crate::route_selection::Selection;
use crate::types::websocket::{ApiKeySource, Settings};

const HEADER_KEY: &str = "$request.header.x-api-key";
const AUTHORIZER_KEY: &str = "$context.authorizer.usageIdentifierKey";

/// Absent members are left as they are.
#[derive(Clone, Debug, Default)]
pub struct SettingsInput {
    pub route_selection: Option<String>,
    pub api_key_selection: Option<String>,
    pub disable_schema_validation: Option<bool>,
}

impl SettingsInput {
    pub fn of_creation(input: &CreateInput) -> SettingsInput {
        SettingsInput {
            route_selection: input.route_selection_expression.clone(),
            api_key_selection: input.api_key_selection_expression.clone(),
            disable_schema_validation: input.disable_schema_validation,
        }
    }

    pub fn of_update(input: &UpdateInput) -> SettingsInput {
        SettingsInput {
            route_selection: input.route_selection_expression.clone(),
            api_key_selection: input.api_key_selection_expression.clone(),
            disable_schema_validation: input.disable_schema_validation,
        }
    }
}

/// The settings after a change of those before, where there were any.
pub fn checked(input: SettingsInput, before: Option<&Settings>) -> Result<Settings, Error> {
    let route_selection = input.route_selection.or_else(|| before.map(|before| before.route_selection.clone()));
    let route_selection = route_selection.ok_or_else(|| {
        Error::bad("A route selection expression is required for a WebSocket API: $request.body.action")
    })?;
    Selection::parse(&route_selection)?;
    let api_key_source = match input.api_key_selection.as_deref() {
        Some(expression) => source(expression)?,
        None => before.map(|before| before.api_key_source).unwrap_or_default(),
    };
    let disable_schema_validation =
        input.disable_schema_validation.or(before.map(|before| before.disable_schema_validation)).unwrap_or(false);
    Ok(Settings { route_selection, api_key_source, disable_schema_validation })
}

fn source(expression: &str) -> Result<ApiKeySource, Error> {
    match expression.replace("${", "$").replace('}', "").as_str() {
        HEADER_KEY => Ok(ApiKeySource::Header),
        AUTHORIZER_KEY => Ok(ApiKeySource::Authorizer),
        _ => Err(Error::bad(format!(
            "Invalid API key selection expression specified: {expression}. There are {HEADER_KEY} and {AUTHORIZER_KEY}"
        ))),
    }
}

/// The expression that stands for where API keys come from, which HTTP APIs show, too.
pub fn api_key_selection(settings: Option<&Settings>) -> &'static str {
    match settings.map(|settings| settings.api_key_source) {
        Some(ApiKeySource::Authorizer) => AUTHORIZER_KEY,
        Some(ApiKeySource::Header) | None => HEADER_KEY,
    }
}
