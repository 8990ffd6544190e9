//! Forks that wait: made when they are needed, and one ahead of need, so that a start only has to tell it who it is.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sandbox::{Descendant, Limits, Port};
use tokio::net::UnixStream;

use crate::frames::Frames;
use crate::process::{Fork, Hold};
use crate::zygote::{ForkError, Zygote};

/// How long a fork may take until it waits. What a function does around a fork runs in that time.
const FORK_TIMEOUT: Duration = Duration::from_secs(10);

/// A fork that waits to be told which instance it is.
pub(crate) struct Waiting {
    pub fork: Fork,
    pub frames: Frames,
    /// What it prints.
    pub output: OwnedFd,
}

/// What a fork in isolation gets of its own.
#[derive(Clone)]
pub(crate) struct CellSettings {
    pub limits: Limits,
    pub tmp_bytes: u64,
    pub loopback_ports: Vec<Port>,
}

#[derive(Default)]
pub(crate) struct Spares(Mutex<State>);

#[derive(Default)]
struct State {
    ready: Option<Waiting>,
    making: bool,
    /// There shall be no more.
    closed: bool,
}

impl Spares {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Waiting> {
        self.lock().ready.take().filter(|spare| !spare.fork.has_ended())
    }

    /// Whether it is the caller's turn to make one.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        let begins = !state.closed && !state.making && state.ready.is_none();
        state.making |= begins;
        begins
    }

    /// Ends the turn.
    fn put(&self, spare: Option<Waiting>) {
        let mut state = self.lock();
        state.making = false;
        if !state.closed {
            state.ready = spare;
        }
    }

    /// Another zygote has taken the place of this one.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let spare = state.ready.take();
        drop(state);
        drop(spare);
    }
}

impl Zygote {
    /// A fork that waits, in a cell with these settings if there are any.
    pub async fn waiting(self: &Arc<Zygote>, cell: &Option<CellSettings>) -> Result<Waiting, ForkError> {
        self.touch();
        match self.spares.take() {
            Some(spare) => Ok(spare),
            None => self.fork(cell).await,
        }
    }

    /// Makes a fork ahead of need, in the background, unless there is one.
    pub fn make_spare(self: &Arc<Zygote>, cell: Option<CellSettings>) {
        if !self.spares.begin() {
            return;
        }
        let zygote = self.clone();
        tokio::spawn(async move {
            let spare = zygote.fork(&cell).await;
            zygote.spares.put(spare.ok());
        });
    }

    async fn fork(&self, cell: &Option<CellSettings>) -> Result<Waiting, ForkError> {
        let made = tokio::time::timeout(FORK_TIMEOUT, self.make(cell)).await;
        made.unwrap_or_else(|_| Err(ForkError::Refused(io::ErrorKind::TimedOut.into())))
    }

    async fn make(&self, cell: &Option<CellSettings>) -> Result<Waiting, ForkError> {
        let refused = |error: sandbox::Error| ForkError::Refused(io::Error::other(error));
        let (channel, control) = std::os::unix::net::UnixStream::pair()?;
        channel.set_nonblocking(true)?;
        let (output, writer) = io::pipe()?;
        let output = OwnedFd::from(output);
        rustix::io::ioctl_fionbio(&output, true).map_err(io::Error::from)?;
        let mut descriptors = vec![OwnedFd::from(control), writer.into()];
        let hold = match cell {
            Some(CellSettings { limits, tmp_bytes, loopback_ports }) => {
                let cell = self.process().cell(limits, *tmp_bytes, loopback_ports).await.map_err(refused)?;
                descriptors.iter().skip(1).try_for_each(|output| cell.give(output))?;
                descriptors.extend(cell.namespaces()?);
                Hold::Cell(Arc::new(cell))
            }
            None => {
                let (watched, lifeline) = io::pipe()?;
                descriptors.push(watched.into());
                Hold::Lifeline(Mutex::new(Some(lifeline.into())))
            }
        };
        let forked = self.ask(descriptors).await?;
        let descendant = Descendant::new(forked.pidfd).map_err(refused)?;
        let fork = Fork::new(hold, descendant, forked.exit, self);
        let mut frames = Frames::new(UnixStream::from_std(channel)?);
        let ended = |_| io::Error::other("the fork has ended before it was ready");
        frames.waits().await.map_err(ended)?;
        fork.enter().await?;
        Ok(Waiting { fork, frames, output })
    }
}

impl From<io::Error> for ForkError {
    fn from(error: io::Error) -> ForkError {
        ForkError::Refused(error)
    }
}
