//! Files as the engine sees them: the real ones of a folder here, simulated ones that fail on purpose in its tests.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

    /// Waits a moment for room to be made; `false` when that is hopeless.
    fn wait_for_room(&self) -> bool;

    /// Whether a thread may sync a file while another writes to it: not where everything must happen in one order.
    fn is_concurrent(&self) -> bool;
}

/// Whether it is room that is missing: that may come back.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
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

/// How soon to look again whether there is room.
const ROOM_PAUSE: Duration = Duration::from_millis(50);

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

    fn wait_for_room(&self) -> bool {
        std::thread::sleep(ROOM_PAUSE);
        true
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
