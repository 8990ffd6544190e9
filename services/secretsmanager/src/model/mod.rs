//! State transitions: plain functions over a transaction.

pub mod rotation;
pub mod secret;
pub mod version;
