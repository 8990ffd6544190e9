//! The tree's file, as redb wants it; but redb is not told of failures, because it would read no more after one.
//!
//! What cannot be written, and all that comes after it, is kept in memory until the transaction is given up. What was in the
//! tree before stays readable: its pages are written over only by later transactions, which there are none of.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use redb::StorageBackend;

use crate::disk::{Disk, DiskFile, is_full};

/// After so many written bytes the file is synced: a transaction's writes reach the disk while the rest of it is made,
/// and no other fsync has to wait for more than that.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// Cheap to clone; clones are the same file.
#[derive(Clone, Debug)]
pub(crate) struct TreeFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    file: Arc<dyn DiskFile>,
    unsynced: AtomicU64,
    /// The sync in the background.
    behind: Mutex<Option<JoinHandle<io::Result<()>>>>,
    /// Whether a write that finds no room waits for some.
    patient: AtomicBool,
    /// Whether one waits.
    waiting: AtomicBool,
    failed: AtomicBool,
    closing: AtomicBool,
    /// Nothing is written any more: what a failed sync should have written may be lost, and later ones would not say so.
    failure: Mutex<Option<Failure>>,
}

#[derive(Debug)]
struct Failure {
    reason: String,
    /// The length that the file would have.
    length: u64,
    /// What was to be written, by offset.
    unwritten: BTreeMap<u64, Vec<u8>>,
}

impl TreeFile {
    pub fn new(disk: Arc<dyn Disk>, name: &str) -> io::Result<TreeFile> {
        let file = disk.open(name)?;
        let (unsynced, behind, failure) = (AtomicU64::new(0), Mutex::default(), Mutex::default());
        let [patient, waiting, failed, closing] = [false; 4].map(AtomicBool::new);
        Ok(TreeFile(Arc::new(Shared { disk, file, unsynced, behind, patient, waiting, failed, closing, failure })))
    }

    /// From now on a write that finds no room waits for some, or does not any more.
    pub fn set_patient(&self, patient: bool) {
        self.0.patient.store(patient, Ordering::Relaxed);
    }

    /// Whether a write waits for room.
    pub fn is_waiting(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// # Errors
    /// Why the file is not written any more.
    pub fn check(&self) -> io::Result<()> {
        if !self.0.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let failure = self.0.failure();
        failure.as_ref().map_or(Ok(()), |failure| Err(io::Error::other(failure.reason.clone())))
    }

    /// Forgets what could not be written: nobody reads that any more.
    pub fn give_up(&self) {
        if let Some(failure) = &mut *self.0.failure() {
            failure.unwritten.clear();
        }
    }

    /// From now on redb is told of a failure: it is about to close the file, and would write down what it takes to be there.
    pub fn close(&self) {
        self.0.closing.store(true, Ordering::Release);
    }
}

impl Shared {
    fn failure(&self) -> MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `change`, unless something has failed before; gives what has failed, now or then, to `absorb`.
    fn change(&self, change: impl FnOnce() -> io::Result<()>, absorb: impl FnOnce(&mut Failure)) -> io::Result<()> {
        let outcome = if self.failed.load(Ordering::Acquire) { Ok(()) } else { change() };
        let mut failure = self.failure();
        if let (Err(error), None) = (outcome, &*failure) {
            let length = self.file.len().unwrap_or(0);
            *failure = Some(Failure { reason: error.to_string(), length, unwritten: BTreeMap::new() });
            self.failed.store(true, Ordering::Release);
        }
        match &mut *failure {
            Some(failure) if self.closing.load(Ordering::Acquire) => Err(io::Error::other(failure.reason.clone())),
            Some(failure) => {
                absorb(failure);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Tries again while there is no room, for as long as there is patience.
    fn with_room(&self, change: impl Fn() -> io::Result<()>) -> io::Result<()> {
        loop {
            let outcome = change();
            let full = outcome.as_ref().is_err_and(is_full);
            let wait = full && self.patient.load(Ordering::Relaxed);
            self.waiting.store(wait, Ordering::Relaxed);
            if !wait || !self.disk.wait_for_room() {
                self.waiting.store(false, Ordering::Relaxed);
                return outcome;
            }
        }
    }

    /// Syncs what is written so far: in the background, where that is possible, after the last such sync has ended.
    fn sync_behind(&self) -> io::Result<()> {
        if !self.disk.is_concurrent() {
            return self.sync();
        }
        self.unsynced.store(0, Ordering::Relaxed);
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        join(behind.take())?;
        let file = Arc::clone(&self.file);
        match thread::Builder::new().name("kv-sync".into()).spawn(move || file.sync()) {
            Ok(thread) => *behind = Some(thread),
            Err(_) => self.file.sync()?,
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.unsynced.store(0, Ordering::Relaxed);
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner).take();
        join(behind)?;
        self.file.sync()
    }
}

fn join(behind: Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    let ended = behind.map_or(Ok(Ok(())), JoinHandle::join);
    ended.unwrap_or_else(|_| Err(io::Error::other("the thread that syncs panicked")))
}

impl StorageBackend for TreeFile {
    fn len(&self) -> io::Result<u64> {
        let failed = self.0.failed.load(Ordering::Acquire);
        let length = if failed { self.0.failure().as_ref().map(|failure| failure.length) } else { None };
        length.map_or_else(|| self.0.file.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if !self.0.failed.load(Ordering::Acquire) {
            return self.0.file.read(offset, out);
        }
        if self.0.closing.load(Ordering::Acquire) {
            return self.check();
        }
        let failure = self.0.failure();
        let unwritten = failure.as_ref().and_then(|failure| failure.unwritten.get(&offset));
        match unwritten.and_then(|bytes| bytes.get(..out.len())) {
            Some(bytes) => out.copy_from_slice(bytes),
            None => self.0.file.read(offset, out)?,
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let set = || self.0.with_room(|| self.0.file.set_len(length));
        self.0.change(set, |failure| failure.length = length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.change(|| self.0.sync(), |_| {})
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let write = || self.0.with_room(|| self.0.file.write(offset, data));
        let keep = |failure: &mut Failure| drop(failure.unwritten.insert(offset, data.to_vec()));
        self.0.change(write, keep)?;
        let written = data.len() as u64;
        if self.0.unsynced.fetch_add(written, Ordering::Relaxed) + written >= SYNC_BYTES {
            self.0.change(|| self.0.sync_behind(), |_| {})?;
        }
        Ok(())
    }
}
