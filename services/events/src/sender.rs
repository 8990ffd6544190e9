//! What EventBridge does about deliveries that fail: tries them again for a while, then puts them into the target's
//! dead-letter queue.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>

use std::collections::BTreeMap;

use base::Timestamp;
use kv::Tx;
use service::{Attribute, Cx, Delivery, Error, Failure, Properties, Sender, outbox};

use crate::model::connection;
use crate::note::Note;

pub struct RuleSender;

impl Sender for RuleSender {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, failure: &Failure) -> Option<Timestamp> {
        Note::from_bytes(&delivery.note).retry().retry_at(cx, delivery, failure)
    }

    fn undelivered(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), Error> {
        if delivery.from == delivery.to {
            return connection::refused(tx, cx, &delivery.to, delivery.accepted, &failure.message).map_err(Into::into);
        }
        let condition = failure.may_pass.then(|| Note::from_bytes(&delivery.note).retry().exhausted(delivery));
        bury(cx, tx, delivery, (code(failure), &failure.message), condition).map_err(Into::into)
    }
}

/// Puts a delivery into its dead-letter queue, where it has one. `failure` is its code and its message.
pub fn bury(
    cx: &Cx,
    tx: &mut Tx,
    delivery: &Delivery,
    failure: (&str, &str),
    condition: Option<&str>,
) -> Result<(), crate::Error> {
    let Some(queue) = Note::from_bytes(&delivery.note).dead_letter else {
        let (to, from) = (&delivery.to, &delivery.from);
        tracing::warn!(%to, %from, code = failure.0, reason = failure.1, "an event was given up; its target has no dead-letter queue");
        return Ok(());
    };
    let retries = delivery.attempts.saturating_sub(1).to_string();
    let told = [
        ("RULE_ARN", Some(delivery.from.to_string())),
        ("TARGET_ARN", Some(delivery.to.to_string())),
        ("ERROR_CODE", Some(failure.0.to_owned())),
        ("ERROR_MESSAGE", Some(failure.1.to_owned())),
        ("RETRY_ATTEMPTS", condition.map(|_| retries)),
        ("EXHAUSTED_RETRY_CONDITION", condition.map(str::to_owned)),
    ];
    let attributes: BTreeMap<String, Attribute> =
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Attribute::text(value?)))).collect();
    let letter = Delivery {
        message: Properties { attributes, ..Properties::default() },
        note: Note::without_target().to_bytes(),
        ..Delivery::new(cx, delivery.from.clone(), queue, delivery.event.clone())
    };
    Ok(outbox::send(tx, cx, letter, None)?)
}

/// What EventBridge calls a failure.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-message-attributes>
fn code(failure: &Failure) -> &'static str {
    let code = failure.code.as_str();
    match code {
        _ if code.contains("AccessDenied") || code.contains("NotAuthorized") || code.contains("AuthorizationError") => {
            "NO_PERMISSIONS"
        }
        _ if code.contains("NotFound") || code.contains("DoesNotExist") || code.contains("NonExistent") => {
            "NO_RESOURCE"
        }
        _ if code.contains("Throttl") || code.contains("TooManyRequests") || code.contains("ProvisionedThroughput") => {
            "THROTTLING"
        }
        _ if code.contains("Timeout") || code.contains("TimedOut") => "TIMEOUT",
        _ if code.contains("Connect") => "CONNECTION_FAILURE",
        _ if code.contains("LimitExceeded") => "RESOURCE_LIMIT_EXCEEDED",
        _ if code.contains("Validation") || code.contains("InvalidParameter") || code.contains("InvalidMessage") => {
            "INVALID_PARAMETER"
        }
        _ if code.contains("Internal") => "INTERNAL_ERROR",
        _ => "SDK_CLIENT_ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_the_names_of_eventbridge() {
        let named = |named: &str| code(&Failure::new(named, "", false));
        assert_eq!(named("AccessDeniedException"), "NO_PERMISSIONS");
        assert_eq!(named("AWS.SimpleQueueService.NonExistentQueue"), "NO_RESOURCE");
        assert_eq!(named("QueueDoesNotExist"), "NO_RESOURCE");
        assert_eq!(named("TooManyRequestsException"), "THROTTLING");
        assert_eq!(named("Whatever"), "SDK_CLIENT_ERROR");
    }
}
