//! What WebSocket APIs have besides the routes, stages and deployments of HTTP APIs.

pub mod deployment;
pub mod integration;
pub mod response;
