//! Servers elsewhere, over HTTP.

use std::time::Duration;

use futures_util::stream;
use http::header::CONTENT_LENGTH;
use outbound::{Incoming, Outgoing};
use service::{Body, Broken};

use super::{Failure, Request, Response, own_headers};
use crate::CloudFront;
use crate::documents::distribution::{CustomOriginConfig, Origin};
use crate::traffic::sites::Source;

fn url(origin: &Origin, custom: &CustomOriginConfig, request: &Request, is_secure: bool) -> String {
    let secure = match custom.origin_protocol_policy.as_str() {
        "https-only" => true,
        "match-viewer" => is_secure,
        _ => false,
    };
    let (scheme, port) = if secure { ("https", custom.https_port) } else { ("http", custom.http_port) };
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    format!("{scheme}://{}:{port}{}{query}", origin.domain_name, request.path)
}

pub async fn send(state: &CloudFront, source: &Source, mut request: Request) -> Result<Response, Failure> {
    let Source { origin, .. } = source;
    let default = CustomOriginConfig::default();
    let custom = origin.custom_origin_config.as_ref().unwrap_or(&default);
    // What a viewer's connection was like is known to those who ask origins alike: in the clear, unless told otherwise.
    let url = url(origin, custom, &request, false);
    own_headers(source, &mut request.headers);
    let wait = Duration::from_secs(custom.origin_read_timeout);
    let attempts = if request.body.is_none() { origin.connection_attempts.clamp(1, 3) } else { 1 };
    let mut body = request.body;
    let mut last = Failure::Unreachable;
    for _ in 0..attempts {
        let outgoing = Outgoing {
            method: request.method.clone(),
            url: &url,
            headers: request.headers.clone(),
            body: body.take(),
            timeout: wait,
        };
        match state.outbound.open(outgoing).await {
            Ok(answer) => return Ok(response(answer, wait)),
            Err(error) => {
                tracing::warn!(origin = origin.domain_name, %error, "an origin did not answer");
                last = if error == outbound::Error::TimedOut { Failure::TimedOut } else { Failure::Unreachable };
                if !error.may_pass() {
                    break;
                }
            }
        }
    }
    Err(last)
}

fn response(answer: Incoming, wait: Duration) -> Response {
    let (status, headers) = (answer.status, answer.headers.clone());
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let pieces = stream::try_unfold(answer, move |mut answer| async move {
        match answer.next(wait).await {
            Ok(piece) => Ok(piece.map(|piece| (piece, answer))),
            Err(error) => {
                tracing::warn!(%error, "an origin's answer broke off");
                Err(Broken)
            }
        }
    });
    let body = match length {
        Some(length) => Body::sized(pieces, length),
        None => Body::stream(pieces),
    };
    Response { status, headers, body }
}
