//! Events of payload format 2.0: HTTP APIs and function URLs.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::collections::BTreeMap;

use http::header::COOKIE;
use serde_json::{Map, Value, json};

use crate::{Incoming, Parameters};

/// Where the request was found to go.
pub struct Place<'a> {
    pub account: &'a str,
    pub api: &'a str,
    pub stage: &'a str,
    pub variables: &'a BTreeMap<String, String>,
    pub route: &'a str,
    /// With a named stage.
    pub path: &'a str,
    pub parameters: &'a Parameters,
}

/// The event. Members without a value are left out, as API Gateway does.
pub fn event(incoming: &Incoming, place: &Place<'_>, binary: bool) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": place.route,
        "rawPath": place.path,
        "rawQueryString": incoming.query,
    });
    let cookies = cookies(incoming);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    let headers = incoming.event_headers().into_iter().filter(|(name, _)| *name != COOKIE.as_str());
    event["headers"] = headers.map(|(name, values)| (name, json!(values.join(",")))).collect::<Map<_, _>>().into();
    let query = joined(&incoming.query_pairs());
    if !query.is_empty() {
        event["queryStringParameters"] = query.into();
    }
    if !place.parameters.is_empty() {
        event["pathParameters"] = joined(place.parameters).into();
    }
    if !place.variables.is_empty() {
        event["stageVariables"] = json!(place.variables);
    }
    event["requestContext"] = json!({
        "accountId": place.account,
        "apiId": place.api,
        "domainName": incoming.domain(),
        "domainPrefix": incoming.domain_prefix(),
        "http": {
            "method": incoming.method.as_str(),
            "path": place.path,
            "protocol": incoming.protocol(),
            "sourceIp": incoming.source_ip,
            "userAgent": incoming.user_agent(),
        },
        "requestId": incoming.extended_id,
        "routeKey": place.route,
        "stage": place.stage,
        "time": incoming.time_text(),
        "timeEpoch": incoming.time,
    });
    let (body, is_base64) = incoming.event_body(binary);
    if let Some(body) = body {
        event["body"] = json!(body);
    }
    event["isBase64Encoded"] = json!(is_base64);
    event
}

fn cookies(incoming: &Incoming) -> Vec<String> {
    let lines = incoming.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Values of one name, joined with commas.
fn joined(pairs: &Parameters) -> Map<String, Value> {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        match map.get_mut(name) {
            Some(Value::String(all)) => {
                all.push(',');
                all.push_str(value);
            }
            _ => drop(map.insert(name.clone(), json!(value))),
        }
    }
    map
}

/// Whether a body of this type travels as base64: everything that is not known to be text.
pub fn is_binary(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else { return false };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = kind.starts_with("text/")
        || matches!(kind.as_str(), "application/json" | "application/xml" | "application/javascript")
        || kind.ends_with("+json")
        || kind.ends_with("+xml");
    !text
}
