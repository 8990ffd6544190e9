//! Reads of the log and of the tree alone, in turns of a fraction of a second: what else the machine does meets both.
//!
//! Both have the same history, because a tree that was changed more often lies scattered over more of its file: in a comparison by time,
//! the faster writer would be the slower reader for that alone.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use kv::{Db, Order};

use crate::work::{self, Effort, Times};
use crate::{machine, open, tell};

const ENGINES: [&str; 2] = ["log", "tree"];

/// Of the rows, one in so many was changed since they were loaded.
const CHANGED_SHARE: u64 = 10;
const CHANGERS: u64 = 256;

/// Reads pick from so many rows: with more, there would be none that the operating system has in memory.
const HOT_ROWS: u64 = 1_000_000;

/// The turns of each engine.
const TURNS: u32 = 20;

/// Cold reads are counted, not timed: whoever is ahead would soon find in memory what it has read before. So many rounds of so many.
const COLD_ROUNDS: u64 = 4;
const COLD_READS: u64 = 200;

/// Writers beside the reads come as often for both engines, too: so many, with so many rows in a transaction, each this often.
const WRITERS: u64 = 4;
const WRITTEN_AT_ONCE: u64 = 4;
const WRITERS_PACE: Duration = Duration::from_millis(10);

#[derive(Clone, Copy)]
enum Reading {
    Points,
    Scans(Order),
}

impl Reading {
    fn name(self) -> &'static str {
        match self {
            Reading::Points => "point reads",
            Reading::Scans(Order::Forward) => "scans of 100 rows",
            Reading::Scans(Order::Reverse) => "scans of 100 rows backward",
        }
    }

    async fn run(self, db: &Db, effort: Effort, rows: u64) -> anyhow::Result<Times> {
        match self {
            Reading::Points => work::reads(db, effort, rows).await,
            Reading::Scans(order) => work::scans(db, effort, rows, order).await,
        }
    }
}

/// Loads and changes `rows` in both engines, in `folder`, and reads them cold, hot, and while others write.
pub async fn measure(folder: &Path, rows: u64, time: Duration) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    for engine in ENGINES {
        let db = open(engine, &folder.join(engine))?;
        work::load(&db, rows).await?;
        let times = rows / CHANGED_SHARE / CHANGERS;
        let effort = Effort { times, ..Effort::of(CHANGERS, Duration::MAX) };
        work::modify(&db, effort, rows, 1).await?;
    }
    for reading in [Reading::Points, Reading::Scans(Order::Forward), Reading::Scans(Order::Reverse)] {
        cold(folder, rows, reading).await?;
        let dbs = [open(ENGINES[0], &folder.join(ENGINES[0]))?, open(ENGINES[1], &folder.join(ENGINES[1]))?];
        let rows = rows.min(HOT_ROWS);
        dbs.iter().try_for_each(|db| work::warm(db, rows))?;
        hot(&dbs, rows, reading, time).await?;
        during_writes(&dbs, rows, reading, time).await?;
    }
    Ok(())
}

/// What the operating system has forgotten.
async fn cold(folder: &Path, rows: u64, reading: Reading) -> anyhow::Result<()> {
    let mut all = [Times::none(), Times::none()];
    for seed in 0..COLD_ROUNDS {
        for (engine, all) in ENGINES.iter().zip(&mut all) {
            let folder = folder.join(engine);
            machine::forget(&folder)?;
            let effort = Effort { times: COLD_READS, seed, ..Effort::of(1, Duration::MAX) };
            all.add(reading.run(&open(engine, &folder)?, effort, rows).await?);
        }
    }
    tell_both(&format!("{}, cold", reading.name()), &all);
    Ok(())
}

async fn hot(dbs: &[Db; 2], rows: u64, reading: Reading, time: Duration) -> anyhow::Result<()> {
    let mut all = [Times::none(), Times::none()];
    for seed in 0..u64::from(TURNS) {
        for (db, all) in dbs.iter().zip(&mut all) {
            let effort = Effort { seed, ..Effort::of(1, time / TURNS) };
            all.add(reading.run(db, effort, rows).await?);
        }
    }
    tell_both(&format!("{}, hot", reading.name()), &all);
    Ok(())
}

/// Takes twice the time, so that the log's layers are flushed meanwhile.
async fn during_writes(dbs: &[Db; 2], rows: u64, reading: Reading, time: Duration) -> anyhow::Result<()> {
    let (mut all, mut written) = ([Times::none(), Times::none()], [Times::none(), Times::none()]);
    for seed in 0..u64::from(TURNS) {
        for ((db, all), written) in dbs.iter().zip(&mut all).zip(&mut written) {
            let effort = Effort { seed, ..Effort::of(1, time * 2 / TURNS) };
            // Other rows than the readers'.
            let writing = Effort { clients: WRITERS, pace: WRITERS_PACE, seed: seed + u64::from(TURNS), ..effort };
            let writing = work::modify(db, writing, rows, WRITTEN_AT_ONCE);
            let (reading, writing) = tokio::join!(reading.run(db, effort, rows), writing);
            all.add(reading?);
            written.add(writing?);
        }
    }
    tell_both(&format!("{}, during writes", reading.name()), &all);
    tell_both(&format!("{WRITERS} writers of {WRITTEN_AT_ONCE} rows, during {}", reading.name()), &written);
    Ok(())
}

fn tell_both(what: &str, times: &[Times; 2]) {
    for (engine, times) in ENGINES.iter().zip(times) {
        tell(engine, what, &times.figures());
    }
}
