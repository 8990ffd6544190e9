//! `cloudlet archive`.

use std::process::ExitCode;

use archive::Pruned;
use base::{Env, Timestamp};

use crate::cli::{Archive, Prune};
use crate::output;

pub fn run(command: &Archive) -> anyhow::Result<ExitCode> {
    match command {
        Archive::Prune(options) => prune(options),
    }
}

fn prune(options: &Prune) -> anyhow::Result<ExitCode> {
    let place = &options.archive;
    let target = archive::open(place)?;
    let keep = u64::try_from(options.keep.as_millis()).unwrap_or(u64::MAX);
    let cutoff = Timestamp(Env::real().now().as_millis().saturating_sub(keep));
    let Pruned { objects, blobs, first } = archive::prune(&*target, place, cutoff)?;
    output::line(format_args!("{place}: removed {objects} backups and parts of the log, {blobs} packages of code"));
    match first {
        Some(first) => output::line(format_args!("Any moment since {} can be brought back", first.iso8601())),
        None => output::line("There is no backup in it"),
    }
    Ok(ExitCode::SUCCESS)
}
