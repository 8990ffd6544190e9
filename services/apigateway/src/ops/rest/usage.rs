//! GetUsage, UpdateUsage.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::usage_plan::{self, begin, days_between};
use crate::ops;
use crate::types::usage::{Extension, Quota, Used};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UsageInput {
    pub usage_plan_id: String,
    pub key_id: Option<String>,
    pub start_date: String,
    pub end_date: String,
    pub position: Option<String>,
    pub limit: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageOutput {
    pub usage_plan_id: String,
    pub start_date: String,
    pub end_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// By key, for each day: how many requests it used, and how many were left. The member is `values` on the wire.
    pub values: BTreeMap<String, Vec<[u64; 2]>>,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: UsageInput) -> Result<UsageOutput, Error> {
    usage(&cx, input)
}

fn usage(cx: &Cx, input: UsageInput) -> Result<UsageOutput, Error> {
    let date = |text: &str| {
        text.parse::<Date>().map_err(|_| Error::bad(format!("Invalid date: '{text}'. YYYY-MM-DD is expected")))
    };
    let (start, end) = (date(&input.start_date)?, date(&input.end_date)?);
    if !(0..limits::USAGE_DAYS).contains(&days_between(start, end)) {
        return Err(Error::bad(format!(
            "The end date is not before the start date, and less than {} days after it",
            limits::USAGE_DAYS
        )));
    }
    let read = cx.db().read()?;
    let plan = usage_plan::find(&read, cx.region().as_str(), &input.usage_plan_id)?;
    let mut keys = usage_plan::keys(&read, &plan.id)?;
    keys.retain(|key| input.key_id.as_ref().is_none_or(|wanted| wanted == key));
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(keys, input.position.as_deref(), input.limit, sizes)?;
    let mut values = BTreeMap::new();
    for key in page {
        if let Some(quota) = &plan.quota {
            let used = usage_plan::used_since(&read, &plan.id, &key, begin(start, quota))?;
            let extension = usage_plan::extension(&read, &plan.id, &key)?;
            values.insert(key, days(&used, quota, &extension, (start, end)));
        }
    }
    let UsageInput { usage_plan_id, start_date, end_date, .. } = input;
    Ok(UsageOutput { usage_plan_id, start_date, end_date, position, values })
}

fn days(used: &[(String, Used)], quota: &Quota, extension: &Extension, (start, end): (Date, Date)) -> Vec<[u64; 2]> {
    let on = |from: Date, to: Date| {
        let (from, to) = (from.to_string(), to.to_string());
        used.iter().filter(|(day, _)| *day >= from && *day <= to).map(|(_, used)| used.requests).sum::<u64>()
    };
    (0..=days_between(start, end))
        .map(|after| {
            let day = start.saturating_add(after.days());
            let from = begin(day, quota);
            [on(day, day), usage_plan::limit(quota, extension, from).saturating_sub(on(from, day))]
        })
        .collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub usage_plan_id: String,
    pub key_id: String,
    pub patch_operations: Vec<PatchOperation>,
}

/// Gives a key more requests, or less, in the period that is now.
pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<UsageOutput, Error> {
    let (patches, region, now) = (patch::parse(input.patch_operations)?, cx.region().to_string(), cx.now());
    let remaining = patches.iter().map(remaining).collect::<Result<Vec<_>, _>>()?;
    let (plan, key) = (input.usage_plan_id.clone(), input.key_id.clone());
    let update = move |tx: &mut kv::Tx| {
        usage_plan::find_key(tx, &region, &plan, &key)?;
        remaining.iter().try_for_each(|left| usage_plan::set_remaining(tx, now, &region, (&plan, &key), *left))
    };
    cx.db().write(update).await?;
    let today = now.utc().date().to_string();
    let UpdateInput { usage_plan_id, key_id, .. } = input;
    let (key_id, start_date, end_date) = (Some(key_id), today.clone(), today);
    usage(&cx, UsageInput { usage_plan_id, key_id, start_date, end_date, ..UsageInput::default() })
}

fn remaining(patch: &Patch) -> Result<u64, Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["remaining"]) => patch.number(),
        _ => Err(patch.invalid()),
    }
}
