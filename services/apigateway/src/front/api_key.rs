//! Requests that carry an API key: whose it is, and how much of its plan is left.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html>

use kv::Read;
use service::Cx;

use crate::ApiGateway;
use crate::error::Error;
use crate::model::rest::{api_key, usage_plan};
use crate::types::usage::{ApiKey, UsagePlan};

/// Where a request with a key goes.
pub struct Place<'a> {
    pub region: &'a str,
    pub api: &'a str,
    pub stage: &'a str,
    /// `/users/{id}/GET`.
    pub method: &'a str,
}

/// Why a request with a key, or without, is not let in.
#[derive(Debug)]
pub enum Kept {
    /// No key, one that is unknown or disabled, or one that no plan lets use this stage.
    Out,
    Throttled,
    /// The quota of the period is used up.
    Exceeded,
    Failed(Error),
}

impl From<Error> for Kept {
    fn from(error: Error) -> Kept {
        Kept::Failed(error)
    }
}

/// Lets a request with a key in, and counts it.
pub async fn admit(state: &ApiGateway, cx: &Cx, value: Option<&str>, place: &Place<'_>) -> Result<ApiKey, Kept> {
    let found = value.map(|value| find(&cx.db().read()?, value, place)).transpose()?.flatten();
    let (key, plan) = found.ok_or(Kept::Out)?;
    let own = plan.stages.iter().find(|stage| stage.api == place.api && stage.stage == place.stage);
    let of_method = own.and_then(|stage| stage.throttle.get(place.method));
    let bucket = match of_method {
        Some(throttle) => {
            Some((format!("{}/{}/{}/{}{}", plan.id, key.id, place.api, place.stage, place.method), *throttle))
        }
        None => plan.throttle.map(|throttle| (format!("{}/{}", plan.id, key.id), throttle)),
    };
    if bucket.is_some_and(|(name, throttle)| !state.buckets.take(cx, name, throttle)) {
        return Err(Kept::Throttled);
    }
    if let Some(quota) = plan.quota {
        let (now, plan, id) = (cx.now(), plan.id, key.id.clone());
        if !cx.db().write(move |tx| usage_plan::take(tx, now, &plan, &id, &quota)).await? {
            return Err(Kept::Exceeded);
        }
    }
    Ok(key)
}

fn find(read: &impl Read, value: &str, place: &Place<'_>) -> Result<Option<(ApiKey, UsagePlan)>, Error> {
    let Some(key) = api_key::of_value(read, place.region, value)?.filter(|key| key.enabled) else { return Ok(None) };
    Ok(usage_plan::of_stage(read, &key.id, place.api, place.stage)?.map(|plan| (key, plan)))
}
