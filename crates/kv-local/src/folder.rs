//! The folder that a store lives in: who may use it, and how its files come to be.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::{Error, Options, initialize, open_database};

const CLAIM_NAME: &str = "lock";
const TREE_NAME: &str = "tree.redb";
const NEW_TREE_NAME: &str = "tree.redb.new";

/// Makes the folder, if need be, and claims it for as long as the file that is returned stays open.
pub(crate) fn claim(folder: &Path) -> Result<File, Error> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    let claim = private_file(&folder.join(CLAIM_NAME)).map_err(io)?;
    match claim.try_lock() {
        Ok(()) => Ok(claim),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// The file of the tree, in a folder that is claimed.
///
/// A new one gets its name when it is whole: a crash before that leaves nothing that counts.
pub(crate) fn tree(folder: &Path) -> Result<PathBuf, Error> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    let (tree, new) = (folder.join(TREE_NAME), folder.join(NEW_TREE_NAME));
    if !tree.try_exists().map_err(io)? {
        private_file(&new).and_then(|file| file.set_len(0)).map_err(io)?;
        let database = open_database(&new, &Options::default())?;
        initialize(&database).map_err(|error| Error::unreadable(&new, error))?;
        drop(database);
        std::fs::rename(&new, &tree).map_err(io)?;
        // The name, too, must survive a power failure.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    }
    Ok(tree)
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)
}
