//! CreateStage, GetStage, GetStages, UpdateStage, DeleteStage, FlushStageCache.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::canary::{self, CanaryShape};
use super::deployment::check_supported;
use super::patch::{self, Op, Patch, PatchOperation};
use super::usage_plan;
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, stage};
use crate::ops::{Empty, validate_stage_name, validate_variables};
use crate::types::Texts;
use crate::types::rest::Stage;
use crate::types::usage::Throttle;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub stage_name: String,
    pub deployment_id: String,
    pub description: Option<String>,
    pub cache_cluster_enabled: bool,
    pub variables: Texts,
    pub canary_settings: Option<CanaryShape>,
    pub tags: Texts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MethodSetting {
    pub metrics_enabled: bool,
    pub data_trace_enabled: bool,
    pub throttling_burst_limit: u32,
    pub throttling_rate_limit: f64,
    pub caching_enabled: bool,
}

impl From<Throttle> for MethodSetting {
    fn from(throttle: Throttle) -> MethodSetting {
        MethodSetting {
            metrics_enabled: false,
            data_trace_enabled: false,
            throttling_burst_limit: throttle.burst,
            throttling_rate_limit: throttle.rate,
            caching_enabled: false,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageOutput {
    pub deployment_id: String,
    pub stage_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub cache_cluster_enabled: bool,
    pub cache_cluster_status: &'static str,
    pub method_settings: BTreeMap<String, MethodSetting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_settings: Option<CanaryShape>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub variables: Texts,
    pub tracing_enabled: bool,
    pub tags: Texts,
    pub created_date: DateTime,
    pub last_updated_date: DateTime,
}

impl From<Stage> for StageOutput {
    fn from(stage: Stage) -> StageOutput {
        StageOutput {
            deployment_id: stage.deployment,
            stage_name: stage.name,
            description: stage.description,
            cache_cluster_enabled: false,
            cache_cluster_status: "NOT_AVAILABLE",
            method_settings: stage.throttles.into_iter().map(|(method, throttle)| (method, throttle.into())).collect(),
            canary_settings: stage.canary.map(CanaryShape::from),
            variables: stage.variables,
            tracing_enabled: false,
            tags: stage.tags,
            created_date: stage.created.into(),
            last_updated_date: stage.updated.into(),
        }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<StageOutput, Error> {
    validate_stage_name(&input.stage_name, false)?;
    validate_variables(&input.variables)?;
    check_supported(input.cache_cluster_enabled)?;
    let canary = input.canary_settings.map(|shape| shape.canary(&input.deployment_id)).transpose()?;
    let mut stage = Stage {
        name: input.stage_name,
        deployment: input.deployment_id,
        description: input.description,
        variables: input.variables,
        created: cx.now(),
        updated: cx.now(),
        tags: Texts::new(),
        throttles: BTreeMap::new(),
        canary,
    };
    crate::model::tag(&mut stage.tags, &input.tags)?;
    let (stored, region) = (stage.clone(), cx.region().to_string());
    cx.db().write(move |tx| stage::create(tx, &region, &input.rest_api_id, &stored)).await?;
    Ok(stage.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StageInput {
    pub rest_api_id: String,
    pub stage_name: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<StageOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    Ok(stage::find(&read, &input.rest_api_id, &input.stage_name)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub rest_api_id: String,
    pub deployment_id: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct ListOutput {
    pub item: Vec<StageOutput>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let mut stages = stage::list(&read, &input.rest_api_id)?;
    stages.retain(|stage| input.deployment_id.as_ref().is_none_or(|id| stage.deployment == *id));
    Ok(ListOutput { item: stages.into_iter().map(StageOutput::from).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub rest_api_id: String,
    pub stage_name: String,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<StageOutput, Error> {
    let patches = patch::parse_with_copies(input.patch_operations)?;
    let (region, now) = (cx.region().to_string(), cx.now());
    let change = move |stage: &mut Stage| {
        patches.iter().try_for_each(|patch| apply(stage, patch))?;
        validate_variables(&stage.variables)
    };
    let names = (input.rest_api_id, input.stage_name);
    let stage = cx.db().write(move |tx| stage::update(tx, now, &region, (&names.0, &names.1), &change)).await?;
    Ok(stage.into())
}

fn apply(stage: &mut Stage, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Copy, _) => canary::promote(stage, patch)?,
        (_, ["canarySettings", rest @ ..]) => canary::apply(stage, rest, patch)?,
        (Op::Replace, ["deploymentId"]) => stage.deployment = patch.value.clone(),
        (_, ["description"]) => stage.description = patch.text(),
        (Op::Remove, ["variables", name]) => {
            stage.variables.remove(*name);
        }
        (_, ["variables", name]) => {
            stage.variables.insert((*name).to_owned(), patch.value.clone());
        }
        (Op::Remove, [path, method]) => drop(stage.throttles.remove(&format!("{path}/{method}"))),
        (_, [path, method, "throttling", member]) => {
            let key = format!("{path}/{method}");
            if stage.throttles.len() >= limits::THROTTLES_PER_STAGE_MAX && !stage.throttles.contains_key(&key) {
                return Err(Error::LimitExceeded(format!(
                    "A stage can throttle {} methods at most",
                    limits::THROTTLES_PER_STAGE_MAX
                )));
            }
            // What nobody has said yet is what an account has on AWS.
            let throttle = stage.throttles.entry(key).or_insert(Throttle { burst: 5_000, rate: 10_000.0 });
            usage_plan::set(throttle, member, patch)?;
        }
        _ => return Err(patch.unsupported()),
    }
    Ok(())
}

/// Stages have no caches: what was forgotten is what there is.
pub async fn flush_cache(_: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<Empty, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    stage::find(&read, &input.rest_api_id, &input.stage_name)?;
    Ok(Empty {})
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| stage::delete(tx, &region, &input.rest_api_id, &input.stage_name)).await?;
    Ok(Empty {})
}
