//! CreateStage, GetStage, GetStages, UpdateStage, DeleteStage, FlushStageCache.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use wire::DateTime;

use super::canary::{self, CanaryShape};
use super::method_settings::{self, MethodSetting};
use super::patch::{self, Op, Patch, PatchOperation};
use super::{account, cache};
use crate::ApiGateway;
use crate::error::Error;
use crate::model::rest::{api, stage};
use crate::ops::access_log::{self, AccessLogShape};
use crate::ops::{Empty, PATCH, resource, validate_stage_name, validate_variables};
use crate::types::Texts;
use crate::types::rest::Stage;
use crate::types::stage::AccessLog;

/// Where a patch names a stage's log group.
const DESTINATION: &str = "/accessLogSettings/destinationArn";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub stage_name: String,
    pub deployment_id: String,
    pub description: Option<String>,
    pub cache_cluster_enabled: Option<bool>,
    pub cache_cluster_size: Option<String>,
    pub variables: Texts,
    pub documentation_version: Option<String>,
    pub canary_settings: Option<CanaryShape>,
    pub tracing_enabled: bool,
    pub tags: Texts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageOutput {
    pub deployment_id: String,
    pub stage_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log_settings: Option<AccessLogShape>,
    pub cache_cluster_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_cluster_size: Option<String>,
    pub cache_cluster_status: &'static str,
    pub method_settings: BTreeMap<String, MethodSetting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_settings: Option<CanaryShape>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub variables: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_version: Option<String>,
    pub tracing_enabled: bool,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub tags: Texts,
    pub created_date: DateTime,
    pub last_updated_date: DateTime,
}

impl From<Stage> for StageOutput {
    fn from(stage: Stage) -> StageOutput {
        let is_cached = stage.cache.as_ref().is_some_and(|cache| cache.enabled);
        StageOutput {
            method_settings: method_settings::shown(&stage),
            deployment_id: stage.deployment,
            stage_name: stage.name,
            description: stage.description,
            access_log_settings: stage.access_log.map(AccessLogShape::from),
            cache_cluster_enabled: is_cached,
            cache_cluster_size: stage.cache.map(|cache| cache.size),
            cache_cluster_status: if is_cached { "AVAILABLE" } else { "NOT_AVAILABLE" },
            canary_settings: stage.canary.map(CanaryShape::from),
            variables: stage.variables,
            documentation_version: stage.documentation,
            tracing_enabled: stage.tracing,
            tags: stage.tags,
            created_date: stage.created.into(),
            last_updated_date: stage.updated.into(),
        }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<StageOutput, Error> {
    validate_stage_name(&input.stage_name, false)?;
    validate_variables(&input.variables)?;
    let canary = input.canary_settings.map(|shape| shape.canary(&input.deployment_id)).transpose()?;
    let mut stage = Stage {
        description: input.description,
        variables: input.variables,
        canary,
        documentation: input.documentation_version.filter(|name| !name.is_empty()),
        cache: cache::cluster(input.cache_cluster_enabled, input.cache_cluster_size)?,
        tracing: input.tracing_enabled,
        ..Stage::new(input.stage_name, input.deployment_id, cx.now())
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

impl UpdateInput {
    /// To change the stage, and to let API Gateway write its log, where the region has no role that has to be let in itself.
    pub fn permissions(&self, cx: &Cx) -> Result<Vec<Permission>, Error> {
        let path = format!("/restapis/{}/stages/{}", self.rest_api_id, self.stage_name);
        let own = Permission::new(PATCH, resource(cx, &path));
        let destinations = self.patch_operations.iter().filter_map(|patch| patch.value_at(DESTINATION));
        let has_role = account::find(&cx.db().read()?, cx.region().as_str())?.log_role.is_some();
        let logs = destinations.filter(|_| !has_role).filter_map(|arn| access_log::permission(Some(arn)));
        Ok([own].into_iter().chain(logs).collect())
    }
}

pub async fn update(state: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<StageOutput, Error> {
    let destination = input.patch_operations.iter().filter_map(|patch| patch.value_at(DESTINATION)).next_back();
    let destination = destination.map(str::to_owned);
    let patches = patch::parse_with_copies(input.patch_operations)?;
    let (region, account, now) = (cx.region().to_string(), cx.account().to_string(), cx.now());
    let names = (input.rest_api_id, input.stage_name);
    let (api, name) = names.clone();
    // The role may be taken back later: who relied on it has no log then.
    let may = |permission: Permission| cx.authorize(&Permission { strict: true, ..permission }).is_ok();
    let needs_role = destination.map(|arn| !access_log::permission(Some(&arn)).is_none_or(may));
    let stage = cx.db().write(move |tx| {
        stage::update(tx, now, &region, (&names.0, &names.1), |stage: &mut Stage| {
            patches.iter().try_for_each(|patch| apply(stage, patch))?;
            if let (Some(log), Some(needs_role)) = (&mut stage.access_log, needs_role) {
                log.needs_role = needs_role;
            }
            // What was only begun to be said is no log yet.
            stage.access_log = stage.access_log.take().filter(|log| *log != AccessLog::default());
            stage.access_log.as_ref().map_or(Ok(()), |log| access_log::check_begun(log, &account, &region))?;
            validate_variables(&stage.variables)
        })
    });
    let stage = stage.await?;
    if stage.cache.as_ref().is_none_or(|cache| !cache.enabled) {
        state.caches.forget(&api, &name);
    }
    Ok(stage.into())
}

fn apply(stage: &mut Stage, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Copy, _) => canary::promote(stage, patch)?,
        (_, ["canarySettings", rest @ ..]) => canary::apply(stage, rest, patch)?,
        (Op::Replace, ["deploymentId"]) => stage.deployment = patch.value.clone(),
        (_, ["description"]) => stage.description = patch.text(),
        (Op::Replace, ["documentationVersion"]) => stage.documentation = patch.text(),
        (Op::Remove, ["variables", name]) => {
            stage.variables.remove(*name);
        }
        (_, ["variables", name]) => {
            stage.variables.insert((*name).to_owned(), patch.value.clone());
        }
        (Op::Remove, ["accessLogSettings"]) => stage.access_log = None,
        (Op::Add | Op::Replace, ["accessLogSettings", rest @ ..]) => {
            let log = stage.access_log.get_or_insert_default();
            let member = match rest {
                ["destinationArn"] => &mut log.destination,
                ["format"] => &mut log.format,
                _ => {
                    return Err(Error::bad(
                        "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]",
                    ));
                }
            };
            *member = patch.text().ok_or_else(|| Error::bad("Access Log value must not be empty"))?;
        }
        (Op::Replace, ["tracingEnabled"]) => stage.tracing = patch.boolean()?,
        (Op::Remove, ["accessLogSettings", _]) => return Err(patch.nothing_to_remove()),
        (Op::Replace, ["cacheClusterEnabled"]) => {
            let enabled = patch.boolean()?;
            cache::change(&mut stage.cache, |cache| cache.enabled = enabled)?;
        }
        (Op::Replace, ["cacheClusterSize"]) => {
            cache::change(&mut stage.cache, |cache| cache.size.clone_from(&patch.value))?;
        }
        (Op::Remove, [path, method]) => method_settings::forget(stage, &format!("{path}/{method}")),
        (_, [path, method, group, member]) => {
            method_settings::set(stage, format!("{path}/{method}"), (group, member), patch)?;
        }
        _ => return Err(patch.unsupported()),
    }
    Ok(())
}

pub async fn flush_cache(state: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<Empty, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    stage::find(&read, &input.rest_api_id, &input.stage_name)?;
    state.caches.forget(&input.rest_api_id, &input.stage_name);
    Ok(Empty {})
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    let (api, name) = (input.rest_api_id.clone(), input.stage_name.clone());
    cx.db().write(move |tx| stage::delete(tx, &region, &input.rest_api_id, &input.stage_name)).await?;
    state.caches.forget(&api, &name);
    Ok(Empty {})
}
