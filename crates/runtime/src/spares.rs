//! Forks that wait: made when they are needed, and ahead of need, so that a start only has to tell one who it is. One at least waits
//! of each zygote, and more where starts come faster than forks are made.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sandbox::{Descendant, Limits, Port};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::frames::Frames;
use crate::process::{Fork, Hold};
use crate::workshop::Workshop;
use crate::zygote::{ForkError, Zygote};

/// How long a fork may take until it waits. What a function does around a fork runs in that time.
const FORK_TIMEOUT: Duration = Duration::from_secs(10);

/// Forks of one zygote that wait. Making one takes tens of milliseconds at times, and using one takes one.
const SPARES_MAX: usize = 16;

/// Forks of one zygote that are made at the same time. What they wait for in the kernel, which is that all processors have
/// passed a quiet state, they wait for together.
const MAKERS_MAX: usize = 3;

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

pub(crate) struct Spares(Mutex<State<Waiting, ForkError>>);

/// What waits.
trait Spare {
    fn since(&self) -> Instant;
    fn has_ended(&self) -> bool;
}

struct State<W, E> {
    /// The oldest one is the first.
    ready: VecDeque<W>,
    /// Starts that have found none.
    starts: VecDeque<oneshot::Sender<Result<W, E>>>,
    wanted: usize,
    /// When one was last asked for.
    used: Option<Instant>,
    /// How many are being made ahead of need.
    making: usize,
    /// There shall be no more.
    closed: bool,
}

impl Spares {
    pub fn new() -> Spares {
        Spares(Mutex::new(State::new()))
    }

    fn lock(&self) -> MutexGuard<'_, State<Waiting, ForkError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another zygote has taken the place of this one.
    pub fn close(&self) {
        let spares = self.lock().close();
        drop(spares);
    }

    /// Since when the oldest one waits.
    pub fn oldest(&self) -> Option<Instant> {
        self.lock().ready.front().map(Spare::since)
    }

    /// The oldest one leaves, for its memory.
    pub fn evict(&self) {
        let spare = self.lock().ready.pop_front();
        drop(spare);
    }

    /// Those leave that are not needed any more.
    pub fn expire(&self, now: Instant) {
        let spares = self.lock().expire(now);
        drop(spares);
    }

    pub fn pids(&self) -> Vec<u32> {
        self.lock().ready.iter().map(|spare| spare.fork.pid()).collect()
    }
}

impl Spare for Waiting {
    fn since(&self) -> Instant {
        self.since
    }

    fn has_ended(&self) -> bool {
        self.fork.has_ended()
    }
}

/// What leaves is given to the caller, who drops it without the lock.
impl<W: Spare, E> State<W, E> {
    fn new() -> State<W, E> {
        let (ready, starts) = (VecDeque::new(), VecDeque::new());
        State { ready, starts, wanted: 1, used: None, making: 0, closed: false }
    }

    /// Takes the one that has had most time to get ready. When there is none, more are kept from now on; but the first start
    /// comes before any can be there.
    fn take(&mut self, now: Instant) -> Option<W> {
        let is_first = self.used.replace(now).is_none();
        while let Some(spare) = self.ready.pop_front() {
            if !spare.has_ended() {
                return Some(spare);
            }
        }
        if !is_first {
            self.wanted = (self.wanted * 2).min(SPARES_MAX);
        }
        None
    }

    /// Whether the caller is to make one ahead of need.
    fn begin(&mut self) -> bool {
        let lacks = !self.closed && self.ready.len() + self.making < self.wanted;
        let begins = lacks && self.making < MAKERS_MAX;
        self.making += usize::from(begins);
        begins
    }

    /// Takes one in that was made ahead of need. Tells whether its maker goes on, which it does not when it has failed.
    fn put(&mut self, spare: Option<W>) -> bool {
        self.making = self.making.saturating_sub(1);
        let made = spare.is_some();
        spare.into_iter().for_each(|spare| self.give(Ok(spare)));
        made && self.begin()
    }

    /// A start that has found none makes one, and takes whichever is there first. So each that is made has somebody who
    /// waits, or it waits itself.
    fn give(&mut self, mut made: Result<W, E>) {
        while let Some(start) = self.starts.pop_front() {
            match start.send(made) {
                Ok(()) => return,
                // Who has asked is gone.
                Err(again) => made = again,
            }
        }
        if !self.closed {
            self.ready.extend(made);
        }
    }

    fn close(&mut self) -> VecDeque<W> {
        self.closed = true;
        std::mem::take(&mut self.ready)
    }

    /// Those that have died, and all but one when none was needed for long.
    fn expire(&mut self, now: Instant) -> Vec<W> {
        if self.used.is_none_or(|used| now.duration_since(used) > SPARES_STAY) {
            self.wanted = 1;
        }
        let (mut leave, ready): (Vec<W>, Vec<W>) = self.ready.drain(..).partition(Spare::has_ended);
        self.ready = ready.into();
        let over = self.ready.len().saturating_sub(self.wanted);
        leave.extend(self.ready.drain(..over));
        leave
    }
}

impl Zygote {
    /// A fork that waits, in a cell with these settings if there are any.
    pub async fn waiting(self: &Arc<Zygote>, cell: &Option<CellSettings>) -> Result<Waiting, ForkError> {
        self.touch();
        let made = {
            let mut spares = self.spares.lock();
            if let Some(spare) = spares.take(Instant::now()) {
                return Ok(spare);
            }
            let (sender, made) = oneshot::channel();
            spares.starts.push_back(sender);
            made
        };
        let (zygote, cell) = (self.clone(), cell.clone());
        tokio::spawn(async move {
            let made = zygote.fork(&cell).await;
            zygote.spares.lock().give(made);
        });
        made.await.unwrap_or(Err(ForkError::Gone))
    }

    /// Makes forks ahead of need, in the background, until there are as many as are wanted.
    pub fn make_spares(self: &Arc<Zygote>, cell: &Option<CellSettings>, workshop: &Workshop) {
        while self.spares.lock().begin() {
            let (zygote, cell, workshop) = (self.clone(), cell.clone(), workshop.clone());
            tokio::spawn(async move {
                loop {
                    let spare = match workshop.reserve.is_touched() {
                        true => None,
                        false => workshop.in_turn(zygote.fork(&cell)).await.ok(),
                    };
                    if !zygote.spares.lock().put(spare) {
                        break;
                    }
                }
            });
        }
    }

    async fn fork(&self, settings: &Option<CellSettings>) -> Result<Waiting, ForkError> {
        let made = tokio::time::timeout(FORK_TIMEOUT, self.make(settings)).await;
        made.unwrap_or_else(|_| Err(ForkError::Refused(io::ErrorKind::TimedOut.into())))
    }

    async fn make(&self, settings: &Option<CellSettings>) -> Result<Waiting, ForkError> {
        let refused = |error: sandbox::Error| ForkError::Refused(io::Error::other(error));
        let (channel, control) = std::os::unix::net::UnixStream::pair()?;
        channel.set_nonblocking(true)?;
        let (output, writer) = io::pipe()?;
        let output = OwnedFd::from(output);
        rustix::io::ioctl_fionbio(&output, true).map_err(io::Error::from)?;
        let mut descriptors = vec![OwnedFd::from(control), writer.into()];
        let hold = match settings {
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
        frames.admit().await.map_err(ended)?;
        Ok(Waiting { fork, frames, output, since: Instant::now() })
    }
}

impl From<io::Error> for ForkError {
    fn from(error: io::Error) -> ForkError {
        ForkError::Refused(error)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Since when it waits, and whether it has died.
    #[derive(Debug, PartialEq)]
    struct Fake(Instant, bool);

    impl Spare for Fake {
        fn since(&self) -> Instant {
            self.0
        }

        fn has_ended(&self) -> bool {
            self.1
        }
    }

    /// Makes as many as are wanted, each a second younger than the one before, and tells how many that were.
    fn fill(state: &mut State<Fake, ()>, now: Instant) -> u32 {
        let mut made = 0;
        // As many makers as there may be, one of which makes all.
        let makers = (0..).take_while(|_| state.begin()).count();
        assert_eq!(makers, state.wanted.saturating_sub(state.ready.len()).min(MAKERS_MAX));
        state.making = state.making.min(1);
        if makers > 0 {
            loop {
                made += 1;
                if !state.put(Some(Fake(now + Duration::from_secs(made.into()), false))) {
                    break;
                }
            }
        }
        made
    }

    #[test]
    fn more_wait_where_there_were_too_few() {
        let now = Instant::now();
        let mut state = State::<Fake, ()>::new();
        assert_eq!((state.take(now), fill(&mut state, now)), (None, 1));
        assert_eq!((state.take(now).is_some(), fill(&mut state, now)), (true, 1));
        for wanted in [2, 4, 8, 16, 16] {
            while state.take(now).is_some() {}
            assert_eq!(fill(&mut state, now), wanted);
        }
        assert!(state.expire(now + SPARES_STAY).is_empty());
        let left = state.expire(now + SPARES_STAY + Duration::from_secs(1));
        assert_eq!((left.len(), left[0].0, state.ready.len()), (15, now + Duration::from_secs(1), 1));
    }

    #[test]
    fn the_dead_are_not_given() {
        let now = Instant::now();
        let mut state = State::<Fake, ()>::new();
        state.wanted = 3;
        assert!(state.begin() && state.put(Some(Fake(now, true))) && state.put(Some(Fake(now, false))));
        assert!(!state.put(None), "one that failed is not tried again at once");
        assert_eq!((state.take(now), state.take(now)), (Some(Fake(now, false)), None));
        state.ready.push_back(Fake(now, true));
        assert_eq!(state.expire(now), [Fake(now, true)]);
    }

    #[test]
    fn none_wait_for_a_zygote_that_is_superseded() {
        let now = Instant::now();
        let mut state = State::<Fake, ()>::new();
        assert!(state.begin());
        assert!(state.close().is_empty() && !state.put(Some(Fake(now, false))));
        assert!(state.ready.is_empty() && !state.begin());
    }

    #[test]
    fn starts_take_what_is_there_first() {
        let now = Instant::now();
        let mut state = State::<Fake, u8>::new();
        let mut wait = || {
            let (sender, made) = oneshot::channel();
            state.starts.push_back(sender);
            made
        };
        let (gone, mut first, mut second) = (wait(), wait(), wait());
        drop(gone);
        assert!(state.begin() && state.put(Some(Fake(now, false))), "none waits yet");
        state.give(Err(7));
        assert_eq!((first.try_recv(), second.try_recv()), (Ok(Ok(Fake(now, false))), Ok(Err(7))));
        state.give(Ok(Fake(now, false)));
        assert_eq!(state.take(now), Some(Fake(now, false)));
    }
}
