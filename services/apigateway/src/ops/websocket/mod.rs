//! What WebSocket APIs have besides HTTP APIs (`apigatewayv2`), and who is connected to them (`apigatewaymanagementapi`).

pub mod connection;
pub mod integration;
mod integration_response;
pub mod response;
mod route_response;
pub mod settings;

pub use integration_response::statuses;
use service::Cx;

use crate::error::Error;
use crate::limits;
use crate::model::http::api;
use crate::ops::rest::read_template;
use crate::route_key;
use crate::route_selection::Selection;
use crate::types::Texts;
use crate::types::http::Api;

/// An API that has to be one of WebSockets.
fn find(cx: &Cx, id: &str) -> Result<Api, Error> {
    let api = api::find(&cx.db().read()?, cx.region().as_str(), id)?;
    check_kind(api)
}

/// Refuses HTTP APIs.
pub fn check_kind(api: Api) -> Result<Api, Error> {
    match api.websocket {
        Some(_) => Ok(api),
        None => Err(Error::bad("This operation is supported for WebSocket APIs alone")),
    }
}

/// Whether an API is one of WebSockets.
pub fn is_websocket(cx: &Cx, id: &str) -> Result<bool, Error> {
    Ok(api::find(&cx.db().read()?, cx.region().as_str(), id)?.websocket.is_some())
}

/// Templates that can be filled, as far as can be told before there is something to fill them with.
fn check_templates(templates: &Texts) -> Result<(), Error> {
    if templates.len() > limits::TEMPLATES_MAX {
        return Err(Error::bad(format!("There can be {} templates at most", limits::TEMPLATES_MAX)));
    }
    for (key, template) in templates {
        check_key("The key of a template", key)?;
        if template.len() > limits::TEMPLATE_CHARACTERS_MAX {
            return Err(Error::bad(format!("A template has {} characters at most", limits::TEMPLATE_CHARACTERS_MAX)));
        }
        read_template(key, template)?;
    }
    Ok(())
}

fn check_key(what: &str, key: &str) -> Result<(), Error> {
    if key.is_empty() || key.chars().count() > limits::SELECTION_KEY_CHARACTERS_MAX {
        return Err(Error::bad(format!("{what} has 1 to {} characters", limits::SELECTION_KEY_CHARACTERS_MAX)));
    }
    Ok(())
}

/// What chooses among templates: a key of theirs, or what a message says where `is_request`.
fn check_template_selection(expression: &str, is_request: bool) -> Result<(), Error> {
    const WHAT: &str = "templateSelectionExpression";
    check_key(WHAT, expression)?;
    let key = expression.trim_start_matches('\\');
    let is_known = key == route_key::DEFAULT || !key.contains('$') || is_request && Selection::parse(key).is_ok();
    is_known.then_some(()).ok_or_else(|| Error::not_implemented(format!("{WHAT} {expression}")))
}

/// Members that would change what is answered, and do not here, are refused.
fn check_absent(unsupported: &[(&str, bool)], of: &str) -> Result<(), Error> {
    match unsupported.iter().find(|(_, asked)| *asked) {
        Some((what, _)) => Err(Error::not_implemented(format!("{what} of {of}"))),
        None => Ok(()),
    }
}

/// Whether a member is there and not empty.
fn given(value: Option<&serde_json::Value>) -> bool {
    value.is_some_and(|value| match value {
        serde_json::Value::Null => false,
        serde_json::Value::Object(map) => !map.is_empty(),
        serde_json::Value::String(text) => !text.is_empty(),
        _ => true,
    })
}
