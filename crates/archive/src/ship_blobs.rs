//! Blobs on their way into an archive.

use std::collections::HashSet;
use std::io;

use blob::{BlobId, Blobs, Follower, Hold, Verified};

use crate::layout::{Base, list_of};
use crate::moment::listed_blobs;
use crate::{Data, Error, Result, Target};

/// The folders of blobs, in the order of [`Data::blobs`]. What was deleted and may not be archived yet stays when this is dropped,
/// until another archives it.
pub(crate) struct Followed(Vec<Folder>);

struct Folder {
    /// Word of those that came since.
    added: Follower,
    /// Those found at the start, and the one that could not be archived.
    waiting: Vec<BlobId>,
    /// Whether all that are there must be looked at, which were not told one by one.
    look: bool,
    /// Keeps them from being deleted before they are archived.
    hold: Option<Hold>,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            hold.leave();
        }
    }
}

impl Followed {
    /// From now on, no blob comes or goes unnoticed.
    pub fn new(data: &Data) -> Followed {
        let folder = |blobs: &Blobs| Folder {
            added: blobs.follow(),
            hold: Some(blobs.hold()),
            waiting: Vec::new(),
            look: false,
        };
        Followed(data.blobs.iter().map(|(_, blobs)| folder(blobs)).collect())
    }

    /// Nobody archives them here: what is deleted goes.
    pub fn give_up(mut self) {
        self.0.iter_mut().for_each(|folder| drop(folder.hold.take()));
    }

    /// Finds those that are there and not in the archive, or in it from before its last backup `base`, which does not list them: they
    /// came again since, and must not be taken for old.
    pub fn find(&mut self, data: &Data, target: &dyn Target, base: Option<&Base>) -> Result<()> {
        let list = base.map(|base| list_of(&base.name));
        // Without a list, all are put again, which does no harm.
        let listed = list.map(|list| listed_blobs(target, &list).unwrap_or_default());
        let listed: Option<HashSet<String>> =
            listed.map(|blobs| blobs.into_iter().map(|(folder, id)| object(&folder, &id)).collect());
        for ((name, blobs), folder) in data.blobs.iter().zip(&mut self.0) {
            let wanted = |name: &str| listed.as_ref().is_none_or(|listed| listed.contains(name));
            folder.waiting = absent(blobs, name, target, wanted)?;
            folder.look = false;
        }
        Ok(())
    }

    /// Puts those there that came since, and lets those go that were deleted before.
    pub fn ship(&mut self, data: &Data, target: &dyn Target) -> Result<()> {
        for ((name, blobs), folder) in data.blobs.iter().zip(&mut self.0) {
            // Held before it is looked for what came: what is deleted from here on is deleted in a later round.
            let hold = blobs.hold();
            folder.look |= folder.added.missed();
            if folder.look {
                folder.waiting = absent(blobs, name, target, |_| true)?;
                folder.look = false;
            }
            while let Some(id) = folder.waiting.pop().or_else(|| folder.added.next()) {
                if let Err(error) = put(blobs, name, id, target) {
                    folder.waiting.push(id);
                    return Err(error);
                }
            }
            folder.hold = Some(hold);
        }
        Ok(())
    }
}

fn object(folder: &str, id: &impl std::fmt::Display) -> String {
    format!("blobs/{folder}/{id}")
}

/// The blobs that the archive does not have, or not as is `wanted` of an object's name.
fn absent(blobs: &Blobs, folder: &str, target: &dyn Target, wanted: impl Fn(&str) -> bool) -> Result<Vec<BlobId>> {
    let prefix = format!("blobs/{folder}/");
    let known = target.list(&prefix).map_err(Error::io("the archive's blobs cannot be listed"))?;
    let known = known.iter().filter(|object| wanted(&object.name));
    let known: HashSet<BlobId> = known.filter_map(|object| object.name.strip_prefix(&prefix)?.parse().ok()).collect();
    Ok(blobs.list()?.into_iter().filter(|id| !known.contains(id)).collect())
}

fn put(blobs: &Blobs, folder: &str, id: BlobId, target: &dyn Target) -> Result<()> {
    let file = match blobs.open_file(&id) {
        Ok(file) => file,
        // Deleted since by somebody who was sure that nothing names it.
        Err(blob::Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut content = Verified::new(file, id);
    let put = target.put(&object(folder, &id), &mut content);
    match content.failure() {
        // There is nothing to archive, and no use in waiting for it.
        Some(failure) if failure.kind == io::ErrorKind::InvalidData => {
            let reason = &failure.reason;
            tracing::error!(folder, %id, reason, "a damaged blob is not archived");
            Ok(())
        }
        // It may be read another time.
        Some(failure) => {
            let error = io::Error::new(failure.kind, failure.reason.clone());
            Err(Error::io(format!("blob {id} of {folder} cannot be read"))(error))
        }
        None => put.map_err(Error::io("a blob could not be put into the archive")),
    }
}
