//! Every state transition, a plain synchronous function over a transaction.

pub mod acl;
pub mod bucket;
pub mod content;
pub mod lifecycle;
pub mod list;
pub mod lock;
pub mod object;
pub mod setting;
pub mod upload;

#[cfg(test)]
mod lifecycle_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unsealed_tests;
