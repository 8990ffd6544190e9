//! Message move tasks: giving the messages of a dead-letter queue back to where they came from, or to another queue.

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{COUNTERS, MESSAGES, MOVE_TASKS, STATES};
use crate::model::{message, queue};
use crate::types::{Message, MoveStatus, MoveTask, Queue};

/// Starts a task, unless one runs.
pub fn start(
    tx: &mut Tx,
    now: Timestamp,
    source: &Arn,
    destination: Option<&Arn>,
    per_second: Option<u64>,
) -> Result<(), Error> {
    let queue = source_queue(tx, source)?;
    if !is_dead_letter_queue(tx, source)? {
        return Err(Error::InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.".into()));
    }
    if let Some(destination) = destination {
        let target = queue::find(tx, destination).map_err(|_| Error::ResourceNotFound(NO_RESOURCE.into()))?;
        if target.is_fifo() != queue.is_fifo() {
            return Err(Error::InvalidParameterValue("Source and destination queue must be of the same type.".into()));
        }
    }
    if tasks(tx, &queue, 1)?.iter().any(|(_, task)| task.status == MoveStatus::Running) {
        return Err(Error::UnsupportedOperation(format!(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time: {source}"
        )));
    }
    let to_move = COUNTERS.get(tx, queue.id)?.unwrap_or_default().messages;
    let task = MoveTask {
        source: source.clone(),
        destination: destination.cloned(),
        per_second,
        moved: 0,
        to_move,
        status: MoveStatus::Running,
        failure: None,
    };
    MOVE_TASKS.put(tx, (queue.id, now), &task)?;
    Ok(())
}

const NO_RESOURCE: &str = "The resource that you specified for the SourceArn parameter doesn't exist.";

pub fn source_queue(read: &(impl Read + ?Sized), source: &Arn) -> Result<Queue, Error> {
    queue::find(read, source).map_err(|_| Error::ResourceNotFound(NO_RESOURCE.into()))
}

fn is_dead_letter_queue(read: &(impl Read + ?Sized), arn: &Arn) -> Result<bool, Error> {
    let redrives_here = |queue: &Queue| queue.attributes.redrive.as_ref().is_some_and(|redrive| redrive.target == *arn);
    Ok(!queue::list(read, &arn.region, None, 1, redrives_here)?.0.is_empty())
}

/// The newest tasks of a queue, newest first.
pub fn tasks(read: &(impl Read + ?Sized), queue: &Queue, limit: usize) -> Result<Vec<(Timestamp, MoveTask)>, Error> {
    let newest = MOVE_TASKS.scan_prefix(read, queue.id, Order::Reverse)?.take(limit);
    Ok(newest.map(|entry| entry.map(|((_, started), task)| (started, task))).collect::<Result<_, _>>()?)
}

/// Stops a running task, and says how many messages it moved.
pub fn cancel(tx: &mut Tx, source: &Arn, started: Timestamp) -> Result<u64, Error> {
    let queue = source_queue(tx, source)?;
    let mut task = MOVE_TASKS
        .get(tx, (queue.id, started))?
        .ok_or_else(|| Error::ResourceNotFound("Task does not exist.".into()))?;
    if task.status != MoveStatus::Running {
        return Err(Error::UnsupportedOperation("Only active tasks can be cancelled.".into()));
    }
    task.status = MoveStatus::Cancelled;
    MOVE_TASKS.put(tx, (queue.id, started), &task)?;
    Ok(task.moved)
}

/// Moves up to `limit` messages of the queue's running task; says whether it goes on.
pub fn step(tx: &mut Tx, now: Timestamp, source: &Arn, limit: usize) -> Result<bool, Error> {
    let queue = queue::find(tx, source)?;
    let Some((started, mut task)) = tasks(tx, &queue, 1)?.pop().filter(|(_, task)| task.status == MoveStatus::Running)
    else {
        return Ok(false);
    };
    // What arrives while the task runs (a message that failed again) is not moved a second time.
    let limit = limit.min(usize::try_from(task.to_move.saturating_sub(task.moved)).unwrap_or(usize::MAX));
    let mut batch = Vec::new();
    for entry in MESSAGES.scan_prefix(&*tx, queue.id, Order::Forward)? {
        let ((_, sequence), message) = entry?;
        let in_flight = STATES.get(tx, (queue.id, sequence))?.is_some_and(|state| state.is_in_flight(now));
        if batch.len() == limit {
            break;
        }
        if !in_flight {
            batch.push((sequence, message));
        }
    }
    task.status = if batch.is_empty() { MoveStatus::Completed } else { MoveStatus::Running };
    for (sequence, one) in batch {
        let destination = task.destination.clone().or(one.dead_letter_source.clone());
        let Some(Ok(target)) = destination.map(|arn| queue::find(tx, &arn)) else {
            task.status = MoveStatus::Failed;
            task.failure = Some("AWS.SimpleQueueService.NonExistentQueue".into());
            break;
        };
        message::remove(tx, now, queue.id, sequence)?;
        message::transfer(tx, now, &target, Message { dead_letter_source: None, ..one })?;
        task.moved += 1;
    }
    MOVE_TASKS.put(tx, (queue.id, started), &task)?;
    Ok(task.status == MoveStatus::Running)
}
