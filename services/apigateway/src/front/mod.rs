//! The traffic of an API's users.

pub mod address;
mod api_key;
pub mod authorize;
mod connections;
pub mod event_v1;
mod http;
mod invoke;
mod mock;
mod refusal;
mod rest;
pub mod throttle;
pub mod websocket;

use std::sync::Arc;

use ::http::request::Parts;
use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use proxy::Incoming;
use service::{Body, BoxFuture, Cx, Front, SocketWish};

use crate::ApiGateway;
use crate::error::Error;
use crate::keys::{HTTP_APIS, REST_APIS};
use crate::limits;
use connections::Named;

/// Answers the requests to `{api}.execute-api.*`, and to the paths that stand for it.
pub struct ExecuteApi(pub Arc<ApiGateway>);

impl Front for ExecuteApi {
    fn matches(&self, head: &Parts) -> bool {
        address::of(head).is_some()
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let state = self.0.clone();
        Box::pin(async move {
            serve(&state, &cx, request).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a request to an API failed");
                rest::internal().map(Body::from)
            })
        })
    }
}

async fn serve(state: &Arc<ApiGateway>, cx: &Cx, request: Request<Bytes>) -> Result<Response<Body>, Error> {
    let (head, body) = request.into_parts();
    let Some(address) = address::of(&head) else { return Ok(refusal::not_found().map(Body::from)) };
    let is_wished = head.extensions.get::<SocketWish>().is_some();
    let too_large = body.len() > limits::PAYLOAD_BYTES_MAX;
    let incoming = Incoming::new(cx, head, body);
    let read = cx.db().read()?;
    if let Some(api) = REST_APIS.get(&read, &address.id)? {
        let answer = match too_large {
            true => refusal::rest_too_large(),
            false => rest::serve(state, cx, read, api, &address, incoming).await?,
        };
        return Ok(answer.map(Body::from));
    }
    let answer = match HTTP_APIS.get(&read, &address.id)? {
        Some(_) if too_large => refusal::http(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        Some(api) if api.websocket.is_some() => {
            drop(read);
            return match Named::of(&api.id, &address.path) {
                Some(named) => connections::serve(cx, incoming, named).await,
                None => websocket::serve(state, cx, api, &address, incoming, is_wished).await,
            };
        }
        Some(api) => http::serve(state, cx, read, api, &address, incoming).await?,
        None => refusal::forbidden(),
    };
    Ok(answer.map(Body::from))
}
