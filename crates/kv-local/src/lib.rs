//! The embedded engine: a folder with a copy-on-write B-tree (redb) in it, one durable commit for each batch.

mod error;
mod folder;
#[cfg(test)]
mod power;
mod snapshot;

use std::fs::File;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kv::{Batch, Engine, KeyRange, Snapshot, Stats};
use redb::{Database, Durability, ReadableDatabase, TableDefinition, TableError, WriteTransaction};

pub use error::Error;

/// The version of the layout of the files. Raised when older releases could no longer read what this one writes.
pub const FORMAT_VERSION: u32 = 1;

/// Memory for pages of the tree, unless [`Options::cache_bytes`] says otherwise.
pub const CACHE_BYTES: usize = 64 * 1024 * 1024;

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
///
/// Its snapshots fail once it is gone.
pub struct Local {
    database: Database,
    file: PathBuf,
    /// Keeps others out; the last field, to be released last.
    _claim: File,
}

impl Local {
    /// Opens the store in the folder `path`, made (for this user alone) when it is not there. After a crash this takes
    /// milliseconds: what the last commit left is whole.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Newer`] and others: each says what to do.
    pub fn open(path: &Path, options: &Options) -> Result<Local, Error> {
        let claim = folder::claim(path)?;
        let file = folder::tree(path)?;
        let database = open_database(&file, options)?;
        Local::over(database, file, claim)
    }

    fn over(database: Database, file: PathBuf, claim: File) -> Result<Local, Error> {
        match format(&database) {
            Ok(Some(FORMAT_VERSION)) => Ok(Local { database, file, _claim: claim }),
            Ok(Some(found)) => Err(Error::Newer { path: file, found }),
            Ok(None) => Err(Error::Unreadable { path: file, reason: "it is another program's".into() }),
            Err(error) => Err(Error::unreadable(&file, error)),
        }
    }
}

fn open_database(file: &Path, options: &Options) -> Result<Database, Error> {
    let database = Database::builder().set_cache_size(options.cache_bytes).create(file);
    database.map_err(|error| Error::unreadable(file, error))
}

/// The version written in the file; `None` when it has none.
fn format(database: &Database) -> Result<Option<u32>, redb::Error> {
    match database.begin_read()?.open_table(FORMAT) {
        Ok(format) => Ok(format.get(())?.map(|version| version.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes an empty file a store without rows.
fn initialize(database: &Database) -> Result<(), redb::Error> {
    transact(database, |transaction| {
        transaction.open_table(ROWS)?;
        transaction.open_table(FORMAT)?.insert((), FORMAT_VERSION)?;
        Ok(())
    })
}

/// One durable transaction. Quick repair writes down with each commit which pages are free: opening after a crash need
/// not walk the whole file to find out.
fn transact(
    database: &Database,
    write: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_quick_repair(true);
    write(&transaction)?;
    Ok(transaction.commit()?)
}

impl Engine for Local {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, kv::Error> {
        let rows = self.database.begin_read().map_err(redb::Error::from);
        let rows = rows.and_then(|transaction| Ok(transaction.open_table(ROWS)?));
        Ok(Arc::new(snapshot::LocalSnapshot(rows.map_err(failed)?)))
    }

    fn commit(&self, batch: &Batch) -> Result<(), kv::Error> {
        let outcome = transact(&self.database, |transaction| {
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

fn bounds(range: &KeyRange) -> (Bound<&[u8]>, Bound<&[u8]>) {
    let (start, end) = range.bounds();
    (start.map(|key| &**key), end.map(|key| &**key))
}

fn failed(error: impl Into<redb::Error>) -> kv::Error {
    kv::Error::Engine(error.into().to_string())
}
