//! What an archive needs to bring back a moment: the backup before it, and the parts of the log after that.

use std::collections::BTreeSet;

use base::Timestamp;

use crate::format::{Frame, Reader};
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

/// The name of the list of blobs that were there when the backup with this name was made.
pub(crate) fn list_of(base: &str) -> String {
    base.replacen("/base/", "/blobs/", 1)
}

/// The blobs in such a list, by folder and id.
pub(crate) fn listed_blobs(target: &dyn Target, name: &str) -> Result<Vec<(String, String)>> {
    let list = target.get(name).map_err(Error::io(format!("{name} cannot be read")))?;
    let mut reader = Reader::new(list, name);
    reader.header()?;
    let mut blobs = Vec::new();
    loop {
        match reader.read()? {
            Frame::Blob { folder, id } => blobs.push((folder, id)),
            Frame::End => return Ok(blobs),
            _ => return Err(reader.damaged("it does not belong there")),
        }
    }
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

    pub fn history(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// How to bring back the archive's last moment, or what was there at `at`; of the `history` that is named, or of the one that
/// was the only one then.
///
/// # Errors
/// [`Error::Empty`], [`Error::TooEarly`], [`Error::Histories`]; when the archive cannot be read.
pub fn find(target: &dyn Target, place: &str, at: Option<Timestamp>, history: Option<&str>) -> Result<Plan> {
    let names = target.list("").map_err(Error::io(format!("{place} cannot be read")))?;
    let names: Vec<String> = names.into_iter().map(|object| object.name).collect();
    let bases: Vec<Base> = names.iter().filter_map(|name| Base::of(name.clone())).collect();
    let wanted = || bases.iter().filter(|base| history.is_none_or(|history| base.history() == history));
    let first = wanted().map(|base| base.time).min().ok_or_else(|| Error::Empty(place.into()))?;
    let base = wanted().filter(|base| at.is_none_or(|at| base.time <= at)).max().ok_or(Error::TooEarly { first })?;
    if history.is_none() {
        check_alone(target, &names, &bases, base)?;
    }
    let mut log = parts(&names, base.history());
    // The part that the backup ends in, and those after it.
    let from = log.partition_point(|(first, _)| *first <= base.sequence + 1).saturating_sub(1);
    let log = log.split_off(from).into_iter().map(|(_, name)| name.to_owned()).collect();
    Ok(Plan { base: base.name.clone(), sequence: base.sequence, log, until: at })
}

/// The parts of a history's log, by their first batch.
pub(crate) fn parts<'a>(names: &'a [String], history: &str) -> Vec<(u64, &'a str)> {
    let folder = format!("{history}/log/");
    let first = |name: &String| name.strip_prefix(&folder).and_then(|first| first.parse::<u64>().ok());
    let mut parts: Vec<(u64, &str)> = names.iter().filter_map(|name| Some((first(name)?, name.as_str()))).collect();
    parts.sort_unstable();
    parts
}

/// A history ends where a restored store begins its own. One that goes on after that is another server's, or the one that the
/// restored store was only a trial of: which of them is meant, nobody but the caller knows.
fn check_alone(target: &dyn Target, names: &[String], bases: &[Base], chosen: &Base) -> Result<()> {
    let earlier = bases.iter().filter(|base| base.time <= chosen.time && base.history() != chosen.history());
    let others: BTreeSet<&str> = earlier.map(Base::history).collect();
    let mut going_on = Vec::new();
    for history in others {
        let Some((_, last)) = parts(names, history).pop() else { continue };
        if let Some(until) = last_entry(target, last)?.1.filter(|until| *until > chosen.time) {
            going_on.push(format!("{history} (until {})", until.iso8601()));
        }
    }
    if going_on.is_empty() {
        return Ok(());
    }
    going_on.push(format!("{} (from {})", chosen.history(), chosen.time.iso8601()));
    Err(Error::Histories(going_on.join(", ")))
}

/// The number of the last batch in a part of the log, and its time where there is one.
pub(crate) fn last_entry(target: &dyn Target, name: &str) -> Result<(u64, Option<Timestamp>)> {
    let part = target.get(name).map_err(Error::io(format!("{name} cannot be read")))?;
    let mut reader = Reader::new(part, name);
    let mut last = (reader.header()?.sequence, None);
    while let Frame::Entry(entry) = reader.read()? {
        last = (entry.sequence, Some(entry.time));
    }
    Ok(last)
}
