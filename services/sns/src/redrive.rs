//! SNS as a sender: when deliveries are tried again, and where those go that never arrive.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html>

use std::time::Duration;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Read, Tx};
use serde_json::Value;
use service::{Cx, Delivery, Error as ServiceError, Failure, Sender, outbox};

use crate::delivery_policy;
use crate::error::Error;
use crate::model::{subscription, topic};
use crate::notification::{self, Kind, Letter};
use crate::types::{Subscription, Topic};

pub struct Redrive;

/// The part of a delay by which retries are spread.
const JITTER: u32 = 10;

impl Sender for Redrive {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, _: &Failure) -> Option<Timestamp> {
        let read = cx.db().read().ok()?;
        let (topic, subscription) = of(&read, delivery).ok()??;
        let delay = delivery_policy::schedule(&topic, &subscription).delay(delivery.attempts + 1)?;
        let spread = u64::try_from((delay / JITTER).as_millis()).unwrap_or_default();
        let jitter = Duration::from_millis(cx.env().random_u64() % (spread + 1));
        Some(cx.env().now() + delay + jitter)
    }

    fn undelivered(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), ServiceError> {
        let (to, from, reason) = (&delivery.to, &delivery.from, &failure.message);
        tracing::warn!(%to, %from, code = failure.code, reason, "a message was not delivered");
        let Some((topic, subscription)) = of(tx, delivery)? else { return Ok(()) };
        let Some(redrive) = subscription.attributes.redrive.clone() else { return Ok(()) };
        // A dead-letter queue that fails is the end.
        if redrive.target == delivery.to {
            return Ok(());
        }
        let Some(text) = text(delivery)? else { return Ok(()) };
        let letter = Delivery {
            message: delivery.message.clone(),
            note: delivery.note.clone(),
            ..Delivery::new(cx, topic.arn, redrive.target, text)
        };
        Ok(outbox::send(tx, cx, letter, None)?)
    }
}

/// The subscription that a delivery is for; `None` when it is gone.
fn of(read: &(impl Read + ?Sized), delivery: &Delivery) -> Result<Option<(Topic, Subscription)>, Error> {
    let arn = std::str::from_utf8(&delivery.note).ok().and_then(|arn| arn.parse::<Arn>().ok());
    let Some(arn) = arn else { return Ok(None) };
    match subscription::find(read, &arn) {
        Ok(subscription) => Ok(Some((topic::find(read, &subscription.topic)?, subscription))),
        Err(Error::NoSuchSubscription) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the endpoint should have got; of a function, the notification in its event, as queues get it. Nothing of what asks for
/// confirmation.
fn text(delivery: &Delivery) -> Result<Option<Bytes>, Error> {
    let text = match delivery.to.service.as_str() {
        "sns" => {
            let letter: Letter = serde_json::from_slice(&delivery.event).map_err(ServiceError::internal)?;
            if letter.kind != Kind::Notification {
                return Ok(None);
            }
            letter.body.into()
        }
        "lambda" => {
            let event: Value = serde_json::from_slice(&delivery.event).map_err(ServiceError::internal)?;
            notification::of_event(&event).into()
        }
        _ => delivery.event.clone(),
    };
    Ok(Some(text))
}
