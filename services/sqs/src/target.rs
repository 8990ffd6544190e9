//! A queue as the target of other services: the delivery becomes a message in the transaction that pops it.

use base::Arn;
use kv::Tx;
use service::{Cx, Delivery, Error, Permission, Target};

use crate::model::{message, queue};
use crate::types::{Message, Queue};

pub struct QueueTarget;

impl Target for QueueTarget {
    fn is_layer(&self, _: &Arn) -> bool {
        true
    }

    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
        let queue = queue::find(tx, &delivery.to)?;
        check_permission(cx, &queue, delivery)?;
        let body =
            std::str::from_utf8(&delivery.event).map_err(|_| Error::internal("an event for a queue is not text"))?;
        let id = message::derived_id(cx.request_id(), queue.id, message::next_sequence(tx, queue.id)?);
        let message = Message {
            body: body.to_owned(),
            attributes: Default::default(),
            trace_header: None,
            sender_id: delivery.from.account.clone(),
            sent: cx.now(),
            group: queue.is_fifo().then(|| delivery.from.to_string()),
            deduplication_id: queue.is_fifo().then(|| id.clone()),
            sequence_number: None,
            dead_letter_source: None,
            received_before: 0,
            id,
        };
        message::send(tx, cx.now(), &queue, message, None)?;
        Ok(())
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

/// A service that sends for one of its resources needs the queue's own permission.
fn check_permission(cx: &Cx, queue: &Queue, delivery: &Delivery) -> Result<(), Error> {
    if cx.caller().as_service().is_none() {
        return Ok(());
    }
    let permission = Permission {
        context: vec![
            ("aws:SourceArn".into(), vec![delivery.from.to_string()]),
            ("aws:SourceAccount".into(), vec![delivery.from.account.clone()]),
        ],
        resource_policy: queue.attributes.policy.clone(),
        ..Permission::new("sqs:SendMessage", &queue.arn)
    };
    let decision = cx.cloud().access().authorize(cx.caller(), &permission, cx.now());
    decision.map_err(|denial| Error::new(403, "AccessDenied", denial.message))
}
