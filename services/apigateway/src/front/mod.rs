//! The traffic of an API's users.

pub mod access_log;
pub mod address;
mod api_key;
pub mod authorize;
pub mod backend;
pub mod cache;
mod connections;
pub mod event_v1;
pub mod gateway_response;
mod http;
mod invoke;
pub mod mapping;
mod problem;
mod refusal;
pub mod rest;
pub mod throttle;
pub mod websocket;

use std::sync::Arc;

use ::http::request::Parts;
use ::http::{Request, Response};
use bytes::Bytes;
use proxy::Incoming;
use service::{Body, BoxFuture, Cx, Front, SocketWish};

use self::address::Told;
use crate::ApiGateway;
use crate::error::Error;
use crate::keys::{HTTP_APIS, REST_APIS};
use crate::limits;
use connections::Named;

/// Answers the requests to `{api}.execute-api.*`, to the paths that stand for it, and to custom domains.
pub struct ExecuteApi(pub Arc<ApiGateway>);

impl Front for ExecuteApi {
    fn matches(&self, head: &Parts) -> bool {
        address::is_one(head, &self.0.domains)
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
    let address = match address::of(&head, &state.domains) {
        Some(Told::Api(address)) => address,
        // It may have been removed since it was looked for.
        Some(Told::Unmapped) | None => return Ok(refusal::forbidden().map(Body::from)),
    };
    let is_wished = head.extensions.get::<SocketWish>().is_some();
    let too_large = body.len() > limits::PAYLOAD_BYTES_MAX;
    let incoming = Incoming::new(cx, head, body);
    let read = cx.db().read()?;
    if let Some(api) = REST_APIS.get(&read, &address.api)? {
        return Ok(rest::serve(state, cx, read, api, &address, incoming).await?.map(Body::from));
    }
    match HTTP_APIS.get(&read, &address.api)? {
        Some(_) if too_large => Ok(refusal::http_too_large().map(Body::from)),
        Some(api) if api.websocket.is_some() => {
            drop(read);
            let (stage, path) = address.stage();
            match Named::of(&api.id, stage, &path) {
                Some(named) => connections::serve(cx, incoming, named).await,
                None => websocket::serve(state, cx, api, &address, incoming, is_wished).await,
            }
        }
        Some(api) => http::serve(state, cx, read, api, &address, incoming).await,
        None => Ok(refusal::forbidden().map(Body::from)),
    }
}
