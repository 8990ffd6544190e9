//! SES as a sender: when messages and events are tried again, and what becomes of those that never arrive.

use std::time::Duration;

use base::Timestamp;
use kv::Tx;
use service::{Cx, Delivery, Error as ServiceError, Failure, Sender};

use crate::limits::{DELIVERY_TIME, EVENT_TIME, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN};
use crate::links;
use crate::model::message::{self, End, Letter};
use crate::target::bounce_of;

pub struct SesSender;

/// Whether a delivery is a message on its way to a recipient, not an event that tells of one.
fn is_message(delivery: &Delivery) -> bool {
    delivery.to.service == "ses" && !links::is_request(delivery)
}

impl Sender for SesSender {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, _: &Failure) -> Option<Timestamp> {
        let at = cx.env().now() + pause(delivery.attempts, cx.env().random_u64());
        let is_mail = delivery.to.service == "ses";
        let most = if is_mail { DELIVERY_TIME } else { EVENT_TIME };
        (at.since(delivery.accepted) <= most).then_some(at)
    }

    fn undelivered(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), ServiceError> {
        if !is_message(delivery) {
            // A verification mail that did not arrive leaves an identity that is not verified.
            let (to, from, reason) = (&delivery.to, &delivery.from, &failure.message);
            tracing::warn!(%to, %from, code = failure.code, reason, "what tells of a mail, or asks for verification, was not delivered");
            return Ok(());
        }
        let letter: Letter = serde_json::from_slice(&delivery.event).map_err(ServiceError::internal)?;
        Ok(message::settle(tx, cx, &letter, &End::Bounced(bounce_of(failure)), true)?)
    }
}

/// Twice as long after each attempt, and by chance up to half of that less, so that what failed together is not tried
/// together.
fn pause(attempts: u32, random: u64) -> Duration {
    let longest = RETRY_PAUSE_MIN.saturating_mul(1 << attempts.min(16)).min(RETRY_PAUSE_MAX);
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis - random % (millis / 2 + 1))
}
