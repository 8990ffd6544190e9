//! The reference engine: a sorted map in memory, for tests and for comparing other engines with.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use crate::{Batch, Engine, Error, KeyRange, Order, Read, Scan, Snapshot, Stats, Ticket};

/// Durable for as long as the process lives. A commit copies the map when a snapshot is still held.
#[derive(Default)]
pub struct Memory(RwLock<Arc<Map>>);

type Map = BTreeMap<Bytes, Bytes>;

impl Memory {
    pub fn new() -> Memory {
        Memory::default()
    }
}

impl Engine for Memory {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, Error> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::new(MemorySnapshot(Arc::clone(&map))))
    }

    fn append(&self, batch: &Batch) -> Result<Ticket, Error> {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let map = Arc::make_mut(&mut map);
        for range in batch.deleted() {
            map.extract_if(range.bounds(), |_, _| true).for_each(drop);
        }
        for (key, value) in batch.writes() {
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        Ok(Ticket::default())
    }

    /// It is as durable as it gets.
    fn durable(&self, _: Ticket) -> Result<(), Error> {
        Ok(())
    }

    fn stats(&self) -> Result<Stats, Error> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = map.iter().map(|(key, value)| key.len() + value.len()).sum();
        Ok(Stats { disk_bytes: bytes as u64 })
    }
}

struct MemorySnapshot(Arc<Map>);

impl Snapshot for MemorySnapshot {}

impl Read for MemorySnapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, range: KeyRange, order: Order) -> Result<Scan<'_>, Error> {
        if range.is_empty() {
            return Ok(Box::new(std::iter::empty()));
        }
        let rows = self.0.range::<Bytes, _>(range.bounds()).map(|(key, value)| Ok((key.clone(), value.clone())));
        Ok(match order {
            Order::Forward => Box::new(rows),
            Order::Reverse => Box::new(rows.rev()),
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn passes_the_suite() {
        crate::suite::run(super::Memory::new);
    }
}
