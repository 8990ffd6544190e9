//! The process of an instance, whichever way it came to be: started by the server, or forked from a zygote.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sandbox::{Cell, Descendant, Exit};
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

/// A fork of a zygote, which is its parent and tells how it ended. It keeps its zygote alive.
pub(crate) struct Fork {
    /// The first field, so that it is dropped before the zygote, which waits for its forks.
    hold: Hold,
    descendant: Arc<Descendant>,
    exit: watch::Receiver<Option<Exit>>,
    /// `None` while it waits to be an instance, and its zygote keeps it.
    zygote: Option<Arc<Zygote>>,
}

/// By what a fork, and everything it starts, is ended.
pub(crate) enum Hold {
    /// The kernel ends the whole group when this is closed; see runtimes/python/cloudlet_zygote.py.
    Lifeline(Mutex<Option<OwnedFd>>),
    /// The namespaces that it lives in.
    Cell(Arc<Cell>),
}

/// How long a zygote may take to tell how a fork has ended.
const TELL_GRACE: Duration = Duration::from_secs(1);

/// A zygote that is gone cannot tell how its forks end. They can have ended in any way; this one claims the least.
const UNKNOWN: Exit = Exit::Signal(9);

/// How long a zygote may take to ask for the end of a fork. Until then, the fork's cell cannot end either.
const REAP_GRACE: Duration = Duration::from_secs(5);

impl Fork {
    pub fn new(hold: Hold, descendant: Descendant, exit: watch::Receiver<Option<Exit>>, zygote: &Zygote) -> Fork {
        let descendant = Arc::new(descendant);
        if let Hold::Cell(cell) = &hold {
            tokio::spawn(end_together(descendant.clone(), cell.clone(), Arc::downgrade(zygote.process())));
        }
        Fork { hold, descendant, exit, zygote: None }
    }

    /// Keeps its zygote alive from now on.
    pub fn of(mut self, zygote: Arc<Zygote>) -> Fork {
        self.zygote = Some(zygote);
        self
    }

    pub fn has_ended(&self) -> bool {
        self.descendant.has_ended()
    }

    /// Zero when it had ended before its number was asked for.
    pub fn pid(&self) -> u32 {
        self.descendant.pid()
    }

    /// Has its cell take it in, when it says that it has entered.
    pub async fn enter(&self) -> io::Result<()> {
        let Hold::Cell(cell) = &self.hold else { return Ok(()) };
        let (cell, descendant) = (cell.clone(), self.descendant.clone());
        tokio::task::spawn_blocking(move || cell.admit(&descendant)).await.map_err(io::Error::other)?
    }

    fn end(&self) {
        match &self.hold {
            Hold::Lifeline(lifeline) => drop(lifeline.lock().unwrap_or_else(PoisonError::into_inner).take()),
            Hold::Cell(cell) => {
                cell.process().kill();
                // Should it not be in there.
                self.descendant.kill();
            }
        }
    }

    /// To be polled to its end: what a zygote that tells nothing is given begins anew with each call.
    async fn exit(&self) -> Exit {
        let mut told = self.exit.clone();
        let silent = async {
            self.descendant.ended().await;
            tokio::time::sleep(TELL_GRACE).await;
        };
        tokio::select! {
            biased;
            Ok(exit) = told.wait_for(Option::is_some) => exit.unwrap_or(UNKNOWN),
            () = silent => UNKNOWN,
        }
    }
}

/// What a fork leaves in its cell ends with it.
async fn end_together(fork: Arc<Descendant>, cell: Arc<Cell>, zygote: Weak<sandbox::Process>) {
    fork.ended().await;
    cell.process().kill();
    let ended = tokio::time::timeout(REAP_GRACE, cell.process().exit()).await.is_ok();
    if let (false, Some(zygote)) = (ended, zygote.upgrade()) {
        tracing::warn!(pid = zygote.pid(), "a zygote does not care for its forks, and is ended");
        zygote.kill();
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        self.end();
        if let Some(zygote) = &self.zygote {
            zygote.touch();
        }
    }
}

impl Process {
    /// Zero for a fork that had ended before its number was asked for.
    pub fn pid(&self) -> u32 {
        match self {
            Process::Child(child) | Process::Supervised(child, _) => child.pid(),
            Process::Fork(fork) => fork.pid(),
        }
    }

    /// Ends the process and all of its group, at once. Harmless when it has ended.
    pub fn kill(&self) {
        match self {
            Process::Child(child) | Process::Supervised(child, _) => child.kill(),
            Process::Fork(fork) => fork.end(),
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

    /// Waits for the end of the runtime. Not to be called again and again: who waits beside other things keeps the future.
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
            Process::Fork(fork) => fork.has_ended(),
        }
    }

    /// Stops it where it is, with all that it started, so that it uses no processor time; or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        match self {
            Process::Child(child) | Process::Supervised(child, _) => child.freeze(frozen),
            Process::Fork(Fork { hold: Hold::Cell(cell), .. }) => cell.process().freeze(frozen),
            Process::Fork(fork) => fork.descendant.freeze(frozen),
        }
    }

    /// Whether it and all that it started hold more than so many bytes of their own.
    pub fn holds_more_than(&self, bytes: u64) -> bool {
        // Where groups are not counted, its processes are, but for those that have left their parent.
        let all = |pid| sandbox::anonymous_bytes_of_all(pid) > bytes;
        let hold = |process: &sandbox::Process| {
            let counted = process.control_group().and_then(|group| group.holds_more_than(bytes));
            counted.unwrap_or_else(|| all(process.pid()))
        };
        match self {
            Process::Child(child) | Process::Supervised(child, _) => hold(child),
            // What it shares with its zygote is in the zygote's control group.
            Process::Fork(fork @ Fork { hold: Hold::Cell(cell), .. }) => {
                sandbox::anonymous_bytes(fork.pid()) > bytes || hold(cell.process())
            }
            Process::Fork(fork) => all(fork.pid()),
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
