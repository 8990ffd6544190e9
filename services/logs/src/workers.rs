//! What logs do by themselves: forgetting events past their retention, and those of deleted streams.

use kv::Tx;
use service::{Cx, Error, timers::Timer};

use crate::Logs;
use crate::model::{expiry, stream};

/// A timer has come due. It removes a bounded number of events, and sets the next timer.
pub fn fire(_: &Logs, cx: &Cx, tx: &mut Tx, timer: &Timer) -> Result<(), Error> {
    if let Some((group, stream)) = stream::removal(&timer.key) {
        return Ok(stream::remove_events(tx, cx.now(), group, stream)?);
    }
    match expiry::of_timer(&timer.key) {
        Some((region, name)) => Ok(expiry::expire(tx, cx.now(), region, name)?),
        None => Err(Error::internal("a timer names neither a log group nor a stream")),
    }
}
