//! Letters to queues, topics, functions and buses that tell of what came to its end. They leave through the outbox: a
//! target that is busy or away gets them later.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use kv::Tx;
use service::{Attribute, Cx, Delivery, Error, Failure, Properties, RetryPolicy, Sender, outbox};

/// What is told of events that came to their end.
pub struct Letter {
    /// The resource that tells of it.
    pub from: Arn,
    pub to: Arn,
    /// As whom it is sent: the role needs permission.
    pub role: Arn,
    /// The message group, where the queue or the topic is a FIFO one.
    pub group: String,
    pub body: String,
    /// Of a message.
    pub attributes: BTreeMap<String, Attribute>,
    /// Tells letters apart.
    pub id: String,
    /// For a dead-letter queue: what is sent again from there.
    pub undelivered: Option<Delivery>,
}

/// Sends a letter, whatever happens to the process after that.
///
/// # Errors
/// When the store does not take it.
pub async fn send(cx: &Cx, letter: Letter) -> Result<(), kv::Error> {
    let Letter { from, to, role, group, body, attributes, id, undelivered } = letter;
    // What is no FIFO topic refuses these, as on AWS.
    let (group, deduplication_id) = if to.resource.ends_with(".fifo") { (Some(group), Some(id)) } else { (None, None) };
    let message = Properties { group, deduplication_id, attributes, ..Properties::default() };
    let accepted = cx.env().now();
    let delivery = Delivery { accepted, message, role: Some(role), ..Delivery::new(cx, from, to, body.into()) };
    let context = undelivered.map_or_else(|| cx.clone(), |undelivered| cx.telling_of(undelivered));
    cx.db().write(move |tx| outbox::send(tx, &context, delivery.clone(), None)).await
}

/// What becomes of letters that do not arrive: what may pass is tried again for a day, and the rest is told in the log.
pub struct LetterSender;

impl Sender for LetterSender {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, failure: &Failure) -> Option<Timestamp> {
        RetryPolicy::DEFAULT.retry_at(cx, delivery, failure)
    }

    /// There is no other place to tell it; that it was given up is in the log.
    fn undelivered(&self, _: &Cx, _: &mut Tx, _: &Delivery, _: &Failure) -> Result<(), Error> {
        Ok(())
    }
}
