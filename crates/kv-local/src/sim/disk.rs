//! A disk with a cache, for simulations: it loses, tears and reorders what was not synced, fails, and fills up.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use base::Env;

use crate::disk::{Disk, DiskFile};

/// What a disk writes whole.
const SECTOR_BYTES: usize = 512;

/// Cheap to clone; clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Contents>,
    /// Names as programs see them, and as they would be found without power.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Writes, syncs and changes of names until the power fails.
    left: u64,
    /// Syncs until one fails, once.
    syncs_left: u64,
    capacity: u64,
    /// Waits for room until there is some; zero when there will be none.
    waits_left: u64,
}

#[derive(Debug, Default)]
struct Contents {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
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

    /// The parts that the disk writes whole, each on its own: cut where sectors end on the disk.
    fn sectors(self) -> Vec<Change> {
        let Change::Write(mut offset, mut data) = self else { return vec![self] };
        let mut sectors = Vec::new();
        while !data.is_empty() {
            let length = (SECTOR_BYTES - offset % SECTOR_BYTES).min(data.len());
            let rest = data.split_off(length);
            sectors.push(Change::Write(offset, std::mem::replace(&mut data, rest)));
            offset += length;
        }
        sectors
    }
}

impl Contents {
    /// Some of what was not synced reaches the disk all the same: none, nearly none, half, nearly all, or all of it.
    fn settle(&mut self, random: &Env) {
        let share = [0, 5, 50, 95, 100][below(random, 5)];
        for sector in std::mem::take(&mut self.unsynced).into_iter().flat_map(Change::sectors) {
            if random.random_u64() % 100 < share {
                sector.apply(&mut self.durable);
            }
        }
    }
}

pub fn below(random: &Env, end: usize) -> usize {
    usize::try_from(random.random_u64() % end as u64).unwrap()
}

impl SimDisk {
    pub fn new() -> SimDisk {
        let state = State { left: u64::MAX, syncs_left: u64::MAX, capacity: u64::MAX, ..State::default() };
        SimDisk(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// After so many more changes the power fails.
    pub fn fail_after(&self, changes: u64) {
        self.state().left = changes;
    }

    /// After so many more syncs one fails.
    pub fn fail_sync_after(&self, syncs: u64) {
        self.state().syncs_left = syncs;
    }

    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// Somebody makes room after so many waits for it.
    pub fn make_room_after(&self, waits: u64) {
        self.state().waits_left = waits;
    }

    /// Whether nothing limits what is written.
    pub fn is_roomy(&self) -> bool {
        self.state().capacity == u64::MAX
    }

    pub fn used_bytes(&self) -> u64 {
        self.state().used()
    }

    /// The process ended: what it wrote is all there, though not all durable.
    pub fn restart_process(&self) {
        let mut state = self.state();
        (state.left, state.syncs_left) = (u64::MAX, u64::MAX);
    }

    /// The power failed and is back.
    pub fn restart_machine(&self, random: &Env) {
        let mut state = self.state();
        if random.random_u64().is_multiple_of(2) {
            state.durable_names = state.names.clone();
        }
        state.names = state.durable_names.clone();
        for file in &mut state.files {
            file.settle(random);
            file.seen = file.durable.clone();
        }
        (state.left, state.syncs_left) = (u64::MAX, u64::MAX);
    }

    /// Turns a bit in the durable bytes of a file.
    pub fn flip_bit(&self, name: &str, offset: u64, bit: u8) {
        let mut state = self.state();
        let file = state.names[name];
        let offset = usize::try_from(offset).unwrap();
        state.files[file].seen[offset] ^= 1 << bit;
        state.files[file].durable[offset] ^= 1 << bit;
    }
}

impl State {
    fn spend(&mut self) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other("the power failed"))?;
        Ok(())
    }

    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].seen.len() as u64).sum()
    }
}

impl Disk for SimDisk {
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        if !state.names.contains_key(name) {
            state.spend()?;
            state.files.push(Contents::default());
            let file = state.files.len() - 1;
            state.names.insert(name.into(), file);
        }
        Ok(Arc::new(SimFile { disk: self.clone(), file: state.names[name] }))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.spend()?;
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.into(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.spend()?;
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state();
        state.spend()?;
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.state();
        Ok(state.capacity.saturating_sub(state.used()))
    }

    fn wait_for_room(&self) -> bool {
        let mut state = self.state();
        let left = state.waits_left;
        state.waits_left = left.saturating_sub(1);
        if left == 1 {
            state.capacity = u64::MAX;
        }
        left > 0
    }

    fn is_concurrent(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    file: usize,
}

impl SimFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.state();
        state.spend()?;
        let length = match &change {
            Change::Write(offset, data) => offset + data.len(),
            Change::Resize(length) => *length,
        };
        let growth = length.saturating_sub(state.files[self.file].seen.len()) as u64;
        if state.used() + growth > state.capacity && growth > 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = &mut state.files[self.file];
        change.apply(&mut file.seen);
        file.unsynced.push(change);
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.file].seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let state = self.disk.state();
        let bytes = state.files[self.file].seen.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Resize(usize::try_from(length).unwrap()))
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.spend()?;
        if state.syncs_left == 0 {
            state.syncs_left = u64::MAX;
            // As Linux does: what could not be written is forgotten, and the next sync will not try it again.
            state.files[self.file].unsynced.clear();
            return Err(io::Error::other("the sync failed"));
        }
        state.syncs_left -= 1;
        let Contents { durable, unsynced, .. } = &mut state.files[self.file];
        unsynced.drain(..).for_each(|change| change.apply(durable));
        Ok(())
    }
}
