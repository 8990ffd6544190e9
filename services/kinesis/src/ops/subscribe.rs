//! SubscribeToShard: the records of a shard as they arrive, for five minutes.
//!
//! Source: <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html>

use std::sync::Arc;

use base::Arn;
use bytes::Bytes;
use futures_util::{Stream as Events, stream as events};
use serde::{Deserialize, Serialize};
use service::{Broken, Cx, Error as ServiceError, Permission, Streamed};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use wire::{DateTime, Protocol, event_stream};

use super::get::{ChildShard, POSITIONS, RecordOutput, Start, children, find, output};
use super::{own, permission};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::keys::{ShardIndex, StreamId, shard_arn};
use crate::limits;
use crate::model::{consumer, record, shard};
use crate::sequence::{Sequence, shard_index};
use crate::types::{Shard, Stream};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SubscribeInput {
    #[serde(rename = "ConsumerARN")]
    pub consumer_arn: Option<String>,
    pub shard_id: Option<String>,
    pub starting_position: Option<PositionInput>,
    pub dry_run: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PositionInput {
    pub r#type: Option<String>,
    pub sequence_number: Option<String>,
    pub timestamp: Option<DateTime>,
}

/// The answer before the events: it has nothing to say.
#[derive(Debug, Serialize)]
pub struct Head {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubscribeToShardEvent {
    records: Vec<RecordOutput>,
    /// Not at the end of the shard, which the KCL knows by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_sequence_number: Option<String>,
    millis_behind_latest: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_shards: Vec<ChildShard>,
}

pub fn permissions(_: &Kinesis, cx: &Cx, input: &SubscribeInput) -> Result<Vec<Permission>, ServiceError> {
    let arn = input.consumer_arn.clone().unwrap_or_else(|| "*".into());
    Ok(vec![permission(cx, "kinesis:SubscribeToShard", arn)?])
}

pub async fn subscribe(kinesis: Arc<Kinesis>, cx: Cx, input: SubscribeInput) -> Result<Streamed<Head>, Error> {
    check(&input)?;
    let arn = own(&cx, input.consumer_arn.as_deref().unwrap_or_default())?;
    let read = cx.db().read()?;
    let (stream, _) = consumer::find(&read, &arn)?;
    let id = input.shard_id.as_deref().unwrap_or_default();
    let index = shard_index(id).ok_or_else(|| shard::unknown(&stream.name, &arn.account, id))?;
    let shard = shard::find(&read, &stream, index)?;
    let position = input.starting_position.unwrap_or_default();
    let start = Start {
        kind: position.r#type.as_deref().unwrap_or_default(),
        sequence: position.sequence_number.as_deref(),
        timestamp: position.timestamp.map(|moment| moment.0),
    };
    let next = start.number(&cx, &read, &stream, &shard)?;
    if input.dry_run.unwrap_or_default() {
        return Err(Error::DryRun);
    }
    let end = kinesis.subscriptions.begin(&arn, index, cx.env().now()).ok_or_else(|| taken(&stream, &arn, id))?;
    let until = Instant::now() + limits::SUBSCRIPTION_LIFETIME;
    let is_new = true;
    let subscription =
        Subscription { cx, stream: stream.arn, id: stream.id, consumer: arn, shard: index, next, end, until, is_new };
    Ok(Streamed::by_protocol(Head {}, |protocol| subscription.events(protocol)))
}

fn taken(stream: &Stream, consumer: &Arn, shard: &str) -> Error {
    let name = consumer::parse(consumer).map_or("", |(_, name)| name);
    Error::ResourceInUse(format!(
        "Another active subscription exists for this consumer: {}:{}:{shard}:{name}",
        consumer.account, stream.name
    ))
}

fn check(input: &SubscribeInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.consumer_arn, "consumerARN");
    constraints.arn(input.consumer_arn.as_deref(), "consumerARN");
    constraints.required(&input.shard_id, "shardId");
    constraints.name(input.shard_id.as_deref(), "shardId");
    constraints.required(&input.starting_position, "startingPosition");
    if let Some(position) = &input.starting_position {
        constraints.required(&position.r#type, "startingPosition.type");
        constraints.one_of(position.r#type.as_deref(), "startingPosition.type", &POSITIONS);
        constraints.sequence_number(position.sequence_number.as_deref(), "startingPosition.sequenceNumber");
    }
    constraints.check()
}

struct Subscription {
    cx: Cx,
    stream: Arn,
    id: StreamId,
    consumer: Arn,
    shard: ShardIndex,
    next: u64,
    end: CancellationToken,
    until: Instant,
    /// Has told nothing yet.
    is_new: bool,
}

/// It is over, or its client has left: its place need not be remembered any more.
impl Drop for Subscription {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// What comes next, and whether anything may follow.
enum Next {
    Event(SubscribeToShardEvent),
    Last(SubscribeToShardEvent),
    Failed(Error),
    Over,
}

impl Subscription {
    fn events(self, protocol: Protocol) -> impl Events<Item = Result<Bytes, Broken>> + Send + 'static {
        events::unfold(Some(self), move |subscription| async move {
            let mut subscription = subscription?;
            let next = subscription.next().await;
            subscription.is_new = false;
            match next {
                Next::Event(event) => Some((encode(protocol, &event), Some(subscription))),
                Next::Last(event) => Some((encode(protocol, &event), None)),
                Next::Failed(error) => {
                    let error = ServiceError::from(error);
                    Some((Ok(event_stream::exception(protocol, &error.code, &error.message)), None))
                }
                Next::Over => None,
            }
        })
    }

    /// Waits for records, for the end of the shard, or until it is time to say that there is nothing new.
    async fn next(&mut self) -> Next {
        let pulse = Instant::now() + limits::SUBSCRIPTION_PULSE;
        loop {
            if let Some(over) = self.over().await {
                return over;
            }
            let mut changed = self.cx.db().watch(&service::streams::channel(&shard_arn(&self.stream, self.shard)));
            match self.read() {
                Ok((event, true)) => return Next::Last(event),
                Ok((event, false)) if self.is_new || !event.records.is_empty() => return Next::Event(event),
                Ok((event, false)) if Instant::now() >= pulse => return Next::Event(event),
                Ok(_) => {}
                Err(error) => return Next::Failed(error),
            }
            tokio::select! {
                () = self.end.cancelled() => {}
                () = self.cx.cloud().stopping() => {}
                () = sleep_until(self.until.min(pulse)) => {}
                () = changed.changed() => {}
            }
        }
    }

    /// Why nothing more is to come, however much there is to read.
    async fn over(&self) -> Option<Next> {
        tokio::select! {
            biased;
            () = self.end.cancelled() => Some(Next::Failed(self.ended())),
            () = self.cx.cloud().stopping() => Some(Next::Over),
            () = sleep_until(self.until) => Some(Next::Over),
            () = std::future::ready(()) => None,
        }
    }

    /// What is new, and whether it is the last of the shard.
    fn read(&mut self) -> Result<(SubscribeToShardEvent, bool), Error> {
        let read = self.cx.db().read()?;
        let (stream, shard) = find(&read, &self.stream, self.shard)?;
        if stream.id != self.id {
            return Err(shard::missing(&stream.name, &self.stream.account, self.shard));
        }
        let (now, bounds) = (self.cx.env().now(), (limits::PAGE_RECORDS_MAX, limits::EVENT_BYTES_MAX));
        let page = record::page(&read, &stream, &shard, self.next, bounds, now)?;
        self.next = page.next;
        let event = SubscribeToShardEvent {
            continuation_sequence_number: match page.ended {
                true => None,
                false => Some(continuation(&read, &stream, &shard, page.next)?),
            },
            millis_behind_latest: page.behind.as_millis() as u64,
            child_shards: if page.ended { children(&read, &stream, &shard)? } else { Vec::new() },
            records: page.records.into_iter().map(|found| output(&shard, found)).collect(),
        };
        Ok((event, page.ended))
    }

    /// Why it was ended: another has taken over, or the consumer is gone.
    fn ended(&self) -> Error {
        let found = self.cx.db().read().map_err(Error::from).and_then(|read| consumer::find(&read, &self.consumer));
        match found {
            Ok((stream, _)) => taken(&stream, &self.consumer, &crate::sequence::shard_id(self.shard)),
            Err(error) => error,
        }
    }
}

fn encode(protocol: Protocol, event: &SubscribeToShardEvent) -> Result<Bytes, Broken> {
    event_stream::document(protocol, "SubscribeToShardEvent", event).map_err(|_| Broken)
}

/// The sequence number after which, or at which, another subscription goes on: that of the last record told.
fn continuation(read: &kv::Snap, stream: &Stream, shard: &Shard, next: u64) -> Result<String, Error> {
    let told = next.saturating_sub(1);
    let at = shard::tail(read, stream, shard.index)?.last.max(base::Timestamp::from_secs(shard.epoch));
    Ok(Sequence::new(shard.epoch, shard.index, told, at).to_string())
}
