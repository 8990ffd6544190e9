//! ImportApi, ReimportApi, ExportApi.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Cx, Permission};
use wire::Blob;

use super::api::ApiOutput;
use crate::ApiGateway;
use crate::document::http::Plan;
use crate::document::http_export::{self, Route};
use crate::document::{self, BasePath, Document};
use crate::error::Error;
use crate::front::address;
use crate::keys::HTTP_AUTHORIZERS;
use crate::model::authorizer;
use crate::model::http::{api, deployment, import, route, stage};
use crate::ops::import::{ASIDE, Aside};
use crate::ops::{self, resource};
use crate::roles;
use crate::types::http::Api;

const MODEL: &str = "apigatewayv2";

/// ImportApi's input, and ReimportApi's.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportInput {
    pub api_id: String,
    pub body: String,
    pub basepath: Option<String>,
    pub fail_on_warnings: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportOutput {
    #[serde(flatten)]
    api: ApiOutput,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl ImportInput {
    fn plan(&self) -> Result<Plan, Error> {
        if self.body.is_empty() {
            return Err(Error::bad("Body is required: an OpenAPI document"));
        }
        Plan::of(&Document::parse(&self.body)?, BasePath::parse(self.basepath.as_deref())?)
    }
}

/// What an import needs besides its own action, without which nobody has a document read: to give away the roles that it names.
///
/// # Errors
/// When the caller may not import at all.
pub fn permissions(cx: &Cx, input: &ImportInput, path: &str) -> Result<Vec<Permission>, service::Error> {
    cx.authorize(&Permission::new(ops::PUT, resource(cx, path)))?;
    // What is wrong with a document, the operation says.
    let plan = input.plan().ok();
    let roles = plan.iter().flat_map(Plan::roles).filter_map(|role| roles::pass(Some(role)));
    Ok(roles.collect())
}

pub async fn import(_: Arc<ApiGateway>, cx: Cx, input: ImportInput) -> Result<ImportOutput, Error> {
    let plan = input.plan()?;
    document::check_warnings(&plan.warnings, input.fail_on_warnings)?;
    let id = aside(&cx, &plan).await?;
    let (region, made) = (cx.region().to_string(), id.clone());
    let published = cx.db().write(move |tx| import::publish(tx, ASIDE, &made, &region)).await;
    finished(&cx, published, plan, id).await
}

pub async fn reimport(_: Arc<ApiGateway>, cx: Cx, input: ImportInput) -> Result<ImportOutput, Error> {
    check_http(&api::find(&cx.db().read()?, cx.region().as_str(), &input.api_id)?)?;
    let plan = input.plan()?;
    document::check_warnings(&plan.warnings, input.fail_on_warnings)?;
    let id = aside(&cx, &plan).await?;
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    let (target, made) = (input.api_id, id.clone());
    let replaced =
        cx.db().write(move |tx| import::replace(tx, now, (ASIDE, &made), (&region, &target), &deployment)).await;
    finished(&cx, replaced, plan, id).await
}

/// Documents know no routes of messages.
fn check_http(api: &Api) -> Result<(), Error> {
    match &api.websocket {
        Some(_) => Err(Error::bad("WebSocket APIs have no OpenAPI documents: HTTP APIs are imported and exported")),
        None => Ok(()),
    }
}

async fn finished(cx: &Cx, result: Result<Api, Error>, plan: Plan, id: String) -> Result<ImportOutput, Error> {
    match result {
        Ok(api) => Ok(ImportOutput { api: ApiOutput::new(cx, api), warnings: plan.warnings }),
        Err(error) => {
            Aside::new(cx, MODEL).discard("DeleteApi", json!({ "apiId": id })).await;
            Err(error)
        }
    }
}

/// Makes the API of a plan aside; its id.
async fn aside(cx: &Cx, plan: &Plan) -> Result<String, Error> {
    let now = cx.now();
    cx.db().write(move |tx| import::sweep(tx, now, ASIDE)).await?;
    let aside = Aside::new(cx, MODEL);
    let made = aside.call("CreateApi", "create the API", plan.api.clone()).await?;
    let id = made["apiId"].as_str().unwrap_or_default().to_owned();
    match parts(&aside, &id, plan).await {
        Ok(()) => Ok(id),
        Err(error) => {
            aside.discard("DeleteApi", json!({ "apiId": id })).await;
            Err(error)
        }
    }
}

async fn parts(aside: &Aside, id: &str, plan: &Plan) -> Result<(), Error> {
    let of = |mut members: Value| {
        members["apiId"] = json!(id);
        members
    };
    let mut authorizers = Vec::new();
    for wanted in &plan.authorizers {
        let name = wanted["name"].as_str().unwrap_or_default();
        let made = aside.call("CreateAuthorizer", &format!("create authorizer '{name}'"), of(wanted.clone())).await?;
        authorizers.push((name, made["authorizerId"].clone()));
    }
    let mut integrations = Vec::new();
    for (index, wanted) in plan.integrations.iter().enumerate() {
        let route = plan.routes.iter().find(|route| route.integration == Some(index));
        let what = format!("create integration for route '{}'", route.map_or("", |route| &route.key));
        let made = aside.call("CreateIntegration", &what, of(wanted.clone())).await?;
        integrations.push(made["integrationId"].as_str().unwrap_or_default().to_owned());
    }
    for route in &plan.routes {
        let mut wanted = json!({"routeKey": route.key, "authorizationType": route.authorization});
        if let Some(integration) = route.integration.and_then(|index| integrations.get(index)) {
            wanted["target"] = json!(format!("integrations/{integration}"));
        }
        if let Some(name) = &route.operation_name {
            wanted["operationName"] = json!(name);
        }
        if let Some((_, id)) = authorizers.iter().find(|(name, _)| route.authorizer.as_deref() == Some(name)) {
            wanted["authorizerId"] = id.clone();
            wanted["authorizationScopes"] = json!(route.scopes);
        }
        aside.call("CreateRoute", &format!("create route '{}'", route.key), of(wanted)).await?;
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportInput {
    pub api_id: String,
    pub specification: String,
    pub output_type: String,
    pub export_version: Option<String>,
    pub include_extensions: Option<bool>,
    pub stage_name: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct ExportOutput {
    pub body: Blob,
}

pub async fn export(_: Arc<ApiGateway>, cx: Cx, input: ExportInput) -> Result<ExportOutput, Error> {
    if input.specification != "OAS30" {
        return Err(Error::bad(format!("Invalid specification: {}. Must be one of [OAS30]", input.specification)));
    }
    let is_yaml = match input.output_type.to_ascii_uppercase().as_str() {
        "YAML" => true,
        "JSON" => false,
        other => return Err(Error::bad(format!("Invalid outputType: {other}. Must be one of [JSON, YAML]"))),
    };
    if input.export_version.as_deref().is_some_and(|version| version != "1.0") {
        return Err(Error::bad("Invalid exportVersion: 1.0 is the only one"));
    }
    let read = cx.db().read()?;
    let api = api::find(&read, cx.region().as_str(), &input.api_id)?;
    check_http(&api)?;
    let (routes, cors) = match &input.stage_name {
        Some(stage) => deployed(&read, &api, stage)?,
        None => (current(&read, &api.id)?, api.cors.clone()),
    };
    let stage = input.stage_name.filter(|stage| stage != "$default").map(|stage| format!("/{stage}"));
    let url = format!("{}{}", address::url(cx.endpoint(), &api.id), stage.unwrap_or_default());
    let extensions = input.include_extensions.unwrap_or(true);
    let document = http_export::document(http_export::Wanted { api: &api, cors, routes, url, extensions });
    Ok(ExportOutput { body: Blob::from(document::written(&document, is_yaml).into_bytes()) })
}

/// The routes as they are now.
fn current(read: &kv::Snap, api: &str) -> Result<Vec<Route>, Error> {
    let mut routes = Vec::new();
    for route in route::list(read, api)? {
        let integration = route.integration.as_deref().map(|id| route::integration(read, api, id)).transpose()?;
        let authorizer = match &route.authorization.authorizer {
            Some(id) => Some(authorizer::find(read, &HTTP_AUTHORIZERS, api, id)?),
            None => None,
        };
        let (key, operation_name, authorization) = (route.key, route.operation_name, route.authorization);
        routes.push(Route { key, operation_name, integration, authorization, authorizer });
    }
    sorted(&mut routes);
    Ok(routes)
}

/// The routes that a stage serves.
fn deployed(read: &kv::Snap, api: &Api, name: &str) -> Result<(Vec<Route>, Option<crate::types::http::Cors>), Error> {
    let stage = stage::find(read, &api.id, name)?;
    let Some(id) = stage.deployment else { return Err(Error::bad(format!("The stage {name} has no deployment"))) };
    let served = deployment::deployed(read, &api.id, &id)?;
    let routes = served.routes.into_iter().map(|route| Route {
        key: route.key,
        operation_name: None,
        integration: route.integration,
        authorization: route.authorization,
        authorizer: route.authorizer,
    });
    let mut routes: Vec<Route> = routes.collect();
    sorted(&mut routes);
    Ok((routes, served.cors))
}

/// The same API is written the same way each time.
fn sorted(routes: &mut [Route]) {
    let path = |route: &Route| route.key.split_once(' ').map_or(String::new(), |(_, path)| path.to_owned());
    routes.sort_by(|a, b| (path(a), &a.key).cmp(&(path(b), &b.key)));
}
