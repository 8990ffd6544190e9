//! Every state transition, as a plain function over a transaction.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{COUNTED, MIGRATIONS};
use crate::limits::MIGRATIONS_MAX;
use crate::types::{Migration, Route, Share};

/// Which routes a change is for: all, those of a path, or the one with a method and a path.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    pub path: Option<String>,
    pub method: Option<String>,
}

impl Chosen {
    fn takes(&self, route: &Route) -> bool {
        let of_path = self.path.as_ref().is_none_or(|path| *path == route.path);
        let of_method = self.method.as_ref().is_none_or(|method| route.method.as_ref() == Some(method));
        of_path && of_method
    }
}

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Migration, Error> {
    MIGRATIONS.get(read, (region, name))?.ok_or_else(|| Error::NotFound(name.to_owned()))
}

pub fn all(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<Migration>, Error> {
    Ok(MIGRATIONS.scan_prefix(read, (region,), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Makes a migration be as it is defined. What it was before keeps its id, and what has been shifted since it was defined so.
pub fn put(tx: &mut Tx, wanted: &Migration) -> Result<Migration, Error> {
    let (region, name) = (&*wanted.arn.region, &*wanted.name);
    let mut migration = wanted.clone();
    match MIGRATIONS.get(tx, (region, name))? {
        Some(before) => {
            migration.id.clone_from(&before.id);
            (migration.created, migration.back) = (before.created, before.back);
            for route in &mut migration.routes {
                if let Some(old) = before.routes.iter().find(|old| old.key() == route.key()) {
                    route.weight = kept(old.weight, route.weight);
                    route.shadow = kept(old.shadow, route.shadow);
                }
            }
        }
        None => {
            let count = MIGRATIONS.scan_prefix(tx, (region,), Order::Forward)?.keys().take(MIGRATIONS_MAX).count();
            if count >= MIGRATIONS_MAX {
                let message = format!("A region can have {MIGRATIONS_MAX} migrations. Delete one that is over.");
                return Err(Error::LimitExceeded(message));
            }
        }
    }
    for row in MIGRATIONS.scan(tx, Order::Forward)?.values() {
        let other: Migration = row?;
        let taken = migration.hosts.iter().find(|host| other.id != migration.id && other.hosts.contains(host));
        if let Some(host) = taken {
            let message = format!("The host {host} is the migration {}'s already.", other.name);
            return Err(Error::Conflict(message));
        }
    }
    MIGRATIONS.put(tx, (region, name), &migration)?;
    Ok(migration)
}

fn kept(before: Share, wanted: Share) -> Share {
    if before.defined == wanted.defined { before } else { wanted }
}

/// Changes the chosen routes, and returns what comes of it.
pub fn change(
    tx: &mut Tx,
    now: Timestamp,
    (region, name): (&str, &str),
    chosen: &Chosen,
    change: impl Fn(&mut Route),
) -> Result<Migration, Error> {
    let mut migration = find(tx, region, name)?;
    let mut routes = migration.routes.iter_mut().filter(|route| chosen.takes(route)).peekable();
    if routes.peek().is_none() {
        let keys: Vec<String> = migration.routes.iter().map(Route::key).collect();
        let message = format!("{name} has no such route. It has: {}.", keys.join(", "));
        return Err(Error::NoRoute(message));
    }
    routes.for_each(change);
    migration.modified = now;
    MIGRATIONS.put(tx, (region, name), &migration)?;
    Ok(migration)
}

/// Sends everything to the backend, or as the routes say again.
pub fn back(tx: &mut Tx, now: Timestamp, region: &str, name: &str, back: bool) -> Result<Migration, Error> {
    let migration = Migration { back, modified: now, ..find(tx, region, name)? };
    MIGRATIONS.put(tx, (region, name), &migration)?;
    Ok(migration)
}

/// Forgets a migration, and returns what it was.
pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<Migration, Error> {
    let migration = find(tx, region, name)?;
    MIGRATIONS.delete(tx, (region, name))?;
    COUNTED.delete_prefix(tx, (&*migration.id,))?;
    Ok(migration)
}
