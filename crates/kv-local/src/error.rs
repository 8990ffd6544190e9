//! Why a store could not be opened.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Damage, FORMAT_VERSION};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another cloudlet is using {}: stop it, or choose another data folder", path.display())]
    InUse { path: PathBuf },
    #[error(
        "{} is in format {found}, written by a newer release of cloudlet; this one reads formats up to {FORMAT_VERSION}: \
         use the newer release",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
    /// Part of the log cannot be read, although later parts were written.
    #[error(
        "{} cannot be opened without losing acknowledged writes: {damage}. A backup or an archive may have them; \
         what would be lost without one, `cloudlet repair --data {}` says",
        path.display(), path.display()
    )]
    Damaged { path: PathBuf, damage: Damage },
    /// Not a store, damaged, or on a disk that fails.
    #[error("{} cannot be read as a store: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{} cannot be used as a data folder: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Error {
    pub(crate) fn unreadable(path: &Path, error: impl Into<redb::Error>) -> Error {
        Error::Unreadable { path: path.to_owned(), reason: error.into().to_string() }
    }
}
