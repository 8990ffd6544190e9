//! What Application Auto Scaling stores.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::{NamedKey, ResourceKey};

/// What is scaled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    pub region: String,
    pub namespace: String,
    pub id: String,
    pub dimension: String,
}

impl Resource {
    /// Whether a list is to have it, that of all where nothing is asked for.
    pub fn is(&self, id: Option<&str>, dimension: Option<&str>) -> bool {
        id.is_none_or(|id| id == self.id) && dimension.is_none_or(|dimension| dimension == self.dimension)
    }

    pub fn key(&self) -> ResourceKey {
        (self.region.clone(), self.namespace.clone(), self.id.clone(), self.dimension.clone())
    }

    pub fn named(&self, name: &str) -> NamedKey {
        let (region, namespace, id, dimension) = self.key();
        (region, namespace, id, dimension, name.into())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub resource: Resource,
    pub arn: String,
    pub min: u32,
    pub max: u32,
    pub role: String,
    pub created: Timestamp,
    pub suspended: Suspended,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(Target, version = 1);

/// What is not done for a target until it is allowed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    pub scaling_in: bool,
    pub scaling_out: bool,
    pub scheduled: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduledAction {
    pub resource: Resource,
    pub name: String,
    pub arn: String,
    /// As it was written: `at(...)`, `rate(...)` or `cron(...)`.
    pub schedule: String,
    pub timezone: Option<String>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub created: Timestamp,
    /// When it runs next, if ever.
    pub next: Option<Timestamp>,
}
kv::stored!(ScheduledAction, version = 1);

/// A policy that tracks a target value of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub resource: Resource,
    pub name: String,
    pub arn: String,
    /// How much of the capacity is to be in use, as the metric counts it.
    pub target_value: f64,
    pub metric: String,
    pub scale_out_cooldown_seconds: Option<u64>,
    pub scale_in_cooldown_seconds: Option<u64>,
    pub disable_scale_in: bool,
    pub created: Timestamp,
}
kv::stored!(Policy, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    pub id: String,
    pub resource: Resource,
    pub description: String,
    pub cause: String,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    pub message: String,
}
kv::stored!(Activity, version = 1);

/// Why a capacity is to be looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    pub cause: String,
}
kv::stored!(Pending, version = 1);
