//! CreateStage, GetStage, GetStages, UpdateStage, DeleteStage, DeleteRouteSettings, DeleteAccessLogSettings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::http::{api, stage};
use crate::ops::access_log::{self, AccessLogShape};
use crate::ops::{self, Empty, resource, validate_length, validate_stage_name, validate_variables};
use crate::types::Texts;
use crate::types::http::{RouteThrottle, Stage};

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
    pub default_route_settings: Option<RouteSettings>,
    pub route_settings: Option<BTreeMap<String, RouteSettings>>,
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
pub struct RouteSettings {
    /// Of WebSocket APIs alone: the server's own log tells what there is to tell.
    #[serde(skip_serializing)]
    pub data_trace_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detailed_metrics_enabled: Option<bool>,
    /// The same.
    #[serde(skip_serializing)]
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
    pub default_route_settings: RouteSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub last_updated_date: String,
    pub route_settings: BTreeMap<String, RouteSettings>,
    pub stage_name: String,
    pub stage_variables: Texts,
    pub tags: Texts,
}

impl From<RouteThrottle> for RouteSettings {
    fn from(throttle: RouteThrottle) -> RouteSettings {
        RouteSettings {
            throttling_burst_limit: throttle.burst,
            throttling_rate_limit: throttle.rate,
            ..RouteSettings::default()
        }
    }
}

impl From<&RouteSettings> for RouteThrottle {
    fn from(settings: &RouteSettings) -> RouteThrottle {
        RouteThrottle { burst: settings.throttling_burst_limit, rate: settings.throttling_rate_limit }
    }
}

fn throttles(routes: BTreeMap<String, RouteSettings>) -> BTreeMap<String, RouteThrottle> {
    routes.iter().map(|(route, settings)| (route.clone(), settings.into())).collect()
}

impl From<Stage> for StageOutput {
    fn from(stage: Stage) -> StageOutput {
        StageOutput {
            access_log_settings: stage.access_log.map(AccessLogShape::from),
            api_gateway_managed: stage.managed,
            auto_deploy: stage.auto_deploy,
            created_date: stage.created.iso8601(),
            default_route_settings: RouteSettings {
                detailed_metrics_enabled: Some(stage.detailed_metrics.unwrap_or(false)),
                ..RouteSettings::from(stage.throttle)
            },
            deployment_id: stage.deployment,
            description: stage.description,
            last_updated_date: stage.updated.iso8601(),
            route_settings: stage.throttles.into_iter().map(|(route, throttle)| (route, throttle.into())).collect(),
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
    let throttle = input.default_route_settings.as_ref().map(RouteThrottle::from);
    let mut stage = Stage {
        name: input.stage_name,
        deployment: input.deployment_id,
        auto_deploy: input.auto_deploy.unwrap_or(false),
        description: input.description,
        variables: input.stage_variables.unwrap_or_default(),
        detailed_metrics: input.default_route_settings.and_then(|settings| settings.detailed_metrics_enabled),
        created: cx.now(),
        updated: cx.now(),
        tags: Texts::new(),
        managed: false,
        throttle: throttle.unwrap_or_default(),
        throttles: input.route_settings.map(throttles).unwrap_or_default(),
        access_log: input.access_log_settings.and_then(AccessLogShape::log),
    };
    check_log(&stage, &cx)?;
    crate::model::tag(&mut stage.tags, &input.tags)?;
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    let made = cx.db().write(move |tx| {
        let api = api::find(tx, &region, &input.api_id)?;
        validate_stage_name(&stage.name, api.websocket.is_none())?;
        stage::create(tx, now, &api, &stage, &deployment)
    });
    Ok(made.await?.into())
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<StageOutput, Error> {
    check(&input)?;
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    let of = cx.clone();
    let changed = cx.db().write(move |tx| {
        let api = api::find(tx, &region, &input.api_id)?;
        stage::update(tx, now, &api, &input.stage_name, &deployment, |stage| {
            apply(stage, &input)?;
            check_log(stage, &of)
        })
    });
    Ok(changed.await?.into())
}

fn check_log(stage: &Stage, cx: &Cx) -> Result<(), Error> {
    let log = stage.access_log.as_ref();
    log.map_or(Ok(()), |log| access_log::check(log, cx.account().as_str(), cx.region().as_str()))
}

fn apply(stage: &mut Stage, input: &StageInput) -> Result<(), Error> {
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
        stage.throttle = settings.into();
    }
    if let Some(routes) = &input.route_settings {
        stage.throttles.extend(throttles(routes.clone()));
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
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    Ok(stage::find(&read, &input.api_id, &input.stage_name)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<StageOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    let all = stage::list(&read, &input.api_id)?;
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
