//! Processes that are started ahead of need: they belong to no function until one is started, and are its alone then.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sandbox::Process;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::instance::Folder;
use crate::memory::Reserve;
use crate::view::View;

/// What a process has to be started with: functions with equal ones can take each other's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Node, with the SDK that it brings along.
    Node { program: PathBuf, sdk: Option<PathBuf> },
    /// A place for a program that is to be run there.
    Bare,
}

/// How many are kept that run nothing yet, and take next to no memory.
const BARE: usize = 4;

/// A process that waits for a function.
pub(crate) struct Booted {
    pub process: Process,
    /// Over which it is told its function.
    pub channel: UnixStream,
    pub pipe: OwnedFd,
    pub folder: Folder,
    /// What it sees so far.
    pub view: View,
}

pub(crate) struct Prebooted {
    /// How many are kept of each kind of Node.
    node: usize,
    idle_timeout: Duration,
    reserve: Reserve,
    shelves: Mutex<Shelves>,
    /// One at a time is started: what is needed now goes first.
    pub turns: Semaphore,
}

#[derive(Default)]
struct Shelves {
    of: HashMap<Kind, Shelf>,
    /// None are kept any more.
    closed: bool,
}

struct Shelf {
    ready: Vec<Booted>,
    booting: usize,
    /// None could be started, and no other is tried.
    failed: bool,
    used: Instant,
}

impl Prebooted {
    pub fn new(node: usize, idle_timeout: Duration, reserve: Reserve) -> Prebooted {
        let (shelves, turns) = (Mutex::default(), Semaphore::new(1));
        Prebooted { node, idle_timeout, reserve, shelves, turns }
    }

    /// How many of a kind are kept.
    pub fn wanted(&self, kind: &Kind) -> usize {
        match kind {
            _ if self.shelves().closed => 0,
            Kind::Node { .. } => self.node,
            Kind::Bare => BARE,
        }
    }

    /// One for a function that is being started.
    pub fn take(&self, kind: &Kind) -> Option<Booted> {
        let mut shelves = self.shelves();
        let shelf = shelves.of.get_mut(kind)?;
        shelf.used = Instant::now();
        while let Some(booted) = shelf.ready.pop() {
            if !booted.process.has_ended() {
                return Some(booted);
            }
        }
        None
    }

    /// Whether one more is to be started now; [`Prebooted::add`] tells how that went.
    pub fn begin(&self, kind: &Kind) -> bool {
        let wanted = self.wanted(kind);
        let mut shelves = self.shelves();
        if shelves.closed || self.reserve.is_touched() {
            return false;
        }
        let new = || Shelf { ready: Vec::new(), booting: 0, failed: false, used: Instant::now() };
        let shelf = shelves.of.entry(kind.clone()).or_insert_with(new);
        let lacks = !shelf.failed && shelf.ready.len() + shelf.booting < wanted;
        shelf.booting += usize::from(lacks);
        lacks
    }

    /// A start that [`Prebooted::begin`] asked for has ended.
    pub fn add(&self, kind: &Kind, booted: Option<Booted>) {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.of.get_mut(kind) else { return };
        shelf.booting = shelf.booting.saturating_sub(1);
        match booted {
            Some(booted) => shelf.ready.push(booted),
            None => shelf.failed = true,
        }
    }

    /// Those leave that nobody has needed for long.
    pub fn expire(&self, now: Instant) {
        self.shelves().of.retain(|_, shelf| now.duration_since(shelf.used) <= self.idle_timeout);
    }

    /// One leaves, for its memory. False when there was none.
    pub fn evict(&self) -> bool {
        let booted = self.shelves().of.values_mut().find_map(|shelf| shelf.ready.pop());
        booted.is_some()
    }

    /// All leave, and none comes any more.
    pub fn close(&self) {
        let mut shelves = self.shelves();
        shelves.closed = true;
        shelves.of.clear();
    }

    pub fn pids(&self) -> Vec<u32> {
        let shelves = self.shelves();
        let mut pids: Vec<u32> =
            shelves.of.values().flat_map(|shelf| &shelf.ready).map(|booted| booted.process.pid()).collect();
        pids.sort_unstable();
        pids
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
