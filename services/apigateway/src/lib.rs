//! Amazon API Gateway: REST APIs, HTTP APIs and WebSocket APIs, and the traffic of their users.

mod bindings;
mod connections;
mod connections_service;
mod error;
mod front;
mod http_service;
mod identity;
mod integration;
mod keys;
mod limits;
mod model;
mod ops;
mod plain_template;
mod rest_service;
mod route_key;
mod routes;
mod selection;
#[cfg(test)]
mod tests;
mod types;
mod workers;

use std::sync::Arc;

use outbound::Outbound;
use service::Service;
use vault::Vault;

use connections::Connections;
pub use error::Error;
use front::authorize::{Issuers, Results};
use front::throttle::Buckets;

/// The state in memory of all APIs: the routes of what is deployed, who was let in, and who is connected.
pub struct ApiGateway {
    rest: routes::cache::Cache<routes::rest::Routes>,
    http: routes::cache::Cache<routes::http::Routes>,
    websocket: routes::cache::Cache<routes::websocket::Routes>,
    connections: Arc<Connections>,
    issuers: Issuers,
    results: Results,
    buckets: Buckets,
    vault: Vault,
}

/// `apigateway` (REST APIs, and the front for the users of all kinds) and `apigatewayv2` (HTTP and WebSocket APIs), which share
/// the signing name `apigateway`, and `apigatewaymanagementapi` (connections to WebSocket APIs). The keys of issuers of tokens are fetched with `outbound`; values of API keys are sealed with
/// `vault`.
pub fn services(outbound: Outbound, vault: Vault) -> [Service; 3] {
    let (rest, http, websocket, connections, results, buckets) = Default::default();
    let issuers = Issuers::new(outbound);
    let state = Arc::new(ApiGateway { rest, http, websocket, connections, issuers, results, buckets, vault });
    [rest_service::service(state.clone()), http_service::service(state.clone()), connections_service::service(state)]
}
