//! What DynamoDB does by itself, each step a timer and a transaction: filling new indexes, removing expired items and
//! old records of streams, and clearing away what deleted tables and indexes held.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, timers};

use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{EXPIRY_INTERVAL, TRIM_INTERVAL};
use crate::model::stream::{self, Trimmed};
use crate::model::{expiry, index, table};
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
    /// Lists when the items that are there expire, for the time to live enabled at this moment.
    FillExpiries(Timestamp),
    /// Removes expired items, for as long as the time to live enabled at this moment lasts.
    Sweep(Timestamp),
    /// Deletes what is kept under the number of a table or index that is gone.
    Clear(u64),
    /// Deletes old records of the stream with this label, and at last the stream.
    Trim(String),
}

/// Has `work` on a table begin, or go on from `cursor`, at `at`.
pub fn schedule(tx: &mut Tx, at: Timestamp, table: &Table, kind: Kind, cursor: Option<Vec<u8>>) -> Result<(), Error> {
    set(tx, at, &Work { table: table.arn.clone(), id: table.id, kind }, cursor)
}

fn set(tx: &mut Tx, at: Timestamp, work: &Work, cursor: Option<Vec<u8>>) -> Result<(), Error> {
    let key = kv::Stored::to_bytes(work)?;
    Ok(timers::set(tx, "dynamodb", at, &key, &Bytes::from(cursor.unwrap_or_default()))?)
}

/// The next step of some work is due.
pub fn fire(_: &DynamoDb, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), ServiceError> {
    let work = <Work as kv::Stored>::from_bytes(&Bytes::copy_from_slice(&timer.key))?;
    Ok(step(tx, cx.now(), work, &timer.payload)?)
}

/// Clears away a table or index that is gone: at once when it is small.
pub fn clear(tx: &mut Tx, now: Timestamp, table: &Table, id: u64) -> Result<(), Error> {
    if table::clear(tx, id)? { schedule(tx, now, table, Kind::Clear(id), None) } else { Ok(()) }
}

fn step(tx: &mut Tx, now: Timestamp, work: Work, cursor: &[u8]) -> Result<(), Error> {
    if let Kind::Clear(id) = work.kind {
        return match table::clear(tx, id)? {
            true => set(tx, now, &work, None),
            false => Ok(()),
        };
    }
    if let Kind::Trim(label) = &work.kind {
        return match stream::trim(tx, &work.table, label, now)? {
            Trimmed::More => set(tx, now, &work, None),
            Trimmed::All => set(tx, now + TRIM_INTERVAL, &work, None),
            Trimmed::Gone => Ok(()),
        };
    }
    let Ok(table) = table::find(tx, &work.table.region, &work.table.to_string()) else { return Ok(()) };
    if table.id != work.id {
        return Ok(());
    }
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
        Kind::FillExpiries(since) if lasts(since) => match expiry::fill(tx, &table, cursor)? {
            Some(next) => schedule(tx, now, &table, work.kind, Some(next)),
            None => Ok(()),
        },
        Kind::Sweep(since) if lasts(since) => {
            let more = expiry::sweep(tx, &table, now)?;
            schedule(tx, if more { now } else { now + EXPIRY_INTERVAL }, &table, work.kind, None)
        }
        Kind::FillExpiries(_) | Kind::Sweep(_) | Kind::Clear(_) | Kind::Trim(_) => Ok(()),
    }
}

fn finish_index(tx: &mut Tx, table: &Table, id: u64) -> Result<(), Error> {
    let mut table = table.clone();
    table.global_indexes.iter_mut().filter(|index| index.id == id).for_each(|index| index.backfilling = false);
    table::put(tx, &table)
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

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
