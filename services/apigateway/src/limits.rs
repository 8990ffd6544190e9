//! What API Gateway allows, with units.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>

use std::ops::RangeInclusive;
use std::time::Duration;

use service::journal::Pace;

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
/// The longest name of one that is written: keys of the store have an end.
pub const BUCKET_NAME_BYTES_MAX: usize = 2_400;
/// How long a crash may forget what was taken from them.
pub const THROTTLES_WRITTEN_AFTER: Duration = Duration::from_secs(1);
/// Models of an API; the name and the schema of one, in characters and in bytes.
pub const MODELS_PER_API_MAX: usize = 400;
pub const MODEL_NAME_CHARACTERS_MAX: usize = 128;
pub const MODEL_BYTES_MAX: usize = 400 << 10;
/// Bytes of all of an API's schemas: each deployment has a copy.
pub const MODELS_BYTES_MAX: usize = 1 << 20;
pub const VALIDATORS_PER_API_MAX: usize = 100;
pub const DOCUMENTATION_PARTS_MAX: usize = 2_000;
/// What is said of one part, and of all of an API's, in bytes: each version has a copy.
pub const DOCUMENTATION_PART_BYTES_MAX: usize = 64 << 10;
pub const DOCUMENTATION_BYTES_MAX: usize = 1 << 20;
/// AWS tells no limit of versions.
pub const DOCUMENTATION_VERSIONS_MAX: usize = 20;
pub const DOCUMENTATION_VERSION_CHARACTERS_MAX: usize = 128;
/// A gateway response with its templates and parameters, in bytes.
pub const GATEWAY_RESPONSE_BYTES_MAX: usize = 64 << 10;
/// What is looked at to hold one body to its model.
pub const SCHEMA_STEPS_MAX: usize = 1_000_000;
/// Schemas within each other, also through references.
pub const SCHEMA_DEPTH_MAX: usize = 64;
/// Regular expressions in bytes: of models, and of what selects an integration response.
pub const PATTERN_BYTES_MAX: usize = 1_024;
pub const PATTERN_COMPILED_BYTES_MAX: usize = 128 << 10;
/// How many parts a regular expression with counted ones is taken to have.
pub const COUNTED_PATTERN_WEIGHT: usize = 1_000;
/// What making a regular expression ready takes, in steps.
pub const PATTERN_STEPS: usize = 1_000;
/// Regular expressions that are kept ready while one body is held to its model.
pub const PATTERNS_KEPT_MAX: usize = 256;
/// What of a function's message selects a response, in characters.
pub const SELECTOR_CHARACTERS_MAX: usize = 8_192;
/// What a test of a method says of a body or of headers, in characters.
pub const TEST_LOG_CHARACTERS_MAX: usize = 1_000;
/// The format of an access log, and one line of it, in bytes.
pub const ACCESS_LOG_FORMAT_BYTES_MAX: usize = 3 << 10;
pub const ACCESS_LOG_LINE_BYTES_MAX: usize = 16 << 10;
/// Lines of logs that wait to be delivered, in bytes.
pub const ACCESS_LOG_BYTES_MAX: usize = 8 << 20;
/// How long they wait for others, and after a failure.
pub const ACCESS_LOG_PACE: Pace = Pace { gather: Duration::from_secs(2), retry: Duration::from_secs(10) };
/// How long an answer is kept in a stage's cache, in seconds.
pub const CACHE_SECONDS_DEFAULT: u32 = 300;
pub const CACHE_SECONDS_MAX: u32 = 3_600;
/// An answer that is kept, those of one stage, and those of all, in bytes.
pub const CACHED_BYTES_MAX: usize = 1 << 20;
pub const CACHE_STAGE_BYTES_MAX: usize = 16 << 20;
pub const CACHE_BYTES_MAX: usize = 64 << 20;
/// Keys that are imported at once.
pub const IMPORTED_KEYS_MAX: usize = 2_000;
pub const DOMAINS_PER_REGION_MAX: usize = 120;
pub const DOMAIN_NAME_CHARACTERS_MAX: usize = 253;
/// API mappings, or base path mappings, of a custom domain.
pub const MAPPINGS_PER_DOMAIN_MAX: usize = 200;
pub const MAPPING_PATH_CHARACTERS_MAX: usize = 300;
pub const BINARY_MEDIA_TYPE_CHARACTERS_MAX: usize = 256;
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

/// What an integration of an HTTP API changes of requests and answers, in bytes: each deployment keeps it.
pub const PARAMETERS_BYTES_MAX: usize = 4 << 10;
/// A body of which a part is selected, in bytes: nothing is found in longer ones.
pub const SELECTED_BODY_BYTES_MAX: usize = 100 << 10;
/// How often a request may have come through an API already: one whose URL leads back to it would go on for ever.
pub const PASSES_MAX: usize = 10;

/// An OpenAPI document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 6 << 20;
/// How long an import may be under way, before what it made is taken for left behind.
pub const IMPORT_TIME_MAX: Duration = Duration::from_secs(600);

/// How long a REST API waits for an integration, in milliseconds.
pub const REST_TIMEOUT_RANGE: RangeInclusive<u64> = 50..=29_000;
/// How long an HTTP API waits, in milliseconds.
pub const HTTP_TIMEOUT_RANGE: RangeInclusive<u64> = 50..=30_000;

pub const REST_PAGE_DEFAULT: usize = 25;
pub const REST_PAGE_MAX: usize = 500;
pub const HTTP_PAGE_MAX: usize = 500;

/// Deployments whose routes are kept in memory, ready to match.
pub const ROUTERS_CACHED_MAX: usize = 256;

/// How long a WebSocket API waits for an integration, in milliseconds.
pub const WEBSOCKET_TIMEOUT_RANGE: RangeInclusive<u64> = 50..=29_000;
/// What a client says, or is told, at once, in bytes, and how much of what it says may come in one frame.
pub const MESSAGE_BYTES_MAX: usize = 128 << 10;
pub const FRAME_BYTES_MAX: usize = 32 << 10;
/// How long a connection may be without a word in either direction, in seconds, and how long it may last.
pub const CONNECTION_IDLE_SECONDS_MAX: u64 = 600;
pub const CONNECTION_SECONDS_MAX: u64 = 7_200;
/// Messages of one connection that are worked on at the same time; the next is read when one of them is done.
pub const MESSAGES_AT_ONCE_MAX: usize = 16;
/// Messages of all connections that are worked on at the same time, in bytes.
pub const MESSAGES_BYTES_MAX: usize = 256 << 20;
/// What waits to be taken by one client, and by all of them, in bytes.
pub const UNTAKEN_BYTES_MAX: usize = 512 << 10;
pub const UNTAKEN_BYTES_IN_ALL_MAX: usize = 256 << 20;
/// Functions of one API that are told at the same time of connections that have ended.
pub const DISCONNECTS_PER_API_MAX: usize = 8;
/// An expression that selects a route.
pub const SELECTION_CHARACTERS_MAX: usize = 128;
/// The key of a route, of a response or of a template.
pub const SELECTION_KEY_CHARACTERS_MAX: usize = 128;
/// Responses of an integration, or of a route.
pub const RESPONSES_MAX: usize = 25;
/// Templates of an integration or of one of its responses, and the characters of each.
pub const TEMPLATES_MAX: usize = 10;
pub const TEMPLATE_CHARACTERS_MAX: usize = 32 << 10;
/// An API key that is kept for as long as its connection, in characters.
pub const CONNECTION_KEY_CHARACTERS_MAX: usize = API_KEY_CHARACTERS_MAX;
