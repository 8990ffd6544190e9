//! Code of functions and layers: kept as blobs, and unpacked once per content into a folder that is only a cache.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use blob::{BlobId, Blobs};
use kv::{Db, Order};
use service::Body;
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::archive;
use crate::error::Error;
use crate::keys::{LAYERS, VERSIONS};
use crate::types::Code;

/// Names the boot of the host during which the cache was filled.
const BOOT_FILE: &str = "boot";

pub struct CodeStore {
    pub blobs: Blobs,
    /// A folder for each package, named by its hash.
    dir: PathBuf,
    next_temp: std::sync::atomic::AtomicU64,
    /// Held while a package is stored and not yet named by a committed value; the sweep waits for that.
    storing: RwLock<()>,
    /// What the last sweep found unused.
    unused: Mutex<HashSet<BlobId>>,
}

/// A package on its way into the store: keep it until the transaction that names it has committed.
pub struct Stored<'a> {
    pub code: Code,
    _storing: RwLockReadGuard<'a, ()>,
}

impl CodeStore {
    /// Opens the folder. A crash of the host may have left half of a file in it, a crash of the server cannot: what
    /// an earlier boot has left is dropped, and unpacked again when it is needed.
    pub fn open(blobs: Blobs, dir: PathBuf) -> io::Result<CodeStore> {
        let dir = std::path::absolute(dir)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let known = fs::read_to_string(dir.join(BOOT_FILE)).unwrap_or_default();
        if boot.is_empty() || boot != known {
            archive::remove(&dir)?;
        }
        let temporary = dir.join("tmp");
        if let Err(error) = archive::remove(&temporary) {
            // It takes room, and nothing else: new packages get other names.
            tracing::warn!(%error, path = %temporary.display(), "what an earlier server was unpacking was not removed");
        }
        fs::create_dir_all(&temporary)?;
        fs::write(dir.join(BOOT_FILE), boot)?;
        let (next_temp, storing, unused) = Default::default();
        Ok(CodeStore { blobs, dir, next_temp, storing, unused })
    }

    /// Stores and unpacks a package, of a size that the caller has looked at.
    pub async fn store(&self, mut zip: Body) -> Result<Stored<'_>, Error> {
        let storing = self.storing.read().await;
        let mut draft = self.blobs.draft().await?;
        while let Some(piece) = zip.next().await {
            draft.write(&piece.map_err(|error| Error::Internal(error.to_string()))?).await?;
        }
        let staged = draft.finish().await?;
        let (blob, bytes) = (staged.id(), staged.size());
        // What cannot be unpacked is not worth a name.
        let unpacked_bytes = self.unpack(blob, staged.open_file()?).await?;
        staged.publish().await?;
        Ok(Stored { code: Code { blob, bytes, unpacked_bytes }, _storing: storing })
    }

    /// The folder with the unpacked package.
    pub async fn folder(&self, code: &Code) -> Result<PathBuf, Error> {
        let folder = self.dir.join(code.blob.to_string());
        if !tokio::fs::try_exists(&folder).await.map_err(failed)? {
            self.unpack(code.blob, self.blobs.open_file(&code.blob)?).await?;
        }
        Ok(folder)
    }

    /// An empty folder that nobody else has.
    fn temporary(&self) -> io::Result<PathBuf> {
        loop {
            let number = self.next_temp.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let folder = self.dir.join("tmp").join(number.to_string());
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|()| folder),
            }
        }
    }

    async fn unpack(&self, blob: BlobId, zip: File) -> Result<u64, Error> {
        let (temp, folder) = (self.temporary().map_err(failed)?, self.dir.join(blob.to_string()));
        let unpacked = tokio::task::spawn_blocking(move || {
            let unpacked =
                archive::unpack(BufReader::new(zip), &temp).and_then(|bytes| publish(&temp, &folder).map(|()| bytes));
            if unpacked.is_err()
                && let Err(error) = archive::remove(&temp)
            {
                tracing::warn!(%error, path = %temp.display(), "a package that was refused was not removed");
            }
            unpacked
        });
        unpacked.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    /// Removes code that nothing has referred to since the sweep before this one. Gives the folders that are gone.
    pub async fn sweep(&self, db: &Db) -> Result<Vec<PathBuf>, Error> {
        let _no_storing = self.storing.write().await;
        let used: HashSet<BlobId> = named_code(db)?.into_iter().map(|(id, _)| id).collect();
        // Of packages that were brought back, or unpacked before the host's last boot, there is a blob and no folder.
        let mut unused: HashSet<BlobId> = self.blobs.list()?.into_iter().filter(|id| !used.contains(id)).collect();
        for entry in fs::read_dir(&self.dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            unused.extend(name.to_str().and_then(|name| name.parse::<BlobId>().ok()).filter(|id| !used.contains(id)));
        }
        let before = {
            let mut known = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *known, unused.clone())
        };
        let mut gone = Vec::new();
        for id in unused.intersection(&before) {
            self.blobs.delete(id).await?;
            let folder = self.dir.join(id.to_string());
            gone.push(folder.clone());
            let removed = tokio::task::spawn_blocking(move || archive::remove(&folder)).await;
            removed.map_err(|error| Error::Internal(error.to_string()))?.map_err(failed)?;
        }
        Ok(gone)
    }
}

/// Gives a complete folder its name. When another upload was faster with the same content, its folder is as good.
fn publish(temp: &Path, folder: &Path) -> Result<(), Error> {
    match fs::rename(temp, folder) {
        Err(_) if folder.is_dir() => archive::remove(temp).map_err(failed),
        Err(error) => Err(failed(error)),
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).map_err(failed),
    }
}

/// All code that a version or a layer refers to, and what refers to it; the same code comes once for each.
///
/// # Errors
/// When the store cannot be read.
pub fn named_code(db: &Db) -> Result<Vec<(BlobId, String)>, Error> {
    let read = db.read()?;
    let mut named = Vec::new();
    for row in VERSIONS.scan(&read, Order::Forward)? {
        let ((region, function, number), version) = row?;
        let version_name = if number == 0 { "$LATEST".to_owned() } else { number.to_string() };
        let function = format!("function {function}:{version_name} in {region}");
        named.extend(version.layers.iter().map(|layer| (layer.code.blob, format!("{} of {function}", layer.arn))));
        named.push((version.code.blob, function));
    }
    for row in LAYERS.scan(&read, Order::Forward)? {
        let ((region, layer, number), version) = row?;
        named.push((version.code.blob, format!("layer {layer}:{number} in {region}")));
    }
    Ok(named)
}

fn failed(error: io::Error) -> Error {
    Error::Internal(format!("the folder for code: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use bytes::Bytes;
    use kv::Memory;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip(content: &str) -> Bytes {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("index.py", SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
        zip.finish().unwrap().into_inner().into()
    }

    fn package(content: &str) -> Body {
        zip(content).into()
    }

    #[tokio::test]
    async fn code_is_unpacked_once_and_again_when_the_cache_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs")).await.unwrap();
        let store = CodeStore::open(blobs.clone(), dir.path().join("code")).unwrap();
        let (first, again) = (store.store(package("1")).await.unwrap(), store.store(package("1")).await.unwrap());
        assert_eq!(first.code, again.code);
        let folder = store.folder(&first.code).await.unwrap();
        assert_eq!(fs::read_to_string(folder.join("index.py")).unwrap(), "1");
        // As after another boot of the host.
        fs::write(dir.path().join("code").join(BOOT_FILE), "before").unwrap();
        let reopened = CodeStore::open(blobs, dir.path().join("code")).unwrap();
        assert!(!folder.exists());
        assert_eq!(reopened.folder(&first.code).await.unwrap(), folder);
        assert_eq!(fs::read_to_string(folder.join("index.py")).unwrap(), "1");
    }

    #[tokio::test]
    async fn unused_code_leaves_whether_it_is_unpacked_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs")).await.unwrap();
        let store = CodeStore::open(blobs.clone(), dir.path().join("code")).unwrap();
        blobs.put(zip("1")).await.unwrap();
        let db = Db::open(Memory::default());
        store.sweep(&db).await.unwrap();
        store.sweep(&db).await.unwrap();
        assert!(blobs.list().unwrap().is_empty());
    }

    #[tokio::test]
    async fn unused_code_leaves_at_the_second_sweep() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs")).await.unwrap();
        let store = CodeStore::open(blobs.clone(), dir.path().join("code")).unwrap();
        let code = store.store(package("1")).await.unwrap().code;
        let folder = store.folder(&code).await.unwrap();
        let db = Db::open(Memory::default());
        assert!(store.sweep(&db).await.unwrap().is_empty());
        assert!(folder.exists() && blobs.exists(&code.blob).await.unwrap());
        assert_eq!(store.sweep(&db).await.unwrap(), std::slice::from_ref(&folder));
        assert!(!folder.exists() && !blobs.exists(&code.blob).await.unwrap());
    }

    #[tokio::test]
    async fn what_cannot_be_cleaned_up_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path().join("blobs")).await.unwrap();
        let store = CodeStore::open(blobs, dir.path().join("code")).unwrap();
        let left = dir.path().join("code/tmp/0");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("left"), "").unwrap();
        let code = store.store(package("1")).await.unwrap().code;
        let folder = store.folder(&code).await.unwrap();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
        assert!(left.join("left").exists());
    }
}
