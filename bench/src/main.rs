//! Measures what Cloudlet promises, with promise and measurement side by side: `cargo xtask bench`.

mod arrivals;
mod build;
mod cases;
mod client;
mod functions;
mod load;
mod machine;
mod nginx;
mod report;
mod rivals;
mod server;

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use tempfile::TempDir;

use crate::build::Binaries;
use crate::report::{Report, say};
use crate::server::Server;

/// Measures what Cloudlet promises, on this machine, with the load generator beside the server.
#[derive(Parser, Debug)]
pub struct Options {
    /// A minute instead of half an hour: short runs, and no table of a million items.
    #[arg(long)]
    pub quick: bool,
    /// The storage engine with ten million rows and tables with ten million items, too: an hour more, and
    /// 60 GB of disk, or 200 with indexes and a stream.
    #[arg(long)]
    pub long: bool,
    /// Only this case; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = cases::names())]
    pub only: Vec<String>,
    /// Writes the results to FILE as JSON, too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// How often the server is killed in the crash case.
    #[arg(long, default_value_t = 10)]
    pub rounds: u32,
    /// How many items the large table has.
    #[arg(long, default_value_t = 1_000_000)]
    pub items: usize,
    /// Leaves out the other servers that are measured for comparison.
    #[arg(long)]
    pub no_rivals: bool,
    /// Measures this `cloudlet` instead of building one.
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
}

/// What every case works with.
pub struct Bench {
    pub options: Options,
    pub binaries: Binaries,
    /// Where servers keep their data, and rivals are installed: on the disk that is measured.
    pub folder: PathBuf,
    /// What the reader should know besides the numbers.
    notes: RefCell<Vec<String>>,
}

impl Bench {
    /// How long to work before measuring, and how long to measure.
    pub fn pace(&self) -> (Duration, Duration) {
        let millis = if self.options.quick { (500, 1_500) } else { (1_500, 5_000) };
        (Duration::from_millis(millis.0), Duration::from_millis(millis.1))
    }

    /// How many samples to take of something that takes long: fewer in a quick run.
    pub fn samples(&self, usual: usize) -> usize {
        if self.options.quick { usual.div_ceil(5) } else { usual }
    }

    /// A new folder for a server's data, removed when dropped.
    pub fn data_folder(&self) -> anyhow::Result<TempDir> {
        tempfile::Builder::new().prefix("data-").tempdir_in(&self.folder).context("no folder for a server's data")
    }

    /// A server on empty data.
    pub async fn server(&self) -> anyhow::Result<(Server, TempDir)> {
        let data = self.data_folder()?;
        Ok((Server::start(&self.binaries.cloudlet, data.path()).await?, data))
    }

    /// The same, whose functions reach this port of the loopback address too.
    pub async fn server_reaching(&self, port: u16) -> anyhow::Result<(Server, TempDir)> {
        let data = self.data_folder()?;
        Ok((Server::start_reaching(&self.binaries.cloudlet, data.path(), Some(port)).await?, data))
    }

    pub fn note(&self, text: String) {
        say(&text);
        self.notes.borrow_mut().push(text);
    }
}

fn main() -> ExitCode {
    // One thread, and so one core of the two at the very most, makes the load; the rest is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.context("no runtime").and_then(|runtime| runtime.block_on(run(Options::parse())));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether every case could be measured; a promise that is not kept is a result, not a failure.
async fn run(options: Options) -> anyhow::Result<bool> {
    let folder = build::target()?.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let with_server = cases::ALL.iter().any(|case| case.needs_server && options.chosen(case.name));
    let binaries = build::build(options.binary.as_deref(), with_server)?;
    let measured = options.binary.as_ref().map_or_else(|| build::PROFILE.into(), |given| given.display().to_string());
    let mut report = Report::new(measured, machine::describe(&folder)?, client::signing_cost()?);
    let bench = Bench { options, binaries, folder, notes: RefCell::default() };
    for case in cases::ALL.iter().filter(|case| bench.options.chosen(case.name)) {
        say(format_args!("{}: {}", case.name, case.about));
        match (case.run)(&bench).await {
            Ok(rows) => report.add(case.name, rows),
            Err(error) => report.fail(case.name, &error),
        }
    }
    report.notes = bench.notes.take();
    report.print()?;
    if let Some(path) = &bench.options.json {
        report.write_json(path)?;
    }
    Ok(report.failed.is_empty())
}

impl Options {
    fn chosen(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}
