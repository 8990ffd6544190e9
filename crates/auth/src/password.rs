//! What is kept of passwords: Argon2id of them, which takes tenths of a second and memory on purpose.

use argon2::{Algorithm, Argon2, Params, Version};
use base::Env;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// Source: <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>
pub const MEMORY_KIB: u32 = 19_456;
pub const PASSES: u32 = 2;
pub const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A password that cannot be hashed: the numbers that its hash was made with are none.
#[derive(Debug, thiserror::Error)]
#[error("a password cannot be hashed: {0}")]
pub struct Unhashable(argon2::Error);

/// What a password is known again by. It may be stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hashed {
    pub hash: Bytes,
    pub salt: Bytes,
    pub memory_kib: u32,
    pub passes: u32,
}

impl Hashed {
    /// Of a password, with a salt of its own.
    ///
    /// # Errors
    /// When it cannot be hashed.
    pub fn of(env: &Env, password: &str) -> Result<Hashed, Unhashable> {
        let mut salt = [0; SALT_BYTES];
        env.random(&mut salt);
        let hash = hash(password, &salt, MEMORY_KIB, PASSES)?;
        Ok(Hashed {
            hash: Bytes::copy_from_slice(&hash),
            salt: Bytes::copy_from_slice(&salt),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
        })
    }

    /// Whether it is of this password.
    ///
    /// # Errors
    /// When the password cannot be hashed.
    pub fn is_of(&self, password: &str) -> Result<bool, Unhashable> {
        let hash = hash(password, &self.salt, self.memory_kib, self.passes)?;
        Ok(hash.as_slice().ct_eq(&self.hash).into())
    }
}

/// Takes as long as [`Hashed::is_of`], where there is nothing to compare with and nobody is to notice.
///
/// # Errors
/// When the password cannot be hashed.
pub fn hash_in_vain(password: &str) -> Result<(), Unhashable> {
    hash(password, &[0; SALT_BYTES], MEMORY_KIB, PASSES).map(drop)
}

fn hash(password: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Result<[u8; HASH_BYTES], Unhashable> {
    let params = Params::new(memory_kib, passes, 1, Some(HASH_BYTES)).map_err(Unhashable)?;
    let mut hash = [0; HASH_BYTES];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.as_bytes(), salt, &mut hash).map_err(Unhashable)?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other() {
        let env = Env::simulated(1, Timestamp::ZERO);
        let kept = Hashed::of(&env, "Right-1").unwrap();
        assert!(kept.is_of("Right-1").unwrap() && !kept.is_of("Wrong-1").unwrap());
        assert_ne!(kept.hash, Hashed::of(&env, "Right-1").unwrap().hash, "each has a salt of its own");
        assert!(Hashed { memory_kib: 0, ..kept }.is_of("Right-1").is_err());
    }
}
