//! The tree: a copy-on-write B-tree (redb) in one file, the last place that a row comes to.

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs::File, io};

use kv::{Batch, Engine, KeyRange, Snapshot, Stats, Ticket};
use redb::{Database, Durability, ReadableDatabase, Table, TableDefinition, TableError, WriteTransaction};

use crate::disk::{Disk, TreeFile};
use crate::layer::Layer;
use crate::snapshot::TreeSnapshot;
use crate::{Error, FORMAT_VERSION, Options, folder};

const TREE_NAME: &str = "tree.redb";
const NEW_TREE_NAME: &str = "tree.redb.new";

/// Data folders of this format have a tree and no log.
const TREE_ONLY_FORMAT: u32 = 1;

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
const FORMAT: TableDefinition<(), u32> = TableDefinition::new("format");
/// The fields of [`Mark`], by name.
const MARK: TableDefinition<&str, u64> = TableDefinition::new("mark");

/// What the tree knows of the log; all zero before there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The sequence number of the last batch that the tree has.
    pub flushed: u64,
    /// The number of the log's newest file at that time: if there is none as new, files are missing.
    pub file: u64,
    /// Chosen once for each store: tells its log from that of a store that was restored from it and went another way.
    pub history: u64,
}

/// The B-tree alone, with one durable transaction for each batch: what the log is compared with.
///
/// Its snapshots fail once it is gone.
pub struct Tree {
    database: Database,
    file: PathBuf,
    /// Keeps others out; the last field, to be released last.
    _claim: Option<File>,
}

impl Tree {
    /// Opens a store that has no log, made (for this user alone) when it is not there.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Newer`] and others: each says what to do. A store with a log counts as newer.
    pub fn open(path: &Path, options: &Options) -> Result<Tree, Error> {
        let claim = folder::claim(path)?;
        let mut tree = Tree::on(&crate::disk::Folder(path.to_owned()), path, options)?;
        match tree.format() {
            Ok(TREE_ONLY_FORMAT) => {
                tree._claim = Some(claim);
                Ok(tree)
            }
            Ok(found) => Err(Error::Newer { path: tree.file, found }),
            Err(error) => Err(Error::unreadable(&tree.file, error)),
        }
    }

    /// The tree on `disk`, which is called `folder` in errors.
    ///
    /// A new file gets its name when it is whole: a crash before that leaves nothing that counts.
    pub(crate) fn on(disk: &dyn Disk, folder: &Path, options: &Options) -> Result<Tree, Error> {
        let io = |source| Error::Io { path: folder.to_owned(), source };
        let path = folder.join(TREE_NAME);
        if !disk.names().map_err(io)?.iter().any(|name| name == TREE_NAME) {
            let new = disk.open(NEW_TREE_NAME).map_err(io)?;
            new.set_len(0).map_err(io)?;
            let database = database(TreeFile::new(new, disk.is_concurrent()), &path, options)?;
            transact(&database, |transaction| {
                transaction.open_table(ROWS)?;
                transaction.open_table(FORMAT)?.insert((), TREE_ONLY_FORMAT)?;
                Ok(())
            })
            .map_err(|error| Error::unreadable(&path, error))?;
            drop(database);
            disk.rename(NEW_TREE_NAME, TREE_NAME).map_err(io)?;
            disk.sync_names().map_err(io)?;
        }
        let database =
            database(TreeFile::new(disk.open(TREE_NAME).map_err(io)?, disk.is_concurrent()), &path, options)?;
        let tree = Tree { database, file: path, _claim: None };
        match tree.format() {
            Ok(TREE_ONLY_FORMAT..=FORMAT_VERSION) => Ok(tree),
            Ok(0) => Err(Error::Unreadable { path: tree.file, reason: "it is another program's".into() }),
            Ok(found) => Err(Error::Newer { path: tree.file, found }),
            Err(error) => Err(Error::unreadable(&tree.file, error)),
        }
    }

    /// The version written in the file; zero when it has none.
    fn format(&self) -> Result<u32, redb::Error> {
        match self.database.begin_read()?.open_table(FORMAT) {
            Ok(format) => Ok(format.get(())?.map_or(0, |version| version.value())),
            Err(TableError::TableDoesNotExist(_)) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn mark(&self) -> Result<Mark, redb::Error> {
        let table = match self.database.begin_read()?.open_table(MARK) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Mark::default()),
            Err(error) => return Err(error.into()),
        };
        let field = |name| Ok::<_, redb::Error>(table.get(name)?.map_or(0, |value| value.value()));
        Ok(Mark { flushed: field("flushed")?, file: field("file")?, history: field("history")? })
    }

    /// Puts a layer into the tree, and what it now knows of the log.
    pub(crate) fn flush(&self, layer: &Layer, mark: Mark) -> Result<(), redb::Error> {
        transact(&self.database, |transaction| {
            let mut rows = transaction.open_table(ROWS)?;
            for range in layer.deleted() {
                delete(&mut rows, &range)?;
            }
            for row in layer.puts().iter() {
                rows.insert(row.key(), row.value())?;
            }
            let mut table = transaction.open_table(MARK)?;
            for (name, value) in [("flushed", mark.flushed), ("file", mark.file), ("history", mark.history)] {
                table.insert(name, value)?;
            }
            transaction.open_table(FORMAT)?.insert((), FORMAT_VERSION)?;
            Ok(())
        })
    }

    /// Notes that the log's newest file is `number`, after newer ones were given up. What was archived of those belongs to
    /// another history: the next batches have its numbers, and not its content. The store chooses a new one when it opens.
    pub(crate) fn set_newest_file(&self, number: u64) -> Result<(), redb::Error> {
        let mark = self.mark()?;
        self.flush(&Layer::new(0), Mark { file: mark.file.min(number), history: 0, ..mark })
    }

    pub(crate) fn view(&self) -> Result<Arc<TreeSnapshot>, redb::Error> {
        Ok(Arc::new(TreeSnapshot(self.database.begin_read()?.open_table(ROWS)?)))
    }
}

fn delete(rows: &mut Table<'_, &'static [u8], &'static [u8]>, range: &KeyRange) -> Result<(), redb::Error> {
    match (range.start(), range.end()) {
        // The range of one key, as most are.
        (key, Some(end)) if end.strip_prefix(&**key) == Some(&b"\0"[..]) => drop(rows.remove(&**key)?),
        _ => rows.retain_in::<&[u8], _>(bounds(range), |_, _| false)?,
    }
    Ok(())
}

fn database(file: TreeFile, path: &Path, options: &Options) -> Result<Database, Error> {
    let database = Database::builder().set_cache_size(options.cache_bytes).create_with_backend(file);
    database.map_err(|error| Error::unreadable(path, error))
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

impl Engine for Tree {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, kv::Error> {
        Ok(self.view().map_err(failed)?)
    }

    fn append(&self, batch: &Batch) -> Result<Ticket, kv::Error> {
        let outcome = transact(&self.database, |transaction| {
            let mut rows = transaction.open_table(ROWS)?;
            for range in batch.deleted() {
                delete(&mut rows, &range)?;
            }
            for (key, value) in batch.writes() {
                match value {
                    Some(value) => drop(rows.insert(&**key, &**value)?),
                    None => drop(rows.remove(&**key)?),
                }
            }
            Ok(())
        });
        outcome.map(|()| Ticket::default()).map_err(failed)
    }

    /// It was, when `append` returned.
    fn durable(&self, _: Ticket) -> Result<(), kv::Error> {
        Ok(())
    }

    fn stats(&self) -> Result<Stats, kv::Error> {
        let metadata = self.file.metadata().map_err(|error: io::Error| kv::Error::Engine(error.to_string()))?;
        Ok(Stats { disk_bytes: metadata.len() })
    }
}

pub(crate) fn bounds(range: &KeyRange) -> (Bound<&[u8]>, Bound<&[u8]>) {
    let (start, end) = range.bounds();
    (start.map(|key| &**key), end.map(|key| &**key))
}

pub(crate) fn failed(error: impl Into<redb::Error>) -> kv::Error {
    kv::Error::Engine(error.into().to_string())
}
