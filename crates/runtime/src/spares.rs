//! Forks that wait: made when they are needed, and ahead of need, so that a start only has to tell one who it is. One at least waits
//! of each zygote, and more where starts come faster than forks are made.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sandbox::{Cell, Descendant, Limits, Port};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::frames::Frames;
use crate::memory::Reserve;
use crate::process::{Fork, Hold};
use crate::zygote::{ForkError, Zygote};

/// How long a fork may take until it waits. What a function does around a fork runs in that time.
const FORK_TIMEOUT: Duration = Duration::from_secs(10);

/// Forks of one zygote that wait.
const SPARES_MAX: usize = 8;

/// How long more than one of them wait after the last start.
const SPARES_STAY: Duration = Duration::from_secs(20);

/// A fork that waits to be told which instance it is.
pub(crate) struct Waiting {
    pub fork: Fork,
    pub frames: Frames,
    /// What it prints.
    pub output: OwnedFd,
    since: Instant,
}

/// What a fork in isolation gets of its own.
#[derive(Clone)]
pub(crate) struct CellSettings {
    pub limits: Limits,
    pub tmp_bytes: u64,
    pub loopback_ports: Vec<Port>,
}

/// What forks are made with.
#[derive(Clone)]
pub(crate) struct Workshop {
    /// Processes that are started at the same time: more would only take time from each other.
    pub turns: Arc<Semaphore>,
    /// Nothing is made ahead of need from it.
    pub reserve: Reserve,
}

pub(crate) struct Spares(Mutex<State>);

struct State {
    /// The oldest one is the first.
    ready: VecDeque<Waiting>,
    wanted: usize,
    /// When one was last asked for.
    used: Instant,
    making: bool,
    /// There shall be no more.
    closed: bool,
}

impl Spares {
    pub fn new() -> Spares {
        let (ready, used) = (VecDeque::new(), Instant::now());
        Spares(Mutex::new(State { ready, wanted: 1, used, making: false, closed: false }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the one that has had most time to get ready. When there is none, more are kept from now on.
    fn take(&self, now: Instant) -> Option<Waiting> {
        let mut state = self.lock();
        state.used = now;
        while let Some(spare) = state.ready.pop_front() {
            if !spare.fork.has_ended() {
                return Some(spare);
            }
        }
        state.wanted = (state.wanted * 2).min(SPARES_MAX);
        None
    }

    /// Whether it is the caller's turn to make them.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        let begins = state.lacks() && !state.making;
        state.making |= begins;
        begins
    }

    /// Takes one in that was made; ends the turn when that was the last one, or failed.
    fn put(&self, spare: Option<Waiting>) -> bool {
        let mut state = self.lock();
        let made = spare.is_some();
        if !state.closed {
            state.ready.extend(spare);
        }
        state.making = made && state.lacks();
        state.making
    }

    /// Another zygote has taken the place of this one.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let spares = std::mem::take(&mut state.ready);
        drop(state);
        drop(spares);
    }

    /// Since when the oldest one waits.
    pub fn oldest(&self) -> Option<Instant> {
        self.lock().ready.front().map(|spare| spare.since)
    }

    /// The oldest one leaves, for its memory.
    pub fn evict(&self) {
        let spare = self.lock().ready.pop_front();
        drop(spare);
    }

    /// All but one leave when none was needed for long, and those that have died.
    pub fn expire(&self, now: Instant) {
        let mut state = self.lock();
        if now.duration_since(state.used) > SPARES_STAY {
            state.wanted = 1;
        }
        let (fit, mut leave): (VecDeque<Waiting>, Vec<Waiting>) = {
            let (dead, fit): (Vec<Waiting>, Vec<Waiting>) =
                std::mem::take(&mut state.ready).into_iter().partition(|spare| spare.fork.has_ended());
            (fit.into(), dead)
        };
        state.ready = fit;
        let over = state.ready.len().saturating_sub(state.wanted);
        leave.extend(state.ready.drain(..over));
        drop(state);
        drop(leave);
    }

    pub fn pids(&self) -> Vec<u32> {
        self.lock().ready.iter().map(|spare| spare.fork.pid()).collect()
    }
}

impl State {
    fn lacks(&self) -> bool {
        !self.closed && self.ready.len() < self.wanted
    }
}

impl Zygote {
    /// A fork that waits, in a cell with these settings if there are any.
    pub async fn waiting(
        self: &Arc<Zygote>,
        cell: &Option<CellSettings>,
        workshop: &Workshop,
    ) -> Result<Waiting, ForkError> {
        self.touch();
        match self.spares.take(Instant::now()) {
            Some(spare) => Ok(spare),
            None => self.fork(cell, workshop).await,
        }
    }

    /// Makes forks ahead of need, in the background, one after the other, until there are as many as are wanted.
    pub fn make_spares(self: &Arc<Zygote>, cell: Option<CellSettings>, workshop: Workshop) {
        if !self.spares.begin() {
            return;
        }
        let zygote = self.clone();
        tokio::spawn(async move {
            loop {
                let spare = match workshop.reserve.is_touched() {
                    true => None,
                    false => zygote.fork(&cell, &workshop).await.ok(),
                };
                if !zygote.spares.put(spare) {
                    break;
                }
            }
        });
    }

    async fn fork(&self, cell: &Option<CellSettings>, workshop: &Workshop) -> Result<Waiting, ForkError> {
        let cell = match cell {
            Some(settings) => Some(self.cell(settings, workshop).await?),
            None => None,
        };
        let made = tokio::time::timeout(FORK_TIMEOUT, self.make(cell)).await;
        made.unwrap_or_else(|_| Err(ForkError::Refused(io::ErrorKind::TimedOut.into())))
    }

    /// It is the server alone that makes it: a turn is never kept by a function.
    async fn cell(&self, settings: &CellSettings, workshop: &Workshop) -> Result<Cell, ForkError> {
        let CellSettings { limits, tmp_bytes, loopback_ports } = settings;
        let _turn = workshop.turns.acquire().await;
        self.process().cell(limits, *tmp_bytes, loopback_ports).await.map_err(refused)
    }

    async fn make(&self, cell: Option<Cell>) -> Result<Waiting, ForkError> {
        let (channel, control) = std::os::unix::net::UnixStream::pair()?;
        channel.set_nonblocking(true)?;
        let (output, writer) = io::pipe()?;
        let output = OwnedFd::from(output);
        rustix::io::ioctl_fionbio(&output, true).map_err(io::Error::from)?;
        let mut descriptors = vec![OwnedFd::from(control), writer.into()];
        let hold = match cell {
            Some(cell) => {
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
        frames.admit().await.map_err(ended)?;
        Ok(Waiting { fork, frames, output, since: Instant::now() })
    }
}

fn refused(error: sandbox::Error) -> ForkError {
    ForkError::Refused(io::Error::other(error))
}

impl From<io::Error> for ForkError {
    fn from(error: io::Error) -> ForkError {
        ForkError::Refused(error)
    }
}
