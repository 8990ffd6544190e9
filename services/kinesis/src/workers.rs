//! What Kinesis does by itself: forgetting records past their retention, and going on with streams that get more shards or fewer.

use kv::Tx;
use service::{Cx, Error, timers::Timer};

use crate::Kinesis;
use crate::model::{scaling, trim};

/// A stream is to be looked through, or scaled. Either takes a bounded step, and sets the next timer.
pub fn fire(_: &Kinesis, cx: &Cx, tx: &mut Tx, timer: &Timer) -> Result<(), Error> {
    if let Some((id, arn)) = scaling::of_timer(timer) {
        return Ok(scaling::go_on(tx, id, &arn, cx.now())?);
    }
    let (id, arn, from) = trim::of_timer(timer).ok_or_else(|| Error::internal("a timer names no stream"))?;
    Ok(trim::step(tx, id, &arn, from, cx.now())?)
}
