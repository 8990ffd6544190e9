//! A request to an HTTP API: stage, CORS, route, integration, answer.

use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use ::http::{Response, StatusCode};
use base::Arn;
use bytes::Bytes;
use kv::{Read, Snap};
use proxy::{Incoming, answer, cors, event_v2};
use serde_json::{Value, json};
use service::{Cx, FrontAddress};

use super::address;
use super::authorize::{Admitted, Asked, Refused};
use super::invoke::{Failure, invoke};
use super::{event_v1, refusal};
use crate::ApiGateway;
use crate::error::Error;
use crate::identity;
use crate::integration;
use crate::keys::HTTP_STAGES;
use crate::model::http::deployment;
use crate::route_key;
use crate::routes;
use crate::routes::http::{Found, Routes};
use crate::types::authorizer::Form;
use crate::types::http::{Api, Cors, Integration, Payload, Stage};

const DEFAULT_STAGE: &str = "$default";

pub async fn serve(
    state: &ApiGateway,
    cx: &Cx,
    read: Snap,
    api: Api,
    address: &FrontAddress,
    incoming: Incoming,
) -> Result<Response<Bytes>, Error> {
    let Some((stage, path)) = find_stage(&read, &api, address)?.filter(|_| !api.disable_execute_api) else {
        return Ok(with_id(refusal::not_found(), &incoming));
    };
    let Some(deployed) = &stage.deployment else { return Ok(with_id(refusal::not_found(), &incoming)) };
    let routes =
        state.http.get(&api.id, deployed, || Ok(Routes::new(deployment::deployed(&read, &api.id, deployed)?)))?;
    drop(read);
    let rules = routes.cors.as_ref().map(Cors::rules);
    if let Some(cors) = &rules
        && cors::is_preflight(&incoming.method, &incoming.headers)
    {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        cors::preflight(cors, &incoming.headers, response.headers_mut());
        return Ok(with_id(response, &incoming));
    }
    let mut response = match routes.find(incoming.method.as_str(), &path) {
        None => refusal::not_found(),
        Some(found) => {
            let request =
                Request { state, cx, api: &api, stage: &stage, path: &address.path, below: &path, incoming: &incoming };
            request.answer(&found).await
        }
    };
    if let Some(cors) = &rules {
        cors::apply(cors, &incoming.headers, response.headers_mut());
    }
    Ok(with_id(response, &incoming))
}

/// The stage that the path's first part names, and the path after it; otherwise `$default`, and the whole path.
fn find_stage(read: &impl Read, api: &Api, address: &FrontAddress) -> Result<Option<(Stage, String)>, Error> {
    let (name, path) = address::stage(address);
    if let Some(stage) = HTTP_STAGES.get(read, (&api.id, name))? {
        return Ok(Some((stage, path)));
    }
    let default = HTTP_STAGES.get(read, (&api.id, DEFAULT_STAGE))?;
    Ok(default.map(|stage| (stage, address.path.clone())))
}

fn with_id(mut response: Response<Bytes>, incoming: &Incoming) -> Response<Bytes> {
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
    /// Without it.
    below: &'a str,
    incoming: &'a Incoming,
}

impl Request<'_> {
    async fn answer(&self, found: &Found<'_>) -> Response<Bytes> {
        let Some(integration) = found.integration else { return refusal::http_internal() };
        if self.is_throttled(found) {
            return refusal::http_throttled();
        }
        let admitted = match self.admit(found).await {
            Ok(admitted) => admitted,
            Err(refused) => return refusal::http_refused(refused),
        };
        let Some(function) = integration::function(&integration.uri, &self.stage.variables) else {
            let (api, stage, uri) = (&self.api.id, &self.stage.name, &integration.uri);
            tracing::warn!(api, stage, uri, "a URI names no function in this stage");
            return refusal::http_internal();
        };
        let event = self.event(integration, found, &admitted);
        let timeout = Duration::from_millis(integration.timeout_millis);
        let failure = match invoke(self.cx, function, self.source(found), &event, timeout).await {
            Ok(payload) => {
                let answer = match integration.payload {
                    Payload::V1 => answer::v1(&payload),
                    Payload::V2 => answer::v2(&payload),
                };
                match answer {
                    Ok(answer) => return answer.into_response(),
                    Err(error) => {
                        tracing::warn!(
                            api = self.api.id,
                            route = found.key,
                            why = error.0,
                            "malformed function answer"
                        );
                        Failure::Function
                    }
                }
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Function | Failure::Misconfigured => refusal::http_internal(),
            Failure::Timeout | Failure::Throttled => {
                refusal::http(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            Failure::TooLarge => refusal::http(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        }
    }

    /// Whether the stage has let in as many requests to the route as it takes.
    fn is_throttled(&self, found: &Found<'_>) -> bool {
        let (stage, now) = (self.stage, self.cx.now());
        let throttle = stage.throttles.get(found.key).and_then(|own| own.bucket()).or_else(|| stage.throttle.bucket());
        let bucket = || format!("{}/{}/{}", self.api.id, stage.name, found.key);
        throttle.is_some_and(|throttle| !self.state.buckets.take(bucket(), throttle, now))
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
            account: &self.api.account,
            api: &self.api.id,
            stage: &self.stage.name,
            variables: &self.stage.variables,
            deployment: None,
            resource_id: found.key,
            resource: route_key::parts(found.key).map_or(found.key, |(_, path)| path),
            path: self.path,
            full_path: self.path,
            parameters: &found.parameters,
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
