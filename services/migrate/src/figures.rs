//! How both sides of each route do: counted in memory, and stored from time to time ([`crate::workers`]).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Timestamp;
use http::StatusCode;
use serde_json::{Value, json};

use crate::limits::DIFFERENCES_MAX;
use crate::route::Side;
use crate::types::{Counted, SideCounted};

/// Latencies are counted by powers of two of microseconds, up to half an hour.
const BUCKETS: usize = 32;

/// By a migration's id and a route's key.
#[derive(Default)]
pub struct Figures(Mutex<HashMap<(String, String), Of>>);

#[derive(Default)]
struct Of {
    /// Whether something was counted that is not stored yet.
    is_changed: bool,
    legacy: Counts,
    function: Counts,
    shadows: Shadows,
}

#[derive(Default)]
struct Counts {
    requests: u64,
    /// Answers of 500 and above, and those that did not come.
    errors: u64,
    latencies: [u64; BUCKETS],
}

#[derive(Default)]
struct Shadows {
    same: u64,
    different: u64,
    /// Too many at once, too long, or broken off.
    left_out: u64,
    differences: VecDeque<Difference>,
}

/// Two answers to the same request that are not alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub at: Timestamp,
    pub method: String,
    pub path: String,
    /// What differs: `status`, `content type` or `body`.
    pub what: &'static str,
    pub legacy: String,
    pub function: String,
}

/// What a comparison has come to.
pub enum Compared {
    Same,
    Different(Difference),
    LeftOut,
}

impl Figures {
    fn all(&self) -> MutexGuard<'_, HashMap<(String, String), Of>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an answer, to its head.
    pub fn answered(&self, id: &str, route: &str, side: Side, status: StatusCode, took: Duration) {
        let mut all = self.all();
        let of = all.entry((id.to_owned(), route.to_owned())).or_default();
        of.is_changed = true;
        let counts = match side {
            Side::Legacy => &mut of.legacy,
            Side::Function => &mut of.function,
        };
        counts.requests += 1;
        counts.errors += u64::from(status.is_server_error());
        if let Some(bucket) = counts.latencies.get_mut(bucket(took)) {
            *bucket += 1;
        }
    }

    pub fn compared(&self, id: &str, route: &str, compared: Compared) {
        let mut all = self.all();
        let of = all.entry((id.to_owned(), route.to_owned())).or_default();
        of.is_changed = true;
        let shadows = &mut of.shadows;
        match compared {
            Compared::Same => shadows.same += 1,
            Compared::LeftOut => shadows.left_out += 1,
            Compared::Different(difference) => {
                shadows.different += 1;
                shadows.differences.truncate(DIFFERENCES_MAX - 1);
                shadows.differences.push_front(difference);
            }
        }
    }

    /// Those of a migration's routes: for people and programs to read.
    pub fn show(&self, id: &str, route: &str) -> Value {
        let all = self.all();
        let of = all.get(&(id.to_owned(), route.to_owned()));
        let none = Of::default();
        let Of { legacy, function, shadows, .. } = of.unwrap_or(&none);
        let differences = shadows.differences.iter().map(|difference| {
            json!({
                "Time": difference.at.iso8601(),
                "Method": difference.method,
                "Path": difference.path,
                "What": difference.what,
                "Legacy": difference.legacy,
                "Function": difference.function,
            })
        });
        json!({
            "Legacy": legacy.show(),
            "Function": function.show(),
            "Shadow": {
                "Same": shadows.same,
                "Different": shadows.different,
                "LeftOut": shadows.left_out,
                "Differences": differences.collect::<Vec<_>>(),
            },
        })
    }

    /// Goes on with what was counted before.
    pub fn resume(&self, id: &str, route: &str, counted: Counted) {
        let Counted { legacy, function, same, different, left_out } = counted;
        let shadows = Shadows { same, different, left_out, differences: VecDeque::new() };
        let of = Of { is_changed: false, legacy: Counts::new(legacy), function: Counts::new(function), shadows };
        self.all().insert((id.to_owned(), route.to_owned()), of);
    }

    /// What has changed since the last time, by a migration's id and a route's key.
    pub fn changed(&self) -> Vec<((String, String), Counted)> {
        let mut all = self.all();
        let changed = |(key, of): (&(String, String), &mut Of)| {
            std::mem::take(&mut of.is_changed).then(|| (key.clone(), of.counted()))
        };
        all.iter_mut().filter_map(changed).collect()
    }

    /// Forgets a migration that is gone, and routes that it has no more.
    pub fn keep(&self, id: &str, routes: &[String]) {
        self.all().retain(|(known, route), _| known != id || routes.contains(route));
    }
}

impl Of {
    fn counted(&self) -> Counted {
        let Of { legacy, function, shadows: Shadows { same, different, left_out, .. }, .. } = self;
        let (legacy, function) = (legacy.counted(), function.counted());
        Counted { legacy, function, same: *same, different: *different, left_out: *left_out }
    }
}

impl Counts {
    fn new(counted: SideCounted) -> Counts {
        let mut latencies = [0; BUCKETS];
        latencies.iter_mut().zip(counted.latencies).for_each(|(bucket, count)| *bucket = count);
        Counts { requests: counted.requests, errors: counted.errors, latencies }
    }

    fn counted(&self) -> SideCounted {
        SideCounted { requests: self.requests, errors: self.errors, latencies: self.latencies.to_vec() }
    }

    fn show(&self) -> Value {
        json!({
            "Requests": self.requests,
            "Errors": self.errors,
            "P50Millis": self.percentile(50),
            "P99Millis": self.percentile(99),
        })
    }

    /// The latency that so many of a hundred stay below; nothing, where there is none.
    fn percentile(&self, percent: u64) -> Option<f64> {
        let wanted = (self.requests * percent).div_ceil(100);
        let mut seen = 0;
        let bucket = self.latencies.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        let bound = bucket.filter(|_| self.requests > 0).map(|bucket| 1_u64 << bucket)?;
        Some(Duration::from_micros(bound).as_secs_f64() * 1_000.0)
    }
}

/// The first power of two that is no less.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let exponent = u64::BITS - (micros - 1).leading_zeros();
    usize::try_from(exponent).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_counted_side_by_side() {
        let figures = Figures::default();
        let answer = |side, status, millis| {
            let status = StatusCode::from_u16(status).unwrap();
            figures.answered("id", "GET /", side, status, Duration::from_millis(millis));
        };
        for millis in 1..=100 {
            answer(Side::Function, 200, millis);
        }
        answer(Side::Legacy, 502, 10);
        answer(Side::Legacy, 404, 10);
        let shown = figures.show("id", "GET /");
        assert_eq!(shown["Function"], json!({"Requests": 100, "Errors": 0, "P50Millis": 65.536, "P99Millis": 131.072}));
        assert_eq!((&shown["Legacy"]["Requests"], &shown["Legacy"]["Errors"]), (&json!(2), &json!(1)));
        assert_eq!(figures.show("id", "GET /other")["Legacy"]["P50Millis"], Value::Null);
        // Another start goes on where the last one was.
        let changed = figures.changed();
        assert!(changed.len() == 1 && figures.changed().is_empty());
        let next = Figures::default();
        changed.into_iter().for_each(|((id, route), counted)| next.resume(&id, &route, counted));
        assert_eq!((next.show("id", "GET /"), next.changed()), (figures.show("id", "GET /"), Vec::new()));
        figures.keep("id", &["GET /other".to_owned()]);
        assert!(figures.all().is_empty());
        assert_eq!(
            (bucket(Duration::ZERO), bucket(Duration::from_micros(1)), bucket(Duration::from_micros(3))),
            (0, 0, 2)
        );
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn only_so_many_differences_are_remembered() {
        let figures = Figures::default();
        for number in 0..100_u64 {
            let difference = Difference {
                at: Timestamp(number),
                method: "GET".into(),
                path: "/".into(),
                what: "status",
                legacy: "200".into(),
                function: "500".into(),
            };
            figures.compared("id", "r", Compared::Different(difference));
        }
        figures.compared("id", "r", Compared::Same);
        figures.compared("id", "r", Compared::LeftOut);
        let shadow = &figures.show("id", "r")["Shadow"];
        assert_eq!((&shadow["Different"], &shadow["Same"], &shadow["LeftOut"]), (&json!(100), &json!(1), &json!(1)));
        let differences = shadow["Differences"].as_array().unwrap();
        assert_eq!((differences.len(), &differences[0]["Time"]), (DIFFERENCES_MAX, &json!(Timestamp(99).iso8601())));
    }
}
