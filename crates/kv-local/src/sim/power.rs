//! The whole engine, threads included, when the power fails: writers, the committer and the flusher at full speed, with layers
//! so small that back-pressure sets in.
//!
//! `POWER_CASES` sets how often, `POWER_SEED` repeats what was chosen; how the threads take turns differs all the same.

use std::path::Path;
use std::sync::Arc;

use base::{Env, Timestamp};
use kv::{Bytes, Db, Error, Order, Read, Table, Tx};

use super::disk::SimDisk;
use crate::{Local, Options};

const CASES: u64 = 3;
const CUTS: u64 = 4;

/// (part, number): each transaction writes the same number under every part, and deletes an old number's.
const PARTS: Table<(u8, u64), Bytes> = Table::new(1, 1);
const PART_COUNT: u8 = 3;
const KEPT: u64 = 20;

fn open(disk: &SimDisk, random: &Env) -> Result<Db, crate::Error> {
    let options = Options {
        cache_bytes: 1024 * 1024,
        overlay_bytes: 16 * 1024,
        segment_bytes: 32 * 1024,
        journal: random.random_u64().is_multiple_of(2),
        reserve_bytes: 0,
        env: random.clone(),
    };
    Local::over(Arc::new(disk.clone()), Path::new("simulated"), &options, None).map(Db::open)
}

fn append(tx: &mut Tx, number: u64) -> Result<(), Error> {
    for part in 0..PART_COUNT {
        PARTS.put(tx, (part, number), &Bytes::from(vec![part; 1 + usize::try_from(number * 37 % 3000).unwrap()]))?;
        if let Some(old) = number.checked_sub(KEPT) {
            PARTS.delete(tx, (part, old))?;
        }
    }
    Ok(())
}

/// The number of the next transaction, when all before are there, whole.
fn check(read: &impl Read) -> Result<u64, String> {
    let numbers = |part: u8| {
        let rows = PARTS.scan_prefix(read, part, Order::Forward).map_err(|error| error.to_string())?;
        let numbers: Result<Vec<u64>, Error> = rows.keys().map(|key| Ok(key?.1)).collect();
        numbers.map_err(|error| error.to_string())
    };
    let first = numbers(0)?;
    let next = first.last().map_or(0, |last| last + 1);
    if first != (next.saturating_sub(KEPT)..next).collect::<Vec<_>>() {
        return Err(format!("there are holes: {first:?}"));
    }
    for part in 1..PART_COUNT {
        let other = numbers(part)?;
        if other != first {
            return Err(format!("half a transaction: part 0 has {first:?}, part {part} has {other:?}"));
        }
    }
    Ok(next)
}

/// Writes, a few transactions at a time, until the power fails or enough is written; returns what comes after the
/// last acknowledged number.
async fn write_until_cut(disk: &SimDisk, from: u64, random: &Env) -> u64 {
    let Ok(db) = open(disk, random) else { return from };
    let mut acknowledged = from;
    while acknowledged < from + 200 {
        let together = acknowledged..acknowledged + 1 + random.random_u64() % 8;
        let queued: Vec<_> = together.map(|number| db.write(move |tx| append(tx, number))).collect();
        for answer in queued {
            if answer.await.is_err() {
                assert!(db.health().is_err(), "a store that fails a commit must say so");
                return acknowledged;
            }
            acknowledged += 1;
        }
    }
    acknowledged
}

#[tokio::test]
async fn acknowledged_writes_survive_power_failures() {
    let setting = |name| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seed: u64 = setting("POWER_SEED").unwrap_or_else(|| Env::real().random_u64());
    let random = Env::simulated(seed, Timestamp::ZERO);
    let mut total = 0;
    for case in 0..setting("POWER_CASES").unwrap_or(CASES) {
        let (disk, mut acknowledged) = (SimDisk::new(), 0);
        for cut in 0..CUTS {
            disk.fail_after(random.random_u64() % 1_500);
            acknowledged = write_until_cut(&disk, acknowledged, &random).await;
            disk.restart_machine(&random);
            let at = format!("with POWER_SEED={seed}, case {case}, cut {cut}");
            let db = open(&disk, &random).unwrap_or_else(|error| panic!("{at}: {error}"));
            let next = check(&db.read().unwrap()).unwrap_or_else(|error| panic!("{at}: {error}"));
            assert!(next >= acknowledged, "{at}: {next} of {acknowledged}");
            acknowledged = next;
        }
        total += acknowledged;
    }
    assert!(total > 0, "with POWER_SEED={seed}: the power failed too early every time");
}
