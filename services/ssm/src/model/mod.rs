//! State transitions: plain functions over a transaction.

pub mod parameter;
pub mod policy;
