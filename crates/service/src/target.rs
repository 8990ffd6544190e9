//! What services deliver to: the receiving end of the outbox and of direct invocations.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Cx, Error};

/// An event on its way to `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub to: Arn,
    /// The resource that sent it.
    pub from: Arn,
    /// The event's bytes, JSON unless the target says otherwise.
    pub event: Bytes,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// How many deliveries were tried before this one.
    pub attempts: u32,
}

/// What became of an attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Not now: try again at this time.
    RetryAt(Timestamp),
    /// Never: the target has done with it what its rules say (a dead-letter queue, a destination, a log line).
    GivenUp {
        reason: String,
    },
}

/// The answer to [`Target::invoke`]. That it could not be asked at all is an [`Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoked {
    /// What it answered; where it failed, the JSON that describes its failure (`errorType`, `errorMessage`).
    pub payload: Bytes,
    /// Set when the function failed: `Unhandled`, mostly.
    pub function_error: Option<String>,
    /// The version that answered: `$LATEST`, or a number; empty where the target has no versions.
    pub executed_version: String,
}

/// A service that other services deliver to. Which one is found by the ARN's service part.
///
/// A *layer* takes the delivery in the transaction that pops it from the outbox: nothing is lost and nothing
/// doubled. Anything else takes it at least once, asynchronously.
pub trait Target: Send + Sync {
    /// Whether [`Target::accept`] is to be used.
    fn is_layer(&self) -> bool {
        false
    }

    /// Takes the delivery within `tx`. An error is final: the delivery is dropped with a log line.
    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
        let _ = (cx, tx);
        Err(Error::not_implemented(format_args!("delivery within a transaction to {}", delivery.to)))
    }

    /// Takes the delivery outside any transaction.
    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let _ = cx;
        Box::pin(async move { Outcome::GivenUp { reason: format!("{} takes no deliveries", delivery.to.service) } })
    }

    /// Sends `event` and waits for the answer, for callers that need one (an API waiting for its function).
    fn invoke(&self, cx: Cx, to: Arn, event: Bytes) -> BoxFuture<Result<Invoked, Error>> {
        let _ = (cx, event);
        Box::pin(async move { Err(Error::not_implemented(format_args!("invoking {to}"))) })
    }

    /// How much of a resource is in use now, as the service itself sees it; `None` where there is nothing to use.
    fn measure(&self, cx: &Cx, of: &Arn, metric: &str) -> Result<Option<f64>, Error> {
        let _ = cx;
        Err(Error::not_implemented(format_args!("measuring {metric} of {of}")))
    }
}
