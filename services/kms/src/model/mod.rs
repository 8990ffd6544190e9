//! State transitions: plain functions over a transaction.

pub mod alias;
pub mod grant;
pub mod key;
pub mod material;
pub mod region;
