//! Copies brought back into a new data folder.

use std::fs::OpenOptions;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use base::Timestamp;
use blob::{BlobId, Blobs};
use bytes::{Buf, Bytes};
use kv::{Batch, Engine, Entry};
use tokio::io::{AsyncRead, ReadBuf};

use crate::format::{Frame, Reader};
use crate::moment::Plan;
use crate::{Error, Result, Target};

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made, or the last batch committed.
    pub moment: Timestamp,
    pub rows: u64,
    pub batches: u64,
    pub blobs: u64,
}

/// Brings a backup back into `engine` and the rest of `data`, both new.
pub async fn from_backup(source: impl Read, what: &str, engine: &dyn Engine, data: &Path) -> Result<Restored> {
    let mut reader = Reader::new(source, what);
    let header = reader.header()?;
    let mut restored = Restored { moment: header.time, rows: 0, batches: 0, blobs: 0 };
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
                blob(&mut reader, data, &folder, &id).await?
            }
            Frame::End => return Ok(restored),
            _ => return Err(reader.damaged("it does not belong there")),
        };
    }
}

/// Brings back what `plan` found in an archive.
pub async fn from_archive(target: &dyn Target, plan: &Plan, engine: &dyn Engine, data: &Path) -> Result<Restored> {
    let base = target.get(&plan.base).map_err(Error::io(format!("{} cannot be read", plan.base)))?;
    let mut restored = from_backup(base, &plan.base, engine, data).await?;
    let mut next = plan.sequence + 1;
    'log: for name in &plan.log {
        let part = target.get(name).map_err(Error::io(format!("{name} cannot be read")))?;
        let mut reader = Reader::new(part, name);
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
    for name in target.list("blobs/").map_err(Error::io("the archive's blobs cannot be listed"))? {
        let Some((folder, id)) = name.strip_prefix("blobs/").and_then(|name| name.split_once('/')) else { continue };
        let content = target.get(&name).map_err(Error::io(format!("{name} cannot be read")))?;
        store(data, folder, id, Blocking(content)).await?;
        restored.blobs += 1;
    }
    Ok(restored)
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

/// Stores the blob whose parts come next, and returns the frame after them.
async fn blob<R: Read>(reader: &mut Reader<R>, data: &Path, folder: &str, id: &str) -> Result<Frame> {
    let mut parts = Parts { reader, part: Bytes::new(), after: None };
    let stored = store(data, folder, id, Blocking(&mut parts)).await;
    match (stored, parts.after) {
        // The parts' own failure says more than that of storing them.
        (_, Some(Err(error))) | (Err(error), _) => Err(error),
        (Ok(()), Some(Ok(frame))) => Ok(frame),
        (Ok(()), None) => parts.reader.read(),
    }
}

async fn store(data: &Path, folder: &str, id: &str, content: impl AsyncRead + Unpin) -> Result<()> {
    let expected: BlobId = id.parse()?;
    let blobs = Blobs::open(data.join(checked(folder)?)).await?;
    let (stored, _) = blobs.put_reader(content).await?;
    if stored != expected {
        return Err(Error::damaged(format!("blob {id} of {folder}"), "its content is not what its name says"));
    }
    Ok(())
}

/// The content of a blob, out of its parts.
struct Parts<'a, R> {
    reader: &'a mut Reader<R>,
    part: Bytes,
    /// What came after the last part.
    after: Option<Result<Frame>>,
}

impl<R: Read> Read for Parts<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() && self.after.is_none() {
            match self.reader.read() {
                Ok(Frame::Part(part)) => self.part = part,
                other => self.after = Some(other),
            }
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
