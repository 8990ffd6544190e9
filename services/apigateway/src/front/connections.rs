//! Requests about a connection, below the stage of its API: signed, and answered by the operations on connections.

use std::borrow::Cow;

use ::http::{Method, Response};
use proxy::Incoming;
use service::{Body, Cx, WireRequest};
use wire::Protocol;

use super::authorize::{peer, verify};
use super::problem::Problem;
use super::refusal;
use crate::connections_service::MODEL;
use crate::error::Error;
use crate::keys::HTTP_APIS;

/// The connection that a request names.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub api: String,
    pub stage: String,
    /// Percent-encoded.
    pub id: String,
}

impl Named {
    /// Reads the path within a stage: `/@connections/{id}`.
    pub fn of(api: &str, stage: &str, path: &str) -> Option<Named> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let (mark, id) = (parts.next()?, parts.next()?);
        let fits = matches!(mark, "@connections" | "%40connections") && parts.next().is_none();
        (fits && !id.is_empty()).then(|| Named { api: api.to_owned(), stage: stage.to_owned(), id: id.to_owned() })
    }
}

pub async fn serve(cx: &Cx, incoming: Incoming, named: Named) -> Result<Response<Body>, Error> {
    let api = HTTP_APIS.get(&cx.db().read()?, &named.api)?.filter(|api| api.websocket.is_some());
    let Some(api) = api else { return Ok(refusal::forbidden().map(Body::from)) };
    let signer = match verify(cx, &incoming, &api.region) {
        Ok(signer) => signer,
        Err(refused) => return Ok(refusal::problem(&Problem::from(refused)).map(Body::from)),
    };
    let name = match incoming.method {
        Method::POST => "PostToConnection",
        Method::GET => "GetConnection",
        Method::DELETE => "DeleteConnection",
        _ => return Ok(refusal::problem(&Problem::missing_token()).map(Body::from)),
    };
    let services = cx.cloud().services().iter();
    let operation = services.filter(|service| service.api.model == MODEL).find_map(|service| service.operation(name));
    let Some(operation) = operation else { return Err(Error::not_implemented(name)) };
    let cx = cx.with_caller(signer.caller).in_region(&api.region).from_peer(peer(&incoming));
    let labels = [("connectionId", named.id), ("apiId", named.api), ("stageName", named.stage)];
    let request = WireRequest {
        protocol: Protocol::RestJson,
        labels: labels.map(|(name, text)| (name, Cow::Owned(text))).into(),
        path: incoming.path,
        query: incoming.query,
        headers: incoming.headers,
        body: incoming.body,
        upload: None,
        params: None,
    };
    Ok(operation.serve(cx, request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_named_below_their_stage() {
        let named = |path: &str| Named::of("a", "dev", path).map(|named| format!("{} {}", named.stage, named.id));
        assert_eq!(named("/@connections/x%3D").as_deref(), Some("dev x%3D"));
        assert_eq!(named("/%40connections/x=").as_deref(), Some("dev x="));
        for path in ["/", "/@connections", "/@connections/", "/@connections/a/b", "/dev/@connections/a"] {
            assert_eq!(named(path), None, "{path}");
        }
    }
}
