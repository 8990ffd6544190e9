//! The Scheduler as a target: a delivery to a schedule is one to the operation that it calls. Each schedule has a lane of
//! its own, so that a call that hangs holds up nobody else's.

use service::{BoxFuture, Cx, Delivery, Error, Failure, Outcome, Target};

use crate::note::Note;
use crate::universal::Operation;

pub struct UniversalTarget;

impl Target for UniversalTarget {
    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        Box::pin(async move {
            match call(&cx, &delivery).await {
                Ok(()) => Outcome::Delivered,
                Err(failure) => Outcome::Failed(failure),
            }
        })
    }
}

async fn call(cx: &Cx, delivery: &Delivery) -> Result<(), Failure> {
    // Only schedules send here, and always as a role: without one the call would be the server's own.
    let note = Note::of(delivery).filter(|_| delivery.from == delivery.to && delivery.role.is_some());
    let operation = note.and_then(|note| Operation::of(&note.target));
    let Some(operation) = operation else {
        return Err((&Error::not_implemented(format_args!("delivery to {}", delivery.to))).into());
    };
    let text = String::from_utf8_lossy(&delivery.event);
    let malformed = |error| Failure::new("ValidationException", format!("The input is not JSON: {error}"), false);
    let input = operation.input(&text).map_err(malformed)?;
    let answer = cx.cloud().call(cx.clone(), &operation.service, &operation.name, input).await;
    answer.map(drop).map_err(|error| (&error).into())
}
