//! A blob while it is written: it gets its name when it is complete, and leaves nothing behind when it is given up.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::{BlobId, Blobs, Result, failed};

/// Bytes that are gathered before they are handed to the file.
const BUFFER_BYTES: usize = 512 * 1024;

/// A blob that grows. Dropped, it is gone.
pub struct Draft {
    blobs: Blobs,
    file: File,
    temporary: Temporary,
    sha256: Sha256,
    size: u64,
    buffer: Vec<u8>,
}

/// A blob whose bytes are on the device, and that has no name yet. Dropped, it is gone.
pub struct Staged {
    blobs: Blobs,
    temporary: Temporary,
    id: BlobId,
    size: u64,
}

/// A file that goes with its owner.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It has its name by now, or nobody wants it; opening the folder cleans up again.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Blobs {
    /// Begins a blob.
    pub async fn draft(&self) -> Result<Draft> {
        let number = self.0.next_temp.fetch_add(1, Ordering::Relaxed);
        let temporary = Temporary(self.0.dir.join("tmp").join(number.to_string()));
        let file = File::create_new(&temporary.0).await.map_err(failed("making", &temporary.0))?;
        Ok(Draft { blobs: self.clone(), file, temporary, sha256: Sha256::new(), size: 0, buffer: Vec::new() })
    }
}

impl Draft {
    /// Appends `bytes`, in bounded memory.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.sha256.update(bytes);
        self.size += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        self.file.write_all(&self.buffer).await.map_err(failed("writing", &self.temporary.0))?;
        self.buffer.clear();
        Ok(())
    }

    /// Brings all of it to the device.
    pub async fn finish(mut self) -> Result<Staged> {
        self.flush().await?;
        // The file's own buffer is a task of its own, whose failure only this tells.
        self.file.flush().await.map_err(failed("writing", &self.temporary.0))?;
        self.file.sync_all().await.map_err(failed("syncing", &self.temporary.0))?;
        let Draft { blobs, temporary, sha256, size, .. } = self;
        Ok(Staged { blobs, temporary, id: BlobId(sha256.finalize().into()), size })
    }
}

impl Staged {
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it has, to look at before it gets its name; for threads that may wait.
    pub fn open_file(&self) -> Result<std::fs::File> {
        std::fs::File::open(&self.temporary.0).map_err(failed("opening", &self.temporary.0))
    }

    /// Gives it its name; durable when this returns.
    pub async fn publish(self) -> Result<BlobId> {
        self.blobs.publish(&self.temporary.0, &self.id).await?;
        Ok(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_published_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).await.unwrap();
        let files = || std::fs::read_dir(dir.path().join("tmp")).unwrap().count();
        let mut draft = blobs.draft().await.unwrap();
        draft.write(&vec![7; BUFFER_BYTES + 1]).await.unwrap();
        assert_eq!(files(), 1);
        drop(draft);
        let mut draft = blobs.draft().await.unwrap();
        draft.write(b"ab").await.unwrap();
        draft.write(b"c").await.unwrap();
        let staged = draft.finish().await.unwrap();
        assert_eq!((staged.id(), staged.size(), files()), (BlobId::of(b"abc"), 3, 1));
        assert!(blobs.list().unwrap().is_empty());
        assert_eq!(std::io::read_to_string(staged.open_file().unwrap()).unwrap(), "abc");
        let id = staged.publish().await.unwrap();
        assert_eq!((blobs.get(&id).await.unwrap().as_ref(), files()), (&b"abc"[..], 0));
        let mut given_up = blobs.draft().await.unwrap();
        given_up.write(b"x").await.unwrap();
        drop(given_up.finish().await.unwrap());
        assert_eq!((blobs.list().unwrap(), files()), (vec![id], 0));
    }
}
