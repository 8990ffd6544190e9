//! CreateRoute, GetRoute, GetRoutes, UpdateRoute, DeleteRoute.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::keys::HTTP_AUTHORIZERS;
use crate::limits;
use crate::model::authorizer;
use crate::model::http::{api, deployment, route};
use crate::ops::{self, Empty, authorization, validate_length};
use crate::route_key;
use crate::types::authorizer::{Authorization, AuthorizationKind};
use crate::types::http::Route;

/// CreateRoute's input, and UpdateRoute's: absent members are left as they are.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteInput {
    pub api_id: String,
    pub route_id: String,
    pub route_key: Option<String>,
    pub target: Option<String>,
    pub operation_name: Option<String>,
    pub authorization_type: Option<String>,
    pub authorizer_id: Option<String>,
    pub authorization_scopes: Option<Vec<String>>,
    pub api_key_required: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteOutput {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub api_gateway_managed: bool,
    pub api_key_required: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_scopes: Vec<String>,
    pub authorization_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_name: Option<String>,
    pub route_id: String,
    pub route_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl From<Route> for RouteOutput {
    fn from(route: Route) -> RouteOutput {
        RouteOutput {
            api_gateway_managed: route.managed,
            api_key_required: false,
            authorization_scopes: route.authorization.scopes,
            authorization_type: route.authorization.kind.word(),
            authorizer_id: route.authorization.authorizer,
            operation_name: route.operation_name,
            route_id: route.id,
            route_key: route.key,
            target: route.integration.map(|id| format!("integrations/{id}")),
        }
    }
}

/// How routes of HTTP APIs are closed.
const AUTHORIZATIONS: [AuthorizationKind; 4] =
    [AuthorizationKind::None, AuthorizationKind::Iam, AuthorizationKind::Custom, AuthorizationKind::Jwt];

impl RouteInput {
    fn authorization(&self, before: Authorization) -> Result<Authorization, Error> {
        let kind =
            self.authorization_type.as_deref().map(|word| authorization::kind(word, &AUTHORIZATIONS)).transpose()?;
        authorization::changed(before, kind, self.authorizer_id.clone(), self.authorization_scopes.clone())
    }
}

fn check_supported(input: &RouteInput) -> Result<(), Error> {
    if input.api_key_required {
        return Err(Error::bad("API keys are not supported for HTTP APIs"));
    }
    validate_length("operationName", input.operation_name.as_deref(), limits::VARIABLE_NAME_CHARACTERS_MAX)
}

fn integration(target: &str) -> Result<String, Error> {
    let id = target.strip_prefix("integrations/").filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| Error::bad(format!("Invalid target: {target}. integrations/ID is expected")))
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: RouteInput) -> Result<RouteOutput, Error> {
    check_supported(&input)?;
    let authorization = input.authorization(Authorization::default())?;
    let key = input.route_key.unwrap_or_default();
    route_key::validate(&key)?;
    let route = Route {
        id: ops::part_id(&cx),
        key,
        integration: input.target.as_deref().map(integration).transpose()?,
        operation_name: input.operation_name,
        authorization,
        managed: false,
    };
    store(&cx, input.api_id, move |_| Ok(route.clone())).await
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: RouteInput) -> Result<RouteOutput, Error> {
    check_supported(&input)?;
    input.route_key.as_deref().map_or(Ok(()), route_key::validate)?;
    let target = input.target.as_deref().map(integration).transpose()?;
    let api = input.api_id.clone();
    store(&cx, api, move |found| {
        let route = found(&input.route_id)?;
        Ok(Route {
            key: input.route_key.clone().unwrap_or(route.key),
            integration: target.clone().or(route.integration),
            operation_name: input.operation_name.clone().or(route.operation_name),
            authorization: input.authorization(route.authorization)?,
            ..route
        })
    })
    .await
}

/// Stores the route that `make` makes, possibly of one that is there, and deploys.
async fn store(
    cx: &Cx,
    api: String,
    make: impl Fn(&dyn Fn(&str) -> Result<Route, Error>) -> Result<Route, Error> + Send + 'static,
) -> Result<RouteOutput, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(cx));
    let route = cx.db().write(move |tx| {
        let api = api::find(tx, &region, &api)?;
        let route = make(&|id| route::find(tx, &api.id, id))?;
        authorizer::check(tx, &HTTP_AUTHORIZERS, &api.id, &route.authorization)?;
        route::put(tx, &api.id, &route)?;
        deployment::automatic(tx, now, &api, &deployment)?;
        Ok::<_, Error>(route)
    });
    Ok(route.await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteName {
    pub api_id: String,
    pub route_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: RouteName) -> Result<RouteOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    Ok(route::find(&read, &input.api_id, &input.route_id)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<RouteOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    let all = route::list(&read, &input.api_id)?;
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: RouteName) -> Result<Empty, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    cx.db()
        .write(move |tx| {
            let api = api::find(tx, &region, &input.api_id)?;
            route::delete(tx, &api.id, &input.route_id)?;
            deployment::automatic(tx, now, &api, &deployment)
        })
        .await?;
    Ok(Empty {})
}
