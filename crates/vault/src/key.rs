//! A key, and what it seals: short values, each under a key of its own that is derived from a salt.

use std::fmt;

use base::Env;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

use crate::Error;

pub const KEY_BYTES: usize = 32;
/// What sealing adds to a value, in bytes.
pub const OVERHEAD: usize = 1 + SALT_BYTES + NONCE_LEN + TAG_BYTES;

const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
pub(crate) const TAG_BYTES: usize = 16;

/// What keys are derived for. Each label is used once, so that no derived key has two uses.
pub(crate) const VALUE: &[u8] = b"cloudlet value ";
pub(crate) const BODY: &[u8] = b"cloudlet body ";
const FINGERPRINT: &[u8] = b"cloudlet fingerprint";

/// 32 secret bytes, overwritten when they are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    pub fn random(env: &Env) -> Key {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        env.random(&mut *bytes);
        Key(bytes)
    }

    /// `None` where it is not [`KEY_BYTES`] long.
    pub fn from_bytes(bytes: &[u8]) -> Option<Key> {
        Some(Key(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &*self.0
    }

    /// Tells keys apart, and nothing about them: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut text = hex::encode(*self.derive(FINGERPRINT, &[]));
        text.truncate(16);
        text
    }

    /// Seals a value for a place: version, salt, nonce, ciphertext, tag. AES-GCM must not use a nonce twice with one key: with
    /// 28 random bytes that decide on both, no number of values comes near that.
    ///
    /// # Errors
    /// [`Error::TooLong`] for many gigabytes.
    pub fn seal(&self, env: &Env, place: &[u8], value: &[u8]) -> Result<Vec<u8>, Error> {
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_LEN]);
        env.random(&mut salt);
        env.random(&mut nonce);
        let mut sealed = Vec::with_capacity(value.len() + OVERHEAD);
        sealed.push(VERSION);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(&nonce);
        let begin = sealed.len();
        sealed.extend_from_slice(value);
        let body = sealed.get_mut(begin..).unwrap_or_default();
        let tag =
            self.cipher(&salt)?.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), body);
        sealed.extend_from_slice(tag.map_err(|_| Error::TooLong)?.as_ref());
        Ok(sealed)
    }

    /// What was sealed for `place`.
    ///
    /// # Errors
    /// [`Error::Unopened`].
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (version, rest) = sealed.split_first().ok_or(Error::Unopened)?;
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(Error::Unopened)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Error::Unopened)?;
        let (body, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(Error::Unopened)?;
        if *version != VERSION {
            return Err(Error::Unopened);
        }
        let mut value = Zeroizing::new(body.to_vec());
        let opened = self.cipher(salt)?.open_in_place_separate_tag(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(place),
            Tag::from(*tag),
            &mut value,
            0..,
        );
        opened.map_err(|_| Error::Unopened)?;
        Ok(value)
    }

    fn cipher(&self, salt: &[u8]) -> Result<LessSafeKey, Error> {
        cipher(&self.derive(VALUE, salt))
    }

    /// A key for one use: HMAC-SHA256 over what it is for, as a key derivation function.
    ///
    /// Source: NIST SP 800-108, section 4.1, of which one block is needed.
    pub(crate) fn derive(&self, label: &[u8], of: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &*self.0));
        context.update(label);
        context.update(of);
        let tag = context.sign();
        let mut derived = Zeroizing::new([0; KEY_BYTES]);
        derived.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        derived
    }
}

pub(crate) fn cipher(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Error::TooLong)
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    #[test]
    fn a_value_opens_in_its_place_with_its_key_unchanged_and_not_otherwise() {
        let env = Env::simulated(1, Timestamp(0));
        let (key, other) = (Key::random(&env), Key::random(&env));
        let sealed = key.seal(&env, b"here", b"secret").unwrap();
        assert_eq!(sealed.len(), 6 + OVERHEAD);
        assert_eq!(&**key.open(b"here", &sealed).unwrap(), b"secret");
        assert!(key.open(b"there", &sealed).is_err() && other.open(b"here", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(b"here", &changed).is_err(), "byte {index}");
            assert!(key.open(b"here", &sealed[..index]).is_err(), "{index} bytes");
        }
        assert_ne!(key.seal(&env, b"here", b"secret").unwrap(), sealed);
        assert!(!format!("{key:?}").contains(&hex::encode(key.as_bytes())));
    }

    /// What is on disk opens for ever.
    #[test]
    fn golden_bytes() {
        let env = Env::simulated(7, Timestamp(0));
        let key = Key::from_bytes(&[7; KEY_BYTES]).unwrap();
        assert_eq!(key.fingerprint(), GOLDEN_FINGERPRINT);
        let sealed = key.seal(&env, b"place", b"value").unwrap();
        assert_eq!(hex::encode(&sealed), GOLDEN);
        assert_eq!(&**key.open(b"place", &hex::decode(GOLDEN).unwrap()).unwrap(), b"value");
    }

    const GOLDEN_FINGERPRINT: &str = "db6caf78e75840af";
    const GOLDEN: &str = "\
        01d70d3259e4e1cb631c663cf4d73c4c04022ab1ba804098e6\
        cb293e6749412fc1b0a9690006372d8d157f15cd5d2fc3b32f";
}
