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

/// How many are kept that run nothing yet, for each of Node: they take next to no memory.
const BARE_FOR_EACH: usize = 2;

/// How long no other is started after one that failed. Each failure after it doubles that, up to the second.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(5);

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
    /// How many are kept of each kind of Node; none of any kind with zero.
    count: usize,
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
    /// Failures since one last became an instance.
    failures: u32,
    /// No other is tried before.
    rests_until: Instant,
    used: Instant,
}

impl Shelf {
    fn new() -> Shelf {
        let now = Instant::now();
        Shelf { ready: Vec::new(), booting: 0, failures: 0, rests_until: now, used: now }
    }

    fn rest(&mut self) -> Duration {
        let pause = PAUSE.saturating_mul(2_u32.saturating_pow(self.failures)).min(PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        self.rests_until = Instant::now() + pause;
        pause
    }
}

impl Prebooted {
    /// Keeps `count` of each kind of Node, and as many of the other kind as go with that.
    pub fn new(count: usize, idle_timeout: Duration, reserve: Reserve) -> Prebooted {
        let (shelves, turns) = (Mutex::default(), Semaphore::new(1));
        Prebooted { count, idle_timeout, reserve, shelves, turns }
    }

    /// How many of a kind are kept.
    pub fn wanted(&self, kind: &Kind) -> usize {
        match kind {
            _ if self.shelves().closed => 0,
            Kind::Node { .. } => self.count,
            Kind::Bare => self.count * BARE_FOR_EACH,
        }
    }

    /// One for a function that is being started, which `fits` where it can be given that, judging by what it sees.
    pub fn take(&self, kind: &Kind, fits: impl Fn(&View) -> bool) -> Option<Booted> {
        let mut shelves = self.shelves();
        let shelf = shelves.of.get_mut(kind)?;
        shelf.used = Instant::now();
        while let Some(booted) = shelf.ready.pop_if(|booted| fits(&booted.view)) {
            if !booted.process.has_ended() {
                return Some(booted);
            }
        }
        None
    }

    /// Some of a kind are kept from now on.
    pub fn keep(&self, kind: &Kind) {
        let mut shelves = self.shelves();
        if !shelves.closed {
            shelves.of.entry(kind.clone()).or_insert_with(Shelf::new);
        }
    }

    /// Whether one more is to be started now; [`Prebooted::add`] and [`Prebooted::failed`] tell how that went.
    pub fn begin(&self, kind: &Kind) -> bool {
        let wanted = self.wanted(kind);
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.of.get_mut(kind).filter(|_| !self.reserve.is_touched()) else { return false };
        let lacks = shelf.rests_until <= Instant::now() && shelf.ready.len() + shelf.booting < wanted;
        shelf.booting += usize::from(lacks);
        lacks
    }

    /// A start that [`Prebooted::begin`] asked for has succeeded.
    pub fn add(&self, kind: &Kind, booted: Booted) {
        if let Some(shelf) = self.shelves().of.get_mut(kind) {
            shelf.booting = shelf.booting.saturating_sub(1);
            shelf.ready.push(booted);
        }
    }

    /// It has failed. Tells how long no other is tried; `None` when none of the kind are kept any more.
    pub fn failed(&self, kind: &Kind) -> Option<Duration> {
        let mut shelves = self.shelves();
        let shelf = shelves.of.get_mut(kind)?;
        shelf.booting = shelf.booting.saturating_sub(1);
        Some(shelf.rest())
    }

    /// One that waited could not be given its function: those that wait leave, which could not either. Tells as
    /// [`Prebooted::failed`].
    pub fn useless(&self, kind: &Kind) -> Option<Duration> {
        let (ready, pause) = {
            let mut shelves = self.shelves();
            let shelf = shelves.of.get_mut(kind)?;
            (std::mem::take(&mut shelf.ready), shelf.rest())
        };
        drop(ready);
        Some(pause)
    }

    /// One has become an instance.
    pub fn worked(&self, kind: &Kind) {
        if let Some(shelf) = self.shelves().of.get_mut(kind) {
            shelf.failures = 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn prebooted(count: usize) -> Prebooted {
        Prebooted::new(count, Duration::from_secs(3600), Reserve::new(0))
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_another_is_tried_later() {
        let (prebooted, kind) = (prebooted(1), Kind::Bare);
        assert!(!prebooted.begin(&kind), "nobody has needed one");
        prebooted.keep(&kind);
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert!(prebooted.begin(&kind), "{seconds}");
            let pause = prebooted.failed(&kind).unwrap();
            assert_eq!(pause, Duration::from_secs(seconds));
            tokio::time::advance(pause - Duration::from_millis(1)).await;
            assert!(!prebooted.begin(&kind), "{seconds}");
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        // That it could be started says nothing yet about its use.
        assert_eq!(prebooted.useless(&kind), Some(PAUSE_MAX));
        prebooted.worked(&kind);
        assert_eq!(prebooted.useless(&kind), Some(PAUSE));
        prebooted.close();
        prebooted.keep(&kind);
        assert_eq!((prebooted.failed(&kind), prebooted.useless(&kind), prebooted.begin(&kind)), (None, None, false));
    }

    #[test]
    fn as_many_as_are_asked_for_or_none() {
        let node = Kind::Node { program: "/usr/bin/node".into(), sdk: None };
        let wanted = |count| [&node, &Kind::Bare].map(|kind| prebooted(count).wanted(kind));
        assert_eq!((wanted(0), wanted(2)), ([0, 0], [2, 4]));
    }
}
