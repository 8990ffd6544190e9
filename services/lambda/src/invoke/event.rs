//! Asynchronous events: accepted durably, run until they succeed or their function's rules say that it is enough.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::time::Duration;

use base::Timestamp;
use kv::{Stored, Tx};
use service::{Cx, Delivery, Failure, Outcome, outbox};

use super::destination::{self, Condition, Report};
use super::{Ran, Request, resolve, run_resolved};
use crate::Lambda;
use crate::error::Error;
use crate::limits;
use crate::model::event_config;
use crate::name::FunctionRef;
use crate::target::check_permission;
use crate::types::Event;

/// Accepts an event for what the reference names, once `tx` commits.
pub fn send(tx: &mut Tx, cx: &Cx, reference: &FunctionRef, event: &Event, due: Timestamp) -> Result<(), Error> {
    let delivery = Delivery::new(cx, reference.arn(), reference.qualified_arn(), event.to_bytes()?);
    Ok(outbox::send(tx, cx, delivery, Some(due))?)
}

/// The event in a delivery. A function's ARN as the sender means one of ours; others send the bare payload, and so does a
/// dead letter that is sent again.
fn read(cx: &Cx, delivery: &Delivery) -> Event {
    let bare = || Event {
        request_id: cx.env().uuid(),
        payload: delivery.event.clone(),
        client_context: None,
        accepted: delivery.accepted,
        failures: 0,
        trace: delivery.trace.clone(),
    };
    Event::from_bytes(&delivery.event).ok().filter(|_| is_own(delivery)).unwrap_or_else(bare)
}

/// Whether it was accepted by this service for its caller, and not brought: by another one, or as a role, with what a function
/// came to.
fn is_own(delivery: &Delivery) -> bool {
    delivery.from.service == "lambda" && delivery.role.is_none()
}

/// Runs the event of a delivery once, and decides what becomes of it.
pub async fn deliver(lambda: &Lambda, cx: &Cx, delivery: &Delivery) -> Outcome {
    match attempt(lambda, cx, delivery).await {
        Ok(outcome) => outcome,
        Err(error @ (Error::ResourceNotFound(_) | Error::Service(_))) if !is_own(delivery) => {
            Outcome::Failed((&service::Error::from(error)).into())
        }
        Err(Error::ResourceNotFound(reason)) => Outcome::GivenUp { reason },
        // Throttling, a full disk, an interpreter that is missing: nothing that the function has done.
        Err(error) => {
            tracing::debug!(to = %delivery.to, %error, "an event waits");
            Outcome::RetryAt(cx.env().now() + back_off(delivery.attempts))
        }
    }
}

async fn attempt(lambda: &Lambda, cx: &Cx, delivery: &Delivery) -> Result<Outcome, Error> {
    let reference = FunctionRef::of_arn(&delivery.to)
        .ok_or_else(|| Error::ResourceNotFound(format!("{} is not a function", delivery.to)))?;
    if !is_own(delivery) {
        check_permission(cx, &reference, &delivery.to)?;
    }
    let event = read(cx, delivery);
    let cx = &cx.traced(event.trace.clone());
    let target = resolve(cx, &reference)?;
    let config = event_config::in_force(&cx.db().read()?, &reference)?.unwrap_or_default();
    let (role, dead_letter) = (target.version.settings.role.clone(), target.version.settings.dead_letter.clone());
    let report = Report { cx, role: &role, function: &reference, event: &event };
    let age = config.age_seconds.unwrap_or(limits::EVENT_AGE_SECONDS_DEFAULT);
    if cx.now() > event.accepted + Duration::from_secs(age.into()) {
        return report.failure(&config, dead_letter.as_ref(), Condition::EventAgeExceeded, None).await;
    }
    if target.function.reserved_concurrency == Some(0) {
        return report.failure(&config, dead_letter.as_ref(), Condition::RetriesExhausted, None).await;
    }
    let request = Request {
        request_id: event.request_id.clone(),
        payload: event.payload.clone(),
        client_context: event.client_context.clone(),
        arn: reference.qualified_arn(),
    };
    let ran = match run_resolved(lambda, cx, target, request).await {
        // Trying again would be the same loop.
        Err(Error::RecursiveInvocation) => {
            return report.failure(&config, dead_letter.as_ref(), Condition::RetriesExhausted, None).await;
        }
        ran => ran?,
    };
    if ran.outcome.function_error.is_none() {
        report.success(&config, &ran).await?;
        return Ok(Outcome::Delivered);
    }
    if event.failures >= config.retry_attempts.unwrap_or(limits::RETRY_ATTEMPTS_DEFAULT) {
        return report.failure(&config, dead_letter.as_ref(), Condition::RetriesExhausted, Some(&ran)).await;
    }
    retry(cx, reference, event, &ran).await?;
    Ok(Outcome::Delivered)
}

/// Sends the event again, with one more failure on its account: a minute later, then two.
async fn retry(cx: &Cx, reference: FunctionRef, event: Event, ran: &Ran) -> Result<(), Error> {
    let again = Event { failures: event.failures + 1, ..event };
    let due = cx.env().now() + limits::RETRY_DELAY * again.failures;
    let message = destination::error_message(&ran.outcome.payload).unwrap_or_default();
    let failure = Failure::new(ran.outcome.function_error.unwrap_or_default(), message, true);
    let delivery = Delivery {
        attempts: again.failures,
        failure: Some(failure),
        ..Delivery::new(cx, reference.arn(), reference.qualified_arn(), again.to_bytes()?)
    };
    let context = cx.clone();
    Ok(cx.db().write(move |tx| outbox::send(tx, &context, delivery.clone(), Some(due))).await?)
}

/// Doubles with each attempt.
fn back_off(attempts: u32) -> Duration {
    limits::BACK_OFF_MIN.saturating_mul(1 << attempts.min(20)).min(limits::BACK_OFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let seconds: Vec<u64> = (0..10).map(|attempts| back_off(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(back_off(u32::MAX).as_secs(), 300);
    }
}
