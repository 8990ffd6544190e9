//! What SQS does by itself: forgetting messages past their retention, and moving messages between queues.

use std::sync::Arc;
use std::time::Duration;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Tx};
use service::{Cx, timers};
use tokio_util::sync::CancellationToken;

use crate::Sqs;
use crate::error::Error;
use crate::keys::QUEUES;
use crate::limits;
use crate::model::{message, moving, queue};

/// Messages moved in one transaction by a task without a rate of its own; with a rate, a second's worth.
const MOVED_PER_STEP: usize = 100;
const STEP_INTERVAL: Duration = Duration::from_millis(10);

/// Looks through all queues, once a minute.
pub async fn expire(_: Arc<Sqs>, cx: Cx, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(limits::EXPIRY_INTERVAL)).await.is_some() {
        if let Err(error) = expire_all(&cx).await {
            tracing::error!(%error, "messages past their retention could not be removed");
        }
    }
}

/// Removes every message that is past its queue's retention.
pub async fn expire_all(cx: &Cx) -> Result<(), Error> {
    let queues = QUEUES.scan(&cx.db().read()?, Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
    for (_, queue) in queues {
        let now = cx.env().now();
        loop {
            let arn = queue.arn.clone();
            match cx.db().write(move |tx| message::expire(tx, now, &arn)).await {
                Ok(true) => {}
                Ok(false) | Err(Error::QueueDoesNotExist) => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Lets the running task of `source` take its next step at `at`.
pub fn schedule_move(tx: &mut Tx, at: Timestamp, source: &Arn) -> Result<(), Error> {
    Ok(timers::set(tx, "sqs", at, source.to_string().as_bytes(), &Bytes::new())?)
}

/// A task's next step is due.
pub fn fire(_: &Sqs, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), service::Error> {
    let source = std::str::from_utf8(&timer.key).ok().and_then(|arn| arn.parse::<Arn>().ok());
    let source = source.ok_or_else(|| service::Error::internal("a move task's timer names no queue"))?;
    let queue = match queue::find(tx, &source) {
        Ok(queue) => queue,
        Err(Error::QueueDoesNotExist) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let rate = moving::tasks(tx, &queue, 1)?.pop().and_then(|(_, task)| task.per_second);
    let (limit, pause) = match rate {
        Some(rate) => (usize::try_from(rate).unwrap_or(MOVED_PER_STEP), Duration::from_secs(1)),
        None => (MOVED_PER_STEP, STEP_INTERVAL),
    };
    if moving::step(tx, cx, &source, limit)? {
        schedule_move(tx, cx.now() + pause, &source)?;
    }
    Ok(())
}
