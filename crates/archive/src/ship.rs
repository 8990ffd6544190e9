//! The archiver: a thread that carries every batch and every blob to a target, a second or so behind.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use base::Timestamp;
use blob::{BlobId, Hold, Verified};
use kv::Entry;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::format::{FORMAT_VERSION, Frame, Header, Writer};
use crate::moment::{Base, base_name, last_entry, list_of, listed_blobs, log_name};
use crate::{Backup, Data, Error, Result, Target};

/// How long batches are collected for one part of the log.
const INTERVAL: Duration = Duration::from_secs(1);
/// A part of the log with so many bytes is done; shorter ones are written again, longer.
const PART_BYTES: usize = 1024 * 1024;
/// A new backup is made once the log after the last one has so many bytes, and no fewer than the backup: what has to be read
/// to bring back a moment stays in proportion.
const BASE_AFTER_BYTES: u64 = 1024 * 1024 * 1024;

/// How far an archive is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last batch that is archived.
    pub sequence: u64,
    /// Everything committed before this moment is archived.
    pub until: Timestamp,
    /// Why it does not get further.
    pub failure: Option<String>,
    /// The first moment of this store that can be brought back.
    pub first: Option<Timestamp>,
    /// Why what is too old could not be removed.
    pub stays: Option<String>,
}

/// Archives until it is dropped, or stopped.
pub struct Archiver {
    data: Data,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<(Progress, bool)>,
    stopping: Condvar,
}

impl Archiver {
    /// With `keep`, what only moments longer ago need is removed.
    pub fn start(data: Data, target: Arc<dyn Target>, keep: Option<Duration>) -> Result<Archiver> {
        let shared = Arc::new(Shared::default());
        let mut shipper = Shipper::new(data.clone(), target, keep);
        let of_thread = Arc::clone(&shared);
        let run = move || {
            while !of_thread.stopped_within(INTERVAL) {
                shipper.round_and_tell(&of_thread);
            }
            // What came since.
            shipper.round_and_tell(&of_thread);
        };
        let thread = std::thread::Builder::new().name("archiver".into()).spawn(run);
        let thread = Mutex::new(Some(thread.map_err(Error::io("the archiver's thread did not start"))?));
        Ok(Archiver { data, shared, thread })
    }

    pub fn progress(&self) -> Progress {
        self.shared.lock().0.clone()
    }

    /// What would be lost with the server's disk now: everything committed in this time. Zero when nothing was.
    pub fn lag(&self) -> Duration {
        let Progress { sequence, until, .. } = self.progress();
        match self.data.journal.durable() {
            Ok(durable) if durable <= sequence => Duration::ZERO,
            _ => self.data.env.now().since(until),
        }
    }

    /// Archives what is there, and ends.
    pub fn stop(&self) {
        self.shared.lock().1 = true;
        self.shared.stopping.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the archiver panicked");
        }
    }
}

impl Drop for Archiver {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, (Progress, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped_within(&self, time: Duration) -> bool {
        let waited = self.stopping.wait_timeout_while(self.lock(), time, |(_, stopped)| !*stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.1
    }
}

/// What the thread knows.
struct Shipper {
    data: Data,
    target: Arc<dyn Target>,
    /// The last batch that is archived; `None` before the archive was looked at.
    sequence: Option<u64>,
    /// The part of the log that may still grow.
    part: Option<Part>,
    /// Bytes of the log since the last backup, and of that backup.
    since_base: u64,
    base_bytes: u64,
    /// When the last backup was made, and its last batch.
    last_base: (Timestamp, u64),
    first: Option<Timestamp>,
    keep: Option<Duration>,
    /// When it was last looked what is too old.
    pruned: Option<Timestamp>,
    blobs: Vec<Folder>,
}

/// A folder of blobs.
struct Folder {
    /// Blobs that came since the last look.
    added: UnboundedReceiver<BlobId>,
    /// Those found at the start, or that could not be archived.
    waiting: Vec<BlobId>,
    /// Keeps them from being deleted before they are archived.
    _hold: Hold,
}

struct Part {
    name: String,
    writer: Writer,
    bytes: Vec<u8>,
}

impl Shipper {
    fn new(data: Data, target: Arc<dyn Target>, keep: Option<Duration>) -> Shipper {
        let (sequence, part, last_base, first, pruned) = Default::default();
        Shipper {
            data,
            target,
            sequence,
            part,
            since_base: 0,
            base_bytes: 0,
            last_base,
            first,
            keep,
            pruned,
            blobs: Vec::new(),
        }
    }

    fn round_and_tell(&mut self, shared: &Shared) {
        let before = self.data.env.now();
        let outcome = self.round();
        let stays = match &outcome {
            Ok(()) => self.prune(before),
            Err(_) => None,
        };
        let progress = &mut shared.lock().0;
        progress.sequence = self.sequence.unwrap_or(0);
        progress.first = self.first;
        if let Some(stays) = stays {
            progress.stays = stays.err().map(|error| {
                tracing::error!(%error, "what is too old stays in the archive");
                error.to_string()
            });
        }
        match outcome {
            Ok(()) => (progress.until, progress.failure) = (before, None),
            Err(error) => {
                // It is tried again in the next round, and told once.
                let failure = Some(error.to_string());
                if progress.failure != failure {
                    tracing::error!(%error, "the archive does not get further");
                }
                progress.failure = failure;
            }
        }
    }

    /// Archives everything that is durable.
    fn round(&mut self) -> Result<()> {
        let sequence = match self.sequence {
            Some(sequence) => sequence,
            None => self.begin()?,
        };
        let durable = self.data.journal.durable()?;
        self.ship_blobs()?;
        let mut sequence = sequence;
        while sequence < durable {
            match self.data.journal.read(sequence, PART_BYTES)? {
                Some(mut entries) => {
                    // What became durable meanwhile may name blobs that are not archived yet.
                    entries.retain(|entry| entry.sequence <= durable);
                    sequence = self.ship(sequence, entries)?;
                }
                None => {
                    tracing::warn!(
                        sequence,
                        "the archive has a hole: the log does not go back to what was archived last"
                    );
                    sequence = self.base()?;
                }
            }
        }
        let (made, last) = self.last_base;
        // What is too old can only go when there is a backup that is old enough.
        let old = self.every().is_some_and(|every| last < sequence && self.data.env.now().since(made) >= every);
        if old || self.since_base > BASE_AFTER_BYTES.max(self.base_bytes) {
            self.base()?;
        }
        Ok(())
    }

    /// How often there is a backup, and it is looked what is too old: so that what stays is at most this much more than wanted.
    fn every(&self) -> Option<Duration> {
        self.keep.map(|keep| keep / 4)
    }

    /// Removes what is too old, when that is due.
    fn prune(&mut self, now: Timestamp) -> Option<Result<()>> {
        let (keep, every) = (self.keep?, self.every()?);
        if self.pruned.is_some_and(|pruned| now.since(pruned) < every) {
            return None;
        }
        // Tried again only then, too: a target that cannot delete is not asked all the time.
        self.pruned = Some(now);
        let pruned = crate::prune(&*self.target, "the archive", now, keep).and_then(|_| self.look_for_first());
        Some(pruned)
    }

    fn look_for_first(&mut self) -> Result<()> {
        self.first = self.list("base")?.into_iter().filter_map(Base::of).map(|base| base.time).min();
        Ok(())
    }

    /// The names in a folder of this history.
    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let objects = self.target.list(&format!("{:016x}/{folder}/", self.data.journal.history()));
        let objects = objects.map_err(Error::io("the archive cannot be listed"))?;
        Ok(objects.into_iter().map(|object| object.name).collect())
    }

    /// Finds out what the archive has: with the first backup of this history, nothing is yet.
    fn begin(&mut self) -> Result<u64> {
        let bases: Vec<Base> = self.list("base")?.into_iter().filter_map(Base::of).collect();
        let Some(base) = bases.iter().max() else {
            self.follow_blobs(None)?;
            return self.base();
        };
        self.follow_blobs(Some(base))?;
        let log = self.list("log")?;
        let sequence = match log.last() {
            Some(name) => last_entry(&*self.target, name)?.0.max(base.sequence),
            None => base.sequence,
        };
        let durable = self.data.journal.durable()?;
        if sequence > durable {
            return Err(Error::Ahead { archived: sequence, durable });
        }
        self.last_base = (base.time, base.sequence);
        self.first = bases.iter().map(|base| base.time).min();
        // About: most parts have that size.
        let since = log.iter().filter(|name| **name > log_name(self.data.journal.history(), base.sequence));
        self.since_base = (since.count() * PART_BYTES) as u64;
        self.archived(sequence);
        Ok(sequence)
    }

    fn archived(&mut self, sequence: u64) {
        self.sequence = Some(sequence);
        self.data.journal.release(sequence);
    }

    /// Puts a backup there, without blobs: they have a place of their own.
    fn base(&mut self) -> Result<u64> {
        let backup = Backup::start(&self.data)?;
        // Those that the backup's rows may name are there by now.
        self.ship_blobs()?;
        let Header { sequence, time, .. } = *backup.header();
        let name = base_name(self.data.journal.history(), time, sequence);
        self.list_blobs(backup.header().clone(), &list_of(&name))?;
        let mut backup = backup.without_blobs();
        let mut counted = Counted { source: &mut backup, bytes: 0 };
        self.target.put(&name, &mut counted).map_err(Error::io("a backup could not be put into the archive"))?;
        (self.base_bytes, self.since_base, self.part) = (counted.bytes, 0, None);
        self.last_base = (time, sequence);
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.archived(sequence);
        Ok(sequence)
    }

    /// Puts batches there, which come after `sequence`; returns the number of the last.
    fn ship(&mut self, sequence: u64, entries: Vec<Entry>) -> Result<u64> {
        let history = self.data.journal.history();
        let Some(last) = entries.last().map(|entry| entry.sequence) else { return Ok(sequence) };
        // On failure the part is gone from memory, and a new one begins after what the target has.
        let mut part = match self.part.take() {
            Some(part) => part,
            None => Part::new(history, sequence, self.data.env.now())?,
        };
        let before = part.bytes.len();
        for entry in entries {
            part.writer.write(&Frame::Entry(entry), &mut part.bytes)?;
        }
        let mut whole = part.bytes.clone();
        part.writer.clone().write(&Frame::End, &mut whole)?;
        self.target.put(&part.name, &mut &whole[..]).map_err(Error::io("batches could not be put into the archive"))?;
        self.since_base += (part.bytes.len() - before) as u64;
        if part.bytes.len() < PART_BYTES {
            self.part = Some(part);
        }
        self.archived(last);
        Ok(last)
    }

    /// Puts a list of the blobs there are beside a backup, which holds back their end: blobs in no list of any backup are needed by
    /// none, unless they are younger.
    fn list_blobs(&self, header: Header, name: &str) -> Result<()> {
        let (mut writer, mut list) = (Writer::default(), Vec::new());
        writer.write(&Frame::Header(header), &mut list)?;
        for (folder, blobs) in &self.data.blobs {
            for id in blobs.list()? {
                writer.write(&Frame::Blob { folder: (*folder).into(), id: id.to_string() }, &mut list)?;
            }
        }
        writer.write(&Frame::End, &mut list)?;
        self.target.put(name, &mut &list[..]).map_err(Error::io("a list of blobs could not be put into the archive"))
    }

    /// From now on, no blob comes or goes unnoticed; those wait that are there and not in the archive, or in it from before the last
    /// backup, which does not list them: they came again since, and must not be taken for old.
    fn follow_blobs(&mut self, base: Option<&Base>) -> Result<()> {
        self.blobs.clear();
        let list = base.map(|base| list_of(&base.name));
        // Without a list, all are put again, which does no harm.
        let listed = list.map(|list| listed_blobs(&*self.target, &list).unwrap_or_default());
        let listed: Option<HashSet<String>> =
            listed.map(|blobs| blobs.into_iter().map(|(folder, id)| format!("blobs/{folder}/{id}")).collect());
        for (name, blobs) in &self.data.blobs {
            let (added, hold) = (blobs.follow(), blobs.hold());
            let prefix = format!("blobs/{name}/");
            let known = self.target.list(&prefix).map_err(Error::io("the archive's blobs cannot be listed"))?;
            let known =
                known.iter().filter(|object| listed.as_ref().is_none_or(|listed| listed.contains(&object.name)));
            let known: HashSet<BlobId> =
                known.filter_map(|object| object.name.strip_prefix(&prefix)?.parse().ok()).collect();
            let waiting = blobs.list()?.into_iter().filter(|id| !known.contains(id)).collect();
            self.blobs.push(Folder { added, waiting, _hold: hold });
        }
        Ok(())
    }

    fn ship_blobs(&mut self) -> Result<()> {
        for ((name, blobs), folder) in self.data.blobs.iter().zip(&mut self.blobs) {
            // Held before it is looked for what came: what is deleted from here on is deleted in a later round.
            let hold = blobs.hold();
            while let Ok(id) = folder.added.try_recv() {
                folder.waiting.push(id);
            }
            while let Some(id) = folder.waiting.last() {
                match blobs.open_file(id) {
                    Ok(file) => {
                        let mut content = Verified::new(file, *id);
                        let put = self.target.put(&format!("blobs/{name}/{id}"), &mut content);
                        match content.failure() {
                            // There is nothing to archive, and no use in waiting for it.
                            Some(reason) => {
                                tracing::error!(folder = name, %id, reason, "a damaged blob is not archived")
                            }
                            None => put.map_err(Error::io("a blob could not be put into the archive"))?,
                        }
                    }
                    // Deleted since by somebody who was sure that nothing names it.
                    Err(blob::Error::NotFound(_)) => {}
                    Err(error) => return Err(error.into()),
                }
                folder.waiting.pop();
            }
            folder._hold = hold;
        }
        Ok(())
    }
}

impl Part {
    /// The part that goes on after batch `sequence`.
    fn new(history: u64, sequence: u64, time: Timestamp) -> Result<Part> {
        let (mut writer, mut bytes) = (Writer::default(), Vec::new());
        let header = Header { format: FORMAT_VERSION, history: format!("{history:016x}"), sequence, time };
        writer.write(&Frame::Header(header), &mut bytes)?;
        Ok(Part { name: log_name(history, sequence + 1), writer, bytes })
    }
}

/// Counts what is read.
struct Counted<'a, R> {
    source: &'a mut R,
    bytes: u64,
}

impl<R: std::io::Read> std::io::Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(out)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
