//! The archiver: a thread that carries every batch and every blob to a target, a second or so behind.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Timestamp;
use blob::Held;

use crate::lease::Pace;
use crate::ship::Shipper;
use crate::{Data, Error, Result, Target};

/// How long batches are collected for one part of the log.
const INTERVAL: Duration = Duration::from_secs(1);
/// What failed is tried again later each time, but no later than this.
const RETRY_MAX: Duration = Duration::from_secs(8);

/// How to archive.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What only moments longer ago need is removed; without it, everything is kept.
    pub keep: Option<Duration>,
    pub pace: Pace,
    /// How long [`Archiver::stop`] waits for what is not archived yet.
    pub stop: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options { keep: None, pace: Pace::default(), stop: Duration::from_secs(5) }
    }
}

/// How far an archive is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last batch that is archived; `None` until the archive was looked at.
    pub sequence: Option<u64>,
    /// Everything committed before this moment is archived, as far as that is known.
    pub until: Option<Timestamp>,
    /// Why it does not get further.
    pub failure: Option<String>,
    /// The first moment of this store that can be brought back.
    pub first: Option<Timestamp>,
    /// Why what is too old could not be removed.
    pub stays: Option<String>,
}

/// What is committed and not archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// How many, as far as that is known.
    pub batches: Option<u64>,
    /// Everything committed before this moment is archived, as far as that is known.
    pub until: Option<Timestamp>,
    /// Why it did not get further, where that is known.
    pub failure: Option<String>,
}

/// Archives until it is dropped, or stopped.
pub struct Archiver {
    data: Data,
    stop: Duration,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    progress: Progress,
    stopping: bool,
    ended: bool,
}

impl Archiver {
    pub fn start(data: Data, target: Arc<dyn Target>, options: Options) -> Result<Archiver> {
        let shared = Arc::new(Shared::default());
        let shipper = Shipper::new(data.clone(), target, options);
        let ended = Ended(Arc::clone(&shared));
        std::thread::Builder::new()
            .name("archiver".into())
            .spawn(move || run(shipper, &ended.0))
            .map_err(Error::io("the archiver's thread did not start"))?;
        Ok(Archiver { data, stop: options.stop, shared })
    }

    pub fn progress(&self) -> Progress {
        self.shared.lock().progress.clone()
    }

    /// What would be lost with the server's disk now: everything committed in this time. Zero when nothing was. While nobody knows
    /// how far the archive is, it is the time since 1970.
    pub fn lag(&self) -> Duration {
        self.behind().map_or(Duration::ZERO, |behind| self.data.env.now().since(behind.until.unwrap_or_default()))
    }

    /// Deleted blobs that take room until the archive, or whoever else copies them, has them.
    pub fn held(&self) -> Held {
        self.data.blobs.iter().map(|(_, blobs)| blobs.held()).fold(Held::default(), std::ops::Add::add)
    }

    fn behind(&self) -> Option<Behind> {
        let Progress { sequence, until, failure, .. } = self.progress();
        let durable = self.data.journal.durable().ok();
        if durable.is_some() && durable <= sequence {
            return None;
        }
        let batches = durable.zip(sequence).map(|(durable, sequence)| durable - sequence);
        Some(Behind { batches, until, failure })
    }

    /// Archives what is there, as far as that is possible in the time that was set, and ends. Tells what is not archived then: it is in
    /// the data folder, and an archiver that is started on it goes on with it.
    pub fn stop(&self) -> Option<Behind> {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        // A request that gets no answer cannot be taken back; the thread ends after it, or with the process.
        drop(self.shared.wait(self.stop, |state| !state.ended));
        self.behind()
    }
}

impl Drop for Archiver {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Says that the thread has ended, in whatever way.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the archiver panicked");
            self.0.lock().progress.failure = Some("the archiver panicked; the log says where".into());
        }
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `time`, or until the condition does not hold any more.
    fn wait(&self, time: Duration, holds: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |state| holds(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn stopped_within(&self, time: Duration) -> bool {
        self.wait(time, |state| !state.stopping).stopping
    }
}

fn run(mut shipper: Shipper, shared: &Shared) {
    let mut pause = INTERVAL;
    while !shared.stopped_within(pause) {
        pause = match round(&mut shipper, shared) {
            Ok(()) => INTERVAL,
            Err(error) if error.is_final() => return,
            // Its time counts from when it was first seen.
            Err(Error::Waiting { .. }) => INTERVAL,
            Err(_) => (pause * 2).min(RETRY_MAX),
        };
    }
    // What came since.
    let last = round(&mut shipper, shared);
    if let Err(error) = last.and_then(|()| shipper.release()) {
        tracing::debug!(%error, "the archive does not know that this server has ended");
    }
}

/// Archives what is there, and tells how it went.
fn round(shipper: &mut Shipper, shared: &Shared) -> Result<()> {
    let before = shipper.now();
    let outcome = shipper.round();
    let stays = if outcome.is_ok() { shipper.prune(before) } else { None };
    let progress = &mut shared.lock().progress;
    (progress.sequence, progress.first) = (shipper.sequence(), shipper.first());
    if let Some(stays) = stays {
        progress.stays = stays.err().map(|error| {
            tracing::error!(%error, "what is too old stays in the archive");
            error.to_string()
        });
    }
    match &outcome {
        Ok(()) => {
            if progress.failure.take().is_some() {
                tracing::info!("the archive gets further again");
            }
            progress.until = Some(before);
        }
        Err(error) => {
            // It is tried again, and told once.
            let failure = Some(error.to_string());
            if progress.failure != failure {
                tracing::error!(%error, "the archive does not get further");
            }
            progress.failure = failure;
        }
    }
    outcome
}
