//! The folder that a store lives in: who may use it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::Error;

const CLAIM_NAME: &str = "lock";

/// Makes the folder, if need be, and claims it for as long as the file that is returned stays open.
pub(crate) fn claim(folder: &Path) -> Result<File, Error> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    let claim = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(folder.join(CLAIM_NAME));
    let claim = claim.map_err(io)?;
    match claim.try_lock() {
        Ok(()) => Ok(claim),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}
