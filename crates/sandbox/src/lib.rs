//! Starting and ending the process of a function: its own session, no inherited descriptors, a cleared environment,
//! limits, no new privileges, death together with the server, and on request isolation from the host. The only crate where `unsafe` is allowed.
#![allow(unsafe_code)]

mod assembled;
mod bpf;
mod capabilities;
mod cell;
mod clone;
mod command;
mod confine;
mod control_group;
mod descendant;
mod enter;
mod forks;
mod furnish;
mod hierarchy;
mod init;
mod inside;
mod isolated;
mod isolation;
mod landlock;
mod launcher;
mod network;
mod notify;
mod outer;
mod outlet;
mod probe;
mod process;
mod relay;
mod seccomp;
mod tree;
mod users;
mod waiter;

use std::io;
use std::path::PathBuf;

pub use capabilities::{Aspect, Capabilities, Obstacle, capabilities, fork_obstacle};
pub use cell::Cell;
pub use command::{Command, FIRST_DESCRIPTOR, Limits};
pub use confine::{confine, inherited};
pub use control_group::ControlGroup;
pub use descendant::Descendant;
pub use furnish::Furniture;
pub use inside::socket_inside;
pub use isolated::may_be_a_functions;
pub use isolation::{Isolation, Mount};
pub use network::{Port, Protocol};
pub use process::{
    Exit, Process, anonymous_bytes, anonymous_bytes_of_all, has_ended, peak_memory_bytes, peak_memory_of_all,
    proportional_bytes, resident_bytes,
};
pub use tree::{Resources, SHARES_OF_A_PROCESSOR};
pub use users::{is_of_one_instance, loopback_address};
pub use waiter::{Errand, ErrandError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("starting {}: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("isolating {}: {stage}: {source}", program.display())]
    Isolate { program: PathBuf, stage: &'static str, source: io::Error },
    #[error("supervising process {pid}: {source}")]
    Supervise { pid: u32, source: io::Error },
    #[error("the thread that starts processes is gone")]
    Launcher,
}

pub type Result<T> = std::result::Result<T, Error>;
