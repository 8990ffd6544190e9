//! Streamed bytes outside the store: bodies of objects and code of functions, each kept once under the SHA-256 of its content.
//!
//! A transaction may name a blob as soon as [`Blobs::put`] has returned: by then its bytes, its name and the folder
//! that holds the name are on the device. The other order would let a crash leave a committed name without bytes.

mod copies;
mod draft;
mod verify;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File};
use tokio::io::{AsyncRead, AsyncReadExt};

use copies::Copies;
pub use copies::{Follower, Held, Hold};
pub use draft::{Draft, Staged};
pub use verify::{Failure, Verified};

/// Bytes moved at a time between a reader and the file.
const CHUNK_BYTES: usize = 128 * 1024;

/// The SHA-256 of a blob's content, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId([u8; 32]);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no blob {0}")]
    NotFound(BlobId),
    #[error("'{0}' is not a blob id: 64 hexadecimal digits are expected")]
    BadId(String),
    #[error("{action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("reading the bytes of a new blob: {0}")]
    Source(io::Error),
}

pub type Result<T> = std::result::Result<T, Error>;

impl BlobId {
    /// The id that `content` has, stored or not.
    pub fn of(content: &[u8]) -> BlobId {
        BlobId(Sha256::digest(content).into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for BlobId {
    fn from(sha256: [u8; 32]) -> BlobId {
        BlobId(sha256)
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

impl FromStr for BlobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<BlobId> {
        let mut sha256 = [0; 32];
        hex::decode_to_slice(text, &mut sha256).map_err(|_| Error::BadId(text.into()))?;
        Ok(BlobId(sha256))
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<BlobId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A folder of blobs. Cheap to clone; clones share it. One process at a time owns a folder: opening it removes what an
/// interrupted writer left behind.
#[derive(Clone)]
pub struct Blobs(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    next_temp: AtomicU64,
    copies: Mutex<Copies>,
}

impl Blobs {
    /// Opens the folder, making it when it is not there. Removes unfinished writes. What an earlier process held back from being
    /// deleted stays, until [`Blobs::finish_deletes`], or until the first who holds back deletes does not any more.
    pub async fn open(dir: impl Into<PathBuf>) -> Result<Blobs> {
        let dir = dir.into();
        let temp = dir.join("tmp");
        match fs::remove_dir_all(&temp).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("cleaning", &temp)(error)),
            _ => {}
        }
        fs::create_dir_all(&temp).await.map_err(failed("making", &temp))?;
        let blobs = Blobs(Arc::new(Inner { dir, next_temp: AtomicU64::new(0), copies: Mutex::default() }));
        blobs.find_deletes()?;
        sync_folder(&blobs.0.dir).await?;
        Ok(blobs)
    }

    /// Stores `content`; durable when this returns. Storing the same content again is harmless.
    pub async fn put(&self, content: Bytes) -> Result<BlobId> {
        self.put_reader(&content[..]).await.map(|(id, _)| id)
    }

    /// Stores everything `reader` gives, in bounded memory; durable when this returns. Also tells the size in bytes.
    pub async fn put_reader(&self, mut reader: impl AsyncRead + Unpin) -> Result<(BlobId, u64)> {
        let (mut draft, mut chunk) = (self.draft().await?, vec![0; CHUNK_BYTES]);
        loop {
            let length = reader.read(&mut chunk).await.map_err(Error::Source)?;
            let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
            draft.write(bytes).await?;
        }
        let staged = draft.finish().await?;
        let size = staged.size();
        Ok((staged.publish().await?, size))
    }

    /// Gives a complete file its name, and makes the name as durable as the bytes.
    async fn publish(&self, temp: &Path, id: &BlobId) -> Result<()> {
        let folder = self.folder(id);
        if !fs::try_exists(&folder).await.map_err(failed("looking for", &folder))? {
            fs::create_dir_all(&folder).await.map_err(failed("making", &folder))?;
            sync_folder(&self.0.dir).await?;
        }
        let path = self.path(id);
        // Before it has its name: a delete that is held back must not take the new blob.
        if self.forget_delete(id)? {
            sync_folder(&self.0.dir.join(copies::DELETED)).await?;
        }
        fs::rename(temp, &path).await.map_err(failed("naming", &path))?;
        sync_folder(&folder).await?;
        self.copies().tell(*id);
        Ok(())
    }

    /// All of a blob, in memory. For large ones take [`Blobs::reader`].
    pub async fn get(&self, id: &BlobId) -> Result<Bytes> {
        let path = self.path(id);
        fs::read(&path).await.map(Bytes::from).map_err(missing(id, &path))
    }

    /// A blob as a file, to stream from or seek in.
    pub async fn reader(&self, id: &BlobId) -> Result<File> {
        let path = self.path(id);
        File::open(&path).await.map_err(missing(id, &path))
    }

    /// Whether there is such a blob: one that is deleted is not, even while somebody holds it back.
    pub async fn exists(&self, id: &BlobId) -> Result<bool> {
        if self.is_held_back(id) {
            return Ok(false);
        }
        let path = self.path(id);
        fs::try_exists(&path).await.map_err(failed("looking for", &path))
    }

    /// As [`Blobs::reader`], for threads that may wait.
    pub fn open_file(&self, id: &BlobId) -> Result<std::fs::File> {
        let path = self.path(id);
        std::fs::File::open(&path).map_err(missing(id, &path))
    }

    /// All blobs, in no order, with those whose delete is held back; for threads that may wait.
    pub fn list(&self) -> Result<Vec<BlobId>> {
        let mut ids = Vec::new();
        for folder in std::fs::read_dir(&self.0.dir).map_err(failed("listing", &self.0.dir))? {
            let folder = folder.map_err(failed("listing", &self.0.dir))?.path();
            if folder.is_dir() && !folder.ends_with(copies::DELETED) {
                ids.extend(listed(&folder)?);
            }
        }
        Ok(ids)
    }

    /// Those whose ids begin with this byte: a 256th of all, so that whoever goes through many needs not have all in memory.
    pub fn list_of(&self, first: u8) -> Result<Vec<BlobId>> {
        let folder = self.0.dir.join(hex::encode([first]));
        if folder.is_dir() { listed(&folder) } else { Ok(Vec::new()) }
    }

    /// Removes a blob, now or when nobody holds that back any more; one that is not there is no error. The caller knows that no
    /// committed value names it any more and that nobody is about to commit one that does.
    pub async fn delete(&self, id: &BlobId) -> Result<()> {
        if self.hold_back(id)? {
            return Ok(());
        }
        let path = self.path(id);
        match fs::remove_file(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removing", &path)(error)),
            _ => Ok(()),
        }
    }

    /// 256 folders, so that none grows too large to list.
    fn folder(&self, id: &BlobId) -> PathBuf {
        self.0.dir.join(hex::encode(&id.0[..1]))
    }

    fn path(&self, id: &BlobId) -> PathBuf {
        self.folder(id).join(id.to_string())
    }
}

fn listed(folder: &Path) -> Result<Vec<BlobId>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed("listing", folder))? {
        let name = entry.map_err(failed("listing", folder))?.file_name();
        // Others are no blobs: unfinished ones are named by numbers.
        ids.extend(name.to_string_lossy().parse::<BlobId>());
    }
    Ok(ids)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { action, path, source }
}

fn missing(id: &BlobId, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let (id, failed) = (*id, failed("reading", path));
    move |error| if error.kind() == io::ErrorKind::NotFound { Error::NotFound(id) } else { failed(error) }
}

async fn sync_folder(path: &Path) -> Result<()> {
    let folder = File::open(path).await.map_err(failed("opening", path))?;
    folder.sync_all().await.map_err(failed("syncing", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn blobs() -> (tempfile::TempDir, Blobs) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).await.unwrap();
        (dir, blobs)
    }

    #[tokio::test]
    async fn what_is_put_comes_back_under_its_hash() {
        let (_dir, blobs) = blobs().await;
        let id = blobs.put(Bytes::from_static(b"abc")).await.unwrap();
        // The SHA-256 of "abc", from FIPS 180-2.
        assert_eq!(id.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(blobs.get(&id).await.unwrap(), "abc");
        assert_eq!(blobs.put(Bytes::from_static(b"abc")).await.unwrap(), id);
        assert_eq!(id.to_string().parse::<BlobId>().unwrap(), id);
        assert_eq!((blobs.list_of(0xba).unwrap(), blobs.list_of(0xbb).unwrap()), (vec![id], vec![]));
        blobs.delete(&id).await.unwrap();
        blobs.delete(&id).await.unwrap();
        assert!(!blobs.exists(&id).await.unwrap());
        assert!(matches!(blobs.get(&id).await, Err(Error::NotFound(missing)) if missing == id));
    }

    #[tokio::test]
    async fn streams_are_stored_whole() {
        let (_dir, blobs) = blobs().await;
        let content: Vec<u8> = (0..CHUNK_BYTES * 3 + 7).map(|i| (i % 251) as u8).collect();
        let (id, size) = blobs.put_reader(&content[..]).await.unwrap();
        assert_eq!((id, size), (BlobId::of(&content), content.len() as u64));
        let mut read = Vec::new();
        blobs.reader(&id).await.unwrap().read_to_end(&mut read).await.unwrap();
        assert_eq!(read, content);
    }

    #[tokio::test]
    async fn an_interrupted_write_leaves_nothing() {
        let (dir, blobs) = blobs().await;
        let broken = broken_reader();
        assert!(matches!(blobs.put_reader(broken).await, Err(Error::Source(_))));
        assert_eq!(std::fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
        std::fs::write(dir.path().join("tmp/left"), "half").unwrap();
        Blobs::open(dir.path()).await.unwrap();
        assert!(!dir.path().join("tmp/left").exists());
    }

    /// A reader that gives some bytes and then fails.
    fn broken_reader() -> impl AsyncRead + Unpin {
        struct Broken(bool);
        impl AsyncRead for Broken {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<io::Result<()>> {
                if std::mem::replace(&mut self.0, true) {
                    return std::task::Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                buffer.put_slice(b"some");
                std::task::Poll::Ready(Ok(()))
            }
        }
        Broken(false)
    }
}
