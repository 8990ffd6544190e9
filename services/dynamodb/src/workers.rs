//! What DynamoDB does by itself: filling new indexes.

use kv::Tx;
use service::{Cx, Error, timers};

use crate::DynamoDb;
use crate::model::table;

/// The next step of filling an index is due.
pub fn fire(_: &DynamoDb, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), Error> {
    let key = String::from_utf8_lossy(&timer.key);
    Ok(table::continue_backfill(tx, cx.now(), &key, &timer.payload)?)
}
