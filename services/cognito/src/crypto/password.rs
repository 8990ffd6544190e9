//! Passwords: what is kept of them, what they have to be like, and those that Cognito makes up.

use auth::password::{Hashed, SALT_BYTES};
use base::Env;
use bytes::Bytes;
use vault::Vault;

use super::{random_text, srp};
use crate::error::Error;
use crate::types::{Password, PasswordPolicy};

const UPPERCASE: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LOWERCASE: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
const NUMBERS: &[u8] = b"23456789";
/// Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html>
const SYMBOLS: &str = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- ";

/// Whose password it is: SRP hashes that too.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The part of the pool's id behind its region.
    pub pool: String,
    pub user: String,
    /// Where the vault has what is sealed of it.
    pub place: Vec<u8>,
}

/// What is kept of a password. Takes tenths of a second.
pub fn make(vault: &Vault, env: &Env, owner: &Owner, password: &str) -> Result<Password, Error> {
    let Hashed { hash, salt, memory_kib, passes } = Hashed::of(env, password).map_err(Error::internal)?;
    let mut srp_salt = [0; SALT_BYTES];
    env.random(&mut srp_salt);
    let verifier = srp::verifier(&owner.pool, &owner.user, password, &srp_salt);
    Ok(Password {
        hash,
        salt,
        memory_kib,
        passes,
        srp_salt: Bytes::copy_from_slice(&srp_salt),
        verifier: vault.seal(&owner.place, &verifier)?,
    })
}

/// Whether it is the password. Where there is none, it takes as long to say no.
pub fn check(kept: Option<&Password>, password: &str) -> Result<bool, Error> {
    let Some(kept) = kept else {
        auth::password::hash_in_vain(password).map_err(Error::internal)?;
        return Ok(false);
    };
    let hashed =
        Hashed { hash: kept.hash.clone(), salt: kept.salt.clone(), memory_kib: kept.memory_kib, passes: kept.passes };
    hashed.is_of(password).map_err(Error::internal)
}

/// # Errors
/// The first rule of the policy that it breaks.
pub fn check_policy(policy: &PasswordPolicy, password: &str) -> Result<(), Error> {
    let has = |is: fn(char) -> bool| password.chars().any(is);
    let is_long = u32::try_from(password.chars().count()).is_ok_and(|length| length >= policy.minimum_length);
    let rules = [
        (is_long, "Password not long enough"),
        (!policy.uppercase || has(|c| c.is_ascii_uppercase()), "Password must have uppercase characters"),
        (!policy.lowercase || has(|c| c.is_ascii_lowercase()), "Password must have lowercase characters"),
        (!policy.numbers || has(|c| c.is_ascii_digit()), "Password must have numeric characters"),
        (!policy.symbols || has(|c| SYMBOLS.contains(c)), "Password must have symbol characters"),
    ];
    match rules.iter().find(|(kept, _)| !kept) {
        Some((_, broken)) => Err(Error::InvalidPassword((*broken).into())),
        None => Ok(()),
    }
}

/// A password that the policy takes, for an administrator to give away.
pub fn temporary(env: &Env, policy: &PasswordPolicy) -> String {
    let length = usize::try_from(policy.minimum_length).unwrap_or_default().max(12);
    let all = [UPPERCASE, LOWERCASE, NUMBERS].concat();
    let mut text = random_text(env, &all, length - 4);
    for kind in [UPPERCASE, LOWERCASE, NUMBERS, b"!#%&*+-=?@"] {
        text.push_str(&random_text(env, kind, 1));
    }
    text
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let env = Env::simulated(1, Timestamp::ZERO);
        let (vault, owner) = (Vault::in_memory(&env), Owner { pool: "p".into(), user: "u".into(), place: Vec::new() });
        let kept = make(&vault, &env, &owner, "Right-1").unwrap();
        assert!(check(Some(&kept), "Right-1").unwrap());
        assert!(!check(Some(&kept), "Wrong-1").unwrap() && !check(None, "Right-1").unwrap());
        let again = make(&vault, &env, &owner, "Right-1").unwrap();
        assert!(kept.hash != again.hash && kept.verifier != again.verifier, "each has salts of its own");
    }

    #[test]
    fn each_rule_of_a_policy_is_kept() {
        let policy = PasswordPolicy::default();
        for (password, broken) in [
            ("Aa1-", "not long enough"),
            ("abcdefg1-", "uppercase"),
            ("ABCDEFG1-", "lowercase"),
            ("Abcdefgh-", "numeric"),
            ("Abcdefgh1", "symbol"),
        ] {
            let told = check_policy(&policy, password).unwrap_err().to_string();
            assert!(told.contains(broken), "{password}: {told}");
        }
        check_policy(&policy, "Abcdefg1-").unwrap();
        let env = Env::simulated(1, Timestamp::ZERO);
        for _ in 0..100 {
            check_policy(&policy, &temporary(&env, &policy)).unwrap();
        }
    }
}
