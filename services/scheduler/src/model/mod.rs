//! Every state transition, as a plain function over a transaction.

pub mod fire;
pub mod group;
pub mod schedule;
pub mod token;
