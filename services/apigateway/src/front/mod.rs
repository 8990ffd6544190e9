//! The traffic of an API's users.

pub mod address;
mod api_key;
pub mod authorize;
pub mod event_v1;
pub mod gateway_response;
mod http;
mod invoke;
pub mod mapping;
mod problem;
mod refusal;
pub mod rest;
pub mod throttle;

use std::sync::Arc;

use ::http::request::Parts;
use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use proxy::Incoming;
use service::{Body, BoxFuture, Cx, Front};

pub use invoke::PRINCIPAL;

use crate::ApiGateway;
use crate::error::Error;
use crate::keys::{HTTP_APIS, REST_APIS};
use crate::limits;

/// Answers the requests to `{api}.execute-api.*`, and to the paths that stand for it.
pub struct ExecuteApi(pub Arc<ApiGateway>);

impl Front for ExecuteApi {
    fn matches(&self, head: &Parts) -> bool {
        address::of(head).is_some()
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let state = self.0.clone();
        Box::pin(async move {
            let response = serve(&state, &cx, request).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a request to an API failed");
                rest::internal()
            });
            response.map(Body::from)
        })
    }
}

async fn serve(state: &ApiGateway, cx: &Cx, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
    let (head, body) = request.into_parts();
    let Some(address) = address::of(&head) else { return Ok(refusal::not_found()) };
    let too_large = body.len() > limits::PAYLOAD_BYTES_MAX;
    let incoming = Incoming::new(cx, head, body);
    let read = cx.db().read()?;
    if let Some(api) = REST_APIS.get(&read, &address.id)? {
        return rest::serve(state, cx, read, api, &address, incoming).await;
    }
    match HTTP_APIS.get(&read, &address.id)? {
        Some(_) if too_large => Ok(refusal::http(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")),
        Some(api) => http::serve(state, cx, read, api, &address, incoming).await,
        None => Ok(refusal::forbidden()),
    }
}
