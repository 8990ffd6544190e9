//! A client that asks for a WebSocket: stage, `$connect`, and whether it is let in.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html>

pub mod conversation;
mod event;
mod integrate;

use std::sync::Arc;
use std::time::Instant;

use ::http::header::{CONTENT_TYPE, HOST, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use ::http::{Response, StatusCode};
use bytes::Bytes;
use kv::Read;
use proxy::Incoming;
use proxy::answer::{self, Answer};
use serde_json::{Value, json};
use service::{Body, Conversation, Cx};

use super::access_log;
use super::address::{self, Address};
use super::api_key::{self, Kept};
use super::authorize::{Admitted, Asked, Refused};
use super::invoke::Failure;
use crate::ApiGateway;
use crate::error::Error;
use crate::identity;
use crate::keys::HTTP_STAGES;
use crate::limits;
use crate::model::websocket::deployment;
use crate::route_key;
use crate::routes::websocket::Routes;
use crate::types::authorizer::Form;
use crate::types::http::{Api, Stage};
use crate::types::usage::ApiKey;
use crate::types::websocket::{ApiKeySource, Beginning, DeployedRoute};
use event::Happening;
use integrate::Errand;

const FORBIDDEN: &str = "Forbidden";
const THROTTLED: &str = "Too Many Requests";
const EXCEEDED: &str = "Limit Exceeded";
const INTERNAL: &str = "Internal server error";
const TIMED_OUT: &str = "Endpoint request timed out";

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A name for a connection, a request or a message, as AWS has them: `L0SM9cOFvHcCIhw=`.
fn new_id(cx: &Cx) -> String {
    format!("{}=", cx.env().random_text(ALPHABET, 15))
}

/// What a client is told that is not answered by a function.
fn told(message: &str, connection: &str, request: &str) -> String {
    let [message, connection, request] = [message, connection, request].map(|text| json!(text));
    format!("{{\"message\": {message}, \"connectionId\":{connection}, \"requestId\":{request}}}")
}

/// What a client is told of a failure.
fn failed(failure: &Failure) -> (StatusCode, &'static str) {
    match failure {
        Failure::Function => (StatusCode::BAD_GATEWAY, INTERNAL),
        Failure::Timeout => (StatusCode::GATEWAY_TIMEOUT, TIMED_OUT),
        Failure::Throttled | Failure::TooLarge | Failure::Misconfigured => {
            (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL)
        }
    }
}

/// The status that stands in logs for what a client is told.
fn status_of(refused: &str) -> u16 {
    match refused {
        FORBIDDEN => 403,
        THROTTLED | EXCEEDED => 429,
        TIMED_OUT => 504,
        _ => 500,
    }
}

/// Tells the stage's log of what has become of something that happened on a connection: a status and bytes that were answered,
/// or what its client was refused with.
fn tell(
    state: &ApiGateway,
    beginning: &Beginning,
    stage: &Stage,
    mut told: Value,
    outcome: Result<(u16, usize), (u16, &str)>,
    began: Instant,
) {
    let Some(log) = &stage.access_log else { return };
    let (status, bytes) = match outcome {
        Ok((status, bytes)) => (status, u64::try_from(bytes).ok()),
        Err((status, why)) => {
            told["error"] = json!({"message": why, "messageString": json!(why).to_string()});
            (status, None)
        }
    };
    let at = told["requestTimeEpoch"].as_u64().map_or(beginning.connected, base::Timestamp);
    access_log::finish(&mut told, status, bytes, began);
    let Beginning { region, account, api, .. } = beginning;
    let of = access_log::Stage { region, account, api, name: &stage.name, is_rest: false };
    access_log::tell(&state.journal, &of, log, at, &told);
}

/// The routes that a stage serves; `None` where it serves nothing yet.
fn routes_of(state: &ApiGateway, read: &impl Read, api: &str, stage: &Stage) -> Result<Option<Arc<Routes>>, Error> {
    let Some(id) = &stage.deployment else { return Ok(None) };
    state.websocket.get(api, id, || Routes::new(deployment::deployed(read, api, id)?)).map(Some)
}

/// Whether a stage has let in as much on a route as it takes.
fn is_throttled(state: &ApiGateway, cx: &Cx, api: &str, stage: &Stage, route: &str) -> bool {
    let throttle = stage.settings.get(route).and_then(|own| own.bucket()).or_else(|| stage.default_settings.bucket());
    let bucket = || format!("{api}/{}/{route}", stage.name);
    throttle.is_some_and(|throttle| !state.buckets.take(cx, bucket(), throttle))
}

/// Answers a request to a WebSocket API: with a conversation, where its client asks for one (`is_wished`) and is let in.
pub async fn serve(
    state: &Arc<ApiGateway>,
    cx: &Cx,
    api: Api,
    address: &Address,
    incoming: Incoming,
    is_wished: bool,
) -> Result<Response<Body>, Error> {
    let (name, path) = address.stage();
    let is_open = !address.is_own_endpoint() || !api.disable_execute_api;
    let (stage, routes) = {
        let read = cx.db().read()?;
        let stage = HTTP_STAGES.get(&read, (&api.id, name))?;
        let stage = stage.filter(|_| is_wished && path == "/" && is_open);
        let routes = stage.as_ref().map(|stage| routes_of(state, &read, &api.id, stage)).transpose()?.flatten();
        (stage, routes)
    };
    let (id, request_id) = (new_id(cx), new_id(cx));
    let (Some(stage), Some(routes)) = (stage, routes) else {
        return Ok(refused(StatusCode::FORBIDDEN, FORBIDDEN, &id, &request_id));
    };
    let beginning = Beginning {
        id,
        api: api.id.clone(),
        stage: stage.name.clone(),
        region: api.region.clone(),
        account: api.account.clone(),
        connected: cx.now(),
        host: incoming.domain().to_owned(),
        domain: domain(&incoming, address, &api.id),
        identity: json!({"userAgent": incoming.user_agent(), "sourceIp": incoming.source_ip}),
        authorizer: None,
        api_key: None,
    };
    let handshake = Handshake { state, cx, api: &api, stage: &stage, routes: &routes, incoming: &incoming, request_id };
    handshake.answer(beginning).await
}

/// Where functions find the API's connections: with the stage behind it, below `http://`. It has the port that AWS's needs not,
/// and the path where the client came by that.
fn domain(incoming: &Incoming, address: &Address, api: &str) -> String {
    let host = incoming.header(HOST).unwrap_or_default();
    let is_of_host = !address.is_own_endpoint() || incoming.path == address.within();
    if is_of_host { host.to_owned() } else { address::url(host, api) }
}

fn refused(status: StatusCode, message: &str, connection: &str, request: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(told(message, connection, request))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A client that wants in.
struct Handshake<'a> {
    state: &'a Arc<ApiGateway>,
    cx: &'a Cx,
    api: &'a Api,
    stage: &'a Stage,
    routes: &'a Routes,
    incoming: &'a Incoming,
    request_id: String,
}

/// Why a client does not come in.
enum Out {
    Told(StatusCode, String),
    /// What the route's integration says.
    Answer(Answer),
}

impl From<(StatusCode, &str)> for Out {
    fn from((status, message): (StatusCode, &str)) -> Out {
        Out::Told(status, message.to_owned())
    }
}

impl Handshake<'_> {
    async fn answer(&self, mut beginning: Beginning) -> Result<Response<Body>, Error> {
        let (began, mut told) = (Instant::now(), json!({}));
        let decided = self.decide(&mut beginning, &mut told).await?;
        let outcome = match &decided {
            Ok(answer) => Ok((answer.as_ref().map_or(200, |answer| answer.status.as_u16()), 0)),
            Err(Out::Answer(answer)) => Ok((answer.status.as_u16(), length(&answer.body))),
            Err(Out::Told(status, message)) => Err((status.as_u16(), message.as_str())),
        };
        if self.stage.access_log.is_some() {
            let mut event = self.happening(&beginning).connect(self.incoming);
            event["requestContext"]["integration"] = told["integration"].take();
            tell(self.state, &beginning, self.stage, event["requestContext"].take(), outcome, began);
        }
        match decided {
            Ok(answer) => self.begin(beginning, answer),
            Err(Out::Answer(answer)) => Ok(as_it_is(answer)),
            Err(Out::Told(status, message)) => Ok(refused(status, &message, &beginning.id, &self.request_id)),
        }
    }

    /// Whether the client comes in, and with what answer where an integration gave one. What that took is written down in `told`.
    async fn decide(&self, beginning: &mut Beginning, told: &mut Value) -> Result<Result<Option<Answer>, Out>, Error> {
        if is_throttled(self.state, self.cx, &self.api.id, self.stage, route_key::CONNECT) {
            return Ok(Err((StatusCode::TOO_MANY_REQUESTS, THROTTLED).into()));
        }
        let Some(route) = self.routes.get(route_key::CONNECT) else { return Ok(Ok(None)) };
        let admitted = match self.admit(route, beginning).await {
            Ok(admitted) => admitted,
            Err(denied) => {
                let (status, message) = denial(denied);
                return Ok(Err(Out::Told(status, message)));
            }
        };
        let key = self.key(&admitted);
        if route.api_key_required {
            match self.use_key(key.as_deref()).await {
                Ok(known) => {
                    beginning.identity["apiKey"] = json!(key);
                    beginning.identity["apiKeyId"] = json!(known.id);
                }
                Err(kept) => return Ok(Err(kept_out(kept)?.into())),
            }
        }
        beginning.api_key = key.filter(|_| self.routes.need_api_key());
        tell_of(&admitted, beginning);
        if route.integration.is_none() {
            return Ok(Ok(None));
        }
        let event = self.happening(beginning).connect(self.incoming);
        let (state, cx, variables) = (self.state, self.cx, &self.stage.variables);
        let handshake = Some(self.incoming);
        let errand = Errand { state, cx, beginning, route, variables, event: &event, handshake };
        Ok(match errand.run(told).await {
            Ok(answer) if answer.status.is_success() => Ok(Some(answer)),
            Ok(answer) => Err(Out::Answer(answer)),
            Err(failure) => Err(failed(&failure).into()),
        })
    }

    fn happening<'h>(&'h self, beginning: &'h Beginning) -> Happening<'h> {
        Happening {
            beginning,
            route: route_key::CONNECT,
            request_id: &self.request_id,
            now: beginning.connected,
            variables: &self.stage.variables,
        }
    }

    fn arn(&self, beginning: &Beginning) -> base::Arn {
        beginning.arn(route_key::CONNECT)
    }

    async fn admit(&self, route: &DeployedRoute, beginning: &Beginning) -> Result<Admitted, Refused> {
        let asked = Asked {
            state: self.state,
            cx: self.cx,
            incoming: self.incoming,
            place: identity::Place {
                account: &self.api.account,
                api: &self.api.id,
                stage: &self.stage.name,
                variables: &self.stage.variables,
                path: &self.incoming.path,
                resource: route_key::CONNECT,
            },
            target: self.arn(beginning),
        };
        let event = |_: Form, _: &[String]| self.happening(beginning).authorizer(self.incoming, &asked.target);
        asked.admit(&route.authorization, route.authorizer.as_ref(), &event).await
    }

    /// The API key that the client brings, or that its authorizer has for it.
    fn key(&self, admitted: &Admitted) -> Option<String> {
        let key = match (self.routes.api_key_source, admitted) {
            (ApiKeySource::Header, _) => self.incoming.header("x-api-key").map(str::to_owned),
            (ApiKeySource::Authorizer, Admitted::Named(verdict)) => verdict.usage_key.clone(),
            (ApiKeySource::Authorizer, _) => None,
        };
        key.filter(|key| key.len() <= limits::CONNECTION_KEY_CHARACTERS_MAX)
    }

    async fn use_key(&self, key: Option<&str>) -> Result<ApiKey, Kept> {
        let Api { region, id, .. } = self.api;
        let place = api_key::Place { region, api: id, stage: &self.stage.name, method: route_key::CONNECT };
        api_key::admit(self.state, self.cx, key, &place).await
    }

    /// Lets the client in.
    fn begin(&self, beginning: Beginning, answer: Option<Answer>) -> Result<Response<Body>, Error> {
        let (api, stage) = (&self.api.id, &self.stage.name);
        let entered = self.state.connections.enter(beginning);
        // Whoever removed the stage meanwhile has ended the connections that were there.
        if !HTTP_STAGES.contains(&self.cx.db().read()?, (api, stage))? {
            let id = &entered.connection.beginning.id;
            return Ok(refused(StatusCode::FORBIDDEN, FORBIDDEN, id, &self.request_id));
        }
        let (state, cx) = (self.state.clone(), self.cx.renew());
        let conversation = Conversation::new(limits::MESSAGE_BYTES_MAX, limits::FRAME_BYTES_MAX, move |socket| {
            Box::pin(conversation::hold(state, cx, entered, socket))
        });
        let mut response = Response::new(Body::conversation(conversation));
        let headers = answer.into_iter().flat_map(|answer| answer.headers);
        if let Some((_, protocol)) = headers.into_iter().find(|(name, _)| *name == SEC_WEBSOCKET_PROTOCOL) {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        Ok(response)
    }
}

/// Keeps what functions learn of whom was let in, for as long as the connection lasts.
fn tell_of(admitted: &Admitted, beginning: &mut Beginning) {
    let mut context = json!({"identity": std::mem::take(&mut beginning.identity)});
    admitted.write_v1(&mut context);
    beginning.identity = context["identity"].take();
    beginning.authorizer = context.get_mut("authorizer").map(serde_json::Value::take);
}

fn length(body: &answer::Body) -> usize {
    match body {
        answer::Body::Text(text) => text.len(),
        answer::Body::Binary(bytes, _) => bytes.len(),
    }
}

/// What a function answers to a client that it does not let in.
fn as_it_is(answer: Answer) -> Response<Body> {
    let (status, body) = (answer.status, answer.body);
    let body = match body {
        answer::Body::Text(text) => Bytes::from(text),
        answer::Body::Binary(bytes, _) => bytes,
    };
    let mut response = Response::new(Body::from(answer::body_of(status, body)));
    *response.status_mut() = status;
    response
}

fn denial(refused: Refused) -> (StatusCode, String) {
    let denied = |text: &str| (StatusCode::FORBIDDEN, text.to_owned());
    match refused {
        Refused::Unauthorized { .. } | Refused::Expired | Refused::Scope { .. } => {
            (StatusCode::UNAUTHORIZED, "Unauthorized".to_owned())
        }
        Refused::Denied { explicitly: false } => denied("User is not authorized to access this resource"),
        Refused::Denied { explicitly: true } => {
            denied("User is not authorized to access this resource with an explicit deny")
        }
        Refused::NotPermitted(message) | Refused::Signature { message, .. } => (StatusCode::FORBIDDEN, message),
        Refused::Failed | Refused::Misconfigured => (StatusCode::INTERNAL_SERVER_ERROR, INTERNAL.to_owned()),
    }
}

fn kept_out(kept: Kept) -> Result<(StatusCode, &'static str), Error> {
    match kept {
        Kept::Out => Ok((StatusCode::FORBIDDEN, FORBIDDEN)),
        Kept::Throttled => Ok((StatusCode::TOO_MANY_REQUESTS, THROTTLED)),
        Kept::Exceeded => Ok((StatusCode::TOO_MANY_REQUESTS, EXCEEDED)),
        Kept::Failed(error) => Err(error),
    }
}
