//! Every state transition of SNS, as plain functions over a transaction.

pub mod archive;
pub mod deduplication;
pub mod fan_out;
pub mod publish;
pub mod replay;
pub mod subscription;
pub mod topic;
