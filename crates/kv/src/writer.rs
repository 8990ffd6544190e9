//! The one thread that runs transactions, in order, several to a commit; and the one that waits for the disk and answers.

use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::db::Shared;
use crate::limits::{BATCH_BYTES_MAX, BATCH_TRANSACTIONS_MAX};
use crate::{Error, Ticket, Tx};

/// The wait for each further transaction is the time of the last commit divided by this.
const PAUSE_SHARE: u32 = 16;
const PAUSE_MAX: Duration = Duration::from_millis(1);

pub(crate) enum Message {
    Job(Box<dyn Job>),
    /// A commit has ended.
    Committed,
    Close,
}

/// A transaction to run, with its answer's type forgotten.
pub(crate) trait Job: Send {
    /// Runs it, and keeps or discards its writes; without `room`, it may write only what frees some.
    fn run(&mut self, tx: &mut Tx, room: &Result<(), Error>);

    /// Sends its answer, or `outcome` when that is an error.
    fn answer(self: Box<Self>, outcome: &Result<(), Error>);
}

/// A transaction to run.
pub(crate) struct Call<F, T, E> {
    f: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Call<F, T, E> {
    pub fn new(f: F, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Call { f, result: None, reply }
    }
}

impl<F, T, E> Job for Call<F, T, E>
where
    F: Fn(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &mut Tx, room: &Result<(), Error>) {
        // A panic cannot leave half a transaction: `discard` drops all that it wrote.
        let result = catch_unwind(AssertUnwindSafe(|| (self.f)(tx)))
            .unwrap_or_else(|panic| Err(Error::Panicked(panic_text(&*panic)).into()));
        let result = match room {
            Err(full) if result.is_ok() && tx.grows() => Err(full.clone().into()),
            _ => result,
        };
        match result {
            Ok(_) => tx.keep(),
            Err(_) => tx.discard(),
        }
        self.result = Some(result);
    }

    fn answer(self: Box<Self>, outcome: &Result<(), Error>) {
        let answer = match outcome {
            Ok(()) => self.result,
            Err(error) => Some(Err(error.clone().into())),
        };
        if let Some(answer) = answer {
            // The caller may have gone: its transaction stands all the same.
            let _ = self.reply.send(answer);
        }
    }
}

/// The thread that runs transactions. While one batch is on its way to the disk, it runs the transactions of the next.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Message>,
    committer: mpsc::Sender<Sealed>,
    /// How the commits ended that the committer was given.
    done: mpsc::Receiver<Duration>,
    /// Whether a commit has not ended yet: there is one at a time.
    committing: bool,
    /// How many transactions the last commit had, and how long to wait for as many again.
    expected: usize,
    pause: Duration,
}

/// The threads of a store.
pub(crate) struct Threads {
    writer: JoinHandle<()>,
    committer: ThreadId,
}

impl Threads {
    /// Waits for both to end; but a thread cannot wait for itself.
    pub fn join(self) {
        let current = thread::current().id();
        if current != self.writer.thread().id() && current != self.committer {
            // A panic was theirs, and they have answered for it.
            let _ = self.writer.join();
        }
    }
}

/// The transactions of a commit to come.
struct Open {
    tx: Tx,
    room: Result<(), Error>,
    waiting: Vec<Box<dyn Job>>,
}

/// A batch that the engine has taken, and those who wait for it to be durable.
struct Sealed {
    /// When its commit began: engines differ in which half takes the time.
    start: Instant,
    ticket: Result<Ticket, Error>,
    wakes: BTreeSet<Bytes>,
    waiting: Vec<Box<dyn Job>>,
}

impl Writer {
    /// Starts the threads; they end with [`Message::Close`], the committer after its last commit.
    pub fn start(
        shared: Arc<Shared>,
        nudge: mpsc::Sender<Message>,
        queue: mpsc::Receiver<Message>,
    ) -> io::Result<Threads> {
        let (committer, sealed) = mpsc::channel::<Sealed>();
        let (report, done) = mpsc::channel();
        let committing = Arc::clone(&shared);
        let thread = thread::Builder::new().name("kv-committer".into()).spawn(move || {
            for sealed in sealed {
                let start = sealed.start;
                commit(&committing, sealed);
                // They fail when the writer has ended, which needs no telling then.
                let _ = report.send(start.elapsed());
                let _ = nudge.send(Message::Committed);
            }
        })?;
        let committer_id = thread.thread().id();
        let writer = Writer { shared, queue, committer, done, committing: false, expected: 0, pause: Duration::ZERO };
        let writer = thread::Builder::new().name("kv-writer".into()).spawn(move || {
            writer.run();
            // Closing waits for this thread, and so for the other.
            let _ = thread.join();
        })?;
        Ok(Threads { writer, committer: committer_id })
    }

    fn run(mut self) {
        let mut open: Option<Open> = None;
        loop {
            self.look();
            let full = open.as_ref().is_some_and(Open::is_full);
            if full && self.committing {
                self.await_commit();
            }
            let message = match &open {
                Some(open) if full || !self.committing => {
                    if full {
                        None
                    } else {
                        self.gather(open.waiting.len())
                    }
                }
                // Idle, or a commit is under way, whose end is a message too.
                _ => match self.queue.recv() {
                    Ok(message) => Some(message),
                    Err(_) => break,
                },
            };
            match message {
                Some(Message::Job(job)) => self.run_job(&mut open, job),
                Some(Message::Committed) => {}
                Some(Message::Close) => break,
                None => self.seal(open.take()),
            }
        }
        self.await_commit();
        self.seal(open);
    }

    /// Takes note of a commit that has ended.
    fn look(&mut self) {
        if let Ok(took) = self.done.try_recv() {
            self.committed(took);
        }
    }

    fn await_commit(&mut self) {
        if self.committing {
            let took = self.done.recv().unwrap_or_default();
            self.committed(took);
        }
    }

    fn committed(&mut self, took: Duration) {
        self.committing = false;
        self.pause = (took / PAUSE_SHARE).min(PAUSE_MAX);
    }

    fn run_job(&mut self, open: &mut Option<Open>, mut job: Box<dyn Job>) {
        if open.is_none() {
            match self.open() {
                Ok(new) => *open = Some(new),
                Err(error) => return job.answer(&Err(error)),
            }
        }
        let Some(Open { tx, room, waiting }) = open else { return };
        job.run(tx, room);
        if tx.kept().is_empty() && !self.committing {
            // It saw nothing but durable data, unless a commit has failed since.
            job.answer(&self.shared.failure.get().cloned().map_or(Ok(()), Err));
        } else {
            waiting.push(job);
        }
    }

    fn open(&self) -> Result<Open, Error> {
        if let Some(error) = self.shared.failure.get() {
            return Err(error.clone());
        }
        let tx = Tx::new(self.shared.engine.latest()?);
        Ok(Open { tx, room: self.shared.engine.room(), waiting: Vec::new() })
    }

    /// The next message for a commit that has `waiting` transactions so far.
    ///
    /// Clients that were just answered tend to ask again at once, but not all in the same instant. Without a moment's
    /// patience the first of them would have a commit of its own while the others wait for the next one.
    fn gather(&self, waiting: usize) -> Option<Message> {
        let next = self.queue.try_recv().ok();
        if next.is_some() || waiting == 0 || waiting >= self.expected {
            return next;
        }
        self.queue.recv_timeout(self.pause).ok()
    }

    /// Appends a batch and leaves the rest to the committer, which must be idle.
    fn seal(&mut self, open: Option<Open>) {
        let Some(Open { tx, waiting, .. }) = open else { return };
        let (batch, wakes) = tx.finish();
        let failure = self.shared.failure.get().cloned().map_or(Ok(()), Err);
        if batch.is_empty() || failure.is_err() {
            // What these saw has become durable meanwhile, or never will.
            finish(&self.shared, &failure, waiting, &wakes);
            return;
        }
        self.expected = waiting.len();
        let start = Instant::now();
        let ticket = guarded(&self.shared, || self.shared.engine.append(&batch));
        self.committing = self.committer.send(Sealed { start, ticket, wakes, waiting }).is_ok();
    }
}

impl Open {
    fn is_full(&self) -> bool {
        self.waiting.len() >= BATCH_TRANSACTIONS_MAX || self.tx.kept().bytes() >= BATCH_BYTES_MAX
    }
}

/// Waits for a batch to be durable, and answers.
fn commit(shared: &Shared, sealed: Sealed) {
    let Sealed { ticket, wakes, waiting, .. } = sealed;
    let outcome = ticket.and_then(|ticket| guarded(shared, || shared.engine.durable(ticket)));
    finish(shared, &outcome, waiting, &wakes);
}

fn finish(shared: &Shared, outcome: &Result<(), Error>, waiting: Vec<Box<dyn Job>>, wakes: &BTreeSet<Bytes>) {
    for job in waiting {
        job.answer(outcome);
    }
    if outcome.is_ok() {
        shared.watchers.wake(wakes);
    }
}

/// Half a commit; a failure is final, and is what every later write is answered with, unless it is a lack of room.
fn guarded<T>(shared: &Shared, half: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let outcome = catch_unwind(AssertUnwindSafe(half))
        .unwrap_or_else(|panic| Err(Error::Engine(format!("it panicked: {}", panic_text(&*panic)))));
    outcome.map_err(|error| {
        if matches!(error, Error::Full(_)) {
            return error;
        }
        tracing::error!(%error, "a commit failed: the store takes no more writes until it is opened again");
        let text = format!("a commit failed, and the store takes no more writes until it is opened again: {error}");
        shared.failure.get_or_init(|| Error::Engine(text)).clone()
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
}
