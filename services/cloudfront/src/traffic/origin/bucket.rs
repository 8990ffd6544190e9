//! Buckets of this server, asked without a network: as whom, the origin says.

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, HeaderMap, ORIGIN, VARY};
use http::{Method, StatusCode};
use service::{Body, Caller, Cors, Cx, WireRequest};
use wire::Protocol;
use wire::rest_xml::Target;

use super::{Failure, Request, Response, insert};
use crate::documents::distribution::Origin;
use crate::traffic::headers::text;
use crate::traffic::sites::{Access, Site, Source};

/// The service of buckets, and who CloudFront is in their policies.
const SERVICE: &str = "s3";
const PRINCIPAL: &str = "cloudfront.amazonaws.com";
/// Who an origin access identity is there, before its id.
const IDENTITY: &str = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity";

/// The bucket that an origin is.
pub fn of(origin: &Origin) -> Option<String> {
    let domain = origin.domain_name.as_str();
    Target::bucket_of_host(domain, SERVICE).flatten().map(str::to_owned)
}

pub async fn send(cx: &Cx, site: &Site, source: &Source, bucket: &str, request: Request) -> Result<Response, Failure> {
    let operation = match request.method {
        Method::GET => "GetObject",
        Method::HEAD => "HeadObject",
        Method::PUT => "PutObject",
        Method::DELETE => "DeleteObject",
        Method::OPTIONS => return Ok(preflight(cx, bucket, &request.headers)),
        _ => return Ok(not_allowed()),
    };
    let key = request.path.trim_start_matches('/').to_owned();
    // A list of what is in the bucket is nobody's object.
    let operation = if key.is_empty() { "ListObjectsV2" } else { operation };
    let service = cx.cloud().service(SERVICE).ok_or(Failure::Unreachable)?;
    let operation = service.operation(operation).ok_or(Failure::Unreachable)?;
    let labels = [("Bucket", bucket.to_owned()), ("Key", key)].map(|(name, value)| (name, value.into()));
    let mut request = request;
    if matches!(request.method, Method::GET | Method::HEAD) {
        // What a customer's own key opens is not for the cache, in which others would find it.
        for name in ["algorithm", "key", "key-md5"] {
            request.headers.remove(format!("x-amz-server-side-encryption-customer-{name}"));
        }
    }
    let origin = request.headers.get(ORIGIN).cloned();
    let method = request.method.clone();
    let wire = WireRequest {
        protocol: Protocol::S3,
        labels: labels.to_vec(),
        path: request.path,
        // What a viewer asks of an object with a query is for whoever owns the bucket alone.
        query: String::new(),
        headers: request.headers,
        body: Bytes::new(),
        upload: request.body,
        params: None,
    };
    let answer = operation.serve(asking(cx, site, source), wire).await;
    let (head, body) = answer.into_parts();
    let mut headers = head.headers;
    if let Some(origin) = origin.as_ref().and_then(|origin| origin.to_str().ok()) {
        let asked = Cors { origin, method: method.as_str(), headers: Vec::new() };
        let allowed = service.cors(cx, bucket, &asked);
        allow(allowed.as_ref(), &mut headers);
    }
    Ok(Response { status: head.status, headers, body })
}

/// The request as the one whom the bucket's policy may let in.
fn asking(cx: &Cx, site: &Site, source: &Source) -> Cx {
    match &source.access {
        Access::Nobody => cx.with_caller(Caller::anonymous(cx.account())),
        Access::Service => cx.acting_for(&site.arn, PRINCIPAL),
        Access::Identity(id) => cx.acting_for(&site.arn, &format!("{IDENTITY} {id}")),
    }
}

fn allow(allowed: Option<&service::CorsAnswer>, headers: &mut HeaderMap) {
    insert(headers, VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    let Some(allowed) = allowed else { return };
    let texts = [
        (http::header::ACCESS_CONTROL_ALLOW_ORIGIN, &allowed.origin),
        (http::header::ACCESS_CONTROL_ALLOW_METHODS, &allowed.methods),
        (http::header::ACCESS_CONTROL_EXPOSE_HEADERS, &allowed.exposed),
        (http::header::ACCESS_CONTROL_ALLOW_HEADERS, &allowed.headers),
    ];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        insert(headers, name, text);
    }
    if allowed.credentials {
        insert(headers, http::header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    if let Some(seconds) = allowed.max_age {
        insert(headers, http::header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
}

/// What a browser is told that asks what a page may do with the bucket.
fn preflight(cx: &Cx, bucket: &str, asked: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    let allowed = text(asked, ORIGIN).zip(text(asked, ACCESS_CONTROL_REQUEST_METHOD)).and_then(|(origin, method)| {
        let wanted = text(asked, ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let wanted = wanted.split(',').map(str::trim).filter(|header| !header.is_empty()).collect();
        cx.cloud().service(SERVICE)?.cors(cx, bucket, &Cors { origin, method, headers: wanted })
    });
    allow(allowed.as_ref(), &mut headers);
    let status = if allowed.is_some() { StatusCode::OK } else { StatusCode::FORBIDDEN };
    Response { status, headers, body: Body::from(Bytes::new()) }
}

fn not_allowed() -> Response {
    let mut headers = HeaderMap::new();
    insert(&mut headers, ALLOW, "GET, HEAD, PUT, DELETE, OPTIONS");
    Response { status: StatusCode::METHOD_NOT_ALLOWED, headers, body: Body::from(Bytes::new()) }
}
