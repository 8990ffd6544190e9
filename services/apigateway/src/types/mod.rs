//! What API Gateway stores.

pub mod account;
pub mod authorizer;
pub mod documentation;
pub mod domain;
pub mod gateway;
pub mod http;
pub mod model;
pub mod rest;
pub mod stage;
#[cfg(test)]
mod tests;
pub mod usage;
pub mod websocket;

use std::collections::BTreeMap;

/// Texts by name: tags, variables, parameters.
pub type Texts = BTreeMap<String, String>;
