//! From a message to the deliveries of its subscribers.

use std::cell::Cell;
use std::collections::BTreeMap;

use base::Arn;
use bytes::Bytes;
use kv::{Order, Tx};
use serde::{Deserialize, Serialize};
use service::{Cx, Delivery, Properties, outbox};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::filter::Candidate;
use crate::keys::SUBSCRIPTIONS;
use crate::limits;
use crate::model::topic;
use crate::notification::{self, Kind, Letter, Signature};
use crate::signature::Signer;
use crate::types::{Content, Message, Protocol, ReplayStatus, Subscription, Topic};

/// A message on its way to a topic's subscribers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FanOut {
    message: Message,
    /// Of each text that it has; see [`text_of`].
    signatures: BTreeMap<String, Signature>,
    /// The last subscription that has got it.
    after: String,
    /// The policy that it is replayed by.
    replay: Option<String>,
}

impl FanOut {
    pub fn new(message: Message) -> FanOut {
        FanOut { message, signatures: BTreeMap::new(), after: String::new(), replay: None }
    }

    /// An archived message that one subscriber gets again.
    pub fn of_replay(message: Message, policy: &str) -> FanOut {
        FanOut { replay: Some(policy.to_owned()), ..FanOut::new(message) }
    }

    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Takes the signatures that were made for this message ahead of its transaction.
    pub fn signed_as(self, prepared: Option<&FanOut>) -> FanOut {
        let same = prepared.filter(|prepared| prepared.message == self.message);
        FanOut { signatures: same.map(|same| same.signatures.clone()).unwrap_or_default(), ..self }
    }

    /// Gives the message its place in a FIFO topic.
    pub fn number(&mut self, sequence_number: &str) {
        self.message.sequence_number = Some(sequence_number.to_owned());
    }
}

/// Which of a message's texts a protocol gets: texts that are the same for all have one signature.
fn text_of(message: &Message, protocol: Protocol) -> &'static str {
    match &message.content {
        Content::ByProtocol(texts) if texts.contains_key(protocol.name()) => protocol.name(),
        _ => "default",
    }
}

/// Whether what the subscriber gets is signed. Messages of FIFO topics are not, as on AWS.
fn is_signed(topic: &Topic, subscription: &Subscription) -> bool {
    let bare = subscription.protocol == Protocol::Email || is_raw(subscription);
    !topic.is_fifo() && !bare
}

/// Whether the subscriber gets the message's text and nothing around it.
fn is_raw(subscription: &Subscription) -> bool {
    subscription.attributes.raw && (subscription.protocol == Protocol::Sqs || subscription.protocol.is_http())
}

/// What deliveries are made with.
pub struct Sender<'a> {
    pub signer: &'a Signer,
    /// The server's own URL, for links.
    pub base: &'a str,
    /// Bytes of deliveries that the transaction sends already.
    pub sent: Cell<usize>,
}

impl Sender<'_> {
    /// Signs what the subscribers of a snapshot need, ahead of the transaction: it takes a while.
    pub fn sign(&self, read: &impl kv::Read, topic: &Topic, fan_out: &mut FanOut) -> Result<(), Error> {
        if topic.is_fifo() {
            return Ok(());
        }
        let texts = match &fan_out.message.content {
            Content::Text(_) => 1,
            Content::ByProtocol(texts) => texts.len(),
        };
        for subscription in SUBSCRIPTIONS.scan_prefix(read, place(topic), Order::Forward)?.values() {
            let subscription = subscription?;
            if !subscription.pending && is_signed(topic, &subscription) {
                self.add_signature(topic, fan_out, subscription.protocol);
            }
            if fan_out.signatures.len() == texts {
                break;
            }
        }
        Ok(())
    }

    fn add_signature(&self, topic: &Topic, fan_out: &mut FanOut, protocol: Protocol) {
        let text = text_of(&fan_out.message, protocol);
        let message = &fan_out.message;
        fan_out
            .signatures
            .entry(text.to_owned())
            .or_insert_with(|| notification::sign(self.signer, self.base, topic, message, protocol));
    }

    /// Sends a message to all subscribers, now where that is not too much for one transaction, else a part at a time.
    pub fn fan_out(&self, tx: &mut Tx, cx: &Cx, topic: &Topic, fan_out: FanOut) -> Result<(), Error> {
        let counters = topic::counters(tx, topic.id)?;
        // Behind those that are not through yet: a FIFO topic's messages may not pass each other.
        if counters.fanning_out > 0 {
            topic::count(tx, topic.id, |counters| counters.fanning_out += 1)?;
            return later(tx, cx, topic, &fan_out);
        }
        match self.part(tx, cx, topic, fan_out)? {
            None => Ok(()),
            Some(rest) => {
                topic::count(tx, topic.id, |counters| counters.fanning_out += 1)?;
                later(tx, cx, topic, &rest)
            }
        }
    }

    /// Goes on with a message of which not all subscribers have got theirs.
    pub fn go_on(&self, tx: &mut Tx, cx: &Cx, topic: &Topic, fan_out: FanOut) -> Result<(), Error> {
        match self.part(tx, cx, topic, fan_out)? {
            Some(rest) => later(tx, cx, topic, &rest),
            None => {
                let end = |counters: &mut crate::types::Counters| {
                    counters.fanning_out = counters.fanning_out.saturating_sub(1);
                };
                topic::count(tx, topic.id, end).map(drop)
            }
        }
    }

    /// Sends a message to as many subscribers as one transaction can; returns the rest.
    fn part(&self, tx: &mut Tx, cx: &Cx, topic: &Topic, mut fan_out: FanOut) -> Result<Option<FanOut>, Error> {
        let (region, name) = place(topic);
        let rows = SUBSCRIPTIONS.scan_after(&*tx, (region, name), (region, name, &*fan_out.after), Order::Forward)?;
        let subscriptions =
            rows.values().take(limits::FAN_OUT_DELIVERIES_MAX + 1).collect::<Result<Vec<Subscription>, _>>()?;
        let more = subscriptions.len() > limits::FAN_OUT_DELIVERIES_MAX;
        // All filters look at the same, which is read once.
        let message = fan_out.message.clone();
        let candidate = Candidate::new(&message);
        for subscription in subscriptions.iter().take(limits::FAN_OUT_DELIVERIES_MAX) {
            if self.sent.get() > limits::FAN_OUT_BYTES_MAX {
                return Ok(Some(fan_out));
            }
            if is_live(subscription) {
                if is_signed(topic, subscription) {
                    self.add_signature(topic, &mut fan_out, subscription.protocol);
                }
                self.send_to(tx, cx, topic, &fan_out, &candidate, subscription)?;
            }
            fan_out.after.clone_from(&subscription.id);
        }
        Ok(more.then_some(fan_out))
    }

    /// Sends a message to one subscriber, if its filter lets it through.
    pub fn send_to(
        &self,
        tx: &mut Tx,
        cx: &Cx,
        topic: &Topic,
        fan_out: &FanOut,
        candidate: &Candidate,
        subscription: &Subscription,
    ) -> Result<(), Error> {
        if !candidate.passes(subscription) {
            return Ok(());
        }
        let (to, event) = self.form(fan_out, subscription)?;
        self.sent.set(self.sent.get() + event.len());
        let delivery = Delivery {
            message: properties(fan_out, subscription),
            note: Bytes::from(subscription.arn().to_string()),
            ..Delivery::new(cx, topic.arn.clone(), to, event)
        };
        Ok(outbox::send(tx, cx, delivery, None)?)
    }

    /// Where a message goes, and as what.
    fn form(&self, fan_out: &FanOut, subscription: &Subscription) -> Result<(Arn, Bytes), Error> {
        let FanOut { message, signatures, replay, .. } = fan_out;
        let signature = signatures.get(text_of(message, subscription.protocol));
        let endpoint = || subscription.endpoint.parse::<Arn>().map_err(service::Error::internal);
        let text = || message.content.of(subscription.protocol).to_owned();
        let body = || match is_raw(subscription) {
            true => text(),
            false => notification::body(self.base, message, subscription, signature, replay.is_some()),
        };
        let (to, event) = match subscription.protocol {
            Protocol::Sqs => (endpoint()?, body()),
            Protocol::Lambda => (endpoint()?, notification::event(self.base, message, subscription, signature)),
            protocol => {
                let letter = Letter {
                    kind: Kind::Notification,
                    message_id: message.id.clone(),
                    topic: subscription.topic.clone(),
                    protocol,
                    endpoint: subscription.endpoint.clone(),
                    subject: message.subject.clone(),
                    body: match protocol {
                        Protocol::Email => notification::mail_text(self.base, message, subscription),
                        _ => body(),
                    },
                    raw: is_raw(subscription),
                    sent: message.published,
                };
                (subscription.arn(), serde_json::to_string(&letter).map_err(service::Error::internal)?)
            }
        };
        Ok((to, Bytes::from(event)))
    }
}

/// Whether the subscriber gets what is published now: not before it is confirmed, nor while it is still being sent what was
/// published earlier, nor after a replay that has an end.
fn is_live(subscription: &Subscription) -> bool {
    let replay = subscription.attributes.replay.as_ref();
    !subscription.pending
        && replay.is_none_or(|replay| replay.status == ReplayStatus::Completed && replay.until.is_none())
}

/// What queues keep beside the text.
fn properties(fan_out: &FanOut, subscription: &Subscription) -> Properties {
    let message = &fan_out.message;
    let for_fifo = subscription.endpoint.ends_with(".fifo");
    let deduplication_id = message.deduplication_id.clone().filter(|_| for_fifo);
    Properties {
        // A FIFO topic's groups are none of a standard queue's, as on AWS.
        group: message.group.clone().filter(|_| for_fifo || message.sequence_number.is_none()),
        // A queue that still remembers the message would not take it again.
        deduplication_id: deduplication_id.map(|id| match &fan_out.replay {
            Some(policy) => hex::encode(Sha256::digest(format!("{policy}{}{id}", message.id))),
            None => id,
        }),
        attributes: if is_raw(subscription) { message.attributes.clone() } else { BTreeMap::new() },
        ..Properties::default()
    }
}

/// Where a topic's subscriptions are.
fn place(topic: &Topic) -> (&str, &str) {
    (&topic.arn.region, &topic.name)
}

/// Lets the topic go on with a message in a transaction of its own.
fn later(tx: &mut Tx, cx: &Cx, topic: &Topic, rest: &FanOut) -> Result<(), Error> {
    let event = serde_json::to_vec(rest).map_err(service::Error::internal)?;
    Ok(outbox::send(tx, cx, Delivery::new(cx, topic.arn.clone(), topic.arn.clone(), event.into()), None)?)
}
