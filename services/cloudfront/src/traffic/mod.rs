//! The traffic of distributions' viewers.

pub mod address;
mod compress;
mod fetch;
pub mod figures;
mod freshness;
pub mod headers;
pub mod images;
mod origin;
pub mod path;
mod refusal;
mod respond;
mod rule;
mod signed;
pub mod sites;
mod viewer;

use std::sync::Arc;

use http::header::{AGE, HeaderMap, HeaderValue, LOCATION, VIA};
use http::request::Parts;
use http::{HeaderName, Method, Request, Response, StatusCode};
use service::{Body, BoxFuture, Cx, Front, Upload};

use crate::CloudFront;
use crate::limits;
use fetch::{Loaded, Task};
use figures::From;
use rule::{Protocol, Rule};
use sites::Site;
use viewer::Viewer;

/// Answers the requests to distributions, by their hosts, their aliases, and the paths that stand for them.
pub struct Viewers(pub Arc<CloudFront>);

impl Front<Upload> for Viewers {
    fn matches(&self, head: &Parts) -> bool {
        self.0.sites.address(head).is_some()
    }

    fn handle(&self, cx: Cx, request: Request<Upload>) -> BoxFuture<Response<Body>> {
        let state = self.0.clone();
        Box::pin(serve(state, cx, request))
    }
}

/// What `Via` says of a distribution.
fn via(id: &str) -> String {
    format!("1.1 {}.cloudfront.net (CloudFront)", address::label(id))
}

async fn serve(state: Arc<CloudFront>, cx: Cx, request: Request<Upload>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let id = cx.request_id().to_owned();
    let Some((distribution, path)) = state.sites.address(&head) else {
        return refusal::of(StatusCode::FORBIDDEN, "Bad request.", &id);
    };
    let site = match state.sites.get(cx.db(), &distribution) {
        Ok(Some(site)) => site,
        Ok(None) => {
            return refusal::of(StatusCode::FORBIDDEN, "There is no such distribution, or it is not enabled.", &id);
        }
        Err(error) => {
            tracing::error!(distribution, %error, "a distribution cannot be used");
            return refusal::of(StatusCode::INTERNAL_SERVER_ERROR, "The distribution cannot be read.", &id);
        }
    };
    let viewer = Viewer::new(&head, path, &id, cx.env().now());
    answer(&state, &cx, site, &head, viewer, body).await
}

/// What only large requests have.
fn too_large(head: &Parts) -> Option<StatusCode> {
    let url = head.uri.path().len() + head.uri.query().map_or(0, str::len);
    let headers: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    match (url > limits::URL_BYTES_MAX, headers > limits::HEADERS_BYTES_MAX) {
        (true, _) => Some(StatusCode::URI_TOO_LONG),
        (false, true) => StatusCode::from_u16(494).ok(),
        _ => None,
    }
}

async fn answer(
    state: &Arc<CloudFront>,
    cx: &Cx,
    site: Arc<Site>,
    head: &Parts,
    mut viewer: Viewer,
    body: Upload,
) -> Response<Body> {
    let original_path = head.uri.path();
    if let Some(status) = too_large(head) {
        return counted(state, refusal::of(status, "The request is too large.", &viewer.request_id), From::Error);
    }
    if viewer.path == "/" && !site.root_object.is_empty() && matches!(viewer.method, Method::GET | Method::HEAD) {
        viewer.path = format!("/{}", site.root_object);
    }
    let Some(rule) = site.rule(&path::normal(&viewer.path)).cloned() else {
        return refusal::of(StatusCode::INTERNAL_SERVER_ERROR, "No behaviour is for this path.", &viewer.request_id);
    };
    if let Some(response) = refused(cx, &site, &rule, &viewer, original_path) {
        return finished(state, &site, &rule, &viewer, response, From::Error, None);
    }
    let image = match images::take(&site, &mut viewer) {
        Ok(image) => image,
        Err(error) => {
            let (response, _) = of(Loaded::Alone(refusal::image(&error)), &viewer);
            return finished(state, &site, &rule, &viewer, response, From::Error, None);
        }
    };
    let reads = matches!(viewer.method, Method::GET | Method::HEAD);
    let viewer = Arc::new(viewer);
    let task = Task::new(state.clone(), cx.clone(), site.clone(), rule.clone(), viewer.clone(), image);
    let loaded = if reads { task.load().await } else { Loaded::Alone(task.pass(Some(body)).await) };
    let status = loaded.status();
    let page = site.errors.get(&status.as_u16()).filter(|page| reads && !page.path.is_empty());
    let (response, from, made) = match page {
        Some(page) => {
            let instead = error_page(&task, &page.path).await;
            let own = instead.is_none();
            let (mut response, made) = instead.unwrap_or_else(|| of(loaded, &viewer));
            if !own {
                *response.status_mut() = page.status.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(status);
            }
            (response, From::Error, made)
        }
        None => {
            let from = match &loaded {
                _ if status.is_client_error() || status.is_server_error() => From::Error,
                Loaded::Shared(_, from) => *from,
                Loaded::Alone(_) => From::Origin,
            };
            let (response, made) = of(loaded, &viewer);
            (response, from, made)
        }
    };
    finished(state, &site, &rule, &viewer, response, from, made)
}

/// What is given out in place of an error, unless that cannot be had either.
async fn error_page(task: &Task, path: &str) -> Option<(Response<Body>, Option<base::Timestamp>)> {
    let viewer = Arc::new(task.viewer.elsewhere(path));
    let rule = task.site.rule(&path::normal(&viewer.path))?.clone();
    let of_page = Task::new(task.state.clone(), task.cx.clone(), task.site.clone(), rule, viewer.clone(), None);
    let loaded = of_page.load().await;
    (loaded.status() == StatusCode::OK).then(|| of(loaded, &viewer))
}

/// The answer, and when what it is made of came to the cache.
fn of(loaded: Loaded, viewer: &Viewer) -> (Response<Body>, Option<base::Timestamp>) {
    match loaded {
        Loaded::Shared(object, from) => {
            let hit = matches!(from, From::Cache | From::Confirmed);
            (respond::of(&object, viewer, object.length()), hit.then_some(object.made))
        }
        Loaded::Alone(origin) => {
            let mut response = Response::new(origin.body);
            *response.status_mut() = origin.status;
            *response.headers_mut() = headers::passed_on(&origin.headers);
            if viewer.method == Method::HEAD {
                if let Some(length) = origin.headers.get("content-length") {
                    response.headers_mut().insert("content-length", length.clone());
                }
                *response.body_mut() = Body::from(bytes::Bytes::new());
            }
            (response, None)
        }
    }
}

/// Why a request is not for an origin.
fn refused(cx: &Cx, site: &Site, rule: &Rule, viewer: &Viewer, original_path: &str) -> Option<Response<Body>> {
    match rule.protocol {
        Protocol::Redirect if !viewer.is_secure => return Some(redirect(viewer, original_path)),
        Protocol::SecureOnly if !viewer.is_secure => {
            return Some(refusal::of(StatusCode::FORBIDDEN, "HTTPS is required.", &viewer.request_id));
        }
        _ => {}
    }
    if !rule.methods.contains(&viewer.method) {
        return Some(refusal::method(&viewer.request_id));
    }
    let signers = rule.signers.as_ref()?;
    let urls = viewer.urls(&site.id, cx.endpoint(), original_path);
    let address = viewer.address.map(|address| address.ip());
    let checked = signed::check(signers, &viewer.full_query, &viewer.headers, &urls, address, viewer.now);
    checked.err().map(refusal::signed)
}

fn redirect(viewer: &Viewer, original_path: &str) -> Response<Body> {
    let query = if viewer.full_query.is_empty() { String::new() } else { format!("?{}", viewer.full_query) };
    let mut response = Response::new(Body::from(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    let location = format!("https://{}{original_path}{query}", viewer.host());
    origin::insert(response.headers_mut(), LOCATION, &location);
    response
}

/// The answer with what all answers have.
fn finished(
    state: &CloudFront,
    site: &Site,
    rule: &Rule,
    viewer: &Viewer,
    mut response: Response<Body>,
    from: From,
    made: Option<base::Timestamp>,
) -> Response<Body> {
    let is_preflight = viewer.method == Method::OPTIONS && viewer.headers.contains_key("access-control-request-method");
    if let Some(policy) = &rule.response {
        policy.apply(&viewer.headers, is_preflight, response.headers_mut());
    }
    let is_redirect = response.status() == StatusCode::MOVED_PERMANENTLY && from == From::Error;
    let all: &mut HeaderMap = response.headers_mut();
    if let Some(made) = made {
        all.insert(AGE, viewer.now.since(made).as_secs().into());
    }
    let cache = if is_redirect { "Redirect from cloudfront" } else { from.text() };
    all.insert(HeaderName::from_static("x-cache"), HeaderValue::from_static(cache));
    all.insert(HeaderName::from_static("x-amz-cf-pop"), HeaderValue::from_static("LOCAL1-C1"));
    origin::insert(all, HeaderName::from_static("x-amz-cf-id"), &viewer.request_id);
    origin::insert(all, VIA, &via(&site.id));
    counted(state, response, from)
}

fn counted(state: &CloudFront, response: Response<Body>, from: From) -> Response<Body> {
    state.figures.count(from, response.body().size());
    response
}
