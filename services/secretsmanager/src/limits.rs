//! What Secrets Manager allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html> and the service's model.

use std::ops::RangeInclusive;
use std::time::Duration;

pub const DAY: Duration = Duration::from_secs(86_400);

pub const NAME_CHARACTERS_MAX: usize = 512;
pub const SECRET_BYTES_MAX: usize = 65_536;
pub const POLICY_BYTES_MAX: usize = 20_480;
pub const DESCRIPTION_CHARACTERS_MAX: usize = 2_048;
pub const TOKEN_CHARACTERS: RangeInclusive<usize> = 32..=64;
pub const STAGES_MAX: usize = 20;
pub const STAGE_CHARACTERS_MAX: usize = 256;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// Versions without a label that are kept, for each secret.
pub const DEPRECATED_MAX: usize = 100;
pub const RECOVERY_DAYS_RANGE: RangeInclusive<i64> = 7..=30;
pub const RECOVERY_DAYS: u32 = 30;
pub const ROTATION_DAYS_RANGE: RangeInclusive<i64> = 1..=1_000;
pub const PAGE_RANGE: RangeInclusive<i64> = 1..=100;
pub const PAGE: usize = 100;
pub const BATCH_RANGE: RangeInclusive<i64> = 1..=20;
pub const BATCH: usize = 20;
pub const FILTERS_MAX: usize = 10;
pub const PASSWORD_RANGE: RangeInclusive<i64> = 1..=4_096;
pub const PASSWORD: usize = 32;
/// How often a step of a rotation is tried.
pub const ROTATION_ATTEMPTS_MAX: u32 = 5;
/// How long a step waits that failed, the first time; then twice as long, and so on.
pub const ROTATION_RETRY: Duration = Duration::from_secs(10);
/// Rotations under way at once.
pub const ROTATIONS_AT_ONCE: usize = 8;
