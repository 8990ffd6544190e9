//! MOCK integrations: the API answers by itself, mostly to preflights.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::ops::rest::mock::literal;
use crate::types::rest::{Integration, IntegrationResponse};

/// The answer that belongs to the status that the request template chose. `None` when none does.
pub fn answer(integration: &Integration, chosen: u16) -> Option<Response<Bytes>> {
    let chosen = chosen.to_string();
    let selected =
        |(_, response): &(&String, &IntegrationResponse)| response.selection_pattern.as_ref() == Some(&chosen);
    let default = |(_, response): &(&String, &IntegrationResponse)| response.selection_pattern.is_none();
    let (status, response) =
        integration.responses.iter().find(selected).or_else(|| integration.responses.iter().find(default))?;
    let json = response.templates.get_key_value("application/json");
    let (content_type, body) = json
        .or_else(|| response.templates.iter().next())
        .map_or(("application/json", ""), |(content_type, template)| (content_type.as_str(), template.as_str()));
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = status.parse::<u16>().ok().and_then(|status| StatusCode::from_u16(status).ok())?;
    if let Ok(value) = HeaderValue::from_str(content_type) {
        answer.headers_mut().insert(CONTENT_TYPE, value);
    }
    for (parameter, value) in &response.parameters {
        let name = parameter.strip_prefix("method.response.header.").and_then(|name| name.parse::<HeaderName>().ok());
        let value = literal(value).and_then(|value| HeaderValue::from_str(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            answer.headers_mut().insert(name, value);
        }
    }
    Some(answer)
}
