//! Amazon API Gateway: REST APIs, HTTP APIs and WebSocket APIs, and the traffic of their users.

mod bindings;
mod connections;
mod connections_service;
mod document;
mod domains;
mod error;
mod front;
mod http_service;
mod identity;
mod integration;
mod keys;
mod limits;
mod model;
mod not_implemented;
mod ops;
mod parameters;
mod rest_service;
mod roles;
mod route_key;
mod route_selection;
mod routes;
mod schema;
mod selection;
mod subtype;
#[cfg(test)]
mod tests;
mod types;
mod workers;

use std::sync::Arc;

use outbound::Outbound;
use service::Service;
use vault::Vault;

use connections::Connections;
pub use domains::Domains;
pub use error::Error;
use front::access_log::Journal;
use front::authorize::{Issuers, Results};
use front::cache::Caches;
use front::throttle::Buckets;

/// The state in memory of all APIs: the routes of what is deployed, who was let in, what was answered, and who is connected.
pub struct ApiGateway {
    rest: routes::cache::Cache<routes::rest::Routes>,
    http: routes::cache::Cache<routes::http::Routes>,
    websocket: routes::cache::Cache<routes::websocket::Routes>,
    connections: Arc<Connections>,
    issuers: Issuers,
    results: Results,
    buckets: Buckets,
    caches: Caches,
    journal: Journal,
    domains: Domains,
    outbound: Outbound,
    vault: Vault,
}

/// `apigateway` (REST APIs, and the front for the users of all kinds) and `apigatewayv2` (HTTP and WebSocket APIs), which share
/// the signing name `apigateway`, and `apigatewaymanagementapi` (connections to WebSocket APIs). The keys of issuers of tokens
/// are fetched with `outbound`, and what is behind URLs is asked with it; values of API keys are sealed with `vault`; `domains`
/// are the custom domains that there are.
pub fn services(outbound: Outbound, vault: Vault, domains: Domains) -> [Service; 3] {
    services_of(state(outbound, vault, domains))
}

fn state(outbound: Outbound, vault: Vault, domains: Domains) -> Arc<ApiGateway> {
    let (rest, http, websocket, connections, results, buckets) = Default::default();
    let issuers = Issuers::new(outbound.clone());
    Arc::new(ApiGateway {
        rest,
        http,
        websocket,
        connections,
        issuers,
        results,
        buckets,
        caches: Caches::default(),
        journal: Journal::new(limits::ACCESS_LOG_BYTES_MAX),
        domains,
        outbound,
        vault,
    })
}

fn services_of(state: Arc<ApiGateway>) -> [Service; 3] {
    [rest_service::service(state.clone()), http_service::service(state.clone()), connections_service::service(state)]
}
