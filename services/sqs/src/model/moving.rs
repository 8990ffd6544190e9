//! Message move tasks: giving the messages of a dead-letter queue back to where they came from, or to another queue.

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};
use service::Cx;

use crate::error::Error;
use crate::keys::{COUNTERS, MESSAGES, MOVE_TASKS, STATES, Sequence};
use crate::limits;
use crate::model::{message, queue};
use crate::types::{Message, MoveStatus, MoveTask, Queue};

/// A task as it is asked for.
#[derive(Clone, Debug)]
pub struct Start {
    pub id: String,
    pub source: Arn,
    /// Without one, each message goes back to the queue that it came from.
    pub destination: Option<Arn>,
    pub per_second: Option<u64>,
}

/// Starts a task, unless one runs.
pub fn start(tx: &mut Tx, now: Timestamp, start: &Start) -> Result<(), Error> {
    let queue = source_queue(tx, &start.source)?;
    if !is_dead_letter_queue(tx, &start.source)? {
        return Err(Error::InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.".into()));
    }
    if let Some(destination) = &start.destination {
        let target = queue::find(tx, destination).map_err(|_| no_resource("DestinationArn"))?;
        if target.is_fifo() != queue.is_fifo() {
            return Err(Error::InvalidParameterValue("Source and destination queue must be of the same type.".into()));
        }
    }
    if tasks(tx, &queue, 1)?.iter().any(|(_, task)| task.status == MoveStatus::Running) {
        return Err(Error::InvalidParameterValue(ONE_TASK.into()));
    }
    for (started, _) in tasks(tx, &queue, usize::MAX)?.into_iter().skip(limits::MOVE_TASKS_KEPT - 1) {
        MOVE_TASKS.delete(tx, (queue.id, started))?;
    }
    let task = MoveTask {
        id: start.id.clone(),
        source: start.source.clone(),
        destination: start.destination.clone(),
        per_second: start.per_second,
        moved: 0,
        to_move: COUNTERS.get(tx, queue.id)?.unwrap_or_default().messages,
        status: MoveStatus::Running,
        failure: None,
    };
    MOVE_TASKS.put(tx, (queue.id, now), &task)?;
    Ok(())
}

const ONE_TASK: &str =
    "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";

pub fn no_resource(parameter: &str) -> Error {
    Error::ResourceNotFound(format!("The resource that you specified for the {parameter} parameter doesn't exist."))
}

pub fn source_queue(read: &(impl Read + ?Sized), source: &Arn) -> Result<Queue, Error> {
    queue::find(read, source).map_err(|_| no_resource("SourceArn"))
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
pub fn cancel(tx: &mut Tx, source: &Arn, id: &str) -> Result<u64, Error> {
    let queue = source_queue(tx, source)?;
    let (started, mut task) = tasks(tx, &queue, usize::MAX)?
        .into_iter()
        .find(|(_, task)| task.id == id)
        .ok_or_else(|| Error::ResourceNotFound("Task does not exist.".into()))?;
    if task.status != MoveStatus::Running {
        return Err(Error::UnsupportedOperation("Only active tasks can be cancelled.".into()));
    }
    task.status = MoveStatus::Cancelled;
    MOVE_TASKS.put(tx, (queue.id, started), &task)?;
    Ok(task.moved)
}

/// Moves up to `limit` messages of the queue's running task; says whether it goes on.
pub fn step(tx: &mut Tx, cx: &Cx, source: &Arn, limit: usize) -> Result<bool, Error> {
    let now = cx.now();
    let queue = queue::find(tx, source)?;
    let Some((started, mut task)) = tasks(tx, &queue, 1)?.pop().filter(|(_, task)| task.status == MoveStatus::Running)
    else {
        return Ok(false);
    };
    for (sequence, one) in next(tx, now, &queue, &task, limit)? {
        let target = match task.destination.clone().or(one.dead_letter_source.clone()) {
            Some(destination) => queue::find(tx, &destination).map_err(|_| "AWS.SimpleQueueService.NonExistentQueue"),
            None => Err("CouldNotDetermineMessageSource"),
        };
        match target {
            Ok(target) => {
                message::remove(tx, &queue, sequence)?;
                message::transfer(tx, now, &target, message::again(cx, &queue, sequence, one))?;
                task.moved += 1;
            }
            Err(reason) => {
                (task.status, task.failure) = (MoveStatus::Failed, Some(reason.into()));
                break;
            }
        }
    }
    if task.status == MoveStatus::Running && next(tx, now, &queue, &task, 1)?.is_empty() {
        task.status = MoveStatus::Completed;
    }
    MOVE_TASKS.put(tx, (queue.id, started), &task)?;
    Ok(task.status == MoveStatus::Running)
}

/// The next messages to move, at most `limit`: not those in flight, and not those that arrived while the task ran, such as
/// one that failed again.
fn next(
    tx: &Tx,
    now: Timestamp,
    queue: &Queue,
    task: &MoveTask,
    limit: usize,
) -> Result<Vec<(Sequence, Message)>, Error> {
    let left = usize::try_from(task.to_move.saturating_sub(task.moved)).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for entry in MESSAGES.scan_prefix(tx, queue.id, Order::Forward)? {
        if found.len() == limit.min(left) {
            break;
        }
        let ((_, sequence), message) = entry?;
        if !STATES.get(tx, (queue.id, sequence))?.is_some_and(|state| state.is_in_flight(now)) {
            found.push((sequence, message));
        }
    }
    Ok(found)
}
