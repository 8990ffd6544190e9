//! A data folder that is being restored: under another name, with a mark in it, until it is whole.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::private::sync_parent;

/// The mark, which whoever restores has locked.
const MARK: &str = "restoring";

/// A folder that is being restored. Unless it is [finished](Restoring::finish), it goes when this is dropped.
pub struct Restoring {
    folder: PathBuf,
    into: PathBuf,
    _mark: File,
    finished: bool,
}

impl Restoring {
    /// Begins a restore into `data`, which must not be there yet. What an interrupted one left is removed: all of it comes again.
    ///
    /// # Errors
    /// When there is something in `data`, when another restore into it is running, or when nothing can be written there.
    pub fn begin(data: &Path) -> anyhow::Result<Restoring> {
        if fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()) || data.is_file() {
            bail!("{} is not empty: name a folder that is not there yet", data.display());
        }
        let Some(name) = data.file_name() else {
            bail!("{} has no name of its own: name a folder that is not there yet", data.display());
        };
        let mut name = name.to_owned();
        name.push(".unfinished");
        let folder = data.with_file_name(name);
        let mark = mark(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        match mark.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another restore into {} is running: wait until it has ended, or name another folder",
                data.display()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{} cannot be locked", folder.display()));
            }
        }
        empty(&folder).with_context(|| format!("what is in {} cannot be removed", folder.display()))?;
        Ok(Restoring { folder, into: data.to_owned(), _mark: mark, finished: false })
    }

    /// Where to restore to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives the folder its name: everything is in it.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let data = self.into.display();
        let mark = self.folder.join(MARK);
        fs::remove_file(&mark).with_context(|| format!("{} cannot be removed", mark.display()))?;
        sync_parent(&mark).with_context(|| format!("{} cannot be synced", self.folder.display()))?;
        fs::rename(&self.folder, &self.into).with_context(|| format!("{data} cannot be made"))?;
        self.finished = true;
        sync_parent(&self.into).with_context(|| format!("the folder of {data} cannot be synced"))
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        if !self.finished {
            // What failed is told; should this fail too, the mark is still there.
            let _ = empty(&self.folder).and_then(|()| fs::remove_dir_all(&self.folder));
        }
    }
}

/// Makes the folder and its mark, unless they are there.
fn mark(folder: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mark = folder.join(MARK);
    let file = File::options().create(true).append(true).mode(0o600).open(&mark)?;
    sync_parent(&mark)?;
    Ok(file)
}

/// Removes all but the mark.
fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == MARK {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

/// Refuses a folder that only a part of a copy is in.
///
/// # Errors
/// When it is one.
pub fn refuse_unfinished(data: &Path) -> anyhow::Result<()> {
    if data.join(MARK).exists() {
        bail!(
            "{} holds a restore that is running or was interrupted, so not everything is there: run `cloudlet restore` again, \
             or remove the folder",
            data.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_interrupted_is_refused_and_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let restoring = Restoring::begin(&data).unwrap();
        let unfinished = restoring.folder().to_owned();
        assert!(refuse_unfinished(&unfinished).is_err());
        let other = Restoring::begin(&data).err().unwrap().to_string();
        assert!(other.contains("another restore into") && unfinished.exists(), "{other}");
        fs::create_dir_all(unfinished.join("packages/00")).unwrap();
        // As when the process is killed.
        let Restoring { _mark: mark, .. } = &restoring;
        mark.unlock().unwrap();
        std::mem::forget(restoring);
        let again = Restoring::begin(&data).unwrap();
        assert!(!unfinished.join("packages").exists() && refuse_unfinished(&unfinished).is_err());
        fs::write(unfinished.join("row"), "").unwrap();
        again.finish().unwrap();
        assert!(data.join("row").exists() && !unfinished.exists() && refuse_unfinished(&data).is_ok());
        assert!(Restoring::begin(&data).err().unwrap().to_string().contains("is not empty"));
        drop(Restoring::begin(&folder.path().join("other")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
