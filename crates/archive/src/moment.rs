//! What an archive needs to bring back a moment: the backup before it, and the parts of the log after that.

use base::Timestamp;

use crate::{Error, Result, Target};

/// What to read, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The backup's name.
    pub base: String,
    /// Its last batch.
    pub sequence: u64,
    /// The names of the parts of the log.
    pub log: Vec<String>,
    /// Batches after that moment stay out.
    pub until: Option<Timestamp>,
}

/// The name of the backup of `history` that was made at `time` and ends with batch `sequence`.
pub(crate) fn base_name(history: u64, time: Timestamp, sequence: u64) -> String {
    format!("{history:016x}/base/{:015}-{sequence:020}", time.as_millis())
}

/// The name of the part of the log that begins with batch `first`.
pub(crate) fn log_name(history: u64, first: u64) -> String {
    format!("{history:016x}/log/{first:020}")
}

/// A backup, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Base {
    pub time: Timestamp,
    pub sequence: u64,
    pub name: String,
}

impl Base {
    pub fn of(name: String) -> Option<Base> {
        let (time, sequence) = name.split_once("/base/")?.1.split_once('-')?;
        Some(Base { time: Timestamp(time.parse().ok()?), sequence: sequence.parse().ok()?, name })
    }
}

/// How to bring back the archive's last moment, or what was there at `at`.
///
/// # Errors
/// [`Error::Empty`], [`Error::TooEarly`]; when the archive cannot be read.
pub fn find(target: &dyn Target, place: &str, at: Option<Timestamp>) -> Result<Plan> {
    let names = target.list("").map_err(Error::io(format!("{place} cannot be read")))?;
    let bases = || names.iter().filter_map(|name| Base::of(name.clone()));
    let first = bases().map(|base| base.time).min().ok_or_else(|| Error::Empty(place.into()))?;
    let base = bases().filter(|base| at.is_none_or(|at| base.time <= at)).max().ok_or(Error::TooEarly { first })?;
    let history = base.name.split('/').next().unwrap_or_default();
    let log = format!("{history}/log/");
    let begin = |name: &String| name.strip_prefix(&log).and_then(|first| first.parse::<u64>().ok());
    let mut log: Vec<(u64, String)> =
        names.iter().filter_map(|name| begin(name).map(|first| (first, name.clone()))).collect();
    log.sort();
    // The part that the backup ends in, and those after it.
    let from = log.partition_point(|(first, _)| *first <= base.sequence + 1).saturating_sub(1);
    let log = log.into_iter().skip(from).map(|(_, name)| name).collect();
    Ok(Plan { base: base.name, sequence: base.sequence, log, until: at })
}
