//! Models of a REST API's bodies, and what says whether requests are held to them, as they are stored.

use serde::{Deserialize, Serialize};

use crate::keys::Id;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub id: Id,
    pub name: String,
    pub description: Option<String>,
    /// As its owner wrote it.
    pub schema: String,
    pub content_type: String,
}
kv::stored!(Model, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validator {
    pub id: Id,
    pub name: Option<String>,
    pub body: bool,
    pub parameters: bool,
}
kv::stored!(Validator, version = 1);
