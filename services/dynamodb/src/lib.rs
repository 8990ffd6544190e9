//! DynamoDB: tables of items, with expressions, indexes and transactions.

pub mod attribute;
pub mod encoding;
pub mod expression;
pub mod limits;
pub mod number;
pub mod size;
pub mod value;
