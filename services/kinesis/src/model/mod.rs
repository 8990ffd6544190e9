//! Every state transition, a plain function over a transaction.

pub mod consumer;
pub mod hash;
pub mod policy;
pub mod record;
pub mod scaling;
pub mod shard;
pub mod stream;
pub mod trim;
