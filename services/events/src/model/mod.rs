//! State transitions: plain functions over a transaction.

pub mod archive;
pub mod bus;
pub mod connection;
pub mod destination;
pub mod replay;
pub mod rule;
pub mod send;
pub mod tag;
pub mod target;
pub mod told;
