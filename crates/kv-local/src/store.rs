//! How a batch moves: into the log, into the newest layer, and with that layer, when it is full, into the tree.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base::{Env, Timestamp};
use kv::{Batch, Engine, Entry, Error, Snapshot, Stats, Ticket};

use crate::disk::{Disk, is_full};
use crate::layer::Layer;
use crate::log::{self, Cursor, Log};
use crate::recover::{self, Failure};
use crate::tree::{Mark, Tree, failed};
use crate::view::{Below, Frozen, View};
use crate::{Options, record};

/// How fast the tree takes bytes, before it was measured; a second.
const FLUSH_RATE: f64 = 16e6;

/// How far the newest layer may be ahead of the move of the one before it, as shares of a full layer, before batches wait; and how
/// much further it is when they come as slowly as the tree takes them.
const LEAD: f64 = 0.5;
const LEAD_TO_PACE: f64 = 0.1;

/// The longest wait of a batch, unless as many bytes take the tree longer.
const PAUSE_MAX: f64 = 0.025;

/// How full the newest layer may be while the one before it is not yet moved.
const FULL_MAX: f64 = 2.0;

/// How soon to look again whether the tree goes on.
const WALL_PAUSE: Duration = Duration::from_millis(50);

/// A layer is full, too, when its batches had so many times its bytes: they overwrote each other, and the log grew.
const LOG_SHARE: usize = 2;

/// Everything but the thread that flushes, so that simulations can do its work at moments of their choice.
pub(crate) struct Store {
    disk: Arc<dyn Disk>,
    env: Env,
    history: u64,
    log: Log,
    tree: Tree,
    overlay_bytes: usize,
    reserve_bytes: u64,
    state: Mutex<State>,
    /// The bytes of the frozen layer that were given to the tree.
    moved: AtomicUsize,
    /// Held by who flushes. Were two to flush the same layer, the later one could take the next layer for flushed.
    flushing: Mutex<()>,
    /// Rung when a layer is full, when one has been flushed, and at the end.
    changed: Condvar,
}

struct State {
    latest: View,
    durable: Arc<View>,
    /// Bytes of the batches in the newest layer.
    logged: usize,
    /// When the last batch was committed.
    last_time: Timestamp,
    /// How long the tree took for the last layer; seconds.
    flush_seconds: f64,
    /// Why the tree takes no more.
    failure: Option<Error>,
    /// Whether a thread flushes.
    background: bool,
    closed: bool,
}

impl Store {
    /// Opens the store on `disk`, which is called `folder` in errors.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, options: &Options) -> Result<Store, crate::Error> {
        let io = |source| crate::Error::Io { path: folder.to_owned(), source };
        let tree = Tree::on(Arc::clone(&disk), folder, options)?;
        let unreadable = |error: redb::Error| crate::Error::unreadable(folder, error);
        log::clean(&*disk).map_err(io)?;
        // The process before may have ended between giving a file its name and making that durable.
        disk.sync_names().map_err(io)?;
        let mut mark = tree.mark().map_err(unreadable)?;
        let below = Below { frozen: None, tree: tree.view().map_err(unreadable)? };
        let (mut active, mut last_time) = (Layer::new(options.overlay_bytes), mark.time);
        let contents = recover::recover(&*disk, mark, options.journal, |time, batch| {
            active.apply(&batch, &below);
            last_time = last_time.max(time);
        });
        let contents = contents.map_err(|failure| match failure {
            Failure::Io(source) => io(source),
            Failure::Newer { name, found } => crate::Error::Newer { path: folder.join(name), found },
            Failure::Damaged(damage) => crate::Error::Damaged { path: folder.to_owned(), damage },
        })?;
        // Says that there is a log from now on. And should the process before have ended on a failed fsync, the tree's
        // newest commit may be in the operating system's memory alone: this one is on the disk, before the log is cut.
        mark.file = contents.next_number - 1;
        while mark.history == 0 {
            mark.history = options.env.random_u64();
        }
        tree.set_mark(mark).map_err(unreadable)?;
        tree.file().set_patient(true);
        let logged = active.bytes();
        let view = View { active, below, sequence: contents.last };
        let log = Log::new(Arc::clone(&disk), options.env.clone(), options.segment_bytes, options.journal, contents);
        let state = State {
            durable: Arc::new(view.clone()),
            latest: view,
            logged,
            last_time,
            flush_seconds: options.overlay_bytes as f64 / FLUSH_RATE,
            failure: None,
            background: false,
            closed: false,
        };
        let store = Store {
            disk,
            env: options.env.clone(),
            history: mark.history,
            log,
            tree,
            overlay_bytes: options.overlay_bytes.max(1),
            reserve_bytes: options.reserve_bytes,
            state: Mutex::new(state),
            moved: AtomicUsize::new(0),
            flushing: Mutex::default(),
            changed: Condvar::new(),
        };
        store.freeze(&mut store.lock());
        Ok(store)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn snapshot(&self) -> Result<Arc<dyn Snapshot>, Error> {
        let state = self.lock();
        Ok(Arc::<View>::clone(&state.durable))
    }

    pub fn latest(&self) -> Result<Arc<dyn Snapshot>, Error> {
        Ok(Arc::new(self.lock().latest.clone()))
    }

    pub fn append(&self, batch: &Batch) -> Result<Ticket, Error> {
        let time = self.lock().last_time.max(self.env.now());
        let record = record::encode(time, batch);
        let bytes = record.len();
        self.make_room(bytes)?;
        let sequence = self.log.append(record).map_err(engine)?;
        let View { mut active, below, .. } = self.lock().latest.clone();
        active.apply(batch, &below);
        let mut state = self.lock();
        state.latest.active = active;
        state.latest.sequence = sequence;
        state.logged += bytes;
        state.last_time = time;
        Ok(Ticket(sequence))
    }

    pub fn durable(&self, ticket: Ticket) -> Result<(), Error> {
        let view = {
            let state = self.lock();
            if state.durable.sequence >= ticket.0 {
                return Ok(());
            }
            state.latest.clone()
        };
        self.log.sync().map_err(engine)?;
        let mut state = self.lock();
        // Unless more was appended meanwhile, the latest is the same, but may have been flushed.
        let current = state.latest.sequence == view.sequence;
        let durable = Arc::new(if current { state.latest.clone() } else { view });
        let before = std::mem::replace(&mut state.durable, durable);
        drop(state);
        // Takes its time when a range delete emptied a layer, and nobody else should wait for that.
        drop(before);
        Ok(())
    }

    /// Starts a new layer when the newest is full, and slows down when the tree cannot follow.
    fn make_room(&self, bytes: usize) -> Result<(), Error> {
        self.slow_down(bytes)?;
        let mut state = self.lock();
        let full = state.latest.active.bytes() >= self.overlay_bytes
            || state.logged >= self.overlay_bytes.saturating_mul(LOG_SHARE);
        if full && state.latest.below.frozen.is_none() {
            drop(state);
            // The tree must not get ahead of the log.
            self.log.sync().map_err(engine)?;
            state = self.lock();
            self.freeze(&mut state);
        }
        Ok(())
    }

    /// Hands the newest layer over to be flushed.
    fn freeze(&self, state: &mut State) {
        if state.latest.sequence == 0 || state.logged == 0 {
            return;
        }
        let layer = std::mem::replace(&mut state.latest.active, Layer::new(self.overlay_bytes));
        let (flushed, time) = (state.latest.sequence, state.last_time);
        let mark = Mark { flushed, file: self.log.newest(), history: self.history, time };
        self.moved.store(0, Ordering::Relaxed);
        state.latest.below.frozen = Some(Frozen { layer, mark });
        state.logged = 0;
        self.changed.notify_all();
    }

    /// Waits a little when the newest layer fills up faster than the one before it moves to the tree: the further it is ahead, the
    /// longer, so that batches come no faster than the tree takes them before the memory for layers is used up.
    fn slow_down(&self, bytes: usize) -> Result<(), Error> {
        let mut state = self.lock();
        loop {
            if let Some(error) = &state.failure {
                return Err(error.clone());
            }
            let Some(frozen) = &state.latest.below.frozen else { return Ok(()) };
            let (active, logged) = (state.latest.active.bytes(), state.logged / LOG_SHARE);
            let full = active.max(logged) as f64 / self.overlay_bytes as f64;
            if !state.background {
                drop(state);
                return if full >= FULL_MAX { self.flush() } else { Ok(()) };
            }
            if full < FULL_MAX {
                let moved = self.moved.load(Ordering::Relaxed) as f64 / frozen.layer.bytes().max(1) as f64;
                let share = if logged > active { bytes / LOG_SHARE } else { bytes } as f64 / self.overlay_bytes as f64;
                let pause = pause(full - moved, share * state.flush_seconds);
                let flushing = |state: &mut State| state.latest.below.frozen.is_some() && state.failure.is_none();
                drop(self.changed.wait_timeout_while(state, pause, flushing).unwrap_or_else(PoisonError::into_inner));
                return Ok(());
            }
            if self.tree.file().is_waiting() {
                return Err(Error::Full("the tree cannot grow, and what it does not have fills the memory".into()));
            }
            state = self.changed.wait_timeout(state, WALL_PAUSE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Moves the full layer to the tree, if there is one.
    pub fn flush(&self) -> Result<(), Error> {
        let _flushing = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Frozen { layer, mark }) = self.lock().latest.below.frozen.clone() else { return Ok(()) };
        let start = Instant::now();
        let flushed = self.tree.flush(&layer, mark, &self.moved).and_then(|()| self.tree.view()).map_err(failed);
        let mut state = self.lock();
        match flushed {
            Ok(tree) => {
                let below = Below { frozen: None, tree };
                state.latest.below = below.clone();
                // A view that does not have the layer apart has its rows in the layer above.
                if state.durable.below.frozen.as_ref().is_some_and(|frozen| frozen.mark == mark) {
                    state.durable = Arc::new(View { below, ..View::clone(&state.durable) });
                }
                state.flush_seconds = start.elapsed().as_secs_f64();
            }
            Err(error) => {
                tracing::error!(%error, "the tree could not be written: the log takes no more");
                state.failure = Some(error.clone());
                self.changed.notify_all();
                return Err(error);
            }
        }
        drop(state);
        self.log.release(mark);
        self.changed.notify_all();
        Ok(())
    }

    /// Flushes each layer that is full, until [`Store::close`].
    pub fn flush_until_closed(&self) {
        self.lock().background = true;
        loop {
            let state = self.lock();
            let idle = |state: &mut State| state.latest.below.frozen.is_none() && !state.closed;
            let state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            let closed = state.closed;
            drop(state);
            if closed || !self.flush_or_fail() {
                return;
            }
        }
    }

    /// Whether the tree can be written to. A panic of its library is a failure like others: writers who wait must hear of it.
    fn flush_or_fail(&self) -> bool {
        let flushed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.flush()));
        flushed.is_ok_and(|flushed| flushed.is_ok()) || {
            let mut state = self.lock();
            state.failure.get_or_insert_with(|| Error::Engine("the tree could not be written".into()));
            self.changed.notify_all();
            false
        }
    }

    /// Makes files for the log in advance, until [`Store::close`].
    pub fn prepare_until_closed(&self) {
        self.log.prepare_until_closed();
    }

    pub fn close(&self) {
        self.tree.file().set_patient(false);
        self.log.close();
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub fn history(&self) -> u64 {
        self.history
    }

    /// A snapshot, and the sequence number of the last batch in it.
    pub fn numbered_snapshot(&self) -> (Arc<dyn Snapshot>, u64) {
        let view = Arc::clone(&self.lock().durable);
        let sequence = view.sequence;
        (view, sequence)
    }

    /// The time of a copy made now: the clock's, unless that was set back. No later batch is older.
    pub fn now(&self) -> Timestamp {
        let mut state = self.lock();
        state.last_time = state.last_time.max(self.env.now());
        state.last_time
    }

    pub fn last_durable(&self) -> u64 {
        self.log.durable()
    }

    /// The durable batches after `sequence`, as many as have `bytes` and at least one; `None` when the next is gone.
    pub fn entries(&self, cursor: &mut Cursor, sequence: u64, bytes: usize) -> Result<Option<Vec<Entry>>, Error> {
        let (mut entries, mut read, last) = (Vec::new(), 0, self.log.durable());
        for sequence in sequence..last {
            let Some(record) = self.log.read(cursor, sequence).map_err(engine)? else { return Ok(None) };
            read += record.len();
            let Some((time, batch)) = record::split(record) else { return Ok(None) };
            entries.push(Entry { sequence: sequence + 1, time, batch });
            if read >= bytes {
                break;
            }
        }
        Ok(Some(entries))
    }

    /// Batches up to `sequence` have been copied.
    pub fn set_copied(&self, sequence: u64) {
        self.log.set_copied(sequence);
    }

    pub fn room(&self) -> Result<(), Error> {
        let free = self.disk.free_bytes().map_err(engine)?;
        if self.tree.file().is_waiting() {
            return Err(Error::Full("its disk has no room left for the tree: make some on it".into()));
        }
        if free >= self.reserve_bytes {
            return Ok(());
        }
        let needed = self.reserve_bytes;
        Err(Error::Full(format!("its disk has {free} bytes left, and {needed} are kept for deletes: make room on it")))
    }

    pub fn stats(&self) -> Result<Stats, Error> {
        Ok(Stats { disk_bytes: self.tree.stats()?.disk_bytes + self.log.disk_bytes() })
    }
}

/// How long a batch waits when the newest layer is `ahead`, and the tree takes `pace` seconds for as many bytes.
fn pause(ahead: f64, pace: f64) -> Duration {
    let over = ((ahead - LEAD) / LEAD_TO_PACE).max(0.0);
    Duration::try_from_secs_f64((pace * over.powi(2)).min(PAUSE_MAX.max(pace))).unwrap_or_default()
}

fn engine(error: std::io::Error) -> Error {
    if is_full(&error) {
        return Error::Full(format!("its disk has no room left for the log: {error}"));
    }
    Error::Engine(error.to_string())
}
