//! Every state transition of SQS, as plain functions over a transaction.

pub mod deduplication;
pub mod fair;
pub mod fifo;
pub mod letters;
pub mod message;
pub mod moving;
pub mod queue;
