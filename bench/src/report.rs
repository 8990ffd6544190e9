//! The result: one screen for people, and JSON for programs.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::load::{Latencies, Speed};
use crate::machine::Machine;

/// Tells on standard error how far the bench is.
pub fn say(text: impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[derive(Clone, Copy, Debug, Serialize)]
pub enum Unit {
    PerSecond,
    Milliseconds,
    KiB,
    MiB,
    MiBPerSecond,
    Percent,
    Count,
    /// So many times as much.
    Times,
}

/// What the design promises of a figure.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum Promise {
    AtLeast(f64),
    AtMost(f64),
}

impl Promise {
    fn kept(self, value: f64) -> bool {
        match self {
            Promise::AtLeast(least) => value >= least,
            Promise::AtMost(most) => value <= most,
        }
    }
}

/// One number, with its promise if there is one.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Which one of its row, such as `p99`; empty when the row's name says it.
    pub name: &'static str,
    pub value: f64,
    pub unit: Unit,
    pub promise: Option<Promise>,
}

impl Figure {
    pub fn new(name: &'static str, value: f64, unit: Unit) -> Figure {
        Figure { name, value, unit, promise: None }
    }

    /// `sign` stands between the name and the value.
    fn shown(&self, sign: &str, value: f64) -> String {
        [self.name, sign, &Amount(value, self.unit).to_string()]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A value with its unit: three significant digits are what a measurement is worth.
struct Amount(f64, Unit);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Amount(value, unit) = *self;
        let digits = match value {
            _ if value >= 100.0 || value.fract() == 0.0 => 0,
            _ if value >= 10.0 => 1,
            _ => 2,
        };
        match unit {
            Unit::PerSecond => write!(f, "{}/s", Thousands(value)),
            Unit::Milliseconds => write!(f, "{value:.digits$} ms"),
            Unit::KiB => write!(f, "{value:.digits$} KiB"),
            Unit::MiB => write!(f, "{value:.digits$} MiB"),
            Unit::MiBPerSecond => write!(f, "{value:.digits$} MiB/s"),
            Unit::Percent => write!(f, "{value:.0} %"),
            Unit::Times => write!(f, "{value:.1}×"),
            Unit::Count => write!(f, "{}", Thousands(value)),
        }
    }
}

/// A whole number with its digits in threes.
struct Thousands(f64);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:.0}", self.0);
        for (place, digit) in digits.char_indices() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// One thing that was measured.
#[derive(Debug, Serialize)]
pub struct Row {
    pub what: String,
    pub figures: Vec<Figure>,
    /// The same work done by other servers in the same run: their name and version, and what they came to.
    pub rivals: Vec<(String, Vec<Figure>)>,
}

impl Row {
    pub fn new(what: impl Into<String>, figures: Vec<Figure>) -> Row {
        Row { what: what.into(), figures, rivals: Vec::new() }
    }

    /// The rate and latencies of a load.
    pub fn speed(what: impl Into<String>, speed: &Speed) -> Row {
        Row::new(what, speed_figures(speed))
    }

    /// The latencies of single pieces of work. With less than a hundred of them, p99 is the longest.
    pub fn latencies(what: impl Into<String>, latencies: &Latencies) -> Row {
        Row::new(what, latency_figures(latencies))
    }

    pub fn single(what: impl Into<String>, value: f64, unit: Unit) -> Row {
        Row::new(what, vec![Figure::new("", value, unit)])
    }

    /// Sets the promise of the figure that is named `name`.
    pub fn promise(mut self, name: &str, promise: Promise) -> Row {
        for figure in self.figures.iter_mut().filter(|figure| figure.name == name) {
            figure.promise = Some(promise);
        }
        self
    }

    pub fn rival(&mut self, name: &str, speed: &Speed) {
        self.rival_figures(name, speed_figures(speed));
    }

    pub fn rival_latencies(&mut self, name: &str, latencies: &Latencies) {
        self.rival_figures(name, latency_figures(latencies));
    }

    /// What a rival came to: the first two are shown.
    pub fn rival_figures(&mut self, name: &str, figures: Vec<Figure>) {
        self.rivals.push((name.to_owned(), figures));
    }

    fn promises(&self) -> String {
        let promises = self.figures.iter().filter_map(|figure| {
            Some(match figure.promise? {
                Promise::AtLeast(least) => figure.shown("≥", least),
                Promise::AtMost(most) if most == 0.0 => figure.shown("", most),
                Promise::AtMost(most) => figure.shown("≤", most),
            })
        });
        promises.collect::<Vec<_>>().join(", ")
    }

    fn measured(&self) -> String {
        let figures = self.figures.iter().map(|figure| {
            let verdict = figure.promise.map_or("", |promise| if promise.kept(figure.value) { " ✓" } else { " ✗" });
            format!("{}{verdict}", figure.shown("", figure.value))
        });
        figures.collect::<Vec<_>>().join("  ")
    }

    fn rivals(&self) -> String {
        let rivals = self.rivals.iter().map(|(name, figures)| {
            let figures: Vec<_> = figures.iter().take(2).map(|figure| figure.shown("", figure.value)).collect();
            format!("{name}: {}", figures.join(" "))
        });
        rivals.collect::<Vec<_>>().join("; ")
    }
}

fn speed_figures(speed: &Speed) -> Vec<Figure> {
    let rate = Figure::new("", speed.rate, Unit::PerSecond);
    [vec![rate], latency_figures(&speed.latencies)].concat()
}

fn latency_figures(latencies: &Latencies) -> Vec<Figure> {
    let figure = |name, quantile| Figure::new(name, latencies.millis(quantile), Unit::Milliseconds);
    vec![figure("p50", 0.5), figure("p99", 0.99)]
}

#[derive(Serialize)]
pub struct Report {
    /// What was measured: a profile, or the program that was given.
    measured: String,
    machine: Machine,
    signing_micros: f64,
    /// Each case's name, and its rows.
    cases: Vec<(&'static str, Vec<Row>)>,
    /// The cases that could not be measured, and why.
    pub failed: Vec<(&'static str, String)>,
    pub notes: Vec<String>,
}

impl Report {
    pub fn new(measured: String, machine: Machine, signing: Duration) -> Report {
        let signing_micros = signing.as_secs_f64() * 1e6;
        Report { measured, machine, signing_micros, cases: Vec::new(), failed: Vec::new(), notes: Vec::new() }
    }

    pub fn add(&mut self, case: &'static str, rows: Vec<Row>) {
        for row in &rows {
            say(format_args!("  {}: {}", row.what, row.measured()));
        }
        self.cases.push((case, rows));
    }

    pub fn fail(&mut self, case: &'static str, error: &anyhow::Error) {
        say(format_args!("  {case} failed: {error:#}"));
        self.failed.push((case, format!("{error:#}")));
    }

    pub fn print(&self) -> anyhow::Result<()> {
        Ok(std::io::stdout().write_all(self.text().as_bytes())?)
    }

    /// # Errors
    /// When the file cannot be written.
    pub fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    }

    fn text(&self) -> String {
        let mut lines = self.head();
        let mut table =
            vec![["case", "what", "promised", "measured", "rivals, in memory: nothing is durable"].map(String::from)];
        for (case, rows) in &self.cases {
            for row in rows {
                table.push([(*case).into(), row.what.clone(), row.promises(), row.measured(), row.rivals()]);
            }
        }
        lines.extend(columns(&table));
        lines.extend(self.failed.iter().map(|(case, error)| format!("NOT MEASURED: {case}: {error}")));
        lines.extend(self.notes.iter().map(|note| format!("Note: {note}")));
        lines.join("\n") + "\n"
    }

    fn head(&self) -> Vec<String> {
        let Machine { cores, cpu, memory_gib, kernel, disk, load_average, .. } = &self.machine;
        let Machine { fdatasync_per_second: rate, fdatasync_p50_millis: p50, fdatasync_p99_millis: p99, .. } =
            &self.machine;
        let (version, measured, signing) = (env!("CARGO_PKG_VERSION"), &self.measured, self.signing_micros);
        vec![
            format!(
                "Cloudlet {version} ({measured}) on {cores} cores of {cpu}, {memory_gib:.1} GiB, Linux {kernel}, load average {load_average:.2} before"
            ),
            format!(
                "{disk}: {} writes of 4 KiB with fdatasync, p50 {p50:.2} ms, p99 {p99:.2} ms",
                Amount(*rate, Unit::PerSecond)
            ),
            format!(
                "Clients ask again once answered, on a connection each, from one thread beside the server; a request takes {signing:.0} µs to sign"
            ),
        ]
    }
}

/// Aligns the columns; the last one is as wide as it is.
fn columns<const COLUMNS: usize>(table: &[[String; COLUMNS]]) -> Vec<String> {
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_as_exact_as_they_are_worth() {
        let shown = |value, unit| Amount(value, unit).to_string();
        assert_eq!(shown(1_234_567.8, Unit::PerSecond), "1,234,568/s");
        assert_eq!(shown(987.0, Unit::Count), "987");
        assert_eq!(
            (shown(0.123, Unit::Milliseconds), shown(12.34, Unit::Milliseconds)),
            ("0.12 ms".into(), "12.3 ms".into())
        );
        assert_eq!((shown(123.4, Unit::MiB), shown(3.0, Unit::Milliseconds)), ("123 MiB".into(), "3 ms".into()));
    }

    #[test]
    fn promise_and_measurement_stand_side_by_side() {
        let figures = vec![Figure::new("", 900.0, Unit::PerSecond), Figure::new("p50", 2.5, Unit::Milliseconds)];
        let row = Row::new("x", figures).promise("", Promise::AtLeast(1000.0)).promise("p50", Promise::AtMost(3.0));
        assert_eq!(row.promises(), "≥ 1,000/s, p50 ≤ 3 ms");
        assert_eq!(row.measured(), "900/s ✗  p50 2.50 ms ✓");
    }
}
