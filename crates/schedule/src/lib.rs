//! When something scheduled happens: `at(...)`, `rate(...)` and `cron(...)`, in a time zone.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>, and
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use std::ops::RangeInclusive;
use std::time::Duration;

use base::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// How a single moment is written.
const AT_FORM: &str = "yyyy-mm-ddThh:mm:ss";

const DAY: Duration = Duration::from_secs(86_400);

/// The last year that a cron expression can name.
const YEAR_MAX: i16 = 2199;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    At(DateTime),
    Rate(Duration),
    Cron(Box<Cron>),
}

/// What becomes of a time of day that a `cron` names and that clocks pass over, where they are put forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It comes due as much later as the clocks are put forward.
    Later,
    /// It does not come due that day.
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<bool>,
    hours: Vec<bool>,
    months: Vec<bool>,
    years: Vec<bool>,
    day: Day,
}

/// Days of the month, or of the week: one of the two fields is a question mark.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Day {
    OfMonth(Vec<bool>),
    LastOfMonth,
    /// The weekday nearest to a day of the month.
    NearestWeekday(i8),
    /// Sunday is 1.
    OfWeek(Vec<bool>),
    LastOfWeek(i8),
    /// The second Tuesday: the weekday, and which.
    Nth(i8, i8),
}

/// The names of months and weekdays, in order.
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The first year that a cron expression can name.
const YEAR_MIN: usize = 1970;

impl Schedule {
    /// `None` when it is none of the three forms.
    pub fn parse(text: &str) -> Option<Schedule> {
        let (kind, rest) = text.split_once('(')?;
        let inside = rest.strip_suffix(')')?;
        match kind {
            "at" if inside.len() == AT_FORM.len() => Some(Schedule::At(inside.parse().ok()?)),
            "rate" => rate(inside).map(Schedule::Rate),
            "cron" => Cron::parse(inside).map(|cron| Schedule::Cron(Box::new(cron))),
            _ => None,
        }
    }

    /// The first moment after `after`; rates count from `origin`. `None` when there is none.
    pub fn next(&self, after: Timestamp, origin: Timestamp, zone: &TimeZone, gap: Gap) -> Option<Timestamp> {
        match self {
            // A single moment is never lost to a change of clocks.
            Schedule::At(at) => moment(*at, zone, Gap::Later).filter(|at| *at > after),
            Schedule::Rate(every) => {
                let every = u64::try_from(every.as_millis()).ok().filter(|every| *every > 0)?;
                if after < origin {
                    return Some(origin);
                }
                let passed = after.as_millis().checked_sub(origin.as_millis())? / every;
                Some(Timestamp(origin.as_millis().checked_add(passed.checked_add(1)?.checked_mul(every)?)?))
            }
            Schedule::Cron(cron) => cron.next(after, zone, gap),
        }
    }
}

/// `None` for a name that the database of time zones does not have.
pub fn zone(name: Option<&str>) -> Option<TimeZone> {
    name.map_or(Some(TimeZone::UTC), |name| TimeZone::get(name).ok())
}

/// Of two moments that have the same time of day, because clocks were put back, the first.
fn moment(at: DateTime, zone: &TimeZone, gap: Gap) -> Option<Timestamp> {
    let at = zone.to_ambiguous_timestamp(at);
    if gap == Gap::Skipped && matches!(at.offset(), AmbiguousOffset::Gap { .. }) {
        return None;
    }
    u64::try_from(at.compatible().ok()?.as_millisecond()).ok().map(Timestamp)
}

/// Whether the clocks run evenly all day.
fn is_even(date: Date, zone: &TimeZone) -> bool {
    let begin = |date: Date| moment(date.to_datetime(Time::midnight()), zone, Gap::Later);
    let next = date.tomorrow().ok().and_then(begin);
    begin(date).zip(next).is_some_and(|(begin, end)| end.since(begin) == DAY)
}

fn rate(text: &str) -> Option<Duration> {
    let (value, unit) = text.split_once(' ')?;
    let value: u64 = value.parse().ok().filter(|value| *value > 0)?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(value.checked_mul(seconds)?))
}

impl Cron {
    /// Six fields: minutes, hours, day of the month, month, day of the week, year.
    fn parse(text: &str) -> Option<Cron> {
        let fields: Vec<String> = text.split_whitespace().map(str::to_uppercase).collect();
        let [minutes, hours, month_day, months, week_day, years] = fields.as_slice() else { return None };
        let last = usize::try_from(YEAR_MAX).ok()?;
        Some(Cron {
            minutes: set(minutes, &(0..=59), &[])?,
            hours: set(hours, &(0..=23), &[])?,
            months: set(months, &(1..=12), &MONTHS)?,
            years: set(years, &(YEAR_MIN..=last), &[])?,
            day: day(month_day, week_day)?,
        })
    }

    fn next(&self, after: Timestamp, zone: &TimeZone, gap: Gap) -> Option<Timestamp> {
        let start = after.utc().with_time_zone(zone.clone());
        let mut date = start.date();
        while date.year() <= YEAR_MAX {
            if !has(&self.years, date.year()) {
                date = Date::new(date.year().checked_add(1)?, 1, 1).ok()?;
                continue;
            }
            if !has(&self.months, date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
                continue;
            }
            if self.day.is(date) {
                // Where clocks are put back, times of a day are not in the order of their moments.
                let is_even = is_even(date, zone);
                let from = if is_even && date == start.date() { start.time() } else { Time::midnight() };
                let moments = self.times(from).filter_map(|time| moment(date.to_datetime(time), zone, gap));
                let mut moments = moments.filter(|moment| *moment > after);
                if let Some(first) = if is_even { moments.next() } else { moments.min() } {
                    return Some(first);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Times of a day, in order, from the minute of `from` on.
    fn times(&self, from: Time) -> impl Iterator<Item = Time> {
        let hours = (from.hour()..24).filter(|hour| has(&self.hours, *hour));
        hours.flat_map(move |hour| {
            let first = if hour == from.hour() { from.minute() } else { 0 };
            let minutes = (first..60).filter(|minute| has(&self.minutes, *minute));
            minutes.filter_map(move |minute| Time::new(hour, minute, 0, 0).ok())
        })
    }
}

impl Day {
    fn is(&self, date: Date) -> bool {
        let (week_day, last) = (date.weekday().to_sunday_one_offset(), date.days_in_month());
        match self {
            Day::OfMonth(days) => has(days, date.day()),
            Day::LastOfMonth => date.day() == last,
            Day::NearestWeekday(day) => nearest_weekday(date, *day) == Some(date),
            Day::OfWeek(days) => has(days, week_day),
            Day::LastOfWeek(day) => week_day == *day && date.day() > last - 7,
            Day::Nth(day, nth) => week_day == *day && (date.day() - 1) / 7 + 1 == *nth,
        }
    }
}

/// The weekday that is nearest to a day of the month of `date`, within that month.
fn nearest_weekday(date: Date, day: i8) -> Option<Date> {
    let wanted = Date::new(date.year(), date.month(), day).ok()?;
    match wanted.weekday().to_sunday_one_offset() {
        7 => if day == 1 { Date::new(date.year(), date.month(), 3) } else { wanted.yesterday() }.ok(),
        1 if day == date.days_in_month() => Date::new(date.year(), date.month(), day - 2).ok(),
        1 => wanted.tomorrow().ok(),
        _ => Some(wanted),
    }
}

fn day(month_day: &str, week_day: &str) -> Option<Day> {
    let number =
        |text: &str| set(text, &(1..=7), &WEEKDAYS)?.iter().position(|on| *on).and_then(|at| i8::try_from(at).ok());
    match (month_day, week_day) {
        ("?", "L") => Some(Day::OfWeek(set("7", &(1..=7), &[])?)),
        ("?", day) if day.contains('#') => {
            let (day, nth) = day.split_once('#')?;
            Some(Day::Nth(number(day)?, nth.parse().ok().filter(|nth| (1..=5).contains(nth))?))
        }
        ("?", day) if day.len() > 1 && day.ends_with('L') => Some(Day::LastOfWeek(number(day.strip_suffix('L')?)?)),
        ("?", day) => set(day, &(1..=7), &WEEKDAYS).map(Day::OfWeek),
        ("L", "?") => Some(Day::LastOfMonth),
        (day, "?") if day.ends_with('W') => {
            let day = day.strip_suffix('W')?.parse().ok().filter(|day| (1..=31).contains(day))?;
            Some(Day::NearestWeekday(day))
        }
        (day, "?") => set(day, &(1..=31), &[]).map(Day::OfMonth),
        _ => None,
    }
}

fn has(set: &[bool], value: impl TryInto<usize>) -> bool {
    value.try_into().ok().and_then(|value| set.get(value)).copied().unwrap_or(false)
}

/// The values that a field names: `*`, numbers, names, ranges, steps, and lists of these.
fn set(field: &str, range: &RangeInclusive<usize>, names: &[&str]) -> Option<Vec<bool>> {
    let (first, last) = (*range.start(), *range.end());
    let value = |text: &str| {
        let named = names.iter().position(|name| *name == text).map(|place| place + 1);
        named.or_else(|| text.parse().ok()).filter(|value| range.contains(value))
    };
    let mut set = vec![false; last + 1];
    for part in field.split(',') {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => (span, step.parse().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match span.split_once('-') {
            Some((from, to)) => (value(from)?, value(to)?),
            None if span == "*" => (first, last),
            // A start with a step goes on to the end.
            None => (value(span)?, if part.contains('/') { last } else { value(span)? }),
        };
        if from > to {
            return None;
        }
        (from..=to).step_by(step).for_each(|value| set.get_mut(value).into_iter().for_each(|on| *on = true));
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first three moments after one, in UTC.
    fn next(schedule: &str, zone_name: &str, after: &str) -> Vec<String> {
        next_with(schedule, zone_name, after, Gap::Later)
    }

    fn next_with(schedule: &str, zone_name: &str, after: &str, gap: Gap) -> Vec<String> {
        let (schedule, zone) = (Schedule::parse(schedule).unwrap(), zone(Some(zone_name)).unwrap());
        let mut after = Timestamp::parse_iso8601(after).unwrap();
        let origin = Timestamp::parse_iso8601("2026-01-01T00:00:00Z").unwrap();
        let mut moments = Vec::new();
        while let Some(moment) = schedule.next(after, origin, &zone, gap).filter(|_| moments.len() < 3) {
            moments.push(moment.utc().strftime("%Y-%m-%dT%H:%M").to_string());
            after = moment;
        }
        moments
    }

    #[test]
    fn cron_names_moments() {
        let after = "2026-02-27T08:07:30Z";
        let cases = [
            ("cron(0/30 8 * * ? *)", ["2026-02-27T08:30", "2026-02-28T08:00", "2026-02-28T08:30"]),
            ("cron(0 12 L * ? *)", ["2026-02-28T12:00", "2026-03-31T12:00", "2026-04-30T12:00"]),
            ("cron(15 10 ? * MON-FRI *)", ["2026-02-27T10:15", "2026-03-02T10:15", "2026-03-03T10:15"]),
            ("cron(0 0 ? * 3#2 *)", ["2026-03-10T00:00", "2026-04-14T00:00", "2026-05-12T00:00"]),
            ("cron(0 0 ? * FRIL *)", ["2026-03-27T00:00", "2026-04-24T00:00", "2026-05-29T00:00"]),
            ("cron(0 0 1W * ? *)", ["2026-03-02T00:00", "2026-04-01T00:00", "2026-05-01T00:00"]),
            ("cron(0 0 1 JAN,JUL ? 2027-2028)", ["2027-01-01T00:00", "2027-07-01T00:00", "2028-01-01T00:00"]),
        ];
        for (schedule, expected) in cases {
            assert_eq!(next(schedule, "UTC", after), expected, "{schedule}");
        }
        assert!(next("cron(0 0 30 2 ? *)", "UTC", after).is_empty());
        assert!(next("cron(0 0 1 1 ? 2020)", "UTC", after).is_empty());
    }

    #[test]
    fn time_zones_keep_their_summer_time() {
        let moments = next("cron(0 9 * * ? *)", "Europe/Berlin", "2026-03-27T12:00:00Z");
        assert_eq!(moments, ["2026-03-28T08:00", "2026-03-29T07:00", "2026-03-30T07:00"]);
        // That hour is skipped in the night of the change, and the action runs an hour later.
        let moments = next("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T12:00:00Z");
        assert_eq!(moments, ["2026-03-29T01:30", "2026-03-30T00:30", "2026-03-31T00:30"]);
        assert_eq!(next("at(2026-07-01T09:00:00)", "America/New_York", "2026-01-01T00:00:00Z"), ["2026-07-01T13:00"]);
        assert!(zone(Some("Mars/Olympus")).is_none());
    }

    #[test]
    fn changes_of_clocks_skip_and_repeat_nothing_else() {
        let skipped = next_with("cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28T12:00:00Z", Gap::Skipped);
        assert_eq!(skipped, ["2026-03-30T00:30", "2026-03-31T00:30", "2026-04-01T00:30"]);
        // Half past two comes twice in that night.
        let once = next("cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24T12:00:00Z");
        assert_eq!(once, ["2026-10-25T00:30", "2026-10-26T01:30", "2026-10-27T01:30"]);
        let minutes = next("cron(* * * * ? *)", "Europe/Berlin", "2026-10-24T23:59:30Z");
        assert_eq!(minutes, ["2026-10-25T00:00", "2026-10-25T00:01", "2026-10-25T00:02"]);
        let hours = next("cron(59 * * * ? *)", "Europe/Berlin", "2026-10-25T00:30:00Z");
        assert_eq!(hours, ["2026-10-25T00:59", "2026-10-25T02:59", "2026-10-25T03:59"]);
        let gone = next_with("at(2026-03-29T02:30:00)", "Europe/Berlin", "2026-03-28T12:00:00Z", Gap::Skipped);
        assert_eq!(gone, ["2026-03-29T01:30"]);
    }

    #[test]
    fn rates_count_from_their_origin() {
        let moments = next("rate(12 hours)", "UTC", "2026-01-01T13:00:00Z");
        assert_eq!(moments, ["2026-01-02T00:00", "2026-01-02T12:00", "2026-01-03T00:00"]);
    }

    #[test]
    fn other_forms_are_refused() {
        let others = [
            "",
            "cron",
            "cron()",
            "cron(* * * * *)",
            "cron(* * * * * *)",
            "cron(60 * * * ? *)",
            "cron(5-1 * * * ? *)",
            "cron(0/0 * * * ? *)",
            "rate(0 days)",
            "rate(1 week)",
            "rate(5minutes)",
            "at(tomorrow)",
            "at(2021-12-31)",
            "at(2021-12-31T23:59:59Z)",
            "rate( 10 minutes )",
            " rate(10 minutes)",
            "every(1 day)",
        ];
        for other in others {
            assert_eq!(Schedule::parse(other), None, "{other}");
        }
    }
}
