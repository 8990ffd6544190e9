//! The traffic: each request goes to one side, and of some the other side gets a copy.

mod function;
mod legacy;
mod shadow;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, SET_COOKIE, UPGRADE};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use serde_json::json;
use service::{Arrival, Body, BoxFuture, Cx, Front, FrontAddress, Upload, hosts};

use crate::Migrate;
use crate::route::{Parameters, Side, VISITOR};
use crate::types::{Migration, Route};

/// The name of this front in hosts and paths.
pub const FRONT: &str = "migrate";
/// Tells who has answered.
const SIDE: HeaderName = HeaderName::from_static("x-cloudlet-side");
/// How long a visitor keeps their number, in seconds: a year.
const VISITOR_SECONDS: u32 = 31_536_000;

/// Answers the requests to `{id}.migrate.*`, to the paths that stand for it, and to the hosts of migrations.
pub struct Door(pub Arc<Migrate>);

/// Where a request goes within a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    id: String,
    /// Still encoded.
    path: String,
    /// What comes before it in this server's own URLs.
    before: String,
    /// Whether the host is the migration's, which the backend is to see.
    own_host: bool,
}

impl Door {
    fn address(&self, head: &Parts) -> Option<Address> {
        if let Some(FrontAddress { id, path }) = FrontAddress::of(head, FRONT) {
            let by_host = path == head.uri.path();
            let before = if by_host { String::new() } else { FrontAddress::url("", FRONT, &id) };
            return Some(Address { id, path, before, own_host: false });
        }
        let host = head.headers.get(HOST)?.to_str().ok()?;
        // Calls of AWS's are for who they are signed for, and what has a host of this server's is for that.
        if hosts::is_ours(host) || hosts::is_signed(head, None) {
            return None;
        }
        let (id, path) = (self.0.of_host(host)?, head.uri.path().to_owned());
        Some(Address { id, path, before: String::new(), own_host: true })
    }
}

impl Front<Upload> for Door {
    fn matches(&self, head: &Parts) -> bool {
        self.address(head).is_some()
    }

    fn handle(&self, cx: Cx, request: Request<Upload>) -> BoxFuture<Response<Body>> {
        let migrate = self.0.clone();
        let (head, body) = request.into_parts();
        let address = self.address(&head);
        let migration = address.as_ref().and_then(|address| migrate.of_id(&address.id));
        Box::pin(async move {
            match (address, migration) {
                (Some(address), Some(migration)) => {
                    Asked { migrate, cx, migration, address, head: Arc::new(head) }.serve(body).await
                }
                _ => message(StatusCode::NOT_FOUND, "There is no migration here."),
            }
        })
    }
}

/// A request to a migration. Cheap to clone, for copies.
#[derive(Clone)]
struct Asked {
    migrate: Arc<Migrate>,
    cx: Cx,
    migration: Arc<Migration>,
    address: Address,
    head: Arc<Parts>,
}

impl Asked {
    async fn serve(self, body: Upload) -> Response<Body> {
        if self.head.headers.contains_key(UPGRADE) {
            let text = "WebSockets and other protocols do not pass through a migration: connect to the backend itself, or to a WebSocket API.";
            return message(StatusCode::NOT_IMPLEMENTED, text);
        }
        if let Some(why) = hidden(&self.address.path) {
            return message(StatusCode::BAD_REQUEST, why);
        }
        let migration = self.migration.clone();
        match migration.route(self.head.method.as_str(), &self.address.path) {
            None => named(self.legacy(body, false).await, Side::Legacy),
            Some((_, route, parameters)) => self.shared(route, &parameters, body).await,
        }
    }

    /// A request that both sides might answer.
    async fn shared(&self, route: &Route, parameters: &Parameters, body: Upload) -> Response<Body> {
        let env = self.cx.env();
        let draws = [env.random_u64(), env.random_u64()];
        let choice = route.choose(self.migration.back, self.head.method.as_str(), &self.head.headers, draws);
        let (body, copy) = match choice.shadowed {
            true => match self.copied(route, body).await {
                Ok((body, copy)) => (body, copy),
                Err(Refused(status, text)) => return message(status, &text),
            },
            false => (body, None),
        };
        let mut response = self.counted(choice.side, route, parameters, body, false).await;
        if let Some(copy) = copy {
            response = self.shadow(route, parameters, choice.side, copy, response);
        }
        if let Some(number) = choice.visitor {
            let secure = if Arrival::of(&self.head).tls { "; Secure" } else { "" };
            let cookie =
                format!("{VISITOR}={number}; Path=/; Max-Age={VISITOR_SECONDS}; HttpOnly; SameSite=Lax{secure}");
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
        }
        response
    }

    /// What one side answers, which is counted for the route.
    async fn counted(
        &self,
        side: Side,
        route: &Route,
        parameters: &Parameters,
        body: Upload,
        is_copy: bool,
    ) -> Response<Body> {
        let began = Instant::now();
        let response = match side {
            Side::Legacy => self.legacy(body, is_copy).await,
            Side::Function => self.function(route, parameters, body, is_copy).await,
        };
        self.migrate.figures.answered(&self.migration.id, &route.key(), side, response.status(), began.elapsed());
        named(response, side)
    }
}

/// Why a request's body is not taken.
struct Refused(StatusCode, String);

impl From<service::Error> for Refused {
    fn from(error: service::Error) -> Refused {
        Refused(StatusCode::BAD_REQUEST, error.message)
    }
}

fn named(mut response: Response<Body>, side: Side) -> Response<Body> {
    response.headers_mut().insert(SIDE, HeaderValue::from_static(side.name()));
    response
}

/// `{"message": text}`.
fn message(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(json!({"message": text}).to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Why a path is not handed on, if it is not: those that mean another path to whoever tidies them up, which would get around
/// routes and what is before the path in the backend's URL.
fn hidden(path: &str) -> Option<&'static str> {
    let is_dots = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    let is_hidden = path.contains('\\') || path.split('/').any(is_dots);
    is_hidden.then_some("Paths are not taken with . or .. as parts of them, nor with backslashes.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_mean_others_are_refused() {
        for path in ["/a/../b", "/..", "/a/.", "/%2e%2E/b", "/.%2e/", "/a\\..\\b"] {
            assert!(hidden(path).is_some(), "{path}");
        }
        for path in ["/", "//", "/a..b", "/...", "/a/.well-known", "/a%2fb", "/%252e%252e/"] {
            assert!(hidden(path).is_none(), "{path}");
        }
    }
}
