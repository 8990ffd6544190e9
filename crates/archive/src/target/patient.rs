//! A target that may be away for a while: what is read from it goes on where it was once it is back.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Object, Target};

/// How long the first pause is, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Reads from a target again when that fails in a way that may pass, once it was reached at all: a wrong address is told at once.
pub struct Patient(Arc<Inner>);

struct Inner {
    target: Arc<dyn Target>,
    patience: Duration,
    reached: AtomicBool,
    read: Arc<AtomicU64>,
}

impl Patient {
    /// It may be away for as long as `patience`, and counts the bytes that are `read`.
    pub fn new(target: Arc<dyn Target>, patience: Duration, read: Arc<AtomicU64>) -> Patient {
        Patient(Arc::new(Inner { target, patience, reached: AtomicBool::new(false), read }))
    }
}

/// Whether a target that answers so is out of reach, rather than damaged: the same may be read another time.
pub(crate) fn is_away(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotConnected
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::TimedOut
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::StaleNetworkFileHandle
    )
}

impl Inner {
    fn note<T>(&self, answer: io::Result<T>) -> io::Result<T> {
        if answer.is_ok() {
            self.reached.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl Target for Patient {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        self.0.target.put(name, content)
    }

    fn create(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        self.0.target.create(name, content)
    }

    fn get_from(&self, name: &str, from: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut steady = Steady { of: Arc::clone(&self.0), name: name.to_owned(), at: from, content: None, away: None };
        // What is not there is told now.
        steady.open()?;
        Ok(Box::new(steady))
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<Object>> {
        self.0.note(self.0.target.list(prefix))
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        self.0.target.delete(name)
    }
}

/// An object that is being read.
struct Steady {
    of: Arc<Inner>,
    name: String,
    at: u64,
    content: Option<Box<dyn Read + Send>>,
    /// Since when nothing came, and the next pause.
    away: Option<(Instant, Duration)>,
}

impl Steady {
    fn open(&mut self) -> io::Result<&mut Box<dyn Read + Send>> {
        while self.content.is_none() {
            match self.of.note(self.of.target.get_from(&self.name, self.at)) {
                Ok(content) => self.content = Some(content),
                Err(error) => self.wait(error)?,
            }
        }
        self.content.as_mut().ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Waits a while before the next try, unless there is to be none.
    fn wait(&mut self, error: io::Error) -> io::Result<()> {
        if !is_away(error.kind()) || !self.of.reached.load(Ordering::Relaxed) {
            return Err(error);
        }
        let (since, pause) = *self.away.get_or_insert_with(|| (Instant::now(), PAUSES.0));
        if since.elapsed() >= self.of.patience {
            let text =
                format!("{error}. It was tried for {} s: try again when it can be reached", self.of.patience.as_secs());
            return Err(io::Error::new(error.kind(), text));
        }
        if pause == PAUSES.0 {
            tracing::warn!(%error, name = self.name, "the target is away and tried again");
        }
        std::thread::sleep(pause.min(self.of.patience));
        self.away = Some((since, (pause * 2).min(PAUSES.1)));
        self.content = None;
        Ok(())
    }
}

impl Read for Steady {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.open()?.read(out) {
                Ok(length) => {
                    (self.at, self.away) = (self.at + length as u64, None);
                    self.of.read.fetch_add(length as u64, Ordering::Relaxed);
                    return Ok(length);
                }
                Err(error) => self.wait(error)?,
            }
        }
    }
}
