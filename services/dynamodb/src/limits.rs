//! DynamoDB's limits, as named constants with their units.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>

/// An item's size, attribute names included.
pub const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Levels of lists and maps within an attribute.
pub const NESTING_LEVELS_MAX: usize = 32;
/// A partition key value.
pub const PARTITION_KEY_BYTES_MAX: usize = 2048;
/// A sort key value.
pub const SORT_KEY_BYTES_MAX: usize = 1024;
/// An attribute's name; key attributes have a lower limit.
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 65_535;
/// The name of an attribute that is part of a key.
pub const KEY_ATTRIBUTE_NAME_CHARS_MAX: usize = 255;
/// An expression's text.
pub const EXPRESSION_BYTES_MAX: usize = 4096;
/// Comparators, `AND`, `OR`, `NOT`, `BETWEEN`, `IN`, `+` and `-` in one expression.
pub const EXPRESSION_OPERATORS_MAX: usize = 300;
/// Parentheses and function calls within one another. AWS publishes none; this one bounds recursion and is just out of
/// reach of expressions that keep to the limit on operators.
pub const EXPRESSION_DEPTH_MAX: usize = 160;
/// Operands of `IN`.
pub const IN_OPERANDS_MAX: usize = 100;
