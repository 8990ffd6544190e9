//! An event on its way from one service's resource to another's, and what becomes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Stored as _, Tx};
use serde::{Deserialize, Serialize};

use crate::{Cx, Error};

/// An event on its way to `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The target; for an address outside, the resource of the sender's own service that stands for it (a topic's
    /// subscription of a URL).
    pub to: Arn,
    /// The resource that sent it.
    pub from: Arn,
    /// The event's bytes, JSON unless the target says otherwise.
    pub event: Bytes,
    /// What queues, topics and streams keep beside the body.
    #[serde(default)]
    pub message: Properties,
    /// As whom it is delivered: with this role's permissions, or, where there is none, as the sending service, whom the
    /// target's own policy must allow.
    #[serde(default)]
    pub role: Option<Arn>,
    /// What the sender needs to know of it when it fails; targets do not look at it.
    #[serde(default)]
    pub note: Bytes,
    /// The trace that it is part of.
    #[serde(default)]
    pub trace: Option<String>,
    /// When it was accepted.
    pub accepted: Timestamp,
    /// How many deliveries were tried before this one.
    pub attempts: u32,
    /// Why the last one failed.
    #[serde(default)]
    pub failure: Option<Failure>,
    /// Of a letter to a dead-letter queue: the delivery that it tells of, as [`Delivery::beside`] keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered: Option<Bytes>,
}

kv::stored!(Delivery, version = 1);

impl Delivery {
    /// A delivery that is accepted now; what else there is to say of it is set with struct-update syntax.
    pub fn new(cx: &Cx, from: Arn, to: Arn, event: Bytes) -> Delivery {
        Delivery { trace: cx.trace().map(str::to_owned), ..Delivery::at(cx.now(), from, to, event) }
    }

    /// A delivery that is part of no trace, accepted at this time.
    pub fn at(accepted: Timestamp, from: Arn, to: Arn, event: Bytes) -> Delivery {
        Delivery {
            to,
            from,
            event,
            message: Properties::default(),
            role: None,
            note: Bytes::new(),
            trace: None,
            accepted,
            attempts: 0,
            failure: None,
            undelivered: None,
        }
    }
}

/// Bytes of an undelivered event that are kept beside those of the letter that tells of it.
const LETTER_BYTES_MAX: usize = 1_500_000;

impl Delivery {
    /// The stored form of this delivery beside a letter's body: the event is left out where the body is the event.
    pub(crate) fn beside(&self, body: &[u8]) -> Result<Option<Bytes>, kv::Error> {
        let event = if self.event == body { Bytes::new() } else { self.event.clone() };
        if event.len() + body.len() > LETTER_BYTES_MAX && !event.is_empty() {
            return Ok(None);
        }
        Ok(Some(Delivery { event, undelivered: None, ..self.clone() }.to_bytes()?))
    }

    /// The delivery that a letter with this body tells of.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn told(kept: &Bytes, body: &[u8]) -> Result<Delivery, kv::Error> {
        let delivery = Delivery::from_bytes(kept)?;
        let event = if delivery.event.is_empty() { Bytes::copy_from_slice(body) } else { delivery.event };
        Ok(Delivery { event, ..delivery })
    }
}

/// What a message has beside its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// The message group of FIFO topics and queues.
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    /// Of a stream's record.
    pub partition_key: Option<String>,
    pub attributes: BTreeMap<String, Attribute>,
    /// Of a request to an address outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpProperties>,
}

/// What a request has beside its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpProperties {
    /// What stands for each `*` of the address's path.
    pub path: Vec<String>,
    pub headers: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
}

/// An attribute of a message, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// `String`, `Number`, `Binary`, or one of these with a label: `Number.float`.
    pub data_type: String,
    pub value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeValue {
    Text(String),
    Binary(Bytes),
}

impl Attribute {
    /// An attribute of type `String`.
    pub fn text(value: impl Into<String>) -> Attribute {
        Attribute { data_type: "String".into(), value: AttributeValue::Text(value.into()) }
    }
}

/// Why a delivery failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// As an AWS error's: `AccessDenied`.
    pub code: String,
    pub message: String,
    /// Whether trying again makes sense: the target was busy, or could not be reached.
    pub may_pass: bool,
    /// How long the target asks to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Duration>,
}

impl Failure {
    /// One that says nothing of when to try again.
    pub fn new(code: impl Into<String>, message: impl Into<String>, may_pass: bool) -> Failure {
        Failure { code: code.into(), message: message.into(), may_pass, rest: None }
    }
}

/// The codes by which services say "not so fast".
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
const THROTTLING: [&str; 8] = [
    "LimitExceededException",
    "OverLimit",
    "ProvisionedThroughputExceededException",
    "RequestThrottled",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
];

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        // What is not built will not be so a minute later.
        let may_pass =
            error.status == 429 || THROTTLING.contains(&&*error.code) || (error.status >= 500 && error.status != 501);
        Failure::new(error.code.clone(), error.message.clone(), may_pass)
    }
}

/// How long to wait after so many attempts that failed: twice as long after each, from `shortest` to `longest`, and by chance up
/// to half of that less, so that what failed together is not tried together. `random` is any number.
pub fn backoff(attempts: u32, random: u64, shortest: Duration, longest: Duration) -> Duration {
    let pause = shortest.saturating_mul(1 << attempts.min(16)).min(longest);
    let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis - random % (millis / 2 + 1))
}

/// What became of an attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Not now: try again at this time, by the target's own timetable.
    RetryAt(Timestamp),
    /// Never: the target has done with it what its rules say (a dead-letter queue, a destination, a log line).
    GivenUp {
        reason: String,
    },
    /// The target did not take it; the sender's rules say what now.
    Failed(Failure),
}

/// A service with rules for deliveries that fail. Which one is found by the service part of the sender's ARN; without
/// one, such a delivery is dropped with a line in the log.
pub trait Sender: Send + Sync {
    /// When to try again, after a failure that may pass; `None` to give up.
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, failure: &Failure) -> Option<Timestamp>;

    /// Whether it is also asked after failures that will hardly pass: a queue that is not there, a permission that is missing.
    fn retries_refusals(&self) -> bool {
        false
    }

    /// The resource for which the service acts as a delivery's role: what the role's trust policy may ask for as
    /// `aws:SourceArn`.
    fn acts_for(&self, delivery: &Delivery) -> Arn {
        delivery.from.clone()
    }

    /// What is delivered at the next attempt, where it is not the same as at the last: an event may tell its attempt.
    fn next_attempt(&self, delivery: &Delivery) -> Option<Delivery> {
        let _ = delivery;
        None
    }

    /// A delivery was given up, and is removed in `tx`. A dead-letter queue gets it with one more
    /// [`outbox::send`](crate::outbox::send), whose context is `cx`: it knows what the letter tells of.
    fn undelivered(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), Error>;
}
