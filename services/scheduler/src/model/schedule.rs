//! Schedules: making, finding, changing and removing them, and the timers of those that come due.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::timers;

use crate::NAME;
use crate::error::Error;
use crate::keys::{COUNTS, SCHEDULES};
use crate::limits::{LOOKED_AT_MAX, SCHEDULES_MAX};
use crate::model::group;
use crate::name::schedule_of;
use crate::timing::Timetable;
use crate::types::{Schedule, Timing};

pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Schedule, Error> {
    let (group, name) = schedule_of(arn).ok_or_else(|| Error::schedule_not_found(&arn.resource))?;
    match SCHEDULES.get(read, (&*arn.region, group, name))? {
        Some(schedule) => Ok(schedule),
        None => {
            group::find(read, arn, group)?;
            Err(Error::schedule_not_found(name))
        }
    }
}

pub fn exists(read: &(impl Read + ?Sized), arn: &Arn) -> Result<bool, Error> {
    match find(read, arn) {
        Err(Error::NotFound(_)) => Ok(false),
        found => found.map(|_| true),
    }
}

/// Makes a schedule. `chance` draws the moment within its window, if it has one.
pub fn create(tx: &mut Tx, now: Timestamp, mut schedule: Schedule, chance: u64) -> Result<(), Error> {
    let region = schedule.arn.region.clone();
    group::check_open(tx, &region, &schedule.group)?;
    if SCHEDULES.contains(tx, (&*region, &*schedule.group, &*schedule.name))? {
        return Err(Error::Conflict(format!("Schedule {} already exists.", schedule.name)));
    }
    let count = COUNTS.get(tx, &*region)?.unwrap_or_default();
    if count >= SCHEDULES_MAX {
        return Err(Error::QuotaExceeded(format!("The number of schedules is limited to {SCHEDULES_MAX}.")));
    }
    COUNTS.put(tx, &*region, &(count + 1))?;
    arm(tx, now, &mut schedule, chance)?;
    put(tx, &schedule)
}

/// Gives a schedule a new definition. While its timing is the same, it goes on where it was.
pub fn update(tx: &mut Tx, now: Timestamp, mut schedule: Schedule, chance: u64) -> Result<(), Error> {
    let existing = find(tx, &schedule.arn)?;
    group::check_open(tx, &existing.arn.region, &existing.group)?;
    disarm(tx, &existing)?;
    schedule.created = existing.created;
    let since = existing.timing.since;
    if existing.timing == (Timing { since, ..schedule.timing.clone() }) {
        schedule.timing.since = since;
        // What came due while it was disabled was not wanted.
        let just_now = Timestamp(now.as_millis().saturating_sub(1));
        schedule.done = if existing.enabled { existing.done } else { existing.done.max(Some(just_now)) };
        if existing.enabled && schedule.enabled && existing.window == schedule.window {
            schedule.next = existing.next;
            set_timer(tx, &schedule)?;
            return put(tx, &schedule);
        }
    }
    arm(tx, now, &mut schedule, chance)?;
    put(tx, &schedule)
}

pub fn put(tx: &mut Tx, schedule: &Schedule) -> Result<(), Error> {
    Ok(SCHEDULES.put(tx, (&*schedule.arn.region, &*schedule.group, &*schedule.name), schedule)?)
}

pub fn delete(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    let schedule = find(tx, arn)?;
    remove(tx, &schedule)
}

/// Removes a schedule that is there.
pub fn remove(tx: &mut Tx, schedule: &Schedule) -> Result<(), Error> {
    disarm(tx, schedule)?;
    let region = &*schedule.arn.region;
    let count = COUNTS.get(tx, region)?.unwrap_or_default();
    COUNTS.put(tx, region, &count.saturating_sub(1))?;
    Ok(SCHEDULES.delete(tx, (region, &*schedule.group, &*schedule.name))?)
}

/// Finds what comes due next, draws the moment at which that fires, and sets a timer for it.
pub fn arm(tx: &mut Tx, now: Timestamp, schedule: &mut Schedule, chance: u64) -> Result<(), Error> {
    let due = Timetable::of(&schedule.timing).filter(|_| schedule.enabled).and_then(|table| table.next(schedule.done));
    schedule.next = due.map(|due| schedule.window.occurrence(due, now, chance));
    set_timer(tx, schedule)
}

fn set_timer(tx: &mut Tx, schedule: &Schedule) -> Result<(), Error> {
    match schedule.next {
        Some(next) => Ok(timers::set(tx, NAME, next.at, schedule.arn.to_string().as_bytes(), &Bytes::new())?),
        None => Ok(()),
    }
}

fn disarm(tx: &mut Tx, schedule: &Schedule) -> Result<(), Error> {
    match schedule.next {
        Some(next) => Ok(timers::cancel(tx, NAME, next.at, schedule.arn.to_string().as_bytes())?),
        None => Ok(()),
    }
}

/// A group and a name.
pub type Place = (String, String);

/// A region's schedules by group and name, those of one group where that is given, that come after a place, as far as one
/// request looks; with the place of the last one that was looked at, where there may be more.
pub fn page(
    read: &(impl Read + ?Sized),
    region: &str,
    group: Option<&str>,
    after: Option<Place>,
    wanted: impl Fn(&Schedule) -> bool,
    size: usize,
) -> Result<(Vec<Schedule>, Option<Place>), Error> {
    let after = after.unwrap_or_else(|| (group.unwrap_or_default().to_owned(), String::new()));
    let key = (region, &*after.0, &*after.1);
    let rows = match group {
        Some(group) => SCHEDULES.scan_after(read, (region, group), key, Order::Forward)?,
        None => SCHEDULES.scan_after(read, (region,), key, Order::Forward)?,
    };
    let mut found = Vec::new();
    let mut last = None;
    for (looked_at, schedule) in rows.values().enumerate() {
        if found.len() == size || looked_at == LOOKED_AT_MAX {
            return Ok((found, last));
        }
        let schedule = schedule?;
        last = Some((schedule.group.clone(), schedule.name.clone()));
        if wanted(&schedule) {
            found.push(schedule);
        }
    }
    Ok((found, None))
}
