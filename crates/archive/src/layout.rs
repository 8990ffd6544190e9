//! The names in an archive, and what of a history counts where two servers wrote to it.
//!
//! Each server that archives a store has a generation, a number above those before (see `lease`). What a later generation has, goes
//! before what an earlier one says of the same batches: so it does no harm when something of the earlier one arrives late.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;

/// The name of the backup of `history` that was made at `time` and ends with batch `sequence`.
pub(crate) fn base_name(history: u64, time: Timestamp, sequence: u64, generation: u32) -> String {
    format!("{history:016x}/base/{:015}-{sequence:020}-{generation:010}", time.as_millis())
}

/// The name of the list of blobs that were there when the backup with this name was made.
pub(crate) fn list_of(base: &str) -> String {
    base.replacen("/base/", "/blobs/", 1)
}

/// The name of the part of the log that begins with batch `first`.
pub(crate) fn log_name(history: u64, first: u64, generation: u32) -> String {
    format!("{history:016x}/log/{first:020}-{generation:010}")
}

/// A backup, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Base {
    pub time: Timestamp,
    pub sequence: u64,
    pub generation: u32,
    pub name: String,
}

impl Base {
    pub fn of(name: String) -> Option<Base> {
        let mut parts = name.split_once("/base/")?.1.split('-');
        let (time, sequence) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        // There were none at first.
        let generation = parts.next().map_or(Some(0), |generation| generation.parse().ok())?;
        Some(Base { time: Timestamp(time), sequence, generation, name })
    }

    pub fn history(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// A part of the log, by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    /// Its first batch.
    pub first: u64,
    pub generation: u32,
    pub name: String,
    /// What it has from this batch on does not count.
    pub end: u64,
}

impl Part {
    fn of(name: &str) -> Option<Part> {
        let mut parts = name.split_once("/log/")?.1.split('-');
        let first = parts.next()?.parse().ok()?;
        let generation = parts.next().map_or(Some(0), |generation| generation.parse().ok())?;
        Some(Part { first, generation, name: name.to_owned(), end: u64::MAX })
    }
}

/// What there is of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    pub bases: BTreeSet<Base>,
    /// In order.
    pub log: Vec<Part>,
    /// The names of backups and parts that do not count.
    pub superseded: Vec<String>,
    /// The last that any of them bears; 0 where there are none.
    pub generation: u32,
}

impl History {
    /// Out of all `names` in an archive, or those of the history.
    pub fn of(names: &[String], history: &str) -> History {
        let own = |name: &&String| name.split('/').next() == Some(history);
        let mut bases: BTreeSet<Base> = names.iter().filter(own).filter_map(|name| Base::of(name.clone())).collect();
        let mut log: Vec<Part> = names.iter().filter(own).filter_map(|name| Part::of(name)).collect();
        log.sort_unstable();
        let mut begins: Vec<(u32, u64)> = bases.iter().map(|base| (base.generation, base.sequence + 1)).collect();
        begins.extend(log.iter().map(|part| (part.generation, part.first)));
        begins.sort_unstable();
        let generation = begins.last().map_or(0, |(generation, _)| *generation);
        // For each generation, the first batch that a later one has.
        let (mut ends, mut later) = (BTreeMap::new(), u64::MAX);
        for (generation, begin) in begins.into_iter().rev() {
            ends.entry(generation).or_insert(later);
            later = later.min(begin);
        }
        let end = |generation: u32| ends.get(&generation).copied().unwrap_or(u64::MAX);
        log.iter_mut().for_each(|part| part.end = end(part.generation));
        let mut superseded: Vec<String> = Vec::new();
        bases.retain(|base| {
            let counts = base.sequence < end(base.generation);
            superseded.extend((!counts).then(|| base.name.clone()));
            counts
        });
        log.retain(|part| {
            let counts = part.first < part.end;
            superseded.extend((!counts).then(|| part.name.clone()));
            counts
        });
        History { bases, log, superseded, generation }
    }

    /// The first of those parts that are needed to go on after batch `sequence`.
    pub fn after(&self, sequence: u64) -> usize {
        // The last that begins there or before.
        self.log.partition_point(|part| part.first <= sequence + 1).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &str = "000000000000000a";

    fn history(bases: &[(u64, u64, u32)], log: &[(u64, u32)]) -> History {
        let mut names: Vec<String> =
            bases.iter().map(|(time, sequence, of)| base_name(10, Timestamp(*time), *sequence, *of)).collect();
        names.extend(log.iter().map(|(first, of)| log_name(10, *first, *of)));
        names.push(log_name(11, 1, 9));
        History::of(&names, HISTORY)
    }

    #[test]
    fn a_later_generation_goes_before_an_earlier_one() {
        let found = history(&[(1, 0, 1), (9, 40, 1)], &[(1, 1), (20, 1), (30, 1), (25, 2), (35, 2)]);
        let log: Vec<_> = found.log.iter().map(|part| (part.first, part.generation, part.end)).collect();
        assert_eq!(log, [(1, 1, 25), (20, 1, 25), (25, 2, u64::MAX), (35, 2, u64::MAX)]);
        assert_eq!(found.bases.iter().map(|base| base.sequence).collect::<Vec<_>>(), [0]);
        assert_eq!(found.superseded, [base_name(10, Timestamp(9), 40, 1), log_name(10, 30, 1)]);
        // Which a backup alone may begin.
        let found = history(&[(1, 0, 1), (9, 40, 2)], &[(1, 1), (41, 1)]);
        assert_eq!((found.bases.len(), found.log.len(), found.superseded.len()), (2, 1, 1));
        assert_eq!((found.generation, history(&[], &[]).generation), (2, 0));
    }

    #[test]
    fn names_without_a_generation_are_of_the_first() {
        let names =
            ["a/base/000000000000005-00000000000000000007", "a/log/00000000000000000008", "a/blobs/x", "b/base/1"];
        let found = History::of(&names.map(str::to_owned), "a");
        let base = found.bases.first().unwrap();
        assert_eq!((base.time, base.sequence, base.generation, base.history()), (Timestamp(5), 7, 0, "a"));
        assert_eq!((found.log[0].first, found.log[0].generation), (8, 0));
    }
}
