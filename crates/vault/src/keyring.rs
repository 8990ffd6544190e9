//! The keyring: keys in the store, sealed with the master key, with which everything else is sealed.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Env, Timestamp};
use bytes::Bytes;
use kv::{Db, Order, Read, Table, Tx};
use serde::{Deserialize, Serialize};
use service::prefix;
use zeroize::Zeroizing;

use crate::{Error, Key};

/// By number.
const KEYRING: Table<u32, Sealed> = Table::new(prefix::KMS, 1);

/// A key of the ring, as the store has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sealed {
    key: Bytes,
    /// The fingerprint of the master key.
    master: String,
    made: Timestamp,
}
kv::stored!(Sealed, version = 1);

fn place(number: u32) -> Vec<u8> {
    format!("keyring/{number}").into_bytes()
}

/// Seals and opens values. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    env: Env,
    keys: BTreeMap<u32, Key>,
    /// The key that seals; the others only open.
    current: u32,
}

impl Vault {
    /// Opens the store's keyring with the one of the `masters` that it was sealed with; makes it, with the first of them, where
    /// there is none.
    ///
    /// # Errors
    /// [`Error::OtherMaster`], or when the store fails.
    pub async fn unlock(db: &Db, masters: &[Key], env: &Env) -> Result<Vault, Error> {
        if !is_sealed(db)? {
            let master = masters.first().ok_or(Error::NoMaster)?;
            let first = seal(env, master, 1, &Key::random(env), env.now())?;
            db.write(move |tx| KEYRING.put(tx, 1u32, &first)).await?;
        }
        let keys = open_all(&db.read()?, masters)?;
        let keys: BTreeMap<u32, Key> = keys.into_iter().map(|(number, key, _)| (number, key)).collect();
        let current = keys.last_key_value().map(|(number, _)| *number).ok_or(Error::NoMaster)?;
        Ok(Vault(Arc::new(Inner { env: env.clone(), keys, current })))
    }

    /// A vault whose key nobody keeps: for tests, and for clouds in memory.
    pub fn in_memory(env: &Env) -> Vault {
        Vault(Arc::new(Inner { env: env.clone(), keys: BTreeMap::from([(1, Key::random(env))]), current: 1 }))
    }

    /// Seals a value for a place. Each call gives another ciphertext, so it is made before a transaction, never inside.
    ///
    /// # Errors
    /// As of [`Key::seal`].
    pub fn seal(&self, place: &[u8], value: &[u8]) -> Result<Bytes, Error> {
        let Inner { env, keys, current } = &*self.0;
        let key = keys.get(current).ok_or(Error::NoMaster)?;
        let mut sealed = current.to_be_bytes().to_vec();
        sealed.extend_from_slice(&key.seal(env, place, value)?);
        Ok(sealed.into())
    }

    /// What was sealed for `place`.
    ///
    /// # Errors
    /// [`Error::Unopened`].
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (number, sealed) = sealed.split_first_chunk().ok_or(Error::Unopened)?;
        let key = self.0.keys.get(&u32::from_be_bytes(*number)).ok_or(Error::Unopened)?;
        key.open(place, sealed)
    }
}

/// Whether a store has a keyring, and so needs its master key.
///
/// # Errors
/// When the store fails.
pub fn is_sealed(db: &Db) -> Result<bool, Error> {
    Ok(KEYRING.scan(&db.read()?, Order::Forward)?.next().transpose()?.is_some())
}

/// Whether a store, if it has a keyring, opens with one of the `masters`.
///
/// # Errors
/// As of [`Vault::unlock`].
pub fn check(db: &Db, masters: &[Key]) -> Result<(), Error> {
    open_all(&db.read()?, masters).map(drop)
}

/// Changes the master key: seals the keyring with `new`, and a further key, which seals from now on. What the earlier ones
/// sealed they still open. Returns how many keys the ring has.
///
/// # Errors
/// [`Error::OtherMaster`] when none of `masters` opens it, or when the store fails.
pub async fn rewrap(db: &Db, masters: &[Key], new: &Key, env: &Env) -> Result<usize, Error> {
    let mut sealed = Vec::new();
    for (number, key, made) in open_all(&db.read()?, masters)? {
        sealed.push((number, seal(env, new, number, &key, made)?));
    }
    let next = sealed.last().map_or(1, |(number, _)| number.saturating_add(1));
    sealed.push((next, seal(env, new, next, &Key::random(env), env.now())?));
    let keys = sealed.len();
    let put = move |tx: &mut Tx| sealed.iter().try_for_each(|(number, row)| KEYRING.put(tx, *number, row));
    db.write(put).await?;
    Ok(keys)
}

fn seal(env: &Env, master: &Key, number: u32, key: &Key, made: Timestamp) -> Result<Sealed, Error> {
    let sealed = master.seal(env, &place(number), key.as_bytes())?;
    Ok(Sealed { key: sealed.into(), master: master.fingerprint(), made })
}

fn open_all(read: &impl Read, masters: &[Key]) -> Result<Vec<(u32, Key, Timestamp)>, Error> {
    let mut keys = Vec::new();
    for row in KEYRING.scan(read, Order::Forward)? {
        let (number, Sealed { key, master: wanted, made }) = row?;
        let Some(master) = masters.iter().find(|master| master.fingerprint() == wanted) else {
            return Err(Error::OtherMaster { wanted, given: given(masters) });
        };
        let key = master.open(&place(number), &key)?;
        keys.push((number, Key::from_bytes(&key).ok_or(Error::Unopened)?, made));
    }
    Ok(keys)
}

fn given(masters: &[Key]) -> String {
    let all: Vec<String> = masters.iter().map(Key::fingerprint).collect();
    if all.is_empty() { "none was given".into() } else { format!("{} was given", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use kv::Stored as _;

    use super::*;

    #[tokio::test]
    async fn a_store_opens_with_its_master_key_and_says_which_that_is() {
        let (db, env) = (Db::open(kv::Memory::default()), Env::simulated(1, Timestamp(0)));
        let (master, other, new) = (Key::random(&env), Key::random(&env), Key::random(&env));
        assert!(!is_sealed(&db).unwrap());
        let vault = Vault::unlock(&db, std::slice::from_ref(&master), &env).await.unwrap();
        assert!(is_sealed(&db).unwrap());
        let sealed = vault.seal(b"p", b"secret").unwrap();
        let again = Vault::unlock(&db, &[other.clone(), master.clone()], &env).await.unwrap();
        assert_eq!(&**again.open(b"p", &sealed).unwrap(), b"secret");
        assert!(again.open(b"q", &sealed).is_err());
        let refused = Vault::unlock(&db, std::slice::from_ref(&other), &env).await.err().unwrap().to_string();
        assert!(refused.contains(&master.fingerprint()) && refused.contains(&other.fingerprint()), "{refused}");

        assert_eq!(rewrap(&db, std::slice::from_ref(&master), &new, &env).await.unwrap(), 2);
        assert!(Vault::unlock(&db, &[master], &env).await.is_err(), "the old one is of no use any more");
        let rotated = Vault::unlock(&db, &[new], &env).await.unwrap();
        assert_eq!(&**rotated.open(b"p", &sealed).unwrap(), b"secret");
        let later = rotated.seal(b"p", b"secret").unwrap();
        assert!(vault.open(b"p", &later).is_err(), "what is sealed from now on is sealed with another key");
    }

    #[test]
    fn golden_bytes() {
        let sealed = Sealed { key: Bytes::from_static(&[1]), master: "m".into(), made: Timestamp(5) };
        assert_eq!(sealed.to_bytes().unwrap(), b"\x01\x83\xa3key\xc4\x01\x01\xa6master\xa1m\xa4made\x05".as_slice());
    }
}
