//! What the log holds when a store is opened: every batch that the tree does not have, or where the log is damaged.

use std::collections::VecDeque;
use std::io;

use base::Timestamp;
use kv::Batch;

use crate::disk::Disk;
use crate::log::{Contents, FILE_PREFIX, LogFile, Sealed};
use crate::record;
use crate::segment::{Found, Header, Reader};
use crate::tree::Mark;

/// Why a log cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{name} is in log format {found}")]
    Newer { name: String, found: u32 },
    #[error(transparent)]
    Damaged(Damage),
}

/// A place in the log that should hold a batch and does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the log is damaged in {file}, at byte {offset}: batch {sequence} should be there, and later ones were written ({reason})"
)]
pub struct Damage {
    /// The file's name in the data folder.
    pub file: String,
    pub offset: u64,
    /// The sequence number of the first batch that cannot be read.
    pub sequence: u64,
    pub reason: String,
}

/// Reads the log after the last batch that the tree has, by its `mark`; `replay` is given each batch. With `keep`, older files
/// that hold what came right before are kept too.
pub(crate) fn recover(
    disk: &dyn Disk,
    mark: Mark,
    keep: bool,
    replay: impl FnMut(Timestamp, Batch),
) -> Result<Contents, Failure> {
    let (segments, free, damaged) = files(disk)?;
    let mut chain = Chain { next: mark.flushed + 1, previous: None };
    let outcome = read(segments, free, &mut chain, mark, keep, replay);
    match (damaged.first(), outcome) {
        // Where it belongs nobody knows, but what could be read without it ended there.
        (Some(file), Ok(_) | Err(Failure::Damaged(_))) => Err(damage(file, 0, chain.next, "its header cannot be read")),
        (_, Ok((contents, last_record))) => {
            if let Some(Sealed { file, .. }) = contents.sealed.back() {
                make_durable(file, last_record)?;
            }
            Ok(contents)
        }
        (_, Err(failure)) => Err(failure),
    }
}

/// The place and length of the last record.
type LastRecord = Option<(u64, usize)>;

/// Reads on from where `chain` is, to the end.
fn read(
    mut segments: Segments,
    mut free: Vec<LogFile>,
    chain: &mut Chain,
    mark: Mark,
    keep: bool,
    mut replay: impl FnMut(Timestamp, Batch),
) -> Result<(Contents, LastRecord), Failure> {
    let flushed = mark.flushed;
    let next_number = segments.last().map_or(1, |(_, header)| header.number + 1);
    // A file that ends before the next batch to replay holds nothing that is needed, in whatever state it is.
    let needed = segments.iter().rposition(|(_, header)| header.first <= flushed + 1).unwrap_or(0);
    let older: Segments = segments.drain(..needed).collect();
    let mut sealed = keep_older(if keep { older } else { free_all(older, &mut free) }, segments.first(), &mut free);
    let mut last_record = None;
    for (file, header) in segments {
        chain.check(&file, &header)?;
        let mut reader = Reader::new(header, &file.file)?;
        last_record = None;
        loop {
            let offset = reader.offset();
            let Some((sequence, bytes)) = reader.record() else { break };
            last_record = Some((offset, bytes.len()));
            if sequence > flushed {
                let reason = || damage(&file, offset, sequence, "its checksum is right but its content is not");
                let (time, batch) = record::decode(bytes).ok_or_else(reason)?;
                replay(time, batch);
            }
        }
        if let Some((offset, sequence)) = reader.beyond(flushed) {
            let reason = format!("batch {sequence} is at byte {offset}");
            return Err(damage(&file, reader.offset(), reader.next, &reason));
        }
        chain.next = chain.next.max(reader.next);
        chain.previous = Some((file.clone(), reader.offset(), header.number));
        sealed.push_back(Sealed { file, header, last: reader.next - 1 });
    }
    chain.check_end(mark)?;
    Ok((Contents { sealed, free, next_number, last: chain.next - 1 }, last_record))
}

fn free_all(older: Segments, free: &mut Vec<LogFile>) -> Segments {
    free.extend(older.into_iter().map(|(file, _)| file));
    Segments::new()
}

/// Of the `older` files, those that go on, one after the other, up to where `first` begins; the others are free. A file
/// whose process ended before its first record has none, and the one after it begins with the same number.
fn keep_older(older: Segments, first: Option<&(LogFile, Header)>, free: &mut Vec<LogFile>) -> VecDeque<Sealed> {
    let mut kept = VecDeque::new();
    let mut next = first.map(|(_, header)| *header);
    for (file, header) in older.into_iter().rev() {
        match next.filter(|next| next.number == header.number + 1 && next.first >= header.first) {
            Some(Header { first, .. }) => {
                next = Some(header);
                kept.push_front(Sealed { file, header, last: first - 1 });
            }
            None => {
                next = None;
                free.push(file);
            }
        }
    }
    kept
}

/// A process that ended before its fsync, or after one that failed, may have left its last record in the operating system's
/// memory alone: it is written again, so that it is not built upon before it is on the disk.
fn make_durable(file: &LogFile, record: Option<(u64, usize)>) -> io::Result<()> {
    let again = |offset, length| {
        let mut bytes = vec![0; length];
        file.file.read(offset, &mut bytes)?;
        file.file.write(offset, &bytes)
    };
    again(0, usize::try_from(crate::segment::RECORDS_AT).map_err(io::Error::other)?)?;
    if let Some((offset, length)) = record {
        again(offset, crate::segment::RECORD_HEADER_BYTES + length)?;
    }
    file.file.sync()
}

type Segments = Vec<(LogFile, Header)>;

/// The log's files in their order, those that were never used, and those of which neither can be told.
fn files(disk: &dyn Disk) -> Result<(Segments, Vec<LogFile>, Vec<LogFile>), Failure> {
    let (mut segments, mut free, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
    for (file, found) in headers(disk)? {
        match found {
            Found::Segment(header) => segments.push((file, header)),
            Found::Blank => free.push(file),
            Found::Newer(found) => return Err(Failure::Newer { name: file.name, found }),
            Found::Damaged => damaged.push(file),
        }
    }
    segments.sort_by_key(|(_, header)| header.number);
    Ok((segments, free, damaged))
}

pub(crate) fn headers(disk: &dyn Disk) -> io::Result<Vec<(LogFile, Found)>> {
    let names = disk.names()?.into_iter().filter(|name| name.starts_with(FILE_PREFIX));
    let found = names.map(|name| {
        let file = LogFile { file: disk.open(&name)?, name };
        let found = Header::read(&*file.file)?;
        Ok((file, found))
    });
    found.collect()
}

/// How far the log has been read.
struct Chain {
    /// The sequence number of the next batch.
    next: u64,
    /// The file read last, where its records end, and its number.
    previous: Option<(LogFile, u64, u64)>,
}

impl Chain {
    /// Whether `header` goes on where the last file ended.
    fn check(&self, file: &LogFile, header: &Header) -> Result<(), Failure> {
        match &self.previous {
            Some((previous, offset, _)) if header.first > self.next => {
                Err(damage(previous, *offset, self.next, &format!("batch {} begins {}", header.first, file.name)))
            }
            Some((previous, offset, number)) if header.number != number + 1 || header.first < self.next => {
                Err(damage(previous, *offset, self.next, &format!("{} does not go on from there", file.name)))
            }
            None if header.first > self.next => {
                Err(damage(file, 0, self.next, "the file that should come before is missing"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the log goes as far as it is known to have gone.
    fn check_end(&self, mark: Mark) -> Result<(), Failure> {
        let (file, offset, number) = match &self.previous {
            Some((file, offset, number)) => (file.name.as_str(), *offset, *number),
            None => ("its files", 0, 0),
        };
        if number >= mark.file {
            return Ok(());
        }
        let reason = format!("{} files after that are missing", mark.file - number);
        Err(Failure::Damaged(Damage { file: file.into(), offset, sequence: self.next, reason }))
    }
}

fn damage(file: &LogFile, offset: u64, sequence: u64, reason: &str) -> Failure {
    Failure::Damaged(Damage { file: file.name.clone(), offset, sequence, reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimDisk;

    #[test]
    fn a_file_without_a_record_does_not_cut_off_the_ones_before_it() {
        let disk = SimDisk::new();
        let file = |name: &str| LogFile { name: name.into(), file: disk.open(name).unwrap() };
        let header = |number, first| Header { number, first, salt: 0 };
        let (mut free, first) = (Vec::new(), (file("c"), header(3, 10)));
        let kept = keep_older(vec![(file("a"), header(1, 1)), (file("b"), header(2, 10))], Some(&first), &mut free);
        let kept: Vec<_> = kept.iter().map(|sealed| (sealed.file.name.as_str(), sealed.last)).collect();
        assert_eq!(kept, [("a", 9), ("b", 9)]);
        assert!(free.is_empty());
    }
}
