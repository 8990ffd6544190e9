//! What CloudFront allows, with units.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html>; what has no source is ours.

use std::time::Duration;

pub const DISTRIBUTIONS_MAX: usize = 500;
pub const ORIGINS_MAX: usize = 100;
pub const ORIGIN_GROUPS_MAX: usize = 10;
/// Besides the default one.
pub const BEHAVIORS_MAX: usize = 75;
pub const ALIASES_MAX: usize = 100;
pub const CUSTOM_HEADERS_MAX: usize = 30;
pub const POLICIES_MAX: usize = 1_000;
/// Headers, cookies or query parameters that a policy names.
pub const POLICY_ITEMS_MAX: usize = 50;
pub const KEYS_MAX: usize = 100;
pub const KEY_GROUPS_MAX: usize = 100;
pub const GROUP_KEYS_MAX: usize = 5;
pub const BEHAVIOR_KEY_GROUPS_MAX: usize = 4;
pub const ACCESS_CONTROLS_MAX: usize = 500;
pub const ACCESS_IDENTITIES_MAX: usize = 100;
pub const TAGS_MAX: usize = 50;
/// Of RSA: 2,048 bits.
pub const KEY_BYTES: usize = 256;
/// A public key of RSA that has the right length has more characters than this.
pub const SHORT_KEY_CHARACTERS: usize = 400;

pub const NAME_CHARACTERS_MAX: usize = 128;
pub const ACCESS_NAME_CHARACTERS_MAX: usize = 64;
pub const COMMENT_CHARACTERS_MAX: usize = 128;
pub const ROOT_OBJECT_CHARACTERS_MAX: usize = 255;
pub const PATTERN_CHARACTERS_MAX: usize = 255;
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
pub const PAGE_MAX: usize = 100;

/// Paths of one invalidation.
pub const INVALIDATION_PATHS_MAX: usize = 3_000;
pub const INVALIDATION_PATH_CHARACTERS_MAX: usize = 4_000;
/// Of a distribution: older ones are forgotten.
pub const INVALIDATIONS_KEPT: u64 = 1_000;

/// What a policy says of times to live where it says nothing, in seconds.
pub const DEFAULT_TTL_SECONDS: u64 = 86_400;
pub const MAX_TTL_SECONDS: u64 = 31_536_000;
pub const TTL_SECONDS_MAX: u64 = 3_153_600_000;
/// How long an error stays, where the distribution does not say.
pub const ERROR_TTL_SECONDS: u64 = 10;

/// A viewer's URL: path and query. Past it: 414.
pub const URL_BYTES_MAX: usize = 8_192;
/// All headers of a viewer's request together, names included. Past it: 494, CloudFront's own.
pub const HEADERS_BYTES_MAX: usize = 32_768;
/// How long an origin may take to answer, where the distribution does not say.
pub const ORIGIN_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Of an object that is compressed on its way.
pub const COMPRESSED_BYTES: std::ops::RangeInclusive<u64> = 1_000..=10_000_000;
pub const CUSTOM_ERROR_CODES: &[u16] = &[400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];

/// Objects up to this size are kept in memory while there is room; longer ones are files from the start.
pub const MEMORY_OBJECT_BYTES_MAX: u64 = 2 << 20;
/// What is cached in memory, with what is known of it.
pub const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// What is cached in files.
pub const DISK_BYTES_MAX: u64 = 4 << 30;
/// Objects that are cached, in memory or in files: what is known of each is in memory.
pub const OBJECTS_MAX: usize = 50_000;
/// An object that is longer is passed on without being cached.
pub const OBJECT_BYTES_MAX: u64 = 1 << 30;
/// What is counted of an object beside its bytes.
pub const OBJECT_OVERHEAD_BYTES: u64 = 1_024;
/// What of a file is read, or sent, at once.
pub const PIECE_BYTES: usize = 128 << 10;
