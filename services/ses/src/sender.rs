//! SES as a sender: when messages and events are tried again, and what becomes of those that never arrive.

use std::time::Duration;

use base::Timestamp;
use kv::Tx;
use service::{Cx, Delivery, Error as ServiceError, Failure, Sender, backoff};

use crate::limits::{DELIVERY_TIME, EVENT_TIME, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};
use crate::model::message::{self, End};
use crate::target::bounce_of;

pub struct SesSender;

/// For how long a delivery is tried: a message as its configuration set says.
fn time(cx: &Cx, delivery: &Delivery) -> Duration {
    if delivery.to.service != "ses" {
        return EVENT_TIME;
    }
    let letter = message::letter(delivery).ok().flatten();
    let read = letter.zip(cx.db().read().ok());
    let stated = read.and_then(|(letter, read)| message::delivery_time(&read, &letter).ok().flatten());
    stated.unwrap_or(DELIVERY_TIME)
}

impl Sender for SesSender {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, _: &Failure) -> Option<Timestamp> {
        let pause = backoff(delivery.attempts, cx.env().random_u64(), RETRY_PAUSE_MIN, RETRY_PAUSE_MAX);
        let at = cx.env().now() + pause;
        (at.since(delivery.accepted) <= time(cx, delivery)).then_some(at)
    }

    fn undelivered(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), ServiceError> {
        let Some(letter) = message::letter(delivery)? else {
            // A verification mail that did not arrive leaves an identity that is not verified; nobody is told of a notice.
            let (to, from, reason) = (&delivery.to, &delivery.from, &failure.message);
            tracing::warn!(%to, %from, code = failure.code, reason, "what tells of a mail, or asks for verification, was not delivered");
            return Ok(());
        };
        Ok(message::settle(tx, cx, &letter, &End::Bounced(bounce_of(failure)), true)?)
    }
}
