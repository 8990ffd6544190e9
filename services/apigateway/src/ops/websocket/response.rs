//! What Create-, Get-, Get…s, Update- and Delete- `RouteResponse` and `IntegrationResponse` have in common: all but what a response
//! says.

use std::sync::Arc;

use kv::Read;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::{check_kind, find};
use crate::ApiGateway;
use crate::error::Error;
use crate::model::http::{api, deployment};
use crate::model::websocket::response::{self, Responses};
use crate::ops::http::Items;
use crate::ops::{self, Empty};

/// A kind of response, as operations have it.
pub trait Response: response::Response + Send + Sync + 'static {
    /// What an operation says of one: absent members are left as they are.
    type Said: DeserializeOwned + Default + Send + Sync + 'static;
    type Shown: Serialize + From<Self> + Send;

    const TABLE: Responses<Self>;

    /// Refuses what cannot be said.
    fn check(said: &Self::Said) -> Result<(), Error>;

    /// Refuses what is no part of the API that can have responses.
    fn check_parent(read: &dyn Read, api: &str, id: &str) -> Result<(), Error>;

    fn made(id: String, said: &Self::Said) -> Result<Self, Error>;

    #[must_use]
    fn changed(self, said: &Self::Said) -> Self;
}

/// A response as requests name it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Name {
    pub api_id: String,
    /// The route or the integration.
    #[serde(alias = "routeId", alias = "integrationId")]
    pub of: String,
    #[serde(alias = "routeResponseId", alias = "integrationResponseId")]
    pub id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Input<S> {
    #[serde(flatten)]
    pub name: Name,
    #[serde(flatten)]
    pub said: S,
}

pub async fn create<R: Response>(_: Arc<ApiGateway>, cx: Cx, input: Input<R::Said>) -> Result<R::Shown, Error> {
    R::check(&input.said)?;
    let made = R::made(ops::part_id(&cx), &input.said)?;
    store(&cx, input.name, move |_| Ok(made.clone())).await
}

pub async fn update<R: Response>(_: Arc<ApiGateway>, cx: Cx, input: Input<R::Said>) -> Result<R::Shown, Error> {
    R::check(&input.said)?;
    let Input { name, said } = input;
    store(&cx, name, move |found: &dyn Fn() -> Result<R, Error>| Ok(found()?.changed(&said))).await
}

/// Stores the response that `make` makes, possibly of the one that is there, and deploys.
async fn store<R: Response>(
    cx: &Cx,
    name: Name,
    make: impl Fn(&dyn Fn() -> Result<R, Error>) -> Result<R, Error> + Send + 'static,
) -> Result<R::Shown, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(cx));
    let stored = cx.db().write(move |tx| {
        let api = check_kind(api::find(tx, &region, &name.api_id)?)?;
        R::check_parent(tx, &api.id, &name.of)?;
        let of = (api.id.as_str(), name.of.as_str());
        let made = make(&|| response::find(tx, &R::TABLE, of, &name.id))?;
        response::put(tx, &R::TABLE, of, &made)?;
        deployment::automatic(tx, now, &api, &deployment)?;
        Ok::<_, Error>(made)
    });
    Ok(stored.await?.into())
}

pub async fn get<R: Response>(_: Arc<ApiGateway>, cx: Cx, name: Name) -> Result<R::Shown, Error> {
    find(&cx, &name.api_id)?;
    Ok(response::find(&cx.db().read()?, &R::TABLE, (&name.api_id, &name.of), &name.id)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    #[serde(flatten)]
    pub name: Name,
    /// Text in the model.
    pub max_results: Option<String>,
    pub next_token: Option<String>,
}

pub async fn list<R: Response>(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<R::Shown>, Error> {
    let Name { api_id, of, .. } = &input.name;
    find(&cx, api_id)?;
    let read = cx.db().read()?;
    R::check_parent(&read, api_id, of)?;
    let all = response::list(&read, &R::TABLE, (api_id, of))?;
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete<R: Response>(_: Arc<ApiGateway>, cx: Cx, name: Name) -> Result<Empty, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    cx.db()
        .write(move |tx| {
            let api = check_kind(api::find(tx, &region, &name.api_id)?)?;
            response::delete(tx, &R::TABLE, (&api.id, &name.of), &name.id)?;
            deployment::automatic(tx, now, &api, &deployment)
        })
        .await?;
    Ok(Empty {})
}
