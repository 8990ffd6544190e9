//! Files as the engine sees them: the real ones of a folder here, simulated ones that fail on purpose in its tests.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

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

    /// Whether a thread may sync a file while another writes to it: not where everything must happen in one order.
    fn is_concurrent(&self) -> bool;
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

    fn is_concurrent(&self) -> bool {
        true
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

/// After so many written bytes the tree's file is synced: a transaction's writes reach the disk while the rest of it is made,
/// and no other fsync has to wait for more than that.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;

/// The tree's file, as redb wants it.
#[derive(Debug)]
pub(crate) struct TreeFile {
    file: Arc<dyn DiskFile>,
    unsynced: AtomicU64,
    /// Whether there may be a sync in the background, and the one there is.
    concurrent: bool,
    behind: Mutex<Option<JoinHandle<io::Result<()>>>>,
    /// A sync failed: what it should have written may be lost, and later ones would not say so.
    failed: AtomicBool,
}

impl TreeFile {
    pub fn new(file: Arc<dyn DiskFile>, concurrent: bool) -> TreeFile {
        let (unsynced, failed) = (AtomicU64::new(0), AtomicBool::new(false));
        TreeFile { file, unsynced, concurrent, behind: Mutex::default(), failed }
    }

    /// Syncs what is written so far: in the background, where that is possible, after the last such sync has ended.
    fn sync_behind(&self) -> io::Result<()> {
        if !self.concurrent {
            return self.sync_data();
        }
        self.unsynced.store(0, Ordering::Relaxed);
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        self.join(behind.take())?;
        let file = Arc::clone(&self.file);
        *behind = Some(thread::Builder::new().name("kv-sync".into()).spawn(move || file.sync())?);
        Ok(())
    }

    fn join(&self, behind: Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
        let ended = behind.map_or(Ok(Ok(())), JoinHandle::join);
        self.check(ended.unwrap_or_else(|_| Err(io::Error::other("the thread that syncs panicked"))))
    }

    fn check(&self, synced: io::Result<()>) -> io::Result<()> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(io::Error::other("an earlier sync failed"));
        }
        synced.inspect_err(|_| self.failed.store(true, Ordering::Relaxed))
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
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.join(behind)?;
        self.check(self.file.sync())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)?;
        let written = data.len() as u64;
        if self.unsynced.fetch_add(written, Ordering::Relaxed) + written >= SYNC_BYTES {
            self.sync_behind()?;
        }
        Ok(())
    }
}
