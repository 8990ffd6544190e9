//! Amazon API Gateway: REST APIs and HTTP APIs, and the traffic of their users.

mod bindings;
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
mod ops;
mod parameters;
mod rest_service;
mod roles;
mod route_key;
mod routes;
mod selection;
mod subtype;
#[cfg(test)]
mod tests;
mod types;

use std::sync::Arc;

use outbound::Outbound;
use service::Service;
use vault::Vault;

pub use domains::Domains;
pub use error::Error;
use front::authorize::{Issuers, Results};
use front::throttle::Buckets;

/// The state in memory of both APIs: the routes of what is deployed, and who was let in.
pub struct ApiGateway {
    rest: routes::cache::Cache<routes::rest::Routes>,
    http: routes::cache::Cache<routes::http::Routes>,
    issuers: Issuers,
    results: Results,
    buckets: Buckets,
    domains: Domains,
    outbound: Outbound,
    vault: Vault,
}

/// `apigateway` (REST APIs, and the front for the users of both kinds) and `apigatewayv2` (HTTP APIs). They share the
/// signing name `apigateway`. The keys of issuers of tokens are fetched with `outbound`, and what is behind URLs is asked with it;
/// values of API keys are sealed with `vault`; `domains` are the custom domains that there are.
pub fn services(outbound: Outbound, vault: Vault, domains: Domains) -> [Service; 2] {
    let (rest, http, results, buckets) = Default::default();
    let issuers = Issuers::new(outbound.clone());
    let state = Arc::new(ApiGateway { rest, http, issuers, results, buckets, domains, outbound, vault });
    [rest_service::service(state.clone()), http_service::service(state)]
}
