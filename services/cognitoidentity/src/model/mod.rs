//! Every state transition, as functions over a transaction.

pub mod identity;
pub mod pool;
