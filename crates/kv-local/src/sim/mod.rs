//! The engine against a model, on a disk that fails: after every crash, what was acknowledged is there, and nothing by half.
//!
//! `SIM_SEEDS` sets how many seeds are tried, `SIM_SEED` repeats one.

mod disk;
mod power;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use base::{Env, Timestamp};
use bytes::Bytes;
use kv::{Batch, Error, KeyRange, Order, Read, Snapshot};

pub(crate) use self::disk::SimDisk;
use self::disk::below;
use crate::Options;
use crate::store::Store;

/// Some 0.7 s each in a debug build: `cargo xtask sim` tries many more, optimized.
const SEEDS: u64 = 40;
const LIVES: usize = 5;
const STEPS: usize = 60;

type Model = BTreeMap<Bytes, Bytes>;

struct World {
    random: Env,
    disk: SimDisk,
    /// What is acknowledged.
    model: Model,
    /// What may be there besides, when the batch after it was never answered.
    maybe: Option<Model>,
    held: Vec<(Arc<dyn Snapshot>, Model)>,
    acknowledged: u64,
    /// Batches for which there was no room.
    refused: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let random = Env::simulated(seed, Timestamp::ZERO);
        let (disk, model, held) = (SimDisk::new(), Model::new(), Vec::new());
        World { random, disk, model, maybe: None, held, acknowledged: 0, refused: 0 }
    }

    fn options(&self) -> Options {
        Options {
            // With the smaller one, pages are read from the disk again and again, after its failure too.
            cache_bytes: [16 * 1024, 1024 * 1024][below(&self.random, 2)],
            overlay_bytes: 8 * 1024,
            segment_bytes: 16 * 1024,
            journal: self.random.random_u64().is_multiple_of(2),
            reserve_bytes: 0,
            env: self.random.clone(),
        }
    }

    fn open(&self) -> Result<Store, crate::Error> {
        Store::open(Arc::new(self.disk.clone()), Path::new("simulated"), &self.options())
    }

    fn key(&self) -> Bytes {
        let length = 1 + below(&self.random, 2);
        let letters = (0..length).map(|_| b"abcdefgh"[below(&self.random, 8)]);
        letters.collect::<Vec<u8>>().into()
    }

    fn range(&self) -> KeyRange {
        let (a, b) = (self.key(), self.key());
        match below(&self.random, 8) {
            0 => KeyRange::new(Bound::Included(&a), Bound::Unbounded),
            1 => KeyRange::new(Bound::Unbounded, Bound::Excluded(&a)),
            _ => KeyRange::new(Bound::Included(&a), Bound::Excluded(&b)),
        }
    }

    /// A batch, and the model with it.
    fn batch(&self) -> (Batch, Model) {
        let (mut batch, mut model) = (Batch::new(), self.model.clone());
        for _ in 0..1 + below(&self.random, 5) {
            let key = self.key();
            match below(&self.random, 12) {
                0 => {
                    let range = self.range();
                    model.retain(|key, _| !range.contains(key));
                    batch.delete_range(range);
                }
                1..5 => {
                    model.remove(&key);
                    batch.delete(key);
                }
                kind => {
                    let length = if kind == 5 { below(&self.random, 5_000) } else { below(&self.random, 60) };
                    let value = Bytes::from(vec![u8::try_from(below(&self.random, 256)).unwrap(); length]);
                    model.insert(key.clone(), value.clone());
                    batch.put(key, value);
                }
            }
        }
        (batch, model)
    }

    /// One life of a process, until the disk fails or enough is done.
    fn live(&mut self) -> Result<(), String> {
        let Ok(store) = self.open() else { return Ok(()) };
        for _ in 0..STEPS {
            match self.step(&store) {
                Ok(()) => {}
                Err(Error::Full(_)) => {
                    // It was not taken, and others are once there is room.
                    self.maybe = None;
                    self.refused += 1;
                    assert!(!self.disk.is_roomy(), "a batch was refused although there is room");
                    if below(&self.random, 2) == 0 {
                        self.disk.set_capacity(u64::MAX);
                    }
                }
                Err(_) => {
                    // It takes no more, but reads go on.
                    let snapshot = store.snapshot().map_err(|error| error.to_string())?;
                    (0..8).try_for_each(|_| self.check(&*snapshot, &self.model))?;
                    self.check_held()?;
                    break;
                }
            }
            self.check_held()?;
        }
        Ok(())
    }

    /// `Err`: the store takes no more.
    fn step(&mut self, store: &Store) -> Result<(), Error> {
        match below(&self.random, 10) {
            0 => store.flush()?,
            1 => {
                self.held.push((store.snapshot()?, self.model.clone()));
                if self.held.len() > 3 {
                    self.held.remove(0);
                }
            }
            _ => {
                let (batch, after) = self.batch();
                self.maybe = Some(after.clone());
                let ticket = store.append(&batch)?;
                // Not durable, so not to be seen; but the next transaction does.
                self.check(&*store.snapshot()?, &self.model).map_err(Error::Engine)?;
                self.check(&*store.latest()?, &after).map_err(Error::Engine)?;
                if below(&self.random, 4) == 0 {
                    store.flush()?;
                }
                store.durable(ticket)?;
                self.model = after;
                self.maybe = None;
                self.acknowledged += 1;
                self.check(&*store.snapshot()?, &self.model).map_err(Error::Engine)?;
            }
        }
        Ok(())
    }

    fn check_held(&self) -> Result<(), String> {
        self.held.iter().try_for_each(|(snapshot, model)| self.check(&**snapshot, model))
    }

    /// Panics with what differs, because a simulated failure must not hide it.
    fn check(&self, read: &dyn Read, model: &Model) -> Result<(), String> {
        let fail = |error: Error| error.to_string();
        let (key, range) = (self.key(), self.range());
        assert_eq!(read.get(&key).map_err(fail)?, model.get(&key).cloned(), "a read of {key:?}");
        for order in [Order::Forward, Order::Reverse] {
            let rows: Result<Vec<_>, _> = read.scan(range.clone(), order).map_err(fail)?.collect();
            assert_eq!(rows.map_err(fail)?, expected(model, &range, order), "a scan of {range:?}, {order:?}");
        }
        Ok(())
    }

    /// After a crash: either everything acknowledged, or that and the batch that was under way.
    fn recover(&mut self) {
        let store = self.open().unwrap_or_else(|error| panic!("it does not open: {error}"));
        let snapshot = store.snapshot().unwrap();
        let rows: Result<Model, Error> = snapshot.scan(KeyRange::all(), Order::Forward).unwrap().collect();
        let rows = rows.unwrap();
        if let Some(maybe) = self.maybe.take().filter(|maybe| *maybe == rows) {
            self.model = maybe;
        }
        assert_eq!(rows, self.model, "what is there, and what was acknowledged");
    }
}

fn expected(model: &Model, range: &KeyRange, order: Order) -> Vec<(Bytes, Bytes)> {
    let rows = model.iter().filter(|(key, _)| range.contains(key)).map(|(key, value)| (key.clone(), value.clone()));
    match order {
        Order::Forward => rows.collect(),
        Order::Reverse => rows.rev().collect(),
    }
}

/// One bit of the log turns: the store may lose its last batch, which it cannot tell from a torn one, or refuse to open, or not
/// have needed that bit; it never opens with less than that.
fn turn_a_bit(seed: u64) {
    let mut world = World::new(seed);
    let store = world.open().unwrap();
    let mut before = Model::new();
    for _ in 0..2 + below(&world.random, 12) {
        let (batch, after) = world.batch();
        store.durable(store.append(&batch).unwrap()).unwrap();
        before = std::mem::replace(&mut world.model, after);
    }
    drop(store);
    let name = "log-000000";
    let offset = world.random.random_u64() % 6_000;
    world.disk.flip_bit(name, offset, u8::try_from(below(&world.random, 8)).unwrap());
    match world.open() {
        Err(crate::Error::Damaged { damage, .. }) => assert_eq!(damage.file, name),
        Err(other) => panic!("another error than damage: {other}"),
        Ok(store) => {
            let snapshot = store.snapshot().unwrap();
            let rows: Result<Model, Error> = snapshot.scan(KeyRange::all(), Order::Forward).unwrap().collect();
            let rows = rows.unwrap();
            assert!(rows == world.model || rows == before, "more is lost than the last batch, and nobody was told");
        }
    }
}

#[test]
fn a_turned_bit_is_told_or_does_no_harm() {
    let first = Env::real().random_u64() >> 16;
    for seed in first..first + SEEDS {
        let outcome = std::panic::catch_unwind(|| turn_a_bit(seed));
        outcome.unwrap_or_else(|_| panic!("the failure above has the seed {seed}"));
    }
}

/// Some lives of a store, each ended by the power, a failed sync, or the end of the process.
fn run(seed: u64) -> (u64, u64) {
    let mut world = World::new(seed);
    for _ in 0..LIVES {
        let random = world.random.clone();
        match below(&random, 4) {
            0 => world.disk.fail_sync_after(random.random_u64() % 120),
            1 => world.disk.fail_after(random.random_u64() % 300),
            2 => world.disk.fail_after(random.random_u64() % 3_000),
            _ => {}
        }
        if below(&random, 8) == 0 {
            world.disk.set_capacity(world.disk.used_bytes() + random.random_u64() % 200_000);
            world.disk.make_room_after(random.random_u64() % 4);
        }
        let lived = world.live();
        world.held.clear();
        assert_eq!(lived, Ok(()));
        world.disk.set_capacity(u64::MAX);
        if below(&random, 3) == 0 {
            world.disk.restart_process()
        } else {
            world.disk.restart_machine(&random)
        }
        world.recover();
    }
    (world.acknowledged, world.refused)
}

#[test]
fn acknowledged_batches_survive_what_a_disk_can_do() {
    let setting = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match setting("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = Env::real().random_u64() >> 16;
            first..first + setting("SIM_SEEDS").unwrap_or(SEEDS)
        }
    };
    let (mut acknowledged, mut refused) = (0, 0);
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed));
        let outcome = outcome.unwrap_or_else(|_| panic!("the failure above is repeated by SIM_SEED={seed}"));
        (acknowledged, refused) = (acknowledged + outcome.0, refused + outcome.1);
    }
    println!("{acknowledged} batches acknowledged, {refused} refused for lack of room");
    assert!(acknowledged > 0, "the disks failed too early every time");
}
