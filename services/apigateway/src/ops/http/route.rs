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
use crate::types::http::{Api, Route};

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
    pub api_key_required: Option<bool>,
    // Of WebSocket APIs alone.
    pub route_response_selection_expression: Option<String>,
    pub model_selection_expression: Option<serde_json::Value>,
    pub request_models: Option<serde_json::Value>,
    pub request_parameters: Option<serde_json::Value>,
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
    pub route_response_selection_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl From<Route> for RouteOutput {
    fn from(route: Route) -> RouteOutput {
        RouteOutput {
            api_gateway_managed: route.managed,
            api_key_required: route.api_key_required,
            authorization_scopes: route.authorization.scopes,
            authorization_type: route.authorization.kind.word(),
            authorizer_id: route.authorization.authorizer,
            operation_name: route.operation_name,
            route_id: route.id,
            route_key: route.key,
            route_response_selection_expression: route.response_selection,
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

/// What a route says, new or changed, is what the routes of its API's kind may say.
fn check_route(api: &Api, route: &Route) -> Result<(), Error> {
    match &api.websocket {
        Some(_) => websocket_route(route),
        None if route.api_key_required => Err(Error::bad("API keys are not supported for HTTP APIs")),
        None if route.response_selection.is_some() => {
            Err(Error::bad("Route responses are not supported for HTTP APIs"))
        }
        None => route_key::validate(&route.key),
    }
}

fn websocket_route(route: &Route) -> Result<(), Error> {
    route_key::validate_websocket(&route.key)?;
    match route.authorization.kind {
        AuthorizationKind::None => {}
        AuthorizationKind::Iam | AuthorizationKind::Custom if route.key == route_key::CONNECT => {}
        AuthorizationKind::Jwt | AuthorizationKind::Pools => {
            return Err(Error::bad("Invalid authorization type specified. Must be one of [NONE, AWS_IAM, CUSTOM]"));
        }
        AuthorizationKind::Iam | AuthorizationKind::Custom => {
            return Err(Error::bad("Currently, authorization is restricted to the $connect route only"));
        }
    }
    match route.response_selection.as_deref() {
        None | Some(route_key::DEFAULT) => Ok(()),
        Some(other) => Err(Error::bad(format!("The route response selection expression is $default, not {other}"))),
    }
}

fn check_supported(input: &RouteInput) -> Result<(), Error> {
    let given = |value: &Option<serde_json::Value>| {
        value.as_ref().is_some_and(|value| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty()))
    };
    let unsupported = [
        ("modelSelectionExpression", given(&input.model_selection_expression)),
        ("requestModels", given(&input.request_models)),
        ("requestParameters", given(&input.request_parameters)),
    ];
    if let Some((what, _)) = unsupported.iter().find(|(_, asked)| *asked) {
        return Err(Error::not_implemented(format!("{what} of a route")));
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
    let route = Route {
        id: ops::part_id(&cx),
        key,
        integration: input.target.as_deref().map(integration).transpose()?,
        operation_name: input.operation_name,
        authorization,
        managed: false,
        api_key_required: input.api_key_required.unwrap_or(false),
        response_selection: input.route_response_selection_expression.filter(|text| !text.is_empty()),
    };
    store(&cx, input.api_id, move |_| Ok(route.clone())).await
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: RouteInput) -> Result<RouteOutput, Error> {
    check_supported(&input)?;
    let target = input.target.as_deref().map(integration).transpose()?;
    let api = input.api_id.clone();
    store(&cx, api, move |found| {
        let route = found(&input.route_id)?;
        Ok(Route {
            key: input.route_key.clone().unwrap_or(route.key),
            integration: target.clone().or(route.integration),
            operation_name: input.operation_name.clone().or(route.operation_name),
            authorization: input.authorization(route.authorization)?,
            api_key_required: input.api_key_required.unwrap_or(route.api_key_required),
            response_selection: match &input.route_response_selection_expression {
                Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
                None => route.response_selection,
            },
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
        check_route(&api, &route)?;
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
