//! Requests and their latency by service and operation, as Prometheus reads them.
//!
//! Every series is known at the start (the operations of all services), so counting takes no lock.
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use service::Cloud;

/// Upper bounds of the latency buckets, in microseconds, and how they are written, in seconds.
const BUCKETS: [(u64, &str); 12] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (1_000_000, "1"),
    (5_000_000, "5"),
    (30_000_000, "30"),
];

/// Status classes, by their first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What a request turned out to be: a service and its operation.
pub(crate) type Label = (&'static str, &'static str);

/// Traffic of a service's own users.
pub(crate) const FRONT: Label = ("front", "");
/// Requests that no operation was found for.
pub(crate) const UNROUTED: Label = ("gateway", "");

/// Values that are asked for when the metrics are: name, help, value.
#[derive(Clone, Default)]
pub struct Gauges(Option<Ask>);

type Ask = Arc<dyn Fn() -> Vec<(&'static str, &'static str, f64)> + Send + Sync>;

impl Gauges {
    pub fn new(ask: impl Fn() -> Vec<(&'static str, &'static str, f64)> + Send + Sync + 'static) -> Gauges {
        Gauges(Some(Arc::new(ask)))
    }

    /// These, and more.
    #[must_use]
    pub fn and(self, more: impl Fn() -> Vec<(&'static str, &'static str, f64)> + Send + Sync + 'static) -> Gauges {
        Gauges::new(move || self.0.iter().flat_map(|ask| ask()).chain(more()).collect())
    }
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gauges")
    }
}

pub(crate) struct Metrics {
    gauges: Gauges,
    series: Vec<(Label, Series)>,
    by_label: HashMap<Label, usize>,
}

#[derive(Default)]
struct Series {
    classes: [AtomicU64; CLASSES.len()],
    /// The last counts what is slower than every bound.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

impl Metrics {
    pub(crate) fn new(cloud: &Cloud, gauges: Gauges) -> Metrics {
        let operations = cloud
            .services()
            .iter()
            .flat_map(|service| service.operations().iter().map(|operation| (service.api.model, operation.name)));
        let series: Vec<_> = operations.chain([FRONT, UNROUTED]).map(|label| (label, Series::default())).collect();
        let by_label = series.iter().enumerate().map(|(index, (label, _))| (*label, index)).collect();
        Metrics { gauges, series, by_label }
    }

    pub(crate) fn count(&self, label: Label, status: StatusCode, took: Duration) {
        let Some((_, series)) = self.by_label.get(&label).and_then(|index| self.series.get(*index)) else { return };
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.partition_point(|(bound, _)| *bound < micros);
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        for (counters, index) in [(&series.classes[..], class), (&series.buckets[..], bucket)] {
            if let Some(counter) = counters.get(index) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
        series.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The text format. Operations that were never called are left out.
    pub(crate) fn to_text(&self) -> String {
        let called = || self.series.iter().filter(|(_, series)| series.buckets.iter().any(|count| get(count) > 0));
        let mut text =
            String::from("# HELP cloudlet_requests_total Requests answered.\n# TYPE cloudlet_requests_total counter\n");
        for ((service, operation), series) in called() {
            for (class, count) in CLASSES.iter().zip(&series.classes).filter(|(_, count)| get(count) > 0) {
                // Writing to a String does not fail; so below.
                let _ = writeln!(
                    text,
                    "cloudlet_requests_total{{service=\"{service}\",operation=\"{operation}\",status=\"{class}\"}} {}",
                    get(count)
                );
            }
        }
        text += "# HELP cloudlet_request_duration_seconds Time from a request's head to its answer.\n# TYPE cloudlet_request_duration_seconds histogram\n";
        for (label, series) in called() {
            series.histogram(*label, &mut text);
        }
        for (name, help, value) in self.gauges.0.iter().flat_map(|ask| ask()) {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        text
    }
}

impl Series {
    fn histogram(&self, (service, operation): Label, text: &mut String) {
        const NAME: &str = "cloudlet_request_duration_seconds";
        let labels = format!("service=\"{service}\",operation=\"{operation}\"");
        let bounds = BUCKETS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        let mut total = 0;
        for (bound, count) in bounds.zip(&self.buckets) {
            total += get(count);
            let _ = writeln!(text, "{NAME}_bucket{{{labels},le=\"{bound}\"}} {total}");
        }
        let seconds = Duration::from_micros(get(&self.micros)).as_secs_f64();
        let _ = writeln!(text, "{NAME}_sum{{{labels}}} {seconds}\n{NAME}_count{{{labels}}} {total}");
    }
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_class_and_bucket() {
        let metrics = Metrics {
            gauges: Gauges::new(|| vec![("cloudlet_g", "A gauge.", 1.5)]),
            series: vec![(FRONT, Series::default()), (UNROUTED, Series::default())],
            by_label: [(FRONT, 0), (UNROUTED, 1)].into(),
        };
        metrics.count(FRONT, StatusCode::OK, Duration::from_micros(500));
        metrics.count(FRONT, StatusCode::OK, Duration::from_micros(501));
        metrics.count(FRONT, StatusCode::NOT_FOUND, Duration::from_secs(100));
        metrics.count(("no", "such"), StatusCode::OK, Duration::ZERO);
        let text = metrics.to_text();
        for line in [
            "cloudlet_requests_total{service=\"front\",operation=\"\",status=\"2xx\"} 2",
            "cloudlet_requests_total{service=\"front\",operation=\"\",status=\"4xx\"} 1",
            "cloudlet_request_duration_seconds_bucket{service=\"front\",operation=\"\",le=\"0.0005\"} 1",
            "cloudlet_request_duration_seconds_bucket{service=\"front\",operation=\"\",le=\"30\"} 2",
            "cloudlet_request_duration_seconds_bucket{service=\"front\",operation=\"\",le=\"+Inf\"} 3",
            "cloudlet_g 1.5",
            "cloudlet_request_duration_seconds_count{service=\"front\",operation=\"\"} 3",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        assert!(!text.contains("gateway"));
    }
}
