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
            let times = work::modify(&db, clients, self.rows, self.time).await?;
            tell_times(&format!("read-modify-write, {clients} clients"), &times);
        }
        drop(db);
        // What a crash leaves in the log is replayed here.
        let began = Instant::now();
        let db = self.open()?;
        tell("open again", &[("", began.elapsed().as_secs_f64() * 1e3, "ms")]);
        drop(db);
        machine::forget(&self.folder)?;
        let db = self.open()?;
        for state in ["cold", "hot"] {
            tell_times(&format!("point reads, {state}"), &work::reads(&db, self.rows, self.time).await?);
        }
        drop(db);
        machine::forget(&self.folder)?;
        let db = self.open()?;
        for state in ["cold", "hot"] {
            tell_times(&format!("scans of 100 rows, {state}"), &work::scans(&db, self.rows, self.time).await?);
        }
        self.queue(&db).await?;
        tell("memory at most", &[("", machine::memory_most()?, "MiB")]);
        tell("disk", &[("", db.stats()?.disk_bytes as f64 / f64::from(1 << 20), "MiB")]);
        Ok(())
    }

    async fn load(&self, db: &Db) -> anyhow::Result<()> {
        let (began, before) = (Instant::now(), machine::written()?);
        work::load(db, self.rows).await?;
        let rate = self.rows as f64 / began.elapsed().as_secs_f64();
        let times = (machine::written()? - before) as f64 / (self.rows * work::VALUE_BYTES as u64) as f64;
        // What waits in memory for the tree is not written twice yet.
        tell("load, 1000 rows a transaction", &[("", rate, "/s"), ("bytes written for each", times, "times")]);
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

fn tell_times(what: &str, times: &Times) {
    let rate = times.count() as f64 / times.took.as_secs_f64();
    let (p50, p99, p999, longest) = (times.at(0.5), times.at(0.99), times.at(0.999), times.at(1.0));
    tell(
        what,
        &[("", rate, "/s"), ("p50", p50, "ms"), ("p99", p99, "ms"), ("p99.9", p999, "ms"), ("longest", longest, "ms")],
    );
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
