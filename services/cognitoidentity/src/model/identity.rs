//! Identities: whom providers know by what. What one provider knows somebody by leads to one identity of a pool.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{IDENTITIES, IDENTITIES_OF, LOGINS};
use crate::types::Identity;

/// What a provider knows somebody by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub provider: String,
    pub subject: String,
}

pub fn find(read: &(impl Read + ?Sized), id: &str) -> Result<Option<Identity>, Error> {
    Ok(IDENTITIES.get(read, id)?)
}

pub fn get(read: &(impl Read + ?Sized), id: &str) -> Result<Identity, Error> {
    find(read, id)?.ok_or_else(|| Error::NotFound(format!("Identity '{id}' not found.")))
}

/// The identity that a login leads to.
pub fn of_login(read: &(impl Read + ?Sized), pool: &str, login: &Login) -> Result<Option<String>, Error> {
    Ok(LOGINS.get(read, (pool, &*login.provider, &*login.subject))?)
}

/// The identities that logins lead to, each once.
pub fn of_logins(read: &(impl Read + ?Sized), pool: &str, logins: &[Login]) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for login in logins {
        if let Some(id) = of_login(read, pool, login)?
            && !found.contains(&id)
        {
            found.push(id);
        }
    }
    Ok(found)
}

pub fn create(tx: &mut Tx, identity: &Identity) -> Result<(), Error> {
    super::pool::get(tx, &identity.pool)?;
    IDENTITIES_OF.put(tx, (&*identity.pool, &*identity.id), &())?;
    put(tx, identity)
}

/// Keeps an identity as it is now, with what it is known by.
fn put(tx: &mut Tx, identity: &Identity) -> Result<(), Error> {
    for (provider, subjects) in &identity.logins {
        for subject in subjects {
            LOGINS.put(tx, (&*identity.pool, &**provider, &**subject), &identity.id)?;
        }
    }
    Ok(IDENTITIES.put(tx, &*identity.id, identity)?)
}

/// Lets an identity be known by these logins too. A provider knows it by one thing, unless it is the developer's own.
///
/// # Errors
/// When one of them leads to somebody else.
pub fn link(tx: &mut Tx, id: &str, logins: &[Login], developer: Option<&str>, now: Timestamp) -> Result<(), Error> {
    let mut identity = get(tx, id)?;
    for login in logins {
        let other = of_login(tx, &identity.pool, login)?;
        let own = identity.logins.entry(login.provider.clone()).or_default();
        let is_other = !own.is_empty() && !own.contains(&login.subject) && developer != Some(login.provider.as_str());
        if other.is_some_and(|other| other != id) || is_other {
            return Err(mismatch());
        }
        own.insert(login.subject.clone());
    }
    identity.modified = now;
    put(tx, &identity)
}

pub fn mismatch() -> Error {
    Error::Conflict(
        "Logins don't match. Please include at least one valid login for this identity or identity pool.".into(),
    )
}

/// Forgets that an identity is known by a login.
pub fn unlink(tx: &mut Tx, id: &str, provider: &str, subject: Option<&str>, now: Timestamp) -> Result<(), Error> {
    let mut identity = get(tx, id)?;
    let known = identity.logins.remove(provider).unwrap_or_default();
    let (gone, left) = known.into_iter().partition(|own| subject.is_none_or(|subject| subject == own));
    let (gone, left): (std::collections::BTreeSet<String>, std::collections::BTreeSet<String>) = (gone, left);
    for subject in &gone {
        LOGINS.delete(tx, (&*identity.pool, provider, &**subject))?;
    }
    if !left.is_empty() {
        identity.logins.insert(provider.to_owned(), left);
    }
    identity.modified = now;
    put(tx, &identity)
}

/// Brings two together: what the one is known by leads to the other from now on.
pub fn merge(tx: &mut Tx, from: &str, into: &str, now: Timestamp) -> Result<(), Error> {
    if from == into {
        return Ok(());
    }
    let (source, mut target) = (get(tx, from)?, get(tx, into)?);
    delete(tx, from)?;
    for (provider, subjects) in source.logins {
        target.logins.entry(provider).or_default().extend(subjects);
    }
    target.modified = now;
    put(tx, &target)
}

/// Removes an identity, which need not be there; whether it was.
pub fn delete(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let Some(identity) = find(tx, id)? else { return Ok(false) };
    for (provider, subjects) in &identity.logins {
        for subject in subjects {
            LOGINS.delete(tx, (&*identity.pool, &**provider, &**subject))?;
        }
    }
    IDENTITIES_OF.delete(tx, (&*identity.pool, id))?;
    IDENTITIES.delete(tx, id)?;
    Ok(true)
}

/// A page of a pool's identities after the one with the id `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    pool: &str,
    after: &str,
    limit: usize,
) -> Result<(Vec<Identity>, bool), Error> {
    let rows = IDENTITIES_OF.scan_after(read, pool, (pool, after), Order::Forward)?;
    let (ids, more) = kv::page(rows.keys(), limit)?;
    Ok((ids.iter().map(|(_, id)| get(read, id)).collect::<Result<_, _>>()?, more))
}
