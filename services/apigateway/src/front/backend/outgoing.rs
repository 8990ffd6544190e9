//! What an integration is sent: the parameters that are mapped, the body that a template makes, and what the template overrides.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-data-transformations.html>

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use proxy::Incoming;
use serde_json::{Map, Value, json};

use super::{Exchange, binary, log, uri};
use crate::front::event_v1;
use crate::front::mapping::{Mapping, Target, Told};
use crate::front::problem::Problem;
use crate::integration::with_variables;
use crate::types::rest::{Integration, IntegrationKind};

#[derive(Debug)]
pub struct Outgoing {
    pub method: Method,
    /// With its variables put in.
    pub uri: String,
    /// Encoded.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether the body is the client's own, and not what a template makes of it.
    pub is_passed: bool,
}

/// What is taken for a body that says nothing of its type.
const DEFAULT_TYPE: &str = "application/json";
/// Headers that nobody may map.
const ILLEGAL: [&str; 4] = ["content-length", "transfer-encoding", "x-amzn-apigateway-api-id", "x-amzn-trace-id"];
const ILLEGAL_FOR_SERVICES: [&str; 5] = ["authorization", "connection", "expect", "proxy-authenticate", "te"];
/// Headers that are about one connection, and not for what is behind the API.
const DROPPED: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Headers of a client that stay here; the API's owner may send some of the name.
const CLIENTS_OWN: [&str; 4] = ["content-md5", "max-forwards", "server", "www-authenticate"];

/// What parameters of an integration are mapped to.
#[derive(Default)]
struct Mapped {
    path: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, Vec<String>)>,
}

impl Mapped {
    fn of(integration: &Integration, told: &Told<'_>) -> Result<Mapped, Problem> {
        let mut mapped = Mapped::default();
        for (target, source) in &integration.request_parameters {
            // Both were read when they were put.
            let (Some(target), Ok(mapping)) = (Target::integration(target), Mapping::request(source)) else { continue };
            let values = mapping.values(told);
            match target {
                _ if values.is_empty() => {}
                Target::Path(name) => drop(mapped.path.insert(name, values.join(","))),
                Target::Query(name) => mapped.query.extend(values.into_iter().map(|value| (name.clone(), value))),
                Target::Header(name) => {
                    let is_service =
                        matches!(integration.kind, IntegrationKind::Service { .. } | IntegrationKind::Function { .. });
                    if ILLEGAL.contains(&name.as_str()) || is_service && ILLEGAL_FOR_SERVICES.contains(&name.as_str()) {
                        return Err(Problem::configuration(format!("{name} header already present")));
                    }
                    mapped.headers.push((name, values));
                }
            }
        }
        Ok(mapped)
    }

    /// What a template has set in `$context.requestOverride` goes before what was mapped.
    fn override_with(&mut self, overrides: &Value) {
        let members = |place: &str| overrides.get(place).and_then(Value::as_object).into_iter().flatten();
        for (name, value) in members("path") {
            self.path.insert(name.clone(), texts(value).join(","));
        }
        for (name, value) in members("querystring") {
            self.query.retain(|(known, _)| known != name);
            self.query.extend(texts(value).into_iter().map(|value| (name.clone(), value)));
        }
        for (name, value) in members("header") {
            let Ok(name) = name.parse::<HeaderName>() else { continue };
            if ILLEGAL.contains(&name.as_str()) {
                continue;
            }
            self.headers.retain(|(known, _)| *known != name);
            self.headers.push((name, texts(value)));
        }
    }
}

/// One value, or each of a list.
pub fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

impl Exchange<'_> {
    /// Whether an integration maps nothing that nobody may map, where it is told the request as it is.
    pub fn check_mapped(&self, integration: &Integration, context: &Value) -> Result<(), Problem> {
        Mapped::of(integration, &self.told(context)).map(drop)
    }

    /// What an integration is sent, its body made by `template` where there is one.
    pub fn outgoing(
        &self,
        integration: &Integration,
        template: Option<&str>,
        context: &mut Value,
    ) -> Result<Outgoing, Problem> {
        let mut mapped = Mapped::of(integration, &self.told(context))?;
        let is_proxy = integration.kind.is_proxy();
        let body = if is_proxy {
            self.incoming.body.clone()
        } else {
            let body = self.transformed(integration, template, context)?;
            mapped.override_with(&context["requestOverride"]);
            body
        };
        let uri = integration.kind.uri().unwrap_or_default();
        let uri = with_variables(uri, self.variables).ok_or_else(|| {
            Problem::configuration("Invalid endpoint address: the stage lacks a variable that it names")
        })?;
        let mut query = if is_proxy { self.incoming.query.clone() } else { String::new() };
        let own = uri::query(&mapped.query);
        if !query.is_empty() && !own.is_empty() {
            query.push('&');
        }
        query.push_str(&own);
        let method = match integration.http_method.as_deref() {
            None | Some("" | "ANY") => self.incoming.method.clone(),
            Some(method) => {
                method.parse().map_err(|_| Problem::configuration(format!("{method} is no HTTP method")))?
            }
        };
        let outgoing = Outgoing {
            uri: uri::with_path(&uri, &mapped.path),
            headers: self.outgoing_headers(integration, &mapped, &method)?,
            method,
            query,
            body,
            is_passed: is_proxy || template.is_none(),
        };
        if !matches!(integration.kind, IntegrationKind::Mock {}) {
            self.log(|| format!("Endpoint request URI: {}", outgoing.uri));
            self.log(|| format!("Endpoint request headers: {}", log::headers(&outgoing.headers)));
            self.log(|| format!("Endpoint request body after transformations: {}", log::body(&outgoing.body)));
        }
        Ok(outgoing)
    }

    fn outgoing_headers(
        &self,
        integration: &Integration,
        mapped: &Mapped,
        method: &Method,
    ) -> Result<HeaderMap, Problem> {
        let mut headers = HeaderMap::new();
        if integration.kind.is_proxy() {
            headers.clone_from(&self.incoming.headers);
            // What a client says there would be taken for a gateway's word; the API's owner may map something to it.
            headers.remove("x-forwarded-host");
            CLIENTS_OWN.iter().for_each(|name| drop(headers.remove(*name)));
            for (name, value) in self.incoming.forwarded() {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
        }
        headers.remove(HOST);
        for (name, values) in &mapped.headers {
            headers.remove(name);
            for value in values {
                let value = HeaderValue::from_bytes(value.as_bytes())
                    .map_err(|_| Problem::configuration(format!("The header {name} cannot carry its value")))?;
                headers.append(name.clone(), value);
            }
        }
        DROPPED.iter().for_each(|name| drop(headers.remove(*name)));
        let mut default = |name: HeaderName, value: &str| {
            if let (http::header::Entry::Vacant(vacant), Ok(value)) =
                (headers.entry(name), HeaderValue::from_str(value))
            {
                vacant.insert(value);
            }
        };
        default(ACCEPT, "application/json");
        default(USER_AGENT, &format!("AmazonAPIGateway_{}", self.api));
        let has_body = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        if let Some(kind) = self.incoming.header(CONTENT_TYPE).filter(|_| has_body) {
            default(CONTENT_TYPE, kind);
        }
        let is_service = matches!(integration.kind, IntegrationKind::Service { .. });
        for (name, value) in
            [("x-amzn-trace-id", self.incoming.trace_id.as_str()), ("x-amzn-apigateway-api-id", self.api)]
        {
            if let (false, Ok(value)) = (is_service && name.ends_with("api-id"), HeaderValue::from_str(value)) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        Ok(headers)
    }

    /// The body that the request's template makes, or the request's own where there is none for it.
    fn transformed(
        &self,
        integration: &Integration,
        template: Option<&str>,
        context: &mut Value,
    ) -> Result<Bytes, Problem> {
        let content_type = self.incoming.header(CONTENT_TYPE).unwrap_or(DEFAULT_TYPE);
        let is_binary = self.is_binary(content_type);
        let is_service = matches!(integration.kind, IntegrationKind::Service { .. });
        let handling = integration.content_handling.as_deref();
        let body = binary::request(&self.incoming.body, is_binary, handling, is_service)?;
        match template {
            None => Ok(body),
            Some(template) => self.filled(template, &body, context).map(Bytes::from),
        }
    }

    /// What a template makes of a body. What it sets of `$context` that counts is kept there.
    pub fn filled(&self, template: &str, body: &[u8], context: &mut Value) -> Result<String, Problem> {
        let last = |(name, values): (String, Vec<String>)| (name, json!(values.last()));
        let pairs = |pairs: &[(String, String)]| -> Map<String, Value> {
            pairs.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
        };
        let body =
            str::from_utf8(body).map_err(|_| Problem::configuration("Unable to transform a body that is no text"))?;
        let input = vtl::Input {
            body: body.to_owned(),
            path: pairs(self.parameters),
            query: pairs(&self.incoming.query_pairs()),
            header: event_v1::rest_headers(self.incoming).into_iter().map(last).collect(),
        };
        let mut variables = Map::new();
        variables.insert("context".into(), context.clone());
        variables.insert("stageVariables".into(), json!(self.variables));
        let unable = |error: vtl::Error| Problem::configuration(format!("Unable to transform the body: {error}"));
        let rendered = vtl::Template::parse(template).and_then(|template| template.render(&input, &variables));
        let mut rendered = rendered.map_err(unable)?;
        for name in ["requestOverride", "responseOverride"] {
            let set = rendered.variables.get_mut("context").and_then(|context| context.get_mut(name));
            context[name] = set.map(Value::take).unwrap_or_default();
        }
        Ok(rendered.text)
    }
}

/// The template for what a client sends; `None` where that goes through as it is.
pub fn template<'i>(integration: &'i Integration, incoming: &Incoming) -> Result<Option<&'i str>, Problem> {
    if integration.kind.is_proxy() {
        return Ok(None);
    }
    let content_type = incoming.header(CONTENT_TYPE).unwrap_or(DEFAULT_TYPE);
    let templates = &integration.request_templates;
    let plain = content_type.split(';').next().unwrap_or_default().trim();
    let found = templates.get(content_type).or_else(|| templates.get(plain)).or_else(|| templates.get("$default"));
    match (found, integration.passthrough.as_str()) {
        (Some(template), _) => Ok(Some(template)),
        (None, "NEVER") => Err(Problem::unsupported_media_type()),
        (None, "WHEN_NO_TEMPLATES") if !templates.is_empty() => Err(Problem::unsupported_media_type()),
        (None, _) => Ok(None),
    }
}
