//! The migrations in memory, as requests find them: read at the start, and again after each change.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use kv::{Db, Order, Read};
use outbound::Outbound;
use service::hosts;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::figures::Figures;
use crate::keys::{COUNTED, MIGRATIONS};
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
    /// What the server itself is called.
    own: hosts::Own,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<String, Arc<Migration>>,
    /// The ids, by host.
    by_host: HashMap<String, String>,
}

impl Migrate {
    pub(crate) fn open(db: &Db, outbound: Outbound, own: hosts::Own) -> Result<Migrate, Error> {
        let [shadows, memory] = [SHADOWS_AT_ONCE, HELD_BYTES_MAX].map(|room| Arc::new(Semaphore::new(room)));
        let migrate = Migrate { outbound, figures: Figures::default(), shadows, memory, own, known: RwLock::default() };
        migrate.reread(db)?;
        migrate.warn_of_own();
        migrate.resume(db)?;
        Ok(migrate)
    }

    /// Reads what is stored. Of several changes at once, the last to be read is the last that was made: both happen under the lock.
    pub(crate) fn reread(&self, db: &Db) -> Result<(), Error> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known::read(&db.read()?)?;
        known.by_host.retain(|host, _| self.own.leaves(host));
        Ok(())
    }

    /// Goes on counting where an earlier process was.
    fn resume(&self, db: &Db) -> Result<(), Error> {
        for row in COUNTED.scan(&db.read()?, Order::Forward)? {
            let ((id, route), counted) = row?;
            if self.has(&id, &route) {
                self.figures.resume(&id, &route, counted);
            }
        }
        Ok(())
    }

    /// Whether there is such a route.
    pub(crate) fn has(&self, id: &str, route: &str) -> bool {
        self.of_id(id).is_some_and(|migration| migration.routes.iter().any(|of| of.key() == route))
    }

    /// Tells of hosts that are the server's own by now.
    fn warn_of_own(&self) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        for host in known.by_id.values().flat_map(|migration| &migration.hosts) {
            self.own.still_leaves(host, "a migration");
        }
    }

    /// The hosts of all migrations.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).by_host.keys().cloned().collect()
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
