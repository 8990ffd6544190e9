//! Files as the engine sees them: the real ones of a folder here, simulated ones that fail on purpose in its tests.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::StorageBackend;

/// A folder of files.
pub(crate) trait Disk: Debug + Send + Sync + 'static {
    /// Opens `name`, made empty when it is not there.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    fn names(&self) -> io::Result<Vec<String>>;

    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the names that files were given and lost durable.
    fn sync_names(&self) -> io::Result<()>;

    /// Bytes that files may still grow by.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// A file; what is written to it is durable after the next `sync`.
pub(crate) trait DiskFile: Debug + Send + Sync + 'static {
    fn len(&self) -> io::Result<u64>;

    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] past the end.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    fn set_len(&self, length: u64) -> io::Result<()>;

    fn sync(&self) -> io::Result<()>;
}

/// A folder of the host.
#[derive(Debug)]
pub(crate) struct Folder(pub PathBuf);

impl Disk for Folder {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let options = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).clone();
        Ok(Arc::new(options.open(self.0.join(name))?))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.0.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.0)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl DiskFile for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(out, offset)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_all_at(data, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// After so many written bytes the tree's file is synced, so that no other fsync has to wait for more than that.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// The tree's file, as redb wants it.
#[derive(Debug)]
pub(crate) struct TreeFile {
    file: Arc<dyn DiskFile>,
    unsynced: AtomicU64,
}

impl TreeFile {
    pub fn new(file: Arc<dyn DiskFile>) -> TreeFile {
        TreeFile { file, unsynced: AtomicU64::new(0) }
    }
}

impl StorageBackend for TreeFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.unsynced.store(0, Ordering::Relaxed);
        self.file.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)?;
        let written = data.len() as u64;
        if self.unsynced.fetch_add(written, Ordering::Relaxed) + written >= SYNC_BYTES {
            self.sync_data()?;
        }
        Ok(())
    }
}
