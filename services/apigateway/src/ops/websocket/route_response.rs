//! CreateRouteResponse, GetRouteResponse, GetRouteResponses, UpdateRouteResponse, DeleteRouteResponse.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{check_absent, check_kind, find, given};
use crate::ApiGateway;
use crate::error::Error;
use crate::keys::ROUTE_RESPONSES;
use crate::model::http::{api, deployment, route};
use crate::model::websocket::response;
use crate::ops::http::Items;
use crate::ops::{self, Empty};
use crate::route_key;
use crate::types::websocket::RouteResponse;

/// CreateRouteResponse's input, and UpdateRouteResponse's: absent members are left as they are.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseInput {
    pub api_id: String,
    pub route_id: String,
    pub route_response_id: String,
    pub route_response_key: Option<String>,
    pub model_selection_expression: Option<serde_json::Value>,
    pub response_models: Option<serde_json::Value>,
    pub response_parameters: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseOutput {
    pub route_response_id: String,
    pub route_response_key: String,
}

impl From<RouteResponse> for ResponseOutput {
    fn from(response: RouteResponse) -> ResponseOutput {
        ResponseOutput { route_response_id: response.id, route_response_key: response.key }
    }
}

fn check(input: &ResponseInput) -> Result<(), Error> {
    let unsupported = [
        ("modelSelectionExpression", given(input.model_selection_expression.as_ref())),
        ("responseModels", given(input.response_models.as_ref())),
        ("responseParameters", given(input.response_parameters.as_ref())),
    ];
    check_absent(&unsupported, "a route response")?;
    match input.route_response_key.as_deref() {
        None | Some(route_key::DEFAULT) => Ok(()),
        Some(other) => Err(Error::bad(format!("The key of a route response is $default, not {other}"))),
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<ResponseOutput, Error> {
    check(&input)?;
    let key = input.route_response_key.clone();
    let key = key.ok_or_else(|| Error::bad("RouteResponseKey is required: $default"))?;
    let made = RouteResponse { id: ops::part_id(&cx), key };
    store(&cx, input, move |_| Ok(made.clone())).await
}

/// There is nothing that can change, but whether the response is there is told.
pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: ResponseInput) -> Result<ResponseOutput, Error> {
    check(&input)?;
    let id = input.route_response_id.clone();
    store(&cx, input, move |found| found(&id)).await
}

/// Stores the response that `make` makes, possibly of one that is there, and deploys.
async fn store(
    cx: &Cx,
    input: ResponseInput,
    make: impl Fn(&dyn Fn(&str) -> Result<RouteResponse, Error>) -> Result<RouteResponse, Error> + Send + 'static,
) -> Result<ResponseOutput, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(cx));
    let stored = cx.db().write(move |tx| {
        let api = check_kind(api::find(tx, &region, &input.api_id)?)?;
        route::find(tx, &api.id, &input.route_id)?;
        let of = (api.id.as_str(), input.route_id.as_str());
        let made = make(&|id| response::find(tx, &ROUTE_RESPONSES, of, id))?;
        response::put(tx, &ROUTE_RESPONSES, of, &made)?;
        deployment::automatic(tx, now, &api, &deployment)?;
        Ok::<_, Error>(made)
    });
    Ok(stored.await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseName {
    pub api_id: String,
    pub route_id: String,
    pub route_response_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ResponseName) -> Result<ResponseOutput, Error> {
    find(&cx, &input.api_id)?;
    let of = (input.api_id.as_str(), input.route_id.as_str());
    Ok(response::find(&cx.db().read()?, &ROUTE_RESPONSES, of, &input.route_response_id)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub api_id: String,
    pub route_id: String,
    /// Text in the model.
    pub max_results: Option<String>,
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<ResponseOutput>, Error> {
    find(&cx, &input.api_id)?;
    let read = cx.db().read()?;
    route::find(&read, &input.api_id, &input.route_id)?;
    let all = response::list(&read, &ROUTE_RESPONSES, (&input.api_id, &input.route_id))?;
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: ResponseName) -> Result<Empty, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    cx.db()
        .write(move |tx| {
            let api = check_kind(api::find(tx, &region, &input.api_id)?)?;
            response::delete(tx, &ROUTE_RESPONSES, (&api.id, &input.route_id), &input.route_response_id)?;
            deployment::automatic(tx, now, &api, &deployment)
        })
        .await?;
    Ok(Empty {})
}
