//! Copies of everything that a server keeps: a backup in one file, and an archive that follows every commit, from which
//! any moment can be brought back.
//!
//! ```text
//! backup   header, files, rows, blobs, end              of one moment
//! archive  HISTORY/base/TIME-SEQUENCE-GENERATION        a backup without its blobs
//!          HISTORY/blobs/TIME-SEQUENCE-GENERATION       the names of the blobs that were there then
//!          HISTORY/log/SEQUENCE-GENERATION              the batches from SEQUENCE on, up to where the next one begins
//!          HISTORY/server/GENERATION                    which server archives: see `lease`
//!          blobs/FOLDER/ID                              every blob there was
//! ```
//!
//! A history is the life of one store. A store that was restored begins a new one, so that the two may go different ways
//! in one archive.

mod archiver;
mod backup;
mod error;
mod format;
mod layout;
mod lease;
mod moment;
mod prune;
mod restore;
mod ship;
mod ship_blobs;
mod target;

pub use archiver::{Archiver, Behind, Options, Progress};
pub use backup::Backup;
pub use error::Error;
pub use lease::Pace;
pub use moment::{Plan, find};
pub use prune::{Pruned, prune};
pub use restore::{Restored, from_archive, from_backup, missing_blobs};
pub use target::{Folder, Object, Patient, Target, open, open_object};

use std::path::PathBuf;
use std::sync::Arc;

use blob::{BlobId, Blobs};
use kv::Journal;

pub type Result<T> = std::result::Result<T, Error>;

/// What a data folder holds.
#[derive(Clone)]
pub struct Data {
    /// The folder itself.
    pub folder: PathBuf,
    pub journal: Arc<dyn Journal>,
    /// With the names of their folders.
    pub blobs: Vec<(&'static str, Blobs)>,
    /// Small files, such as credentials; those that are not there are left out.
    pub files: Vec<PathBuf>,
    pub env: base::Env,
}

/// A blob that could not be copied, or not be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub folder: String,
    pub id: BlobId,
    pub reason: String,
}
