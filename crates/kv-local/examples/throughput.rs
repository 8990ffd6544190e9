//! Durable writes and reads a second through `Db`, 1 KiB values, at 1, 32 and 256 clients, with the log and with the tree
//! alone, beside what the device can sync: `cargo run --release -p kv-local --example throughput -- [ROWS] [FOLDER]`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for the terminal")]

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base::Env;
use kv::{Bytes, Db, Error, Table};
use kv_local::{Local, Options, Tree};

const ITEMS: Table<(u64, u64), Bytes> = Table::new(1, 1);
const VALUE_BYTES: usize = 1024;
const TIME: Duration = Duration::from_secs(4);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(10_000, |rows| rows.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or(temporary.path().to_owned(), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    device(&folder);
    for engine in ["log", "tree"] {
        let folder = folder.join(engine);
        let db = match engine {
            "log" => Db::open(Local::open(&folder, &Options::default()).unwrap()),
            _ => Db::open(Tree::open(&folder, &Options::default()).unwrap()),
        };
        runtime.block_on(load(&db, rows));
        println!("{engine}: {rows} rows, {} bytes on disk", db.stats().unwrap().disk_bytes);
        for clients in [1, 32, 256] {
            runtime.block_on(measure_all(engine, clients, &db, rows));
        }
        println!("{engine}: {}", memory());
    }
}

/// How often a second the device takes 4 KiB, each written over zeros and synced alone: no commit of one client is faster.
fn device(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let file = tempfile::tempfile_in(folder).unwrap();
    file.write_all_at(&vec![0; 1 << 24], 0).unwrap();
    file.sync_all().unwrap();
    let (start, mut times) = (Instant::now(), Vec::new());
    for offset in (0..1 << 24).step_by(4096).cycle().take_while(|_| start.elapsed() < TIME) {
        let from = Instant::now();
        file.write_all_at(&[1; 4096], offset).unwrap();
        file.sync_data().unwrap();
        times.push(from.elapsed());
    }
    tell("device: fdatasync", times, start.elapsed());
}

/// The process's memory now and at most, in MiB, as Linux counts it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    format!("{} MiB resident, {} at most", kib("VmRSS:") >> 10, kib("VmHWM:") >> 10)
}

async fn measure_all(engine: &str, clients: u64, db: &Db, rows: u64) {
    let what = |name| format!("{engine}: {name}, {clients} clients");
    let write = |db: Db, key, value: Bytes| async move { db.write(move |tx| ITEMS.put(tx, key, &value)).await };
    measure(&what("writes"), clients, db, rows, write).await;
    let modify = |db: Db, key, value: Bytes| async move {
        let write = db.write(move |tx| {
            let old = ITEMS.get(tx, key)?.map_or(0, |value| value.len());
            ITEMS.put(tx, key, &value.slice(..old.clamp(1, VALUE_BYTES)))
        });
        write.await
    };
    measure(&what("read-modify-writes"), clients, db, rows, modify).await;
    let read = |db: Db, key, _| async move {
        // A client of the network would wait here too.
        tokio::task::yield_now().await;
        ITEMS.get(&db.read()?, key).map(|value| assert!(value.is_some()))
    };
    measure(&what("reads"), clients, db, rows, read).await;
}

/// The key that the hashes of a partition key and a sort key would make.
fn key(number: u64) -> (u64, u64) {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9), number)
}

fn value(env: &Env) -> Bytes {
    let mut value = vec![b'x'; VALUE_BYTES];
    env.random(&mut value[..VALUE_BYTES / 2]);
    value.into()
}

async fn load(db: &Db, rows: u64) {
    let env = Env::simulated(1, base::Timestamp::ZERO);
    for start in (0..rows).step_by(1000) {
        let value = value(&env);
        let end = rows.min(start + 1000);
        let write = db.write(move |tx| (start..end).try_for_each(|number| ITEMS.put(tx, key(number), &value)));
        write.await.map_err(|error: Error| error).unwrap();
    }
}

async fn measure<F>(what: &str, clients: u64, db: &Db, rows: u64, work: fn(Db, (u64, u64), Bytes) -> F)
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (db, env) = (db.clone(), Env::simulated(client, base::Timestamp::ZERO));
            tokio::spawn(async move {
                let (value, mut times) = (value(&env), Vec::new());
                while start.elapsed() < TIME {
                    let from = Instant::now();
                    work(db.clone(), key(env.random_u64() % rows), value.clone()).await.unwrap();
                    times.push(from.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    tell(what, times, start.elapsed());
}

fn tell(what: &str, mut times: Vec<Duration>, took: Duration) {
    times.sort();
    let rate = times.len() as f64 / took.as_secs_f64();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let (p50, p99, p999, longest) = (at(0.5), at(0.99), at(0.999), at(1.0));
    println!("{what}: {rate:.0}/s, p50 {p50:.2?}, p99 {p99:.2?}, p99.9 {p999:.2?}, longest {longest:.2?}");
}
