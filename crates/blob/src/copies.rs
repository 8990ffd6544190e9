//! What those need who copy blobs while others come and go: deletes that wait, and word of what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::{BlobId, Blobs, Result, failed};

/// The folder with an empty file for each blob whose delete waits, so that it is deleted even if the process ends before.
pub(crate) const DELETED: &str = "deleted";

#[derive(Default)]
pub(crate) struct Copies {
    next_hold: u64,
    /// The holds that are there, by when they began.
    holds: BTreeSet<u64>,
    /// What was deleted meanwhile, with the hold that came next: those before it must be gone first.
    deleted: BTreeMap<BlobId, u64>,
    pub followers: Vec<mpsc::UnboundedSender<BlobId>>,
}

/// As long as it is there, no blob that was there when it began, or came since, is deleted. Then those go that should have gone
/// meanwhile, unless a hold that is as old still waits; later ones do not matter, so holds may follow each other without a gap.
pub struct Hold {
    blobs: Blobs,
    number: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut copies = self.blobs.copies();
        copies.holds.remove(&self.number);
        let oldest = copies.holds.first().copied().unwrap_or(u64::MAX);
        let free: Vec<BlobId> = copies.deleted.iter().filter(|(_, next)| **next <= oldest).map(|(id, _)| *id).collect();
        for id in free {
            copies.deleted.remove(&id);
            if let Err(error) = self.blobs.remove(&id) {
                tracing::warn!(%error, %id, "a deleted blob stays behind until the next start");
            }
        }
    }
}

impl Blobs {
    /// Holds back deletes.
    pub fn hold(&self) -> Hold {
        let mut copies = self.copies();
        let number = copies.next_hold;
        copies.next_hold += 1;
        copies.holds.insert(number);
        Hold { blobs: self.clone(), number }
    }

    /// Every blob that is put from now on, again or for the first time, once it is durable.
    pub fn follow(&self) -> mpsc::UnboundedReceiver<BlobId> {
        let (follower, added) = mpsc::unbounded_channel();
        self.copies().followers.push(follower);
        added
    }

    pub(crate) fn copies(&self) -> MutexGuard<'_, Copies> {
        self.0.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the blob is to be deleted later, when somebody holds that back; says whether.
    pub(crate) fn hold_back(&self, id: &BlobId) -> Result<bool> {
        let mut copies = self.copies();
        if copies.holds.is_empty() {
            return Ok(false);
        }
        let (note, next) = (self.note(id), copies.next_hold);
        // Need not be durable: should the machine fail now, a blob stays that nobody needs.
        fs::create_dir_all(self.0.dir.join(DELETED))
            .and_then(|()| File::create(&note))
            .map_err(failed("noting", &note))?;
        copies.deleted.insert(*id, next);
        Ok(true)
    }

    /// The blob is needed again. Says whether a note of its delete was taken back, which must be durable before the blob is
    /// named: the next start would delete it.
    pub(crate) fn forget_delete(&self, id: &BlobId) -> Result<bool> {
        let mut copies = self.copies();
        if copies.deleted.remove(id).is_none() {
            return Ok(false);
        }
        let note = self.note(id);
        fs::remove_file(&note).map_err(failed("removing", &note))?;
        Ok(true)
    }

    /// Deletes what was to be deleted: for the start, when nobody holds that back.
    pub(crate) fn finish_deletes(&self) -> Result<()> {
        let folder = self.0.dir.join(DELETED);
        let notes = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            notes => notes.map_err(failed("listing", &folder))?,
        };
        for note in notes {
            let name = note.map_err(failed("listing", &folder))?.file_name();
            if let Ok(id) = name.to_string_lossy().parse() {
                self.remove(&id).map_err(failed("removing", &self.path(&id)))?;
            }
        }
        Ok(())
    }

    /// Removes the blob, and then the note of that.
    fn remove(&self, id: &BlobId) -> io::Result<()> {
        for path in [self.path(id), self.note(id)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn note(&self, id: &BlobId) -> PathBuf {
        self.0.dir.join(DELETED).join(id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    async fn two() -> (tempfile::TempDir, Blobs, BlobId, BlobId) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).await.unwrap();
        let one = blobs.put(Bytes::from_static(b"one")).await.unwrap();
        let two = blobs.put(Bytes::from_static(b"two")).await.unwrap();
        (dir, blobs, one, two)
    }

    #[tokio::test]
    async fn deletes_wait_for_copies_and_spare_what_comes_back() {
        let (_dir, blobs, one, two) = two().await;
        let mut added = blobs.follow();
        let (hold, other) = (blobs.hold(), blobs.hold());
        blobs.delete(&one).await.unwrap();
        blobs.delete(&two).await.unwrap();
        drop(hold);
        assert_eq!(blobs.list().unwrap().len(), 2);
        blobs.put(Bytes::from_static(b"two")).await.unwrap();
        assert_eq!(added.try_recv(), Ok(two));
        drop(other);
        assert_eq!(blobs.list().unwrap(), [two]);
        blobs.delete(&two).await.unwrap();
        assert!(blobs.list().unwrap().is_empty());
    }

    #[tokio::test]
    async fn holds_that_follow_each_other_do_not_hold_back_for_ever() {
        let (_dir, blobs, one, two) = two().await;
        let first = blobs.hold();
        blobs.delete(&one).await.unwrap();
        let second = blobs.hold();
        blobs.delete(&two).await.unwrap();
        drop(first);
        assert_eq!(blobs.list().unwrap(), [two]);
        let _third = blobs.hold();
        drop(second);
        assert!(blobs.list().unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_was_to_be_deleted_goes_at_the_next_start() {
        let (dir, blobs, one, two) = two().await;
        // As when the process is killed.
        std::mem::forget(blobs.hold());
        blobs.delete(&one).await.unwrap();
        blobs.delete(&two).await.unwrap();
        blobs.put(Bytes::from_static(b"two")).await.unwrap();
        assert_eq!(blobs.list().unwrap().len(), 2);
        let again = Blobs::open(dir.path()).await.unwrap();
        assert_eq!(again.list().unwrap(), [two]);
        assert_eq!(fs::read_dir(dir.path().join(DELETED)).unwrap().count(), 0);
    }
}
