//! Origins that are on this server themselves, by the names that AWS gives them: APIs and function URLs.

use std::sync::Arc;

use http::header::HOST;
use http::{HeaderValue, Uri};
use service::{Cx, Front};

use super::{Failure, Request, Response, own_headers};
use crate::traffic::sites::Source;

/// What of a body such an origin takes, in bytes: as much as API Gateway does.
const BODY_BYTES_MAX: usize = 10 << 20;

/// The head of a request as the origin gets it.
fn head(source: &Source, request: &Request) -> Option<http::request::Parts> {
    let uri =
        if request.query.is_empty() { request.path.clone() } else { format!("{}?{}", request.path, request.query) };
    let mut built =
        http::Request::builder().method(request.method.clone()).uri(uri.parse::<Uri>().ok()?).body(()).ok()?;
    *built.headers_mut() = request.headers.clone();
    own_headers(source, built.headers_mut());
    // Its own name is how it is found.
    built.headers_mut().insert(HOST, HeaderValue::from_str(&source.origin.domain_name).ok()?);
    Some(built.into_parts().0)
}

/// The service that answers for an origin's name.
pub fn front(cx: &Cx, source: &Source, request: &Request) -> Option<Arc<dyn Front>> {
    cx.cloud().front(&head(source, request)?)
}

pub async fn send(cx: &Cx, source: &Source, front: Arc<dyn Front>, request: Request) -> Result<Response, Failure> {
    let head = head(source, &request).ok_or(Failure::Unreachable)?;
    let body = match request.body {
        Some(body) => body.collect(BODY_BYTES_MAX).await.map_err(|_| Failure::TimedOut)?.ok_or(Failure::Unreachable)?,
        None => bytes::Bytes::new(),
    };
    let (head, body) = front.handle(cx.renew(), http::Request::from_parts(head, body)).await.into_parts();
    Ok(Response { status: head.status, headers: head.headers, body })
}
