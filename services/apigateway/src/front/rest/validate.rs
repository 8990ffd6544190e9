//! Requests that are held to what their method says of parameters and bodies.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html>

use http::header::CONTENT_TYPE;
use proxy::Incoming;

use crate::front::problem::Problem;
use crate::routes::rest::{Found, Routes};
use crate::schema;
use crate::types::rest::Method;

/// What is taken for a body that says nothing of its type.
const DEFAULT_TYPE: &str = "application/json";

pub fn check(routes: &Routes, method: &Method, found: &Found<'_>, incoming: &Incoming) -> Result<(), Problem> {
    let validator = method.request_validator.as_ref().and_then(|id| routes.validators.get(id));
    let Some(validator) = validator else { return Ok(()) };
    if validator.parameters {
        parameters(method, found, incoming)?;
    }
    if validator.body { body(routes, method, incoming) } else { Ok(()) }
}

fn parameters(method: &Method, found: &Found<'_>, incoming: &Incoming) -> Result<(), Problem> {
    let query = incoming.query_pairs();
    let has = |pairs: &[(String, String)], name: &str| {
        pairs.iter().any(|(known, value)| known == name && !value.trim().is_empty())
    };
    let is_there = |place: &str, name: &str| match place {
        "path" => has(&found.parameters, name),
        "querystring" => has(&query, name),
        "header" => incoming.header(name).is_some_and(|value| !value.trim().is_empty()),
        _ => true,
    };
    let required = method.request_parameters.iter().filter(|(_, required)| **required);
    let named = required.filter_map(|(parameter, _)| parameter.strip_prefix("method.request.")?.split_once('.'));
    let missing: Vec<&str> = named.filter(|(place, name)| !is_there(place, name)).map(|(_, name)| name).collect();
    if missing.is_empty() { Ok(()) } else { Err(Problem::missing_parameters(&missing)) }
}

fn body(routes: &Routes, method: &Method, incoming: &Incoming) -> Result<(), Problem> {
    let whole = incoming.header(CONTENT_TYPE).unwrap_or(DEFAULT_TYPE);
    let kind = whole.split(';').next().unwrap_or_default().trim();
    let models = &method.request_models;
    let Some(name) = models.get(whole).or_else(|| models.get(kind)).or_else(|| models.get("$default")) else {
        return Ok(());
    };
    // A model that is no schema holds nothing to anything; nor does one that an earlier release knew by its name alone.
    if !routes.schemas.contains_key(name) {
        return Ok(());
    }
    let text: &[u8] = if incoming.body.is_empty() { b"{}" } else { &incoming.body };
    let value = serde_json::from_slice(text).map_err(|error| Problem::invalid_body(format!("[{error}]")))?;
    schema::check(&routes.schemas, name, &value).map_err(|wrong| Problem::invalid_body(format!("[{wrong}]")))
}
