//! What the engines are given to do: 1 KiB rows in no order, scans, and a queue.

use std::ops::Bound;
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
const MOST_CLIENTS: u64 = 1024;

/// How long pieces of work took, and all of them together.
pub struct Times {
    sorted: Vec<Duration>,
    pub took: Duration,
}

impl Times {
    pub fn none() -> Times {
        Times { sorted: Vec::new(), took: Duration::ZERO }
    }

    /// Adds what was done at another time.
    pub fn add(&mut self, other: Times) {
        self.sorted.extend(other.sorted);
        self.sorted.sort();
        self.took += other.took;
    }

    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Pieces of work a second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.took.as_secs_f64()
    }

    pub fn figures(&self) -> [Figure; 5] {
        let at = |name, quantile| (name, self.at(quantile), "ms");
        [("", self.rate(), "/s"), at("p50", 0.5), at("p99", 0.99), at("p99.9", 0.999), at("longest", 1.0)]
    }

    /// The time that the share `quantile` of all stayed below, in milliseconds.
    pub fn at(&self, quantile: f64) -> f64 {
        let place = (self.sorted.len().saturating_sub(1) as f64 * quantile) as usize;
        self.sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

/// Its name (empty: that of the row), its value, and its unit.
pub type Figure = (&'static str, f64, &'static str);

/// How much is done.
#[derive(Clone, Copy)]
pub struct Effort {
    pub clients: u64,
    /// Until so much time is over,
    pub time: Duration,
    /// or each client has done so many pieces of work,
    pub times: u64,
    /// which it begins no sooner than so long after the one before.
    pub pace: Duration,
    /// Two efforts with different seeds pick different rows.
    pub seed: u64,
}

impl Effort {
    pub fn of(clients: u64, time: Duration) -> Effort {
        Effort { clients, time, times: u64::MAX, pace: Duration::ZERO, seed: 0 }
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

/// Clients do `work` at the same time, until enough is done or it says that there is no more.
async fn together<F>(
    db: &Db,
    effort: Effort,
    work: impl Fn(Db, Env) -> F + Clone + Send + 'static,
) -> anyhow::Result<Times>
where
    F: Future<Output = Result<bool, Error>> + Send,
{
    let start = Instant::now();
    let tasks: Vec<_> = (0..effort.clients)
        .map(|client| {
            let (db, work) = (db.clone(), work.clone());
            tokio::spawn(async move {
                let (random, mut times) = (random(effort.seed * MOST_CLIENTS + client + 1), Vec::new());
                while start.elapsed() < effort.time && (times.len() as u64) < effort.times {
                    let from = Instant::now();
                    if !work(db.clone(), random.clone()).await? {
                        break;
                    }
                    times.push(from.elapsed());
                    if !effort.pace.is_zero() {
                        tokio::time::sleep_until((from + effort.pace).into()).await;
                    }
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

/// Each piece of work changes `at_once` of the rows in one transaction.
pub async fn modify(db: &Db, effort: Effort, rows: u64, at_once: u64) -> anyhow::Result<Times> {
    let work = move |db: Db, random: Env| async move {
        let keys: Vec<_> = (0..at_once).map(|_| key(random.random_u64() % rows)).collect();
        let new = value(&random);
        let write = db.write(move |tx| {
            keys.iter().try_for_each(|key| {
                let old = ITEMS.get(tx, *key)?.map_or(0, |old| old.len());
                ITEMS.put(tx, *key, &new.slice(..old.clamp(1, VALUE_BYTES)))
            })
        });
        write.await.map(|()| true)
    };
    together(db, effort, work).await
}

pub async fn reads(db: &Db, effort: Effort, rows: u64) -> anyhow::Result<Times> {
    let work = move |db: Db, random: Env| async move {
        let found = ITEMS.get(&db.read()?, key(random.random_u64() % rows))?;
        Ok(found.is_some())
    };
    together(db, effort, work).await
}

/// Scans of [`SCAN_ROWS`] rows from a random one on.
pub async fn scans(db: &Db, effort: Effort, rows: u64, order: Order) -> anyhow::Result<Times> {
    let work = move |db: Db, random: Env| async move {
        let (hash, _) = key(random.random_u64() % rows);
        let (from, unbounded) = (Bound::Included(hash), Bound::<u64>::Unbounded);
        let range = match order {
            Order::Forward => ITEMS.range((), from, unbounded),
            Order::Reverse => ITEMS.range((), unbounded, from),
        };
        let snapshot = db.read()?;
        let mut bytes = 0;
        for row in snapshot.scan(range, order)?.take(SCAN_ROWS) {
            bytes += row?.1.len();
        }
        Ok(bytes > 0)
    };
    together(db, effort, work).await
}

/// Reads the first `rows` once, so that whoever keeps pages in memory has them.
pub fn warm(db: &Db, rows: u64) -> anyhow::Result<()> {
    let range = ITEMS.range((), Bound::<u64>::Unbounded, Bound::Excluded(key(rows).0));
    db.read()?.scan(range, Order::Forward)?.try_for_each(|row| row.map(drop))?;
    Ok(())
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
    together(db, Effort::of(QUEUE_CLIENTS, FOREVER), work).await
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
    let times = together(db, Effort::of(QUEUE_CLIENTS, FOREVER), work).await?;
    anyhow::ensure!(times.count() as u64 >= messages.div_ceil(MESSAGES_AT_ONCE), "messages are missing");
    Ok(times)
}
