//! A backup being made, while the server goes on: what a snapshot sees, then the blobs it may name.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Bound;
use std::sync::Arc;

use blob::{BlobId, Hold, Verified};
use bytes::Bytes;
use kv::{Batch, KeyRange, Order, Snapshot};

use crate::format::{FORMAT_VERSION, Frame, Header, Writer};
use crate::{Broken, Data, Error, Result};

/// The rows of one frame, in bytes.
const ROWS_BYTES: usize = 1024 * 1024;
/// The part of a blob in one frame, in bytes.
const PART_BYTES: usize = 1024 * 1024;

/// Gives the bytes of a backup, a megabyte or so at a time. Blobs that are deleted meanwhile go when it is dropped.
pub struct Backup {
    data: Data,
    header: Header,
    snapshot: Arc<dyn Snapshot>,
    holds: Vec<Hold>,
    stage: Stage,
    writer: Writer,
    /// Of what was given last, what its reader has not taken yet.
    rest: Bytes,
    broken: Vec<Broken>,
}

/// A blob that is being read.
struct Open {
    folder: &'static str,
    id: BlobId,
    content: Verified<File>,
}

enum Stage {
    Header,
    /// The rows from this key on.
    Rows(Bound<Bytes>),
    /// Blobs to come, and the one that is being read.
    Blobs(VecDeque<(usize, BlobId)>, Option<Box<Open>>),
    Ended,
}

impl Backup {
    /// A backup of this moment.
    pub fn start(data: &Data) -> Result<Backup> {
        // In this order: what the snapshot names is not deleted any more.
        let holds = data.blobs.iter().map(|(_, blobs)| blobs.hold()).collect();
        let (snapshot, sequence) = data.journal.snapshot()?;
        let history = format!("{:016x}", data.journal.history());
        let header = Header { format: FORMAT_VERSION, history, sequence, time: data.journal.now()? };
        let (data, stage) = (data.clone(), Stage::Header);
        Ok(Backup {
            data,
            header,
            snapshot,
            holds,
            stage,
            writer: Writer::default(),
            rest: Bytes::new(),
            broken: Vec::new(),
        })
    }

    /// A backup that leaves blobs out.
    pub(crate) fn without_blobs(mut self) -> Backup {
        self.data.blobs.clear();
        self.holds.clear();
        self
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The blobs that were found damaged so far: the backup says so of them, and has everything else.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// The next bytes; `None` at the end.
    pub fn next_bytes(&mut self) -> Result<Option<Bytes>> {
        let mut out = Vec::new();
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Header => {
                self.writer.write(&Frame::Header(self.header.clone()), &mut out)?;
                self.files(&mut out)?;
                self.stage = Stage::Rows(Bound::Unbounded);
            }
            Stage::Rows(from) => self.rows(from, &mut out)?,
            Stage::Blobs(to_come, open) => self.blob(to_come, open, &mut out)?,
            Stage::Ended => return Ok(None),
        }
        Ok(Some(out.into()))
    }

    fn files(&mut self, out: &mut Vec<u8>) -> Result<()> {
        for path in &self.data.files {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match fs::read(path) {
                Ok(content) => self.writer.write(&Frame::File { name, content: content.into() }, out)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::io(format!("{} cannot be read", path.display()))(error)),
            }
        }
        Ok(())
    }

    fn rows(&mut self, from: Bound<Bytes>, out: &mut Vec<u8>) -> Result<()> {
        let range = KeyRange::new(from.as_ref().map(|key| &key[..]), Bound::Unbounded);
        let (mut batch, mut last) = (Batch::new(), None);
        for row in self.snapshot.scan(range, Order::Forward)? {
            let (key, value) = row?;
            last = Some(key.clone());
            batch.put(key, value);
            if batch.bytes() >= ROWS_BYTES {
                break;
            }
        }
        self.stage = match last {
            Some(last) => {
                let mut bytes = Vec::new();
                batch.encode(&mut bytes);
                self.writer.write(&Frame::Rows(bytes.into()), out)?;
                Stage::Rows(Bound::Excluded(last))
            }
            None => Stage::Blobs(self.list_blobs()?, None),
        };
        Ok(())
    }

    fn list_blobs(&self) -> Result<VecDeque<(usize, BlobId)>> {
        let mut all = VecDeque::new();
        for (index, (_, blobs)) in self.data.blobs.iter().enumerate() {
            all.extend(blobs.list()?.into_iter().map(|id| (index, id)));
        }
        Ok(all)
    }

    fn blob(
        &mut self,
        mut to_come: VecDeque<(usize, BlobId)>,
        open: Option<Box<Open>>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(mut open) = open else {
            let next = to_come.pop_front().and_then(|(index, id)| Some((self.data.blobs.get(index)?, id)));
            let Some(((folder, blobs), id)) = next else { return self.writer.write(&Frame::End, out) };
            self.writer.write(&Frame::Blob { folder: (*folder).into(), id: id.to_string() }, out)?;
            let open = match blobs.open_file(&id) {
                Ok(file) => Some(Box::new(Open { folder, id, content: Verified::new(file, id) })),
                Err(error) => {
                    self.give_up(folder, id, error.to_string(), out)?;
                    None
                }
            };
            self.stage = Stage::Blobs(to_come, open);
            return Ok(());
        };
        let mut part = Vec::new();
        let read = (&mut open.content).take(PART_BYTES as u64).read_to_end(&mut part);
        let more = match read {
            Ok(0) => false,
            Ok(_) => {
                self.writer.write(&Frame::Part(part.into()), out)?;
                true
            }
            Err(error) => {
                self.give_up(open.folder, open.id, error.to_string(), out)?;
                false
            }
        };
        self.stage = Stage::Blobs(to_come, more.then_some(open));
        Ok(())
    }

    /// Goes on without a blob that is damaged: nothing is wrong with the rest.
    fn give_up(&mut self, folder: &str, id: BlobId, reason: String, out: &mut Vec<u8>) -> Result<()> {
        tracing::error!(folder, %id, reason, "a damaged blob is left out of the backup");
        self.writer.write(&Frame::Broken(reason.clone()), out)?;
        self.broken.push(Broken { folder: folder.into(), id, reason });
        Ok(())
    }
}

impl Read for Backup {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.next_bytes().map_err(io::Error::other)? {
                Some(bytes) => self.rest = bytes,
                None => return Ok(0),
            }
        }
        let taken = self.rest.split_to(out.len().min(self.rest.len()));
        for (to, from) in out.iter_mut().zip(&taken) {
            *to = *from;
        }
        Ok(taken.len())
    }
}
