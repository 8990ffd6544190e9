//! Usage plans: which keys may use which stages, and how much.

use base::Timestamp;
use jiff::civil::Date;
use jiff::{ToSpan, Unit};
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{EXTENSIONS, HTTP_APIS, HTTP_STAGES, PLAN_KEYS, PLANS_OF_KEY, STAGES, USAGE, USAGE_PLANS};
use crate::limits;
use crate::model::http;
use crate::model::rest::{api, api_key};
use crate::types::usage::{ApiKey, Extension, Period, PlanKey, PlanStage, Quota, UsagePlan, Used};

pub fn find(read: &(impl Read + ?Sized), region: &str, id: &str) -> Result<UsagePlan, Error> {
    let plan = USAGE_PLANS.get(read, id)?.filter(|plan| plan.region == region);
    plan.ok_or_else(|| Error::NotFound("Invalid Usage Plan ID specified".into()))
}

/// A region's plans, in order of their ids.
pub fn list(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<UsagePlan>, Error> {
    let mut plans = USAGE_PLANS.scan(read, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    plans.retain(|plan| plan.region == region);
    Ok(plans)
}

/// Stores a plan, new or changed. Its stages are there.
pub fn put(tx: &mut Tx, plan: &UsagePlan) -> Result<(), Error> {
    let is_new = !USAGE_PLANS.contains(tx, &plan.id)?;
    if is_new && list(tx, &plan.region)?.len() >= limits::USAGE_PLANS_PER_REGION_MAX {
        return Err(Error::LimitExceeded(format!(
            "There can be {} usage plans at most",
            limits::USAGE_PLANS_PER_REGION_MAX
        )));
    }
    for stage in &plan.stages {
        // WebSocket APIs take API keys, too.
        let is_websocket = HTTP_APIS.get(tx, &stage.api)?.is_some_and(|api| api.websocket.is_some());
        let is_there = if is_websocket {
            http::api::find(tx, &plan.region, &stage.api).is_ok()
                && HTTP_STAGES.contains(tx, (&stage.api, &stage.stage))?
        } else {
            api::find(tx, &plan.region, &stage.api).is_ok() && STAGES.contains(tx, (&stage.api, &stage.stage))?
        };
        if !is_there {
            return Err(Error::NotFound(format!(
                "Invalid API Stage {{api: {}, stage: {}}} specified for usageplan {}",
                stage.api, stage.stage, plan.id
            )));
        }
    }
    Ok(USAGE_PLANS.put(tx, &plan.id, plan)?)
}

/// Removes a plan, and with it what its keys have used.
pub fn delete(tx: &mut Tx, region: &str, id: &str) -> Result<(), Error> {
    find(tx, region, id)?;
    for key in keys(tx, id)? {
        PLANS_OF_KEY.delete(tx, (&key, id))?;
    }
    PLAN_KEYS.delete_prefix(tx, id)?;
    USAGE.delete_prefix(tx, id)?;
    EXTENSIONS.delete_prefix(tx, id)?;
    Ok(USAGE_PLANS.delete(tx, id)?)
}

/// The ids of a plan's keys.
pub fn keys(read: &(impl Read + ?Sized), plan: &str) -> Result<Vec<String>, Error> {
    let rows = PLAN_KEYS.scan_prefix(read, plan, Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().map(|((_, key), _)| key).collect())
}

pub fn add_key(tx: &mut Tx, region: &str, plan: &str, key: &str) -> Result<ApiKey, Error> {
    let (plan, key) = (find(tx, region, plan)?, api_key::find(tx, region, key)?);
    if PLAN_KEYS.contains(tx, (&plan.id, &key.id))? {
        return Err(Error::Conflict("This API key already exists in this usage plan".into()));
    }
    for other in plans_of(tx, &key.id)? {
        let shared =
            |stage: &PlanStage| plan.stages.iter().any(|own| (&own.api, &own.stage) == (&stage.api, &stage.stage));
        if other.stages.iter().any(shared) {
            return Err(Error::Conflict(format!(
                "Usage plan {} has overlapping API stages with usage plan {}, and the API key is of both",
                plan.id, other.id
            )));
        }
    }
    PLAN_KEYS.put(tx, (&plan.id, &key.id), &PlanKey {})?;
    PLANS_OF_KEY.put(tx, (&key.id, &plan.id), &PlanKey {})?;
    Ok(key)
}

pub fn find_key(read: &(impl Read + ?Sized), region: &str, plan: &str, key: &str) -> Result<ApiKey, Error> {
    find(read, region, plan)?;
    if !PLAN_KEYS.contains(read, (plan, key))? {
        return Err(Error::NotFound("Invalid Usage Plan Key identifier specified".into()));
    }
    api_key::find(read, region, key)
}

pub fn remove_key(tx: &mut Tx, region: &str, plan: &str, key: &str) -> Result<(), Error> {
    find_key(tx, region, plan, key)?;
    PLAN_KEYS.delete(tx, (plan, key))?;
    PLANS_OF_KEY.delete(tx, (key, plan))?;
    Ok(EXTENSIONS.delete(tx, (plan, key))?)
}

/// The plans that a key is of.
pub fn plans_of(read: &(impl Read + ?Sized), key: &str) -> Result<Vec<UsagePlan>, Error> {
    let rows = PLANS_OF_KEY.scan_prefix(read, key, Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
    let plans = rows.iter().map(|((_, plan), _)| USAGE_PLANS.get(read, plan)).collect::<Result<Vec<_>, _>>()?;
    Ok(plans.into_iter().flatten().collect())
}

/// The plan by which a key may use a stage.
pub fn of_stage(read: &(impl Read + ?Sized), key: &str, api: &str, stage: &str) -> Result<Option<UsagePlan>, Error> {
    let has = |plan: &UsagePlan| plan.stages.iter().any(|own| own.api == api && own.stage == stage);
    Ok(plans_of(read, key)?.into_iter().find(has))
}

/// Takes one request of a quota, if one is left in the period that is now.
pub fn take(tx: &mut Tx, now: Timestamp, plan: &str, key: &str, quota: &Quota) -> Result<bool, Error> {
    let today = now.utc().date();
    let from = begin(today, quota);
    let used: u64 = used_since(tx, plan, key, from)?.iter().map(|(_, used)| used.requests).sum();
    if used >= limit(quota, &extension(tx, plan, key)?, from) {
        return Ok(false);
    }
    let day = today.to_string();
    let Used { requests } = USAGE.get(tx, (plan, key, &day))?.unwrap_or_default();
    USAGE.put(tx, (plan, key, &day), &Used { requests: requests + 1 })?;
    if requests == 0 {
        forget(tx, plan, key, today)?;
    }
    Ok(true)
}

/// What a key was given beyond its quota.
pub fn extension(read: &(impl Read + ?Sized), plan: &str, key: &str) -> Result<Extension, Error> {
    Ok(EXTENSIONS.get(read, (plan, key))?.unwrap_or_default())
}

/// How many requests a key has in the period that begins on a day.
pub fn limit(quota: &Quota, extension: &Extension, begin: Date) -> u64 {
    let more = if extension.begin == begin.to_string() { extension.requests } else { 0 };
    quota.limit.saturating_add_signed(more)
}

/// Leaves a key so many requests in the period that is now.
pub fn set_remaining(
    tx: &mut Tx,
    now: Timestamp,
    region: &str,
    (plan, key): (&str, &str),
    remaining: u64,
) -> Result<(), Error> {
    let quota = find(tx, region, plan)?.quota;
    let quota = quota.ok_or_else(|| Error::bad("Usage plan has no quota to change the remaining requests of"))?;
    let from = begin(now.utc().date(), &quota);
    let used: u64 = used_since(tx, plan, key, from)?.iter().map(|(_, used)| used.requests).sum();
    let whole = i64::try_from(used.saturating_add(remaining)).unwrap_or(i64::MAX);
    let requests = whole.saturating_sub(i64::try_from(quota.limit).unwrap_or(i64::MAX));
    Ok(EXTENSIONS.put(tx, (plan, key), &Extension { begin: from.to_string(), requests })?)
}

/// Removes what is older than anybody can ask for.
fn forget(tx: &mut Tx, plan: &str, key: &str, today: Date) -> Result<(), Error> {
    let oldest = today.saturating_sub(limits::USAGE_DAYS.days()).to_string();
    let rows = USAGE.scan_prefix(tx, (plan, key), Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
    for ((plan, key, day), _) in rows.into_iter().filter(|((.., day), _)| *day < oldest) {
        USAGE.delete(tx, (&plan, &key, &day))?;
    }
    Ok(())
}

/// What was used on each day from one on, oldest first.
pub fn used_since(
    read: &(impl Read + ?Sized),
    plan: &str,
    key: &str,
    from: Date,
) -> Result<Vec<(String, Used)>, Error> {
    let rows = USAGE.scan_prefix(read, (plan, key), Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
    let from = from.to_string();
    Ok(rows.into_iter().map(|((.., day), used)| (day, used)).filter(|(day, _)| *day >= from).collect())
}

/// The first day of the period of a quota that a day is in.
pub fn begin(day: Date, quota: &Quota) -> Date {
    let offset = i32::try_from(quota.offset).unwrap_or_default();
    match quota.period {
        Period::Day => day,
        Period::Week => {
            let since = (i32::from(day.weekday().to_sunday_zero_offset()) - offset).rem_euclid(7);
            day.saturating_sub(since.days())
        }
        Period::Month => {
            let first = |of: Date| of.first_of_month().saturating_add(offset.days());
            match first(day) {
                begun if begun <= day => begun,
                _ => first(day.saturating_sub(1.months())),
            }
        }
    }
}

/// How many days there are from one to another.
pub fn days_between(from: Date, to: Date) -> i32 {
    from.until((Unit::Day, to)).map_or(0, |span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_on_their_day() {
        let begin =
            |day: &str, period, offset| begin(day.parse().unwrap(), &Quota { limit: 1, offset, period }).to_string();
        // 2026-11-30 is a Monday.
        assert_eq!(begin("2026-11-30", Period::Day, 0), "2026-11-30");
        assert_eq!(begin("2026-11-30", Period::Week, 0), "2026-11-29");
        assert_eq!(begin("2026-11-30", Period::Week, 1), "2026-11-30");
        assert_eq!(begin("2026-11-30", Period::Week, 2), "2026-11-24");
        assert_eq!(begin("2026-11-30", Period::Month, 0), "2026-11-01");
        assert_eq!(begin("2026-11-05", Period::Month, 4), "2026-11-05");
        assert_eq!(begin("2026-11-04", Period::Month, 4), "2026-10-05");
        assert_eq!(begin("2026-01-03", Period::Month, 9), "2025-12-10");
    }
}
