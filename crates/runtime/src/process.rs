//! The process of an instance, whichever way it came to be: started by the server, or forked from a zygote.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use sandbox::{Descendant, Exit};
use tokio::sync::watch;

use crate::supervisor::Supervisor;
use crate::zygote::Zygote;

/// Dropping it ends the process and its group.
pub(crate) enum Process {
    Child(sandbox::Process),
    /// The runtime and its extensions; the process is the shell that starts them.
    Supervised(sandbox::Process, Supervisor),
    Fork(Fork),
}

/// A fork of a zygote, which is its parent and tells how it ended.
pub(crate) struct Fork {
    /// The kernel ends the whole group when this is closed; see runtimes/python/cloudlet_zygote.py. The first field, so
    /// that it is dropped before the zygote, which waits for its forks.
    lifeline: Mutex<Option<OwnedFd>>,
    descendant: Descendant,
    exit: watch::Receiver<Option<Exit>>,
    zygote: Arc<Zygote>,
}

/// A zygote that is gone cannot tell how its forks end. They can have ended in any way; this one claims the least.
const UNKNOWN: Exit = Exit::Signal(9);

impl Fork {
    pub fn new(
        lifeline: OwnedFd,
        descendant: Descendant,
        exit: watch::Receiver<Option<Exit>>,
        zygote: Arc<Zygote>,
    ) -> Fork {
        Fork { lifeline: Mutex::new(Some(lifeline)), descendant, exit, zygote }
    }

    async fn exit(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await.map(|exit| *exit) {
            Ok(exit) => exit.unwrap_or(UNKNOWN),
            Err(_) => {
                self.descendant.ended().await;
                UNKNOWN
            }
        }
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        self.zygote.touch();
    }
}

impl Process {
    /// Zero for a fork that had ended before its number was asked for.
    pub fn pid(&self) -> u32 {
        match self {
            Process::Child(child) | Process::Supervised(child, _) => child.pid(),
            Process::Fork(fork) => fork.descendant.pid(),
        }
    }

    /// Ends the process and all of its group, at once. Harmless when it has ended.
    pub fn kill(&self) {
        match self {
            Process::Child(child) | Process::Supervised(child, _) => child.kill(),
            Process::Fork(fork) => drop(fork.lifeline.lock().unwrap_or_else(PoisonError::into_inner).take()),
        }
    }

    /// Asks the runtime to end.
    pub async fn terminate(&self) {
        match self {
            Process::Child(child) => child.terminate(),
            Process::Supervised(_, supervisor) => supervisor.signal("TERM").await,
            // Nobody asks: what is inside a fork cannot be registered.
            Process::Fork(_) => {}
        }
    }

    /// Ends the runtime, if its extensions are to outlive it.
    pub async fn kill_runtime(&self) {
        if let Process::Supervised(_, supervisor) = self {
            supervisor.signal("KILL").await;
        }
    }

    /// Waits for the end of the runtime.
    pub async fn exit(&self) -> Exit {
        match self {
            Process::Child(child) => child.exit().await,
            Process::Supervised(child, supervisor) => tokio::select! {
                biased;
                exit = supervisor.ended() => exit,
                exit = child.exit() => exit,
            },
            Process::Fork(fork) => fork.exit().await,
        }
    }

    /// Waits for the end of all of it.
    pub async fn gone(&self) {
        match self {
            Process::Child(child) | Process::Supervised(child, _) => drop(child.exit().await),
            Process::Fork(fork) => drop(fork.exit().await),
        }
    }

    pub fn has_ended(&self) -> bool {
        match self {
            Process::Child(child) => child.has_ended(),
            Process::Supervised(child, supervisor) => supervisor.exit().is_some() || child.has_ended(),
            Process::Fork(fork) => fork.descendant.has_ended(),
        }
    }

    /// Stops it where it is, with all that it started, so that it uses no processor time; or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        match self {
            Process::Child(child) | Process::Supervised(child, _) => child.freeze(frozen),
            Process::Fork(fork) => fork.descendant.freeze(frozen),
        }
    }

    /// Whether it and all that it started hold more than so many bytes of their own. Known in isolation only.
    pub fn holds_more_than(&self, bytes: u64) -> bool {
        match self {
            Process::Child(child) | Process::Supervised(child, _) => {
                child.control_group().is_some_and(|group| group.holds_more_than(bytes))
            }
            Process::Fork(_) => false,
        }
    }

    /// The most memory the process has held so far, in bytes, what it shares with its zygote included; `None` when it
    /// has ended.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        match self {
            Process::Supervised(child, _) => Some(sandbox::peak_memory_of_all(child.pid())).filter(|bytes| *bytes > 0),
            _ => sandbox::peak_memory_bytes(self.pid()),
        }
    }
}
