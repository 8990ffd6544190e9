//! The workers: how many there are, who gets one, and what becomes of one that fails.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sandbox::{Command, Exit, Limits, Process};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use crate::error::{Error, Result};
use crate::parameters::Parameters;
use crate::source::Source;
use crate::transform::Made;
use crate::worker::READY;
use crate::{frames, limits};

/// How images are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// A program that calls [`work`](crate::work), and what it is told.
    pub program: PathBuf,
    pub args: Vec<OsString>,
    /// Images that are made at once: each takes a processor.
    pub workers: usize,
    /// Images that may wait beyond those.
    pub waiting_max: usize,
    /// How long one image may take.
    pub time_max: Duration,
}

/// Workers at the most, however many processors there are: each may take a gigabyte.
const WORKERS_MAX: usize = 8;

/// How long a worker may take to be ready.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// Bytes that a worker may say for the log.
const SAID_BYTES_MAX: u64 = 2048;

/// What permits for bytes count.
const HELD_UNIT: u64 = 1024;

impl Options {
    /// One worker for each processor.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = OsString>) -> Options {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Options {
            program: program.into(),
            args: args.into_iter().collect(),
            workers: processors.min(WORKERS_MAX),
            waiting_max: limits::WAITING_MAX,
            time_max: limits::TIME_MAX,
        }
    }
}

/// Makes images in processes that can reach nothing. Cheap to clone; clones share the processes, which are started when they are needed.
#[derive(Clone)]
pub struct Images(Arc<Inner>);

struct Inner {
    options: Options,
    /// Places for those who wait or have a worker.
    places: Semaphore,
    /// Room for the bytes of images, in units.
    room: Semaphore,
    /// One permit for each worker that there may be.
    turns: Semaphore,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The one that was used last is the last; since when each has nothing to do.
    workers: Vec<(Worker, Instant)>,
    /// Whether somebody looks after those that are not needed any more.
    is_watched: bool,
}

struct Worker {
    process: Process,
    socket: UnixStream,
    images: u32,
}

impl Images {
    pub fn new(options: Options) -> Images {
        let most = usize::try_from(limits::HELD_BYTES_MAX / HELD_UNIT).unwrap_or(Semaphore::MAX_PERMITS);
        Images(Arc::new(Inner {
            places: Semaphore::new(options.workers + options.waiting_max),
            room: Semaphore::new(most),
            turns: Semaphore::new(options.workers),
            idle: Mutex::default(),
            options,
        }))
    }

    /// Makes an image of another. One that is not waited for any more is not made to its end.
    ///
    /// # Errors
    /// [`Error`] tells whether it is for the parameters, the image, or for there being too much to do.
    pub async fn transform(&self, source: impl Into<Source>, parameters: &Parameters) -> Result<Made> {
        let (source, inner) = (source.into(), &self.0);
        let most = source.most()?;
        let _place = inner.places.try_acquire().map_err(|_| Error::Busy)?;
        let units = u32::try_from(most.div_ceil(HELD_UNIT)).unwrap_or(u32::MAX);
        let _held = permitted(inner.room.acquire_many(units)).await?;
        let bytes = timeout(limits::SOURCE_TIME_MAX, source.collect()).await;
        let bytes = bytes.map_err(|_| Error::Source("it took too long".into()))??;
        // Without it, nobody waits for a worker.
        crate::Format::of(&bytes)?;
        let _turn = permitted(inner.turns.acquire()).await?;
        inner.make(&bytes, parameters).await
    }

    /// How many workers there are, idle ones included, for those who look.
    pub fn idle_workers(&self) -> usize {
        self.0.idle().workers.len()
    }
}

async fn permitted<'a, E>(
    permit: impl Future<Output = std::result::Result<SemaphorePermit<'a>, E>>,
) -> Result<SemaphorePermit<'a>> {
    timeout(limits::WAIT_MAX, permit).await.ok().and_then(std::result::Result::ok).ok_or(Error::Busy)
}

impl Inner {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make(self: &Arc<Inner>, bytes: &Bytes, parameters: &Parameters) -> Result<Made> {
        let used = self.idle().workers.pop();
        if let Some((worker, _)) = used
            && let Some(answer) = self.ask(worker, bytes, parameters).await?
        {
            return answer;
        }
        // There was none, or it has ended, perhaps while it had nothing to do.
        let worker = Worker::start(&self.options).await?;
        let answer = self.ask(worker, bytes, parameters).await?;
        answer.unwrap_or_else(|| Err(exhausted("it took more memory than it may, or broke its decoder")))
    }

    /// What a worker answers; `None` where it has ended.
    async fn ask(
        self: &Arc<Inner>,
        mut worker: Worker,
        bytes: &Bytes,
        parameters: &Parameters,
    ) -> Result<Option<Result<Made>>> {
        let most = self.options.time_max;
        match timeout(most, worker.ask(bytes, parameters)).await {
            Ok(Ok(answer)) => {
                self.give_back(worker);
                Ok(Some(answer))
            }
            Ok(Err(error)) => {
                worker.process.kill();
                let exit = worker.process.exit().await;
                tracing::warn!(%error, ?exit, images = worker.images, "a worker for images has ended");
                Ok(None)
            }
            Err(_) => Err(exhausted(&format!("it took longer than {} s", most.as_secs_f32()))),
        }
    }

    fn give_back(self: &Arc<Inner>, worker: Worker) {
        if worker.images >= limits::IMAGES_OF_A_WORKER {
            return;
        }
        let mut idle = self.idle();
        idle.workers.push((worker, Instant::now()));
        if !idle.is_watched {
            idle.is_watched = true;
            tokio::spawn(watch(Arc::downgrade(self)));
        }
    }
}

/// Ends workers that nobody has needed for a while.
async fn watch(inner: std::sync::Weak<Inner>) {
    loop {
        tokio::time::sleep(limits::IDLE_MAX).await;
        let Some(inner) = inner.upgrade() else { return };
        let mut idle = inner.idle();
        idle.workers.retain(|(_, since)| since.elapsed() < limits::IDLE_MAX);
        if idle.workers.is_empty() {
            idle.is_watched = false;
            return;
        }
    }
}

fn exhausted(how: &str) -> Error {
    Error::Exhausted(format!("the image could not be made: {how}"))
}

impl Worker {
    async fn start(options: &Options) -> Result<Worker> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(Error::inside)?;
        ours.set_nonblocking(true).map_err(Error::inside)?;
        let mut socket = UnixStream::from_std(ours).map_err(Error::inside)?;
        let command = Command {
            program: options.program.clone(),
            args: options.args.clone(),
            env: Vec::new(),
            cwd: "/".into(),
            descriptors: vec![theirs.into()],
            limits: Limits::default(),
            // It gives up more than it could be kept from by what isolates functions, and on every host.
            isolation: None,
        };
        let (process, said) = command.spawn().await.map_err(Error::inside)?;
        tokio::spawn(tell(said));
        let mut ready = [0; 1];
        match timeout(START_TIME_MAX, socket.read_exact(&mut ready)).await {
            Ok(Ok(_)) if ready == READY => Ok(Worker { process, socket, images: 0 }),
            Ok(_) => {
                let exit: Exit = process.exit().await;
                Err(Error::Internal(format!("a worker ended before it was ready ({exit:?}): the log tells more")))
            }
            Err(_) => Err(Error::Internal("a worker did not become ready in time".into())),
        }
    }

    async fn ask(&mut self, bytes: &Bytes, parameters: &Parameters) -> std::io::Result<Result<Made>> {
        self.images += 1;
        frames::send(&mut self.socket, parameters, bytes).await?;
        frames::receive(&mut self.socket).await
    }
}

/// Brings what a worker says into the log, and keeps reading so that it never waits for that.
async fn tell(said: std::os::fd::OwnedFd) {
    let Ok(mut said) = Receiver::from_owned_fd(said) else { return };
    let mut text = Vec::new();
    let _ = (&mut said).take(SAID_BYTES_MAX).read_to_end(&mut text).await;
    if !text.is_empty() {
        tracing::warn!(said = %String::from_utf8_lossy(&text).trim_end(), "a worker for images says");
    }
    let _ = tokio::io::copy(&mut said, &mut tokio::io::sink()).await;
}
