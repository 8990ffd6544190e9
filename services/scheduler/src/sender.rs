//! What the Scheduler does about deliveries that fail, for whatever reason: tries them again by their schedule's retry
//! policy, then puts them into its dead-letter queue.
//!
//! Source: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html>

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use service::{Attribute, Cx, Delivery, Error, Failure, Properties, RetryPolicy, Sender, outbox};

use crate::attributes::time;
use crate::limits::LETTER_PAYLOAD_BYTES_MAX;
use crate::name::group_of_schedule;
use crate::note::Note;

pub struct ScheduleSender;

impl Sender for ScheduleSender {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, failure: &Failure) -> Option<Timestamp> {
        if is_for_ever(failure) {
            return None;
        }
        let policy = Note::of(delivery).map_or(RetryPolicy::DEFAULT, |note| note.retry());
        let at = policy.retry_at(cx, delivery, failure)?;
        if delivery.attempts == 0 {
            let (to, from) = (&delivery.to, &delivery.from);
            tracing::warn!(%to, %from, code = failure.code, reason = failure.message, "a schedule did not reach its target; that is tried again");
        }
        Some(at)
    }

    /// AWS tries everything again: a queue may be made, and a permission given.
    fn retries_refusals(&self) -> bool {
        true
    }

    fn acts_for(&self, delivery: &Delivery) -> Arn {
        group_of_schedule(&delivery.from)
    }

    fn next_attempt(&self, delivery: &Delivery) -> Option<Delivery> {
        let note = Note::of(delivery)?;
        // Neither the attempt that failed nor the one that comes is counted yet.
        let attempt = note.attempt(&delivery.from, delivery.attempts.saturating_add(2));
        let event = attempt.fill(note.input.as_ref()?).into();
        Some(Delivery { event, ..delivery.clone() })
    }

    fn undelivered(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), Error> {
        let letter = Note::of(delivery).and_then(|note| Some((note.dead_letter.clone()?, note)));
        let Some((queue, note)) = letter else {
            let (to, from) = (&delivery.to, &delivery.from);
            tracing::warn!(%to, %from, code = failure.code, reason = failure.message, "an invocation was given up; there is no dead-letter queue for it");
            return Ok(());
        };
        Ok(outbox::send(tx, cx, letter_of(cx, delivery, failure, &note, queue), None)?)
    }
}

/// What is not built is not so a day later.
fn is_for_ever(failure: &Failure) -> bool {
    failure.code == "NotImplemented"
}

fn letter_of(cx: &Cx, delivery: &Delivery, failure: &Failure, note: &Note, queue: Arn) -> Delivery {
    let payload = cut(&delivery.event);
    let told = [
        ("ERROR_CODE", Some(failure.code.clone())),
        ("ERROR_MESSAGE", Some(failure.message.clone())),
        ("EXECUTION_ID", Some(note.attempt(&delivery.from, delivery.attempts).execution_id())),
        ("EXHAUSTED_RETRY_CONDITION", (!is_for_ever(failure)).then(|| note.retry().exhausted(delivery).to_owned())),
        ("IS_PAYLOAD_TRUNCATED", Some((payload.len() < delivery.event.len()).to_string())),
        ("RETRY_ATTEMPTS", Some(delivery.attempts.saturating_sub(1).to_string())),
        ("SCHEDULED_TIME", Some(time(note.due))),
        ("SCHEDULE_ARN", Some(delivery.from.to_string())),
        ("TARGET_ARN", Some(note.target.to_string())),
    ];
    // Nothing is an attribute only where it says something.
    let told = told.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    let attributes: BTreeMap<String, Attribute> =
        told.map(|(name, value)| (name.to_owned(), Attribute::text(value))).collect();
    Delivery {
        message: Properties { attributes, ..Properties::default() },
        role: delivery.role.clone(),
        ..Delivery::new(cx, delivery.from.clone(), queue, payload)
    }
}

/// As much of a payload as a letter holds.
fn cut(payload: &Bytes) -> Bytes {
    if payload.len() <= LETTER_PAYLOAD_BYTES_MAX {
        return payload.clone();
    }
    let is_boundary = |at: &usize| payload.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let end = (0..=LETTER_PAYLOAD_BYTES_MAX).rev().find(is_boundary).unwrap_or_default();
    payload.slice(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_cut_between_characters() {
        let whole = Bytes::from("ä".repeat(LETTER_PAYLOAD_BYTES_MAX / 2));
        assert_eq!(cut(&whole), whole);
        let long = Bytes::from(format!("x{}", "ä".repeat(LETTER_PAYLOAD_BYTES_MAX)));
        let cut = cut(&long);
        assert_eq!(cut.len(), LETTER_PAYLOAD_BYTES_MAX - 1);
        assert!(std::str::from_utf8(&cut).is_ok());
    }
}
