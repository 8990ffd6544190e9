//! A request to an HTTP API: stage, CORS, route, integration, answer.

mod changed;
mod logged;
mod operation;
mod url;
mod values;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use ::http::{Response, StatusCode};
use base::Arn;
use bytes::Bytes;
use kv::{Read, Snap};
use proxy::{Incoming, answer, cors, event_v2};
use serde_json::{Value, json};
use service::{Body, Cx};

use self::changed::Changed;
use self::values::Values;
use super::address::Address;
use super::authorize::{Admitted, Asked, Refused};
use super::backend::note;
use super::invoke::{Failure, acting_as, payload_as};
use super::{event_v1, refusal};
use crate::ApiGateway;
use crate::error::Error;
use crate::identity;
use crate::integration;
use crate::keys::HTTP_STAGES;
use crate::model::http::deployment;
use crate::parameters::Change;
use crate::roles;
use crate::route_key;
use crate::routes;
use crate::routes::http::{Found, Routes};
use crate::selection::Side;
use crate::types::authorizer::Form;
use crate::types::http::{Api, Cors, Integration, IntegrationKind, Payload, Stage};

const DEFAULT_STAGE: &str = "$default";

pub async fn serve(
    state: &Arc<ApiGateway>,
    cx: &Cx,
    read: Snap,
    api: Api,
    address: &Address,
    incoming: Incoming,
) -> Result<Response<Body>, Error> {
    let began = Instant::now();
    let is_open = !address.is_own_endpoint() || !api.disable_execute_api;
    let Some((stage, path)) = find_stage(&read, &api, address)?.filter(|_| is_open) else {
        return Ok(with_id(refusal::not_found().map(Body::from), &incoming));
    };
    let Some(deployed) = &stage.deployment else {
        return Ok(with_id(refusal::not_found().map(Body::from), &incoming));
    };
    let routes =
        state.http.get(&api.id, deployed, || Ok(Routes::new(deployment::deployed(&read, &api.id, deployed)?)))?;
    drop(read);
    let rules = routes.cors.as_ref().map(Cors::rules);
    if let Some(cors) = &rules
        && cors::is_preflight(&incoming.method, &incoming.headers)
    {
        let mut response = Response::new(Body::from(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        cors::preflight(cors, &incoming.headers, response.headers_mut());
        return Ok(with_id(response, &incoming));
    }
    let request = Request {
        state,
        cx,
        api: &api,
        stage: &stage,
        path: address.within(),
        full: address.full(),
        below: &path,
        incoming: &incoming,
    };
    let found = routes.find(incoming.method.as_str(), &path);
    let mut context = logged::context(&request, found.as_ref());
    let mut response = match &found {
        None => logged::refused(&mut context, refusal::not_found()),
        Some(found) => request.answer(found, &mut context).await,
    };
    if let Some(cors) = &rules {
        cors::apply(cors, &incoming.headers, response.headers_mut());
    }
    let response = logged::tell(state, &request, context, response, began);
    Ok(with_id(response, &incoming))
}

/// The stage that the path's first part names, and the path after it; otherwise `$default`, and the whole path.
fn find_stage(read: &impl Read, api: &Api, address: &Address) -> Result<Option<(Stage, String)>, Error> {
    let (name, path) = address.stage();
    if let Some(stage) = HTTP_STAGES.get(read, (&api.id, name))? {
        return Ok(Some((stage, path)));
    }
    let Some(path) = address.unstaged() else { return Ok(None) };
    let default = HTTP_STAGES.get(read, (&api.id, DEFAULT_STAGE))?;
    Ok(default.map(|stage| (stage, path.to_owned())))
}

fn with_id(mut response: Response<Body>, incoming: &Incoming) -> Response<Body> {
    if let Ok(id) = HeaderValue::from_str(&incoming.extended_id) {
        response.headers_mut().insert(HeaderName::from_static("apigw-requestid"), id);
    }
    response
}

/// A request that has found its stage.
struct Request<'a> {
    state: &'a ApiGateway,
    cx: &'a Cx,
    api: &'a Api,
    stage: &'a Stage,
    /// With a named stage.
    path: &'a str,
    /// The same, or all of it where the request came by a custom domain.
    full: &'a str,
    /// Without it.
    below: &'a str,
    incoming: &'a Incoming,
}

/// Why what is behind a route has not answered.
enum Unanswered {
    Failed(Failure),
    /// The path would lead out of what the integration is about.
    Path,
    /// The request has come through APIs so often that it would go on for ever.
    Loop,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Unanswered {
        Unanswered::Failed(failure)
    }
}

impl Unanswered {
    fn why(&self) -> &'static str {
        match self {
            Unanswered::Failed(Failure::Function) => "The integration failed",
            Unanswered::Failed(Failure::Timeout) => "The integration did not answer in time",
            Unanswered::Failed(Failure::Throttled) => "The integration is throttled",
            Unanswered::Failed(Failure::TooLarge) => "The request is too large for the integration",
            Unanswered::Failed(Failure::Misconfigured) => "The integration is not there, or does not let the API in",
            Unanswered::Path => "The path leads out of the integration",
            Unanswered::Loop => "The request came back to the API",
        }
    }

    fn refusal(self) -> Response<Bytes> {
        match self {
            Unanswered::Failed(Failure::Function | Failure::Misconfigured) => refusal::http_internal(),
            Unanswered::Failed(Failure::Timeout | Failure::Throttled) => {
                refusal::http(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            Unanswered::Failed(Failure::TooLarge) => refusal::http_too_large(),
            Unanswered::Path => refusal::http(StatusCode::BAD_REQUEST, "Bad Request"),
            Unanswered::Loop => refusal::http(StatusCode::LOOP_DETECTED, "Loop Detected"),
        }
    }
}

impl Request<'_> {
    /// What is known of the request is written down in `context`.
    async fn answer(&self, found: &Found<'_>, context: &mut Value) -> Response<Body> {
        let Some(integration) = found.integration else { return logged::refused(context, refusal::http_internal()) };
        if self.is_throttled(found) {
            return logged::refused(context, refusal::http_throttled());
        }
        let admitted = match self.admit(found).await {
            Ok(admitted) => admitted,
            Err(refused) => return logged::refused(context, refusal::http_refused(refused)),
        };
        logged::admitted(context, &admitted);
        let began = Instant::now();
        let answered = match &integration.kind {
            IntegrationKind::Function => self.function(integration, found, &admitted).await.map(|r| r.map(Body::from)),
            IntegrationKind::Url => self.forward(integration, found, self.changed(integration, found, &admitted)).await,
            IntegrationKind::Operation(name) => {
                let answered = self.operate(name, integration, found, &admitted).await;
                answered.map(|response| response.map(Body::from)).map_err(Unanswered::from)
            }
        };
        let status = answered.as_ref().map(|response| response.status().as_u16());
        note(context, began, status.map_err(Unanswered::why));
        match answered {
            Ok(response) => self.finished(integration, found, &admitted, response).await,
            Err(unanswered) => logged::refused(context, unanswered.refusal()),
        }
    }

    /// The request with what the integration changes of it.
    fn changed(&self, integration: &Integration, found: &Found<'_>, admitted: &Admitted) -> Changed {
        let changes = Change::parse_all(&integration.request_parameters, Side::Request);
        // They were read when they were put.
        let changes = changes.unwrap_or_default();
        let values = Values::of_request(self, found, admitted);
        changed::request(&changes, self.incoming, |source| values.get(source))
    }

    /// The answer with what the integration changes of those with its status.
    async fn finished(
        &self,
        integration: &Integration,
        found: &Found<'_>,
        admitted: &Admitted,
        mut response: Response<Body>,
    ) -> Response<Body> {
        let Some(parameters) = integration.response_parameters.get(response.status().as_str()) else { return response };
        let changes = Change::parse_all(parameters, Side::Response).unwrap_or_default();
        let mut whole = Bytes::new();
        if changes.iter().any(|change| change.value.asks_body()) {
            let (head, body) = response.into_parts();
            // A body is bounded by who makes it, in bytes and in time.
            let Ok(bytes) = body.collect().await else { return refusal::http_internal().map(Body::from) };
            whole = bytes.clone();
            response = Response::from_parts(head, Body::from(bytes));
        }
        let values = Values::of_request(self, found, admitted).of_answer(response.headers(), &whole);
        let found: Vec<_> =
            changes.into_iter().map(|change| (change.value.value(|source| values.get(source)), change)).collect();
        changed::answer(found, &mut response);
        response
    }

    async fn function(
        &self,
        integration: &Integration,
        found: &Found<'_>,
        admitted: &Admitted,
    ) -> Result<Response<Bytes>, Unanswered> {
        let Some(function) = integration::function(&integration.uri, &self.stage.variables) else {
            let (api, stage, uri) = (&self.api.id, &self.stage.name, &integration.uri);
            tracing::warn!(api, stage, uri, "a URI names no function in this stage");
            return Err(Failure::Misconfigured.into());
        };
        let event = match integration.request_parameters.is_empty() {
            true => self.event(integration, found, admitted),
            false => {
                let Changed { incoming, path } = self.changed(integration, found, admitted);
                let (path, full) = match &path {
                    Some(path) => (path.as_str(), path.as_str()),
                    None => (self.path, self.full),
                };
                Request { incoming: &incoming, path, full, ..*self }.event(integration, found, admitted)
            }
        };
        let timeout = Duration::from_millis(integration.timeout_millis);
        let role: Option<Arn> = integration.credentials.as_deref().and_then(|role| role.parse().ok());
        let source = self.source(found);
        let caller = roles::caller(&source, role.as_ref());
        let cx = acting_as(self.cx, caller, &source);
        let payload = payload_as(cx, function, Bytes::from(event.to_string()), timeout).await?;
        let answer = match integration.payload {
            Payload::V1 => answer::v1(&payload),
            Payload::V2 => answer::v2(&payload),
        };
        answer.map(answer::Answer::into_response).map_err(|error| {
            tracing::warn!(api = self.api.id, route = found.key, why = error.0, "malformed function answer");
            Failure::Function.into()
        })
    }

    /// Whether the stage has let in as many requests to the route as it takes.
    fn is_throttled(&self, found: &Found<'_>) -> bool {
        let stage = self.stage;
        let throttle =
            stage.settings.get(found.key).and_then(|own| own.bucket()).or_else(|| stage.default_settings.bucket());
        let bucket = || format!("{}/{}/{}", self.api.id, stage.name, found.key);
        throttle.is_some_and(|throttle| !self.state.buckets.take(self.cx, bucket(), throttle))
    }

    async fn admit(&self, found: &Found<'_>) -> Result<Admitted, Refused> {
        let asked = Asked {
            state: self.state,
            cx: self.cx,
            incoming: self.incoming,
            place: identity::Place {
                account: &self.api.account,
                api: &self.api.id,
                stage: &self.stage.name,
                variables: &self.stage.variables,
                path: self.path,
                resource: found.key,
            },
            target: self.arn(format!("{}{}", self.incoming.method, routes::plain(self.below))),
        };
        let event = |form: Form, identity: &[String]| match form {
            Form::V1 | Form::Rest | Form::WebSocket => {
                event_v1::http_authorizer(self.incoming, &self.place_v1(found), &asked.target, identity)
            }
            Form::V2 { .. } => {
                let mut event = event_v2::event(self.incoming, &self.place_v2(found), false);
                if let Some(event) = event.as_object_mut() {
                    event.retain(|name, _| name != "body" && name != "isBase64Encoded");
                }
                event["type"] = json!("REQUEST");
                event["routeArn"] = json!(asked.target);
                event["identitySource"] = json!(identity);
                event
            }
        };
        asked.admit(found.authorization, found.authorizer, &event).await
    }

    fn event(&self, integration: &Integration, found: &Found<'_>, admitted: &Admitted) -> Value {
        let binary = event_v2::is_binary(self.incoming.header(CONTENT_TYPE));
        match integration.payload {
            Payload::V2 => {
                let mut event = event_v2::event(self.incoming, &self.place_v2(found), binary);
                if let Some(authorizer) = admitted.in_v2() {
                    event["requestContext"]["authorizer"] = authorizer;
                }
                event
            }
            Payload::V1 => event_v1::http(self.incoming, &self.place_v1(found), admitted, binary),
        }
    }

    fn place_v2<'r>(&'r self, found: &'r Found<'_>) -> event_v2::Place<'r> {
        event_v2::Place {
            account: &self.api.account,
            api: &self.api.id,
            stage: &self.stage.name,
            variables: &self.stage.variables,
            route: found.key,
            path: self.path,
            parameters: &found.parameters,
        }
    }

    fn place_v1<'r>(&'r self, found: &'r Found<'_>) -> event_v1::Place<'r> {
        event_v1::Place {
            resource_id: found.key,
            resource: route_key::parts(found.key).map_or(found.key, |(_, path)| path),
            parameters: &found.parameters,
            ..self.nowhere()
        }
    }

    /// The place of a request that has no route.
    fn nowhere(&self) -> event_v1::Place<'_> {
        event_v1::Place {
            account: &self.api.account,
            api: &self.api.id,
            stage: &self.stage.name,
            variables: &self.stage.variables,
            deployment: None,
            resource_id: "",
            resource: "",
            path: self.full,
            full_path: self.full,
            parameters: const { &routes::Parameters::new() },
        }
    }

    /// The route, as policies of functions name it.
    fn source(&self, found: &Found<'_>) -> Arn {
        self.arn(match route_key::parts(found.key) {
            Some((_, path)) => format!("{}{path}", self.incoming.method),
            None => found.key.to_owned(),
        })
    }

    /// What this stage has below its name, as policies call it.
    fn arn(&self, below: String) -> Arn {
        Arn {
            partition: "aws".into(),
            service: "execute-api".into(),
            region: self.api.region.clone(),
            account: self.api.account.clone(),
            resource: format!("{}/{}/{below}", self.api.id, self.stage.name),
        }
    }
}
