//! The one thread that starts processes. A child's parent-death signal fires when the *thread* that started it ends, so
//! this must be a thread that lives as long as the server, which no worker of an async runtime promises.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use tokio::sync::oneshot;

use crate::{Error, Result};

pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Runs `job` on the launcher thread and gives its result.
pub(crate) async fn run<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    let job: Job = Box::new(move || {
        // The caller may have stopped waiting; its result is dropped then, which ends the process.
        let _ = sender.send(job());
    });
    launcher().send(job).map_err(|_| Error::Launcher)?;
    receiver.await.map_err(|_| Error::Launcher)
}

fn launcher() -> &'static Sender<Job> {
    static LAUNCHER: OnceLock<Sender<Job>> = OnceLock::new();
    LAUNCHER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        let thread = std::thread::Builder::new().name("launcher".into());
        let spawned = thread.spawn(move || jobs.into_iter().for_each(|job| job()));
        if let Err(error) = spawned {
            // Every start then fails with `Error::Launcher`, which is what the caller can act on.
            tracing::error!(%error, "the thread that starts processes could not be made");
        }
        sender
    })
}
