//! The log: batches in order, each durable with one fsync of a file that was made long before.
//!
//! Files are written full of zeros in advance and used again, so that an fsync has nothing to write but the record.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Env;
use bytes::Bytes;

use crate::disk::{Disk, DiskFile};
use crate::segment::{Header, RECORD_HEADER_BYTES, RECORDS_AT, after};
use crate::tree::Mark;

pub(crate) const FILE_PREFIX: &str = "log-";
const NEW_PREFIX: &str = "log.new-";

/// The size of a file that a batch has to wait for.
const HASTY_FILE_BYTES: u64 = 1024 * 1024;

/// What is kept for whoever copies the log and has not come to it: with more than that, the oldest goes.
const COPY_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Free files beyond these are deleted.
const SPARE_FILES_MAX: usize = 12;

/// How soon to try again when a file could not be made in advance.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The bytes of the zeros that are written at a time.
const ZEROS: &[u8] = &[0; 256 * 1024];

/// Zeros that are synced at a time: no other fsync has to wait for more than that.
const ZEROS_SYNC_BYTES: u64 = 4 * 1024 * 1024;

pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    env: Env,
    /// The size of a new file; one for a record that is longer is longer.
    segment_bytes: u64,
    state: Mutex<State>,
    /// Rung when a file should be made in advance, and at the end.
    wanted: Condvar,
}

struct State {
    /// The file being written, and where its next record goes.
    current: Option<(LogFile, Header, u64)>,
    /// Files that are full; the oldest first.
    sealed: VecDeque<Sealed>,
    /// The last sequence number that whoever copies the log has; `None` when nobody does.
    copied: Option<u64>,
    /// Files that hold nothing that is needed.
    free: Vec<LogFile>,
    next_number: u64,
    next_name: u64,
    /// The sequence number of the last record.
    last: u64,
    /// Whether it may not be durable.
    unsynced: bool,
    /// Why no more is written: after a failed fsync nobody knows what is on the disk.
    failure: Option<String>,
    closed: bool,
}

/// A file and its name.
#[derive(Clone)]
pub(crate) struct LogFile {
    pub name: String,
    pub file: Arc<dyn DiskFile>,
}

/// A file that is full.
pub(crate) struct Sealed {
    pub file: LogFile,
    pub header: Header,
    /// The sequence number of its last record.
    pub last: u64,
}

/// Where a reader of the log is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// The file's number, and the offset of the record to read next.
    file: u64,
    offset: u64,
    /// Its sequence number.
    next: u64,
}

/// The log's files as they were found, and where it ends.
pub(crate) struct Contents {
    /// The oldest first.
    pub sealed: VecDeque<Sealed>,
    pub free: Vec<LogFile>,
    pub next_number: u64,
    pub last: u64,
}

impl Log {
    /// With `copied`, what is in the log stays there until [`Log::set_copied`] says that it is elsewhere.
    pub fn new(disk: Arc<dyn Disk>, env: Env, segment_bytes: u64, copied: bool, contents: Contents) -> Log {
        let Contents { sealed, free, next_number, last } = contents;
        let names = sealed.iter().map(|sealed| &sealed.file).chain(&free).filter_map(|file| slot(&file.name));
        let next_name = names.max().map_or(0, |slot| slot + 1);
        let state = State {
            current: None,
            sealed,
            copied: copied.then_some(0),
            free,
            next_number,
            next_name,
            last,
            unsynced: false,
            failure: None,
            closed: false,
        };
        Log { disk, env, segment_bytes, state: Mutex::new(state), wanted: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a record, whose first [`RECORD_HEADER_BYTES`] are room for its header, and returns its sequence number.
    /// What was written before is durable by then: there is never more than one record that may be torn.
    ///
    /// # Errors
    /// When [`is_full`](crate::disk::is_full), nothing was written, and another time it may be.
    pub fn append(&self, mut record: Vec<u8>) -> io::Result<u64> {
        self.sync()?;
        let mut state = self.lock();
        let sequence = state.last + 1;
        let length = record.len().saturating_sub(RECORD_HEADER_BYTES);
        let fits = match &state.current {
            Some((file, _, offset)) => after(*offset, length) <= file.file.len()?,
            None => false,
        };
        if !fits {
            self.next_file(&mut state, sequence, after(RECORDS_AT, length))?;
        }
        let Some((file, header, offset)) = &mut state.current else {
            return Err(io::Error::other("the log has no file"));
        };
        header.seal(&mut record, sequence).ok_or(io::ErrorKind::InvalidInput)?;
        let written = file.file.write(*offset, &record);
        *offset = after(*offset, length);
        state.unsynced = true;
        state.last = sequence;
        written.map_err(|error| fail(&mut state, error))?;
        if state.wants_file(self.segment_bytes) {
            self.wanted.notify_all();
        }
        Ok(sequence)
    }

    /// Goes on in another file, of at least `bytes`.
    fn next_file(&self, state: &mut State, first: u64, bytes: u64) -> io::Result<()> {
        let free = |least: u64| state.free.iter().position(|file| file.bytes() >= least);
        let file = match free(bytes.max(self.segment_bytes)).or_else(|| free(bytes)) {
            Some(found) => state.free.swap_remove(found),
            None => self.make_file(state.next_name, bytes.max(self.segment_bytes.min(HASTY_FILE_BYTES)))?,
        };
        state.next_name = state.next_name.max(slot(&file.name).map_or(0, |slot| slot + 1));
        let header = Header { number: state.next_number, first, salt: self.env.random_u64() };
        file.file.write(0, &header.encode()).map_err(|error| fail(state, error))?;
        state.next_number += 1;
        if let Some((file, header, _)) = state.current.replace((file, header, RECORDS_AT)) {
            state.sealed.push_back(Sealed { file, header, last: first - 1 });
        }
        Ok(())
    }

    /// Makes a file full of zeros, which counts only once it is whole.
    fn make_file(&self, slot: u64, bytes: u64) -> io::Result<LogFile> {
        let (new, name) = (format!("{NEW_PREFIX}{slot}"), format!("{FILE_PREFIX}{slot:06}"));
        let file = self.fill_file(&new, bytes).inspect_err(|_| {
            // It takes room that there is too little of; when it cannot be deleted now, it is at the next start.
            let _ = self.disk.remove(&new);
        })?;
        self.disk.rename(&new, &name)?;
        self.disk.sync_names()?;
        Ok(LogFile { name, file })
    }

    fn fill_file(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open(name)?;
        file.set_len(0)?;
        for start in (0..bytes).step_by(ZEROS.len()) {
            let length = usize::try_from(bytes - start).unwrap_or(usize::MAX).min(ZEROS.len());
            file.write(start, ZEROS.get(..length).unwrap_or(ZEROS))?;
            if start > 0 && start.is_multiple_of(ZEROS_SYNC_BYTES) {
                file.sync()?;
            }
        }
        file.sync()?;
        Ok(file)
    }

    /// Makes a file whenever one will soon be needed, until [`Log::close`], so that no batch has to wait for one.
    pub fn prepare_until_closed(&self) {
        let mut failing = false;
        loop {
            let idle = |state: &mut State| !state.wants_file(self.segment_bytes) && !state.closed;
            let mut state = self.wanted.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                return;
            }
            state.next_name += 1;
            let slot = state.next_name - 1;
            drop(state);
            match self.make_file(slot, self.segment_bytes) {
                Ok(file) => {
                    failing = false;
                    self.lock().free.push(file);
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "a file for the log could not be made in advance: it is tried again");
                    }
                    failing = true;
                    let open = |state: &mut State| !state.closed;
                    drop(self.wanted.wait_timeout_while(self.lock(), RETRY_PAUSE, open));
                }
            }
        }
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.wanted.notify_all();
    }

    /// Returns once the last record is durable.
    pub fn sync(&self) -> io::Result<()> {
        let (file, last) = {
            let state = self.lock();
            match (&state.failure, &state.current) {
                (Some(failure), _) => return Err(io::Error::other(failure.clone())),
                (None, Some((file, ..))) if state.unsynced => (Arc::clone(&file.file), state.last),
                _ => return Ok(()),
            }
        };
        let outcome = file.sync();
        let mut state = self.lock();
        match outcome {
            Ok(()) => state.unsynced = state.last != last,
            Err(error) => return Err(fail(&mut state, error)),
        }
        Ok(())
    }

    /// The number of the newest file.
    pub fn newest(&self) -> u64 {
        self.lock().next_number - 1
    }

    /// Forgets what the tree has, by its `mark`; the mark's file stays, for it must be found when the store is opened.
    pub fn release(&self, mark: Mark) {
        for file in self.lock().release(mark, self.segment_bytes) {
            if let Err(error) = self.disk.remove(&file.name) {
                tracing::warn!(%error, name = file.name, "a file of the log could not be deleted");
            }
        }
    }

    /// Records up to `sequence` need not be kept for whoever copies the log.
    pub fn set_copied(&self, sequence: u64) {
        let mut state = self.lock();
        state.copied = state.copied.map(|copied| copied.max(sequence));
    }

    /// The sequence number of the last durable record.
    pub fn durable(&self) -> u64 {
        let state = self.lock();
        // One at most is not.
        state.last - u64::from(state.unsynced)
    }

    /// The record after `sequence`, if it is durable and still there; `cursor` remembers where the last one was.
    pub fn read(&self, cursor: &mut Cursor, sequence: u64) -> io::Result<Option<Bytes>> {
        let next = sequence + 1;
        let found = {
            let state = self.lock();
            let sealed = state.sealed.iter().map(|sealed| (&sealed.file, sealed.header));
            let mut files = sealed.chain(state.current.iter().map(|(file, header, _)| (file, *header)));
            let found = files.rfind(|(_, header)| header.first <= next);
            found.map(|(file, header)| (Arc::clone(&file.file), header))
        };
        let Some((file, header)) = found.filter(|_| next <= self.durable()) else { return Ok(None) };
        if cursor.file != header.number || cursor.next > next {
            *cursor = Cursor { file: header.number, offset: RECORDS_AT, next: header.first };
        }
        loop {
            let Some(bytes) = header.read_record(&*file, cursor.offset, cursor.next)? else { return Ok(None) };
            cursor.offset = after(cursor.offset, bytes.len());
            cursor.next += 1;
            if cursor.next > next {
                return Ok(Some(bytes));
            }
        }
    }

    /// Bytes on the disk.
    pub fn disk_bytes(&self) -> u64 {
        let state = self.lock();
        let files = state.sealed.iter().map(|sealed| &sealed.file).chain(&state.free);
        let files = files.chain(state.current.iter().map(|(file, ..)| file));
        files.map(LogFile::bytes).sum()
    }
}

impl State {
    /// Whether the file being written is half full, or there is none, and no other is ready.
    fn wants_file(&self, segment_bytes: u64) -> bool {
        let half = self.current.as_ref().is_none_or(|(file, _, offset)| *offset > file.bytes() / 2);
        // Nothing is written after a failure.
        half && self.failure.is_none() && !self.free.iter().any(|file| file.bytes() >= segment_bytes)
    }

    /// Takes out the files that hold nothing that is needed; returns those that are not to be used again.
    fn release(&mut self, mark: Mark, segment_bytes: u64) -> Vec<LogFile> {
        let mut kept: u64 = self.sealed.iter().map(|sealed| sealed.file.bytes()).sum();
        let mut rest = Vec::new();
        while let Some(front) = self.sealed.front() {
            let copied = self.copied.is_none_or(|copied| front.last <= copied) || kept > COPY_BYTES_MAX;
            if front.last > mark.flushed || front.header.number >= mark.file || !copied {
                break;
            }
            let Some(Sealed { file, .. }) = self.sealed.pop_front() else { break };
            let bytes = file.bytes();
            kept -= bytes;
            let keep = bytes >= segment_bytes && self.free.len() < SPARE_FILES_MAX;
            if keep { self.free.push(file) } else { rest.push(file) }
        }
        rest
    }
}

impl LogFile {
    fn bytes(&self) -> u64 {
        self.file.len().unwrap_or(0)
    }
}

/// Notes that the log is written no more. Whoever hears of it must not take it for a lack of room that may come back.
fn fail(state: &mut State, error: io::Error) -> io::Error {
    let reason = state.failure.get_or_insert_with(|| format!("the log could not be written: {error}"));
    io::Error::other(reason.clone())
}

/// The number in a file's name.
fn slot(name: &str) -> Option<u64> {
    name.strip_prefix(FILE_PREFIX)?.parse().ok()
}

/// Deletes what a crash left of files being made.
pub(crate) fn clean(disk: &dyn Disk) -> io::Result<()> {
    disk.names()?.iter().filter(|name| name.starts_with(NEW_PREFIX)).try_for_each(|name| disk.remove(name))
}
