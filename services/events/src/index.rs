//! A bus's rules, ready to be asked. They are put together once after each change, and then shared.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kv::{Order, Read};
use pattern::{Index, Pattern};

use crate::error::Error;
use crate::keys::{Named, RULES, TARGETS, VERSIONS};
use crate::name::BusRef;
use crate::types::{Rule, RuleState, Target};

/// A rule that is enabled, with its targets.
#[derive(Debug)]
pub struct Armed {
    pub rule: Rule,
    pub targets: Vec<Target>,
}

pub type Armory = Index<Arc<Armed>>;

/// By region and name of the bus, with the version that each is of.
type Known = HashMap<Named, (u64, Arc<Armory>)>;

/// The buses that were asked about.
#[derive(Default)]
pub struct Indexes(Mutex<Known>);

impl Indexes {
    /// The rules of a bus as `read` sees them.
    pub fn of(&self, read: &(impl Read + ?Sized), bus: &BusRef) -> Result<Arc<Armory>, Error> {
        let key = (bus.region().to_owned(), bus.name.clone());
        // A bus that never had a rule, or is not there (any more): nothing to remember, whoever asks about whatever name.
        let Some(version) = VERSIONS.get(read, &key)? else {
            self.forget(bus);
            return Ok(Arc::new(Index::new(std::iter::empty::<(Arc<Armed>, &Pattern)>())));
        };
        if let Some((known, index)) = self.known().get(&key)
            && *known == version
        {
            return Ok(index.clone());
        }
        let index = Arc::new(build(read, bus)?);
        self.known().insert(key, (version, index.clone()));
        Ok(index)
    }

    /// Forgets a bus that was deleted.
    pub fn forget(&self, bus: &BusRef) {
        self.known().remove(&(bus.region().to_owned(), bus.name.clone()));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn build(read: &(impl Read + ?Sized), bus: &BusRef) -> Result<Armory, Error> {
    let mut armed = Vec::new();
    for rule in RULES.scan_prefix(read, (bus.region(), &*bus.name), Order::Forward)?.values() {
        let rule = rule?;
        // A pattern that was stored was parsed before.
        let Some(Ok(pattern)) = rule.pattern.as_deref().map(Pattern::parse) else { continue };
        if rule.state != RuleState::Disabled {
            let targets = TARGETS
                .scan_prefix(read, (bus.region(), &*bus.name, &*rule.name), Order::Forward)?
                .values()
                .collect::<Result<_, _>>()?;
            armed.push((Arc::new(Armed { rule, targets }), pattern));
        }
    }
    Ok(Index::new(armed.iter().map(|(armed, pattern)| (armed.clone(), pattern))))
}

#[cfg(test)]
mod tests {
    use kv::Db;

    use super::*;

    #[tokio::test]
    async fn only_buses_with_rules_are_remembered() {
        let (db, indexes) = (Db::open(kv::Memory::default()), Indexes::default());
        let bus = BusRef::of("arn:aws:events:us-east-1:000000000000:event-bus/b".parse().unwrap()).unwrap();
        indexes.of(&db.read().unwrap(), &bus).unwrap();
        assert!(indexes.known().is_empty());
        let on = bus.clone();
        db.write(move |tx| crate::model::bus::changed(tx, &on, 1)).await.unwrap();
        indexes.of(&db.read().unwrap(), &bus).unwrap();
        assert_eq!(indexes.known().len(), 1);
        indexes.forget(&bus);
        assert!(indexes.known().is_empty());
    }
}
