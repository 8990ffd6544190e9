//! What a template may do, with units.

use std::time::Duration;

/// Directives and operators within each other.
pub const DEPTH_MAX: usize = 48;
/// The same while a template is filled, with what `#define` has defined.
pub const FILLED_DEPTH_MAX: usize = 96;
/// What is evaluated: nodes of the template, elements that methods look at, values that are made.
pub const STEPS_MAX: usize = 2_000_000;
/// Bytes of all texts, lists and maps that are made.
pub const BYTES_MAX: usize = 64 << 20;
/// Bytes of what comes out.
pub const OUTPUT_BYTES_MAX: usize = 10 << 20;
/// Rounds of one `#foreach`.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>
pub const ROUNDS_MAX: usize = 1_000;
/// Bytes of a regular expression.
pub const PATTERN_BYTES_MAX: usize = 1_024;
/// Bytes that a regular expression takes when it is ready.
pub const PATTERN_COMPILED_BYTES_MAX: usize = 128 << 10;
/// How many parts a regular expression with counted ones is taken to have.
pub const COUNTED_PATTERN_WEIGHT: usize = 1_000;
/// How long all regular expressions of a template may look for one match after the other.
pub const PATTERN_TIME_MAX: Duration = Duration::from_secs(1);
