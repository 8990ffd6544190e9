//! From what a schedule's owner wrote to the moments at which it comes due.
//!
//! Source: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use std::time::Duration;

use base::Timestamp;
use jiff::tz::TimeZone;
use schedule::{Gap, zone};

use crate::types::{Occurrence, Timing, Window};

/// A timing that can be asked.
pub struct Timetable {
    schedule: schedule::Schedule,
    zone: TimeZone,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    since: Timestamp,
}

/// No two occurrences of a schedule are as near to each other as this.
const NEAR: Duration = Duration::from_secs(30);

impl Timetable {
    /// `None` for an expression or a time zone that is none.
    pub fn of(timing: &Timing) -> Option<Timetable> {
        let zone = zone(timing.timezone.as_deref())?;
        let schedule = schedule::Schedule::parse(&timing.expression)?;
        let &Timing { start, end, since, .. } = timing;
        let mut timetable = Timetable { schedule, zone, start, end, since };
        if timetable.is_once() {
            // A single moment has neither, whatever was asked for.
            (timetable.start, timetable.end) = (None, None);
        }
        Some(timetable)
    }

    pub fn is_once(&self) -> bool {
        matches!(self.schedule, schedule::Schedule::At(_))
    }

    /// The first time it comes due after `done`, or at all: a single moment also when it is past, a rate at its start.
    pub fn next(&self, done: Option<Timestamp>) -> Option<Timestamp> {
        if self.is_once() {
            return self.after(done.unwrap_or_default());
        }
        let begin = before(self.start.unwrap_or(self.since));
        self.after(done.map_or(begin, |done| done.max(begin)))
    }

    fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let origin = self.start.unwrap_or(self.since);
        // As AWS has it: what clocks pass over is skipped, and what they repeat runs once.
        let next = self.schedule.next(moment, origin, &self.zone, Gap::Skipped)?;
        self.end.is_none_or(|end| next <= end).then_some(next)
    }

    /// The last time it came due since the occurrence `first`, up to now; `None` where that is longer ago than `age`.
    pub fn latest(&self, first: Timestamp, now: Timestamp, age: Duration) -> Option<Timestamp> {
        let comes_due = |after| self.after(after).filter(|due| *due <= now);
        let (mut low, mut high) = (before(first).max(now - age), now);
        let mut latest = comes_due(low)?;
        while high.since(low) > NEAR {
            let middle = low + high.since(low) / 2;
            match comes_due(middle) {
                Some(due) => (low, latest) = (middle, due),
                None => high = middle,
            }
        }
        Some(latest)
    }
}

fn before(moment: Timestamp) -> Timestamp {
    moment - Duration::from_millis(1)
}

impl Window {
    /// When an occurrence fires: at once, or at a moment within the window that `chance` draws.
    pub fn occurrence(self, due: Timestamp, now: Timestamp, chance: u64) -> Occurrence {
        let minutes = self.minutes.filter(|_| self.flexible).unwrap_or_default();
        let (first, last) = (due.max(now), due + Duration::from_secs(60 * u64::from(minutes)));
        let wait = last.since(first).as_secs();
        Occurrence { due, at: first + Duration::from_secs(chance % (wait + 1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp::parse_iso8601(text).unwrap()
    }

    fn timetable(expression: &str, timezone: &str, start: Option<&str>, end: Option<&str>) -> Timetable {
        let since = moment("2026-01-01T00:00:30Z");
        let (start, end) = (start.map(moment), end.map(moment));
        Timetable::of(&Timing { expression: expression.into(), timezone: Some(timezone.into()), start, end, since })
            .unwrap()
    }

    fn all(timetable: &Timetable) -> Vec<String> {
        let (mut done, mut moments) = (None, Vec::new());
        while let Some(due) = timetable.next(done).filter(|_| moments.len() < 3) {
            moments.push(due.utc().strftime("%m-%dT%H:%M:%S").to_string());
            done = Some(due);
        }
        moments
    }

    #[test]
    fn rates_begin_at_once_or_at_their_start() {
        let rate = |start, end| all(&timetable("rate(1 hours)", "UTC", start, end));
        assert_eq!(rate(None, None), ["01-01T00:00:30", "01-01T01:00:30", "01-01T02:00:30"]);
        let start = Some("2026-01-01T12:00:00Z");
        assert_eq!(rate(start, Some("2026-01-01T13:00:00Z")), ["01-01T12:00:00", "01-01T13:00:00"]);
        assert!(rate(start, Some("2026-01-01T11:00:00Z")).is_empty());
    }

    #[test]
    fn a_single_moment_comes_once_whatever_its_start_and_end() {
        let past = timetable("at(2020-07-01T09:00:00)", "Europe/Paris", Some("2030-01-01T00:00:00Z"), None);
        assert_eq!(past.next(None), Some(moment("2020-07-01T07:00:00Z")));
        assert_eq!(past.next(past.next(None)), None);
    }

    #[test]
    fn clocks_that_change_skip_and_do_not_repeat() {
        let half_past_two = |start| all(&timetable("cron(30 2 * * ? *)", "America/New_York", Some(start), None));
        assert_eq!(half_past_two("2026-03-07T00:00:00Z")[..2], ["03-07T07:30:00", "03-09T06:30:00"]);
        let half_past_one =
            all(&timetable("cron(30 1 * * ? *)", "America/New_York", Some("2026-10-31T12:00:00Z"), None));
        assert_eq!(half_past_one[..2], ["11-01T05:30:00", "11-02T06:30:00"]);
        // A day of a rate is 24 hours, whatever the clocks do.
        let rate = all(&timetable("rate(1 day)", "America/New_York", Some("2026-03-07T12:00:00Z"), None));
        assert_eq!(rate[..2], ["03-07T12:00:00", "03-08T12:00:00"]);
    }

    #[test]
    fn the_latest_is_found_among_many() {
        let day = Duration::from_secs(86_400);
        let now = moment("2026-06-15T10:07:40Z");
        let latest = |expression: &str| {
            let found = timetable(expression, "UTC", None, None).latest(moment("2026-01-01T00:01:00Z"), now, day);
            found.map(Timestamp::iso8601)
        };
        assert_eq!(latest("cron(* * * * ? *)").unwrap(), "2026-06-15T10:07:00.000Z");
        assert_eq!(latest("cron(0,1 3 * * ? *)").unwrap(), "2026-06-15T03:01:00.000Z");
        assert_eq!(latest("cron(0 11 * * ? *)").unwrap(), "2026-06-14T11:00:00.000Z");
        assert_eq!(latest("rate(7 minutes)").unwrap(), "2026-06-15T10:03:30.000Z");
        assert_eq!(latest("cron(0 0 1 * ? *)"), None, "that was two weeks ago");
        assert_eq!(latest("at(2026-06-15T00:00:00)").unwrap(), "2026-06-15T00:00:00.000Z");
    }

    #[test]
    fn windows_hold_their_moments() {
        let (due, now) = (moment("2026-01-01T00:00:00Z"), moment("2026-01-01T00:10:00Z"));
        let window = |flexible| Window { flexible, minutes: Some(15) };
        assert_eq!(window(false).occurrence(due, due, 12_345), Occurrence { due, at: due });
        let moments: Vec<u64> =
            (0..2_000).map(|chance| window(true).occurrence(due, due, chance).at.since(due).as_secs()).collect();
        assert_eq!((moments.iter().min(), moments.iter().max()), (Some(&0), Some(&900)));
        let rest: Vec<u64> =
            (0..2_000).map(|chance| window(true).occurrence(due, now, chance).at.since(now).as_secs()).collect();
        assert_eq!((rest.iter().min(), rest.iter().max()), (Some(&0), Some(&300)));
        let over = moment("2026-01-01T00:16:00Z");
        assert_eq!(window(true).occurrence(due, over, 7).at, over);
    }
}
