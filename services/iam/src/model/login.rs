//! Login profiles: users' passwords, and what the account wants of them.

use auth::password::Hashed;
use base::{AccountId, Timestamp};
use kv::{Read, Tx};

use crate::error::Error;
use crate::keys::{LOGIN_PROFILES, PASSWORD_RULES, fold};
use crate::limits;
use crate::model::owner;
use crate::types::{LoginProfile, PasswordRules, User};

/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html>
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";

impl PasswordRules {
    /// Whether a password keeps to them.
    pub fn fit(&self, password: &str) -> bool {
        let [upper, lower, digit, symbol] = kinds(password);
        password.chars().count() >= self.minimum_length as usize
            && (upper || !self.uppercase)
            && (lower || !self.lowercase)
            && (digit || !self.numbers)
            && (symbol || !self.symbols)
    }

    /// How long a password lasts.
    pub fn max_age(&self) -> Option<std::time::Duration> {
        self.max_age_days.map(|days| limits::DAY * days)
    }
}

/// What it has: upper and lower case, digits, symbols.
fn kinds(password: &str) -> [bool; 4] {
    let has = |is: fn(char) -> bool| password.chars().any(is);
    [
        has(|c| c.is_ascii_uppercase()),
        has(|c| c.is_ascii_lowercase()),
        has(|c| c.is_ascii_digit()),
        has(|c| SYMBOLS.contains(c)),
    ]
}

/// Whether the account takes a password: by its rules, or else by those that AWS has for accounts without any.
pub fn check(read: &impl Read, account: &AccountId, password: &str) -> Result<(), Error> {
    let fits = match rules(read)? {
        Some(rules) => rules.fit(password),
        None => {
            password.chars().count() >= limits::PASSWORD_CHARACTERS_DEFAULT
                && kinds(password).into_iter().filter(|has| *has).count() >= limits::PASSWORD_KINDS_DEFAULT
                && password != account.as_str()
        }
    };
    if fits { Ok(()) } else { Err(Error::PasswordPolicyViolation) }
}

pub fn rules(read: &impl Read) -> Result<Option<PasswordRules>, Error> {
    Ok(PASSWORD_RULES.get(read, ())?)
}

pub fn find(read: &impl Read, user: &str) -> Result<LoginProfile, Error> {
    owner::find::<User>(read, user)?;
    let found = LOGIN_PROFILES.get(read, fold(user))?;
    found.ok_or_else(|| Error::NoSuchEntity(format!("Login Profile for User {user} cannot be found.")))
}

pub fn create(tx: &mut Tx, user: &str, profile: &LoginProfile) -> Result<(), Error> {
    check_free(&*tx, user)?;
    Ok(LOGIN_PROFILES.put(tx, fold(user), profile)?)
}

/// Whether the user has no password yet.
pub fn check_free(read: &impl Read, user: &str) -> Result<(), Error> {
    owner::find::<User>(read, user)?;
    match LOGIN_PROFILES.contains(read, fold(user))? {
        true => Err(Error::EntityAlreadyExists(format!("Login Profile for user {user} already exists."))),
        false => Ok(()),
    }
}

/// Changes a login profile, which has to be there.
pub fn update(
    tx: &mut Tx,
    user: &str,
    change: impl FnOnce(&mut LoginProfile) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut profile = find(&*tx, user)?;
    change(&mut profile)?;
    Ok(LOGIN_PROFILES.put(tx, fold(user), &profile)?)
}

pub fn delete(tx: &mut Tx, user: &str) -> Result<(), Error> {
    find(&*tx, user)?;
    Ok(LOGIN_PROFILES.delete(tx, fold(user))?)
}

/// A login profile goes with a user who gets another name.
pub fn rename_user(tx: &mut Tx, before: &str, after: &str) -> Result<(), Error> {
    let Some(profile) = LOGIN_PROFILES.get(&*tx, before)? else { return Ok(()) };
    LOGIN_PROFILES.delete(tx, before)?;
    Ok(LOGIN_PROFILES.put(tx, after, &profile)?)
}

impl LoginProfile {
    /// Gives another password; the one before is remembered.
    pub fn set_password(&mut self, password: Hashed, now: Timestamp) {
        let before = std::mem::replace(&mut self.password, password);
        self.former.insert(0, before);
        self.former.truncate(limits::FORMER_PASSWORDS_MAX);
        self.changed = now;
    }

    /// Whether a password may be tried: a few times a minute.
    pub fn may_try(&self, now: Timestamp) -> bool {
        self.failed.0 != minute(now) || self.failed.1 < limits::PASSWORD_FAILURES_MAX
    }

    /// Notes that a password was wrong.
    pub fn fail(&mut self, now: Timestamp) {
        let (at, count) = self.failed;
        self.failed = if at == minute(now) { (at, count + 1) } else { (minute(now), 1) };
    }

    /// Takes that back: the password that was tried then was right.
    pub fn forgive(&mut self, then: Timestamp) {
        let (at, count) = self.failed;
        self.failed = if at == minute(then) { (at, count.saturating_sub(1)) } else { (at, count) };
    }
}

fn minute(now: Timestamp) -> u64 {
    now.as_secs() / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: PasswordRules = PasswordRules {
        minimum_length: 6,
        symbols: false,
        numbers: false,
        uppercase: false,
        lowercase: false,
        users_change: false,
        max_age_days: None,
        reuse_prevention: None,
        hard_expiry: None,
    };

    #[test]
    fn each_rule_is_kept() {
        assert!(ANY.fit("aaaaaa") && !ANY.fit("aaaaa"));
        for (rules, wrong, right) in [
            (PasswordRules { symbols: true, ..ANY }, "aaaaa1", "aaaaa'"),
            (PasswordRules { numbers: true, ..ANY }, "aaaaaa", "aaaaa1"),
            (PasswordRules { uppercase: true, ..ANY }, "aaaaaa", "aaaaaA"),
            (PasswordRules { lowercase: true, ..ANY }, "AAAAAA", "AAAAAa"),
        ] {
            assert!(!rules.fit(wrong) && rules.fit(right), "{rules:?}");
        }
        assert_eq!(kinds("~"), [false; 4], "not every character that is no letter is a symbol");
    }
}
