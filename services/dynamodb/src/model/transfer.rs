//! What exports, imports and bulk puts have in common: their names, their clients' tokens, the list of those under way, and
//! of all; and how the items of the last two come into their table.

use std::time::Duration;

use base::{Arn, Timestamp};
use kv::{Order, Read, Stored, Table, Tx};

use super::item::{self, Transition, WriteUnits};
use super::stream::Occasion;
use super::{collection, index, vector};
use crate::encoding::{ItemRef, StoredItem};
use crate::error::Error;
use crate::expression::Condition;
use crate::keys::{TRANSFER_TOKENS, TRANSFERS, transfer_channel};
use crate::size::item_size;
use crate::types::{self, TransferToken};
use crate::workers::{self, Kind as Work};

/// How long a client's token makes a request that is sent again the same one.
const TOKEN_LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// How long it is told of an export, import or bulk put.
const RECORD_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Export,
    Import,
    Bulk,
}

impl Kind {
    /// As ARNs have it: `export`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Export => "export",
            Kind::Import => "import",
            Kind::Bulk => "bulk-operation",
        }
    }

    /// The table's name and the identifier in an ARN.
    pub fn place(self, arn: &Arn) -> Option<(&str, &str)> {
        let (table, rest) = arn.resource.strip_prefix("table/")?.split_once('/')?;
        let id = rest.strip_prefix(self.name())?.strip_prefix('/')?;
        (!id.contains('/')).then_some((table, id))
    }

    /// What this ARN is of.
    pub fn of(arn: &Arn) -> Option<Kind> {
        [Kind::Export, Kind::Import, Kind::Bulk].into_iter().find(|kind| kind.place(arn).is_some())
    }

    /// The ARN of one of `table`, whose identifier begins with when it began.
    pub fn arn(self, table: &Arn, began: Timestamp, suffix: &str) -> Arn {
        let id = format!("{:014}-{suffix}", began.as_millis());
        Arn { resource: format!("{}/{}/{id}", table.resource, self.name()), ..table.clone() }
    }
}

/// An item that a source has, to be put if a condition holds.
#[derive(Debug)]
pub struct Put {
    pub item: StoredItem,
    pub condition: Option<Condition>,
}

impl From<StoredItem> for Put {
    fn from(item: StoredItem) -> Put {
        Put { item, condition: None }
    }
}

/// What became of a record: an item, or why it is none.
pub type Record = Result<Put, String>;

/// What a put took.
#[derive(Debug)]
pub struct Done {
    pub units: WriteUnits,
    /// Bytes of the item before and after.
    pub bytes: usize,
}

/// Puts an item of a source into a table. Where it is refused, nothing has been written.
///
/// # Errors
/// `ConditionalCheckFailed`, with the item there is; whatever is wrong with the item.
pub fn put_item(tx: &mut Tx, into: &types::Table, put: &Put, now: Timestamp) -> Result<Done, Error> {
    let key = into.key.locate_item(put.item.view())?;
    index::check_keys(into, put.item.view())?;
    vector::check(into, None, put.item.view())?;
    let before = item::get(tx, into, &key)?;
    let held = before.as_ref().map_or(ItemRef::EMPTY, StoredItem::view);
    if put.condition.as_ref().is_some_and(|condition| !condition.holds(held)) {
        return Err(Error::ConditionalCheckFailed(before));
    }
    let (before, after, occasion) = (before.as_ref(), Some(&put.item), Occasion::request(now));
    let transition = Transition { table: into, key: &key, before, after, occasion };
    collection::check(tx, &transition)?;
    let bytes = before.map_or(0, |before| item_size(before.view())) + item_size(put.item.view());
    Ok(Done { units: item::store(tx, &transition)?, bytes })
}

/// Why an item of a source was refused; errors that are not about the item fail the whole.
///
/// # Errors
/// Those.
pub fn refusal(error: Error) -> Result<String, Error> {
    match error {
        Error::Validation(_) | Error::CollectionTooLarge => Ok(error.to_string()),
        other => Err(other),
    }
}

/// Rows by region, identifier and table.
pub type Rows<T> = Table<(String, String, String), T>;

/// # Errors
/// When the store cannot be read.
pub fn find<T: Stored>(read: &(impl Read + ?Sized), rows: &Rows<T>, kind: Kind, arn: &Arn) -> Result<Option<T>, Error> {
    let Some((table, id)) = kind.place(arn) else { return Ok(None) };
    Ok(rows.get(read, (&*arn.region, id, table))?)
}

/// # Errors
/// When the store refuses.
pub fn put<T: Stored>(tx: &mut Tx, rows: &Rows<T>, kind: Kind, arn: &Arn, one: &T) -> Result<(), Error> {
    let Some((table, id)) = kind.place(arn) else { return Ok(()) };
    Ok(rows.put(tx, (&*arn.region, id, table), one)?)
}

/// A page of those of a region, or of one table, from the newest on: those before the one in the place `after`, and whether
/// there are more.
///
/// # Errors
/// When the store cannot be read.
pub fn list<T: Stored>(
    read: &(impl Read + ?Sized),
    rows: &Rows<T>,
    (region, table): (&str, Option<&str>),
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<(Vec<T>, bool), Error> {
    let range = rows.prefix_range(region);
    let range = match after {
        Some((id, table)) => range.after(&rows.key_bytes((region, id, table)), Order::Reverse),
        None => range,
    };
    let mut page = Vec::new();
    for row in rows.scan_bytes(read, range, Order::Reverse)? {
        let ((_, _, of), one) = row?;
        if table.is_some_and(|table| table != of) {
            continue;
        }
        if page.len() == limit {
            return Ok((page, true));
        }
        page.push(one);
    }
    Ok((page, false))
}

/// What was begun with a client's token, if that was not too long ago.
///
/// # Errors
/// When the store cannot be read.
pub fn begun(tx: &Tx, account: &str, kind: Kind, token: &str, now: Timestamp) -> Result<Option<Arn>, Error> {
    let known = TRANSFER_TOKENS.get(tx, (account, kind.name(), token))?;
    Ok(known.filter(|known| known.expires > now).map(|known| known.arn))
}

/// Has one begin: it is known by its client's token, is under way until it is [over], and is told of for a time.
///
/// # Errors
/// When the store refuses.
pub fn begin(
    tx: &mut Tx,
    kind: Kind,
    arn: &Arn,
    (id, table): (u64, &Arn),
    token: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let known = TransferToken { arn: arn.clone(), expires: now + TOKEN_LIFETIME };
    TRANSFER_TOKENS.put(tx, (&*arn.account, kind.name(), token), &known)?;
    TRANSFERS.put(tx, id, &arn.to_string())?;
    tx.wake(&transfer_channel());
    workers::start(tx, now + RECORD_LIFETIME, table, id, Work::ForgetTransfer(arn.clone()))
}

/// # Errors
/// When the store cannot be read.
pub fn is_under_way(read: &impl Read, id: u64) -> Result<bool, Error> {
    Ok(TRANSFERS.contains(read, id)?)
}

/// One is under way no more.
///
/// # Errors
/// When the store refuses.
pub fn over(tx: &mut Tx, id: u64) -> Result<(), Error> {
    Ok(TRANSFERS.delete(tx, id)?)
}

/// Forgets one that is over, with its client's token unless that stands for another by now.
///
/// # Errors
/// When the store refuses.
pub fn forget<T: Stored>(tx: &mut Tx, rows: &Rows<T>, kind: Kind, arn: &Arn, token: &str) -> Result<(), Error> {
    let place = (&*arn.account, kind.name(), token);
    if TRANSFER_TOKENS.get(tx, place)?.is_some_and(|known| known.arn == *arn) {
        TRANSFER_TOKENS.delete(tx, place)?;
    }
    let Some((table, id)) = kind.place(arn) else { return Ok(()) };
    Ok(rows.delete(tx, (&*arn.region, id, table))?)
}
