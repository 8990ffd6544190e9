//! What a function prints, as log lines: cut at line feeds, bounded, and complete by the time the invocation answers.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use base::{Env, Timestamp};
use tokio::net::unix::pipe;

use crate::function::{FunctionSpec, Host, LogLine};
use crate::limits::{LINE_BYTES_MAX, LINE_OVERHEAD_BYTES, LOG_TAIL_BYTES, OUTPUT_BYTES_MAX};
use crate::telemetry::{Source, Telemetry};

/// Stands for a line feed inside one record: a bootstrap writes it when a message has several lines but is one event.
const INNER_LINE_FEED: char = '\u{1e}';

/// Bytes read at a time.
const CHUNK_BYTES: usize = 8 * 1024;

/// The capacity of a pipe. Source: pipe(7).
const PIPE_BYTES: usize = 64 * 1024;

/// The log of one instance.
pub(crate) struct Output {
    pipe: pipe::Receiver,
    /// What extensions with processes of their own print to, until the last of them has ended.
    extensions: Option<pipe::Receiver>,
    log: Log,
}

/// Lines on their way to the host.
#[derive(Clone)]
pub(crate) struct Log {
    host: Arc<dyn Host>,
    env: Env,
    spec: Arc<FunctionSpec>,
    stream: String,
    telemetry: Arc<Telemetry>,
    /// Lines that have no end yet: the function's, and the extensions'.
    partial: [Vec<u8>; 2],
    lines: Vec<LogLine>,
    tail: String,
    /// What this invocation has printed, as [`OUTPUT_BYTES_MAX`] counts it.
    printed: usize,
    /// Bytes that it printed after that.
    left_out: usize,
    /// Whether lines wait until it is known whose log this is.
    held: bool,
}

impl Output {
    /// # Errors
    /// When one of them is no pipe, or the async runtime cannot watch it.
    pub fn new(pipe: OwnedFd, extensions: Option<OwnedFd>, log: Log) -> io::Result<Output> {
        let extensions = extensions.map(pipe::Receiver::from_owned_fd).transpose()?;
        Ok(Output { pipe: pipe::Receiver::from_owned_fd(pipe)?, extensions, log })
    }

    pub fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    pub fn into_log(self) -> Log {
        self.log
    }

    pub fn into_parts(self) -> (pipe::Receiver, Log) {
        (self.pipe, self.log)
    }

    /// Waits for output and takes it in. Waits for ever once there is nobody left who could write. Safe to cancel.
    pub async fn read(&mut self) {
        let Output { pipe, extensions, log } = self;
        let (mut chunk, mut others) = ([0; CHUNK_BYTES], [0; CHUNK_BYTES]);
        let theirs = async {
            match extensions {
                Some(theirs) => receive(theirs, &mut others).await,
                None => std::future::pending().await,
            }
        };
        let (source, bytes) = tokio::select! {
            biased;
            length = receive(pipe, &mut chunk) => (Source::Function, chunk.get(..length)),
            length = theirs => (Source::Extension, others.get(..length)),
        };
        log.print(source, bytes.unwrap_or_default());
    }

    /// Takes in what is in the pipe now. What a process wrote before it answered is there when its answer arrives, and is
    /// no more than the pipe holds: reading that much is enough, however fast something else in the process prints on.
    pub fn drain(&mut self) {
        let Output { pipe, extensions, log } = self;
        drain(pipe, Source::Function, log);
        if let Some(theirs) = extensions {
            drain(theirs, Source::Extension, log);
        }
    }
}

/// Waits for output. Waits for ever once there is nobody left who could write. Safe to cancel.
async fn receive(pipe: &pipe::Receiver, chunk: &mut [u8]) -> usize {
    while pipe.readable().await.is_ok() {
        match pipe.try_read(chunk) {
            Ok(0) => break,
            Ok(length) => return length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    std::future::pending().await
}

fn drain(pipe: &pipe::Receiver, source: Source, log: &mut Log) {
    let (mut chunk, mut taken) = ([0; CHUNK_BYTES], 0);
    while taken < PIPE_BYTES {
        // Not through the async runtime: it would say "nothing there" until it has heard from the kernel.
        match rustix::io::read(pipe, &mut chunk) {
            Ok(0) => break,
            Ok(length) => {
                taken += length;
                log.print(source, chunk.get(..length).unwrap_or_default());
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    log.end_line(source);
}

impl Log {
    pub fn new(
        host: Arc<dyn Host>,
        env: Env,
        spec: Arc<FunctionSpec>,
        stream: String,
        telemetry: Arc<Telemetry>,
    ) -> Log {
        let (partial, lines, tail) = (Default::default(), Vec::new(), String::new());
        Log { host, env, spec, stream, telemetry, partial, lines, tail, printed: 0, left_out: 0, held: false }
    }

    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Keeps lines back until [`Log::release`].
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Lets lines go to the host, to another stream if one is given.
    pub fn release(&mut self, stream: Option<String>) {
        self.held = false;
        self.stream = stream.unwrap_or(std::mem::take(&mut self.stream));
    }

    pub fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    pub fn now(&self) -> Timestamp {
        self.env.now()
    }

    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Adds a line of Lambda's own; it does not count as printed.
    pub fn write(&mut self, message: String) {
        self.tail.push_str(&message);
        if self.tail.len() > 4 * LOG_TAIL_BYTES {
            self.tail = last(&self.tail, LOG_TAIL_BYTES).into();
        }
        self.lines.push(LogLine { timestamp: self.env.now(), message });
    }

    fn partial(&mut self, source: Source) -> &mut Vec<u8> {
        let [function, extension] = &mut self.partial;
        if source == Source::Function { function } else { extension }
    }

    /// Adds bytes that were printed.
    fn print(&mut self, source: Source, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = OUTPUT_BYTES_MAX.saturating_sub(self.printed);
            let kept = piece.get(..room).unwrap_or(piece);
            self.printed = self.printed.saturating_add(kept.len());
            self.left_out = self.left_out.saturating_add(piece.len() - kept.len());
            let partial = self.partial(source);
            partial.extend_from_slice(kept);
            if kept.ends_with(b"\n") || partial.len() >= LINE_BYTES_MAX {
                self.end_line(source);
            }
        }
    }

    /// Ends a line that has no line feed yet.
    fn end_line(&mut self, source: Source) {
        let partial = std::mem::take(self.partial(source));
        if partial.is_empty() {
            return;
        }
        let mut message = String::from_utf8_lossy(&partial).replace(INNER_LINE_FEED, "\n");
        if !message.ends_with('\n') {
            message.push('\n');
        }
        self.telemetry.line(source, &message, self.spec.json_logs.is_some());
        self.printed = self.printed.saturating_add(LINE_OVERHEAD_BYTES);
        self.write(message);
    }

    pub fn has_lines(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Hands the lines so far to the host.
    pub fn flush(&mut self) {
        if self.has_lines() && !self.held {
            self.host.log(&self.spec, &self.stream, std::mem::take(&mut self.lines));
        }
    }

    /// Ends what the function printed in this invocation, with a note when some of it was left out.
    pub fn end_output(&mut self) {
        self.end_line(Source::Function);
        self.end_line(Source::Extension);
        if self.left_out > 0 {
            self.write(format!(
                "[cloudlet] This invocation printed more than {OUTPUT_BYTES_MAX} bytes, each line counted with {LINE_OVERHEAD_BYTES} more; {} bytes after them are not in the log.\n",
                self.left_out
            ));
        }
        (self.printed, self.left_out) = (0, 0);
    }

    /// Hands on everything, and gives the end of this invocation's log.
    pub fn finish(&mut self) -> String {
        self.flush();
        self.telemetry.flush();
        last(&std::mem::take(&mut self.tail), LOG_TAIL_BYTES).into()
    }
}

/// The last `length` bytes of `text`, or a little less where that would split a character.
fn last(text: &str, length: usize) -> &str {
    let from = text.len().saturating_sub(length);
    (from..text.len()).find_map(|from| text.get(from..)).unwrap_or_default()
}
