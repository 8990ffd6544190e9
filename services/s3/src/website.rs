//! Websites: what browsers get of a bucket at an address of its own, which answers in pages and knows nobody.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html>

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use service::{Asked, Body, BoxFuture, Caller, Cx, Download, ErrorCode, Front, witnessed};
use wire::Protocol;
use wire::query::{Names, escape};
use wire::rest_xml::Target;

use crate::S3;
use crate::access_log;
use crate::bindings::GET_OBJECT;
use crate::error::Error;
use crate::ops::get::{self, GetObjectInput};
use crate::ops::read_permission;
use crate::ops::setting::kept;
use crate::ops::website::{Redirect, RedirectAll, RoutingRule, Website};

/// The name of this front in hosts and paths.
const FRONT: &str = "s3-website";
/// Where it is for whoever cannot resolve hosts.
const PATHS: &str = "/_aws/s3-website/";

/// Answers the requests to `{bucket}.s3-website.*`, and to the paths that stand for it.
pub struct Websites(pub Arc<S3>);

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    bucket: String,
    /// Still percent-encoded; without a slash before it.
    path: String,
    /// What stands before paths: nothing, where the host names the bucket.
    base: String,
}

impl Place {
    fn of(head: &Parts) -> Option<Place> {
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let path = head.uri.path();
        if let Some(Some(bucket)) = Target::bucket_of_host(host, FRONT) {
            let path = path.strip_prefix('/').unwrap_or(path).to_owned();
            return Some(Place { bucket: bucket.to_ascii_lowercase(), path, base: String::new() });
        }
        let (bucket, path) = path.strip_prefix(PATHS).map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
        let base = format!("{PATHS}{bucket}");
        (!bucket.is_empty()).then(|| Place { bucket: bucket.to_owned(), path: path.to_owned(), base })
    }
}

impl Place {
    fn target(&self) -> Target<'_> {
        let key = Some(self.path.as_str()).filter(|path| !path.is_empty());
        Target { bucket: Some(self.bucket.as_str().into()), key }
    }
}

impl Front for Websites {
    fn matches(&self, head: &Parts) -> bool {
        Place::of(head).is_some()
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let state = self.0.clone();
        Box::pin(async move {
            let head = request.into_parts().0;
            let came = Instant::now();
            let Some(place) = Place::of(&head) else { return page(&cx, &not_allowed(), None) };
            let witness = access_log::watch_website(&state, cx.cloud(), &head, &place.target());
            let nobody = Caller::anonymous(cx.account());
            let visit = Visit { cx: cx.with_caller(nobody), state, place, head };
            let response = visit.answer().await.unwrap_or_else(|error| page(&visit.cx, &error, None));
            let Some(witness) = witness else { return response };
            let id = visit.cx.request_id().to_owned();
            witnessed(witness, Asked { id, operation: None, caller: None, came }, response)
        })
    }
}

fn not_allowed() -> service::Error {
    service::Error::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

/// One request.
struct Visit {
    state: Arc<S3>,
    /// Of nobody: websites are for everybody or not at all.
    cx: Cx,
    place: Place,
    head: Parts,
}

impl Visit {
    async fn answer(&self) -> Result<Response<Body>, service::Error> {
        if self.head.method != Method::GET && self.head.method != Method::HEAD {
            return Err(not_allowed().with_member("Method", self.head.method.as_str()));
        }
        let website: Website = kept(&self.cx, &self.place.bucket)?;
        if let Some(all) = &website.redirect_all_requests_to {
            return Ok(self.elsewhere(all));
        }
        let key = percent_decode_str(&self.place.path).decode_utf8();
        let key = key.map_err(|_| service::Error::new(400, "InvalidURI", "Couldn't parse the specified URI."))?;
        let rules = website.routing_rules.as_deref().unwrap_or_default();
        if let Some(rule) = rules.iter().find(|rule| rule.is_for(&key, None)) {
            return Ok(self.redirected(rule, &key));
        }
        let suffix = website.index_document.as_ref().map(|index| index.suffix.as_str()).unwrap_or_default();
        let is_folder = key.is_empty() || key.ends_with('/');
        let wanted = if is_folder { Cow::Owned(format!("{key}{suffix}")) } else { key.clone() };
        let error = match self.object(&wanted, &self.head.headers).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let is_missing = matches!(error.status, 403 | 404);
        // With another slash in front, it would be the name of a host.
        if is_missing && !is_folder && !key.starts_with('/') && self.has(&format!("{key}/{suffix}")) {
            return Ok(moved(StatusCode::FOUND, &format!("{}/{}/", self.place.base, encoded(&key))));
        }
        if let Some(rule) = rules.iter().find(|rule| rule.is_for(&key, Some(error.status))) {
            return Ok(self.redirected(rule, &key));
        }
        let Some(document) = website.error_document.filter(|_| (400..500).contains(&error.status)) else {
            return Err(error);
        };
        match self.object(&document.key, &HeaderMap::new()).await {
            Ok(mut response) => {
                *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::NOT_FOUND);
                name_error(response.headers_mut(), &error);
                response.extensions_mut().insert(ErrorCode(error.code.clone()));
                Ok(response)
            }
            Err(second) => Ok(page(&self.cx, &error, Some(&second))),
        }
    }

    /// Whether anybody may read this.
    fn may_read(&self, key: &str) -> Result<(), service::Error> {
        self.cx.authorize(&read_permission(&self.cx, &self.place.bucket, key, None)?)
    }

    fn has(&self, key: &str) -> bool {
        let input = GetObjectInput { bucket: self.place.bucket.clone(), key: key.to_owned(), ..Default::default() };
        self.may_read(key).is_ok() && get::find(&self.cx, &input).is_ok()
    }

    /// An object, or where it says that it is.
    async fn object(&self, key: &str, headers: &HeaderMap) -> Result<Response<Body>, service::Error> {
        self.may_read(key)?;
        let none = Default::default();
        let asked = wire::rest_xml::decode::<GetObjectInput>(&GET_OBJECT, &none, "", headers, b"", &Names::NONE);
        let asked = asked.map_err(|error| service::Error::new(400, "InvalidArgument", error.to_string()))?;
        let input = GetObjectInput { bucket: self.place.bucket.clone(), key: key.to_owned(), ..asked };
        let read = if self.head.method == Method::HEAD {
            get::head(self.state.clone(), self.cx.clone(), input).await
        } else {
            get::get(self.state.clone(), self.cx.clone(), input).await
        };
        let Download { head, body } = match read {
            Err(Error::NotModified { etag, modified }) => return Ok(not_modified(&etag, &modified)),
            read => read?,
        };
        if let Some(to) = &head.website_redirect_location {
            let base = if to.starts_with('/') { self.place.base.as_str() } else { "" };
            return Ok(moved(StatusCode::MOVED_PERMANENTLY, &format!("{base}{to}")));
        }
        let response = wire::rest_xml::encode(Protocol::S3, &GET_OBJECT, &head, &Names::NONE, "", self.cx.request_id());
        Ok(response.map_err(service::Error::internal)?.map(|_| body))
    }

    /// Where all requests go.
    fn elsewhere(&self, to: &RedirectAll) -> Response<Body> {
        let protocol = to.protocol.as_deref().unwrap_or("http");
        let query = self.head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let location = format!("{protocol}://{}/{}{query}", to.host_name, self.place.path);
        moved(StatusCode::MOVED_PERMANENTLY, &location)
    }

    fn redirected(&self, rule: &RoutingRule, key: &str) -> Response<Body> {
        let no_redirect = Redirect::default();
        let redirect = rule.redirect.as_ref().unwrap_or(&no_redirect);
        let prefix = rule.condition.as_ref().and_then(|condition| condition.key_prefix_equals.as_deref());
        let key = match (&redirect.replace_key_with, &redirect.replace_key_prefix_with) {
            (Some(key), _) => key.clone(),
            (None, Some(new)) => format!("{new}{}", key.strip_prefix(prefix.unwrap_or_default()).unwrap_or(key)),
            (None, None) => key.to_owned(),
        };
        let own = self.head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let (host, base) = match &redirect.host_name {
            Some(host) => (host.as_str(), ""),
            None => (own, self.place.base.as_str()),
        };
        let protocol = redirect.protocol.as_deref().unwrap_or("http");
        let status =
            redirect.http_redirect_code.as_deref().and_then(|code| StatusCode::from_bytes(code.as_bytes()).ok());
        let location = format!("{protocol}://{host}{base}/{}", encoded(&key));
        moved(status.unwrap_or(StatusCode::MOVED_PERMANENTLY), &location)
    }
}

/// What stays as it is in paths, and of what follows them in addresses of rules.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/')
    .remove(b'?')
    .remove(b'=')
    .remove(b'&')
    .remove(b'#')
    .remove(b'!')
    .remove(b'+')
    .remove(b'%');

fn encoded(key: &str) -> String {
    utf8_percent_encode(key, KEPT).to_string()
}

fn moved(status: StatusCode, to: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::new()));
    *response.status_mut() = status;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn not_modified(etag: &str, modified: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::new()));
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    insert(response.headers_mut(), http::header::ETAG, etag);
    insert(response.headers_mut(), http::header::LAST_MODIFIED, modified);
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

const ERROR_CODE: HeaderName = HeaderName::from_static("x-amz-error-code");
const ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-amz-error-message");

fn name_error(headers: &mut HeaderMap, error: &service::Error) {
    insert(headers, ERROR_CODE, &error.code);
    insert(headers, ERROR_MESSAGE, &error.message);
}

/// An error as a page; `second` is the one that the page for errors met.
fn page(cx: &Cx, error: &service::Error, second: Option<&service::Error>) -> Response<Body> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut html = format!("<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n");
    list(&mut html, error);
    for name in ["RequestId", "HostId"] {
        item(&mut html, name, cx.request_id());
    }
    html += "</ul>\n";
    if let Some(second) = second {
        html += "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n";
        list(&mut html, second);
        html += "</ul>\n";
    }
    html += "<hr/>\n</body>\n</html>\n";
    let mut response = Response::new(Body::from(Bytes::from(html)));
    *response.status_mut() = status;
    response.extensions_mut().insert(ErrorCode(error.code.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    name_error(headers, error);
    for (name, value) in &error.headers {
        insert(headers, HeaderName::from_static(name), value);
    }
    response
}

fn list(html: &mut String, error: &service::Error) {
    item(html, "Code", &error.code);
    item(html, "Message", &error.message);
    for (name, value) in &error.members {
        item(html, name, value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str());
    }
}

fn item(html: &mut String, name: &str, text: &str) {
    *html += &format!("<li>{name}: ");
    escape(text, html);
    *html += "</li>\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn websites_are_hosts_or_paths() {
        let place = |host: &str, path: &str| {
            let head = Request::builder().uri(path).header(HOST, host).body(()).unwrap().into_parts().0;
            Place::of(&head).map(|place| (place.bucket, place.path, place.base))
        };
        let of = |bucket: &str, path: &str, base: &str| Some((bucket.to_owned(), path.to_owned(), base.to_owned()));
        assert_eq!(place("b.s3-website.localhost:4566", "/a/b"), of("b", "a/b", ""));
        assert_eq!(place("www.b.com.s3-website-eu-west-1.amazonaws.com", "/"), of("www.b.com", "", ""));
        assert_eq!(place("localhost", "/_aws/s3-website/b/a%20b/"), of("b", "a%20b/", "/_aws/s3-website/b"));
        assert_eq!(place("localhost", "/_aws/s3-website/b"), of("b", "", "/_aws/s3-website/b"));
        for (host, path) in [
            ("b.s3.localhost", "/"),
            ("localhost", "/b/a"),
            ("s3-website.localhost", "/"),
            ("localhost", "/_aws/s3-website/"),
        ] {
            assert_eq!(place(host, path), None, "{host} {path}");
        }
    }
}
