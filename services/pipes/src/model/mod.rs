//! Every state transition of pipes, as plain functions over a transaction.

pub mod pipe;
