//! One storage engine at work in a process of its own, so that its memory is its own too: `engine log|tree FOLDER ROWS MILLIS QUEUE`
//! prints what it measures, a line of JSON each.

mod machine;
mod work;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kv::Db;
use kv_local::{Local, Options, Tree};
use serde_json::json;

use work::Times;

/// The name of the figure that says how many times a byte was written.
const WRITTEN: &str = "bytes written for each";

/// Clients that write while others read.
const WRITERS: u64 = 4;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, folder, rows, millis, queue] = &arguments[..] else {
        bail!("engine log|tree FOLDER ROWS MILLIS QUEUE");
    };
    let run = Run {
        engine: engine.clone(),
        folder: PathBuf::from(folder),
        rows: rows.parse()?,
        time: Duration::from_millis(millis.parse()?),
        queue: queue.parse()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().context("no runtime")?;
    runtime.block_on(run.all())
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
        let options = Options::default();
        Ok(match self.engine.as_str() {
            "log" => Db::open(Local::open(&self.folder, &options)?),
            "tree" => Db::open(Tree::open(&self.folder, &options)?),
            other => bail!("there is no engine {other}"),
        })
    }

    async fn all(&self) -> anyhow::Result<()> {
        let db = self.open()?;
        self.load(&db).await?;
        for clients in [1, 32, 256] {
            let before = machine::written()?;
            let times = work::modify(&db, clients, self.rows, self.time).await?;
            let bytes = (times.count() * work::VALUE_BYTES).max(1);
            let written = (machine::written()? - before) as f64 / bytes as f64;
            tell_times(&format!("read-modify-write, {clients} clients"), &times, &[(WRITTEN, written, "times")]);
        }
        tell("memory at most, loading and writing", &[("", machine::memory_most()?, "MiB")]);
        drop(db);
        // What a crash leaves in the log is replayed here.
        let began = Instant::now();
        let db = self.open()?;
        tell("open again", &[("", began.elapsed().as_secs_f64() * 1e3, "ms")]);
        drop(db);
        self.reads().await?;
        let db = self.open()?;
        self.queue(&db).await?;
        tell("memory at most, opened again and again", &[("", machine::memory_most()?, "MiB")]);
        tell("disk", &[("", db.stats()?.disk_bytes as f64 / f64::from(1 << 20), "MiB")]);
        Ok(())
    }

    /// What was just read is hot, what the operating system has forgotten is cold; and the same while others write.
    async fn reads(&self) -> anyhow::Result<()> {
        let time = self.time / 2;
        for scans in [false, true] {
            machine::forget(&self.folder)?;
            let db = self.open()?;
            let work = async |time| match scans {
                false => work::reads(&db, self.rows, time).await,
                true => work::scans(&db, self.rows, time).await,
            };
            let what = if scans { "scans of 100 rows" } else { "point reads" };
            tell_times(&format!("{what}, cold"), &work(time).await?, &[]);
            tell_times(&format!("{what}, hot"), &work(time).await?, &[]);
            let writing = work::modify(&db, WRITERS, self.rows, self.time);
            let (reading, writing) = tokio::join!(work(self.time), writing);
            tell_times(&format!("{what}, during writes"), &reading?, &[]);
            let rate = writing?.rate();
            tell(&format!("read-modify-write, {WRITERS} clients, during {what}"), &[("", rate, "/s")]);
        }
        Ok(())
    }

    async fn load(&self, db: &Db) -> anyhow::Result<()> {
        let (began, before) = (Instant::now(), machine::written()?);
        work::load(db, self.rows).await?;
        let rate = self.rows as f64 / began.elapsed().as_secs_f64();
        let times = (machine::written()? - before) as f64 / (self.rows * work::VALUE_BYTES as u64) as f64;
        // What waits in memory for the tree is not written twice yet.
        tell("load in order, 1000 rows a transaction", &[("", rate, "/s"), (WRITTEN, times, "times")]);
        Ok(())
    }

    async fn queue(&self, db: &Db) -> anyhow::Result<()> {
        for (what, times) in [("in", work::send(db, self.queue).await?), ("out", work::receive(db, self.queue).await?)]
        {
            let rate = self.queue as f64 / times.took.as_secs_f64();
            let figures = [("", rate, "/s"), ("p50", times.at(0.5), "ms"), ("p99", times.at(0.99), "ms")];
            tell(&format!("a queue of {} messages, {what}", self.queue), &figures);
        }
        Ok(())
    }
}

fn tell_times(what: &str, times: &Times, more: &[(&str, f64, &str)]) {
    let (p50, p99, p999, longest) = (times.at(0.5), times.at(0.99), times.at(0.999), times.at(1.0));
    let rate = ("", times.rate(), "/s");
    let latencies = [("p50", p50, "ms"), ("p99", p99, "ms"), ("p99.9", p999, "ms"), ("longest", longest, "ms")];
    tell(what, &[&[rate], &latencies[..], more].concat());
}

#[allow(clippy::print_stdout, reason = "its output is what it is for")]
fn tell(what: &str, figures: &[(&str, f64, &str)]) {
    println!("{}", json!({"what": what, "figures": figures}));
}

/// Every file in a folder.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    entries.collect()
}
