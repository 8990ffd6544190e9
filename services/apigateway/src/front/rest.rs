//! A request to a REST API: stage, resource, method, integration, answer.

use std::time::Duration;

use base::Arn;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use kv::Snap;
use proxy::Incoming;
use proxy::answer::{self, Answer, Body, body_of};
use serde_json::json;
use service::Cx;

use super::address::Address;
use super::api_key::{self, Kept};
use super::authorize::{Admitted, Asked, Refused};
use super::event_v1::{self, Place};
use super::invoke::{Failure, invoke};
use super::{mock, refusal};
use crate::ApiGateway;
use crate::error::Error;
use crate::identity;
use crate::integration;
use crate::keys::STAGES;
use crate::model::rest::deployment;
use crate::routes;
use crate::routes::rest::{Found, Routes};
use crate::types::authorizer::Form;
use crate::types::rest::{Api, Integration, IntegrationKind, Method, Stage};
use crate::types::usage::ApiKey;

/// What a stage says of all methods that it says nothing else of.
const EVERYTHING: &str = "*/*";

pub async fn serve(
    state: &ApiGateway,
    cx: &Cx,
    read: Snap,
    api: Api,
    address: &Address,
    incoming: Incoming,
) -> Result<Response<Bytes>, Error> {
    let (name, path) = address.stage();
    let is_open = !address.is_own_endpoint() || !api.disable_execute_api;
    let Some(stage) = STAGES.get(&read, (&api.id, name))?.filter(|_| is_open) else {
        return Ok(with_ids(refusal::forbidden(), &incoming));
    };
    let routes = state.rest.get(&api.id, &stage.deployment, || {
        let types = deployment::find(&read, &api.id, &stage.deployment)?.binary_media_types;
        let authorizers = deployment::authorizers(&read, &api.id, &stage.deployment)?;
        Ok(Routes::new(deployment::resources(&read, &api.id, &stage.deployment)?, authorizers, types))
    })?;
    drop(read);
    let found = routes.find(&path);
    let method = found.as_ref().and_then(|found| found.method(incoming.method.as_str()));
    let (Some(found), Some((_, method))) = (found, method) else {
        return Ok(with_ids(refusal::missing_token(), &incoming));
    };
    let Some(integration) = &method.integration else {
        return Ok(with_ids(internal(), &incoming));
    };
    let request =
        Request { state, cx, api: &api, stage: &stage, routes: &routes, path: &path, address, incoming: &incoming };
    if request.is_throttled(&found) {
        return Ok(with_ids(refusal::rest_throttled(), &incoming));
    }
    let admitted = match request.admit(method, &found).await {
        Ok(admitted) => admitted,
        Err(refused) => return Ok(with_ids(refusal::rest_refused(refused), &incoming)),
    };
    let key = match request.key(method, &found, &admitted).await {
        Ok(key) => key,
        Err(kept) => return Ok(with_ids(refusal::kept(kept)?, &incoming)),
    };
    let response = match &integration.kind {
        IntegrationKind::Mock { status } => mock::answer(integration, *status).unwrap_or_else(internal),
        IntegrationKind::Function { uri } => {
            let mut response = request.function(uri, integration, &found, &admitted, key.as_ref()).await;
            insert(response.headers_mut(), "x-amzn-trace-id", &incoming.trace_id);
            response
        }
    };
    Ok(with_ids(response, &incoming))
}

/// A failure of the API itself.
pub fn internal() -> Response<Bytes> {
    refusal::rest(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerErrorException", "Internal server error")
}

/// A failure of what is behind the API.
fn bad_gateway() -> Response<Bytes> {
    refusal::rest(StatusCode::BAD_GATEWAY, "InternalServerErrorException", "Internal server error")
}

fn with_ids(mut response: Response<Bytes>, incoming: &Incoming) -> Response<Bytes> {
    insert(response.headers_mut(), "x-amzn-requestid", &incoming.request_id);
    insert(response.headers_mut(), "x-amz-apigw-id", &incoming.extended_id);
    response
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A request that has found its stage.
struct Request<'a> {
    state: &'a ApiGateway,
    cx: &'a Cx,
    api: &'a Api,
    stage: &'a Stage,
    routes: &'a Routes,
    path: &'a str,
    address: &'a Address,
    incoming: &'a Incoming,
}

impl Request<'_> {
    /// Whether the stage has let in as many requests to the method as it takes.
    fn is_throttled(&self, found: &Found<'_>) -> bool {
        let method = self.method_key(found);
        let throttle = self.stage.throttles.get(&method).or_else(|| self.stage.throttles.get(EVERYTHING));
        let bucket = || format!("{}/{}{method}", self.api.id, self.stage.name);
        throttle.is_some_and(|throttle| !self.state.buckets.take(bucket(), *throttle, self.cx.now()))
    }

    /// `/users/{id}/GET`, as settings of stages and plans name a method: as it is defined, and not as the client calls it.
    fn method_key(&self, found: &Found<'_>) -> String {
        let name = found.method(self.incoming.method.as_str()).map_or("ANY", |(name, _)| name);
        format!("{}/{name}", found.path)
    }

    /// The API key that a method needs, with its value; `None` where it needs none.
    async fn key(
        &self,
        method: &Method,
        found: &Found<'_>,
        admitted: &Admitted,
    ) -> Result<Option<(String, ApiKey)>, Kept> {
        if !method.api_key_required {
            return Ok(None);
        }
        let value = match (self.api.api_key_source.as_str(), admitted) {
            ("AUTHORIZER", Admitted::Named(verdict)) => verdict.usage_key.as_deref(),
            ("AUTHORIZER", _) => None,
            _ => self.incoming.header("x-api-key"),
        };
        let (api, stage, method) = (&self.api.id, &self.stage.name, self.method_key(found));
        let place = api_key::Place { region: &self.api.region, api, stage, method: &method };
        let key = api_key::admit(self.state, self.cx, value, &place).await?;
        Ok(Some((value.unwrap_or_default().to_owned(), key)))
    }

    async fn admit(&self, method: &Method, found: &Found<'_>) -> Result<Admitted, Refused> {
        let asked = Asked {
            state: self.state,
            cx: self.cx,
            incoming: self.incoming,
            place: identity::Place {
                account: &self.api.account,
                api: &self.api.id,
                stage: &self.stage.name,
                variables: &self.stage.variables,
                path: self.address.full(),
                resource: found.path,
            },
            // A slash at the end leads nowhere else.
            target: self.arn(&routes::plain(&format!("/{}", self.path.trim_matches('/')))),
        };
        let event = |_: Form, _: &[String]| event_v1::rest_authorizer(self.incoming, &self.place(found), &asked.target);
        asked.admit(&method.authorization, self.routes.authorizer(&method.authorization), &event).await
    }

    async fn function(
        &self,
        uri: &str,
        integration: &Integration,
        found: &Found<'_>,
        admitted: &Admitted,
        key: Option<&(String, ApiKey)>,
    ) -> Response<Bytes> {
        let Some(function) = integration::function(uri, &self.stage.variables) else {
            tracing::warn!(api = self.api.id, stage = self.stage.name, uri, "a URI names no function in this stage");
            return internal();
        };
        let binary = self.incoming.header(CONTENT_TYPE).is_some_and(|kind| self.is_binary(kind));
        let mut event = event_v1::rest(self.incoming, &self.place(found), admitted, binary);
        if let Some((value, key)) = key {
            event["requestContext"]["identity"]["apiKey"] = json!(value);
            event["requestContext"]["identity"]["apiKeyId"] = json!(key.id);
        }
        let timeout = Duration::from_millis(integration.timeout_millis);
        let failure = match invoke(self.cx, function, self.arn(found.path), &event, timeout).await {
            Ok(payload) => match answer::v1(&payload) {
                Ok(answer) => return self.respond(answer),
                Err(error) => {
                    let (api, resource) = (&self.api.id, found.path);
                    tracing::warn!(api, resource, why = error.0, "malformed Lambda proxy response");
                    Failure::Function
                }
            },
            Err(failure) => failure,
        };
        match failure {
            Failure::Function => bad_gateway(),
            Failure::Timeout => {
                refusal::rest(StatusCode::GATEWAY_TIMEOUT, "InternalServerErrorException", "Endpoint request timed out")
            }
            Failure::TooLarge => {
                refusal::rest(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", "Request Too Long")
            }
            Failure::Throttled | Failure::Misconfigured => internal(),
        }
    }

    fn place<'r>(&'r self, found: &'r Found<'_>) -> Place<'r> {
        Place {
            account: &self.api.account,
            api: &self.api.id,
            stage: &self.stage.name,
            variables: &self.stage.variables,
            deployment: Some(&self.stage.deployment),
            resource_id: found.id,
            resource: found.path,
            path: self.address.told(self.path),
            full_path: self.address.full(),
            parameters: &found.parameters,
        }
    }

    /// The method on a path, as policies name it.
    fn arn(&self, path: &str) -> Arn {
        let (api, stage, method) = (&self.api.id, &self.stage.name, &self.incoming.method);
        Arn {
            partition: "aws".into(),
            service: "execute-api".into(),
            region: self.api.region.clone(),
            account: self.api.account.clone(),
            resource: format!("{api}/{stage}/{method}{path}"),
        }
    }

    /// Whether the API treats a media type as binary.
    fn is_binary(&self, media_type: &str) -> bool {
        let kind = media_type.split(';').next().unwrap_or_default().trim();
        self.routes.binary_media_types.iter().any(|known| match known.strip_suffix("/*") {
            _ if known == "*/*" => true,
            Some(prefix) => kind.split('/').next().is_some_and(|start| start.eq_ignore_ascii_case(prefix)),
            None => known.eq_ignore_ascii_case(kind),
        })
    }

    fn respond(&self, answer: Answer) -> Response<Bytes> {
        // What the client accepts first decides whether bytes are sent as bytes.
        let accepted = self.incoming.header(ACCEPT).and_then(|all| all.split(',').next()).unwrap_or_default();
        let body = match answer.body {
            Body::Text(text) => Bytes::from(text),
            Body::Binary(bytes, _) if self.is_binary(accepted) => bytes,
            Body::Binary(_, base64) => Bytes::from(base64),
        };
        let mut response = Response::new(body_of(answer.status, body));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        for (name, value) in answer.headers {
            if let Some(name) = passed(name) {
                headers.append(name, value);
            }
        }
        if !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    }
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

/// The name under which a function's header is sent; `None` for those that are not.
fn passed(name: HeaderName) -> Option<HeaderName> {
    if DROPPED.contains(&name.as_str()) {
        return None;
    }
    if REMAPPED.contains(&name.as_str()) {
        return format!("x-amzn-remapped-{name}").parse().ok();
    }
    Some(name)
}
