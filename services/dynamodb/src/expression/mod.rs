//! DynamoDB's expression language: condition, filter, key condition, projection and update expressions, and the older
//! parameters that say the same.
//!
//! An expression goes through three steps: [`parser`] turns text into a tree of what was written; each kind of
//! expression checks its tree in the order in which AWS reports mistakes, resolves `#names` and `:values` through a
//! [`Scope`], and becomes a tree of what it means; and that is evaluated over items as they are stored.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html>

mod condition;
mod error;
mod evaluate;
mod key_condition;
pub mod legacy;
mod lexer;
mod parser;
mod path;
mod projection;
mod reserved;
mod scope;
mod update;
mod update_apply;

pub use condition::{Comparator, Condition, Literal, Operand};
pub use error::Error;
pub use key_condition::{KeyCondition, KeyOperator};
pub use path::{Path, Step};
pub use projection::Projection;
pub use scope::Scope;
pub use update::{Action, SetValue, Update, UpdateOperand};
pub use update_apply::ApplyError;
