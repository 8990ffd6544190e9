//! Why a copy could not be made or brought back.

use std::io;
use std::time::Duration;

use base::Timestamp;

/// What whoever finds another in the archive may do.
const GO_ON: &str =
    "Archive to another place, or begin with a restore from the archive, which has a history of its own";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("{what} is damaged: {reason}")]
    Damaged { what: String, reason: String },
    #[error("{what} is in format {found}, written by a newer release of cloudlet: use that release")]
    Newer { what: String, found: u32 },
    #[error("{0} holds no archive: there is not one backup in it")]
    Empty(String),
    #[error("the archive begins at {}: nothing earlier can be brought back", first.iso8601())]
    TooEarly { first: Timestamp },
    #[error("the archive is of more than one store at that moment: {0}. Name one of them with --history")]
    Histories(String),
    #[error(
        "the archive has a hole: what was committed after {} is missing, up to a later backup. Ask for that moment or an \
         earlier one, or for one after the hole",
        after.iso8601()
    )]
    Hole { after: Timestamp },
    #[error(
        "the archive has batches of this store up to {archived}, which itself ends at {durable}: it is an older copy, or its disk \
         has lost something. {}",
        GO_ON
    )]
    Ahead { archived: u64, durable: u64 },
    #[error(
        "batch {sequence} of the archive is not the one that this store has: it is a copy that went another way. {}",
        GO_ON
    )]
    Diverged { sequence: u64 },
    #[error(
        "{server} archives this store here, and this one does not, as one of the two is a copy of the other's data folder or an \
         older copy. {}",
        GO_ON
    )]
    Claimed { server: String },
    #[error(
        "{server} has archived this store here and did not say that it ended: it has {} s to show that it is still there",
        time.as_secs()
    )]
    Waiting { server: String, time: Duration },
    #[error(
        "{0} was removed from the archive while it was being read, as too old (--archive-keep, or `cloudlet archive prune`): ask for \
         a later moment"
    )]
    Removed(String),
    #[error("'{0}' cannot be used: {1}")]
    Unsupported(String, String),
    #[error("{0}")]
    Settings(String),
    #[error(transparent)]
    Store(#[from] kv::Error),
    #[error(transparent)]
    Blob(#[from] blob::Error),
}

impl Error {
    /// Whether trying again does no good: a copy of a store does not become the one that is archived.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Error::Ahead { .. } | Error::Diverged { .. } | Error::Claimed { .. })
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        move |source| Error::Io { what, source }
    }

    pub(crate) fn damaged(what: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Damaged { what: what.into(), reason: reason.into() }
    }
}
