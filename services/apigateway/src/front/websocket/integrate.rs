//! What a route's integration makes of what happens on a connection.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integrations.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-data-transformations.html>

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, StatusCode};
use proxy::Incoming;
use proxy::answer::{self, Answer, Body};
use serde_json::{Value, json};
use service::Cx;

use crate::ApiGateway;
use crate::front::authorize::Admitted;
use crate::front::backend::{self, Endpoint, Exchange};
use crate::front::invoke::{Failure, invoke};
use crate::front::mapping::{Mapping, Target, Told};
use crate::front::problem::Problem;
use crate::integration;
use crate::route_key;
use crate::route_selection::Selection;
use crate::routes::Parameters;
use crate::routes::websocket::Route;
use crate::types::Texts;
use crate::types::gateway::Kind;
use crate::types::websocket::{Beginning, Integration, IntegrationKind};

/// What MOCK answers that no template tells otherwise.
const FINE: &str = "{\"statusCode\": 200}";

/// One thing that happens on a connection, on its way to what is behind its route.
pub struct Errand<'a> {
    pub state: &'a ApiGateway,
    pub cx: &'a Cx,
    pub beginning: &'a Beginning,
    pub route: &'a Route,
    pub variables: &'a Texts,
    /// What a function is told of it.
    pub event: &'a Value,
    /// The handshake, where it is that.
    pub handshake: Option<&'a Incoming>,
}

impl Errand<'_> {
    /// The answer of the route's integration. What it took is written down in `told`.
    pub async fn run(&self, told: &mut Value) -> Result<Answer, Failure> {
        let source = self.beginning.arn(&self.route.key);
        let Some(integration) = &self.route.integration else {
            tracing::warn!(%source, "a route has no integration");
            return Err(Failure::Misconfigured);
        };
        if let IntegrationKind::Function { uri } = &integration.kind {
            return self.function(integration, uri, told).await;
        }
        self.exchange(integration, told).await.map_err(|problem| {
            tracing::warn!(%source, integration = integration.id, why = problem.why, "an integration did not answer");
            match problem.kind {
                Kind::IntegrationTimeout => Failure::Timeout,
                Kind::IntegrationFailure => Failure::Function,
                _ => Failure::Misconfigured,
            }
        })
    }

    /// A function that is told everything.
    async fn function(&self, integration: &Integration, uri: &str, told: &mut Value) -> Result<Answer, Failure> {
        let source = self.beginning.arn(&self.route.key);
        let Some(function) = integration::function(uri, self.variables) else {
            tracing::warn!(%source, uri, "a URI names no function in this stage");
            return Err(Failure::Misconfigured);
        };
        let (timeout, began) = (Duration::from_millis(integration.timeout_millis), Instant::now());
        let payload = invoke(self.cx, function, source.clone(), self.event, timeout).await;
        backend::note(told, began, payload.as_ref().map(|_| 200).map_err(|_| "The function did not answer"));
        answer::v1(&payload?).map_err(|error| {
            tracing::warn!(%source, why = error.0, "malformed Lambda proxy response");
            Failure::Function
        })
    }

    /// What is behind the route otherwise, as it is behind methods of REST APIs.
    async fn exchange(&self, integration: &Integration, told: &mut Value) -> Result<Answer, Problem> {
        let none = || Problem::configuration("The integration is none");
        let of_rest = integration.of_rest().ok_or_else(none)?;
        let incoming = self.handshake.map_or_else(|| Cow::Owned(self.incoming()), Cow::Borrowed);
        let parameters = Parameters::new();
        let Beginning { api, region, account, .. } = self.beginning;
        let exchange = Exchange {
            state: self.state,
            cx: self.cx,
            incoming: &incoming,
            parameters: &parameters,
            variables: self.variables,
            api,
            region,
            account,
            admitted: &Admitted::Anybody,
            binary_media_types: &[],
            source: self.beginning.arn(&self.route.key),
            log: None,
        };
        let mut context = self.event["requestContext"].clone();
        context["requestOverride"] = json!({});
        context["responseOverride"] = json!({});
        let endpoint = exchange.ask(&of_rest, self.template(integration)?, &mut context).await;
        told["integration"] = context["integration"].take();
        let endpoint = endpoint?;
        if endpoint.headers.contains_key("x-amz-function-error") {
            return Err(Problem::failed("The function failed"));
        }
        if integration.kind == (IntegrationKind::Mock) {
            let status = endpoint.selector.parse().ok().filter(|status| (200..=599).contains(status));
            let status = status.and_then(|status| StatusCode::from_u16(status).ok());
            let status = status.ok_or_else(|| Problem::failed(format!("{} is no status", endpoint.selector)))?;
            return self.answer(&exchange, Endpoint { status, ..endpoint }, &mut context);
        }
        if matches!(integration.kind, IntegrationKind::HttpProxy { .. }) {
            return Ok(passed(endpoint));
        }
        self.answer(&exchange, endpoint, &mut context)
    }

    /// The template for what is said; `None` where that goes through as it is.
    fn template<'i>(&self, integration: &'i Integration) -> Result<Option<&'i str>, Problem> {
        let (templates, selection) = (&integration.request_templates, integration.template_selection.as_deref());
        let said = self.event["body"].as_str().unwrap_or_default();
        let found = chosen(templates, selection, Some(said));
        match (&integration.kind, found, integration.passthrough.as_deref()) {
            (IntegrationKind::HttpProxy { .. }, ..) => Ok(None),
            (_, Some(template), _) => Ok(Some(template)),
            (IntegrationKind::Mock, None, _) => Ok(Some(FINE)),
            (_, None, Some("NEVER")) => Err(Problem::unsupported_media_type()),
            (_, None, Some("WHEN_NO_TEMPLATES")) if !templates.is_empty() => Err(Problem::unsupported_media_type()),
            (_, None, _) => Ok(None),
        }
    }

    /// What is said on a connection, as a request for what is behind a route.
    fn incoming(&self) -> Incoming {
        let said = self.event["body"].as_str().unwrap_or_default();
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.method = http::Method::POST;
        let agent = self.beginning.identity["userAgent"].as_str().unwrap_or_default();
        let all: [(HeaderName, &str); 3] =
            [(CONTENT_TYPE, "application/json"), (HOST, &self.beginning.host), (USER_AGENT, agent)];
        for (name, value) in all {
            if let Ok(value) = HeaderValue::from_str(value) {
                head.headers.insert(name, value);
            }
        }
        let incoming = Incoming::new(self.cx, head, Bytes::copy_from_slice(said.as_bytes()));
        match self.beginning.identity["sourceIp"].as_str() {
            Some(source_ip) => Incoming { source_ip: source_ip.to_owned(), ..incoming },
            None => incoming,
        }
    }

    /// What is made of an integration's answer: by the response for its status, or nothing.
    fn answer(&self, exchange: &Exchange<'_>, endpoint: Endpoint, context: &mut Value) -> Result<Answer, Problem> {
        let Some(response) = self.route.response(endpoint.status) else {
            return Ok(Answer { status: endpoint.status, headers: Vec::new(), body: Body::Text(String::new()) });
        };
        let headers = {
            let told = Told { answer: Some((&endpoint.headers, &endpoint.body)), ..exchange.told(context) };
            headers(&response.parameters, &told)
        };
        let body = match chosen(&response.templates, response.template_selection.as_deref(), None) {
            Some(template) => exchange.filled(template, &endpoint.body, context)?,
            None => String::from_utf8_lossy(&endpoint.body).into_owned(),
        };
        Ok(Answer { status: endpoint.status, headers, body: Body::Text(body) })
    }
}

/// What a proxy answers.
fn passed(endpoint: Endpoint) -> Answer {
    let headers =
        endpoint.headers.iter().filter_map(|(name, value)| Some((backend::passed(name.clone())?, value.clone())));
    let (headers, status) = (headers.collect(), endpoint.status);
    Answer { status, headers, body: Body::Text(String::from_utf8_lossy(&endpoint.body).into_owned()) }
}

fn headers(parameters: &Texts, told: &Told<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mapped = parameters.iter().filter_map(|(target, source)| {
        let Some(Target::Header(name)) = Target::route_response(target) else { return None };
        // It was read when it was put.
        let values = Mapping::response(source).ok()?.values(told);
        Some((name, HeaderValue::from_str(&values.join(",")).ok()?)).filter(|(_, value)| !value.is_empty())
    });
    mapped.collect()
}

/// The template that an expression chooses, which is a key or what a message says, or else `$default`, or else the only one.
fn chosen<'t>(templates: &'t Texts, selection: Option<&str>, said: Option<&str>) -> Option<&'t str> {
    let key = selection.map(|selection| match (Selection::parse(selection), said) {
        (Ok(selection), Some(said)) => selection.of(said).unwrap_or_default(),
        _ => selection.trim_start_matches('\\').to_owned(),
    });
    let found = key.as_ref().and_then(|key| templates.get(key)).or_else(|| templates.get(route_key::DEFAULT));
    let only = || templates.values().next().filter(|_| templates.len() == 1 && key.is_none());
    found.or_else(only).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[(&str, &str)]) -> Texts {
        all.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn templates_are_chosen_by_keys_and_by_messages() {
        let (many, one) = (texts(&[("a", "A"), ("$default", "D")]), texts(&[("a", "A")]));
        let said = Some("{\"kind\": \"a\"}");
        for (templates, selection, said, template) in [
            (&many, None, None, Some("D")),
            (&many, Some("\\$default"), None, Some("D")),
            (&many, Some("a"), None, Some("A")),
            (&many, Some("$request.body.kind"), said, Some("A")),
            (&many, Some("${request.body.other}"), said, Some("D")),
            (&one, None, None, Some("A")),
            (&one, Some("b"), None, None),
            (&one, Some("$request.body.other"), said, None),
        ] {
            assert_eq!(chosen(templates, selection, said), template, "{selection:?}");
        }
    }
}
