//! What API Gateway stores.

pub mod authorizer;
pub mod http;
pub mod rest;
pub mod usage;
pub mod websocket;

use std::collections::BTreeMap;

/// Texts by name: tags, variables, parameters.
pub type Texts = BTreeMap<String, String>;
