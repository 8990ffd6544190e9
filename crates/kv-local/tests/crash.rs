//! `kill -9` at random moments: every acknowledged transaction is there afterwards, and none is there by half.
//!
//! `CRASH_ROUNDS` sets how often, `CRASH_SEED` repeats a run's moments.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking; the child speaks through its output"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use base::{Env, Timestamp};
use kv::{Db, Error, Order, Read, Table, Tx};
use kv_local::{Local, Options};

const ROUNDS: u32 = 5;
const CLIENTS: u64 = 16;
/// Entries that a client keeps; older ones are deleted by range, a few at a time.
const KEPT: u64 = 40;

/// (client, number) -> what `payload` says.
const ENTRIES: Table<(u64, u64), String> = Table::new(1, 1);
/// client -> the number of its oldest entry.
const OLDEST: Table<u64, u64> = Table::new(1, 2);
/// client -> the number of its next entry.
const NEXT: Table<u64, u64> = Table::new(1, 3);
/// The sum of all clients' next numbers: one row that every transaction changes.
const TOTAL: Table<(), u64> = Table::new(1, 4);

fn payload(client: u64, number: u64) -> String {
    format!("{client}/{number} ").repeat(usize::try_from(number % 97).unwrap() * 4)
}

/// One transaction over four tables; returns the number of the new entry.
fn append(tx: &mut Tx, client: u64) -> Result<u64, Error> {
    let number = NEXT.get(tx, client)?.unwrap_or(0);
    ENTRIES.put(tx, (client, number), &payload(client, number))?;
    NEXT.put(tx, client, &(number + 1))?;
    let total = TOTAL.get(tx, ())?.unwrap_or(0);
    TOTAL.put(tx, (), &(total + 1))?;
    let oldest = OLDEST.get(tx, client)?.unwrap_or(0);
    if number - oldest > KEPT * 2 {
        let kept_from = number - KEPT;
        tx.delete_range(ENTRIES.range(client, std::ops::Bound::Unbounded::<()>, std::ops::Bound::Excluded(kept_from)))?;
        OLDEST.put(tx, client, &kept_from)?;
    }
    Ok(number)
}

/// Each client's number of entries ever, or what is wrong.
fn check(read: &impl Read) -> Result<Vec<u64>, String> {
    let fail = |error: Error| error.to_string();
    let mut counts = Vec::new();
    for client in 0..CLIENTS {
        let next = NEXT.get(read, client).map_err(fail)?.unwrap_or(0);
        let oldest = OLDEST.get(read, client).map_err(fail)?.unwrap_or(0);
        let mut numbers = oldest..next;
        for row in ENTRIES.scan_prefix(read, client, Order::Forward).map_err(fail)? {
            let ((_, number), text) = row.map_err(fail)?;
            if numbers.next() != Some(number) || text != payload(client, number) {
                return Err(format!("client {client}: entry {number} should not be there, or not like this"));
            }
        }
        if let Some(number) = numbers.next() {
            return Err(format!("client {client}: entry {number} is missing of {oldest}..{next}"));
        }
        counts.push(next);
    }
    let (total, sum) = (TOTAL.get(read, ()).map_err(fail)?.unwrap_or(0), counts.iter().sum::<u64>());
    if total == sum { Ok(counts) } else { Err(format!("the total is {total}, the sum {sum}")) }
}

fn open(path: &Path) -> Db {
    Db::open(Local::open(path, &Options::default()).unwrap())
}

/// What is killed: clients that write without pause, and say so when they are told that they have written.
#[test]
#[ignore = "the other test starts it, in a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os("CRASH_FOLDER") else { return };
    let db = open(Path::new(&folder));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let db = db.clone();
            runtime.spawn(async move {
                loop {
                    let number = db.write(move |tx| append(tx, client)).await.unwrap();
                    println!("acknowledged {client} {number}");
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| runtime.block_on(client).unwrap());
}

/// Starts a child, kills it after `life`, and returns each client's last acknowledged number.
fn run_child(folder: &Path, life: Duration) -> Vec<Option<u64>> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env("CRASH_FOLDER", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut last = vec![None; usize::try_from(CLIENTS).unwrap()];
        for line in output.lines() {
            let line = line.unwrap();
            // The kill may cut the last line; what was not said whole was not acknowledged.
            let mut words = line.split(' ').skip_while(|word| *word != "acknowledged").skip(1).map(u64::from_str);
            if let (Some(Ok(client)), Some(Ok(number))) = (words.next(), words.next()) {
                last[usize::try_from(client).unwrap()] = Some(number);
            }
        }
        last
    });
    std::thread::sleep(life);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "the child ended by itself");
    reader.join().unwrap()
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn acknowledged_writes_survive_kill_9() {
    let seed = setting("CRASH_SEED").unwrap_or_else(|| Env::real().random_u64());
    let random = Env::simulated(seed, Timestamp::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    let rounds = setting("CRASH_ROUNDS").unwrap_or(ROUNDS);
    for round in 0..rounds {
        // Sometimes before the store is open, mostly in the middle of commits.
        let life = Duration::from_micros(random.random_u64() % 400_000);
        let last = run_child(folder.path(), life);
        let counts = check(&open(folder.path()).read().unwrap());
        let counts = counts.unwrap_or_else(|error| panic!("with CRASH_SEED={seed}, in round {round}: {error}"));
        for (client, (last, count)) in last.iter().zip(&counts).enumerate() {
            let lost = last.is_some_and(|last| last >= *count);
            assert!(
                !lost,
                "with CRASH_SEED={seed}, in round {round}: client {client} was told of {last:?}, but has {count}"
            );
        }
        acknowledged = counts.iter().sum();
    }
    println!("{rounds} rounds with CRASH_SEED={seed}: {acknowledged} transactions, all of them there");
    assert!(acknowledged > 0, "with CRASH_SEED={seed}: no child lived long enough to write");
}
