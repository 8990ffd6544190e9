//! A pool's own pages, on which its users sign in, and the endpoints of OAuth 2.0 beside them.
//!
//! ```text
//! /oauth2/authorize -> signed in already? -> the application, with a code or tokens
//!                   -> /login -> /challenge -> the application; on the way /signup, /confirm, /forgotPassword
//!                   -> another provider -> /oauth2/idpresponse -> the application
//! /oauth2/token     <- the application, with the code
//! ```
//!
//! No page needs a script but the one that asks for a passkey, and nothing is kept of who is on the way: the address of each page says what the application asked for, and
//! is read anew each time; what a step needs is sealed in its form.

mod account;
mod address;
mod authorize;
mod federation;
mod html;
mod page_session;
mod pages;
mod passkey;
mod provider;
mod reply;
mod sign_in;
mod token;
mod visit;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use service::{Body, BoxFuture, Cx, Front};

use crate::Cognito;
use crate::error::Error;
use crate::model::customization;

pub use address::{Hosts, learn_hosts, url};

use address::Address;
use html::{Notice, document, escaped};
use reply::{Halt, Reply};
use visit::Visit;

const STYLE: &str = include_str!("style.css");
/// What applications ask rather than browsers.
const APIS: [&str; 3] = ["/oauth2/token", "/oauth2/revoke", "/oauth2/userInfo"];

/// Answers everything on the domains of pools.
pub struct Pages(pub Arc<Cognito>);

impl Front for Pages {
    fn matches(&self, head: &Parts) -> bool {
        address::of(head, &self.0.hosts).is_some()
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let cognito = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Some(address) = address::of(&head, &cognito.hosts) else {
                return told("", Halt::page(StatusCode::NOT_FOUND, "There is no such page.")).map(Body::from);
            };
            let is_api = APIS.contains(&address.path.as_str());
            let is_secure = visit::is_secure(&cognito, &cx);
            let reply = match Visit::new(cognito, &cx, &address, &head, &body) {
                Ok(visit) => answer(visit, &address, &head.method, is_api).await,
                Err(halt) => Err(halt),
            };
            let mut reply = match reply {
                Ok(reply) => reply,
                Err(halt) if is_api => in_json(halt),
                Err(halt) => told(&address.root, halt),
            };
            if is_api {
                reply::for_any_origin(&mut reply);
            }
            if is_secure {
                reply::over_tls_alone(&mut reply);
            }
            reply.map(Body::from)
        })
    }
}

async fn answer(visit: Visit, address: &Address, method: &Method, is_api: bool) -> Result<Reply, Halt> {
    let seed = visit.fresh_seed().filter(|_| !is_api);
    let reply = match (method.as_str(), address.path.as_str()) {
        ("GET", "/oauth2/idpresponse") => federation::come_back(visit).await?,
        _ => routed(&visit, address, method).await?,
    };
    Ok(seed.iter().fold(reply, |reply, cookie| reply::with_cookie(reply, cookie)))
}

async fn routed(visit: &Visit, address: &Address, method: &Method) -> Result<Reply, Halt> {
    match (method.as_str(), address.path.as_str()) {
        ("GET", "/oauth2/authorize") => authorize::authorize(visit).await,
        ("POST", "/oauth2/token") => token::token(visit).await,
        ("POST", "/oauth2/revoke") => token::revoke(visit).await,
        ("GET" | "POST", "/oauth2/userInfo") => token::user_info(visit),
        ("OPTIONS", "/oauth2/token" | "/oauth2/revoke" | "/oauth2/userInfo") => Ok(Response::new(Bytes::new())),
        ("GET", "/logout") => authorize::logout(visit).await,
        ("GET", "/login") => sign_in::page(visit),
        ("POST", "/login") => sign_in::submit(visit).await,
        ("POST", "/challenge") => sign_in::answered(visit).await,
        ("GET", "/signup") => account::sign_up_page(visit),
        ("POST", "/signup") => account::sign_up(visit).await,
        ("GET", "/confirm") => account::confirm_page(visit),
        ("POST", "/confirm") => account::confirm(visit).await,
        ("POST", "/resendcode") => account::resend(visit).await,
        ("GET", "/forgotPassword") => account::forgot_page(visit),
        ("POST", "/forgotPassword") => account::forgot(visit).await,
        ("GET", "/confirmForgotPassword") => account::reset_page(visit),
        ("POST", "/confirmForgotPassword") => account::reset(visit).await,
        ("GET", "/passkey") => passkey::page(visit),
        ("POST", "/passkey") => passkey::submit(visit).await,
        ("GET", "/passkey.js") => Ok(reply::script(passkey::SCRIPT)),
        ("GET", "/style.css") => Ok(reply::css(STYLE)),
        ("GET", "/customized.css") => customized(visit),
        ("GET" | "POST" | "OPTIONS", path) if is_known(path) => {
            Err(Halt::page(StatusCode::METHOD_NOT_ALLOWED, "This page does not take such a request."))
        }
        _ => Err(Halt::page(StatusCode::NOT_FOUND, "There is no such page.")),
    }
}

/// Whether there is such a page, whatever it is asked.
fn is_known(path: &str) -> bool {
    matches!(
        path,
        "/oauth2/authorize"
            | "/oauth2/token"
            | "/oauth2/revoke"
            | "/oauth2/userInfo"
            | "/logout"
            | "/challenge"
            | "/resendcode"
    )
}

/// How pages look for a client.
fn customized(visit: &Visit) -> Result<Reply, Halt> {
    let read = visit.cx.db().read().map_err(Error::from)?;
    let found = customization::find(&read, &visit.pool.id, visit.query.text("client_id"))?;
    Ok(reply::css(found.map(|found| found.css).unwrap_or_default()))
}

/// What ended a request, as a page or on the way back to the application.
fn told(root: &str, halt: Halt) -> Reply {
    match halt {
        Halt::Back(url) => reply::redirect(&url),
        Halt::Page(status, text) => {
            let body = "<p class=\"more\">Go back to the application and try again from there.</p>";
            reply::html(status, document(&escaped(root), None, "This did not work", &Notice::Failed(text), body))
        }
    }
}

/// The same for applications.
fn in_json(halt: Halt) -> Reply {
    match halt {
        Halt::Back(url) => reply::redirect(&url),
        Halt::Page(status, text) => {
            let error = if status.is_server_error() { "server_error" } else { "invalid_request" };
            reply::json(status, &json!({"error": error, "error_description": text}))
        }
    }
}
