//! An ordered, transactional key-value store: everything durable in Cloudlet lives in one.
//!
//! [`Db`] runs synchronous transactions in order and hands their writes, a batch at a time, to an [`Engine`].
//! [`Table`] gives keys and values their types; layers above never touch bytes.

mod batch;
mod db;
mod engine;
mod error;
mod journal;
mod key;
pub mod limits;
mod memory;
mod merge;
mod range;
mod record;
mod stored;
#[cfg(feature = "suite")]
pub mod suite;
mod table;
mod tx;
mod watch;
mod writer;

pub use batch::Batch;
pub use db::{Answer, Db, Snap};
pub use engine::{Engine, Read, Scan, Snapshot, Stats, Ticket};
pub use error::Error;
pub use journal::{Entry, Journal};
pub use key::{DecodeKey, Desc, EncodeKey, KeyReader, KeyWriter, Partial};
pub use memory::Memory;
pub use range::{KeyRange, Order};
pub use stored::{Stored, decode_stored, encode_stored, unknown_version};
pub use table::{Rows, Table, page};
pub use tx::Tx;
pub use watch::Watch;

#[doc(hidden)]
pub use bytes::Bytes;
