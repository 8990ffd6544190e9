//! Queues: making, finding, changing and removing them.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{self, COUNTERS, NEXT_QUEUE, QUEUES, QueueId};
use crate::limits;
use crate::types::{Attributes, EarlierScope, Queue, RedriveAllow};

/// The queue of that ARN.
pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Queue, Error> {
    let found: Option<Queue> = QUEUES.get(read, (&*arn.region, &*arn.resource))?;
    // Rows are kept by region and name: an ARN of another account is of no queue here.
    found.filter(|queue| queue.arn == *arn).ok_or(Error::QueueDoesNotExist)
}

/// Makes a queue, or finds the one that is just like it.
pub fn create(
    tx: &mut Tx,
    now: Timestamp,
    arn: &Arn,
    attributes: &Attributes,
    stated: &BTreeMap<String, String>,
    tags: &BTreeMap<String, String>,
) -> Result<Queue, Error> {
    if let Some(existing) = QUEUES.get(tx, (&*arn.region, &*arn.resource))? {
        let shown = crate::attributes::shown(&existing.attributes, existing.is_fifo());
        let wanted = crate::attributes::shown(attributes, existing.is_fifo());
        // Only what the request states is compared: a repeated, shorter request finds the queue too.
        return match stated.keys().find(|name| shown.get(name.as_str()) != wanted.get(name.as_str())) {
            Some(attribute) => Err(Error::QueueNameExists { attribute: attribute.clone() }),
            None => Ok(existing),
        };
    }
    check_redrive(tx, arn, attributes)?;
    let id = NEXT_QUEUE.get(tx, ())?.unwrap_or(1);
    NEXT_QUEUE.put(tx, (), &(id + 1))?;
    let queue = Queue {
        id,
        name: arn.resource.clone(),
        arn: arn.clone(),
        created: now,
        modified: now,
        attributes: attributes.clone(),
        tags: tags.clone(),
        earlier_scope: None,
    };
    put(tx, &queue)?;
    Ok(queue)
}

/// Stores a queue that has changed.
pub fn put(tx: &mut Tx, queue: &Queue) -> Result<(), Error> {
    QUEUES.put(tx, (&*queue.arn.region, &*queue.name), queue)?;
    Ok(())
}

/// Changes attributes by `change`, which sees the ones in force.
pub fn set_attributes(
    tx: &mut Tx,
    now: Timestamp,
    arn: &Arn,
    change: impl Fn(&Queue) -> Result<Attributes, Error>,
) -> Result<(), Error> {
    let mut queue = find(tx, arn)?;
    let attributes = change(&queue)?;
    if attributes.deduplicate_by_group != queue.attributes.deduplicate_by_group {
        let by_group = queue.deduplicates_by_group(now);
        queue.earlier_scope = Some(EarlierScope { by_group, until: now + limits::DEDUPLICATION_INTERVAL });
    }
    queue.attributes = attributes;
    queue.modified = now;
    check_redrive(tx, arn, &queue.attributes)?;
    put(tx, &queue)?;
    tx.wake(&keys::channel(queue.id));
    Ok(())
}

/// A dead-letter queue must be of its source's kind, and must allow it.
fn check_redrive(read: &(impl Read + ?Sized), source: &Arn, attributes: &Attributes) -> Result<(), Error> {
    let Some(redrive) = &attributes.redrive else { return Ok(()) };
    let refuse = |reason: String| Err(Error::InvalidParameterValue(reason));
    if redrive.target.resource.ends_with(".fifo") != source.resource.ends_with(".fifo") {
        return refuse("Dead-letter queue must be same type of queue as the source.".into());
    }
    let Ok(target) = find(read, &redrive.target) else {
        return refuse(format!(
            "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist: {}.",
            redrive.target
        ));
    };
    let allowed = match &target.attributes.redrive_allow {
        None | Some(RedriveAllow::All) => true,
        Some(RedriveAllow::None) => false,
        Some(RedriveAllow::ByQueue(sources)) => sources.contains(source),
    };
    if allowed {
        return Ok(());
    }
    refuse(format!(
        "Value for parameter RedrivePolicy is invalid. Reason: The redrive allow policy of {} does not allow {source}.",
        redrive.target
    ))
}

pub fn delete(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    let queue = find(tx, arn)?;
    QUEUES.delete(tx, (&*arn.region, &*arn.resource))?;
    COUNTERS.delete(tx, queue.id)?;
    keys::MOVE_TASKS.delete_prefix(tx, queue.id)?;
    remove_messages(tx, queue.id)
}

/// Empties a queue. Its sequence goes on.
pub fn purge(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    let queue = find(tx, arn)?;
    let mut counters = COUNTERS.get(tx, queue.id)?.unwrap_or_default();
    counters.messages = 0;
    COUNTERS.put(tx, queue.id, &counters)?;
    remove_messages(tx, queue.id)
}

fn remove_messages(tx: &mut Tx, id: QueueId) -> Result<(), Error> {
    keys::MESSAGES.delete_prefix(tx, id)?;
    keys::STATES.delete_prefix(tx, id)?;
    keys::VISIBLE.delete_prefix(tx, id)?;
    keys::GROUPS.delete_prefix(tx, id)?;
    keys::GROUP_MESSAGES.delete_prefix(tx, id)?;
    keys::READY.delete_prefix(tx, id)?;
    keys::DUPLICATES.delete_prefix(tx, id)?;
    keys::DUPLICATES_EXPIRY.delete_prefix(tx, id)?;
    keys::TURN.delete(tx, id)?;
    keys::TENANTS.delete_prefix(tx, id)?;
    keys::FAIR.delete_prefix(tx, id)?;
    tx.wake(&keys::channel(id));
    Ok(())
}

/// A page of a region's queues that `keep`, in order of their names, after the one named `after`; and whether there
/// are more.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    limit: usize,
    keep: impl Fn(&Queue) -> bool,
) -> Result<(Vec<Queue>, bool), Error> {
    let mut page = Vec::new();
    for entry in QUEUES.scan_prefix(read, region, Order::Forward)? {
        let (_, queue) = entry?;
        if after.is_some_and(|after| queue.name.as_str() <= after) || !keep(&queue) {
            continue;
        }
        if page.len() == limit {
            return Ok((page, true));
        }
        page.push(queue);
    }
    Ok((page, false))
}

/// How many messages can be received, wait for their delay, and are in flight.
pub fn counts(read: &(impl Read + ?Sized), id: QueueId, now: Timestamp) -> Result<Counts, Error> {
    let total = COUNTERS.get(read, id)?.unwrap_or_default().messages;
    let mut counts = Counts::default();
    // Hidden messages are few (in flight, or delayed by minutes at most); visible ones may be millions.
    for entry in keys::VISIBLE.scan_prefix(read, id, Order::Reverse)? {
        let ((_, visible, sequence), ()) = entry?;
        if visible <= now {
            break;
        }
        let received = keys::STATES.get(read, (id, sequence))?.is_some_and(|state| state.received > 0);
        *(if received { &mut counts.in_flight } else { &mut counts.delayed }) += 1;
    }
    counts.visible = total.saturating_sub(counts.in_flight + counts.delayed);
    Ok(counts)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub visible: u64,
    pub delayed: u64,
    pub in_flight: u64,
}

/// Adds tags, within the limit.
pub fn tag(tx: &mut Tx, arn: &Arn, tags: &BTreeMap<String, String>) -> Result<(), Error> {
    let mut queue = find(tx, arn)?;
    queue.tags.extend(tags.clone());
    if queue.tags.len() > limits::QUEUE_TAGS_MAX {
        return Err(Error::InvalidParameterValue(format!("Too many tags added for queue {}.", queue.name)));
    }
    put(tx, &queue)
}

pub fn untag(tx: &mut Tx, arn: &Arn, names: &[String]) -> Result<(), Error> {
    let mut queue = find(tx, arn)?;
    queue.tags.retain(|name, _| !names.contains(name));
    put(tx, &queue)
}
