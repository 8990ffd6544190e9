//! Limits and intervals. Source: <https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-limits.html>

use std::time::Duration;

/// Scheduled actions of one target.
pub const ACTIONS_MAX: usize = 200;

/// Policies of one target.
pub const POLICIES_MAX: usize = 50;

/// Tags of one target.
pub const TAGS_MAX: usize = 50;

/// Characters of a name of an action or a policy.
pub const NAME_CHARACTERS_MAX: usize = 256;

/// Results on a page, also where none are asked for.
pub const PAGE_MAX: i64 = 50;

/// Activities that are remembered in a region; AWS has those of six weeks.
pub const ACTIVITIES_MAX: usize = 1_000;

/// How often the use of a target with a policy is looked at.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// Minutes in a row with clearly less use than a policy wants, after which it scales in.
pub const MINUTES_LOW: usize = 15;

/// How long a capacity rests that could not be set.
pub const FAILURE_PAUSE: Duration = Duration::from_secs(60);
