//! What a stage says of single methods, or of all: throttles, logs, caching.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/api/API_MethodSetting.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateStage-Patch>

use std::collections::BTreeMap;

use serde::Serialize;

use super::patch::{Op, Patch};
use super::usage_plan;
use crate::error::Error;
use crate::limits;
use crate::types::rest::Stage;
use crate::types::stage::{Logging, MethodSettings, Unauthorized};
use crate::types::usage::Throttle;

/// What nobody has said yet is what an account has on AWS.
pub const THROTTLE: Throttle = Throttle { burst: 5_000, rate: 10_000.0 };

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MethodSetting {
    pub metrics_enabled: bool,
    pub logging_level: &'static str,
    pub data_trace_enabled: bool,
    pub throttling_burst_limit: u32,
    pub throttling_rate_limit: f64,
    pub caching_enabled: bool,
    pub cache_ttl_in_seconds: u32,
    pub cache_data_encrypted: bool,
    pub require_authorization_for_cache_control: bool,
    pub unauthorized_cache_control_header_strategy: &'static str,
}

impl MethodSetting {
    fn new(throttle: Throttle, settings: &MethodSettings) -> MethodSetting {
        MethodSetting {
            metrics_enabled: settings.metrics.unwrap_or(false),
            logging_level: settings.logging.unwrap_or_default().word(),
            data_trace_enabled: settings.data_trace.unwrap_or(false),
            throttling_burst_limit: throttle.burst,
            throttling_rate_limit: throttle.rate,
            caching_enabled: settings.caching.unwrap_or(false),
            cache_ttl_in_seconds: settings.cache_seconds.unwrap_or(limits::CACHE_SECONDS_DEFAULT),
            cache_data_encrypted: settings.cache_encrypted.unwrap_or(false),
            require_authorization_for_cache_control: settings.guards_cache.unwrap_or(true),
            unauthorized_cache_control_header_strategy: settings.unauthorized.unwrap_or_default().word(),
        }
    }
}

/// All that a stage says, by the key of a method.
pub fn shown(stage: &Stage) -> BTreeMap<String, MethodSetting> {
    let keys = stage.throttles.keys().chain(stage.settings.keys());
    let one = |key: &String| {
        let throttle = stage.throttles.get(key).copied().unwrap_or(THROTTLE);
        (key.clone(), MethodSetting::new(throttle, &stage.settings.get(key).cloned().unwrap_or_default()))
    };
    keys.map(one).collect()
}

/// Takes back all that a stage says of a method.
pub fn forget(stage: &mut Stage, key: &str) {
    stage.throttles.remove(key);
    stage.settings.remove(key);
}

/// Sets one thing: `throttling/burstLimit`, `caching/enabled`, `logging/loglevel`. None is taken back by itself: all of a method's are.
pub fn set(stage: &mut Stage, key: String, (group, member): (&str, &str), patch: &Patch) -> Result<(), Error> {
    if !matches!(patch.op, Op::Add | Op::Replace) {
        return Err(patch.not_among(&[]));
    }
    let is_known = stage.throttles.contains_key(&key) || stage.settings.contains_key(&key);
    if !is_known && stage.throttles.len() + stage.settings.len() >= limits::THROTTLES_PER_STAGE_MAX {
        return Err(Error::LimitExceeded(format!(
            "A stage can have settings for {} methods at most",
            limits::THROTTLES_PER_STAGE_MAX
        )));
    }
    if group == "throttling" {
        return usage_plan::set(stage.throttles.entry(key).or_insert(THROTTLE), member, patch);
    }
    let mut settings = stage.settings.get(&key).cloned().unwrap_or_default();
    match (group, member) {
        ("metrics", "enabled") => settings.metrics = Some(patch.boolean()?),
        ("logging", "loglevel") => settings.logging = Some(word(&Logging::ALL, Logging::word, patch)?),
        ("logging", "dataTrace") => settings.data_trace = Some(patch.boolean()?),
        ("caching", "enabled") => settings.caching = Some(patch.boolean()?),
        ("caching", "ttlInSeconds") => settings.cache_seconds = Some(seconds(patch)?),
        ("caching", "dataEncrypted") => settings.cache_encrypted = Some(patch.boolean()?),
        ("caching", "requireAuthorizationForCacheControl") => settings.guards_cache = Some(patch.boolean()?),
        ("caching", "unauthorizedCacheControlHeaderStrategy") => {
            settings.unauthorized = Some(word(&Unauthorized::ALL, Unauthorized::word, patch)?);
        }
        _ => return Err(unknown(patch)),
    }
    stage.settings.insert(key, settings);
    Ok(())
}

fn seconds(patch: &Patch) -> Result<u32, Error> {
    let seconds: u32 = patch.number()?;
    match seconds <= limits::CACHE_SECONDS_MAX {
        true => Ok(seconds),
        false => Err(Error::bad(format!(
            "Invalid cache TTL: {seconds}. It should be between 0 and {}",
            limits::CACHE_SECONDS_MAX
        ))),
    }
}

fn word<T: Copy>(all: &[T], word: fn(T) -> &'static str, patch: &Patch) -> Result<T, Error> {
    let found = all.iter().copied().find(|one| word(*one) == patch.value);
    let words: Vec<_> = all.iter().copied().map(word).collect();
    found.ok_or_else(|| Error::bad(format!("Invalid value {}. Must be one of: [{}]", patch.value, words.join(", "))))
}

fn unknown(patch: &Patch) -> Error {
    const KNOWN: [&str; 10] = [
        "metrics/enabled",
        "logging/loglevel",
        "logging/dataTrace",
        "throttling/burstLimit",
        "throttling/rateLimit",
        "caching/enabled",
        "caching/ttlInSeconds",
        "caching/dataEncrypted",
        "caching/requireAuthorizationForCacheControl",
        "caching/unauthorizedCacheControlHeaderStrategy",
    ];
    let known: Vec<_> = KNOWN.iter().map(|path| format!("/{{resourcePath}}/{{httpMethod}}/{path}")).collect();
    Error::bad(format!("Invalid method setting path: {}. Must be one of: [{}]", patch.path_text(), known.join(", ")))
}
