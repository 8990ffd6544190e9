//! The mailbox: the newest mails, in the store.

use base::Timestamp;
use kv::{Order, Read, Table, Tx};
use service::prefix;

use crate::{Error, Mail, Outgoing, source};

const MAILS: Table<String, Mail> = Table::new(prefix::MAIL, 1);
const BY_TIME: Table<(Timestamp, String), ()> = Table::new(prefix::MAIL, 2);
/// Mails that are kept: the oldest make room.
const KEPT_MAX: usize = 1_000;
/// The longest mail that is kept as it would have gone out, in bytes.
const SOURCE_BYTES_MAX: usize = 256 * 1024;

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

/// Puts a mail there for one of its recipients, or adds the recipient to the mail that is there.
pub fn add(tx: &mut Tx, outgoing: &Outgoing) -> Result<(), Error> {
    let mut mail = match find(tx, &outgoing.id)? {
        Some(mail) => mail,
        None => read(outgoing),
    };
    if !mail.to.contains(&outgoing.recipient) {
        mail.to.push(outgoing.recipient.clone());
    }
    put(tx, &mail)
}

fn read(outgoing: &Outgoing) -> Mail {
    let contents = source::read(&outgoing.source);
    let short = outgoing.source.len() <= SOURCE_BYTES_MAX;
    Mail {
        id: outgoing.id.clone(),
        sent: outgoing.sent,
        from: contents.from.first().map_or_else(|| outgoing.sender.clone().unwrap_or_default(), ToString::to_string),
        to: Vec::new(),
        subject: contents.subject.unwrap_or_default(),
        text: kept(contents.text.unwrap_or_default()),
        html: contents.html.map(kept),
        attachments: contents.attachments,
        source: short.then(|| String::from_utf8_lossy(&outgoing.source).into_owned()),
    }
}

/// As much of a text as is kept of one.
fn kept(mut text: String) -> String {
    if text.len() > SOURCE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(SOURCE_BYTES_MAX));
    }
    text
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
