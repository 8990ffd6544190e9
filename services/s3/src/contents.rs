//! The bytes of objects: small ones in the store, others in files, each kept once under its hash for all that refer to it.
//! All of them are sealed (see [`crate::sealed`]), but for those of earlier releases.
//!
//! A file is there before a transaction names it. The transaction counts its references; with the last of them goes the file,
//! which a collector deletes. What a crash leaves behind that nothing refers to, the collector finds when the server starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blob::{BlobId, Blobs, Draft, Hold, Staged};
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use kv::Read;
use service::{Body, Broken, Upload};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio_util::io::ReaderStream;
use vault::{BodyKey, Key};

use crate::digests::{Digested, Digests};
use crate::error::Error;
use crate::keys::{CONTENTS, REFERENCES, blob_key};
use crate::limits;
use crate::model::content::{self, NewContent};
use crate::range::Span;
use crate::sealed::{self, Opener, Sealer};
use crate::types::{Content, ContentId, Object};

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
    /// Small enough for the store: the transaction brings it there. Sealed, unless it is empty.
    Small(Bytes),
    File(Pinned),
}

impl Place {
    /// What a transaction is to put into its place, under this name where it is small; and what keeps it until then.
    pub fn into_content(self, id: ContentId) -> (NewContent, Option<Pinned>) {
        match self {
            Place::Small(bytes) => (NewContent::Small(id, bytes), None),
            Place::File(pinned) => (NewContent::Blob(pinned.id), Some(pinned)),
        }
    }
}

/// A file that is sealed while it is written.
struct Writer {
    draft: Draft,
    sealer: Sealer,
}

impl Writer {
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while let Some(chunk) = self.sealer.update(&mut bytes)? {
            self.draft.write(&chunk).await?;
            // Of a body that is there as a whole, however large: others have their turn in between.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Staged, Error> {
        self.draft.write(&self.sealer.finish()?).await?;
        Ok(self.draft.finish().await?)
    }
}

/// Whether a body goes to a file, or may still be small.
enum Begun {
    No(Box<BodyKey>),
    Yes(Box<Writer>),
}

/// Bytes of a file, and what opens them where they are sealed.
pub struct Piece {
    pub file: BlobId,
    pub span: Span,
    /// Of all bytes in the file, before they were sealed.
    pub size: u64,
    pub name: Option<ContentId>,
}

impl Contents {
    pub fn new(blobs: Blobs) -> Contents {
        Contents { blobs, pins: Arc::default(), gate: AsyncMutex::default() }
    }

    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Takes a body of at most `most` bytes, and seals it; those over `small` go to a file, in bounded memory.
    ///
    /// # Errors
    /// When it does not come, is too long, or is not what its digests say. Nothing of it is left then.
    pub async fn receive(
        &self,
        mut body: Upload,
        mut digests: Digests,
        key: BodyKey,
        small: usize,
        most: u64,
    ) -> Result<Received, Error> {
        if let Some(size) = body.length.filter(|size| *size > most) {
            return Err(Error::EntityTooLarge { size, most });
        }
        let (mut size, mut held, mut begun) = (0, BytesMut::new(), Begun::No(Box::new(key)));
        while let Some(piece) = body.next().await? {
            size += piece.len() as u64;
            if size > most {
                return Err(Error::EntityTooLarge { size, most });
            }
            digests.take(piece.clone()).await;
            if matches!(begun, Begun::No(_)) && held.len() + piece.len() <= small {
                held.extend_from_slice(&piece);
                continue;
            }
            let mut writer = self.begin(begun, &held).await?;
            writer.write(&piece).await?;
            begun = Begun::Yes(writer);
        }
        if small == 0 {
            begun = Begun::Yes(self.begin(begun, &held).await?);
        }
        let digested = digests.finish(Some(&body))?;
        let place = match begun {
            Begun::No(_) if held.is_empty() => Place::Small(Bytes::new()),
            Begun::No(key) => Place::Small(sealed::seal(*key, &held)?),
            Begun::Yes(writer) => Place::File(self.publish(writer).await?),
        };
        Ok(Received { size, digested, place })
    }

    /// The file, which begins with what was held until now.
    async fn begin(&self, begun: Begun, held: &[u8]) -> Result<Box<Writer>, Error> {
        match begun {
            Begun::Yes(writer) => Ok(writer),
            Begun::No(key) => {
                let mut writer = Writer { draft: self.blobs.draft().await?, sealer: Sealer::new(*key) };
                writer.write(held).await?;
                Ok(Box::new(writer))
            }
        }
    }

    async fn publish(&self, writer: Box<Writer>) -> Result<Pinned, Error> {
        let staged = writer.finish().await?;
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

    /// Whether a file is about to be named.
    pub fn is_pinned(&self, id: &BlobId) -> bool {
        locked(&self.pins.held).contains_key(id)
    }

    /// Bytes of an object, to be sent, with the `key` that its seal has. Those of parts need a `hold` that was there before the
    /// object was found.
    ///
    /// # Errors
    /// [`blob::Error::NotFound`] where the object was replaced meanwhile.
    pub async fn open(
        &self,
        read: &impl Read,
        object: &Object,
        key: Option<&Key>,
        span: Span,
        hold: Option<Hold>,
    ) -> Result<Body, Error> {
        let name = object.seal.as_ref().map(|seal| seal.name);
        match &object.content {
            Content::Nothing => Ok(Body::from(Bytes::new())),
            Content::Inline(id) => sliced(&Contents::inline(read, id, body_key(key, name)?)?, span),
            Content::Blob(file) => {
                let piece = Piece { file: *file, span, size: object.size, name };
                let pieces = read_file(self.blobs.clone(), piece, key.cloned()).await?;
                Ok(Body::sized(pieces, size_of(span.length)))
            }
            Content::Parts { id, .. } => {
                let files = content::files(read, *id, span)?;
                Ok(self.files(files, key.cloned(), hold.unwrap_or_else(|| self.hold())))
            }
        }
    }

    /// The bytes of an object that are in the store.
    ///
    /// # Errors
    /// When they are not there, or do not open.
    pub fn inline(read: &impl Read, id: &ContentId, key: Option<BodyKey>) -> Result<Bytes, Error> {
        let bytes =
            CONTENTS.get(read, id)?.ok_or_else(|| kv::Error::corrupt("an object", "its bytes are not there"))?;
        match key {
            Some(key) => Ok(sealed::open(&key, &bytes)?),
            None => Ok(bytes),
        }
    }

    /// Bytes of files, one after the other, each opened when its turn comes. None of them goes while `hold` is there.
    fn files(&self, files: Vec<Piece>, key: Option<Key>, hold: Hold) -> Body {
        let (blobs, length) = (self.blobs.clone(), files.iter().map(|piece| piece.span.length).sum());
        let pieces = stream::iter(files).then(move |piece| {
            let (blobs, key, id) = (blobs.clone(), key.clone(), piece.file);
            async move {
                read_file(blobs, piece, key).await.map_err(|error| {
                    tracing::error!(%error, %id, "a part of an object cannot be read");
                    Broken
                })
            }
        });
        Body::sized(pieces.try_flatten(), size_of(length)).keeping(hold)
    }
}

/// Some of the bytes of an object that are there.
fn sliced(bytes: &Bytes, span: Span) -> Result<Body, Error> {
    let (from, to) = (size_of(span.from), size_of(span.end()));
    if from > to || to > bytes.len() {
        return Err(kv::Error::corrupt("an object", "it is shorter than its size").into());
    }
    Ok(Body::from(bytes.slice(from..to)))
}

/// Objects are smaller than what a process can address.
fn size_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What opens the bytes of this name; nothing, where they are not sealed.
///
/// # Errors
/// When they are, and there is no key.
pub fn body_key(key: Option<&Key>, name: Option<ContentId>) -> Result<Option<BodyKey>, Error> {
    match (key, name) {
        (_, None) => Ok(None),
        (Some(key), Some(name)) => Ok(Some(BodyKey::new(key, &name)?)),
        (None, Some(_)) => Err(kv::Error::corrupt("an object", "its bytes are sealed, and it has no key").into()),
    }
}

type Pieces = BoxStream<'static, Result<Bytes, Broken>>;

async fn read_file(blobs: Blobs, piece: Piece, key: Option<Key>) -> Result<Pieces, Error> {
    match body_key(key.as_ref(), piece.name)? {
        Some(key) => Ok(read_sealed(blobs, piece, key).await?.boxed()),
        None => Ok(read_unsealed(blobs, piece.file, piece.span).await?.boxed()),
    }
}

async fn read_sealed(
    blobs: Blobs,
    piece: Piece,
    key: BodyKey,
) -> Result<impl Stream<Item = Result<Bytes, Broken>> + Send, Error> {
    let id = piece.file;
    let begun = waiting(move || {
        let file = blobs.open_file(&id)?;
        let opened = Opener::new(file, key, piece.size, piece.span);
        opened.map_err(|source| blob::Error::Io { action: "seeking in", path: id.to_string().into(), source })
    });
    let opener = begun.await??;
    let pieces = stream::try_unfold(opener, |mut opener| async move {
        let read = waiting(move || {
            let mut chunks: Vec<std::io::Result<Bytes>> = Vec::with_capacity(limits::CHUNKS_PER_READ);
            while chunks.len() < limits::CHUNKS_PER_READ {
                let Some(chunk) = opener.next()? else { break };
                chunks.push(Ok(chunk));
            }
            Ok::<_, std::io::Error>((chunks, opener))
        });
        let (chunks, opener) = read.await.map_err(std::io::Error::other)??;
        Ok::<_, std::io::Error>((!chunks.is_empty()).then(|| (stream::iter(chunks), opener)))
    });
    Ok(pieces.try_flatten().map_err(move |error: std::io::Error| {
        tracing::error!(%error, %id, "an object cannot be read to its end");
        Broken
    }))
}

/// What waits for the disk, on a thread for that.
async fn waiting<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, service::Error> {
    tokio::task::spawn_blocking(read).await.map_err(service::Error::internal)
}

/// Bytes of a file of an earlier release.
async fn read_unsealed(
    blobs: Blobs,
    id: BlobId,
    span: Span,
) -> Result<impl Stream<Item = Result<Bytes, Broken>> + Send, blob::Error> {
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
