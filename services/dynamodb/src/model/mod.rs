//! Every state transition: plain synchronous functions over a transaction or a snapshot.

pub mod backup;
pub mod bulk;
pub mod capacity;
pub mod changed;
pub mod collection;
pub mod copy;
pub mod destination;
pub mod expiry;
pub mod export;
pub mod follow;
pub mod import;
pub mod index;
pub mod item;
pub mod nearest;
pub mod page;
pub mod policy;
pub mod recovery;
pub mod stream;
pub mod table;
pub mod transaction;
pub mod transfer;
pub mod undo;
pub mod vector;
