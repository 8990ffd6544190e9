//! One zygote: a process that has loaded a function and forks its instances. One task speaks with it.
//!
//! The zygote ends when nothing refers to it any more, and every fork does: it outlives them, to tell how they ended.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Timestamp;
use sandbox::Exit;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::channel::Channel;
use crate::instance::{Folder, Instance};
use crate::output::Log;
use crate::process::Process;
use crate::spares::Spares;
use crate::zygote_wire::{Answer, Wire};

/// How long a zygote that is no longer needed may take to leave.
const LEAVE_GRACE: Duration = Duration::from_secs(1);

/// Requests on their way to the zygote, which serves one at a time.
const REQUESTS_MAX: usize = 64;

/// Bytes of its output read at a time.
const CHUNK_BYTES: usize = 4 * 1024;

pub(crate) struct Zygote {
    requests: mpsc::Sender<Request>,
    /// In isolation its first process outlives it, and with that its forks.
    process: Arc<sandbox::Process>,
    /// What it was started with.
    environment: HashMap<OsString, OsString>,
    /// When its credentials were new, and when they end. What the function made of them while it initialised is in every fork.
    born: Timestamp,
    credentials_expire: Timestamp,
    /// What it printed while it initialised, for the log of the first fork.
    log: Mutex<Option<Log>>,
    used: Mutex<Instant>,
    pub spares: Spares,
    /// Where the function may have left files while it initialised.
    _folder: Folder,
}

/// Why there is no fork.
pub(crate) enum ForkError {
    /// The zygote has ended.
    Gone,
    Refused(io::Error),
}

struct Request {
    descriptors: Vec<OwnedFd>,
    forked: oneshot::Sender<io::Result<Forked>>,
}

pub(crate) struct Forked {
    pub pidfd: OwnedFd,
    pub exit: watch::Receiver<Option<Exit>>,
}

/// What is known about a fork until it has ended.
struct Known {
    /// Taken when the zygote has answered.
    forked: Option<oneshot::Sender<io::Result<Forked>>>,
    exit: watch::Sender<Option<Exit>>,
}

/// The server's side of the conversation.
struct Attendant {
    name: String,
    wire: Wire,
    process: Arc<sandbox::Process>,
    output: Option<pipe::Receiver>,
    requests: mpsc::Receiver<Request>,
    forks: HashMap<u64, Known>,
    next: u64,
}

impl Zygote {
    /// Makes a zygote of an instance that waits for requests to fork. `None` when it is no such instance.
    pub fn new(instance: Instance, environment: Vec<(OsString, OsString)>, born: Timestamp) -> Option<Zygote> {
        let Instance { spec, process, channel, output, credentials_expire, _folder, .. } = instance;
        let (Process::Child(process), Channel::Frames(frames)) = (process, channel) else { return None };
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let (process, (output, log)) = (Arc::new(process), output.into_parts());
        let (wire, forks) = (Wire::new(frames.into_stream()), HashMap::new());
        let (name, attended) = (spec.name.clone(), process.clone());
        let attendant = Attendant { name, wire, process: attended, output: Some(output), requests, forks, next: 0 };
        tokio::spawn(attendant.run());
        Some(Zygote {
            requests: sender,
            process,
            environment: environment.into_iter().collect(),
            born,
            credentials_expire,
            log: Mutex::new(Some(log)),
            used: Mutex::new(Instant::now()),
            spares: Spares::new(),
            _folder,
        })
    }

    /// Asks for a fork that gets these descriptors.
    pub async fn ask(&self, descriptors: Vec<OwnedFd>) -> Result<Forked, ForkError> {
        let (forked, answer) = oneshot::channel();
        self.requests.send(Request { descriptors, forked }).await.map_err(|_| ForkError::Gone)?;
        answer.await.map_err(|_| ForkError::Gone)?.map_err(ForkError::Refused)
    }

    /// What an instance's environment has that the zygote's has not. Everything in it comes from text.
    pub fn differences(&self, environment: Vec<(OsString, OsString)>) -> BTreeMap<String, String> {
        let differs = |(name, value): &(OsString, OsString)| self.environment.get(name) != Some(value);
        let text = |text: OsString| text.to_string_lossy().into_owned();
        environment.into_iter().filter(differs).map(|(name, value)| (text(name), text(value))).collect()
    }

    /// The log of its initialisation, which the first to ask continues.
    pub fn take_log(&self) -> Option<Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Who took it did not come to be.
    pub fn give_back_log(&self, log: Option<Log>) {
        if log.is_some() {
            *self.log.lock().unwrap_or_else(PoisonError::into_inner) = log;
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn process(&self) -> &Arc<sandbox::Process> {
        &self.process
    }

    pub fn is_alive(&self) -> bool {
        !self.requests.is_closed()
    }

    pub fn credentials_expire(&self) -> Timestamp {
        self.credentials_expire
    }

    /// Whether half of its credentials' life is over: instances made now would have to leave early.
    pub fn is_aging(&self, now: Timestamp) -> bool {
        let left = |at: Timestamp| self.credentials_expire.as_millis().saturating_sub(at.as_millis());
        left(now) < left(self.born) / 2
    }

    pub fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// When an instance last came or left.
    pub fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attendant {
    async fn run(mut self) {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => if self.send(request).await.is_err() { return },
                    None => return self.leave().await,
                },
                answers = self.wire.receive() => match answers {
                    Ok(answers) => answers.into_iter().for_each(|answer| self.take(answer)),
                    Err(error) => {
                        // Its forks go on. The next start finds the channel closed and makes another zygote.
                        tracing::debug!(%error, function = self.name, "a zygote has ended");
                        return;
                    }
                },
                length = read(&self.output, &mut chunk) => match length {
                    0 => self.output = None,
                    length => {
                        let text = String::from_utf8_lossy(chunk.get(..length).unwrap_or_default()).into_owned();
                        tracing::warn!(function = self.name, "a zygote says: {text}");
                    }
                },
            }
        }
    }

    async fn send(&mut self, request: Request) -> io::Result<()> {
        let number = self.next;
        self.next += 1;
        let known = Known { forked: Some(request.forked), exit: watch::Sender::new(None) };
        self.forks.insert(number, known);
        self.wire.send(number, &request.descriptors).await
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Forked { number, pidfd } => {
                let Some(known) = self.forks.get_mut(&number) else { return };
                let forked = Forked { pidfd, exit: known.exit.subscribe() };
                if let Some(sender) = known.forked.take() {
                    // Who asked may have stopped waiting; the lifeline is closed then, which ends the fork.
                    let _ = sender.send(Ok(forked));
                }
            }
            Answer::Refused { number, error } => {
                if let Some(sender) = self.forks.remove(&number).and_then(|known| known.forked) {
                    let _ = sender.send(Err(error));
                }
            }
            Answer::Ended { number, exit } => {
                if let Some(known) = self.forks.remove(&number) {
                    known.exit.send_replace(Some(exit));
                }
            }
        }
    }

    /// Lets the zygote see the end of its forks, which have been let go, and end itself.
    async fn leave(self) {
        let Attendant { wire, process, .. } = self;
        if wire.close().await.is_ok() && tokio::time::timeout(LEAVE_GRACE, process.exit()).await.is_err() {
            tracing::debug!(pid = process.pid(), "a zygote did not leave by itself");
        }
    }
}

/// Takes in output; zero bytes when there is nobody left who could write.
async fn read(output: &Option<pipe::Receiver>, chunk: &mut [u8]) -> usize {
    let Some(output) = output else { return std::future::pending().await };
    loop {
        if output.readable().await.is_err() {
            return 0;
        }
        match output.try_read(chunk) {
            Ok(length) => return length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return 0,
        }
    }
}
