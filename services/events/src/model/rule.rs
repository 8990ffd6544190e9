//! Rules, and the timers of those that have a schedule.

use base::Timestamp;
use bytes::Bytes;
use jiff::tz::TimeZone;
use kv::{Order, Read, Tx};
use schedule::{Gap, Schedule};
use service::timers;

use crate::error::Error;
use crate::keys::{RULE_COUNTS, RULES, TARGETS};
use crate::model::bus;
use crate::name::BusRef;
use crate::types::{Rule, RuleState};

pub fn find(read: &(impl Read + ?Sized), on: &BusRef, name: &str) -> Result<Rule, Error> {
    bus::find(read, on)?;
    RULES.get(read, (on.region(), &*on.name, name))?.ok_or_else(|| Error::rule_not_found(name, &on.name))
}

/// Makes a rule, or gives one a new definition; its targets and tags stay. A bus has at most `max`.
pub fn put(tx: &mut Tx, now: Timestamp, on: &BusRef, version: u64, max: u64, mut rule: Rule) -> Result<(), Error> {
    bus::find(tx, on)?;
    if let Some(existing) = RULES.get(tx, (on.region(), &*on.name, &*rule.name))? {
        check_managed(&existing, false)?;
        unschedule(tx, &existing)?;
        rule.tags = existing.tags;
        if existing.schedule == rule.schedule && existing.state == rule.state {
            rule.scheduled = existing.scheduled;
        }
    } else if count(tx, on)? >= max {
        return Err(Error::LimitExceeded);
    }
    store(tx, now, on, version, rule)
}

/// Stores a rule, and sets the timer of its schedule.
pub fn store(tx: &mut Tx, now: Timestamp, on: &BusRef, version: u64, mut rule: Rule) -> Result<(), Error> {
    schedule(tx, now, &mut rule)?;
    if !RULES.contains(tx, (on.region(), &*on.name, &*rule.name))? {
        let count = count(tx, on)? + 1;
        RULE_COUNTS.put(tx, (on.region(), &*on.name), &count)?;
    }
    RULES.put(tx, (on.region(), &*on.name, &*rule.name), &rule)?;
    bus::changed(tx, on, version)
}

/// How many rules a bus has.
fn count(read: &(impl Read + ?Sized), on: &BusRef) -> Result<u64, Error> {
    if let Some(count) = RULE_COUNTS.get(read, (on.region(), &*on.name))? {
        return Ok(count);
    }
    Ok(RULES.scan_prefix(read, (on.region(), &*on.name), Order::Forward)?.count() as u64)
}

pub fn set_state(
    tx: &mut Tx,
    now: Timestamp,
    on: &BusRef,
    name: &str,
    version: u64,
    state: RuleState,
) -> Result<(), Error> {
    let mut rule = find(tx, on, name)?;
    check_managed(&rule, false)?;
    unschedule(tx, &rule)?;
    if rule.state != state {
        (rule.state, rule.scheduled) = (state, now);
    }
    store(tx, now, on, version, rule)
}

/// Removes a rule that has no targets. One that is not there counts as removed.
pub fn delete(tx: &mut Tx, on: &BusRef, name: &str, version: u64, force: bool) -> Result<(), Error> {
    bus::find(tx, on)?;
    let Some(rule) = RULES.get(tx, (on.region(), &*on.name, name))? else { return Ok(()) };
    check_managed(&rule, force)?;
    if TARGETS.scan_prefix(tx, (on.region(), &*on.name, name), Order::Forward)?.next().is_some() {
        return Err(Error::validation("Rule can't be deleted since it has targets."));
    }
    remove(tx, on, &rule, version)
}

/// Removes a rule that is there.
pub fn remove(tx: &mut Tx, on: &BusRef, rule: &Rule, version: u64) -> Result<(), Error> {
    unschedule(tx, rule)?;
    let count = count(tx, on)?.saturating_sub(1);
    RULE_COUNTS.put(tx, (on.region(), &*on.name), &count)?;
    RULES.delete(tx, (on.region(), &*on.name, &*rule.name))?;
    bus::changed(tx, on, version)
}

/// What a service made for itself is changed by nobody else, or by force.
pub fn check_managed(rule: &Rule, force: bool) -> Result<(), Error> {
    if rule.managed_by.is_some() && !force { Err(Error::ManagedRule(rule.name.clone())) } else { Ok(()) }
}

/// A bus's rules by name.
pub fn all(read: &(impl Read + ?Sized), on: &BusRef) -> Result<Vec<Rule>, Error> {
    bus::find(read, on)?;
    Ok(RULES.scan_prefix(read, (on.region(), &*on.name), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// The expression's schedule; `None` for one that EventBridge does not take. It is stricter than others: one minute is
/// `1 minute`, several are `5 minutes`, and single moments are for the Scheduler.
pub fn parse_schedule(expression: &str) -> Option<Schedule> {
    match Schedule::parse(expression)? {
        Schedule::At(_) => None,
        rate @ Schedule::Rate(_) => {
            let (value, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
            (value.parse() == Ok(1_u64) && !unit.ends_with('s') || value.parse() != Ok(1_u64) && unit.ends_with('s'))
                .then_some(rate)
        }
        cron @ Schedule::Cron(_) => Some(cron),
    }
}

/// Sets the timer of the next time, if there is one.
pub fn schedule(tx: &mut Tx, now: Timestamp, rule: &mut Rule) -> Result<(), Error> {
    let schedule = rule.schedule.as_deref().and_then(parse_schedule).filter(|_| rule.state != RuleState::Disabled);
    // The first time of a rate is one rate after it was set.
    let after = now.max(rule.scheduled);
    rule.next = schedule.and_then(|schedule| schedule.next(after, rule.scheduled, &TimeZone::UTC, Gap::Later));
    if let Some(next) = rule.next {
        timers::set(tx, "events", next, rule.arn.to_string().as_bytes(), &Bytes::new())?;
    }
    Ok(())
}

pub fn unschedule(tx: &mut Tx, rule: &Rule) -> Result<(), Error> {
    if let Some(next) = rule.next {
        timers::cancel(tx, "events", next, rule.arn.to_string().as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LocalStack has validated these against AWS.
    #[test]
    fn schedules_are_as_strict_as_those_of_aws() {
        for good in
            ["rate(1 minute)", "rate(5 minutes)", "rate(1 day)", "cron(0/5 5 ? JAN 1-5 2022)", "cron(* * ? * SAT#3 *)"]
        {
            assert!(parse_schedule(good).is_some(), "{good}");
        }
        let bad = [
            "rate(10 seconds)",
            "rate(1 minutes)",
            "rate(10 minute)",
            "rate()",
            "rate(10)",
            "rate(10 minutess)",
            "rate(foo minutes)",
            "rate(0 minutes)",
            "rate(-10 minutes)",
            "rate(10 MINUTES)",
            "rate( 10 minutes )",
            " rate(10 minutes)",
            "cron(0 1 * * * *)",
            "cron(7 20 * * NOT *)",
            "cron(INVALID)",
            "cron(71 8 1 * ? *)",
            "at(2030-01-01T00:00:00)",
        ];
        for bad in bad {
            assert!(parse_schedule(bad).is_none(), "{bad}");
        }
    }
}
