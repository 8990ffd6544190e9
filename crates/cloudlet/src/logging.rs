//! The server's log: on standard error, for people on a terminal and as JSON elsewhere.
//!
//! A thread of its own writes it, from a queue with an end: a reader that stops reading, or goes away, costs lines of the
//! log, and never a request.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::cli::Command;

/// Lines that may wait for the reader of the log.
const LINES_WAITING_MAX: usize = 10_000;

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Starts logging. `CLOUDLET_LOG` chooses what is shown (`debug`, `gateway=debug,info`); commands that are not the
/// server show warnings only. What still waits when the guard goes is written then.
pub fn start(command: &Command) -> WorkerGuard {
    let usual = if matches!(command, Command::Serve(_)) { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("CLOUDLET_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let queue = NonBlockingBuilder::default().buffered_lines_limit(LINES_WAITING_MAX).thread_name("log");
    let (writer, guard) = queue.finish(std::io::stderr());
    let _ = DROPPED.set(writer.error_counter());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if std::io::stderr().is_terminal() {
        log.with_target(false).with_ansi(true).compact().init();
    } else {
        log.json().init();
    }
    guard
}

/// How many lines were not written, because nobody read those before.
pub fn dropped() -> usize {
    DROPPED.get().map_or(0, ErrorCounter::dropped_lines)
}
