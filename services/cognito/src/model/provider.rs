//! Other identity providers, and whom of the pool's users they know.

use base::Timestamp;
use kv::{Order, Read, Tx};
use serde_json::{Value, json};

use super::{group, user as users};
use crate::error::Error;
use crate::keys::{LINKS, PROVIDER_IDENTIFIERS, PROVIDERS};
use crate::limits::{LINKS_OF_USER_MAX, PROVIDERS_MAX};
use crate::types::{Group, Pool, Provider, User};

/// The attribute that tells by whom a user is known elsewhere, and as what: JSON.
pub const IDENTITIES: &str = "identities";

pub fn find(read: &(impl Read + ?Sized), pool: &str, name: &str) -> Result<Option<Provider>, Error> {
    Ok(PROVIDERS.get(read, (pool, name))?)
}

pub fn get(read: &(impl Read + ?Sized), pool: &str, name: &str) -> Result<Provider, Error> {
    find(read, pool, name)?.ok_or_else(|| Error::NotFound(format!("Identity provider {name} does not exist.")))
}

pub fn by_identifier(read: &(impl Read + ?Sized), pool: &str, identifier: &str) -> Result<Option<Provider>, Error> {
    match PROVIDER_IDENTIFIERS.get(read, (pool, identifier))? {
        Some(name) => find(read, pool, &name),
        None => Ok(None),
    }
}

pub fn create(tx: &mut Tx, provider: &Provider) -> Result<(), Error> {
    super::pool::get(tx, &provider.pool)?;
    if PROVIDERS.contains(tx, (&*provider.pool, &*provider.name))? {
        let told = format!("A provider with the name {} already exists.", provider.name);
        return Err(Error::DuplicateProvider(told));
    }
    let others = PROVIDERS.scan_prefix(tx, &*provider.pool, Order::Forward)?.keys().take(PROVIDERS_MAX);
    if others.count() >= PROVIDERS_MAX {
        return Err(Error::TooMany(format!("A user pool has {PROVIDERS_MAX} identity providers at most.")));
    }
    put(tx, provider)
}

/// Keeps a provider as it is now, with what else it is called by.
pub fn put(tx: &mut Tx, provider: &Provider) -> Result<(), Error> {
    let (pool, name) = (&*provider.pool, &*provider.name);
    forget_identifiers(tx, pool, name)?;
    for identifier in &provider.identifiers {
        let other = PROVIDER_IDENTIFIERS.get(tx, (pool, &**identifier))?;
        if other.is_some_and(|other| other != name) {
            return Err(Error::parameter(format!("The identifier {identifier} is another provider's.")));
        }
        PROVIDER_IDENTIFIERS.put(tx, (pool, &**identifier), &provider.name)?;
    }
    Ok(PROVIDERS.put(tx, (pool, name), provider)?)
}

fn forget_identifiers(tx: &mut Tx, pool: &str, name: &str) -> Result<(), Error> {
    for identifier in find(tx, pool, name)?.map(|before| before.identifiers).unwrap_or_default() {
        PROVIDER_IDENTIFIERS.delete(tx, (pool, &*identifier))?;
    }
    Ok(())
}

pub fn delete(tx: &mut Tx, pool: &str, name: &str) -> Result<(), Error> {
    get(tx, pool, name)?;
    forget_identifiers(tx, pool, name)?;
    Ok(PROVIDERS.delete(tx, (pool, name))?)
}

/// A page of a pool's providers after the one called `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    pool: &str,
    after: &str,
    limit: usize,
) -> Result<(Vec<Provider>, bool), Error> {
    Ok(kv::page(PROVIDERS.scan_after(read, pool, (pool, after), Order::Forward)?.values(), limit)?)
}

/// The user whom a provider knows as `subject`, where they were brought together.
pub fn linked(read: &(impl Read + ?Sized), pool: &str, provider: &str, subject: &str) -> Result<Option<User>, Error> {
    let key = LINKS.get(read, (pool, provider, subject))?;
    key.map(|key| users::by_key(read, pool, &key)).transpose()
}

/// Brings a user together with who signs in with a provider as `subject`.
///
/// # Errors
/// When that is a user already, or the user has too many.
pub fn link(
    tx: &mut Tx,
    pool: &Pool,
    key: &str,
    provider: &Provider,
    subject: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let name = users::fold(pool, &user_name(&provider.name, subject));
    let is_known = LINKS.contains(tx, (&*pool.id, &*provider.name, subject))?;
    if is_known || users::by_key(tx, &pool.id, &name).is_ok() {
        return Err(Error::parameter(
            "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link",
        ));
    }
    let user = users::change(tx, pool, key, |user| {
        let mut known = identities(user);
        if known.len() >= LINKS_OF_USER_MAX {
            return Err(Error::TooMany(format!("A user has {LINKS_OF_USER_MAX} linked accounts at most.")));
        }
        known.push(identity(provider, subject, false, now));
        set_identities(user, &known);
        user.modified = now;
        Ok(user.key.clone())
    })?;
    Ok(LINKS.put(tx, (&*pool.id, &*provider.name, subject), &user)?)
}

/// Takes them apart again, if they were together.
pub fn unlink(tx: &mut Tx, pool: &Pool, provider: &str, subject: &str, now: Timestamp) -> Result<bool, Error> {
    let Some(user) = linked(tx, &pool.id, provider, subject)? else { return Ok(false) };
    LINKS.delete(tx, (&*pool.id, provider, subject))?;
    users::change(tx, pool, &user.key, |user| {
        let mut known = identities(user);
        known.retain(|identity| identity["providerName"] != provider || identity["userId"] != subject);
        set_identities(user, &known);
        user.modified = now;
        Ok(())
    })?;
    Ok(true)
}

/// Forgets who a user is elsewhere.
pub fn unlink_all(tx: &mut Tx, user: &User) -> Result<(), Error> {
    for identity in identities(user) {
        let text = |name: &str| identity[name].as_str().unwrap_or_default().to_owned();
        let (provider, subject) = (text("providerName"), text("userId"));
        let key = (&*user.pool, &*provider, &*subject);
        if LINKS.get(tx, key)?.is_some_and(|linked| linked == user.key) {
            LINKS.delete(tx, key)?;
        }
    }
    Ok(())
}

/// What a user is called whom only a provider knows.
pub fn user_name(provider: &str, subject: &str) -> String {
    format!("{provider}_{subject}")
}

pub fn identities(user: &User) -> Vec<Value> {
    let text = user.attributes.get(IDENTITIES);
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

pub fn set_identities(user: &mut User, identities: &[Value]) {
    match identities {
        [] => drop(user.attributes.remove(IDENTITIES)),
        known => drop(user.attributes.insert(IDENTITIES.into(), json!(known).to_string())),
    }
}

pub fn identity(provider: &Provider, subject: &str, primary: bool, now: Timestamp) -> Value {
    json!({
        "userId": subject,
        "providerName": provider.name,
        "providerType": provider.kind.word(),
        "issuer": null,
        "primary": primary,
        "dateCreated": now.as_millis(),
    })
}

/// The same in identity tokens, in which everything of it is a text.
pub fn claim_of_identities(text: &str) -> Value {
    let mut known: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let members = known.iter_mut().filter_map(Value::as_object_mut).flat_map(|identity| identity.values_mut());
    members.filter(|value| value.is_boolean() || value.is_number()).for_each(|value| *value = json!(value.to_string()));
    json!(known)
}

/// Puts a user into the group that all whom a provider knows are in.
pub fn join_group(tx: &mut Tx, pool: &Pool, user: &User, provider: &Provider, now: Timestamp) -> Result<(), Error> {
    let name = format!("{}_{}", pool.id, provider.name);
    if group::get(tx, &pool.id, &name).is_err() {
        let description = Some(format!("Autogenerated group for users who sign in using {}", provider.name));
        let (pool, name) = (pool.id.clone(), name.clone());
        let new = Group { pool, name, description, role: None, precedence: None, created: now, modified: now };
        group::create(tx, &new)?;
    }
    group::add(tx, user, &name)
}
