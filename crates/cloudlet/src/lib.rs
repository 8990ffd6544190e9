//! The binary's inside: the command line, the server, and the one list that wires engine and services.

pub mod cli;
pub mod client;
pub mod commands;
mod control;
pub mod logging;
mod master;
mod network;
pub mod output;
mod private;
mod progress;
mod project;
mod restoring;
mod root;
pub mod server;
pub mod services;
mod signals;

use std::path::PathBuf;

use anyhow::Context as _;

/// Where what can be fetched again is kept: SDKs for functions, installed dependencies. `CLOUDLET_CACHE`, or
/// `cloudlet` in the user's cache folder.
fn cache_folder() -> anyhow::Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("CLOUDLET_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("cloudlet")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/cloudlet")))
        .context("there is no place for a cache: set CLOUDLET_CACHE to a folder")
}
