//! What API Gateway stores.

pub mod http;
pub mod rest;

use std::collections::BTreeMap;

/// Texts by name: tags, variables, parameters.
pub type Texts = BTreeMap<String, String>;
