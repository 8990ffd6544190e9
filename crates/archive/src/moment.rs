//! What an archive needs to bring back a moment: the backup before it, and the parts of the log after that.

use std::collections::BTreeMap;
use std::io::Read;

use base::Timestamp;
use kv::Entry;

use crate::format::{Frame, Reader};
use crate::layout::{Base, History, Part};
use crate::{Error, Result, Target};

/// What to read, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The backup's name.
    pub base: String,
    /// Its last batch.
    pub sequence: u64,
    /// The parts of the log, each with the first of its batches that do not count.
    pub log: Vec<(String, u64)>,
    /// Batches after that moment stay out.
    pub until: Option<Timestamp>,
}

/// The blobs in the list beside a backup, by folder and id.
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

/// How to bring back the archive's last moment, or what was there at `at`; of the `history` that is named, or of the one that
/// was the only one then.
///
/// # Errors
/// [`Error::Empty`], [`Error::TooEarly`], [`Error::Histories`]; when the archive cannot be read.
pub fn find(target: &dyn Target, place: &str, at: Option<Timestamp>, history: Option<&str>) -> Result<Plan> {
    let names = target.list("").map_err(Error::io(format!("{place} cannot be read")))?;
    let names: Vec<String> = names.into_iter().map(|object| object.name).collect();
    let mut histories = BTreeMap::new();
    for history in names.iter().filter_map(|name| name.split_once("/base/")).map(|(history, _)| history) {
        histories.entry(history).or_insert_with(|| History::of(&names, history));
    }
    let wanted = || {
        let wanted = histories.iter().filter(|(name, _)| history.is_none_or(|history| history == **name));
        wanted.flat_map(|(_, history)| &history.bases)
    };
    let first = wanted().map(|base| base.time).min().ok_or_else(|| Error::Empty(place.into()))?;
    let base = wanted().filter(|base| at.is_none_or(|at| base.time <= at)).max().ok_or(Error::TooEarly { first })?;
    if history.is_none() {
        check_alone(target, &histories, base)?;
    }
    let found = histories.get(base.history());
    let log = found.map(|found| found.log.get(found.after(base.sequence)..).unwrap_or_default()).unwrap_or_default();
    let log = log.iter().map(|part| (part.name.clone(), part.end)).collect();
    Ok(Plan { base: base.name.clone(), sequence: base.sequence, log, until: at })
}

/// A history ends where a restored store begins its own. One that goes on after that is another server's, or the one that the
/// restored store was only a trial of: which of them is meant, nobody but the caller knows.
fn check_alone(target: &dyn Target, histories: &BTreeMap<&str, History>, chosen: &Base) -> Result<()> {
    let mut going_on = Vec::new();
    for (name, history) in histories.iter().filter(|(name, _)| **name != chosen.history()) {
        let Some(last) = history.log.last().filter(|_| history.bases.iter().any(|base| base.time <= chosen.time))
        else {
            continue;
        };
        let until = last_entry(target, last)?.1.map(|entry| entry.time);
        if let Some(until) = until.filter(|until| *until > chosen.time) {
            going_on.push(format!("{name} (until {})", until.iso8601()));
        }
    }
    if going_on.is_empty() {
        return Ok(());
    }
    going_on.push(format!("{} (from {})", chosen.history(), chosen.time.iso8601()));
    Err(Error::Histories(going_on.join(", ")))
}

/// The number of the last batch in a part of the log that counts, and the batch where there is one.
pub(crate) fn last_entry(target: &dyn Target, part: &Part) -> Result<(u64, Option<Entry>)> {
    let name = &part.name;
    let content = target.get(name).map_err(Error::io(format!("{name} cannot be read")))?;
    let mut reader = Reader::new(content, name);
    let mut last = (reader.header()?.sequence, None);
    while let Frame::Entry(entry) = reader.read()? {
        if entry.sequence < part.end {
            last = (entry.sequence, Some(entry));
        }
    }
    Ok(last)
}

/// All batches of a part of the log, whether they count or not.
pub(crate) fn entries(content: impl Read, name: &str) -> Result<Vec<Entry>> {
    let mut reader = Reader::new(content, name);
    reader.header()?;
    let mut entries = Vec::new();
    while let Frame::Entry(entry) = reader.read()? {
        entries.push(entry);
    }
    Ok(entries)
}
