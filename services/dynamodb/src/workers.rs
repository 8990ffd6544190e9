//! What DynamoDB does by itself, each step a timer and a transaction: filling new indexes, removing expired items and
//! old records of streams, and clearing away what deleted tables and indexes held.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, timers};

use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{CLEARING_RETRY, EXPIRY_INTERVAL, TRIM_INTERVAL};
use crate::model::stream::{self, Trimmed};
use crate::model::table::Extent;
use crate::model::{
    backup, bulk, copy, destination, expiry, export, import, index, recovery, table, transfer, undo, vector,
};
use crate::types::Table;

/// Work that goes on: the key of its timer. The timer's payload is how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The table it is on. One of the same name made later has another number.
    pub table: Arn,
    pub id: u64,
    pub kind: Kind,
}
kv::stored!(Work, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// Adds the items that are there to a new index, by its number.
    FillIndex(u64),
    /// Adds the vectors that are there to a new vector index, by its number.
    FillVectors(u64),
    /// Lists when the items that are there expire, for the time to live enabled at this moment.
    FillExpiries(Timestamp),
    /// Removes expired items, for as long as the time to live enabled at this moment lasts.
    Sweep(Timestamp),
    /// Deletes what is kept under the number of a table or index that is gone.
    Clear(u64),
    /// Deletes old records of the stream with this label, and at last the stream.
    Trim(String),
    /// Deletes what is kept under the number of a table that has become a backup, but for its items.
    Strip(u64),
    /// Copies what is kept under the number of the table or backup that it is on, for what becomes of the copy.
    Copy(u64),
    /// Forgets changes that lie too far back, for as long as the point-in-time recovery set at this moment lasts.
    TrimChanges(Timestamp),
    /// Forgets all changes, since nothing needs them any more.
    ForgetChanges,
    /// Removes the backup of a deleted table, whose time is over.
    Expire(Arn),
    /// Forgets an export, import or bulk put that was begun long ago.
    ForgetTransfer(Arn),
    /// Ends what was begun with the Kinesis stream of this ARN as a destination.
    SettleDestination(String),
}

/// Has work on a table begin, or go on from `cursor`, at `at`.
pub fn schedule(tx: &mut Tx, at: Timestamp, table: &Table, kind: Kind, cursor: Option<Vec<u8>>) -> Result<(), Error> {
    set(tx, at, &Work { table: table.arn.clone(), id: table.id, kind }, cursor)
}

/// Has work begin on what is kept under a number: that of a table, or of something that is left of one.
pub fn start(tx: &mut Tx, at: Timestamp, table: &Arn, id: u64, kind: Kind) -> Result<(), Error> {
    set(tx, at, &Work { table: table.clone(), id, kind }, None)
}

fn set(tx: &mut Tx, at: Timestamp, work: &Work, cursor: Option<Vec<u8>>) -> Result<(), Error> {
    let (key, payload) = (kv::Stored::to_bytes(work)?, Bytes::from(cursor.unwrap_or_default()));
    match work.kind.pause() {
        Some(pause) => timers::set_regular(tx, "dynamodb", at, &key, &payload, pause)?,
        None => timers::set(tx, "dynamodb", at, &key, &payload)?,
    }
    Ok(())
}

impl Kind {
    /// How long it is from one time to the next, of work that has no end.
    fn pause(&self) -> Option<Duration> {
        match self {
            Kind::Sweep(_) => Some(EXPIRY_INTERVAL),
            Kind::Trim(_) => Some(TRIM_INTERVAL),
            _ => None,
        }
    }
}

/// The next step of some work is due.
pub fn fire(_: &DynamoDb, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), ServiceError> {
    let work = <Work as kv::Stored>::from_bytes(&Bytes::copy_from_slice(&timer.key))?;
    Ok(step(tx, cx.now(), work, &timer.payload)?)
}

/// Clears away a table, index or backup that is gone: at once when it is small.
pub fn clear(tx: &mut Tx, now: Timestamp, table: &Arn, id: u64) -> Result<(), Error> {
    let work = Work { table: table.clone(), id, kind: Kind::Clear(id) };
    clear_step(tx, now, &work, id, Extent::All)
}

/// Clears away what a table had beside its items, which are a backup now.
pub fn strip(tx: &mut Tx, now: Timestamp, table: &Table) -> Result<(), Error> {
    let work = Work { table: table.arn.clone(), id: table.id, kind: Kind::Strip(table.id) };
    clear_step(tx, now, &work, table.id, Extent::AllButItems)
}

fn clear_step(tx: &mut Tx, now: Timestamp, work: &Work, id: u64, extent: Extent) -> Result<(), Error> {
    if copy::is_source(tx, id)? {
        return set(tx, now + CLEARING_RETRY, work, None);
    }
    if table::clear(tx, id, extent)? { set(tx, now, work, None) } else { Ok(()) }
}

fn step(tx: &mut Tx, now: Timestamp, work: Work, cursor: &[u8]) -> Result<(), Error> {
    match &work.kind {
        Kind::Clear(id) => clear_step(tx, now, &work, *id, Extent::All),
        Kind::Strip(id) => clear_step(tx, now, &work, *id, Extent::AllButItems),
        Kind::Trim(label) => match stream::trim(tx, &work.table, label, now)? {
            Trimmed::More => set(tx, now, &work, None),
            Trimmed::All => set(tx, now + TRIM_INTERVAL, &work, None),
            Trimmed::Gone => Ok(()),
        },
        Kind::Copy(target) => match caught(|| copy::step(tx, &work.table, work.id, *target, now)) {
            Ok(Some(pause)) => set(tx, now + pause, &work, None),
            Ok(None) => Ok(()),
            Err(error) if error.is_unavailable() => Err(error),
            Err(error) => copy::abandon(tx, &work.table, work.id, *target, now, &error),
        },
        Kind::Expire(backup) => expire(tx, now, &work, backup),
        Kind::ForgetTransfer(arn) => forget(tx, now, &work, arn),
        _ => step_of_table(tx, now, work, cursor),
    }
}

/// A step that panics has failed like others: what is to become of it would otherwise be decided by nobody.
fn caught<T>(step: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| Err(kv::Error::Panicked("see the log".into()).into()))
}

fn expire(tx: &mut Tx, now: Timestamp, work: &Work, backup: &Arn) -> Result<(), Error> {
    match backup::find(tx, &backup.region, backup) {
        Ok(backup) if copy::is_source(tx, backup.id)? => set(tx, now + CLEARING_RETRY, work, None),
        Ok(backup) => backup::remove(tx, &backup, now),
        Err(Error::BackupNotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// One that is still under way after all the time is not forgotten yet.
fn forget(tx: &mut Tx, now: Timestamp, work: &Work, arn: &Arn) -> Result<(), Error> {
    if transfer::is_under_way(tx, work.id)? {
        return set(tx, now + TRIM_INTERVAL, work, None);
    }
    match transfer::Kind::of(arn) {
        Some(transfer::Kind::Export) => export::forget(tx, arn),
        Some(transfer::Kind::Import) => import::forget(tx, arn),
        Some(transfer::Kind::Bulk) => bulk::forget(tx, arn),
        None => Ok(()),
    }
}

/// A step of the work that ends with its table.
fn step_of_table(tx: &mut Tx, now: Timestamp, work: Work, cursor: &[u8]) -> Result<(), Error> {
    let Some(table) = table::same(tx, &work.table, work.id)?.filter(|table| table.is_made()) else {
        return Ok(());
    };
    let cursor = (!cursor.is_empty()).then_some(cursor);
    let lasts = |since: Timestamp| table.expiry.as_ref().is_some_and(|expiry| expiry.enabled && expiry.since == since);
    match work.kind {
        Kind::FillIndex(id) => {
            let Some(index) = table.global_indexes.iter().find(|index| index.id == id) else { return Ok(()) };
            match index::backfill(tx, &table, index, cursor)? {
                Some(next) => schedule(tx, now, &table, work.kind, Some(next)),
                None => finish_index(tx, &table, id),
            }
        }
        Kind::FillVectors(id) => {
            let Some(index) = table.vector_indexes.iter().find(|index| index.id == id) else { return Ok(()) };
            match vector::backfill(tx, &table, index, cursor)? {
                Some(next) => schedule(tx, now, &table, work.kind, Some(next)),
                None => finish_index(tx, &table, id),
            }
        }
        Kind::FillExpiries(since) if lasts(since) => match expiry::fill(tx, &table, cursor)? {
            Some(next) => schedule(tx, now, &table, work.kind, Some(next)),
            None => Ok(()),
        },
        Kind::Sweep(since) if lasts(since) => {
            let more = expiry::sweep(tx, &table, now)?;
            schedule(tx, if more { now } else { now + EXPIRY_INTERVAL }, &table, work.kind, None)
        }
        Kind::TrimChanges(enabled) => match table.recovery.as_ref().filter(|recovery| recovery.enabled == enabled) {
            Some(recovery) => match recovery::look(tx, &table, recovery, now)? {
                Some(next) => schedule(tx, next, &table, work.kind, None),
                None => Ok(()),
            },
            None => Ok(()),
        },
        Kind::ForgetChanges if !table.is_journaled() => match undo::clear(tx, table.id)? {
            true => schedule(tx, now, &table, work.kind, None),
            false => Ok(()),
        },
        Kind::SettleDestination(stream) => destination::settle(tx, &table, &stream),
        _ => Ok(()),
    }
}

fn finish_index(tx: &mut Tx, table: &Table, id: u64) -> Result<(), Error> {
    let mut table = table.clone();
    table.global_indexes.iter_mut().filter(|index| index.id == id).for_each(|index| index.backfilling = false);
    table.vector_indexes.iter_mut().filter(|index| index.id == id).for_each(|index| index.backfilling = false);
    table::put(tx, &table)
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    #[test]
    fn steps_that_panic_have_failed() {
        assert_eq!(caught(|| Ok(1)).ok(), Some(1));
        let failed = caught::<()>(|| panic!("asked to")).unwrap_err();
        assert!(!failed.is_unavailable(), "it is not tried again for ever: {failed}");
    }

    #[test]
    fn golden_bytes() {
        let table = "arn:aws:dynamodb:us-east-1:000000000000:table/tab".parse().unwrap();
        let work = Work { table, id: 7, kind: Kind::FillIndex(8) };
        let bytes = work.to_bytes().unwrap();
        let golden = b"\x01\x83\xa5table\xd91arn:aws:dynamodb:us-east-1:000000000000:table/tab\xa2id\x07\xa4kind\x81\xa9FillIndex\x08";
        assert_eq!(bytes, golden.as_slice());
        assert_eq!(Work::from_bytes(&bytes), Ok(work));
    }
}
