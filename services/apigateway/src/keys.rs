//! Where API Gateway keeps what: the only file that decides on keys. A number, once used, is never given to another
//! table.
//!
//! An API is found by its id alone, in any region: that is all that a request of its users tells.

use kv::Table;
use service::prefix;

use crate::types::account::Account;
use crate::types::authorizer::Authorizer;
use crate::types::documentation::{Part, Version};
use crate::types::domain::{Domain, Mapping};
use crate::types::gateway::GatewayResponse;
use crate::types::model::{Model, Validator};
use crate::types::usage::{ApiKey, Extension, KeyId, Level, PlanKey, UsagePlan, Used};
use crate::types::{http, rest, websocket};

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

/// Of REST APIs.
pub const AUTHORIZERS: Table<(ApiId, Id), Authorizer> = Table::new(prefix::APIGATEWAY, 12);
/// The authorizers as they were when the deployment was made. Never changed.
pub const DEPLOYED_AUTHORIZERS: Table<(ApiId, Id, Id), Authorizer> = Table::new(prefix::APIGATEWAY, 13);
/// Of HTTP APIs.
pub const HTTP_AUTHORIZERS: Table<(ApiId, Id), Authorizer> = Table::new(prefix::APIGATEWAY, 14);

pub const API_KEYS: Table<Id, ApiKey> = Table::new(prefix::APIGATEWAY, 15);
/// By region and the SHA-256 of what clients send.
pub const API_KEY_VALUES: Table<(String, Vec<u8>), KeyId> = Table::new(prefix::APIGATEWAY, 16);
pub const USAGE_PLANS: Table<Id, UsagePlan> = Table::new(prefix::APIGATEWAY, 17);
/// A plan's keys.
pub const PLAN_KEYS: Table<(Id, Id), PlanKey> = Table::new(prefix::APIGATEWAY, 18);
/// A key's plans.
pub const PLANS_OF_KEY: Table<(Id, Id), PlanKey> = Table::new(prefix::APIGATEWAY, 19);
/// By plan, key and day (`2026-11-30`).
pub const USAGE: Table<(Id, Id, String), Used> = Table::new(prefix::APIGATEWAY, 20);
/// By what is throttled: a stage's method or route, or a key of a plan.
pub const LEVELS: Table<String, Level> = Table::new(prefix::APIGATEWAY, 21);

// Numbers from 40 on are of what stands between a REST API's methods and their integrations.
/// By name.
pub const MODELS: Table<(ApiId, String), Model> = Table::new(prefix::APIGATEWAY, 40);
pub const VALIDATORS: Table<(ApiId, Id), Validator> = Table::new(prefix::APIGATEWAY, 41);
/// By the kind of failure: `THROTTLED`.
pub const GATEWAY_RESPONSES: Table<(ApiId, String), GatewayResponse> = Table::new(prefix::APIGATEWAY, 42);
/// The same as they were when the deployment was made. Never changed.
pub const DEPLOYED_MODELS: Table<(ApiId, Id, String), Model> = Table::new(prefix::APIGATEWAY, 43);
pub const DEPLOYED_VALIDATORS: Table<(ApiId, Id, Id), Validator> = Table::new(prefix::APIGATEWAY, 44);
pub const DEPLOYED_GATEWAY_RESPONSES: Table<(ApiId, Id, String), GatewayResponse> = Table::new(prefix::APIGATEWAY, 45);
/// What a key of a plan was given beyond its quota.
pub const EXTENSIONS: Table<(Id, Id), Extension> = Table::new(prefix::APIGATEWAY, 46);
/// By region.
pub const ACCOUNTS: Table<String, Account> = Table::new(prefix::APIGATEWAY, 47);
/// Custom domains, by name: one has a name in any region.
pub const DOMAINS: Table<String, Domain> = Table::new(prefix::APIGATEWAY, 50);
/// By the domain's name.
pub const MAPPINGS: Table<(String, Id), Mapping> = Table::new(prefix::APIGATEWAY, 51);
/// What is said of a REST API's parts, and by name the versions of it.
pub const DOCUMENTATION_PARTS: Table<(ApiId, Id), Part> = Table::new(prefix::APIGATEWAY, 52);
pub const DOCUMENTATION_VERSIONS: Table<(ApiId, String), Version> = Table::new(prefix::APIGATEWAY, 53);
/// The parts as they were when the version was made. Never changed.
pub const DOCUMENTED: Table<(ApiId, String, Id), Part> = Table::new(prefix::APIGATEWAY, 54);
pub const WEBSOCKET_INTEGRATIONS: Table<(ApiId, Id), websocket::Integration> = Table::new(prefix::APIGATEWAY, 30);
/// By API, integration and id.
pub const INTEGRATION_RESPONSES: Table<(ApiId, Id, Id), websocket::IntegrationResponse> =
    Table::new(prefix::APIGATEWAY, 31);
/// By API, route and id.
pub const ROUTE_RESPONSES: Table<(ApiId, Id, Id), websocket::RouteResponse> = Table::new(prefix::APIGATEWAY, 32);
/// The routes of a WebSocket API as they were when the deployment was made. Never changed.
pub const WEBSOCKET_DEPLOYED: Table<(ApiId, Id), websocket::Deployed> = Table::new(prefix::APIGATEWAY, 33);
/// By the connection's id.
pub const ENDED: Table<String, websocket::Ended> = Table::new(prefix::APIGATEWAY, 34);
