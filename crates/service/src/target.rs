//! What services deliver to, and what they ask of it: the receiving end of the outbox and of direct invocations.

use std::any::Any;
use std::sync::Arc;

use base::Arn;
use bytes::Bytes;
use kv::Tx;

use crate::{BoxFuture, Cx, Delivery, Error, Outcome};

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

/// What a target has made ready for a delivery: see [`Target::prepare`].
pub type Prepared = Arc<dyn Any + Send + Sync>;

/// Deliveries under way at once to one target outside the store, unless it says otherwise.
const IN_FLIGHT_MAX: usize = 32;

/// A service that other services deliver to. Which one is found by the ARN's service part.
///
/// A *layer* takes the delivery in the transaction that pops it from the outbox: nothing is lost and nothing
/// doubled. Anything else takes it at least once, asynchronously.
///
/// The context that a delivery comes with has the sender as its caller: see [`Cx::authorize_delivery`].
pub trait Target: Send + Sync {
    /// Whether [`Target::accept`] is to be used for this resource of the service's.
    fn is_layer(&self, to: &Arn) -> bool {
        let _ = to;
        false
    }

    /// How many deliveries one resource takes at once, where it is no layer.
    fn in_flight_max(&self) -> usize {
        IN_FLIGHT_MAX
    }

    /// Does, ahead of the transaction of [`Target::accept`], what takes a while and depends on the delivery alone: there is one
    /// writer. What comes of it, `accept` finds in its context; what is wrong with the delivery, it is left to say.
    fn prepare(&self, cx: &Cx, delivery: &Delivery) -> BoxFuture<Option<Prepared>> {
        let _ = (cx, delivery);
        Box::pin(std::future::ready(None))
    }

    /// Takes the delivery within `tx`. After an error the sender's rules say what becomes of it.
    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
        let _ = (cx, tx);
        Err(Error::not_implemented(format_args!("delivery within a transaction to {}", delivery.to)))
    }

    /// Takes the delivery outside any transaction.
    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let _ = cx;
        let error = Error::not_implemented(format_args!("delivery to {}", delivery.to));
        Box::pin(async move { Outcome::Failed((&error).into()) })
    }

    /// Whether `to` is there, and would let in what this caller brings: what a sender wants to know before it has anything
    /// to send.
    ///
    /// # Errors
    /// Why not, as a delivery would fail.
    fn admits(&self, cx: &Cx, to: &Arn) -> Result<(), Error> {
        let _ = cx;
        Err(Error::not_implemented(format_args!("asking whether {to} takes deliveries")))
    }

    /// Sends `event` and waits for the answer, for callers that need one (an API waiting for its function).
    fn invoke(&self, cx: Cx, to: Arn, event: Bytes) -> BoxFuture<Result<Invoked, Error>> {
        let _ = (cx, event);
        Box::pin(async move { Err(Error::not_implemented(format_args!("invoking {to}"))) })
    }

    /// Whether anybody waits at `to` for events of this source and type: what is cheaper to know than to send in vain.
    fn awaits(&self, tx: &Tx, to: &Arn, source: &str, detail_type: &str) -> Result<bool, Error> {
        let _ = (tx, to, source, detail_type);
        Ok(true)
    }

    /// How much of a resource is in use now, as the service itself sees it; `None` where there is nothing to use.
    fn measure(&self, cx: &Cx, of: &Arn, metric: &str) -> Result<Option<f64>, Error> {
        let _ = cx;
        Err(Error::not_implemented(format_args!("measuring {metric} of {of}")))
    }
}
