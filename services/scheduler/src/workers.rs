//! What the Scheduler does by itself: fires schedules, and takes the steps of deleting groups.

use base::Arn;
use kv::Tx;
use service::{Cx, Error, timers};

use crate::model::{fire, group};
use crate::name::{group_of, schedule_of};

/// A timer is of a schedule or of a group, as its ARN tells.
pub fn fire(_: &(), cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), Error> {
    let arn = std::str::from_utf8(&timer.key).ok().and_then(|arn| arn.parse::<Arn>().ok());
    let arn = arn.ok_or_else(|| Error::internal("a timer of the Scheduler names nothing"))?;
    if schedule_of(&arn).is_some() {
        return Ok(fire::fire(tx, cx, &arn, timer.at)?);
    }
    match group_of(&arn) {
        Some(name) => Ok(group::step(tx, cx.now(), &arn.region, name)?),
        None => Err(Error::internal(format_args!("a timer of the Scheduler is of {arn}"))),
    }
}
