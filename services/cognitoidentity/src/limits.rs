//! What identity pools allow, with units.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html> and the service's model.

use std::ops::RangeInclusive;
use std::time::Duration;

pub const NAME_CHARACTERS_MAX: usize = 128;
pub const PROVIDERS_MAX: usize = 50;
pub const LOGINS_MAX: usize = 10;
pub const DEVELOPER_USER_CHARACTERS_MAX: usize = 1_024;
pub const RULES_MAX: usize = 25;
pub const ROLE_MAPPINGS_MAX: usize = 10;
pub const TAGS_MAX: usize = 50;
pub const PAGE_RANGE: RangeInclusive<i64> = 1..=60;
pub const DELETED_AT_ONCE_MAX: usize = 60;
/// How long tokens are good for: those of users, and those that a developer asks for.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(10 * 60);
pub const DEVELOPER_TOKEN_SECONDS: i64 = 900;
pub const DEVELOPER_TOKEN_SECONDS_RANGE: RangeInclusive<i64> = 1..=86_400;
/// How long credentials are good for.
pub const CREDENTIALS_SECONDS: u64 = 3_600;
