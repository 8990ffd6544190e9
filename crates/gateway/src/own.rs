//! The gateway's own pages: health, as Cloudlet and LocalStack tools ask for it, and metrics.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::Inner;

/// The page at `path`, if there is one.
pub(crate) fn page(inner: &Inner, method: &Method, path: &str) -> Option<Response<Bytes>> {
    let (content_type, body) = match path {
        "/_cloudlet/health" | "/_localstack/health" => ("application/json", health(inner)),
        "/_cloudlet/metrics" => ("text/plain; version=0.0.4", inner.metrics.to_text()),
        _ => return None,
    };
    if method != Method::GET && method != Method::HEAD {
        let mut response = Response::new(Bytes::from_static(b"Only GET and HEAD are answered here.\n"));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Some(response)
}

/// `{"services": {"sqs": "running", ...}, "version": ...}`: the form that LocalStack's tools read.
fn health(inner: &Inner) -> String {
    let services: Map<String, Value> =
        inner.cloud.services().iter().map(|service| (service.api.name.to_owned(), json!("running"))).collect();
    json!({ "services": services, "edition": "cloudlet", "version": env!("CARGO_PKG_VERSION") }).to_string()
}
