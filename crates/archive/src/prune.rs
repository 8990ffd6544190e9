//! What of an archive is older than anybody wants to go back to.
//!
//! Of each history, the newest backup that was made before the cutoff stays, with everything after it: so every moment since the cutoff
//! can be brought back, and the last one of a store that is not written to any more too. A blob goes when no backup that stays
//! lists it, and it was put before all of those: what came between two backups was put since.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Timestamp;

use crate::layout::{Base, History, list_of};
use crate::moment::listed_blobs;
use crate::{Error, Object, Result, Target};

/// So long ago, in the target's own time, a blob must have been put at least: another server may just be making its first backup.
const BLOB_AGE_MIN: Duration = Duration::from_secs(24 * 60 * 60);

/// How far this machine's clock may be ahead of the target's and be believed.
const CLOCKS_DIFFER_MAX: Duration = Duration::from_secs(60);

/// What went, and what can still be brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Backups, their lists of blobs, and parts of the log.
    pub objects: u64,
    pub blobs: u64,
    /// The first moment that can be brought back, of any history.
    pub first: Option<Timestamp>,
}

/// Removes what only moments need that are `keep` before `now`, or before what was put last by the target's own clock: this machine's
/// clock alone cannot make anything old. It may end at any point, and do the rest another time. One at a time: two would do no
/// harm to each other, but to a server that puts a blob again just when it goes.
///
/// # Errors
/// When the target cannot be read or deleted from.
pub fn prune(target: &dyn Target, place: &str, now: Timestamp, keep: Duration) -> Result<Pruned> {
    let objects = target.list("").map_err(Error::io(format!("{place} cannot be read")))?;
    let last = objects.iter().map(|object| object.put).max().unwrap_or_default() + CLOCKS_DIFFER_MAX;
    let keep = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
    let cutoff = Timestamp(now.min(last).as_millis().saturating_sub(keep));
    let names: Vec<String> = objects.iter().map(|object| object.name.clone()).collect();
    let histories: BTreeSet<&str> = names.iter().filter_map(|name| Some(name.split_once("/base/")?.0)).collect();
    let mut pruned = Pruned { objects: 0, blobs: 0, first: None };
    let mut kept = Vec::new();
    for name in histories {
        let history = History::of(&names, name);
        let before = history.bases.iter().rev().find(|base| base.time <= cutoff);
        let Some(first) = before.or(history.bases.first()) else { continue };
        pruned.first = Some(pruned.first.map_or(first.time, |known| known.min(first.time)));
        for name in useless(&names, &history, first) {
            delete(target, &name)?;
            pruned.objects += 1;
        }
        kept.extend(history.bases.range(first..).cloned());
    }
    pruned.blobs = prune_blobs(target, &objects, &kept)?;
    Ok(pruned)
}

/// What does not count, and what is older than the backup `first`, in the order in which it may go: a backup before the log that
/// follows it; first of all, what would count once that is gone by which it does not.
fn useless(names: &[String], history: &History, first: &Base) -> Vec<String> {
    let mut useless = history.superseded.clone();
    useless.extend(history.bases.range(..first).map(|base| base.name.clone()));
    let prefix = list_of(&first.name);
    let lists = format!("{}/blobs/", first.history());
    let superseded = |list: &str| history.superseded.iter().any(|name| list_of(name) == list);
    let old = |list: &&String| list.starts_with(&lists) && (**list < prefix || superseded(list));
    useless.extend(names.iter().filter(old).cloned());
    useless.extend(history.log.iter().take(history.after(first.sequence)).map(|part| part.name.clone()));
    useless
}

fn prune_blobs(target: &dyn Target, objects: &[Object], kept: &[Base]) -> Result<u64> {
    let mut needed = BTreeSet::new();
    let mut before = objects.iter().map(|object| object.put).max().unwrap_or_default();
    before = Timestamp(before.as_millis().saturating_sub(BLOB_AGE_MIN.as_millis() as u64));
    for base in kept {
        let list = list_of(&base.name);
        // A backup without a list, of an earlier release, may need any blob.
        let Some(object) = objects.iter().find(|object| object.name == list) else { return Ok(0) };
        before = before.min(object.put);
        needed.extend(listed_blobs(target, &list)?.into_iter().map(|(folder, id)| format!("blobs/{folder}/{id}")));
    }
    let mut blobs = 0;
    let old = objects.iter().filter(|object| object.name.starts_with("blobs/") && object.put < before);
    for object in old.filter(|object| !needed.contains(&object.name)) {
        delete(target, &object.name)?;
        blobs += 1;
    }
    Ok(blobs)
}

fn delete(target: &dyn Target, name: &str) -> Result<()> {
    target.delete(name).map_err(Error::io(format!("{name} cannot be removed from the archive")))
}
