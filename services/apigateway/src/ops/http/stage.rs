//! CreateStage, GetStage, GetStages, UpdateStage, DeleteStage, DeleteRouteSettings, DeleteAccessLogSettings.

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::Read;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::http::{api, route, stage};
use crate::ops::access_log::{self, AccessLogShape};
use crate::ops::{self, Empty, resource, validate_length, validate_stage_name, validate_variables};
use crate::types::Texts;
use crate::types::http::{Api, RouteSettings, Stage};
use crate::types::stage::Logging;

/// CreateStage's input, and UpdateStage's: absent members are left as they are.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StageInput {
    pub api_id: String,
    pub stage_name: String,
    pub auto_deploy: Option<bool>,
    pub deployment_id: Option<String>,
    pub description: Option<String>,
    pub stage_variables: Option<Texts>,
    pub default_route_settings: Option<RouteSettingsShape>,
    pub route_settings: Option<BTreeMap<String, RouteSettingsShape>>,
    pub access_log_settings: Option<AccessLogShape>,
    pub tags: Texts,
}

impl StageInput {
    /// To make or change the stage, and to let API Gateway write its log.
    pub fn permissions(&self, cx: &Cx, action: &'static str, path: &str) -> Vec<Permission> {
        let destination = self.access_log_settings.as_ref().and_then(|log| log.destination_arn.as_deref());
        let own = Permission::new(action, resource(cx, path));
        [own].into_iter().chain(access_log::permission(destination)).collect()
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteSettingsShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_trace_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detailed_metrics_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_burst_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttling_rate_limit: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log_settings: Option<AccessLogShape>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub api_gateway_managed: bool,
    pub auto_deploy: bool,
    pub created_date: String,
    pub default_route_settings: RouteSettingsShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub last_updated_date: String,
    pub route_settings: BTreeMap<String, RouteSettingsShape>,
    pub stage_name: String,
    pub stage_variables: Texts,
    pub tags: Texts,
}

impl From<RouteSettings> for RouteSettingsShape {
    fn from(settings: RouteSettings) -> RouteSettingsShape {
        RouteSettingsShape {
            data_trace_enabled: settings.data_trace,
            detailed_metrics_enabled: settings.metrics,
            logging_level: settings.logging.map(|level| level.word().to_owned()),
            throttling_burst_limit: settings.burst,
            throttling_rate_limit: settings.rate,
        }
    }
}

impl RouteSettingsShape {
    /// What is kept of it. Only WebSocket APIs have execution logs, and so what those are to tell.
    ///
    /// # Errors
    /// For a level that is none, and for an HTTP API of which more is to be logged than nothing.
    fn settings(&self, api: &Api) -> Result<RouteSettings, Error> {
        let level = |word: &str| {
            let found = Logging::ALL.into_iter().find(|level| level.word() == word);
            found.ok_or_else(|| Error::bad("loggingLevel must be one of [OFF, ERROR, INFO]"))
        };
        let logging = self.logging_level.as_deref().map(level).transpose()?;
        let is_logged = self.data_trace_enabled == Some(true) || logging.is_some_and(|level| level != Logging::Off);
        let is_websocket = api.websocket.is_some();
        if is_logged && !is_websocket {
            return Err(Error::bad("Execution logs are not supported on protocolType HTTP"));
        }
        Ok(RouteSettings {
            burst: self.throttling_burst_limit,
            rate: self.throttling_rate_limit,
            metrics: self.detailed_metrics_enabled,
            data_trace: self.data_trace_enabled.filter(|_| is_websocket),
            logging: logging.filter(|_| is_websocket),
        })
    }
}

impl StageOutput {
    fn new(api: &Api, stage: Stage) -> StageOutput {
        let is_websocket = api.websocket.is_some();
        let default = RouteSettingsShape::from(stage.default_settings);
        StageOutput {
            access_log_settings: stage.access_log.map(AccessLogShape::from),
            api_gateway_managed: stage.managed,
            auto_deploy: stage.auto_deploy,
            created_date: stage.created.iso8601(),
            default_route_settings: RouteSettingsShape {
                data_trace_enabled: default.data_trace_enabled.or(is_websocket.then_some(false)),
                detailed_metrics_enabled: Some(stage.detailed_metrics.unwrap_or(false)),
                logging_level: default.logging_level.or(is_websocket.then(|| Logging::Off.word().to_owned())),
                ..default
            },
            deployment_id: stage.deployment,
            description: stage.description,
            last_updated_date: stage.updated.iso8601(),
            route_settings: stage.settings.into_iter().map(|(route, settings)| (route, settings.into())).collect(),
            stage_name: stage.name,
            stage_variables: stage.variables,
            tags: stage.tags,
        }
    }
}

fn check(input: &StageInput) -> Result<(), Error> {
    let settings = input.default_route_settings.clone().unwrap_or_default();
    let routes = input.route_settings.iter().flat_map(BTreeMap::values);
    let mut rates = routes.chain([&settings]).filter_map(|settings| settings.throttling_rate_limit);
    if rates.any(|rate| !rate.is_finite() || rate < 0.0) {
        return Err(Error::bad("throttlingRateLimit must be a positive number"));
    }
    if input.route_settings.as_ref().is_some_and(|routes| routes.len() > limits::THROTTLES_PER_STAGE_MAX) {
        return Err(Error::bad(format!("routeSettings can have {} routes at most", limits::THROTTLES_PER_STAGE_MAX)));
    }
    if input.auto_deploy == Some(true) && input.deployment_id.is_some() {
        return Err(Error::bad("Deployment ID cannot be set on a stage when AutoDeploy is enabled"));
    }
    validate_length("description", input.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)?;
    input.stage_variables.as_ref().map_or(Ok(()), validate_variables)
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<StageOutput, Error> {
    check(&input)?;
    let mut new = Stage::new(input.stage_name.clone(), cx.now());
    crate::model::tag(&mut new.tags, &input.tags)?;
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    let of = cx.clone();
    let made = cx.db().write(move |tx| {
        let api = api::find(tx, &region, &input.api_id)?;
        validate_stage_name(&input.stage_name, api.websocket.is_none())?;
        check_routes(tx, &api, &input)?;
        let mut stage = new.clone();
        apply(&mut stage, &api, &input)?;
        check_log(&stage, &of)?;
        Ok::<_, Error>(StageOutput::new(&api, stage::create(tx, now, &api, &stage, &deployment)?))
    });
    made.await
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<StageOutput, Error> {
    check(&input)?;
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    let of = cx.clone();
    let changed = cx.db().write(move |tx| {
        let api = api::find(tx, &region, &input.api_id)?;
        stage::find(tx, &api.id, &input.stage_name)?;
        check_routes(tx, &api, &input)?;
        let changed = stage::update(tx, now, &api, &input.stage_name, &deployment, |stage| {
            apply(stage, &api, &input)?;
            check_log(stage, &of)
        });
        Ok::<_, Error>(StageOutput::new(&api, changed?))
    });
    changed.await
}

/// What a stage says of single routes is about routes that are there.
fn check_routes(read: &impl Read, api: &Api, input: &StageInput) -> Result<(), Error> {
    let Some(settings) = &input.route_settings else { return Ok(()) };
    let routes = route::list(read, &api.id)?;
    match settings.keys().find(|key| !routes.iter().any(|route| route.key == **key)) {
        Some(key) => {
            Err(Error::NotFound(format!("Unable to find Route by key {key} within the provided RouteSettings")))
        }
        None => Ok(()),
    }
}

fn check_log(stage: &Stage, cx: &Cx) -> Result<(), Error> {
    let log = stage.access_log.as_ref();
    log.map_or(Ok(()), |log| access_log::check(log, cx.account().as_str(), cx.region().as_str()))
}

fn apply(stage: &mut Stage, api: &Api, input: &StageInput) -> Result<(), Error> {
    stage.auto_deploy = input.auto_deploy.unwrap_or(stage.auto_deploy);
    if stage.auto_deploy && input.deployment_id.is_some() {
        return Err(Error::bad("Deployment ID cannot be set on a stage when AutoDeploy is enabled"));
    }
    stage.deployment = input.deployment_id.clone().or(stage.deployment.take());
    stage.description = input.description.clone().or(stage.description.take());
    if let Some(variables) = &input.stage_variables {
        stage.variables = variables.clone();
    }
    if let Some(settings) = &input.default_route_settings {
        stage.detailed_metrics = settings.detailed_metrics_enabled;
        stage.default_settings = settings.settings(api)?;
    }
    for (key, settings) in input.route_settings.iter().flatten() {
        stage.settings.insert(key.clone(), settings.settings(api)?);
    }
    if let Some(shape) = &input.access_log_settings {
        let before = stage.access_log.take().map(AccessLogShape::from).unwrap_or_default();
        let after = AccessLogShape {
            destination_arn: shape.destination_arn.clone().or(before.destination_arn),
            format: shape.format.clone().or(before.format),
        };
        stage.access_log = after.log();
    }
    Ok(())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StageName {
    pub api_id: String,
    pub stage_name: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: StageName) -> Result<StageOutput, Error> {
    let read = cx.db().read()?;
    let api = api::find(&read, cx.region().as_str(), &input.api_id)?;
    Ok(StageOutput::new(&api, stage::find(&read, &input.api_id, &input.stage_name)?))
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<StageOutput>, Error> {
    let read = cx.db().read()?;
    let api = api::find(&read, cx.region().as_str(), &input.api_id)?;
    let all: Vec<_> =
        stage::list(&read, &input.api_id)?.into_iter().map(|stage| StageOutput::new(&api, stage)).collect();
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: StageName) -> Result<Empty, Error> {
    let (region, StageName { api_id, stage_name }) = (cx.region().to_string(), input.clone());
    cx.db()
        .write(move |tx| {
            api::find(tx, &region, &input.api_id)?;
            stage::delete(tx, &input.api_id, &input.stage_name)
        })
        .await?;
    state.connections.end_all(&api_id, Some(&stage_name));
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteSettingsName {
    pub api_id: String,
    pub stage_name: String,
    pub route_key: String,
}

pub async fn delete_route_settings(_: Arc<ApiGateway>, cx: Cx, input: RouteSettingsName) -> Result<Empty, Error> {
    let (now, region) = (cx.now(), cx.region().to_string());
    cx.db()
        .write(move |tx| {
            api::find(tx, &region, &input.api_id)?;
            stage::forget_route(tx, now, &input.api_id, &input.stage_name, &input.route_key)
        })
        .await?;
    Ok(Empty {})
}

pub async fn delete_access_log(_: Arc<ApiGateway>, cx: Cx, input: StageName) -> Result<Empty, Error> {
    let (now, region) = (cx.now(), cx.region().to_string());
    cx.db()
        .write(move |tx| {
            api::find(tx, &region, &input.api_id)?;
            stage::forget_log(tx, now, &input.api_id, &input.stage_name)
        })
        .await?;
    Ok(Empty {})
}
