//! ShiftTraffic, ShadowTraffic, ReturnTraffic: what is changed while a migration is under way. Each is in force once it is answered.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use service::Cx;

use super::migration::show;
use super::{method, share};
use crate::Migrate;
use crate::error::Error;
use crate::model::{self, Chosen};
use crate::types::Route;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ShiftInput {
    pub name: String,
    /// All routes, where there is none.
    pub path: Option<String>,
    pub method: Option<String>,
    /// Percent of the requests that go to functions.
    pub weight: f64,
}

pub async fn shift(migrate: Arc<Migrate>, cx: Cx, input: ShiftInput) -> Result<Value, Error> {
    let weight = share(input.weight, "Weight")?;
    let chosen = Chosen { path: input.path, method: method(input.method)? };
    change(&migrate, &cx, input.name, chosen, move |route| route.weight.now = weight).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ShadowInput {
    pub name: String,
    pub path: Option<String>,
    pub method: Option<String>,
    /// Percent of the requests of which the other side gets a copy.
    pub share: f64,
    /// Whether of requests that change something, too; as before, where there is none.
    pub r#unsafe: Option<bool>,
}

pub async fn shadow(migrate: Arc<Migrate>, cx: Cx, input: ShadowInput) -> Result<Value, Error> {
    let (shadow, also_unsafe) = (share(input.share, "Share")?, input.r#unsafe);
    let chosen = Chosen { path: input.path, method: method(input.method)? };
    let change_route = move |route: &mut Route| {
        route.shadow.now = shadow;
        route.shadow_unsafe = also_unsafe.unwrap_or(route.shadow_unsafe);
    };
    change(&migrate, &cx, input.name, chosen, change_route).await
}

async fn change(
    migrate: &Migrate,
    cx: &Cx,
    name: String,
    chosen: Chosen,
    change: impl Fn(&mut Route) + Send + Sync + 'static,
) -> Result<Value, Error> {
    let (now, region) = (cx.now(), cx.region().to_string());
    let changed = cx.db().write(move |tx| model::change(tx, now, (&region, &name), &chosen, &change)).await?;
    migrate.reread(cx.db())?;
    Ok(show(migrate, cx, &changed))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BackInput {
    pub name: String,
    /// Lets the routes decide again.
    pub undo: bool,
}

pub async fn back(migrate: Arc<Migrate>, cx: Cx, input: BackInput) -> Result<Value, Error> {
    let (now, region) = (cx.now(), cx.region().to_string());
    let changed = cx.db().write(move |tx| model::back(tx, now, &region, &input.name, !input.undo)).await?;
    migrate.reread(cx.db())?;
    Ok(show(&migrate, &cx, &changed))
}
