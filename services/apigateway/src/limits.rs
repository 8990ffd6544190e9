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
