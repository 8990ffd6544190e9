//! `cloudlet archive`.

use std::process::ExitCode;

use archive::Pruned;
use base::Env;

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
    let Pruned { objects, blobs, first } = archive::prune(&*target, place, Env::real().now(), options.keep)?;
    output::line(format_args!("{place}: removed {objects} backups and parts of the log, {blobs} packages of code"));
    match first {
        Some(first) => output::line(format_args!("Any moment since {} can be brought back", first.iso8601())),
        None => output::line("There is no backup in it"),
    }
    Ok(ExitCode::SUCCESS)
}
