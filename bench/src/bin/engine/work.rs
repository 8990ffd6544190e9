//! What the engines are given to do: 1 KiB rows in no order, scans, and a queue.

use std::time::{Duration, Instant};

use base::{Env, Timestamp};
use kv::{Bytes, Db, Error, Order, Read as _, Table, Tx};

/// As long as the keys of a table's items, which begin with a hash.
const ITEMS: Table<(u64, u64), Bytes> = Table::new(1, 1);
const MESSAGES: Table<u64, Bytes> = Table::new(2, 1);
/// The next message's number.
const NEXT: Table<(), u64> = Table::new(2, 2);

pub const VALUE_BYTES: usize = 1024;
const MESSAGE_BYTES: usize = 256;
/// As in a batch of SQS.
const MESSAGES_AT_ONCE: u64 = 10;
const QUEUE_CLIENTS: u64 = 32;
const SCAN_ROWS: usize = 100;

/// How long pieces of work took, and all of them together.
pub struct Times {
    sorted: Vec<Duration>,
    pub took: Duration,
}

impl Times {
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Pieces of work a second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.took.as_secs_f64()
    }

    /// The time that the share `quantile` of all stayed below, in milliseconds.
    pub fn at(&self, quantile: f64) -> f64 {
        let place = (self.sorted.len().saturating_sub(1) as f64 * quantile) as usize;
        self.sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

/// Rows are loaded in the order of their keys, which takes no more than their bytes do; all else picks them at random.
fn key(number: u64) -> (u64, u64) {
    (number << 32, number)
}

fn random(client: u64) -> Env {
    Env::simulated(client, Timestamp::ZERO)
}

fn value(random: &Env) -> Bytes {
    let mut value = vec![b'x'; VALUE_BYTES];
    random.random(&mut value);
    value.into()
}

pub async fn load(db: &Db, rows: u64) -> anyhow::Result<()> {
    let random = random(0);
    for start in (0..rows).step_by(1000) {
        let (value, end) = (value(&random), rows.min(start + 1000));
        let write = move |tx: &mut Tx| (start..end).try_for_each(|number| ITEMS.put(tx, key(number), &value));
        db.write::<_, Error>(write).await?;
    }
    Ok(())
}

/// `clients` at a time do `work` until `time` is over or it says that there is no more.
async fn together<F>(
    db: &Db,
    clients: u64,
    time: Duration,
    work: impl Fn(Db, Env) -> F + Clone + Send + 'static,
) -> anyhow::Result<Times>
where
    F: Future<Output = Result<bool, Error>> + Send,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (db, work) = (db.clone(), work.clone());
            tokio::spawn(async move {
                let (random, mut times) = (random(client + 1), Vec::new());
                while start.elapsed() < time {
                    let from = Instant::now();
                    if !work(db.clone(), random.clone()).await? {
                        break;
                    }
                    times.push(from.elapsed());
                }
                Ok::<_, Error>(times)
            })
        })
        .collect();
    let mut sorted = Vec::new();
    for task in tasks {
        sorted.extend(task.await??);
    }
    sorted.sort();
    Ok(Times { sorted, took: start.elapsed() })
}

pub async fn modify(db: &Db, clients: u64, rows: u64, time: Duration) -> anyhow::Result<Times> {
    let work = move |db: Db, random: Env| async move {
        let (key, new) = (key(random.random_u64() % rows), value(&random));
        let write = db.write(move |tx| {
            let old = ITEMS.get(tx, key)?.map_or(0, |old| old.len());
            ITEMS.put(tx, key, &new.slice(..old.clamp(1, VALUE_BYTES)))
        });
        write.await.map(|()| true)
    };
    together(db, clients, time, work).await
}

pub async fn reads(db: &Db, rows: u64, time: Duration) -> anyhow::Result<Times> {
    let work = move |db: Db, random: Env| async move {
        let found = ITEMS.get(&db.read()?, key(random.random_u64() % rows))?;
        Ok(found.is_some())
    };
    together(db, 1, time, work).await
}

pub async fn scans(db: &Db, rows: u64, time: Duration) -> anyhow::Result<Times> {
    let work = move |db: Db, random: Env| async move {
        let (hash, _) = key(random.random_u64() % rows);
        let from = std::ops::Bound::Included(hash);
        let range = ITEMS.range((), from, std::ops::Bound::Unbounded::<u64>);
        let snapshot = db.read()?;
        let mut bytes = 0;
        for row in snapshot.scan(range, Order::Forward)?.take(SCAN_ROWS) {
            bytes += row?.1.len();
        }
        Ok(bytes > 0)
    };
    together(db, 1, time, work).await
}

const FOREVER: Duration = Duration::from_secs(3600);

pub async fn send(db: &Db, messages: u64) -> anyhow::Result<Times> {
    let work = move |db: Db, random: Env| async move {
        let body = value(&random).slice(..MESSAGE_BYTES);
        let write = db.write(move |tx| {
            let next = NEXT.get(tx, ())?.unwrap_or(0);
            let end = messages.min(next + MESSAGES_AT_ONCE);
            (next..end).try_for_each(|number| MESSAGES.put(tx, number, &body))?;
            NEXT.put(tx, (), &end)?;
            Ok::<_, Error>(end > next)
        });
        write.await
    };
    together(db, QUEUE_CLIENTS, FOREVER, work).await
}

/// Takes the oldest messages, which are deleted in the same transaction, until none are left.
pub async fn receive(db: &Db, messages: u64) -> anyhow::Result<Times> {
    let work = move |db: Db, _| async move {
        let write = db.write(move |tx| {
            let rows = MESSAGES.scan_prefix(tx, (), Order::Forward)?.take(MESSAGES_AT_ONCE as usize);
            let numbers: Result<Vec<u64>, Error> = rows.map(|row| Ok(row?.0)).collect();
            let numbers = numbers?;
            numbers.iter().try_for_each(|number| MESSAGES.delete(tx, *number))?;
            Ok::<_, Error>(!numbers.is_empty())
        });
        write.await
    };
    let times = together(db, QUEUE_CLIENTS, FOREVER, work).await?;
    anyhow::ensure!(times.count() as u64 >= messages.div_ceil(MESSAGES_AT_ONCE), "messages are missing");
    Ok(times)
}
