//! Where API Gateway keeps what: the only file that decides on keys. A number, once used, is never given to another
//! table.
//!
//! An API is found by its id alone, in any region: that is all that a request of its users tells.

use kv::Table;
use service::prefix;

use crate::types::{http, rest};

/// Ten lower-case letters and digits.
pub type ApiId = String;
pub type Id = String;

pub const REST_APIS: Table<ApiId, rest::Api> = Table::new(prefix::APIGATEWAY, 1);
pub const RESOURCES: Table<(ApiId, Id), rest::Resource> = Table::new(prefix::APIGATEWAY, 2);
pub const DEPLOYMENTS: Table<(ApiId, Id), rest::Deployment> = Table::new(prefix::APIGATEWAY, 3);
/// The resources as they were when the deployment was made. Never changed.
pub const DEPLOYED: Table<(ApiId, Id, Id), rest::Resource> = Table::new(prefix::APIGATEWAY, 4);
/// By name.
pub const STAGES: Table<(ApiId, String), rest::Stage> = Table::new(prefix::APIGATEWAY, 5);

pub const HTTP_APIS: Table<ApiId, http::Api> = Table::new(prefix::APIGATEWAY, 6);
pub const ROUTES: Table<(ApiId, Id), http::Route> = Table::new(prefix::APIGATEWAY, 7);
pub const INTEGRATIONS: Table<(ApiId, Id), http::Integration> = Table::new(prefix::APIGATEWAY, 8);
pub const HTTP_DEPLOYMENTS: Table<(ApiId, Id), http::Deployment> = Table::new(prefix::APIGATEWAY, 9);
/// The routes as they were when the deployment was made. Never changed.
pub const HTTP_DEPLOYED: Table<(ApiId, Id), http::Deployed> = Table::new(prefix::APIGATEWAY, 10);
/// By name.
pub const HTTP_STAGES: Table<(ApiId, String), http::Stage> = Table::new(prefix::APIGATEWAY, 11);
