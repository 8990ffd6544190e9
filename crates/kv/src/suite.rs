//! The suite that every engine passes: under [`Db`], it must do what a `BTreeMap` does.
//!
//! A failure names its seed; `SUITE_SEED` runs that one again, `SUITE_CASES` sets how many cases a run has.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::str::FromStr;

use base::Env;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Batch, Db, Engine, Error, KeyRange, Order, Read, Snap, Tx};

const CASES: u32 = 64;

/// For an engine that forgets what it holds when it is closed.
pub fn run<E: Engine>(make: impl Fn() -> E) {
    edges(&make());
    property(&|| (), &|()| make(), false);
}

/// For an engine that keeps what it holds: `place` makes an empty place (a temporary folder), `open` opens the engine in it.
pub fn run_reopening<P, E: Engine>(place: impl Fn() -> P, open: impl Fn(&P) -> E) {
    let first = place();
    edges(&open(&first));
    property(&place, &open, true);
}

type Model = BTreeMap<Bytes, Bytes>;
type Rows = Vec<(Bytes, Bytes)>;
/// What a transaction saw: the answers to its query and its get.
type Seen = (Rows, Option<Bytes>);

#[derive(Clone, Debug)]
struct Query {
    from: Bound<Bytes>,
    to: Bound<Bytes>,
    order: Order,
    limit: usize,
}

#[derive(Clone, Debug)]
enum Change {
    Put(Bytes, Bytes),
    Delete(Bytes),
    DeleteRange(Bound<Bytes>, Bound<Bytes>),
}

#[derive(Clone, Debug)]
struct Transaction {
    changes: Vec<Change>,
    query: Query,
    get: Bytes,
    fails: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// Queued together, so that they may share a commit.
    Write(Vec<Transaction>),
    Read(Query, Bytes),
    /// Keep a snapshot, to be looked at again after every later step.
    Hold,
    Reopen,
}

/// Keys that are close to each other, so that most queries and range deletes meet some; and, seldom, a long one.
fn key() -> impl Strategy<Value = Bytes> {
    let byte = prop_oneof![Just(0u8), Just(1), Just(2), Just(0xff)];
    let long =
        (any::<bool>(), KEY_BYTES_MAX - 2..=KEY_BYTES_MAX).prop_map(|(high, n)| Bytes::from(vec![u8::from(high); n]));
    prop_oneof![20 => proptest::collection::vec(byte, 0..4).prop_map(Bytes::from), 1 => long]
}

fn value() -> impl Strategy<Value = Bytes> {
    let short = proptest::collection::vec(any::<u8>(), 0..10).prop_map(Bytes::from);
    let long = (any::<u8>(), 1_000..20_000usize).prop_map(|(byte, n)| Bytes::from(vec![byte; n]));
    prop_oneof![10 => short, 1 => long]
}

fn bound() -> impl Strategy<Value = Bound<Bytes>> {
    prop_oneof![key().prop_map(Bound::Included), key().prop_map(Bound::Excluded), Just(Bound::Unbounded)]
}

fn query() -> impl Strategy<Value = Query> {
    let order = prop_oneof![Just(Order::Forward), Just(Order::Reverse)];
    let limit = prop_oneof![0..8usize, Just(usize::MAX)];
    (bound(), bound(), order, limit).prop_map(|(from, to, order, limit)| Query { from, to, order, limit })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => (key(), value()).prop_map(|(key, value)| Change::Put(key, value)),
        2 => key().prop_map(Change::Delete),
        1 => (bound(), bound()).prop_map(|(from, to)| Change::DeleteRange(from, to)),
    ]
}

fn step(reopens: bool) -> impl Strategy<Value = Step> {
    let transaction = (proptest::collection::vec(change(), 0..8), query(), key(), prop::bool::weighted(0.2))
        .prop_map(|(changes, query, get, fails)| Transaction { changes, query, get, fails });
    prop_oneof![
        6 => proptest::collection::vec(transaction, 1..5).prop_map(Step::Write),
        4 => (query(), key()).prop_map(|(query, key)| Step::Read(query, key)),
        1 => Just(Step::Hold),
        u32::from(reopens) => Just(Step::Reopen),
    ]
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn property<P, E: Engine>(place: &dyn Fn() -> P, open: &dyn Fn(&P) -> E, reopens: bool) {
    let seed: u64 = setting("SUITE_SEED").unwrap_or_else(|| Env::real().random_u64());
    let cases = setting("SUITE_CASES").unwrap_or(CASES);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let steps = proptest::collection::vec(step(reopens), 1..20);
    let outcome = TestRunner::new_with_rng(config, random).run(&steps, |steps| {
        let place = place();
        let mut world = World { db: Db::open(open(&place)), model: Model::new(), held: Vec::new() };
        steps.into_iter().try_for_each(|step| world.step(step, &|| open(&place)))
    });
    if let Err(failure) = outcome {
        panic!("with SUITE_SEED={seed}: {failure}");
    }
}

/// A store, and what it should hold.
struct World {
    db: Db,
    model: Model,
    held: Vec<(Snap, Model)>,
}

impl World {
    fn step<E: Engine>(&mut self, step: Step, open: &dyn Fn() -> E) -> Result<(), TestCaseError> {
        match step {
            Step::Write(transactions) => self.write(transactions)?,
            Step::Read(query, key) => {
                let snap = succeed(self.db.read())?;
                prop_assert_eq!(succeed(snap.get(&key))?, self.model.get(&key).cloned());
                prop_assert_eq!(succeed(rows(&snap, &query))?, expected(&self.model, &query));
            }
            Step::Hold => self.held.push((succeed(self.db.read())?, self.model.clone())),
            Step::Reopen => {
                self.held.clear();
                self.db = Db::open(crate::Memory::new());
                self.db = Db::open(open());
            }
        }
        let all = Query { from: Bound::Unbounded, to: Bound::Unbounded, order: Order::Forward, limit: usize::MAX };
        for (snap, model) in &self.held {
            prop_assert_eq!(succeed(rows(snap, &all))?, expected(model, &all));
        }
        Ok(())
    }

    fn write(&mut self, transactions: Vec<Transaction>) -> Result<(), TestCaseError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let queued: Vec<_> = transactions
            .into_iter()
            .map(|transaction| {
                let run = transaction.clone();
                (transaction, self.db.write(move |tx| apply(tx, &run)))
            })
            .collect();
        for (transaction, answer) in queued {
            let mut after = self.model.clone();
            transaction.changes.iter().for_each(|change| apply_to_model(&mut after, change));
            let seen = (expected(&after, &transaction.query), after.get(&transaction.get).cloned());
            let answer = runtime.block_on(answer);
            if transaction.fails {
                prop_assert_eq!(answer, Err(Failure::Wanted(seen)));
            } else {
                prop_assert_eq!(answer, Ok(seen));
                self.model = after;
            }
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
enum Failure {
    /// With what the transaction saw before it failed.
    Wanted(Seen),
    Store(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Store(error)
    }
}

fn apply(tx: &mut Tx, transaction: &Transaction) -> Result<Seen, Failure> {
    for change in &transaction.changes {
        match change {
            Change::Put(key, value) => tx.put(key, value.clone())?,
            Change::Delete(key) => tx.delete(key)?,
            Change::DeleteRange(from, to) => tx.delete_range(range(from, to))?,
        }
    }
    let seen = (rows(tx, &transaction.query)?, tx.get(&transaction.get)?);
    if transaction.fails { Err(Failure::Wanted(seen)) } else { Ok(seen) }
}

fn apply_to_model(model: &mut Model, change: &Change) {
    match change {
        Change::Put(key, value) => drop(model.insert(key.clone(), value.clone())),
        Change::Delete(key) => drop(model.remove(key)),
        Change::DeleteRange(from, to) => model.retain(|key, _| !inside(from, to, key)),
    }
}

fn range(from: &Bound<Bytes>, to: &Bound<Bytes>) -> KeyRange {
    KeyRange::new(from.as_ref().map(Bytes::as_ref), to.as_ref().map(Bytes::as_ref))
}

fn inside(from: &Bound<Bytes>, to: &Bound<Bytes>, key: &Bytes) -> bool {
    RangeBounds::<Bytes>::contains(&(from.as_ref(), to.as_ref()), key)
}

fn rows(read: &dyn Read, query: &Query) -> Result<Rows, Error> {
    read.scan(range(&query.from, &query.to), query.order)?.take(query.limit).collect()
}

fn expected(model: &Model, query: &Query) -> Rows {
    let rows = model
        .iter()
        .filter(|(key, _)| inside(&query.from, &query.to, key))
        .map(|(key, value)| (key.clone(), value.clone()));
    match query.order {
        Order::Forward => rows.take(query.limit).collect(),
        Order::Reverse => rows.rev().take(query.limit).collect(),
    }
}

fn succeed<T, E: Debug>(result: Result<T, E>) -> Result<T, TestCaseError> {
    result.map_err(|error| TestCaseError::fail(format!("{error:?}")))
}

/// What random cases seldom reach.
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
fn edges(engine: &impl Engine) {
    let commit = |fill: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::new();
        fill(&mut batch);
        engine.commit(&batch).unwrap();
        engine.snapshot().unwrap()
    };
    let empty = commit(&|_| {});
    assert_eq!(empty.scan(KeyRange::all(), Order::Reverse).unwrap().count(), 0);

    // The smallest and largest of what is allowed.
    let (key, value) = (Bytes::from(vec![0xff; KEY_BYTES_MAX]), Bytes::from(vec![7; VALUE_BYTES_MAX]));
    let snapshot = commit(&|batch| {
        batch.put(Bytes::new(), Bytes::new());
        batch.put(key.clone(), value.clone());
    });
    let all: Result<Vec<_>, _> = snapshot.scan(KeyRange::all(), Order::Forward).unwrap().collect();
    assert_eq!(all, Ok(vec![(Bytes::new(), Bytes::new()), (key.clone(), value.clone())]));
    assert_eq!(snapshot.get(&key), Ok(Some(value)));
    assert_eq!(snapshot.get(b"missing"), Ok(None));

    // Range deletes come before writes, and snapshots stay.
    let after = commit(&|batch| {
        batch.put(Bytes::from_static(b"early"), Bytes::new());
        batch.delete_range(KeyRange::all());
        batch.put(Bytes::from_static(b"late"), Bytes::new());
    });
    let keys: Vec<_> = after.scan(KeyRange::all(), Order::Forward).unwrap().map(|row| row.unwrap().0).collect();
    assert_eq!(keys, [b"late".as_slice()]);
    assert_eq!(snapshot.scan(KeyRange::all(), Order::Reverse).unwrap().count(), 2);

    // Backwards bounds hold nothing.
    for order in [Order::Forward, Order::Reverse] {
        let backwards = KeyRange::new(Bound::Included(b"z"), Bound::Excluded(b"a"));
        assert_eq!(after.scan(backwards, order).unwrap().count(), 0);
        let point = KeyRange::new(Bound::Included(b"late"), Bound::Included(b"late"));
        assert_eq!(after.scan(point, order).unwrap().count(), 1);
    }
    commit(&|batch| batch.delete_range(KeyRange::prefix(b"")));
}
