//! Domains of pools: each name is one pool's, and a pool has one of Cognito's and one of its own at most.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{DOMAINS, DOMAINS_OF};
use crate::types::Domain;

pub fn find(read: &(impl Read + ?Sized), name: &str) -> Result<Option<Domain>, Error> {
    Ok(DOMAINS.get(read, name)?)
}

/// The domain with this name, where it is this pool's.
pub fn of_pool(read: &(impl Read + ?Sized), pool: &str, name: &str) -> Result<Domain, Error> {
    let found = find(read, name)?.filter(|domain| domain.pool == pool);
    found.ok_or_else(|| Error::parameter("No such domain or user pool exists."))
}

/// The domains of a pool, those of Cognito's first.
pub fn all_of(read: &(impl Read + ?Sized), pool: &str) -> Result<Vec<Domain>, Error> {
    let names = DOMAINS_OF.scan_prefix(read, pool, Order::Forward)?.keys().collect::<Result<Vec<_>, _>>()?;
    let mut domains = Vec::new();
    for (_, name) in names {
        domains.extend(find(read, &name)?);
    }
    domains.sort_by_key(|domain| domain.certificate.is_some());
    Ok(domains)
}

/// The hosts that pools have of their own.
pub fn hosts(read: &(impl Read + ?Sized)) -> Result<Vec<String>, Error> {
    let own = |domain: Result<Domain, kv::Error>| match domain {
        Ok(domain) => domain.certificate.is_some().then_some(Ok(domain.name)),
        Err(error) => Some(Err(Error::from(error))),
    };
    DOMAINS.scan(read, Order::Forward)?.values().filter_map(own).collect()
}

pub fn create(tx: &mut Tx, domain: &Domain) -> Result<(), Error> {
    super::pool::get(tx, &domain.pool)?;
    if DOMAINS.contains(tx, &*domain.name)? {
        return Err(Error::parameter("Domain already associated with another user pool."));
    }
    let is_own = domain.certificate.is_some();
    if all_of(tx, &domain.pool)?.iter().any(|other| other.certificate.is_some() == is_own) {
        return Err(Error::parameter("User pool already has a domain configured."));
    }
    DOMAINS_OF.put(tx, (&*domain.pool, &*domain.name), &())?;
    put(tx, domain)
}

pub fn put(tx: &mut Tx, domain: &Domain) -> Result<(), Error> {
    Ok(DOMAINS.put(tx, &*domain.name, domain)?)
}

pub fn delete(tx: &mut Tx, pool: &str, name: &str) -> Result<(), Error> {
    of_pool(tx, pool, name)?;
    DOMAINS_OF.delete(tx, (pool, name))?;
    Ok(DOMAINS.delete(tx, name)?)
}
