//! HTTP APIs, and what WebSocket APIs have in common with them (`apigatewayv2`).

pub mod api;
pub mod authorizer;
pub mod deployment;
pub mod document;
pub mod domain;
pub mod integration;
pub mod mapping;
pub mod route;
pub mod stage;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits;

/// A list, with the token of what comes after it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Items<T> {
    pub items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl<T> Items<T> {
    /// The page of `all` that was asked for.
    pub fn page<U: Into<T>>(all: Vec<U>, token: Option<&str>, wanted: Option<&str>) -> Result<Items<T>, Error> {
        let wanted = wanted.map(str::parse).transpose().map_err(|_| Error::bad("MaxResults must be a number"))?;
        let sizes = (limits::HTTP_PAGE_MAX, limits::HTTP_PAGE_MAX);
        let (page, next_token) = super::page(all, token, wanted, sizes)?;
        Ok(Items { items: page.into_iter().map(U::into).collect(), next_token })
    }
}

/// A request that names nothing but an API.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiInput {
    pub api_id: String,
}

/// A request for a page of an API's parts.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub api_id: String,
    /// Text in the model.
    pub max_results: Option<String>,
    pub next_token: Option<String>,
}
