//! Every state transition of CloudWatch Logs, as plain functions over a transaction.

pub mod append;
pub mod expiry;
pub mod group;
pub mod read;
pub mod stream;
