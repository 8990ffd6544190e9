//! A canary: new versions with a share of the traffic, watched until they may have all of it or none.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use deploy::{Cloud as _, Shift};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use super::{Remote, Reporter};
use crate::signals::Signals;

/// How often the counts are looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// Failures that end a canary before its time: fewer may be chance.
const EARLY_FAILURES: u64 = 3;
/// How much more often than the old version the new one may fail.
const TOLERANCE: f64 = 0.05;

#[derive(Clone, Copy, Debug)]
pub struct Canary {
    /// The share of the traffic, from 0 to 1.
    pub weight: f64,
    pub watch: Duration,
}

/// How a canary ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Verdict {
    pub completed: bool,
    /// Which functions, from which version to which, and why.
    pub reasons: Vec<String>,
}

/// Executions of a version.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Count {
    executions: u64,
    failed: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Counts {
    versions: BTreeMap<String, Count>,
}

impl Count {
    /// What came after `before`. A count that has become smaller began anew with the server.
    fn since(self, before: Count) -> Count {
        if self.executions < before.executions {
            return self;
        }
        Count { executions: self.executions - before.executions, failed: self.failed.saturating_sub(before.failed) }
    }

    fn failure_rate(self) -> f64 {
        if self.executions == 0 { 0.0 } else { self.failed as f64 / self.executions as f64 }
    }

    fn tell(self) -> String {
        match self.executions {
            0 => "was not called".into(),
            executions => {
                format!("failed {} of {executions} calls ({:.0}%)", self.failed, self.failure_rate() * 100.0)
            }
        }
    }
}

/// Whether the new version fails too often, beside the old one in the same time.
fn is_worse(old: Count, new: Count, failures_min: u64) -> bool {
    new.failed >= failures_min && new.failure_rate() > old.failure_rate() + TOLERANCE
}

/// A function while it is watched.
struct Watched<'a> {
    shift: &'a Shift,
    before: (Count, Count),
    now: (Count, Count),
}

impl Watched<'_> {
    fn counts(&self) -> (Count, Count) {
        (self.now.0.since(self.before.0), self.now.1.since(self.before.1))
    }

    fn tell(&self) -> String {
        let (old, new) = self.counts();
        let Shift { function, old: from, new: to, .. } = self.shift;
        format!("{function}: version {to} {}, version {from} {}", new.tell(), old.tell())
    }
}

/// Watches the new versions, and gives them all of the traffic or none. Ctrl-C is a reason for none.
///
/// # Errors
/// When an alias could not be changed: which, and what it points to.
pub async fn run(cloud: &Remote, shifts: &[Shift], watch: Duration, reporter: &Reporter) -> anyhow::Result<Verdict> {
    let mut signals = Signals::take()?;
    let verdict = tokio::select! {
        verdict = observe(cloud, shifts, watch, reporter) => verdict.unwrap_or_else(|error| Verdict {
            completed: false,
            reasons: vec![format!("the versions could not be watched: {error:#}")],
        }),
        () = signals.told_to_stop() => Verdict { completed: false, reasons: vec!["it was interrupted".into()] },
    };
    settle(cloud, shifts, verdict.completed).await?;
    Ok(verdict)
}

async fn observe(cloud: &Remote, shifts: &[Shift], watch: Duration, reporter: &Reporter) -> anyhow::Result<Verdict> {
    let mut watched = Vec::new();
    for shift in shifts {
        let Shift { function, old, new, weight } = shift;
        reporter.line(&format!(
            "{function}: version {new} gets {:.0}% of the traffic, version {old} the rest, for {} s",
            weight * 100.0,
            watch.as_secs()
        ));
        let before = counts(cloud, shift).await?;
        watched.push(Watched { shift, before, now: before });
    }
    let end = Instant::now() + watch;
    loop {
        let over = Instant::now() >= end;
        for function in &mut watched {
            function.now = counts(cloud, function.shift).await?;
        }
        let failures_min = if over { 1 } else { EARLY_FAILURES };
        let worse = |function: &&Watched<'_>| {
            let (old, new) = function.counts();
            is_worse(old, new, failures_min)
        };
        let reasons: Vec<String> = watched.iter().filter(worse).map(Watched::tell).collect();
        if !reasons.is_empty() {
            return Ok(Verdict { completed: false, reasons });
        }
        if over {
            return Ok(Verdict { completed: true, reasons: watched.iter().map(Watched::tell).collect() });
        }
        reporter.working(&watched.iter().map(Watched::tell).collect::<Vec<_>>().join("; "));
        tokio::time::sleep_until((Instant::now() + INTERVAL).min(end)).await;
    }
}

/// The counts of the old and the new version.
async fn counts(cloud: &Remote, shift: &Shift) -> anyhow::Result<(Count, Count)> {
    let answer = cloud.call("cloudlet", "GetExecutions", json!({"FunctionName": shift.function})).await?;
    let Counts { versions } = serde_json::from_value(answer).context("the server's counts cannot be read")?;
    let of = |version: &str| versions.get(version).copied().unwrap_or_default();
    Ok((of(&shift.old), of(&shift.new)))
}

/// Points every alias to one version: as many as can be, whatever happens to the others.
async fn settle(cloud: &Remote, shifts: &[Shift], completed: bool) -> anyhow::Result<()> {
    let mut left = Vec::new();
    for shift in shifts {
        let version = if completed { &shift.new } else { &shift.old };
        if let Err(error) = deploy::point(cloud, &shift.function, version).await {
            let Shift { function, old, new, weight } = shift;
            left.push(format!(
                "{function}: version {new} still has {:.0}% of the traffic, version {old} the rest ({error}); `cloudlet rollback {function}` gives it all to {old}",
                weight * 100.0
            ));
        }
    }
    if left.is_empty() { Ok(()) } else { anyhow::bail!("the traffic could not be settled\n  {}", left.join("\n  ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(executions: u64, failed: u64) -> Count {
        Count { executions, failed }
    }

    #[test]
    fn a_version_is_worse_when_it_fails_more_often_than_the_other() {
        assert!(is_worse(count(90, 0), count(10, 3), EARLY_FAILURES));
        assert!(!is_worse(count(90, 0), count(2, 2), EARLY_FAILURES) && is_worse(count(90, 0), count(2, 2), 1));
        // Both fail because of something else.
        assert!(!is_worse(count(90, 45), count(10, 5), 1));
        assert!(!is_worse(count(0, 0), count(0, 0), 1) && !is_worse(count(0, 0), count(100, 5), 1));
    }

    #[test]
    fn counts_that_began_anew_are_taken_as_they_are() {
        let after = count(5, 1).since(count(100, 50));
        assert_eq!((after.executions, after.failed), (5, 1));
        let after = count(110, 51).since(count(100, 50));
        assert_eq!(after.tell(), "failed 1 of 10 calls (10%)");
    }
}
