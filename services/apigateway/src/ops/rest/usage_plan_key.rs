//! CreateUsagePlanKey, GetUsagePlanKey, GetUsagePlanKeys, DeleteUsagePlanKey.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::Items;
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api_key, usage_plan};
use crate::ops::{self, Empty};
use crate::types::usage::ApiKey;

/// The one type of keys that plans have.
const API_KEY: &str = "API_KEY";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyInput {
    pub usage_plan_id: String,
    pub key_id: String,
    pub key_type: String,
}

#[derive(Debug, Serialize)]
pub struct KeyOutput {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

fn shown(state: &ApiGateway, key: ApiKey) -> Result<KeyOutput, Error> {
    let value = super::api_key::value(state, &key)?;
    Ok(KeyOutput { id: key.id, kind: API_KEY, value, name: key.name })
}

pub async fn create(state: Arc<ApiGateway>, cx: Cx, input: KeyInput) -> Result<KeyOutput, Error> {
    if input.key_type != API_KEY {
        return Err(Error::bad("Invalid keyType specified: API_KEY is expected"));
    }
    let region = cx.region().to_string();
    let key = cx.db().write(move |tx| usage_plan::add_key(tx, &region, &input.usage_plan_id, &input.key_id)).await?;
    shown(&state, key)
}

pub async fn get(state: Arc<ApiGateway>, cx: Cx, input: KeyInput) -> Result<KeyOutput, Error> {
    let read = cx.db().read()?;
    shown(&state, usage_plan::find_key(&read, cx.region().as_str(), &input.usage_plan_id, &input.key_id)?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub usage_plan_id: String,
    pub position: Option<String>,
    pub limit: Option<usize>,
    /// The beginning of names.
    pub name_query: Option<String>,
}

pub async fn list(state: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<KeyOutput>, Error> {
    let (read, region) = (cx.db().read()?, cx.region().as_str());
    let ids = match usage_plan::find(&read, region, &input.usage_plan_id) {
        Ok(_) => usage_plan::keys(&read, &input.usage_plan_id)?,
        // A plan that is not there has no keys, on AWS.
        Err(Error::NotFound(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut all = ids.iter().map(|id| api_key::find(&read, region, id)).collect::<Result<Vec<_>, _>>()?;
    if let Some(start) = &input.name_query {
        all.retain(|key| key.name.as_deref().is_some_and(|name| name.starts_with(start.as_str())));
    }
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    let item = page.into_iter().map(|key| shown(&state, key)).collect::<Result<_, _>>()?;
    Ok(Items { position, item })
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: KeyInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| usage_plan::remove_key(tx, &region, &input.usage_plan_id, &input.key_id)).await?;
    Ok(Empty {})
}
