//! The gateway's own pages: health, as Cloudlet and LocalStack tools ask for it, and metrics.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::Inner;

const METRICS: &str = "/_cloudlet/metrics";

/// The page at `path`, if there is one.
pub(crate) fn page(inner: &Inner, method: &Method, path: &str) -> Option<Response<Bytes>> {
    let (content_type, body) = match path {
        "/_cloudlet/health" | "/_localstack/health" => ("application/json", health(inner)),
        METRICS => ("text/plain; version=0.0.4", inner.metrics.to_text()),
        _ => return None,
    };
    if method != Method::GET && method != Method::HEAD {
        let mut response = Response::new(Bytes::from_static(b"Only GET and HEAD are answered here.\n"));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    let mut response = Response::new(body.into());
    if path != METRICS && inner.is_draining() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Some(response)
}

/// `{"services": {"sqs": "running", ...}, "version": ...}`: the form that LocalStack's tools read. Its status, 503 while the server
/// ends, is for load balancers.
fn health(inner: &Inner) -> String {
    let services: Map<String, Value> =
        inner.cloud.services().iter().map(|service| (service.api.name.to_owned(), json!("running"))).collect();
    let status = if inner.is_draining() { "draining" } else { "running" };
    json!({ "services": services, "edition": "cloudlet", "version": env!("CARGO_PKG_VERSION"), "status": status })
        .to_string()
}
