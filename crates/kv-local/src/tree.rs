//! The tree: a copy-on-write B-tree (redb) in one file, the last place that a row comes to.

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs::File, io};

use base::Timestamp;

use kv::{Batch, Engine, KeyRange, Snapshot, Stats, Ticket};
use redb::{Database, Durability, ReadableDatabase, Table, TableDefinition, TableError, WriteTransaction};

use crate::disk::{Disk, Folder};
use crate::layer::{Layer, row_bytes};
use crate::snapshot::TreeSnapshot;
use crate::tree_file::TreeFile;
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
    /// When the last batch was committed that the tree has.
    pub time: Timestamp,
}

/// The B-tree alone, with one durable transaction for each batch: what the log is compared with.
///
/// Its snapshots fail once it is gone.
pub struct Tree {
    database: Database,
    path: PathBuf,
    file: TreeFile,
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
        let mut tree = Tree::on(Arc::new(Folder(path.to_owned())), path, options)?;
        match tree.format() {
            Ok(TREE_ONLY_FORMAT) => {
                tree._claim = Some(claim);
                Ok(tree)
            }
            Ok(found) => Err(Error::Newer { path: tree.path.clone(), found }),
            Err(error) => Err(Error::unreadable(&tree.path, error)),
        }
    }

    /// The tree on `disk`, which is called `folder` in errors.
    ///
    /// A new file gets its name when it is whole: a crash before that leaves nothing that counts.
    pub(crate) fn on(disk: Arc<dyn Disk>, folder: &Path, options: &Options) -> Result<Tree, Error> {
        let io = |source| Error::Io { path: folder.to_owned(), source };
        let path = folder.join(TREE_NAME);
        if !disk.names().map_err(io)?.iter().any(|name| name == TREE_NAME) {
            disk.open(NEW_TREE_NAME).and_then(|new| new.set_len(0)).map_err(io)?;
            let new = Tree::named(NEW_TREE_NAME, &disk, &path, options)?;
            new.transact(|transaction| {
                transaction.open_table(ROWS)?;
                transaction.open_table(FORMAT)?.insert((), TREE_ONLY_FORMAT)?;
                Ok(())
            })
            .map_err(|error| Error::unreadable(&path, error))?;
            // It is written once more when it is closed.
            let file = new.file.clone();
            drop(new);
            file.check().map_err(io)?;
            disk.rename(NEW_TREE_NAME, TREE_NAME).map_err(io)?;
            disk.sync_names().map_err(io)?;
        }
        let tree = Tree::named(TREE_NAME, &disk, &path, options)?;
        match tree.format() {
            Ok(TREE_ONLY_FORMAT..=FORMAT_VERSION) => Ok(tree),
            Ok(0) => Err(Error::Unreadable { path: tree.path.clone(), reason: "it is another program's".into() }),
            Ok(found) => Err(Error::Newer { path: tree.path.clone(), found }),
            Err(error) => Err(Error::unreadable(&tree.path, error)),
        }
    }

    /// The tree in the file `name`, which is called `path` in errors.
    fn named(name: &str, disk: &Arc<dyn Disk>, path: &Path, options: &Options) -> Result<Tree, Error> {
        let file = TreeFile::new(Arc::clone(disk), name);
        let file = file.map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let database = Database::builder().set_cache_size(options.cache_bytes).create_with_backend(file.clone());
        let database = database.map_err(|error| Error::unreadable(path, error))?;
        file.check().map_err(|source| Error::Io { path: path.to_owned(), source })?;
        Ok(Tree { database, path: path.to_owned(), file, _claim: None })
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
        let (flushed, file, history) = (field("flushed")?, field("file")?, field("history")?);
        Ok(Mark { flushed, file, history, time: Timestamp(field("time")?) })
    }

    /// Puts a layer into the tree, and what it now knows of the log; tells in `progress` how many of the layer's bytes it has written.
    pub(crate) fn flush(&self, layer: &Layer, mark: Mark, progress: &AtomicUsize) -> Result<(), redb::Error> {
        self.transact(|transaction| {
            let mut rows = transaction.open_table(ROWS)?;
            for range in layer.deleted() {
                delete(&mut rows, &range)?;
                self.file.check()?;
            }
            for row in layer.puts().iter() {
                rows.insert(row.key(), row.value())?;
                self.file.check()?;
                progress.fetch_add(row_bytes(row), Ordering::Relaxed);
            }
            let mut table = transaction.open_table(MARK)?;
            let time = mark.time.as_millis();
            for (name, value) in
                [("flushed", mark.flushed), ("file", mark.file), ("history", mark.history), ("time", time)]
            {
                table.insert(name, value)?;
            }
            transaction.open_table(FORMAT)?.insert((), FORMAT_VERSION)?;
            Ok(())
        })
    }

    pub(crate) fn set_mark(&self, mark: Mark) -> Result<(), redb::Error> {
        self.flush(&Layer::new(0), mark, &AtomicUsize::new(0))
    }

    pub(crate) fn file(&self) -> &TreeFile {
        &self.file
    }

    /// One durable transaction. Quick repair writes down with each commit which pages are free: opening after a crash need
    /// not walk the whole file to find out.
    fn transact(&self, write: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>) -> Result<(), redb::Error> {
        let commit = || {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            transaction.set_quick_repair(true);
            write(&transaction)?;
            Ok(transaction.commit()?)
        };
        let outcome = commit();
        // The library was not told of a failure of the file.
        let outcome = self.file.check().map_err(redb::Error::from).and(outcome);
        if outcome.is_err() {
            self.file.give_up();
        }
        outcome
    }

    /// Notes that the log's newest file is `number`, after newer ones were given up. What was archived of those belongs to
    /// another history: the next batches have its numbers, and not its content. The store chooses a new one when it opens.
    pub(crate) fn set_newest_file(&self, number: u64) -> Result<(), redb::Error> {
        let mark = self.mark()?;
        self.set_mark(Mark { file: mark.file.min(number), history: 0, ..mark })
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

impl Drop for Tree {
    /// The database is closed after this.
    fn drop(&mut self) {
        self.file.close();
    }
}

impl Engine for Tree {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, kv::Error> {
        Ok(self.view().map_err(failed)?)
    }

    fn append(&self, batch: &Batch) -> Result<Ticket, kv::Error> {
        let outcome = self.transact(|transaction| {
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
        let metadata = self.path.metadata().map_err(|error: io::Error| kv::Error::Engine(error.to_string()))?;
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
