//! GetEvents, RedriveEvents: what is on its way between services, what failed, and sending it again.

use std::sync::Arc;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use service::outbox::{self, Lane};
use service::{Cx, Error};
use sqs::letters::{self, DeadLetters};

use super::Control;

/// Deliveries that are counted one by one for each target; more are shown as this many.
const COUNTED_MAX: usize = 100_000;

#[derive(Debug, Deserialize)]
pub struct GetInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Events {
    /// Targets that deliveries wait for.
    pub waiting: Vec<Waiting>,
    /// Queues with dead letters.
    pub dead_letters: Vec<Dead>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Waiting {
    pub to: Arn,
    pub count: usize,
    /// Of the one that is delivered next, in ISO 8601.
    pub since: String,
    pub from: Arn,
    pub attempts: u32,
    /// When it is tried again, in ISO 8601; nothing when it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<String>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dead {
    pub queue: Arn,
    pub messages: u64,
    /// Of the oldest, in ISO 8601.
    pub since: String,
    pub letters: Vec<letters::Letters>,
}

pub async fn get(_: Arc<Control>, cx: Cx, _: GetInput) -> Result<Events, Error> {
    let read = cx.db().read()?;
    let waiting = outbox::lanes(&read, COUNTED_MAX)?.into_iter().map(|lane| waiting(lane, cx.now())).collect();
    let dead_letters = letters::dead_letters(&read)?.into_iter().map(dead).collect();
    Ok(Events { waiting, dead_letters })
}

fn waiting(lane: Lane, now: Timestamp) -> Waiting {
    let Lane { to, waiting, accepted, from, attempts, failure, due } = lane;
    Waiting {
        to,
        count: waiting,
        since: accepted.iso8601(),
        from,
        attempts,
        next_attempt: (due > now).then(|| due.iso8601()),
        failure: failure.map(|failure| format!("{}: {}", failure.code, failure.message)),
    }
}

fn dead(DeadLetters { queue, messages, oldest, letters }: DeadLetters) -> Dead {
    Dead { queue, messages, since: oldest.iso8601(), letters }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RedriveInput {
    /// The ARN of a target that deliveries wait for, or of a queue with dead letters.
    pub resource: String,
}

impl RedriveInput {
    pub fn resource(&self) -> &str {
        &self.resource
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Redriven {
    /// Deliveries that waited for a later time and are due now.
    pub retried: usize,
    /// Dead letters that were sent again.
    pub sent: u64,
    /// Messages of the queue that cannot be.
    pub left: u64,
}

pub async fn redrive(_: Arc<Control>, cx: Cx, input: RedriveInput) -> Result<Redriven, Error> {
    let resource: Arn = input
        .resource
        .parse()
        .map_err(|error: base::ArnError| Error::new(400, "ValidationException", error.to_string()))?;
    let mut redriven = Redriven { retried: 0, sent: 0, left: 0 };
    loop {
        let to = resource.clone();
        match cx.db().write(move |tx| outbox::retry_now(tx, &to)).await? {
            0 => break,
            retried => redriven.retried += retried,
        }
    }
    if resource.service == "sqs" {
        redrive_letters(&cx, &resource, &mut redriven).await?;
    }
    Ok(redriven)
}

async fn redrive_letters(cx: &Cx, queue: &Arn, redriven: &mut Redriven) -> Result<(), Error> {
    let until = letters::end(&cx.db().read()?, queue)?;
    let mut next = Some(0);
    while let Some(from) = next {
        let (context, queue) = (cx.renew(), queue.clone());
        let step = cx.db().write(move |tx| letters::redrive(tx, &context, &queue, from, until)).await?;
        redriven.sent += step.sent;
        redriven.left += step.left;
        next = step.next;
    }
    Ok(())
}
