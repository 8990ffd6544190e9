//! Where Application Auto Scaling keeps what: the only file that decides on keys. A number, once used, is never given to
//! another table.

use base::Timestamp;
use kv::Table;
use service::prefix;

use crate::types::{Activity, Pending, Policy, ScheduledAction, Target};

/// Region, namespace, resource and dimension: what a target is registered for.
pub type ResourceKey = (String, String, String, String);
/// The same with the name of one of its actions or policies.
pub type NamedKey = (String, String, String, String, String);

pub const TARGETS: Table<ResourceKey, Target> = Table::new(prefix::AUTOSCALING, 1);
pub const ACTIONS: Table<NamedKey, ScheduledAction> = Table::new(prefix::AUTOSCALING, 2);
pub const POLICIES: Table<NamedKey, Policy> = Table::new(prefix::AUTOSCALING, 3);
/// What was done, by the moment it was done and its number.
pub const ACTIVITIES: Table<(String, String, Timestamp, String), Activity> = Table::new(prefix::AUTOSCALING, 4);
/// Targets whose capacity is to be brought within new bounds, and why.
pub const PENDING: Table<ResourceKey, Pending> = Table::new(prefix::AUTOSCALING, 5);

/// What the worker waits on.
pub const CHANNEL: &[u8] = b"autoscaling/changed";
