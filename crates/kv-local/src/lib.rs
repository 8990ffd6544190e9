//! The embedded engine: a folder with a commit log in front of a copy-on-write B-tree (redb).
//!
//! A batch is durable once it is in the log. What the tree does not have yet is in memory, laid over the tree for readers,
//! and moves to the tree in the background.

mod disk;
mod error;
mod folder;
mod journal;
mod layer;
mod log;
mod map;
mod record;
mod recover;
mod repair;
mod scan;
mod segment;
#[cfg(test)]
mod sim;
mod snapshot;
mod store;
mod tree;
mod tree_file;
mod view;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::Env;
use kv::{Batch, Engine, Snapshot, Stats, Ticket};

use crate::disk::{Disk, Folder};
use crate::journal::StoreJournal;
use crate::store::Store;

pub use error::Error;
pub use recover::Damage;
pub use repair::Loss;
pub use tree::Tree;

/// The version of the layout of the files. Raised when older releases could no longer read what this one writes.
///
/// 1: a tree alone. 2: a tree and a log.
pub const FORMAT_VERSION: u32 = 2;

#[derive(Clone)]
pub struct Options {
    /// Memory for pages of the tree, in bytes. The operating system caches the file besides.
    pub cache_bytes: usize,
    /// Memory for what is in the log and not yet in the tree, in bytes. It may be twice that while the tree is written,
    /// and the log on disk is some four times that.
    pub overlay_bytes: usize,
    /// The size of the log's files, in bytes.
    pub segment_bytes: u64,
    /// Whether batches stay in the log until [`Local::journal`] is told that they need not; but no more than 1 GiB.
    pub journal: bool,
    /// Bytes of the disk that are left free: with less than that, only what frees space is written.
    pub reserve_bytes: u64,
    pub env: Env,
}

impl Default for Options {
    fn default() -> Options {
        const MIB: usize = 1024 * 1024;
        Options {
            cache_bytes: 64 * MIB,
            overlay_bytes: 48 * MIB,
            segment_bytes: 16 * MIB as u64,
            journal: false,
            reserve_bytes: 256 * MIB as u64,
            env: Env::real(),
        }
    }
}

/// An engine that keeps its data in a folder. One process at a time may have it open.
///
/// Its snapshots fail once it is gone.
pub struct Local {
    store: Arc<Store>,
    threads: Vec<JoinHandle<()>>,
    /// Keeps others out; the last field, to be released last.
    _claim: Option<File>,
}

impl Local {
    /// Opens the store in the folder `path`, made (for this user alone) when it is not there. After a crash, batches that are
    /// in the log alone are read again: under a second for as many as there can be.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Newer`], [`Error::Damaged`] and others: each says what to do.
    pub fn open(path: &Path, options: &Options) -> Result<Local, Error> {
        let claim = folder::claim(path)?;
        Local::over(Arc::new(Folder(path.to_owned())), path, options, Some(claim))
    }

    /// The store on `disk`, which is called `path` in errors.
    fn over(disk: Arc<dyn Disk>, path: &Path, options: &Options, claim: Option<File>) -> Result<Local, Error> {
        let store = Arc::new(Store::open(disk, path, options)?);
        // Should a thread not start, dropping it ends the other.
        let mut local = Local { store, threads: Vec::new(), _claim: claim };
        local.start("kv-flusher", Store::flush_until_closed, path)?;
        local.start("kv-preparer", Store::prepare_until_closed, path)?;
        Ok(local)
    }

    fn start(&mut self, name: &str, work: fn(&Store), path: &Path) -> Result<(), Error> {
        let store = Arc::clone(&self.store);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || work(&store));
        self.threads.push(thread.map_err(|source| Error::Io { path: path.to_owned(), source })?);
        Ok(())
    }

    /// The store's batches, for those who keep a copy elsewhere; it fails once the store is gone.
    pub fn journal(&self) -> impl kv::Journal + use<> {
        StoreJournal::new(&self.store)
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.store.close();
        for thread in self.threads.drain(..) {
            // It panicked, if anything: what was not flushed is in the log.
            let _ = thread.join();
        }
    }
}

impl Engine for Local {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, kv::Error> {
        self.store.snapshot()
    }

    fn latest(&self) -> Result<Arc<dyn Snapshot>, kv::Error> {
        self.store.latest()
    }

    fn append(&self, batch: &Batch) -> Result<Ticket, kv::Error> {
        self.store.append(batch)
    }

    fn durable(&self, ticket: Ticket) -> Result<(), kv::Error> {
        self.store.durable(ticket)
    }

    fn room(&self) -> Result<(), kv::Error> {
        self.store.room()
    }

    fn stats(&self) -> Result<Stats, kv::Error> {
        self.store.stats()
    }
}

/// What [`repair`] would give up.
///
/// # Errors
/// [`Error::InUse`], [`Error::Io`].
pub fn loss(path: &Path, damage: &Damage) -> Result<Loss, Error> {
    let _claim = folder::claim(path)?;
    repair::loss(&Folder(path.to_owned()), damage).map_err(|source| Error::Io { path: path.to_owned(), source })
}

/// Gives up what follows the damage of a store that [`Local::open`] refuses with [`Error::Damaged`]: every batch from
/// [`Damage::sequence`] on is lost. Opening may then find further damage.
///
/// # Errors
/// [`Error::InUse`], [`Error::Io`], [`Error::Unreadable`].
pub fn repair(path: &Path, damage: &Damage, options: &Options) -> Result<(), Error> {
    let _claim = folder::claim(path)?;
    let folder = Arc::new(Folder(path.to_owned()));
    let tree = Tree::on(folder.clone(), path, options)?;
    let left = repair::cut(&*folder, damage).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    tree.set_newest_file(left).map_err(|error| Error::unreadable(path, error))
}
