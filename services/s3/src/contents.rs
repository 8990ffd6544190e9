//! The bytes of objects: small ones in the store, others in files, each kept once under its hash for all that refer to it.
//!
//! A file is there before a transaction names it. The transaction counts its references; with the last of them goes the file,
//! which a collector deletes. What a crash leaves behind that nothing refers to, the collector finds when the server starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blob::{BlobId, Blobs, Draft, Hold};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use kv::Read;
use service::{Body, Broken, Upload};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio_util::io::ReaderStream;

use crate::digests::{Digested, Digests};
use crate::error::Error;
use crate::keys::{CONTENTS, REFERENCES, blob_key};
use crate::limits;
use crate::model::content;
use crate::range::Span;
use crate::types::{Content, ContentId};

/// The files, and who is about to name some of them.
pub struct Contents {
    blobs: Blobs,
    pins: Arc<Pins>,
    /// Held while it is decided that a file is deleted, and while one is pinned.
    gate: AsyncMutex<()>,
}

/// Files that are there and that no transaction names yet.
#[derive(Default)]
struct Pins {
    held: Mutex<HashMap<BlobId, usize>>,
    /// Files whose pin went without a transaction that named them.
    suspects: Mutex<Vec<BlobId>>,
    rung: Notify,
}

/// A file that stays while this is held: until the transaction that names it is durable.
pub struct Pinned {
    pub id: BlobId,
    pins: Arc<Pins>,
    named: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pinned {
    /// A transaction names it now.
    pub fn named(mut self) {
        self.named = true;
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut held = locked(&self.pins.held);
        if let Some(count) = held.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.id);
            }
        }
        drop(held);
        if !self.named {
            locked(&self.pins.suspects).push(self.id);
            self.pins.rung.notify_one();
        }
    }
}

/// A body that has come, and is durable unless it is small.
pub struct Received {
    pub size: u64,
    pub digested: Digested,
    pub place: Place,
}

pub enum Place {
    /// Small enough for the store: the transaction brings it there.
    Small(Bytes),
    File(Pinned),
}

impl Contents {
    pub fn new(blobs: Blobs) -> Contents {
        Contents { blobs, pins: Arc::default(), gate: AsyncMutex::default() }
    }

    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Takes a body of at most `most` bytes; those over `small` go to a file, in bounded memory.
    ///
    /// # Errors
    /// When it does not come, is too long, or is not what its digests say. Nothing of it is left then.
    pub async fn receive(
        &self,
        mut body: Upload,
        mut digests: Digests,
        small: usize,
        most: u64,
    ) -> Result<Received, Error> {
        if let Some(size) = body.length.filter(|size| *size > most) {
            return Err(Error::EntityTooLarge { size, most });
        }
        let (mut size, mut held, mut draft) = (0, BytesMut::new(), None);
        while let Some(piece) = body.next().await? {
            size += piece.len() as u64;
            if size > most {
                return Err(Error::EntityTooLarge { size, most });
            }
            digests.update(&piece);
            if draft.is_none() && held.len() + piece.len() <= small {
                held.extend_from_slice(&piece);
                continue;
            }
            let file = self.draft_for(&mut draft, &held).await?;
            file.write(&piece).await?;
        }
        if draft.is_none() && small == 0 {
            self.draft_for(&mut draft, &held).await?;
        }
        let digested = digests.finish(Some(&body))?;
        let place = match draft {
            None => Place::Small(held.freeze()),
            Some(draft) => Place::File(self.publish(draft).await?),
        };
        Ok(Received { size, digested, place })
    }

    /// The file, which begins with what was held until now.
    async fn draft_for<'d>(&self, draft: &'d mut Option<Draft>, held: &[u8]) -> Result<&'d mut Draft, Error> {
        if draft.is_none() {
            let mut file = self.blobs.draft().await?;
            file.write(held).await?;
            return Ok(draft.insert(file));
        }
        draft.as_mut().ok_or_else(|| Error::Told(service::Error::internal("a draft is not there")))
    }

    async fn publish(&self, draft: Draft) -> Result<Pinned, Error> {
        let staged = draft.finish().await?;
        let pinned = self.pin(staged.id()).await;
        staged.publish().await?;
        Ok(pinned)
    }

    async fn pin(&self, id: BlobId) -> Pinned {
        let _decided = self.gate.lock().await;
        *locked(&self.pins.held).entry(id).or_default() += 1;
        Pinned { id, pins: self.pins.clone(), named: false }
    }

    /// Deletes a file unless something refers to it or is about to.
    ///
    /// # Errors
    /// When the store or the folder cannot be read.
    pub async fn collect(&self, db: &kv::Db, id: BlobId) -> Result<bool, Error> {
        let _deciding = self.gate.lock().await;
        if locked(&self.pins.held).contains_key(&id) {
            return Ok(false);
        }
        // What let go of its pin is durable: a snapshot shows it.
        let referred = REFERENCES.contains(&db.read()?, blob_key(&id))?;
        if !referred {
            self.blobs.delete(&id).await?;
        }
        Ok(true)
    }

    /// Files that nobody named; empty for most.
    pub fn suspects(&self) -> Vec<BlobId> {
        std::mem::take(&mut *locked(&self.pins.suspects))
    }

    /// Returns once there may be some.
    pub async fn suspected(&self) {
        self.pins.rung.notified().await;
    }

    /// Keeps every file that is there now, or comes, while it is held.
    pub fn hold(&self) -> Hold {
        self.blobs.hold()
    }

    /// Bytes of an object, to be sent. Those of parts need a `hold` that was there before the object was found.
    ///
    /// # Errors
    /// [`blob::Error::NotFound`] where the object was replaced meanwhile.
    pub async fn open(
        &self,
        read: &impl Read,
        content: &Content,
        span: Span,
        hold: Option<Hold>,
    ) -> Result<Body, Error> {
        match content {
            Content::Nothing => Ok(Body::from(Bytes::new())),
            Content::Inline(id) => Contents::inline(read, id, span),
            Content::Blob(id) => self.file(id, span).await,
            Content::Parts { id, .. } => {
                let files = content::files(read, *id, span)?;
                Ok(self.files(files, hold.unwrap_or_else(|| self.hold())))
            }
        }
    }

    /// Bytes of an object that are in the store.
    fn inline(read: &impl Read, id: &ContentId, span: Span) -> Result<Body, Error> {
        let bytes =
            CONTENTS.get(read, id)?.ok_or_else(|| kv::Error::corrupt("an object", "its bytes are not there"))?;
        let (from, to) =
            (usize::try_from(span.from).unwrap_or(usize::MAX), usize::try_from(span.end()).unwrap_or(usize::MAX));
        if from > to || to > bytes.len() {
            return Err(kv::Error::corrupt("an object", "it is shorter than its size").into());
        }
        Ok(Body::from(bytes.slice(from..to)))
    }

    /// Bytes of a file.
    async fn file(&self, id: &BlobId, span: Span) -> Result<Body, Error> {
        let pieces = read_file(self.blobs.clone(), *id, span).await?;
        Ok(Body::sized(pieces, size_of(span.length)))
    }

    /// Bytes of files, one after the other, each opened when its turn comes. None of them goes while `hold` is there.
    fn files(&self, files: Vec<(BlobId, Span)>, hold: Hold) -> Body {
        let (blobs, length) = (self.blobs.clone(), files.iter().map(|(_, span)| span.length).sum());
        let pieces = stream::iter(files).then(move |(id, span)| {
            let blobs = blobs.clone();
            async move {
                read_file(blobs, id, span).await.map_err(|error| {
                    tracing::error!(%error, %id, "a part of an object cannot be read");
                    Broken
                })
            }
        });
        Body::sized(pieces.try_flatten(), size_of(length)).keeping(hold)
    }
}

/// Objects are smaller than what a process can address.
fn size_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

async fn read_file(
    blobs: Blobs,
    id: BlobId,
    span: Span,
) -> Result<impl futures_util::Stream<Item = Result<Bytes, Broken>> + Send, blob::Error> {
    let mut file = blobs.reader(&id).await?;
    file.set_max_buf_size(limits::CHUNK_BYTES);
    let sought = file.seek(std::io::SeekFrom::Start(span.from)).await;
    sought.map_err(|source| blob::Error::Io { action: "seeking in", path: id.to_string().into(), source })?;
    let pieces = ReaderStream::with_capacity(file.take(span.length), limits::CHUNK_BYTES);
    Ok(pieces.map_err(move |error| {
        tracing::error!(%error, %id, "an object cannot be read to its end");
        Broken
    }))
}
