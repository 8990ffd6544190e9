//! What the store's values name of the blobs: so that a copy that lacks one can say what that costs.

use std::collections::BTreeMap;

use archive::Broken;
use blob::BlobId;
use kv::Db;

use super::stacks;

/// By folder and id: what names the blob.
pub struct Named(BTreeMap<(String, BlobId), Vec<String>>);

impl Named {
    /// # Errors
    /// When the store, or the state of a stack in it, cannot be read.
    pub fn find(db: &Db) -> anyhow::Result<Named> {
        let mut named: BTreeMap<_, Vec<String>> = BTreeMap::new();
        let all = [
            ("code", lambda::named_code(db)?),
            ("packages", stacks::named_packages(db)?),
            ("objects", s3::named_files(db)?),
        ];
        for (folder, blobs) in all {
            for (id, user) in blobs {
                named.entry((folder.to_owned(), id)).or_default().push(user);
            }
        }
        Ok(Named(named))
    }

    pub fn blobs(&self) -> Vec<(String, BlobId)> {
        self.0.keys().cloned().collect()
    }

    /// What names a blob; nothing, when it is not needed.
    pub fn users(&self, broken: &Broken) -> &[String] {
        self.0.get(&(broken.folder.clone(), broken.id)).map(Vec::as_slice).unwrap_or_default()
    }
}
