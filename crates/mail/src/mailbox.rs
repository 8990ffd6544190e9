//! The mailbox: the newest mails, in the store.

use base::Timestamp;
use kv::{Order, Read, Table, Tx};
use service::prefix;

use crate::{Error, Mail};

const MAILS: Table<String, Mail> = Table::new(prefix::MAIL, 1);
const BY_TIME: Table<(Timestamp, String), ()> = Table::new(prefix::MAIL, 2);
/// Mails that are kept: the oldest make room.
const KEPT_MAX: usize = 1_000;

pub fn put(tx: &mut Tx, mail: &Mail) -> Result<(), Error> {
    if let Some(before) = MAILS.get(tx, &*mail.id)? {
        BY_TIME.delete(tx, (before.sent, &*mail.id))?;
    }
    MAILS.put(tx, &*mail.id, mail)?;
    BY_TIME.put(tx, (mail.sent, &*mail.id), &())?;
    let old = BY_TIME.scan(&*tx, Order::Reverse)?.keys().skip(KEPT_MAX).collect::<Result<Vec<_>, _>>()?;
    for (sent, id) in old {
        BY_TIME.delete(tx, (sent, &*id))?;
        MAILS.delete(tx, &*id)?;
    }
    Ok(())
}

/// The newest mails, newest first.
///
/// # Errors
/// When the store cannot be read.
pub fn list(read: &(impl Read + ?Sized), limit: usize) -> Result<Vec<Mail>, kv::Error> {
    let mut mails = Vec::new();
    for key in BY_TIME.scan(read, Order::Reverse)?.keys().take(limit) {
        mails.extend(find(read, &key?.1)?);
    }
    Ok(mails)
}

/// # Errors
/// When the store cannot be read.
pub fn find(read: &(impl Read + ?Sized), id: &str) -> Result<Option<Mail>, kv::Error> {
    MAILS.get(read, id)
}
