//! What those need who copy blobs while others come and go: deletes that wait, and word of what is new.
//!
//! A delete that waits is a file, so what is in memory does not grow with their number.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{BlobId, Blobs, Result, failed};

/// The folder with a note for each blob whose delete waits, so that it is deleted even if the process ends before. A note is a
/// file named as the blob, with the number of the hold that came next: those before it must be gone first.
pub(crate) const DELETED: &str = "deleted";

/// New blobs that a follower is told one by one while it does not listen.
const TOLD_MAX: usize = 4096;

#[derive(Default)]
pub(crate) struct Copies {
    /// The first hold that may let go what is noted: above the numbers in notes of earlier processes, and of holds that left.
    first_hold: u64,
    next_hold: u64,
    /// The holds that are there, by when they began.
    holds: BTreeSet<u64>,
    held: Held,
    followers: Vec<Teller>,
}

/// Deleted blobs that somebody holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub blobs: u64,
    /// The room they take on disk.
    pub bytes: u64,
}

impl std::ops::Add for Held {
    type Output = Held;

    fn add(self, other: Held) -> Held {
        Held { blobs: self.blobs + other.blobs, bytes: self.bytes + other.bytes }
    }
}

/// As long as it is there, no blob that was there when it began, or came since, is deleted. Then those go that should have gone
/// meanwhile, unless a hold that is as old still waits; later ones do not matter, so holds may follow each other without a gap.
pub struct Hold {
    blobs: Blobs,
    number: u64,
}

impl Hold {
    /// Ends without letting go what is held back: that goes with the next hold that begins, of this process or another.
    pub fn leave(self) {
        let mut copies = self.blobs.copies();
        copies.first_hold = copies.next_hold;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut copies = self.blobs.copies();
        copies.holds.remove(&self.number);
        let oldest = copies.holds.first().copied().unwrap_or(u64::MAX);
        if oldest < self.number || self.number < copies.first_hold || copies.held.blobs == 0 {
            return;
        }
        if let Err(error) = self.blobs.let_go(&mut copies, oldest) {
            tracing::warn!(%error, "deleted blobs stay behind for now");
        }
    }
}

/// Tells of every blob that is put, again or for the first time, once it is durable.
pub struct Follower {
    told: mpsc::Receiver<BlobId>,
    missed: Arc<AtomicBool>,
}

struct Teller {
    told: mpsc::Sender<BlobId>,
    missed: Arc<AtomicBool>,
}

impl Follower {
    /// Whether so many came that some are not told: whoever wants all must list them. What comes from here on is told again.
    pub fn missed(&mut self) -> bool {
        self.missed.swap(false, Ordering::SeqCst)
    }
}

impl Iterator for Follower {
    type Item = BlobId;

    /// The next blob, if one has come.
    fn next(&mut self) -> Option<BlobId> {
        self.told.try_recv().ok()
    }
}

impl Teller {
    /// Says whether somebody still listens.
    fn tell(&self, id: BlobId) -> bool {
        match self.told.try_send(id) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.missed.store(true, Ordering::SeqCst);
                true
            }
            Err(TrySendError::Closed(_)) => false,
        }
    }
}

impl Copies {
    pub fn tell(&mut self, id: BlobId) {
        self.followers.retain(|follower| follower.tell(id));
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

    /// Word of every blob that is put from now on.
    pub fn follow(&self) -> Follower {
        let ((teller, told), missed) = (mpsc::channel(TOLD_MAX), Arc::new(AtomicBool::new(false)));
        self.copies().followers.push(Teller { told: teller, missed: Arc::clone(&missed) });
        Follower { told, missed }
    }

    /// What is deleted and still there, since somebody holds it back.
    pub fn held(&self) -> Held {
        self.copies().held
    }

    /// Deletes what an earlier process was to delete and held back. Until then, or until the first hold ends, it is there:
    /// somebody may still have to copy it.
    pub fn finish_deletes(&self) {
        drop(self.hold());
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
        let Ok(blob) = fs::metadata(self.path(id)) else { return Ok(false) };
        let note = self.note(id);
        let known = note.exists();
        // Need not be durable: should the machine fail now, a blob stays that nobody needs.
        fs::create_dir_all(self.0.dir.join(DELETED))
            .and_then(|()| fs::write(&note, copies.next_hold.to_string()))
            .map_err(failed("noting", &note))?;
        if !known {
            copies.held = copies.held + Held { blobs: 1, bytes: blob.len() };
        }
        Ok(true)
    }

    pub(crate) fn is_held_back(&self, id: &BlobId) -> bool {
        self.copies().held.blobs > 0 && self.note(id).exists()
    }

    /// The blob is needed again. Says whether a note of its delete was taken back, which must be durable before the blob is
    /// named: a later start would delete it.
    pub(crate) fn forget_delete(&self, id: &BlobId) -> Result<bool> {
        let mut copies = self.copies();
        if copies.held.blobs == 0 {
            return Ok(false);
        }
        let (note, bytes) = (self.note(id), self.bytes(id));
        match fs::remove_file(&note) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            removed => removed.map_err(failed("removing", &note))?,
        }
        copies.held.forget(bytes);
        Ok(true)
    }

    /// Finds the notes of an earlier process.
    pub(crate) fn find_deletes(&self) -> Result<()> {
        let (mut held, mut last) = (Held::default(), 0);
        for (id, number) in self.notes()? {
            held = held + Held { blobs: 1, bytes: self.bytes(&id) };
            last = last.max(number);
        }
        let mut copies = self.copies();
        (copies.first_hold, copies.next_hold, copies.held) = (last + 1, last + 1, held);
        Ok(())
    }

    /// The blobs whose delete waits, and the number of the hold that came next.
    fn notes(&self) -> Result<Vec<(BlobId, u64)>> {
        let folder = self.0.dir.join(DELETED);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed("listing", &folder))?,
        };
        let mut notes = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed("listing", &folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // One that was not written whole is of an earlier process.
            let number = fs::read_to_string(&path).ok().and_then(|number| number.parse().ok()).unwrap_or(0);
            notes.extend(name.parse().ok().map(|id| (id, number)));
        }
        Ok(notes)
    }

    /// Deletes what waits for no hold but those before `oldest`.
    fn let_go(&self, copies: &mut Copies, oldest: u64) -> Result<()> {
        for (id, next) in self.notes()? {
            // What was left waits for one hold more.
            if next.max(copies.first_hold + 1) > oldest {
                continue;
            }
            let bytes = self.bytes(&id);
            match self.remove(&id) {
                Ok(()) => copies.held.forget(bytes),
                Err(error) => tracing::warn!(%error, %id, "a deleted blob stays behind for now"),
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

    fn bytes(&self, id: &BlobId) -> u64 {
        fs::metadata(self.path(id)).map_or(0, |blob| blob.len())
    }

    fn note(&self, id: &BlobId) -> PathBuf {
        self.0.dir.join(DELETED).join(id.to_string())
    }
}

impl Held {
    /// One blob less.
    fn forget(&mut self, bytes: u64) {
        (self.blobs, self.bytes) = (self.blobs.saturating_sub(1), self.bytes.saturating_sub(bytes));
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
        assert_eq!((added.next(), added.next(), added.missed()), (Some(two), None, false));
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
    async fn what_was_to_be_deleted_goes_in_the_next_process_once_it_is_copied() {
        let (dir, blobs, one, two) = two().await;
        let (one_hold, other_hold) = (blobs.hold(), blobs.hold());
        blobs.delete(&one).await.unwrap();
        blobs.delete(&two).await.unwrap();
        blobs.put(Bytes::from_static(b"two")).await.unwrap();
        one_hold.leave();
        drop(other_hold);
        assert_eq!(blobs.list().unwrap().len(), 2);
        let again = Blobs::open(dir.path()).await.unwrap();
        assert_eq!(again.held(), Held { blobs: 1, bytes: 3 });
        let (first, second) = (again.hold(), again.hold());
        drop(second);
        assert!(again.open_file(&one).is_ok() && !again.exists(&one).await.unwrap(), "not copied yet");
        drop(first);
        assert_eq!(again.list().unwrap(), [two]);
        assert_eq!((again.held(), fs::read_dir(dir.path().join(DELETED)).unwrap().count()), (Held::default(), 0));
    }

    #[tokio::test]
    async fn deletes_without_end_take_no_memory_and_are_counted() {
        let (dir, blobs, one, _) = two().await;
        let hold = blobs.hold();
        for number in 0..50_u8 {
            let id = blobs.put(Bytes::from(vec![number; 10])).await.unwrap();
            blobs.delete(&id).await.unwrap();
            blobs.delete(&id).await.unwrap();
        }
        blobs.delete(&BlobId::of(b"nobody has it")).await.unwrap();
        assert_eq!(blobs.held(), Held { blobs: 50, bytes: 500 });
        blobs.put(Bytes::from(vec![7; 10])).await.unwrap();
        assert_eq!(blobs.held(), Held { blobs: 49, bytes: 490 });
        hold.leave();
        let again = Blobs::open(dir.path()).await.unwrap();
        assert_eq!(again.held(), Held { blobs: 49, bytes: 490 });
        again.finish_deletes();
        assert_eq!((again.held(), again.list().unwrap().len()), (Held::default(), 3));
        assert!(again.exists(&one).await.unwrap());
    }

    #[tokio::test]
    async fn a_follower_that_does_not_listen_is_told_that_it_missed_some() {
        let (_dir, blobs, one, two) = two().await;
        let mut follower = blobs.follow();
        for _ in 0..TOLD_MAX {
            blobs.copies().tell(one);
        }
        assert!(!follower.missed());
        blobs.copies().tell(two);
        assert!(follower.missed() && !follower.missed());
        assert_eq!(follower.by_ref().filter(|id| *id == one).count(), TOLD_MAX);
        drop(follower);
        blobs.copies().tell(one);
        assert!(blobs.copies().followers.is_empty());
    }
}
