//! The one thread that runs transactions: in order, several to a commit, each answered after the commit that covers it.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::db::Shared;
use crate::limits::{BATCH_BYTES_MAX, BATCH_TRANSACTIONS_MAX};
use crate::{Batch, Error, Tx};

/// The wait for each further transaction is the time of the last commit divided by this.
const PAUSE_SHARE: u32 = 16;
const PAUSE_MAX: Duration = Duration::from_millis(1);

pub(crate) enum Message {
    Job(Box<dyn Job>),
    Close,
}

/// A transaction to run, with its answer's type forgotten.
pub(crate) trait Job: Send {
    /// Runs it, and keeps or discards its writes.
    fn run(&mut self, tx: &mut Tx);

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
    fn run(&mut self, tx: &mut Tx) {
        // A panic cannot leave half a transaction: `discard` drops all that it wrote.
        let result = catch_unwind(AssertUnwindSafe(|| (self.f)(tx)))
            .unwrap_or_else(|panic| Err(Error::Panicked(panic_text(&*panic)).into()));
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

pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Message>,
    /// How many transactions the last commit had, and how long to wait for as many again.
    expected: usize,
    pause: Duration,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, queue: mpsc::Receiver<Message>) -> Writer {
        Writer { shared, queue, expected: 0, pause: Duration::ZERO }
    }

    pub fn run(mut self) {
        let mut next = self.queue.recv().ok();
        while let Some(Message::Job(first)) = next {
            next = self.run_batch(first).or_else(|| self.queue.recv().ok());
        }
    }

    /// Runs `first` and what is queued behind it, commits, and answers. Returns a message that was taken but not used.
    fn run_batch(&mut self, first: Box<dyn Job>) -> Option<Message> {
        let snapshot = match self.shared.failure.get() {
            Some(error) => Err(error.clone()),
            None => self.shared.engine.snapshot(),
        };
        let mut tx = match snapshot {
            Ok(snapshot) => Tx::new(snapshot),
            Err(error) => {
                first.answer(&Err(error));
                return None;
            }
        };
        let mut waiting = Vec::new();
        let mut next = Some(Message::Job(first));
        while let Some(Message::Job(mut job)) = next {
            job.run(&mut tx);
            if tx.kept().is_empty() {
                // It saw nothing but durable data.
                job.answer(&Ok(()));
            } else {
                waiting.push(job);
            }
            let full = waiting.len() >= BATCH_TRANSACTIONS_MAX || tx.kept().bytes() >= BATCH_BYTES_MAX;
            next = if full { None } else { self.gather(waiting.len()) };
        }
        let (batch, wakes) = tx.finish();
        self.commit(&batch, &wakes, waiting);
        next
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

    fn commit(&mut self, batch: &Batch, wakes: &BTreeSet<Bytes>, waiting: Vec<Box<dyn Job>>) {
        if waiting.is_empty() {
            // Transactions that only read: they are answered.
            self.shared.watchers.wake(wakes);
            return;
        }
        let start = Instant::now();
        let outcome = self.apply(batch);
        self.pause = (start.elapsed() / PAUSE_SHARE).min(PAUSE_MAX);
        self.expected = waiting.len();
        for job in waiting {
            job.answer(&outcome);
        }
        if outcome.is_ok() {
            self.shared.watchers.wake(wakes);
        }
    }

    /// Commits; a failure is final, and is what every later write is answered with.
    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.shared.engine.commit(batch)))
            .unwrap_or_else(|panic| Err(Error::Engine(format!("it panicked: {}", panic_text(&*panic)))));
        outcome.map_err(|error| {
            tracing::error!(%error, "a commit failed: the store takes no more writes until it is opened again");
            let text = format!("a commit failed, and the store takes no more writes until it is opened again: {error}");
            self.shared.failure.get_or_init(|| Error::Engine(text)).clone()
        })
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
}
