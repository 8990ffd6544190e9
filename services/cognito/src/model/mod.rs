//! Every state transition, as functions over a transaction.

pub mod client;
pub mod code;
pub mod grant;
pub mod group;
pub mod pool;
pub mod user;
