//! What Parameter Store allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/general/latest/gr/ssm.html> and the service's model.

use std::ops::RangeInclusive;
use std::time::Duration;

pub const NAME_CHARACTERS_MAX: usize = 1_011;
pub const LEVELS_MAX: usize = 15;
pub const STANDARD_BYTES_MAX: usize = 4_096;
pub const ADVANCED_BYTES_MAX: usize = 8_192;
pub const DESCRIPTION_CHARACTERS_MAX: usize = 1_024;
pub const PATTERN_CHARACTERS_MAX: usize = 1_024;
/// What a pattern may take in memory, in bytes: it comes from outside.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;
pub const POLICIES_MAX: usize = 10;
pub const POLICIES_BYTES_MAX: usize = 4_096;
pub const VERSIONS_MAX: usize = 100;
pub const LABELS_MAX: usize = 10;
pub const LABEL_CHARACTERS_MAX: usize = 100;
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
pub const NAMES_MAX: usize = 10;
pub const PATH_PAGE: usize = 10;
pub const PATH_PAGE_RANGE: RangeInclusive<i64> = 1..=10;
pub const PAGE: usize = 50;
pub const PAGE_RANGE: RangeInclusive<i64> = 1..=50;
pub const FILTER_VALUES_MAX: usize = 50;
pub const HOUR: Duration = Duration::from_secs(3_600);
pub const DAY: Duration = Duration::from_secs(86_400);
