//! The commands, a file each.

mod archive;
mod backup;
mod deploy;
mod dev;
mod doctor;
mod env;
mod events;
mod iam;
mod inspect;
mod invoke;
mod keys;
mod logs;
mod mail;
mod migrate;
mod operations;
mod repair;
mod restore;
mod rollback;
mod scrub;
mod serve;
mod status;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::Command;
use crate::output;

/// Runs a command to its end.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the threads cannot be started")?;
    runtime.block_on(async {
        match command {
            Command::ImageWorker => Ok(image_worker()),
            Command::Serve(options) => serve::run(*options).await,
            Command::Invoke(options) => invoke::run(options).await,
            Command::Logs(options) => logs::run(options).await,
            Command::Mail(options) => mail::run(options).await,
            Command::Status(options) => status::run(options).await,
            Command::Events(options) => events::run(options).await,
            Command::Iam(command) => iam::run(command).await,
            Command::Migrate(command) => migrate::run(command).await,
            Command::Env(options) => env::run(&options),
            Command::Operations(options) => operations::run(options).await,
            Command::Doctor(options) => doctor::run(options).await,
            Command::Backup(options) => backup::run(options).await,
            Command::Restore(options) => restore::run(options).await,
            Command::Archive(command) => archive::run(&command),
            Command::Keys(command) => keys::run(command).await,
            Command::Repair(options) => repair::run(&options),
            Command::Scrub(options) => scrub::run(options).await,
            Command::Dev(options) => dev::run(options).await,
            Command::Deploy(options) => deploy::deploy(options).await,
            Command::Rollback(options) => rollback::run(options).await,
            Command::Remove(options) => deploy::remove(options).await,
        }
    })
}

/// Makes images for the server that has started this process. Before anything else: it must have no other threads.
pub fn image_worker() -> ExitCode {
    match media::work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&anyhow::anyhow!("this process makes images for a server, and cannot: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The exit status of a copy that is whole but for what it said is lost: different from a failure, which leaves nothing.
const INCOMPLETE: u8 = 3;

/// Tells of a blob that a copy lacks, and of what needs it.
fn tell_lost(folder: &str, id: &str, reason: &str, users: &[String]) {
    output::note(format_args!("warning: lost is {folder}/{id}: {reason}"));
    for user in users {
        output::note(format_args!("  {user} needs it"));
    }
}
