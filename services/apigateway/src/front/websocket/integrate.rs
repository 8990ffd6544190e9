//! What a route's integration makes of an event.

use std::time::Duration;

use base::Arn;
use http::StatusCode;
use proxy::answer::{self, Answer, Body};
use serde_json::Value;
use service::Cx;

use crate::front::invoke::{Failure, invoke};
use crate::integration;
use crate::ops::websocket::integration_response::statuses;
use crate::plain_template;
use crate::route_key;
use crate::types::Texts;
use crate::types::websocket::{DeployedRoute, Integration, IntegrationKind};

/// The answer of a route's integration. `source` is the route, as policies of functions name it.
pub async fn integrate(
    cx: &Cx,
    route: &DeployedRoute,
    source: Arn,
    variables: &Texts,
    event: &Value,
) -> Result<Answer, Failure> {
    let Some(integration) = &route.integration else {
        tracing::warn!(%source, "a route has no integration");
        return Err(Failure::Misconfigured);
    };
    let uri = match &integration.kind {
        IntegrationKind::Mock => return mocked(route, integration),
        IntegrationKind::Function { uri } => uri,
    };
    let Some(function) = integration::function(uri, variables) else {
        tracing::warn!(%source, uri, "a URI names no function in this stage");
        return Err(Failure::Misconfigured);
    };
    let timeout = Duration::from_millis(integration.timeout_millis);
    let payload = invoke(cx, function, source.clone(), event, timeout).await?;
    answer::v1(&payload).map_err(|error| {
        tracing::warn!(%source, why = error.0, "malformed Lambda proxy response");
        Failure::Function
    })
}

/// The status that the request template chooses, and the response that is for it.
fn mocked(route: &DeployedRoute, integration: &Integration) -> Result<Answer, Failure> {
    let template = chosen(&integration.request_templates, integration.template_selection.as_deref());
    let status = match template {
        Some(template) => plain_template::status(template),
        None => Ok(StatusCode::OK.as_u16()),
    };
    let status = status.map_err(|error| {
        tracing::warn!(integration = integration.id, %error, "a MOCK integration says no status");
        Failure::Function
    })?;
    let text = status.to_string();
    let fits = |key: &str| statuses(key).is_some_and(|statuses| statuses.is_match(&text));
    let response = route.responses.iter().find(|response| fits(&response.key));
    let response = response.or_else(|| route.responses.iter().find(|response| response.key == route_key::DEFAULT));
    let body = response.and_then(|response| chosen(&response.templates, response.template_selection.as_deref()));
    Ok(Answer {
        status: StatusCode::from_u16(status).map_err(|_| Failure::Function)?,
        headers: Vec::new(),
        body: Body::Text(body.unwrap_or_default().to_owned()),
    })
}

/// The template that an expression chooses, which is a key here, or else `$default`, or else the only one.
fn chosen<'t>(templates: &'t Texts, selection: Option<&str>) -> Option<&'t str> {
    let key = selection.map(|selection| selection.trim_start_matches('\\'));
    let found = key.and_then(|key| templates.get(key)).or_else(|| templates.get(route_key::DEFAULT));
    let only = || templates.values().next().filter(|_| templates.len() == 1 && key.is_none());
    found.or_else(only).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::websocket::IntegrationResponse;

    fn texts(all: &[(&str, &str)]) -> Texts {
        all.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    fn route(requests: &[(&str, &str)], responses: &[(&str, &str)]) -> DeployedRoute {
        let response = |(key, body): &(&str, &str)| IntegrationResponse {
            id: (*key).into(),
            key: (*key).into(),
            templates: texts(&[("$default", body)]),
            template_selection: None,
        };
        let integration = Integration {
            id: "i".into(),
            kind: IntegrationKind::Mock,
            timeout_millis: 50,
            description: None,
            method: None,
            passthrough: None,
            request_templates: texts(requests),
            template_selection: Some("\\$default".into()),
        };
        DeployedRoute {
            key: "$default".into(),
            integration: Some(integration),
            responses: responses.iter().map(response).collect(),
            authorization: Default::default(),
            authorizer: None,
            api_key_required: false,
            answers: true,
        }
    }

    #[test]
    fn mocks_answer_by_the_status_that_their_template_says() {
        let responses = [("/2\\d\\d/", "fine"), ("$default", "else")];
        for (status, body) in [("200", "fine"), ("404", "else")] {
            let template = format!("{{\"statusCode\": {status}}}");
            let route = route(&[("$default", &template)], &responses);
            let answer = mocked(&route, route.integration.as_ref().unwrap()).unwrap();
            assert_eq!((answer.status.as_str(), answer.body), (status, Body::Text(body.into())));
        }
        let route = route(&[("$default", "nothing")], &responses);
        assert_eq!(mocked(&route, route.integration.as_ref().unwrap()).unwrap_err(), Failure::Function);
    }
}
