//! A schedule comes due: what its target gets goes into the outbox, in the transaction that sets the next timer.

use std::time::Duration;

use base::{Arn, Timestamp};
use kv::Tx;
use serde_json::{Value, json};
use service::{Cx, Delivery, Properties, outbox};

use crate::attributes::{Attempt, tell_attempts, time};
use crate::error::Error;
use crate::keys::SCHEDULES;
use crate::limits::LATE_MAX;
use crate::model::schedule;
use crate::name::schedule_of;
use crate::note::Note;
use crate::timing::Timetable;
use crate::types::{Occurrence, Schedule};
use crate::universal::Operation;

/// The timer of a schedule that was set for `at`.
pub fn fire(tx: &mut Tx, cx: &Cx, arn: &Arn, at: Timestamp) -> Result<(), Error> {
    let Some((group, name)) = schedule_of(arn) else { return Ok(()) };
    let Some(mut schedule) = SCHEDULES.get(tx, (&*arn.region, group, name))? else { return Ok(()) };
    let Some(next) = schedule.next.filter(|next| next.at == at && schedule.enabled) else { return Ok(()) };
    let chance = chance(cx.request_id());
    let due = in_time(&schedule, next, cx.now())?;
    if let Some(due) = due {
        send(tx, cx, &schedule, due, chance)?;
    }
    schedule.done = Some(due.unwrap_or(cx.now()));
    schedule::arm(tx, cx.now(), &mut schedule, chance)?;
    if schedule.next.is_none() && schedule.delete_after {
        return schedule::remove(tx, &schedule);
    }
    schedule::put(tx, &schedule)
}

/// The occurrence that fires. A single moment always does; of a recurring schedule's occurrences that nobody could see to,
/// because the server was down, the last, where that is no longer ago than an event may be old.
fn in_time(schedule: &Schedule, next: Occurrence, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    if now.since(next.at) <= LATE_MAX {
        return Ok(Some(next.due));
    }
    let unreadable =
        || service::Error::internal(format_args!("{} cannot be read any more", schedule.timing.expression));
    let timetable = Timetable::of(&schedule.timing).ok_or_else(unreadable)?;
    if timetable.is_once() {
        return Ok(Some(next.due));
    }
    Ok(timetable.latest(next.due, now, Duration::from_secs(schedule.target.age_seconds_max)))
}

/// A number that is another for each request, and the same when its transaction runs again.
fn chance(request_id: &str) -> u64 {
    let digits: String = request_id.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).unwrap_or_default()
}

fn send(tx: &mut Tx, cx: &Cx, schedule: &Schedule, due: Timestamp, seed: u64) -> Result<(), Error> {
    let target = &schedule.target;
    let input = input(schedule, due, cx.request_id());
    let attempt = Attempt { schedule: &schedule.arn, due, seed, number: 1 };
    let event = attempt.fill(&input);
    let note = Note {
        target: target.arn.clone(),
        due,
        seed,
        retries_max: target.retries_max,
        age_seconds_max: target.age_seconds_max,
        dead_letter: target.dead_letter.clone(),
        input: tell_attempts(&input).then_some(input),
    };
    let is_operation = Operation::of(&target.arn).is_some();
    let to = if is_operation { schedule.arn.clone() } else { target.arn.clone() };
    let (group, partition_key) = (target.group.clone(), target.partition_key.clone());
    let delivery = Delivery {
        message: Properties { group, partition_key, ..Properties::default() },
        role: Some(target.role.clone()),
        note: note.to_bytes(),
        ..Delivery::new(cx, schedule.arn.clone(), to, event.into())
    };
    Ok(outbox::send(tx, cx, delivery, None)?)
}

/// What the target is to get, before it is filled.
fn input(schedule: &Schedule, due: Timestamp, id: &str) -> String {
    let target = &schedule.target;
    if let Some(event) = &target.event {
        let detail: Option<Value> = target.input.as_deref().and_then(|input| serde_json::from_str(input).ok());
        let detail = detail.unwrap_or_else(|| json!({}));
        return envelope(schedule, due, id, (&event.detail_type, &event.source), detail).to_string();
    }
    let default = || match Operation::of(&target.arn) {
        Some(_) => "{}".to_owned(),
        None => envelope(schedule, due, id, ("Scheduled Event", "aws.scheduler"), json!("{}")).to_string(),
    };
    target.input.clone().unwrap_or_else(default)
}

fn envelope(schedule: &Schedule, due: Timestamp, id: &str, (kind, source): (&str, &str), detail: Value) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": kind,
        "source": source,
        "account": schedule.arn.account,
        "time": time(due),
        "region": schedule.arn.region,
        "resources": [schedule.arn],
        "detail": detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_draw_different_numbers() {
        let (one, other) = ("b3b1f9a0-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "b3b1f9a0-1c2d-4e60-8a9b-0c1d2e3f4a5b");
        assert_ne!(chance(one), chance(other));
        assert_eq!(chance(one), 0xb3b1_f9a0_1c2d_4e5f);
    }
}
