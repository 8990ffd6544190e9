//! What is in all queues together, for the server's metrics. Those of one queue: [`crate::target::QueueTarget`].

use base::Timestamp;
use kv::{Db, Order};

use crate::error::Error;
use crate::keys::QUEUES;
use crate::model::{message, queue};

/// Name, help, value. Names of queues are not told here: whoever reaches the server may read its metrics.
pub type Gauge = (&'static str, &'static str, f64);

/// # Errors
/// When the store cannot be read.
pub fn gauges(db: &Db, now: Timestamp) -> Result<Vec<Gauge>, Error> {
    let read = db.read()?;
    let (mut visible, mut delayed, mut in_flight, mut oldest) = (0, 0, 0, now);
    for entry in QUEUES.scan(&read, Order::Forward)? {
        let (_, queue) = entry?;
        let counts = queue::counts(&read, queue.id, now)?;
        visible += counts.visible;
        delayed += counts.delayed;
        in_flight += counts.in_flight;
        oldest = oldest.min(message::oldest(&read, queue.id)?.unwrap_or(now));
    }
    Ok(vec![
        ("cloudlet_sqs_messages_visible", "Messages in all queues that can be received.", visible as f64),
        ("cloudlet_sqs_messages_delayed", "Messages in all queues that wait for their delay.", delayed as f64),
        ("cloudlet_sqs_messages_in_flight", "Messages that were received and not deleted.", in_flight as f64),
        (
            "cloudlet_sqs_oldest_message_age_seconds",
            "Age of the oldest message in any queue.",
            now.since(oldest).as_secs_f64(),
        ),
    ])
}
