//! What the archiver does in each round: new blobs, then new batches, and a new backup when it is time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use kv::Entry;

use crate::archiver::Options;
use crate::format::{FORMAT_VERSION, Frame, Header, Writer};
use crate::layout::{Base, History, base_name, list_of, log_name};
use crate::lease::Lease;
use crate::moment::{self, last_entry};
use crate::ship_blobs::Followed;
use crate::{Backup, Data, Error, Result, Target};

/// A part of the log with so many bytes is done; shorter ones are written again, longer.
const PART_BYTES: usize = 1024 * 1024;
/// A new backup is made once the log after the last one has so many bytes, and no fewer than the backup: what has to be read
/// to bring back a moment stays in proportion.
const BASE_AFTER_BYTES: u64 = 1024 * 1024 * 1024;

/// What the archiver knows.
pub(crate) struct Shipper {
    data: Data,
    target: Arc<dyn Target>,
    lease: Lease,
    /// That of the lease.
    generation: u32,
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
    /// `None`: this server does not archive.
    blobs: Option<Followed>,
}

struct Part {
    name: String,
    writer: Writer,
    bytes: Vec<u8>,
}

impl Shipper {
    /// From now on, no blob comes or goes unnoticed.
    pub fn new(data: Data, target: Arc<dyn Target>, options: Options) -> Shipper {
        let (sequence, part, last_base, first, pruned) = Default::default();
        let lease = Lease::new(data.clone(), Arc::clone(&target), options.pace);
        Shipper {
            blobs: Some(Followed::new(&data)),
            data,
            target,
            lease,
            generation: 0,
            sequence,
            part,
            since_base: 0,
            base_bytes: 0,
            last_base,
            first,
            keep: options.keep,
            pruned,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.data.env.now()
    }

    /// The last batch that is archived, once that is known.
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// The first moment that can be brought back.
    pub fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Says in the archive that this server has ended.
    pub fn release(&mut self) -> Result<()> {
        self.lease.release()
    }

    /// Archives everything that is durable.
    pub fn round(&mut self) -> Result<()> {
        let outcome = self.ship_all();
        if outcome.as_ref().is_err_and(Error::is_final) {
            // Nothing is kept for an archive that this server does not go on with.
            if let Some(blobs) = self.blobs.take() {
                blobs.give_up();
            }
            self.data.journal.release(u64::MAX);
        }
        outcome
    }

    fn ship_all(&mut self) -> Result<()> {
        let (data, target) = (&self.data, &*self.target);
        let (generation, new) = self.lease.hold(|| {
            let found = found(target, data)?;
            check(data, &found, target)?;
            Ok(found.generation)
        })?;
        if new {
            (self.generation, self.sequence, self.part) = (generation, None, None);
        }
        let mut sequence = match self.sequence {
            Some(sequence) => sequence,
            None => self.begin()?,
        };
        let durable = self.data.journal.durable()?;
        self.ship_blobs()?;
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

    fn ship_blobs(&mut self) -> Result<()> {
        self.blobs.as_mut().map_or(Ok(()), |blobs| blobs.ship(&self.data, &*self.target))
    }

    /// How often there is a backup, and it is looked what is too old: so that what stays is at most this much more than wanted.
    fn every(&self) -> Option<Duration> {
        self.keep.map(|keep| keep / 4)
    }

    /// Removes what is too old, when that is due.
    pub fn prune(&mut self, now: Timestamp) -> Option<Result<()>> {
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
        self.first = found(&*self.target, &self.data)?.bases.iter().map(|base| base.time).min();
        Ok(())
    }

    /// Finds out what the archive has: with the first backup of this history, nothing is yet.
    fn begin(&mut self) -> Result<u64> {
        if let Err(error) = self.target.tidy() {
            tracing::warn!(%error, "what was interrupted stays in the archive");
        }
        let found = found(&*self.target, &self.data)?;
        let Some(base) = found.bases.last() else {
            self.find_blobs(None)?;
            return self.base();
        };
        self.find_blobs(Some(base))?;
        let sequence = check(&self.data, &found, &*self.target)?;
        self.last_base = (base.time, base.sequence);
        self.first = found.bases.iter().map(|base| base.time).min();
        // About: most parts have that size.
        self.since_base = (found.log.iter().filter(|part| part.first > base.sequence).count() * PART_BYTES) as u64;
        self.archived(sequence);
        Ok(sequence)
    }

    fn find_blobs(&mut self, base: Option<&Base>) -> Result<()> {
        self.blobs.as_mut().map_or(Ok(()), |blobs| blobs.find(&self.data, &*self.target, base))
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
        let name = base_name(self.data.journal.history(), time, sequence, self.generation);
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
        let (mut part, new) = match self.part.take() {
            Some(part) => (part, false),
            None => (Part::new(history, sequence, self.generation, self.data.env.now())?, true),
        };
        let before = part.bytes.len();
        for entry in &entries {
            part.writer.write(&Frame::Entry(entry.clone()), &mut part.bytes)?;
        }
        let mut whole = part.bytes.clone();
        part.writer.clone().write(&Frame::End, &mut whole)?;
        if !(new && self.create(&part.name, &whole, &entries)?) {
            self.target.put(&part.name, &mut &whole[..]).map_err(not_put)?;
        }
        self.since_base += (part.bytes.len() - before) as u64;
        if part.bytes.len() < PART_BYTES {
            self.part = Some(part);
        }
        self.archived(last);
        Ok(last)
    }

    /// Puts a part with these entries where none is; says whether that was so. What is there otherwise may be this server's, whose request
    /// failed and arrived all the same: then it is the beginning of this one. Or this machine is there twice (see `lease`), and each
    /// would put its part over the other's.
    fn create(&self, name: &str, whole: &[u8], entries: &[Entry]) -> Result<bool> {
        if self.target.create(name, whole).map_err(not_put)? {
            return Ok(true);
        }
        let there = self.target.get(name).map_err(Error::io(format!("{name} cannot be read")))?;
        let there = moment::entries(there, name)?;
        let same = there.iter().zip(entries).take_while(|(there, own)| there == own).count();
        there.get(same).map_or(Ok(false), |other| Err(Error::Diverged { sequence: other.sequence }))
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
}

fn not_put(error: io::Error) -> Error {
    Error::io("batches could not be put into the archive")(error)
}

/// What the archive has of this store's history.
fn found(target: &dyn Target, data: &Data) -> Result<History> {
    let history = format!("{:016x}", data.journal.history());
    let objects = target.list(&format!("{history}/")).map_err(Error::io("the archive cannot be listed"))?;
    let names: Vec<String> = objects.into_iter().map(|object| object.name).collect();
    Ok(History::of(&names, &history))
}

/// The last batch that is archived, when the store may go on after it: it has that batch too.
fn check(data: &Data, found: &History, target: &dyn Target) -> Result<u64> {
    let last = found.log.last().map(|part| last_entry(target, part)).transpose()?;
    let (last, entry) = last.unwrap_or_default();
    let sequence = found.bases.iter().map(|base| base.sequence).max().unwrap_or(0).max(last);
    let durable = data.journal.durable()?;
    if sequence > durable {
        return Err(Error::Ahead { archived: sequence, durable });
    }
    // One that the log does not have any more is before all that is to be archived; then there is a hole.
    if let Some(entry) = entry
        && let Some(own) = data.journal.read(entry.sequence.saturating_sub(1), 1)?
        && own.first().is_some_and(|own| *own != entry)
    {
        return Err(Error::Diverged { sequence: entry.sequence });
    }
    Ok(sequence)
}

impl Part {
    /// The part that goes on after batch `sequence`.
    fn new(history: u64, sequence: u64, generation: u32, time: Timestamp) -> Result<Part> {
        let (mut writer, mut bytes) = (Writer::default(), Vec::new());
        let header = Header { format: FORMAT_VERSION, history: format!("{history:016x}"), sequence, time };
        writer.write(&Frame::Header(header), &mut bytes)?;
        Ok(Part { name: log_name(history, sequence + 1, generation), writer, bytes })
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
