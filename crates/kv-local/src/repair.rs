//! What can be done for a log that is damaged: say what there is behind the damage, and cut it off.

use std::io;

use base::Timestamp;

use crate::disk::Disk;
use crate::record;
use crate::recover::{Damage, headers};
use crate::segment::{Found, Header, Reader};

/// What is lost when a log is cut off where it is damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How many batches behind the damage can still be read.
    pub readable: u64,
    /// When the last of those was committed.
    pub last: Option<Timestamp>,
    /// When the last batch before the damage was, if the log still has that.
    pub kept_until: Option<Timestamp>,
}

pub(crate) fn loss(disk: &dyn Disk, damage: &Damage) -> io::Result<Loss> {
    let segments = headers(disk)?.into_iter().filter_map(|(file, found)| Some((file, segment(&found)?)));
    let mut segments: Vec<_> = segments.collect();
    segments.sort_by_key(|(_, header)| header.number);
    let mut loss = Loss::default();
    for (file, header) in segments {
        let mut reader = Reader::new(header, &file.file)?;
        while let Some((sequence, bytes)) = reader.next_readable() {
            let time = record::split(bytes).map(|(time, _)| time);
            if sequence < damage.sequence {
                loss.kept_until = loss.kept_until.max(time);
            } else {
                loss.readable += 1;
                loss.last = loss.last.max(time);
            }
        }
    }
    Ok(loss)
}

fn segment(found: &Found) -> Option<Header> {
    if let Found::Segment(header) = found { Some(*header) } else { None }
}

/// Cuts the log off where it is damaged: what comes after is lost. Returns the number of the newest file that is left.
pub(crate) fn cut(disk: &dyn Disk, damage: &Damage) -> io::Result<u64> {
    let number = |found: &Found| segment(found).map(|header| header.number);
    let files = headers(disk)?;
    let damaged = files.iter().find(|(file, _)| file.name == damage.file).and_then(|(_, found)| number(found));
    let mut newest = 0;
    for (file, found) in &files {
        let later = damaged.is_some() && number(found) > damaged;
        if later || (file.name == damage.file && damage.offset == 0) {
            disk.remove(&file.name)?;
        } else {
            newest = newest.max(number(found).unwrap_or(0));
        }
    }
    disk.sync_names()?;
    if damage.offset > 0 {
        let file = disk.open(&damage.file)?;
        let length = file.len()?.saturating_sub(damage.offset);
        file.write(damage.offset, &vec![0; usize::try_from(length).map_err(io::Error::other)?])?;
        file.sync()?;
    }
    Ok(newest)
}
