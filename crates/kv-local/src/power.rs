//! The power fails: of what was written since the last fsync, any part may be on the disk, and any part may not.
//!
//! Not while the file is made: it gets its name when it is whole. `POWER_CASES` sets how often, `POWER_SEED` repeats a run.
//!
//! `kill -9` cannot show this, because the operating system goes on and writes what the process gave it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use base::{Env, Timestamp};
use kv::{Bytes, Db, Error, Order, Read, Table, Tx};
use redb::{Database, StorageBackend};

use crate::{Local, initialize};

const CASES: u64 = 3;
const CUTS: u64 = 4;
/// What a disk writes whole.
const SECTOR_BYTES: usize = 512;

/// A disk with a cache: what it answers reads from, and what would be there without power.
#[derive(Clone, Debug)]
struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// Writes and fsyncs until the power fails.
    left: u64,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Write(offset, data) => {
                bytes.resize(bytes.len().max(offset + data.len()), 0);
                bytes[*offset..offset + data.len()].copy_from_slice(data);
            }
            Change::Resize(length) => bytes.resize(*length, 0),
        }
    }

    /// The parts that the disk writes whole, each on its own.
    fn sectors(self) -> Vec<Change> {
        match self {
            Change::Write(offset, data) => {
                let sectors = data.chunks(SECTOR_BYTES).enumerate();
                sectors.map(|(i, sector)| Change::Write(offset + i * SECTOR_BYTES, sector.to_vec())).collect()
            }
            resize => vec![resize],
        }
    }
}

impl Disk {
    fn new(bytes: Vec<u8>, left: u64) -> Disk {
        Disk(Arc::new(Mutex::new(State { seen: bytes.clone(), durable: bytes, unsynced: Vec::new(), left })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.state();
        state.spend()?;
        change.apply(&mut state.seen);
        state.unsynced.push(change);
        Ok(())
    }

    /// What the disk holds after the power failed.
    fn survivors(&self, random: &Env) -> Vec<u8> {
        let mut state = self.state();
        let unsynced = std::mem::take(&mut state.unsynced);
        // None of it, nearly none, half, nearly all, all.
        let share = [0, 5, 50, 95, 100][usize::try_from(random.random_u64() % 5).unwrap()];
        for sector in unsynced.into_iter().flat_map(Change::sectors) {
            if random.random_u64() % 100 < share {
                sector.apply(&mut state.durable);
            }
        }
        state.durable.clone()
    }
}

impl State {
    fn spend(&mut self) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other("the power failed"))?;
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let state = self.state();
        let bytes = state.seen.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Resize(usize::try_from(length).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.spend()?;
        let State { durable, unsynced, .. } = &mut *state;
        unsynced.drain(..).for_each(|change| change.apply(durable));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}

fn database(disk: &Disk) -> Result<Database, String> {
    Database::builder().create_with_backend(disk.clone()).map_err(|error| error.to_string())
}

fn open(disk: &Disk) -> Result<Local, String> {
    let claim = tempfile::tempfile().unwrap();
    Local::over(database(disk)?, PathBuf::from("simulated"), claim).map_err(|error| error.to_string())
}

/// A store without rows, whole.
fn new_file() -> Vec<u8> {
    let disk = Disk::new(Vec::new(), u64::MAX);
    initialize(&database(&disk).unwrap()).unwrap();
    disk.state().durable.clone()
}

/// (part, number): each transaction writes the same number under every part, and deletes an old number's.
const PARTS: Table<(u8, u64), Bytes> = Table::new(1, 1);
const PART_COUNT: u8 = 3;
const KEPT: u64 = 20;

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
fn check(read: &(impl Read + ?Sized)) -> Result<u64, String> {
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
async fn write_until_cut(disk: &Disk, from: u64, random: &Env) -> u64 {
    let Ok(local) = open(disk) else { return from };
    let db = Db::open(local);
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
        let (mut bytes, mut acknowledged) = (new_file(), 0);
        for cut in 0..CUTS {
            let disk = Disk::new(bytes, random.random_u64() % 600);
            acknowledged = write_until_cut(&disk, acknowledged, &random).await;
            bytes = disk.survivors(&random);
            let next = open(&Disk::new(bytes.clone(), u64::MAX)).and_then(|local| {
                let snapshot = kv::Engine::snapshot(&local).map_err(|error| error.to_string())?;
                check(&*snapshot)
            });
            let next = next.unwrap_or_else(|error| panic!("with POWER_SEED={seed}, case {case}, cut {cut}: {error}"));
            assert!(next >= acknowledged, "with POWER_SEED={seed}, case {case}, cut {cut}: {next} of {acknowledged}");
            acknowledged = next;
        }
        total += acknowledged;
    }
    assert!(total > 0, "with POWER_SEED={seed}: the power failed too early every time");
}
