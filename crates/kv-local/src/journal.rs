//! The store's batches, as whoever keeps a copy of them sees them.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use base::Timestamp;
use kv::{Entry, Error, Journal, Snapshot};

use crate::log::Cursor;
use crate::store::Store;

/// It does not keep the store open.
pub(crate) struct StoreJournal {
    store: Weak<Store>,
    history: u64,
    cursor: Mutex<Cursor>,
}

impl StoreJournal {
    pub fn new(store: &Arc<Store>) -> StoreJournal {
        StoreJournal { store: Arc::downgrade(store), history: store.history(), cursor: Mutex::default() }
    }

    fn store(&self) -> Result<Arc<Store>, Error> {
        self.store.upgrade().ok_or(Error::Closed)
    }
}

impl Journal for StoreJournal {
    fn history(&self) -> u64 {
        self.history
    }

    fn snapshot(&self) -> Result<(Arc<dyn Snapshot>, u64), Error> {
        Ok(self.store()?.numbered_snapshot())
    }

    fn now(&self) -> Result<Timestamp, Error> {
        Ok(self.store()?.now())
    }

    fn durable(&self) -> Result<u64, Error> {
        Ok(self.store()?.last_durable())
    }

    fn read(&self, sequence: u64, bytes: usize) -> Result<Option<Vec<Entry>>, Error> {
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        self.store()?.entries(&mut cursor, sequence, bytes)
    }

    fn release(&self, sequence: u64) {
        if let Ok(store) = self.store() {
            store.set_copied(sequence);
        }
    }
}
