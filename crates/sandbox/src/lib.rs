//! Starting and ending the process of a function: its own session, no inherited descriptors, a cleared environment,
//! limits, no new privileges, and death together with the server. The only crate where `unsafe` is allowed.
#![allow(unsafe_code)]

mod command;
mod launcher;
mod process;

use std::io;
use std::path::PathBuf;

pub use command::{Command, Limits};
pub use process::{Exit, Process, resident_bytes};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("starting {}: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("supervising process {pid}: {source}")]
    Supervise { pid: u32, source: io::Error },
    #[error("the thread that starts processes is gone")]
    Launcher,
}

pub type Result<T> = std::result::Result<T, Error>;
