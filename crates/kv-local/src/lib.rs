//! The embedded engine: one file, a copy-on-write B-tree (redb), one durable commit for each batch.

mod error;
mod snapshot;

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kv::{Batch, Engine, KeyRange, Snapshot, Stats};
use redb::{Database, DatabaseError, Durability, ReadableDatabase, TableDefinition, TableError};

pub use error::Error;

/// The version of the layout of the files. Raised when older releases could no longer read what this one writes.
pub const FORMAT_VERSION: u32 = 1;

/// Memory for pages of the tree, unless [`Options::cache_bytes`] says otherwise.
pub const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// The one file inside the folder.
const FILE_NAME: &str = "tree.redb";

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
const FORMAT: TableDefinition<(), u32> = TableDefinition::new("format");

#[derive(Clone, Debug)]
pub struct Options {
    /// Memory for pages of the tree, in bytes. The operating system caches the file besides.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_bytes: CACHE_BYTES }
    }
}

/// An engine that keeps its data in a folder. One process at a time may have it open.
pub struct Local {
    database: Database,
    file: PathBuf,
}

impl Local {
    /// Opens the store in the folder `path`, made (for this user alone) when it is not there. After a crash this takes
    /// milliseconds: what the last commit left is whole.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Newer`] and others: each says what to do.
    pub fn open(path: &Path, options: &Options) -> Result<Local, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io)?;
        let file = path.join(FILE_NAME);
        OpenOptions::new().create(true).append(true).mode(0o600).open(&file).map_err(io)?;
        let database = Database::builder().set_cache_size(options.cache_bytes).create(&file);
        let database = database.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Error::InUse { path: path.to_owned() },
            error => Error::unreadable(&file, error),
        })?;
        let local = Local { database, file };
        local.check_format()?;
        // The file's name is part of what must survive a power failure.
        File::open(path).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(local)
    }

    fn check_format(&self) -> Result<(), Error> {
        let unreadable = |error: redb::Error| Error::unreadable(&self.file, error);
        match self.format().map_err(unreadable)? {
            Some(FORMAT_VERSION) => Ok(()),
            Some(found) => Err(Error::Newer { path: self.file.clone(), found }),
            None => self.initialize().map_err(unreadable),
        }
    }

    /// The version written in the file; `None` in a new one.
    fn format(&self) -> Result<Option<u32>, redb::Error> {
        match self.database.begin_read()?.open_table(FORMAT) {
            Ok(format) => Ok(format.get(())?.map(|version| version.value())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn initialize(&self) -> Result<(), redb::Error> {
        self.transact(|transaction| {
            transaction.open_table(ROWS)?;
            transaction.open_table(FORMAT)?.insert((), FORMAT_VERSION)?;
            Ok(())
        })
    }

    /// One durable transaction. Quick repair writes down which pages are free with each commit: opening after a crash
    /// need not walk the whole file to find out.
    fn transact(
        &self,
        write: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_quick_repair(true);
        write(&transaction)?;
        Ok(transaction.commit()?)
    }
}

impl Engine for Local {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, kv::Error> {
        let rows = self.database.begin_read().map_err(redb::Error::from);
        let rows = rows.and_then(|transaction| Ok(transaction.open_table(ROWS)?));
        Ok(Arc::new(snapshot::LocalSnapshot(rows.map_err(failed)?)))
    }

    fn commit(&self, batch: &Batch) -> Result<(), kv::Error> {
        let outcome = self.transact(|transaction| {
            let mut rows = transaction.open_table(ROWS)?;
            for range in batch.deleted() {
                rows.retain_in::<&[u8], _>(bounds(&range), |_, _| false)?;
            }
            for (key, value) in batch.writes() {
                match value {
                    Some(value) => drop(rows.insert(&**key, &**value)?),
                    None => drop(rows.remove(&**key)?),
                }
            }
            Ok(())
        });
        outcome.map_err(failed)
    }

    fn stats(&self) -> Result<Stats, kv::Error> {
        let metadata = self.file.metadata().map_err(|error| kv::Error::Engine(error.to_string()))?;
        Ok(Stats { disk_bytes: metadata.len() })
    }
}

fn bounds(range: &KeyRange) -> (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>) {
    let (start, end) = range.bounds();
    (start.map(|key| &**key), end.map(|key| &**key))
}

fn failed(error: impl Into<redb::Error>) -> kv::Error {
    kv::Error::Engine(error.into().to_string())
}
