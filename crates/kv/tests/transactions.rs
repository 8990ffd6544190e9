//! What [`Db`] promises: order, isolation from failures, durability before answers, wake-ups, an end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kv::{Batch, Bytes, Db, Engine, Error, KeyRange, Memory, Order, Read, Snapshot, Stats, Table, Ticket, Tx};

const COUNTS: Table<String, u64> = Table::new(1, 1);
const ROWS: Table<(String, u64), String> = Table::new(1, 2);

fn add(tx: &mut Tx, name: &str, more: u64) -> Result<u64, Error> {
    let count = COUNTS.get(tx, name)?.unwrap_or(0) + more;
    COUNTS.put(tx, name, &count)?;
    Ok(count)
}

/// A memory engine whose commits wait for the test to let them through, with what they should answer.
struct Gated {
    latest: Memory,
    durable: Memory,
    appended: Mutex<Option<Batch>>,
    entered: Mutex<mpsc::Sender<usize>>,
    gate: Mutex<mpsc::Receiver<Result<(), Error>>>,
}

/// The other side of [`Gated`].
struct Gate {
    entered: mpsc::Receiver<usize>,
    open: mpsc::Sender<Result<(), Error>>,
}

const PATIENCE: Duration = Duration::from_secs(20);

fn gated() -> (Gated, Gate) {
    let (entered, has_entered) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let gated = Gated {
        latest: Memory::new(),
        durable: Memory::new(),
        appended: Mutex::default(),
        entered: Mutex::new(entered),
        gate: Mutex::new(gate),
    };
    (gated, Gate { entered: has_entered, open })
}

impl Engine for Gated {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, Error> {
        self.durable.snapshot()
    }

    fn latest(&self) -> Result<Arc<dyn Snapshot>, Error> {
        self.latest.snapshot()
    }

    fn append(&self, batch: &Batch) -> Result<Ticket, Error> {
        let before = self.appended.lock().unwrap().replace(batch.clone());
        assert!(before.is_none(), "one batch at a time is on its way");
        self.latest.append(batch)
    }

    fn durable(&self, ticket: Ticket) -> Result<(), Error> {
        let batch = self.appended.lock().unwrap().take().unwrap();
        self.entered.lock().unwrap().send(batch.writes().count()).unwrap();
        self.gate.lock().unwrap().recv_timeout(PATIENCE).unwrap()?;
        self.durable.append(&batch)?;
        self.durable.durable(ticket)
    }

    fn stats(&self) -> Result<Stats, Error> {
        self.durable.stats()
    }
}

#[tokio::test]
async fn writes_run_in_order_and_are_read_back() {
    let db = Db::open(Memory::new());
    let answers: Vec<_> = (0..100).map(|_| db.write(|tx| add(tx, "n", 1))).collect();
    for (i, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.await, Ok(i as u64 + 1));
    }
    let before = db.read().unwrap();
    db.write(|tx| add(tx, "n", 900)).await.unwrap();
    assert_eq!(COUNTS.get(&before, "n"), Ok(Some(100)));
    assert_eq!(COUNTS.get(&db.read().unwrap(), "n"), Ok(Some(1000)));
    assert!(db.stats().unwrap().disk_bytes > 0);
}

#[tokio::test]
async fn a_failure_or_panic_takes_back_its_own_writes_only() {
    let (engine, gate) = gated();
    let db = Db::open(engine);
    let first = db.write(|tx| add(tx, "first", 1));
    gate.entered.recv_timeout(PATIENCE).unwrap();
    // These four share the second commit.
    let kept = db.write(|tx| add(tx, "n", 1));
    let failed = db.write(|tx| {
        COUNTS.delete_prefix(tx, ())?;
        add(tx, "n", 10)?;
        tx.wake(b"failed");
        Err::<(), _>(Error::Closed)
    });
    let panicked = db.write(|tx| -> Result<(), Error> {
        add(tx, "n", 100)?;
        panic!("a test's panic")
    });
    let last = db.write(|tx| add(tx, "n", 1000));
    let mut watch = db.watch(b"failed");
    gate.open.send(Ok(())).unwrap();
    gate.open.send(Ok(())).unwrap();
    assert_eq!(first.await, Ok(1));
    assert_eq!(kept.await, Ok(1));
    assert_eq!(failed.await, Err(Error::Closed));
    assert_eq!(panicked.await, Err(Error::Panicked("a test's panic".into())));
    assert_eq!(last.await, Ok(1001));
    assert_eq!(gate.entered.recv_timeout(PATIENCE), Ok(1));
    assert_eq!(COUNTS.get(&db.read().unwrap(), "first"), Ok(Some(1)));
    assert!(tokio::time::timeout(Duration::ZERO, watch.changed()).await.is_err());
}

#[tokio::test]
async fn nothing_is_seen_or_answered_before_it_is_durable() {
    let (engine, gate) = gated();
    let db = Db::open(engine);
    let mut watch = db.watch(b"news");
    let mut write = db.write(|tx| {
        tx.wake(b"news");
        add(tx, "n", 1)
    });
    gate.entered.recv_timeout(PATIENCE).unwrap();
    assert_eq!(COUNTS.get(&db.read().unwrap(), "n"), Ok(None));
    assert!(tokio::time::timeout(Duration::ZERO, &mut write).await.is_err());
    assert!(tokio::time::timeout(Duration::ZERO, watch.changed()).await.is_err());
    // Made after the transaction ran, but before it is durable: this one must hear of it too.
    let mut late = db.watch(b"news");
    gate.open.send(Ok(())).unwrap();
    assert_eq!(write.await, Ok(1));
    watch.changed().await;
    late.changed().await;
    assert!(tokio::time::timeout(Duration::ZERO, late.changed()).await.is_err());
}

#[tokio::test]
async fn an_error_decided_on_undurable_data_waits_for_it() {
    let (engine, gate) = gated();
    let db = Db::open(engine);
    let first = db.write(|tx| add(tx, "a", 1));
    gate.entered.recv_timeout(PATIENCE).unwrap();
    let create = db.write(|tx| add(tx, "b", 1));
    let mut duplicate = db.write(|tx| if COUNTS.contains(tx, "b")? { Err(Error::Closed) } else { Ok(()) });
    gate.open.send(Ok(())).unwrap();
    gate.entered.recv_timeout(PATIENCE).unwrap();
    assert!(tokio::time::timeout(Duration::ZERO, &mut duplicate).await.is_err());
    gate.open.send(Err(Error::Engine("disk full".into()))).unwrap();
    assert_eq!(first.await, Ok(1));
    let error = create.await.unwrap_err();
    assert!(error.to_string().contains("disk full"), "{error}");
    assert_eq!(duplicate.await, Err(error.clone()));
    // A failed commit is final for writes; reads go on.
    assert_eq!(db.write(|tx| add(tx, "c", 1)).await, Err(error.clone()));
    assert_eq!(db.health(), Err(error));
    assert_eq!(COUNTS.get(&db.read().unwrap(), "a"), Ok(Some(1)));
}

#[tokio::test]
async fn the_next_transactions_run_while_the_last_commit_is_on_its_way() {
    let (engine, gate) = gated();
    let db = Db::open(engine);
    let first = db.write(|tx| add(tx, "n", 1));
    gate.entered.recv_timeout(PATIENCE).unwrap();
    let (ran, has_run) = mpsc::channel();
    let ran = Mutex::new(ran);
    let mut second = db.write(move |tx| {
        let count = add(tx, "n", 10);
        ran.lock().unwrap().send(count.clone()).unwrap();
        count
    });
    let mut read = db.write(|tx| COUNTS.get(tx, "n"));
    assert_eq!(has_run.recv_timeout(PATIENCE), Ok(Ok(11)));
    // They saw what is not durable yet: nobody may know.
    assert!(tokio::time::timeout(Duration::ZERO, &mut second).await.is_err());
    assert!(tokio::time::timeout(Duration::ZERO, &mut read).await.is_err());
    assert_eq!(COUNTS.get(&db.read().unwrap(), "n"), Ok(None));
    gate.open.send(Err(Error::Engine("no power".into()))).unwrap();
    let error = first.await.unwrap_err();
    assert_eq!((second.await, read.await), (Err(error.clone()), Err(error)));
}

/// A memory engine without room.
struct Crowded(Memory);

impl Engine for Crowded {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, Error> {
        self.0.snapshot()
    }

    fn append(&self, batch: &Batch) -> Result<Ticket, Error> {
        self.0.append(batch)
    }

    fn durable(&self, ticket: Ticket) -> Result<(), Error> {
        self.0.durable(ticket)
    }

    fn room(&self) -> Result<(), Error> {
        Err(Error::Full("a test's".into()))
    }

    fn stats(&self) -> Result<Stats, Error> {
        self.0.stats()
    }
}

#[tokio::test]
async fn a_full_store_reads_and_deletes() {
    let db = Db::open(Crowded(Memory::new()));
    assert_eq!(db.write(|tx| add(tx, "n", 1)).await, Err(Error::Full("a test's".into())));
    assert_eq!(db.write(|tx| COUNTS.get(tx, "n")).await, Ok(None));
    let swap = db.write(|tx| {
        COUNTS.delete(tx, "old")?;
        add(tx, "n", 1)
    });
    assert_eq!(swap.await, Ok(1));
    assert_eq!(db.health(), Ok(()));
}

/// It takes a batch only now and then.
struct Fickle(Memory, AtomicU32);

impl Engine for Fickle {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, Error> {
        self.0.snapshot()
    }

    fn append(&self, batch: &Batch) -> Result<Ticket, Error> {
        let full = self.1.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        if full { Err(Error::Full("a test's".into())) } else { self.0.append(batch) }
    }

    fn durable(&self, ticket: Ticket) -> Result<(), Error> {
        self.0.durable(ticket)
    }

    fn stats(&self) -> Result<Stats, Error> {
        self.0.stats()
    }
}

#[tokio::test]
async fn a_batch_that_finds_no_room_is_refused_and_the_next_is_not() {
    let db = Db::open(Fickle(Memory::new(), AtomicU32::new(0)));
    for round in 1..4 {
        assert_eq!(db.write(|tx| add(tx, "n", 1)).await, Err(Error::Full("a test's".into())));
        assert_eq!(db.health(), Ok(()));
        assert_eq!(db.write(|tx| add(tx, "n", 1)).await, Ok(round));
    }
}

#[tokio::test]
async fn reads_alone_are_not_committed() {
    let (engine, gate) = gated();
    let db = Db::open(engine);
    assert_eq!(db.write(|tx| COUNTS.get(tx, "n")).await, Ok(None));
    assert!(gate.entered.try_recv().is_err());
}

#[tokio::test]
async fn limits_are_kept() {
    let db = Db::open(Memory::new());
    let key = |bytes| db.write(move |tx| tx.put(&vec![1; bytes], Bytes::new()));
    assert_eq!(key(kv::limits::KEY_BYTES_MAX).await, Ok(()));
    assert_eq!(key(kv::limits::KEY_BYTES_MAX + 1).await, Err(Error::KeyTooLong { bytes: 2_601 }));
    let values = |count: u8, bytes| {
        let value = Bytes::from(vec![0; bytes]);
        db.write(move |tx| (0..count).try_for_each(|i| tx.put(&[i], value.clone())))
    };
    const MIB: usize = 1024 * 1024;
    assert_eq!(values(1, 2 * MIB + 1).await, Err(Error::ValueTooLong { bytes: 2 * MIB + 1 }));
    assert_eq!(values(19, 2 * MIB).await, Ok(()));
    assert_eq!(values(20, 2 * MIB).await, Err(Error::TransactionTooLarge { bytes: 40 * MIB + 20 }));
}

#[tokio::test]
async fn closing_finishes_what_is_queued() {
    let db = Db::open(Memory::new());
    let queued = db.write(|tx| add(tx, "n", 1));
    db.close();
    assert_eq!(queued.await, Ok(1));
    assert_eq!(db.write(|tx| add(tx, "n", 1)).await, Err(Error::Closed));
    assert_eq!(COUNTS.get(&db.read().unwrap(), "n"), Ok(Some(1)));
}

#[tokio::test]
async fn the_last_handle_may_go_inside_a_transaction() {
    let db = Db::open(Memory::new());
    let inner = Mutex::new(Some(db.clone()));
    let write = db.write(move |tx| {
        inner.lock().unwrap().take();
        add(tx, "n", 1)
    });
    drop(db);
    assert_eq!(write.await, Ok(1));
}

#[tokio::test]
async fn scans_see_own_writes_and_deleted_ranges() {
    let db = Db::open(Memory::new());
    db.write(move |tx| (0..10u64).try_for_each(|i| ROWS.put(tx, ("q", i), &format!("old {i}")))).await.unwrap();
    let seen = db.write(move |tx| {
        tx.delete_range(ROWS.range("q", std::ops::Bound::Included(2u64), std::ops::Bound::Excluded(7u64)))?;
        ROWS.put(tx, ("q", 4u64), &"new 4".into())?;
        ROWS.delete(tx, ("q", 8u64))?;
        let keys =
            |order| ROWS.scan_prefix(tx, "q", order)?.keys().map(|key| Ok(key?.1)).collect::<Result<Vec<_>, Error>>();
        let after =
            ROWS.scan_after(tx, "q", ("q", 1u64), Order::Forward)?.values().collect::<Result<Vec<_>, Error>>()?;
        Ok::<_, Error>((keys(Order::Forward)?, keys(Order::Reverse)?, after))
    });
    let (forward, reverse, after) = seen.await.unwrap();
    assert_eq!(forward, [0, 1, 4, 7, 9]);
    assert_eq!(reverse, [9, 7, 4, 1, 0]);
    assert_eq!(after, ["new 4", "old 7", "old 9"]);
    assert_eq!(db.read().unwrap().scan(KeyRange::prefix(&ROWS.prefix()), Order::Forward).unwrap().count(), 5);
}
