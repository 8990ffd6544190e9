//! What a client gets of an integration's answer: the response that is selected, its headers, and the body that its template makes.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-integration-settings-integration-response.html>

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use proxy::answer::body_of;
use serde_json::Value;

use super::outgoing::{Outgoing, texts};
use super::{Exchange, binary, log, mock};
use crate::front::mapping::{Mapping, Target, Told};
use crate::front::problem::Problem;
use crate::schema;
use crate::types::rest::{Integration, IntegrationKind, IntegrationResponse, Method};

/// What an integration has answered.
#[derive(Debug)]
pub struct Endpoint {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What a response is selected by.
    pub selector: String,
}

impl Endpoint {
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Endpoint {
        Endpoint { status, headers, body, selector: status.as_str().to_owned() }
    }

    /// What MOCK answers: nothing, with the status that was chosen.
    pub fn mock(outgoing: &Outgoing) -> Result<Endpoint, Problem> {
        let chosen = str::from_utf8(&outgoing.body).ok().and_then(mock::status);
        let chosen = chosen.ok_or_else(|| {
            Problem::configuration(
                "Unable to parse statusCode. It should be an integer defined in the request template.",
            )
        })?;
        let selector = chosen.to_string();
        Ok(Endpoint { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::new(), selector })
    }

    /// As a proxy passes it.
    pub fn passed(self) -> Response<Bytes> {
        let mut response = Response::new(body_of(self.status, self.body));
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            if let Some(name) = passed(name.clone()) {
                response.headers_mut().append(name, value.clone());
            }
        }
        response
    }
}

impl Exchange<'_> {
    pub fn answered(
        &self,
        method: &Method,
        integration: &Integration,
        endpoint: &Endpoint,
        context: &mut Value,
    ) -> Result<Response<Bytes>, Problem> {
        let (status, selected) = select(integration, &endpoint.selector).ok_or_else(|| {
            Problem::configuration(format!(
                "No match for output mapping and no default output mapping configured. Endpoint Response Status Code: {}",
                endpoint.selector
            ))
        })?;
        if !method.responses.contains_key(status) {
            return Err(Problem::configuration(format!(
                "Output mapping refers to an invalid method response: {status}"
            )));
        }
        let headers = {
            let told = Told { answer: Some((&endpoint.headers, &endpoint.body)), ..self.told(context) };
            mapped_headers(selected, &told)
        };
        let (content_type, body) = self.answered_body(integration, selected, endpoint, context)?;
        let overrides = &context["responseOverride"];
        let overridden = overrides["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let chosen = overridden.filter(|status| (200..=599).contains(status)).or_else(|| status.parse().ok());
        let status = chosen.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
        self.log(|| format!("Method response body after transformations: {}", log::body(&body)));
        let mut response = Response::new(body_of(status, body));
        *response.status_mut() = status;
        let into = response.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&content_type) {
            into.insert(CONTENT_TYPE, value);
        }
        let set = overrides["header"].as_object().into_iter().flatten();
        let set = set.filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, texts(value))));
        for (name, values) in headers.into_iter().chain(set) {
            let Some(name) = passed(name) else { continue };
            into.remove(&name);
            for value in values.iter().filter_map(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
                into.append(name.clone(), value);
            }
        }
        Ok(response)
    }

    /// The media type and the body.
    fn answered_body(
        &self,
        integration: &Integration,
        selected: &IntegrationResponse,
        endpoint: &Endpoint,
        context: &mut Value,
    ) -> Result<(String, Bytes), Problem> {
        let accept = self.incoming.header(ACCEPT).unwrap_or_default();
        let kind = endpoint.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let accepted = self.is_binary(accept.split(',').next().unwrap_or_default());
        let handling = selected.content_handling.as_deref();
        let is_binary = self.is_binary(kind);
        let is_service = matches!(integration.kind, IntegrationKind::Service { .. });
        let templates = &selected.templates;
        let json = || templates.get_key_value("application/json");
        let found = templates.get_key_value(accept).or_else(json).or_else(|| templates.iter().next());
        match found.filter(|(_, template)| !template.is_empty()) {
            Some((content_type, template)) => {
                // Bytes that nobody makes text cannot go through a template.
                let body = binary::response(&endpoint.body, is_binary, false, handling, is_service)?;
                Ok((content_type.clone(), self.filled(template, &body, context)?.into()))
            }
            None => {
                let body = match endpoint.body.is_empty() {
                    true => Bytes::new(),
                    false => binary::response(&endpoint.body, is_binary, accepted, handling, is_service)?,
                };
                let content_type = found.map_or("application/json", |(content_type, _)| content_type);
                Ok((content_type.to_owned(), body))
            }
        }
    }
}

fn mapped_headers(selected: &IntegrationResponse, told: &Told<'_>) -> Vec<(HeaderName, Vec<String>)> {
    let mapped = selected.parameters.iter().filter_map(|(target, source)| {
        let Some(Target::Header(name)) = Target::method_response(target) else { return None };
        Some((name, Mapping::response(source).ok()?.values(told)))
    });
    mapped.filter(|(_, values)| !values.is_empty()).collect()
}

/// The response whose pattern fits all of what an integration said, or else the one without a pattern.
fn select<'i>(integration: &'i Integration, selector: &str) -> Option<(&'i str, &'i IntegrationResponse)> {
    let fits = |pattern: &str| schema::compiled(&format!("^(?:{pattern})$")).is_ok_and(|one| one.is_match(selector));
    let pattern =
        |response: &'i IntegrationResponse| response.selection_pattern.as_deref().filter(|text| !text.is_empty());
    let all = || integration.responses.iter().map(|(status, response)| (status.as_str(), response));
    all()
        .find(|(_, response)| pattern(response).is_some_and(fits))
        .or_else(|| all().find(|(_, one)| pattern(one).is_none()))
}

/// Headers that are sent under another name, so that they do not mislead about the gateway's own answer.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html>
const REMAPPED: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "host",
    "server",
    "user-agent",
    "www-authenticate",
];
const DROPPED: [&str; 9] = [
    "expect",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// The name under which an integration's header is sent; `None` for those that are not.
pub fn passed(name: HeaderName) -> Option<HeaderName> {
    if DROPPED.contains(&name.as_str()) {
        return None;
    }
    if REMAPPED.contains(&name.as_str()) {
        return format!("x-amzn-remapped-{name}").parse().ok();
    }
    Some(name)
}
