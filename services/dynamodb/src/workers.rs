//! What DynamoDB does by itself, each step a timer and a transaction: filling new indexes, and removing expired items.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, timers};

use crate::DynamoDb;
use crate::error::Error;
use crate::limits::EXPIRY_INTERVAL;
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
}

/// Has `work` on a table begin, or go on from `cursor`, at `at`.
pub fn schedule(tx: &mut Tx, at: Timestamp, table: &Table, kind: Kind, cursor: Option<Vec<u8>>) -> Result<(), Error> {
    let work = Work { table: table.arn.clone(), id: table.id, kind };
    let key = kv::Stored::to_bytes(&work)?;
    Ok(timers::set(tx, "dynamodb", at, &key, &Bytes::from(cursor.unwrap_or_default()))?)
}

/// The next step of some work is due.
pub fn fire(_: &DynamoDb, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), ServiceError> {
    let work = <Work as kv::Stored>::from_bytes(&Bytes::copy_from_slice(&timer.key))?;
    Ok(step(tx, cx.now(), work, &timer.payload)?)
}

fn step(tx: &mut Tx, now: Timestamp, work: Work, cursor: &[u8]) -> Result<(), Error> {
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
        Kind::FillExpiries(_) | Kind::Sweep(_) => Ok(()),
    }
}

fn finish_index(tx: &mut Tx, table: &Table, id: u64) -> Result<(), Error> {
    let mut table = table.clone();
    table.global_indexes.iter_mut().filter(|index| index.id == id).for_each(|index| index.backfilling = false);
    table::put(tx, &table)
}
