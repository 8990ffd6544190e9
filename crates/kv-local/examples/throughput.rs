//! Durable writes and reads a second through `Db`, 1 KiB values, at 1 and at 32 clients:
//! `cargo run --release -p kv-local --example throughput -- [ROWS] [FOLDER]`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for the terminal")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base::Env;
use kv::{Bytes, Db, Error, Table};
use kv_local::{Local, Options};

const ITEMS: Table<(u64, u64), Bytes> = Table::new(1, 1);
const VALUE_BYTES: usize = 1024;
const TIME: Duration = Duration::from_secs(4);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(10_000, |rows| rows.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or(temporary.path().to_owned(), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let db = Db::open(Local::open(&folder, &Options::default()).unwrap());
    runtime.block_on(load(&db, rows));
    println!("{rows} rows, {} bytes on disk", db.stats().unwrap().disk_bytes);
    for clients in [1, 32] {
        let what = |name| format!("{name}, {clients} clients");
        runtime.block_on(measure(&what("writes"), clients, &db, rows, |db, key, value| async move {
            db.write(move |tx| ITEMS.put(tx, key, &value)).await
        }));
        runtime.block_on(measure(&what("read-modify-writes"), clients, &db, rows, |db, key, value| async move {
            let write = db.write(move |tx| {
                let old = ITEMS.get(tx, key)?.map_or(0, |value| value.len());
                ITEMS.put(tx, key, &value.slice(..old.clamp(1, VALUE_BYTES)))
            });
            write.await
        }));
        runtime.block_on(measure(&what("reads"), clients, &db, rows, |db, key, _| async move {
            // A client of the network would wait here too.
            tokio::task::yield_now().await;
            ITEMS.get(&db.read()?, key).map(|value| assert!(value.is_some()))
        }));
    }
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
    times.sort();
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{what}: {rate:.0}/s, p50 {:?}, p99 {:?}, max {:?}", at(0.5), at(0.99), at(1.0));
}
