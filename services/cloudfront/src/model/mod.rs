//! State transitions: plain functions over a transaction.

pub mod distribution;
pub mod entity;
pub mod invalidation;

use kv::{EncodeKey, Read, Table, Tx};

use crate::error::Error;
use crate::keys::USES;

/// Makes `who` the one who names exactly `wanted`.
fn set_uses(tx: &mut Tx, who: (u8, &str), before: &[(u8, String)], wanted: &[(u8, String)]) -> Result<(), Error> {
    for (kind, id) in before {
        USES.delete(tx, (*kind, id, who.0, who.1))?;
    }
    for (kind, id) in wanted {
        USES.put(tx, (*kind, id, who.0, who.1), &())?;
    }
    Ok(())
}

/// Whether a table has `most` rows under a prefix.
fn is_full<K: kv::DecodeKey, V: kv::Stored>(
    read: &(impl Read + ?Sized),
    table: &Table<K, V>,
    prefix: impl EncodeKey,
    most: usize,
) -> Result<bool, Error> {
    let mut count = 0;
    for key in table.scan_prefix(read, prefix, kv::Order::Forward)?.keys().take(most) {
        key?;
        count += 1;
    }
    Ok(count >= most)
}
