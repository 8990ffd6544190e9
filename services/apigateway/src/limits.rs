//! What API Gateway allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>

use std::ops::RangeInclusive;

/// A request's or an answer's body, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 10 << 20;
/// Resources of a REST API; routes, and integrations, of an HTTP API.
pub const PARTS_PER_API_MAX: usize = 300;
pub const APIS_PER_REGION_MAX: usize = 600;
pub const STAGES_PER_API_MAX: usize = 10;
/// Authorizers of an API.
pub const AUTHORIZERS_PER_API_MAX: usize = 10;
/// How long an authorizer's result may be kept, in seconds.
pub const AUTHORIZER_TTL_SECONDS_MAX: u32 = 3_600;
/// The same where a REST API's owner says nothing.
pub const AUTHORIZER_TTL_SECONDS_DEFAULT: u32 = 300;
/// A function's answer about a request, in bytes.
pub const AUTHORIZER_RESULT_BYTES_MAX: usize = 8 << 10;
/// Results of authorizers that are kept in memory.
pub const AUTHORIZER_RESULTS_MAX: usize = 4_096;
pub const AUTHORIZER_NAME_CHARACTERS_MAX: usize = 128;
/// Audiences of an authorizer; scopes of a route.
pub const AUDIENCES_MAX: usize = 50;
pub const SCOPES_MAX: usize = 10;
/// User pools of an authorizer.
pub const POOLS_MAX: usize = 1_000;
pub const API_KEYS_PER_REGION_MAX: usize = 10_000;
/// The value of an API key: as it is made here, and as it may be given.
pub const API_KEY_CHARACTERS: usize = 40;
pub const API_KEY_CHARACTERS_MIN: usize = 20;
pub const API_KEY_CHARACTERS_MAX: usize = 128;
pub const USAGE_PLANS_PER_REGION_MAX: usize = 300;
/// Stages of a usage plan; methods of a stage that have a throttle of their own.
pub const PLAN_STAGES_MAX: usize = 100;
pub const THROTTLES_PER_STAGE_MAX: usize = 300;
/// How long it is known how much a key was used, in days.
pub const USAGE_DAYS: i32 = 90;
/// Buckets of tokens that are kept in memory.
pub const BUCKETS_MAX: usize = 65_536;
pub const BINARY_MEDIA_TYPES_MAX: usize = 100;
pub const TAGS_MAX: usize = 50;
pub const NAME_CHARACTERS_MAX: usize = 1_024;
pub const HTTP_NAME_CHARACTERS_MAX: usize = 128;
pub const DESCRIPTION_CHARACTERS_MAX: usize = 1_024;
pub const URI_CHARACTERS_MAX: usize = 2_048;
pub const STAGE_NAME_CHARACTERS_MAX: usize = 128;
/// The name, and the value, of a stage variable.
pub const VARIABLE_NAME_CHARACTERS_MAX: usize = 64;
pub const VARIABLE_VALUE_CHARACTERS_MAX: usize = 512;
pub const VARIABLES_MAX: usize = 100;
/// One stored method, with its integration and responses, in bytes: its maps have no limit of their own.
pub const METHOD_BYTES_MAX: usize = 32 << 10;

/// How long a REST API waits for an integration, in milliseconds.
pub const REST_TIMEOUT_RANGE: RangeInclusive<u64> = 50..=29_000;
/// How long an HTTP API waits, in milliseconds.
pub const HTTP_TIMEOUT_RANGE: RangeInclusive<u64> = 50..=30_000;

pub const REST_PAGE_DEFAULT: usize = 25;
pub const REST_PAGE_MAX: usize = 500;
pub const HTTP_PAGE_MAX: usize = 500;

/// Deployments whose routes are kept in memory, ready to match.
pub const ROUTERS_CACHED_MAX: usize = 256;
