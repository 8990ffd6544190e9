//! API keys, and the plans that say how much they may be used, as they are stored.

use std::collections::BTreeMap;

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Texts;
use crate::keys::{ApiId, Id};
use crate::limits;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: Id,
    pub region: String,
    pub name: Option<String>,
    /// The value, sealed.
    pub sealed: Bytes,
    pub description: Option<String>,
    pub customer: Option<String>,
    pub enabled: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub tags: Texts,
}
kv::stored!(ApiKey, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsagePlan {
    pub id: Id,
    pub region: String,
    pub name: String,
    pub description: Option<String>,
    pub stages: Vec<PlanStage>,
    pub throttle: Option<Throttle>,
    pub quota: Option<Quota>,
    pub product_code: Option<String>,
    pub tags: Texts,
}
kv::stored!(UsagePlan, version = 1);

/// A stage whose methods a plan is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStage {
    pub api: ApiId,
    pub stage: String,
    /// By `{path}/{method}`: `/users/{id}/GET`.
    pub throttle: BTreeMap<String, Throttle>,
}

/// A bucket of tokens, of which each request takes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Throttle {
    /// As many as are in it at most.
    pub burst: u32,
    /// As many as come in a second.
    pub rate: f64,
}

/// What was in a throttle's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    pub tokens: f64,
    /// When that was.
    pub filled: Timestamp,
    pub throttle: Throttle,
}
kv::stored!(Level, version = 1);

impl Level {
    fn tokens_at(&self, now: Timestamp, throttle: Throttle) -> f64 {
        (self.tokens + now.since(self.filled).as_secs_f64() * throttle.rate).min(throttle.burst.into())
    }

    /// Takes a token; `false` where there is none.
    pub fn take(&mut self, throttle: Throttle, now: Timestamp) -> bool {
        let tokens = self.tokens_at(now, throttle);
        let has = tokens >= 1.0;
        // A request that has waited is older than one that has not: what was filled once is not filled again.
        *self = Level { tokens: if has { tokens - 1.0 } else { tokens }, filled: self.filled.max(now), throttle };
        has
    }

    /// Whether the bucket is not full even a while later: until then, nobody need know of it.
    pub fn matters_at(&self, now: Timestamp) -> bool {
        let later = now + limits::THROTTLES_WRITTEN_AFTER;
        self.tokens_at(later, self.throttle) < self.throttle.burst.into()
    }

    /// The same where the clock was put back since.
    pub fn not_after(self, now: Timestamp) -> Level {
        Level { filled: self.filled.min(now), ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub limit: u64,
    /// The day on which a week, from Sunday, or a month begins; from 0.
    pub offset: u32,
    pub period: Period,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    Day,
    Week,
    Month,
}

/// That a key is of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanKey {}
kv::stored!(PlanKey, version = 1);

/// How many requests with a key of a plan were let in on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub requests: u64,
}
kv::stored!(Used, version = 1);

/// The id of the key that has a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyId(pub Id);
kv::stored!(KeyId, version = 1);

/// How many requests a key may make more, or less, than its plan's quota says, in the period that begins on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    pub begin: String,
    pub requests: i64,
}
kv::stored!(Extension, version = 1);
