//! The migrations in memory, as requests find them: read at the start, and again after each change.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use kv::{Db, Order, Read};
use outbound::Outbound;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::figures::Figures;
use crate::keys::MIGRATIONS;
use crate::limits::{HELD_BYTES_MAX, SHADOWS_AT_ONCE};
use crate::types::Migration;

/// The service's state in memory.
pub struct Migrate {
    pub(crate) outbound: Outbound,
    pub(crate) figures: Figures,
    /// Room for copies of requests.
    pub(crate) shadows: Arc<Semaphore>,
    /// What bodies for functions may hold in memory together, in bytes.
    pub(crate) memory: Arc<Semaphore>,
    /// The server's own host.
    pub(crate) own_host: Option<String>,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<String, Arc<Migration>>,
    /// The ids, by host.
    by_host: HashMap<String, String>,
}

impl Migrate {
    pub(crate) fn open(db: &Db, outbound: Outbound, base: &str) -> Result<Migrate, Error> {
        let own_host = base.parse::<http::Uri>().ok().and_then(|base| Some(base.host()?.to_ascii_lowercase()));
        let [shadows, memory] = [SHADOWS_AT_ONCE, HELD_BYTES_MAX].map(|room| Arc::new(Semaphore::new(room)));
        let migrate =
            Migrate { outbound, figures: Figures::default(), shadows, memory, own_host, known: RwLock::default() };
        migrate.reread(db)?;
        Ok(migrate)
    }

    /// Reads what is stored. Of several changes at once, the last to be read is the last that was made: both happen under the lock.
    pub(crate) fn reread(&self, db: &Db) -> Result<(), Error> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known::read(&db.read()?)?;
        Ok(())
    }

    pub(crate) fn of_id(&self, id: &str) -> Option<Arc<Migration>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }

    /// The id of the migration that a host's requests all go to. Names mean the same in either case, and with the root's dot.
    pub(crate) fn of_host(&self, host: &str) -> Option<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.by_host.is_empty() {
            return None;
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        known.by_host.get(&name.trim_end_matches('.').to_ascii_lowercase()).cloned()
    }
}

impl Known {
    fn read(read: &impl Read) -> Result<Known, Error> {
        let mut known = Known::default();
        for row in MIGRATIONS.scan(read, Order::Forward)?.values() {
            let migration: Migration = row?;
            for host in &migration.hosts {
                known.by_host.insert(host.clone(), migration.id.clone());
            }
            known.by_id.insert(migration.id.clone(), Arc::new(migration));
        }
        Ok(known)
    }
}
