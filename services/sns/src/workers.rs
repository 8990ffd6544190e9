//! What SNS does by itself: ending what nobody confirmed, replaying, and forgetting what archives need not keep.

use std::sync::Arc;

use kv::{Order, Tx};
use service::{Cx, Error as ServiceError, timers};
use tokio_util::sync::CancellationToken;

use crate::Sns;
use crate::error::Error;
use crate::keys::TOPICS;
use crate::limits;
use crate::model::{archive, replay, subscription};

/// A timer came due.
pub fn fire(sns: &Sns, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), ServiceError> {
    if let Some(arn) = subscription::of_pending_key(&timer.key) {
        return Ok(subscription::expire(tx, &arn)?);
    }
    if let Some(token) = subscription::of_token_key(&timer.key) {
        return Ok(subscription::forget_token(tx, token)?);
    }
    if let Some(arn) = replay::of_key(&timer.key) {
        let signer = sns.signer(tx)?;
        return Ok(replay::step(tx, cx, &sns.sender(&signer), &arn)?);
    }
    Err(ServiceError::internal("a timer of SNS is for nothing"))
}

/// Looks through all archives, once an hour.
pub async fn expire(_: Arc<Sns>, cx: Cx, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(limits::ARCHIVE_EXPIRY_INTERVAL)).await.is_some() {
        if let Err(error) = expire_all(&cx).await {
            tracing::error!(%error, "messages past their retention could not be removed");
        }
    }
}

/// Removes every archived message that is past its topic's retention.
pub async fn expire_all(cx: &Cx) -> Result<(), Error> {
    let topics = TOPICS.scan(&cx.db().read()?, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    for topic in topics.into_iter().filter(crate::types::Topic::is_fifo) {
        let now = cx.env().now();
        loop {
            let arn = topic.arn.clone();
            match cx.db().write(move |tx| archive::expire(tx, now, &arn)).await {
                Ok(true) => {}
                Ok(false) | Err(Error::NoSuchTopic) => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
