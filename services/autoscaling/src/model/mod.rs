//! Every state transition, a plain function over a transaction.

pub mod action;
pub mod activity;
pub mod policy;
pub mod target;
