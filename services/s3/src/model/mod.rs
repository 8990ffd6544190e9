//! Every state transition, a plain synchronous function over a transaction.

pub mod bucket;
pub mod content;
pub mod list;
pub mod object;
pub mod setting;
pub mod upload;

#[cfg(test)]
mod tests;
