//! The store as layers see it: write with a function, read from a snapshot, watch for changes.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::watch::Watchers;
use crate::writer::{Call, Message, Threads, Writer};
use crate::{Engine, Error, KeyRange, Order, Read, Scan, Snapshot, Stats, Tx, Watch};

/// A store: one thread that writes and one that waits for the disk, any number of readers. Cheap to clone; the last clone to go closes it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Message>,
    threads: Mutex<Option<Threads>>,
}

/// What the handles and the writer thread have in common.
pub(crate) struct Shared {
    pub engine: Box<dyn Engine>,
    pub watchers: Arc<Watchers>,
    /// Set once, by the first commit that fails: after a failed fsync nobody knows what is on disk, so none may follow.
    pub failure: OnceLock<Error>,
}

impl Db {
    /// Starts the threads. [`Db::health`] tells when that was not possible.
    pub fn open(engine: impl Engine) -> Db {
        let shared = Arc::new(Shared { engine: Box::new(engine), watchers: Arc::default(), failure: OnceLock::new() });
        let (queue, jobs) = mpsc::channel();
        let threads = Writer::start(Arc::clone(&shared), queue.clone(), jobs);
        let threads = threads.map_err(|error| {
            let _ = shared.failure.set(Error::Engine(format!("its threads did not start: {error}")));
        });
        Db(Arc::new(Inner { shared, queue, threads: Mutex::new(threads.ok()) }))
    }

    /// Queues `f` at once, runs it in a transaction after all those queued before it, and returns its answer once
    /// everything that `f` wrote, and everything it may have read, is durable. When `f` fails or panics, nothing of
    /// what it wrote is kept. Dropping the future does not take the transaction back.
    ///
    /// `f` must have no side effects: later engines run it again when transactions conflict.
    ///
    /// # Errors
    /// What `f` returns; [`Error::Panicked`]; [`Error::Closed`]; [`Error::Engine`] when the commit failed, after
    /// which every write fails.
    pub fn write<T, E>(&self, f: impl Fn(&mut Tx) -> Result<T, E> + Send + 'static) -> Answer<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // A closed queue drops the call, and with it `reply`: the answer is `Closed`.
        let _ = self.0.queue.send(Message::Job(Box::new(Call::new(f, reply))));
        Answer(answer)
    }

    /// A snapshot of what is durable now.
    pub fn read(&self) -> Result<Snap, Error> {
        self.0.shared.engine.snapshot().map(Snap)
    }

    /// Watches `channel` for transactions that [`wake`](Tx::wake) it.
    pub fn watch(&self, channel: &[u8]) -> Watch {
        self.0.shared.watchers.watch(channel)
    }

    /// Whether the store takes writes; why not, otherwise.
    pub fn health(&self) -> Result<(), Error> {
        self.0.shared.failure.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    pub fn stats(&self) -> Result<Stats, Error> {
        self.0.shared.engine.stats()
    }

    /// Finishes the transactions already queued, then refuses others with [`Error::Closed`]. Reads go on.
    pub fn close(&self) {
        self.0.close();
    }
}

/// The answer of a transaction, still to come.
#[must_use = "a write may fail, and is not durable before its answer is there"]
pub struct Answer<T, E>(oneshot::Receiver<Result<T, E>>);

impl<T, E: From<Error>> Future for Answer<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or_else(|_| Err(Error::Closed.into())))
    }
}

impl Inner {
    fn close(&self) {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(threads) = threads else { return };
        // It fails when the writer has ended already, which is all that is wanted.
        let _ = self.queue.send(Message::Close);
        // A transaction's function may own the last handle: then this is one of the threads.
        threads.join();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// A snapshot: one moment of the data, unmoved by later writes. Cheap to clone; hold it for a request, not longer. It may
/// fail once the last [`Db`] is gone.
#[derive(Clone)]
pub struct Snap(Arc<dyn Snapshot>);

impl Read for Snap {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.0.get(key)
    }

    fn scan(&self, range: KeyRange, order: Order) -> Result<Scan<'_>, Error> {
        self.0.scan(range, order)
    }
}
