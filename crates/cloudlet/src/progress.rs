//! How far a copy is, on standard error: a line that changes on a terminal, now and then a line elsewhere.

use std::io::{self, IsTerminal as _, Read, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two lines, on a terminal and elsewhere.
const EVERY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Tells while it is there.
pub struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    /// Tells how many `bytes` were `done`, such as "read", of how many where that is known.
    pub fn start(done: &'static str, bytes: Arc<AtomicU64>, of: Option<u64>) -> Progress {
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("progress".into()).spawn(move || {
            let (terminal, start) = (io::stderr().is_terminal(), Instant::now());
            let every = if terminal { EVERY.0 } else { EVERY.1 };
            let mut told = false;
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let text = text(done, bytes.load(Ordering::Relaxed), of, start.elapsed());
                let (before, after) = if terminal { ("\r", "\x1b[K") } else { ("", "\n") };
                // Whoever does not look need not be told.
                let _ = write!(io::stderr(), "{before}{text}{after}");
                told = terminal;
            }
            if told {
                let _ = write!(io::stderr(), "\r\x1b[K");
            }
        });
        // Without it, the copy is made all the same.
        Progress(thread.ok().map(|thread| (end, thread)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.0.take() {
            drop(end);
            let _ = thread.join();
        }
    }
}

fn text(done: &str, bytes: u64, of: Option<u64>, time: Duration) -> String {
    let megabytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let of = of.map(|of| format!(" of {}", megabytes(of))).unwrap_or_default();
    let second = bytes as f64 / time.as_secs_f64().max(0.001);
    format!("{done} {}{of}, {} a second", megabytes(bytes), megabytes(second as u64))
}

/// Counts what is read.
pub struct Counted<R> {
    pub source: R,
    pub bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(out)?;
        self.bytes.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_much_and_how_fast() {
        let second = Duration::from_secs(2);
        assert_eq!(text("read", 3 << 20, None, second), "read 3.0 MiB, 1.5 MiB a second");
        assert_eq!(text("read", 3 << 20, Some(6 << 20), second), "read 3.0 MiB of 6.0 MiB, 1.5 MiB a second");
    }
}
