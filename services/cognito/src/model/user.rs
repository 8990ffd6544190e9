//! Users: finding, keeping and removing them, and the names that they sign in with.

use base::Timestamp;
use kv::{Order, Read, Tx};

use super::{device, grant, group, passkey, provider};
use crate::error::Error;
use crate::keys::{ALIASES, USER_COUNTS, USERS};
use crate::limits::{FAILURES_FREE, LOCK_OUT_MAX};
use crate::types::{Pool, Status, User};

pub const EMAIL: &str = "email";
pub const EMAIL_VERIFIED: &str = "email_verified";
pub const PHONE_NUMBER: &str = "phone_number";
pub const PHONE_NUMBER_VERIFIED: &str = "phone_number_verified";
const PREFERRED_USERNAME: &str = "preferred_username";

/// A name or an alias as keys have it.
pub fn fold(pool: &Pool, text: &str) -> String {
    if pool.case_sensitive { text.to_owned() } else { text.to_lowercase() }
}

pub fn by_key(read: &(impl Read + ?Sized), pool: &str, key: &str) -> Result<User, Error> {
    USERS.get(read, (pool, key))?.ok_or(Error::UserNotFound)
}

/// The user with a name or an alias; `None` where there is none.
pub fn find(read: &(impl Read + ?Sized), pool: &Pool, text: &str) -> Result<Option<User>, Error> {
    let folded = fold(pool, text);
    if let Some(user) = USERS.get(read, (&*pool.id, &*folded))? {
        return Ok(Some(user));
    }
    for attribute in pool.username_attributes.iter().chain(&pool.alias_attributes) {
        if let Some(key) = ALIASES.get(read, (&*pool.id, &**attribute, &*folded))? {
            return Ok(Some(by_key(read, &pool.id, &key)?));
        }
    }
    Ok(None)
}

pub fn get(read: &(impl Read + ?Sized), pool: &Pool, text: &str) -> Result<User, Error> {
    find(read, pool, text)?.ok_or(Error::UserNotFound)
}

/// What a user can sign in with beside the name.
///
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html>
fn aliases<'a>(pool: &'a Pool, user: &User) -> Vec<(&'a str, String)> {
    // Whom another provider knows signs in there: an address is the name of who has a password here.
    if user.status == Status::ExternalProvider {
        return Vec::new();
    }
    let verified = |name: &str| user.attributes.get(&format!("{name}_verified")).is_some_and(|value| value == "true");
    let counts = |name: &str| match name {
        PREFERRED_USERNAME => user.status != Status::Unconfirmed,
        name => verified(name),
    };
    let own = pool.username_attributes.iter();
    let others = pool.alias_attributes.iter().filter(|name| counts(name));
    let value = |name: &'a String| Some((name.as_str(), fold(pool, user.attributes.get(name)?)));
    own.chain(others).filter_map(value).collect()
}

/// What becomes of an alias that another user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    Refuse,
    /// The other one loses it, where it is an address or a number.
    Take,
}

/// Keeps a user that is not there yet.
pub fn create(tx: &mut Tx, pool: &Pool, user: &User, conflict: Conflict, exists: &'static str) -> Result<(), Error> {
    if USERS.contains(tx, (&*pool.id, &*user.key))? {
        return Err(Error::UsernameExists(exists));
    }
    let names = if user.status == Status::ExternalProvider { &[] } else { pool.username_attributes.as_slice() };
    for attribute in names {
        let value = user.attributes.get(attribute).map(|value| fold(pool, value));
        if let Some(value) = value
            && ALIASES.contains(tx, (&*pool.id, &**attribute, &*value))?
        {
            let told = format!("An account with the given {attribute} already exists.");
            return Err(if conflict == Conflict::Refuse {
                Error::UsernameExists(exists)
            } else {
                Error::AliasExists(told)
            });
        }
    }
    USER_COUNTS.put(tx, &*pool.id, &(count(tx, &pool.id)? + 1))?;
    put(tx, pool, user, conflict)
}

/// How many users a pool has.
pub fn count(read: &(impl Read + ?Sized), pool: &str) -> Result<u64, Error> {
    Ok(USER_COUNTS.get(read, pool)?.unwrap_or_default())
}

/// Keeps a user as it is now, with its aliases.
pub fn put(tx: &mut Tx, pool: &Pool, user: &User, conflict: Conflict) -> Result<(), Error> {
    let before = USERS.get(tx, (&*pool.id, &*user.key))?;
    let (old, new) = (before.map(|before| aliases(pool, &before)).unwrap_or_default(), aliases(pool, user));
    for (attribute, value) in old.iter().filter(|alias| !new.contains(alias)) {
        ALIASES.delete(tx, (&*pool.id, *attribute, &**value))?;
    }
    for (attribute, value) in new.iter().filter(|alias| !old.contains(alias)) {
        take(tx, pool, user, attribute, value, conflict)?;
    }
    Ok(USERS.put(tx, (&*pool.id, &*user.key), user)?)
}

fn take(tx: &mut Tx, pool: &Pool, user: &User, name: &str, value: &str, conflict: Conflict) -> Result<(), Error> {
    let holder = ALIASES.get(tx, (&*pool.id, name, value))?.filter(|holder| *holder != user.key);
    if let Some(holder) = holder {
        // A name that somebody chose is nothing that another one can have shown to have.
        let may_take = name != PREFERRED_USERNAME && !pool.username_attributes.iter().any(|own| own == name);
        if conflict == Conflict::Refuse || !may_take {
            return Err(Error::AliasExists(format!("An account with the given {name} already exists.")));
        }
        let mut other = by_key(tx, &pool.id, &holder)?;
        other.attributes.insert(format!("{name}_verified"), "false".into());
        USERS.put(tx, (&*pool.id, &*holder), &other)?;
    }
    Ok(ALIASES.put(tx, (&*pool.id, name, value), &user.key)?)
}

/// Changes a user, if `change` does not refuse.
pub fn change<T>(
    tx: &mut Tx,
    pool: &Pool,
    key: &str,
    change: impl FnOnce(&mut User) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut user = by_key(tx, &pool.id, key)?;
    let changed = change(&mut user)?;
    put(tx, pool, &user, Conflict::Refuse)?;
    Ok(changed)
}

pub fn delete(tx: &mut Tx, pool: &Pool, user: &User) -> Result<(), Error> {
    let user = &by_key(tx, &pool.id, &user.key)?;
    for (attribute, value) in aliases(pool, user) {
        ALIASES.delete(tx, (&*pool.id, attribute, &*value))?;
    }
    let others = count(tx, &pool.id)?.saturating_sub(1);
    USER_COUNTS.put(tx, &*pool.id, &others)?;
    group::remove_all(tx, user)?;
    provider::unlink_all(tx, user)?;
    grant::revoke_all(tx, user)?;
    device::forget_all(tx, user)?;
    passkey::remove_all(tx, user)?;
    Ok(USERS.delete(tx, (&*pool.id, &*user.key))?)
}

/// Users after the one with the key `after`, in the order of their keys.
pub fn after<'a>(
    read: &'a (impl Read + ?Sized),
    pool: &str,
    after: &str,
) -> Result<impl Iterator<Item = Result<User, kv::Error>> + 'a, Error> {
    Ok(USERS.scan_after(read, pool, (pool, after), Order::Forward)?.values())
}

/// # Errors
/// While the user is locked out.
pub fn check_unlocked(user: &User, now: Timestamp) -> Result<(), Error> {
    match user.locked_until {
        Some(until) if until > now => Err(Error::not_authorized("Password attempts exceeded")),
        _ => Ok(()),
    }
}

/// Counts a wrong password or code.
pub fn count_failure(user: &mut User, now: Timestamp) {
    user.failures = user.failures.saturating_add(1);
    if let Some(more) = user.failures.checked_sub(FAILURES_FREE) {
        let pause = std::time::Duration::from_secs(1).saturating_mul(1 << more.min(16)).min(LOCK_OUT_MAX);
        user.locked_until = Some(now + pause);
    }
}

/// Forgets them.
pub fn clear_failures(user: &mut User) {
    (user.failures, user.locked_until) = (0, None);
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use super::*;
    use crate::types::MfaSettings;

    pub fn user() -> User {
        User {
            pool: "us-east-1_P".into(),
            name: "Ada".into(),
            key: "ada".into(),
            sub: "s".into(),
            created: Timestamp(1),
            modified: Timestamp(2),
            status: Status::Confirmed,
            enabled: true,
            attributes: [("email".to_owned(), "ada@example.com".to_owned())].into(),
            password: None,
            temporary_until: None,
            codes: [].into(),
            failures: 0,
            locked_until: None,
            mfa: MfaSettings::default(),
            signed_out: None,
        }
    }

    #[test]
    fn each_failure_after_some_locks_out_for_longer() {
        let (mut user, now) = (user(), Timestamp::from_secs(1_000));
        let mut pauses = Vec::new();
        for _ in 0..20 {
            count_failure(&mut user, now);
            pauses.push(user.locked_until.map_or(0, |until| until.since(now).as_secs()));
        }
        assert_eq!(pauses[..9], [0, 0, 0, 0, 1, 2, 4, 8, 16]);
        assert_eq!(pauses[19], LOCK_OUT_MAX.as_secs());
        assert!(check_unlocked(&user, now).is_err());
        assert!(check_unlocked(&user, now + LOCK_OUT_MAX).is_ok());
        clear_failures(&mut user);
        count_failure(&mut user, now);
        assert!(check_unlocked(&user, now + Duration::ZERO).is_ok());
    }
}
