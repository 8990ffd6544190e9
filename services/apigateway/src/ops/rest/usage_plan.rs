//! CreateUsagePlan, GetUsagePlan, GetUsagePlans, UpdateUsagePlan, DeleteUsagePlan.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::Items;
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::usage_plan;
use crate::ops::{self, Empty, validate_length};
use crate::types::Texts;
use crate::types::usage::{Period, PlanStage, Quota, Throttle, UsagePlan};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ThrottleShape {
    pub burst_limit: u32,
    pub rate_limit: f64,
}

impl From<Throttle> for ThrottleShape {
    fn from(throttle: Throttle) -> ThrottleShape {
        ThrottleShape { burst_limit: throttle.burst, rate_limit: throttle.rate }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct QuotaShape {
    pub limit: u64,
    pub offset: u32,
    pub period: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StageShape {
    pub api_id: String,
    pub stage: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub throttle: BTreeMap<String, ThrottleShape>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub name: String,
    pub description: Option<String>,
    pub api_stages: Vec<StageShape>,
    pub throttle: Option<ThrottleShape>,
    pub quota: Option<QuotaShape>,
    pub tags: Texts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanOutput {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub api_stages: Vec<StageShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_code: Option<String>,
    pub tags: Texts,
}

impl From<UsagePlan> for PlanOutput {
    fn from(plan: UsagePlan) -> PlanOutput {
        PlanOutput {
            id: plan.id,
            name: plan.name,
            description: plan.description,
            api_stages: plan.stages.into_iter().map(StageShape::from).collect(),
            throttle: plan.throttle.map(ThrottleShape::from),
            quota: plan.quota.map(QuotaShape::from),
            product_code: plan.product_code,
            tags: plan.tags,
        }
    }
}

impl From<PlanStage> for StageShape {
    fn from(stage: PlanStage) -> StageShape {
        let throttle = stage.throttle.into_iter().map(|(method, throttle)| (method, throttle.into())).collect();
        StageShape { api_id: stage.api, stage: stage.stage, throttle }
    }
}

impl From<Quota> for QuotaShape {
    fn from(quota: Quota) -> QuotaShape {
        QuotaShape { limit: quota.limit, offset: quota.offset, period: word(quota.period).into() }
    }
}

fn word(period: Period) -> &'static str {
    match period {
        Period::Day => "DAY",
        Period::Week => "WEEK",
        Period::Month => "MONTH",
    }
}

fn period(word: &str) -> Result<Period, Error> {
    match word {
        "DAY" => Ok(Period::Day),
        "WEEK" => Ok(Period::Week),
        "MONTH" => Ok(Period::Month),
        _ => Err(Error::bad("Invalid quota period specified. Must be one of [DAY, WEEK, MONTH]")),
    }
}

pub fn throttle(shape: ThrottleShape) -> Result<Throttle, Error> {
    if !shape.rate_limit.is_finite() || shape.rate_limit < 0.0 {
        return Err(Error::bad("Usage Plan throttle rate limit must be a positive number"));
    }
    Ok(Throttle { burst: shape.burst_limit, rate: shape.rate_limit })
}

/// Also checks the offset, by the days that a period has.
fn check_quota(quota: &Quota) -> Result<(), Error> {
    let (last, words, name) = match quota.period {
        Period::Day => (0, "zero", "DAY"),
        Period::Week => (6, "between zero and six inclusive", "WEEK"),
        Period::Month => (27, "between zero and twenty-seven inclusive", "MONTH"),
    };
    if quota.limit == 0 {
        return Err(Error::bad("Usage Plan quota limit must be greater than zero"));
    }
    if quota.offset > last {
        return Err(Error::bad(format!("Usage Plan quota offset must be {words} in the {name} period")));
    }
    Ok(())
}

fn validate(plan: &UsagePlan) -> Result<(), Error> {
    if plan.name.is_empty() {
        return Err(Error::bad("Usage Plan name cannot be empty"));
    }
    validate_length("name", Some(&plan.name), limits::NAME_CHARACTERS_MAX)?;
    validate_length("description", plan.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)?;
    if plan.stages.len() > limits::PLAN_STAGES_MAX {
        return Err(Error::bad(format!("A usage plan can have {} stages at most", limits::PLAN_STAGES_MAX)));
    }
    plan.quota.as_ref().map_or(Ok(()), check_quota)
}

fn stage(shape: StageShape) -> Result<PlanStage, Error> {
    let throttles = shape.throttle.into_iter().map(|(method, shape)| Ok((method, throttle(shape)?)));
    Ok(PlanStage { api: shape.api_id, stage: shape.stage, throttle: throttles.collect::<Result<_, Error>>()? })
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<PlanOutput, Error> {
    let quota = input.quota.map(|shape| {
        Ok::<_, Error>(Quota { limit: shape.limit, offset: shape.offset, period: period(&shape.period)? })
    });
    let mut plan = UsagePlan {
        id: ops::part_id(&cx),
        region: cx.region().to_string(),
        name: input.name,
        description: input.description,
        stages: input.api_stages.into_iter().map(stage).collect::<Result<_, _>>()?,
        throttle: input.throttle.map(throttle).transpose()?,
        quota: quota.transpose()?,
        product_code: None,
        tags: Texts::new(),
    };
    validate(&plan)?;
    crate::model::tag(&mut plan.tags, &input.tags)?;
    let stored = plan.clone();
    cx.db().write(move |tx| usage_plan::put(tx, &stored)).await?;
    Ok(plan.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanInput {
    pub usage_plan_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: PlanInput) -> Result<PlanOutput, Error> {
    Ok(usage_plan::find(&cx.db().read()?, cx.region().as_str(), &input.usage_plan_id)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub position: Option<String>,
    pub limit: Option<usize>,
    /// Only plans of this key.
    pub key_id: Option<String>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<PlanOutput>, Error> {
    let read = cx.db().read()?;
    let all = match &input.key_id {
        Some(key) => usage_plan::plans_of(&read, key)?,
        None => usage_plan::list(&read, cx.region().as_str())?,
    };
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: page.into_iter().map(PlanOutput::from).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub usage_plan_id: String,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<PlanOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let changed = cx.db().write(move |tx| {
        let mut plan = usage_plan::find(tx, &region, &input.usage_plan_id)?;
        patches.iter().try_for_each(|patch| apply(&mut plan, patch))?;
        validate(&plan)?;
        usage_plan::put(tx, &plan).map(|()| plan)
    });
    Ok(changed.await?.into())
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateUsagePlan-Patch>
fn apply(plan: &mut UsagePlan, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["name"]) => plan.name = patch.value.clone(),
        (_, ["description"]) => plan.description = patch.text(),
        (_, ["productCode"]) => plan.product_code = patch.text(),
        (Op::Remove, ["throttle"]) => plan.throttle = None,
        (_, ["throttle", member]) => set(plan.throttle.get_or_insert_default(), member, patch)?,
        (Op::Remove, ["quota"]) => plan.quota = None,
        (_, ["quota", member]) => {
            let quota = plan.quota.get_or_insert(Quota { limit: 0, offset: 0, period: Period::Day });
            match *member {
                "limit" => quota.limit = patch.number()?,
                "offset" => quota.offset = patch.number()?,
                "period" => quota.period = period(&patch.value)?,
                _ => return Err(patch.unsupported()),
            }
        }
        (Op::Add, ["apiStages"]) => {
            let (api, stage) = named(&patch.value)?;
            if plan.stages.iter().any(|known| known.api == api && known.stage == stage) {
                return Err(Error::Conflict("The specified API Stage is already in this usage plan".into()));
            }
            plan.stages.push(PlanStage { api, stage, throttle: BTreeMap::new() });
        }
        (Op::Remove, ["apiStages"]) => {
            let (api, stage) = named(&patch.value)?;
            let found = plan.stages.iter().position(|known| known.api == api && known.stage == stage);
            let id = &plan.id;
            let index = found.ok_or_else(|| {
                Error::NotFound(format!(
                    "Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {id}"
                ))
            })?;
            plan.stages.remove(index);
        }
        (op, ["apiStages", name, "throttle", rest @ ..]) => {
            let (api, stage) = named(name)?;
            let found = plan.stages.iter_mut().find(|known| known.api == api && known.stage == stage);
            let stage = found.ok_or_else(|| Error::NotFound("The API stage is not in this usage plan".into()))?;
            match (op, rest) {
                (Op::Remove, []) => stage.throttle.clear(),
                (Op::Remove, [path, method]) => drop(stage.throttle.remove(&format!("{path}/{method}"))),
                (_, [path, method, member]) => {
                    set(stage.throttle.entry(format!("{path}/{method}")).or_default(), member, patch)?;
                }
                _ => return Err(patch.unsupported()),
            }
        }
        _ => return Err(patch.unsupported()),
    }
    Ok(())
}

/// Sets one member of a throttle.
pub fn set(throttle: &mut Throttle, member: &str, patch: &Patch) -> Result<(), Error> {
    match member {
        "burstLimit" => throttle.burst = patch.number()?,
        "rateLimit" => {
            let rate: f64 = patch.number()?;
            if !rate.is_finite() || rate < 0.0 {
                return Err(Error::bad("A rate limit must be a positive number"));
            }
            throttle.rate = rate;
        }
        _ => return Err(patch.unsupported()),
    }
    Ok(())
}

/// An API and a stage of `api:stage`.
fn named(text: &str) -> Result<(String, String), Error> {
    let named = text.split_once(':').filter(|(api, stage)| !api.is_empty() && !stage.is_empty());
    let (api, stage) = named.ok_or_else(|| Error::bad("Invalid API Stage specified"))?;
    Ok((api.to_owned(), stage.to_owned()))
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: PlanInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| usage_plan::delete(tx, &region, &input.usage_plan_id)).await?;
    Ok(Empty {})
}
