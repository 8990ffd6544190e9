//! Storage engines at work without a server. Each prints what it measures, a line of JSON for each row:
//!
//! - `engine log|tree FOLDER ROWS MILLIS QUEUE`: one engine in a process of its own, so that its memory is its own too.
//! - `engine reads FOLDER ROWS MILLIS`: reads of both, in turns.

mod machine;
mod reads;
mod work;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kv::Db;
use kv_local::{Local, Options, Tree};
use serde_json::json;

use work::{Effort, Figure};

/// The name of the figure that says how many times a byte was written.
const WRITTEN: &str = "bytes written for each";

/// The server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
    let runtime = runtime.context("no runtime")?;
    let millis = |text: &str| text.parse().map(Duration::from_millis);
    match arguments[..] {
        ["reads", folder, rows, time] => {
            runtime.block_on(reads::measure(folder.as_ref(), rows.parse()?, millis(time)?))
        }
        [engine, folder, rows, time, queue] => {
            let (engine, folder) = (engine.to_owned(), PathBuf::from(folder));
            let run = Run { engine, folder, rows: rows.parse()?, time: millis(time)?, queue: queue.parse()? };
            runtime.block_on(run.all())
        }
        _ => bail!("engine log|tree FOLDER ROWS MILLIS QUEUE, or engine reads FOLDER ROWS MILLIS"),
    }
}

fn open(engine: &str, folder: &Path) -> anyhow::Result<Db> {
    let options = Options::default();
    Ok(match engine {
        "log" => Db::open(Local::open(folder, &options)?),
        "tree" => Db::open(Tree::open(folder, &options)?),
        other => bail!("there is no engine {other}"),
    })
}

struct Run {
    engine: String,
    folder: PathBuf,
    rows: u64,
    time: Duration,
    /// Messages in and out.
    queue: u64,
}

impl Run {
    fn open(&self) -> anyhow::Result<Db> {
        open(&self.engine, &self.folder)
    }

    async fn all(&self) -> anyhow::Result<()> {
        let db = self.open()?;
        self.load(&db).await?;
        for clients in [1, 32, 256] {
            let before = machine::written()?;
            let times = work::modify(&db, Effort::of(clients, self.time), self.rows, 1).await?;
            let bytes = (times.count() * work::VALUE_BYTES).max(1);
            let written = (machine::written()? - before) as f64 / bytes as f64;
            let figures = [&times.figures()[..], &[(WRITTEN, written, "times")]].concat();
            self.tell(&format!("read-modify-write, {clients} clients"), &figures);
        }
        self.tell("memory at most, loading and writing", &[("", machine::memory_most()?, "MiB")]);
        drop(db);
        // What a crash leaves in the log is replayed here.
        let began = Instant::now();
        let db = self.open()?;
        self.tell("open again", &[("", began.elapsed().as_secs_f64() * 1e3, "ms")]);
        drop(db);
        let db = self.open()?;
        self.queue(&db).await?;
        self.tell("memory at most, opened again, with a queue", &[("", machine::memory_most()?, "MiB")]);
        self.tell("disk", &[("", db.stats()?.disk_bytes as f64 / f64::from(1 << 20), "MiB")]);
        Ok(())
    }

    fn tell(&self, what: &str, figures: &[Figure]) {
        tell(&self.engine, what, figures);
    }

    async fn load(&self, db: &Db) -> anyhow::Result<()> {
        let (began, before) = (Instant::now(), machine::written()?);
        work::load(db, self.rows).await?;
        let rate = self.rows as f64 / began.elapsed().as_secs_f64();
        let times = (machine::written()? - before) as f64 / (self.rows * work::VALUE_BYTES as u64) as f64;
        // What waits in memory for the tree is not written twice yet.
        self.tell("load in order, 1000 rows a transaction", &[("", rate, "/s"), (WRITTEN, times, "times")]);
        Ok(())
    }

    async fn queue(&self, db: &Db) -> anyhow::Result<()> {
        for (what, times) in [("in", work::send(db, self.queue).await?), ("out", work::receive(db, self.queue).await?)]
        {
            let rate = self.queue as f64 / times.took.as_secs_f64();
            let figures = [("", rate, "/s"), ("p50", times.at(0.5), "ms"), ("p99", times.at(0.99), "ms")];
            self.tell(&format!("a queue of {} messages, {what}", self.queue), &figures);
        }
        Ok(())
    }
}

#[allow(clippy::print_stdout, reason = "its output is what it is for")]
fn tell(engine: &str, what: &str, figures: &[Figure]) {
    println!("{}", json!({"engine": engine, "what": what, "figures": figures}));
}

/// Every file in a folder.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    entries.collect()
}
