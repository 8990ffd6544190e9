//! What Kinesis does by itself: forgetting records past their retention.

use kv::Tx;
use service::{Cx, Error, timers::Timer};

use crate::Kinesis;
use crate::model::trim;

/// A stream is to be looked through. It looks at a bounded number of shards, and sets the next timer.
pub fn fire(_: &Kinesis, cx: &Cx, tx: &mut Tx, timer: &Timer) -> Result<(), Error> {
    let (id, arn, from) = trim::of_timer(timer).ok_or_else(|| Error::internal("a timer names no stream"))?;
    Ok(trim::step(tx, id, &arn, from, cx.now())?)
}
