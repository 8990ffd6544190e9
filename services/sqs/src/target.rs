//! A queue as the target of other services: the delivery becomes a message in the transaction that pops it.

use base::Arn;
use kv::{Read, Tx};
use service::{Attribute, Cx, Delivery, Error, Permission, Properties, Target};

use crate::model::{message, queue};
use crate::types::{AttributeValue, Message, MessageAttribute, Queue};

pub struct QueueTarget;

impl Target for QueueTarget {
    fn is_layer(&self, _: &Arn) -> bool {
        true
    }

    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
        let queue = admitting(cx, tx, &delivery.to)?;
        let message = message_of(cx, &queue, delivery)?;
        message::check_size(&queue, &message)?;
        message::send(tx, cx.now(), &queue, message, None)?;
        Ok(())
    }

    fn admits(&self, cx: &Cx, to: &Arn) -> Result<(), Error> {
        admitting(cx, &cx.db().read()?, to).map(drop)
    }

    /// The metrics of a queue that tell what is in it now.
    /// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>
    fn measure(&self, cx: &Cx, of: &Arn, metric: &str) -> Result<Option<f64>, Error> {
        let read = cx.db().read()?;
        let queue = queue::find(&read, of)?;
        let counts = queue::counts(&read, queue.id, cx.now())?;
        let measured = match metric {
            "ApproximateNumberOfMessagesVisible" => counts.visible as f64,
            "ApproximateNumberOfMessagesNotVisible" => counts.in_flight as f64,
            "ApproximateNumberOfMessagesDelayed" => counts.delayed as f64,
            "ApproximateAgeOfOldestMessage" => match message::oldest(&read, queue.id)? {
                Some(sent) => cx.now().since(sent).as_secs_f64(),
                None => return Ok(None),
            },
            _ => return Err(Error::not_implemented(format_args!("measuring {metric} of {of}"))),
        };
        Ok(Some(measured))
    }
}

/// The queue that lets the caller send.
fn admitting(cx: &Cx, read: &impl Read, to: &Arn) -> Result<Queue, Error> {
    let queue = queue::find(read, to)?;
    let resource_policy = queue.attributes.policy.clone();
    cx.authorize_delivery(Permission { resource_policy, ..Permission::new("sqs:SendMessage", &queue.arn) })?;
    Ok(queue)
}

/// A delivery as a message. On a FIFO queue, what comes without a group is in order with whatever its sender sends; what
/// comes without a deduplication id is told apart by its content where the queue says so, and else by itself: it is
/// delivered once.
fn message_of(cx: &Cx, queue: &Queue, delivery: &Delivery) -> Result<Message, Error> {
    let body = std::str::from_utf8(&delivery.event)
        .map_err(|_| crate::Error::InvalidMessageContents("An event for a queue has to be text in UTF-8.".into()))?;
    let Properties { group, deduplication_id, attributes, .. } = delivery.message.clone();
    let mut message = Message {
        id: cx.request_id().to_owned(),
        body: body.to_owned(),
        attributes: attributes.into_iter().map(|(name, attribute)| (name, attribute.into())).collect(),
        trace_header: delivery.trace.clone(),
        sender_id: delivery.from.account.clone(),
        sent: cx.now(),
        group,
        deduplication_id: None,
        sequence_number: None,
        dead_letter_source: None,
        received_before: 0,
        undelivered: delivery.undelivered.clone(),
    };
    if queue.is_fifo() {
        message.group.get_or_insert_with(|| delivery.from.to_string());
        let own = || {
            if queue.attributes.content_based_deduplication { message::content_id(body) } else { message.id.clone() }
        };
        message.deduplication_id = Some(deduplication_id.unwrap_or_else(own));
    }
    Ok(message)
}

impl From<Attribute> for MessageAttribute {
    fn from(Attribute { data_type, value }: Attribute) -> MessageAttribute {
        let value = match value {
            service::AttributeValue::Text(text) => AttributeValue::Text(text),
            service::AttributeValue::Binary(bytes) => AttributeValue::Binary(bytes),
        };
        MessageAttribute { data_type, value }
    }
}
