//! A queue as the target of other services: the delivery becomes a message in the transaction that pops it.

use base::Arn;
use kv::Tx;
use service::{Cx, Delivery, Error, Target};

use crate::model::{message, queue};
use crate::types::Message;

pub struct QueueTarget;

impl Target for QueueTarget {
    fn is_layer(&self, _: &Arn) -> bool {
        true
    }

    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), Error> {
        let queue = queue::find(tx, &delivery.to)?;
        let body =
            std::str::from_utf8(&delivery.event).map_err(|_| Error::internal("an event for a queue is not text"))?;
        let message = Message {
            // Stable across retries of this transaction: a request's id and the place in the queue are both fixed.
            id: cx.request_id().to_owned(),
            body: body.to_owned(),
            attributes: Default::default(),
            trace_header: None,
            sender_id: delivery.from.account.clone(),
            sent: cx.now(),
            group: queue.is_fifo().then(|| delivery.from.to_string()),
            deduplication_id: queue.is_fifo().then(|| cx.request_id().to_owned()),
            sequence_number: None,
            dead_letter_source: None,
        };
        message::send(tx, cx.now(), &queue, message, None)?;
        Ok(())
    }
}
