//! The `cloudlet` command.

use std::process::ExitCode;

use clap::Parser as _;
use cloudlet::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::ImageWorker) {
        return cloudlet::commands::image_worker();
    }
    let _log = cloudlet::logging::start(&cli.command);
    match cloudlet::commands::run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            cloudlet::output::error(&error);
            ExitCode::FAILURE
        }
    }
}
