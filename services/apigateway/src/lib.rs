//! Amazon API Gateway: REST APIs and HTTP APIs, and the traffic of their users.

mod bindings;
mod error;
mod front;
mod http_service;
mod integration;
mod keys;
mod limits;
mod model;
mod ops;
mod rest_service;
mod route_key;
mod routes;
#[cfg(test)]
mod tests;
mod types;

use std::sync::Arc;

use service::Service;

pub use error::Error;

/// The state in memory of both APIs: the routes of what is deployed.
#[derive(Default)]
pub struct ApiGateway {
    rest: routes::cache::Cache<routes::rest::Routes>,
    http: routes::cache::Cache<routes::http::Routes>,
}

/// `apigateway` (REST APIs, and the front for the users of both kinds) and `apigatewayv2` (HTTP APIs). They share the
/// signing name `apigateway`.
pub fn services() -> [Service; 2] {
    let state = Arc::new(ApiGateway::default());
    [rest_service::service(state.clone()), http_service::service(state)]
}
