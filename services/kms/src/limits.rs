//! What KMS allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/limits.html> and the service's model.

use std::ops::RangeInclusive;
use std::time::Duration;

pub const DAY: Duration = Duration::from_secs(86_400);

pub const PLAINTEXT_BYTES_MAX: usize = 4_096;
pub const CIPHERTEXT_BYTES_MAX: usize = 6_144;
pub const RANDOM_BYTES_RANGE: RangeInclusive<i64> = 1..=1_024;
/// AWS takes 32 KiB; the evaluator here reads 20, with what a grant adds.
pub const POLICY_BYTES_MAX: usize = 18 * 1024;
pub const DESCRIPTION_CHARACTERS_MAX: usize = 8_192;
pub const ALIAS_CHARACTERS_MAX: usize = 256;
pub const KEY_ID_CHARACTERS_MAX: usize = 2_048;
pub const ALIASES_OF_KEY_MAX: usize = 50;
pub const GRANTS_OF_KEY_MAX: usize = 50_000;
/// Regions that a key is replicated to; AWS has fewer than that.
pub const REPLICAS_MAX: usize = 50;
pub const REGION_CHARACTERS_MAX: usize = 32;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
pub const PAGE_RANGE: RangeInclusive<i64> = 1..=1_000;
pub const PAGE: usize = 100;
pub const TAGS_PAGE: usize = 50;
pub const DELETION_DAYS_RANGE: RangeInclusive<i64> = 7..=30;
pub const DELETION_DAYS: u32 = 30;
pub const ROTATION_DAYS_RANGE: RangeInclusive<i64> = 90..=2_560;
pub const ROTATION_DAYS: u32 = 365;
/// How often a key is rotated on demand at most.
pub const ON_DEMAND_ROTATIONS_MAX: u32 = 25;
/// How long a wrapping key is good for.
pub const IMPORT_TOKEN_LIFETIME: Duration = DAY;
/// The texts of an encryption context together, in bytes.
pub const CONTEXT_BYTES_MAX: usize = 8_192;
