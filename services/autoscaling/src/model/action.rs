//! Scheduled actions, and the timers that run them.

use base::Timestamp;
use bytes::Bytes;
use kv::{Order, Read, Tx};
use schedule::{Gap, Schedule, zone};
use service::timers;

use crate::error::Error;
use crate::keys::{ACTIONS, NamedKey};
use crate::limits::ACTIONS_MAX;
use crate::model::{activity, target};
use crate::types::{Activity, Resource, ScheduledAction};

/// What a request says; what it leaves out stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub schedule: Option<String>,
    pub timezone: Option<String>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub min: Option<u32>,
    pub max: Option<u32>,
}

/// Makes an action, or changes one. `fresh` is what a new one is like.
pub fn put(tx: &mut Tx, now: Timestamp, fresh: ScheduledAction, change: Change) -> Result<(), Error> {
    target::find(tx, &fresh.resource)?;
    let key = fresh.resource.named(&fresh.name);
    let existing = ACTIONS.get(tx, &key)?;
    if existing.is_none() && ACTIONS.scan_prefix(tx, fresh.resource.key(), Order::Forward)?.count() >= ACTIONS_MAX {
        return Err(Error::LimitExceeded(format!("A scalable target has at most {ACTIONS_MAX} scheduled actions")));
    }
    if let Some(existing) = &existing {
        unschedule(tx, existing)?;
    }
    let mut action = existing.unwrap_or(fresh);
    action.schedule = change.schedule.unwrap_or(action.schedule);
    action.timezone = change.timezone.or(action.timezone);
    (action.start, action.end) = (change.start.or(action.start), change.end.or(action.end));
    if change.min.is_some() || change.max.is_some() {
        (action.min, action.max) = (change.min, change.max);
    }
    check(&action)?;
    schedule(tx, now, action)
}

fn check(action: &ScheduledAction) -> Result<(), Error> {
    if action.schedule.is_empty() {
        return Err(Error::validation("Schedule cannot be empty"));
    }
    if Schedule::parse(&action.schedule).is_none() {
        let schedule = &action.schedule;
        return Err(Error::validation(format!(
            "Invalid schedule: {schedule}. Use at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(minutes hours day-of-month month day-of-week year)"
        )));
    }
    if let Some(name) = action.timezone.as_deref().filter(|name| zone(Some(name)).is_none()) {
        return Err(Error::validation(format!("Invalid timezone: {name}")));
    }
    if action.min.is_none() && action.max.is_none() {
        return Err(Error::validation("ScalableTargetAction must have MinCapacity or MaxCapacity"));
    }
    if let (Some(min), Some(max)) = (action.min, action.max)
        && min > max
    {
        return Err(target::bounds(min, max));
    }
    match (action.start, action.end) {
        (Some(start), Some(end)) if start >= end => Err(Error::validation("StartTime must be earlier than EndTime")),
        _ => Ok(()),
    }
}

/// Sets the timer of an action's next run, if there is one, and stores it.
fn schedule(tx: &mut Tx, now: Timestamp, mut action: ScheduledAction) -> Result<(), Error> {
    let (origin, zone) = (action.start.unwrap_or(action.created), zone(action.timezone.as_deref()));
    // A start is a moment of its own right: what is due just then runs.
    let after = action.start.map_or(now, |start| now.max(Timestamp(start.as_millis().saturating_sub(1))));
    let next = Schedule::parse(&action.schedule)
        .zip(zone)
        .and_then(|(schedule, zone)| schedule.next(after, origin, &zone, Gap::Later));
    action.next = next.filter(|next| action.end.is_none_or(|end| *next <= end));
    if let Some(next) = action.next {
        timers::set(tx, crate::NAME, next, &timer_key(&action)?, &Bytes::new())?;
    }
    ACTIONS.put(tx, action.resource.named(&action.name), &action)?;
    Ok(())
}

pub fn unschedule(tx: &mut Tx, action: &ScheduledAction) -> Result<(), Error> {
    match action.next {
        Some(next) => Ok(timers::cancel(tx, crate::NAME, next, &timer_key(action)?)?),
        None => Ok(()),
    }
}

fn timer_key(action: &ScheduledAction) -> Result<Vec<u8>, Error> {
    let key = serde_json::to_vec(&action.resource.named(&action.name));
    key.map_err(|error| Error::Other(service::Error::internal(error)))
}

pub fn delete(tx: &mut Tx, resource: &Resource, name: &str) -> Result<(), Error> {
    let action = ACTIONS.get(tx, resource.named(name))?.ok_or_else(|| Error::no_action(resource, name))?;
    unschedule(tx, &action)?;
    ACTIONS.delete(tx, resource.named(name))?;
    Ok(())
}

/// All actions of a namespace.
pub fn all(read: &(impl Read + ?Sized), region: &str, namespace: &str) -> Result<Vec<ScheduledAction>, Error> {
    Ok(ACTIONS.scan_prefix(read, (region, namespace), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// The timer of an action came due: its target gets new bounds, and the timer of its next run is set. `id` is for what is
/// told of it.
pub fn run(tx: &mut Tx, now: Timestamp, timer: &[u8], id: String) -> Result<(), Error> {
    let Ok(key) = serde_json::from_slice::<NamedKey>(timer) else { return Ok(()) };
    let Some(action) = ACTIONS.get(tx, &key)? else { return Ok(()) };
    apply(tx, now, &action, id)?;
    schedule(tx, now, action)
}

fn apply(tx: &mut Tx, now: Timestamp, action: &ScheduledAction, id: String) -> Result<(), Error> {
    let mut target = target::find(tx, &action.resource)?;
    if target.suspended.scheduled {
        return Ok(());
    }
    let (min, max) = (action.min.unwrap_or(target.min), action.max.unwrap_or(target.max));
    let cause = format!("scheduled action name {} was triggered", action.name);
    let failure = (min > max).then(|| target::bounds(min, max).to_string());
    let message = match &failure {
        Some(failure) => format!("Failed to set min capacity to {min} and max capacity to {max}. Reason: {failure}"),
        None => format!("Successfully set min capacity to {min} and max capacity to {max}"),
    };
    let description = format!("Setting min capacity to {min} and max capacity to {max}");
    let resource = action.resource.clone();
    let done = failure.is_none();
    let told = Activity { id, resource, description, cause: cause.clone(), started: now, ended: now, failure, message };
    activity::record(tx, &told)?;
    if done {
        (target.min, target.max) = (min, max);
        target::bound(tx, &target, cause)?;
    }
    Ok(())
}
