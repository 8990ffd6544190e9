//! HTTP APIs: the API, its routes and integrations, its deployments and stages.

pub mod api;
pub mod deployment;
pub mod import;
pub mod route;
pub mod stage;
