//! Copies brought back into a new data folder.

use std::fs::OpenOptions;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use base::Timestamp;
use blob::{BlobId, Blobs, Verified};
use bytes::{Buf, Bytes};
use kv::{Batch, Engine, Entry};
use tokio::io::{AsyncRead, ReadBuf};

use crate::format::{Frame, Reader};
use crate::moment::Plan;
use crate::target::is_away;
use crate::{Broken, Error, Result, Target};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made, or the last batch committed.
    pub moment: Timestamp,
    pub rows: u64,
    pub batches: u64,
    pub blobs: u64,
    /// The blobs that did not.
    pub broken: Vec<Broken>,
}

/// Brings a backup back into `engine` and the rest of `data`, both new.
pub async fn from_backup(source: impl Read, what: &str, engine: &dyn Engine, data: &Path) -> Result<Restored> {
    let mut reader = Reader::new(source, what);
    let header = reader.header()?;
    let mut restored = Restored { moment: header.time, rows: 0, batches: 0, blobs: 0, broken: Vec::new() };
    let mut frame = reader.read()?;
    loop {
        frame = match frame {
            Frame::File { name, content } => {
                write_file(data, &name, &content)?;
                reader.read()?
            }
            Frame::Rows(bytes) => {
                let batch = Batch::decode(bytes).ok_or_else(|| reader.damaged("its rows cannot be read"))?;
                restored.rows += batch.writes().count() as u64;
                engine.commit(&batch)?;
                reader.read()?
            }
            Frame::Blob { folder, id } => {
                restored.blobs += 1;
                blob(&mut reader, data, &folder, &id, &mut restored.broken).await?
            }
            Frame::End => {
                restored.blobs -= restored.broken.len() as u64;
                return Ok(restored);
            }
            _ => return Err(reader.damaged("it does not belong there")),
        };
    }
}

/// Brings back the rows that `plan` found in an archive. Which blobs they name, the caller knows: see [`missing_blobs`].
pub async fn from_archive(target: &dyn Target, plan: &Plan, engine: &dyn Engine, data: &Path) -> Result<Restored> {
    let base = planned(target, &plan.base)?;
    let mut restored = from_backup(base, &plan.base, engine, data).await?;
    let mut next = plan.sequence + 1;
    'log: for (name, end) in &plan.log {
        let mut reader = Reader::new(planned(target, name)?, name);
        reader.header()?;
        loop {
            let Entry { sequence, time, batch } = match reader.read()? {
                Frame::Entry(entry) => entry,
                Frame::End => break,
                _ => return Err(reader.damaged("it does not belong there")),
            };
            if sequence < next {
                continue;
            }
            if sequence >= *end {
                break;
            }
            // Before a hole, only the moments up to its beginning are known.
            if sequence > next && plan.until.is_none_or(|until| until > restored.moment) {
                return Err(Error::Hole { after: restored.moment });
            }
            if sequence > next || plan.until.is_some_and(|until| time > until) {
                break 'log;
            }
            engine.commit(&Batch::decode(batch).ok_or_else(|| reader.damaged("its batch cannot be read"))?)?;
            next = sequence + 1;
            restored.batches += 1;
            restored.moment = restored.moment.max(time);
        }
    }
    Ok(restored)
}

/// What a plan names: it was there when the plan was made.
fn planned(target: &dyn Target, name: &str) -> Result<Box<dyn Read + Send>> {
    target.get(name).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Removed(name.to_owned()),
        _ => Error::io(format!("{name} cannot be read"))(error),
    })
}

/// Fetches the blobs that `named` tells, by folder and id, and that `data` does not have: out of `target`, when there is one.
/// Returns those that could not be had.
///
/// # Errors
/// When `data` cannot be written, or the target is out of reach: that is no damage.
pub async fn missing_blobs(
    target: Option<&dyn Target>,
    named: &[(String, BlobId)],
    data: &Path,
) -> Result<(u64, Vec<Broken>)> {
    let (mut fetched, mut broken) = (0, Vec::new());
    for (folder, id) in named {
        let blobs = Blobs::open(data.join(checked(folder)?)).await?;
        if blobs.exists(id).await? {
            continue;
        }
        let content = target.map(|target| target.get(&format!("blobs/{folder}/{id}")));
        let reason = match content {
            None => "the backup does not have it".to_owned(),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => "the archive does not have it".to_owned(),
            Some(content) => {
                let content = content.map_err(Error::io(format!("blob {id} of {folder} cannot be read")))?;
                match store(&blobs, *id, content).await.map_err(|error| named_blob(error, folder, id))? {
                    None => {
                        fetched += 1;
                        continue;
                    }
                    Some(reason) => reason,
                }
            }
        };
        broken.push(Broken { folder: folder.clone(), id: *id, reason });
    }
    Ok((fetched, broken))
}

/// Only what is plainly the name of a file: a copy may come from anywhere.
fn checked(name: &str) -> Result<&str> {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain { Ok(name) } else { Err(Error::damaged("the copy", format!("'{name}' is no name of its files"))) }
}

fn write_file(data: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = data.join(checked(name)?);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(Error::io(format!("{} cannot be written", path.display())))
}

/// Stores the blob whose parts come next, and returns the frame after them. A blob whose parts are damaged is left out.
async fn blob<R: Read>(
    reader: &mut Reader<R>,
    data: &Path,
    folder: &str,
    id: &str,
    broken: &mut Vec<Broken>,
) -> Result<Frame> {
    let id: BlobId = id.parse()?;
    let blobs = Blobs::open(data.join(checked(folder)?)).await?;
    let mut parts = Parts { reader, part: Bytes::new(), after: None };
    let reason = store(&blobs, id, &mut parts).await?;
    broken.extend(reason.map(|reason| Broken { folder: folder.into(), id, reason }));
    parts.end()
}

/// Stores a blob; returns what is wrong with `content` when that is not the blob's, or cannot be read.
async fn store(blobs: &Blobs, id: BlobId, content: impl Read + Unpin) -> Result<Option<String>> {
    let mut content = Blocking(Verified::new(content, id));
    let stored = blobs.put_reader(&mut content).await;
    match (stored, content.0.failure()) {
        (Err(error), Some(failure)) if is_away(failure.kind) => Err(error.into()),
        (_, Some(failure)) => Ok(Some(failure.reason.clone())),
        (Err(error), None) => Err(error.into()),
        (Ok(_), None) => Ok(None),
    }
}

/// What is wrong is the target, while a blob was read.
fn named_blob(error: Error, folder: &str, id: &BlobId) -> Error {
    match error {
        Error::Blob(blob::Error::Source(source)) => Error::io(format!("blob {id} of {folder} cannot be read"))(source),
        other => other,
    }
}

/// The content of a blob, out of its parts.
struct Parts<'a, R> {
    reader: &'a mut Reader<R>,
    part: Bytes,
    /// What came after the last part.
    after: Option<Result<Frame>>,
}

impl<R: Read> Parts<'_, R> {
    fn next(&mut self) -> io::Result<()> {
        match self.reader.read() {
            Ok(Frame::Part(part)) => self.part = part,
            Ok(Frame::Broken(reason)) => {
                return Err(io::Error::other(format!("it was damaged when the copy was made: {reason}")));
            }
            Err(error @ Error::Damaged { .. }) => return Err(io::Error::other(error.to_string())),
            other => self.after = Some(other),
        }
        Ok(())
    }

    /// Skips what was not read, and returns the frame after the last part.
    fn end(mut self) -> Result<Frame> {
        loop {
            match self.after.take() {
                Some(after) => return after,
                // Two damaged frames one after the other: nothing tells where the next one begins.
                None => match self.reader.read()? {
                    Frame::Part(_) | Frame::Broken(_) => {}
                    after => return Ok(after),
                },
            }
        }
    }
}

impl<R: Read> Read for Parts<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() && self.after.is_none() {
            self.next()?;
        }
        match &self.after {
            Some(Err(error)) => Err(io::Error::other(error.to_string())),
            _ => (&mut self.part).reader().read(out),
        }
    }
}

/// A reader whose waiting may hold up the thread: there is nothing else to do while a copy is brought back.
struct Blocking<R>(R);

impl<R: Read + Unpin> AsyncRead for Blocking<R> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.0.read(out.initialize_unfilled());
        Poll::Ready(read.map(|length| out.advance(length)))
    }
}
