//! RSA: encryption with OAEP, signatures with PKCS #1 v1.5 and PSS, and taking in wrapped material.

use aes_kw::KwpAes256;
use aes_kw::cipher::KeyInit as _;
use base::Env;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{Oaep, Pkcs1v15Sign, PrivateKey, Pss};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use vault::{Randomness, Zeroizing};

use super::{Material, damaged};
use crate::error::Error;
use crate::spec::{Hash, hash_of};

fn read(material: &[u8]) -> Result<PrivateKey, Error> {
    PrivateKey::from_pkcs8_der(material).map_err(|error| damaged(&error))
}

pub fn generate(bits: usize, env: &Env) -> Result<Material, Error> {
    let key = PrivateKey::new(&mut Randomness(env), bits).map_err(|error| damaged(&error))?;
    let der = key.to_pkcs8_der().map_err(|error| damaged(&error))?;
    Ok(Zeroizing::new(der.as_bytes().to_vec()))
}

/// How long the key is; `None` where it is none.
pub fn bits(material: &[u8]) -> Option<usize> {
    let key = PrivateKey::from_pkcs8_der(material).ok()?;
    Some(key.size() * 8)
}

pub fn public_key(material: &[u8]) -> Result<Vec<u8>, Error> {
    let der = read(material)?.to_public_key().to_public_key_der().map_err(|error| damaged(&error))?;
    Ok(der.as_bytes().to_vec())
}

/// How much an algorithm can encrypt with a key of so many bits.
///
/// Source: RFC 8017, section 7.1.1.
pub fn plaintext_bytes_max(bits: usize, hash: Hash) -> usize {
    (bits / 8).saturating_sub(2 * super::digest_bytes(hash) + 2)
}

pub fn encrypt(material: &[u8], algorithm: &str, plaintext: &[u8], env: &Env) -> Result<Vec<u8>, Error> {
    let (key, random) = (read(material)?.to_public_key(), &mut Randomness(env));
    let encrypted = match hash_of(algorithm)? {
        Hash::Sha1 => key.encrypt(random, Oaep::<Sha1>::new(), plaintext),
        _ => key.encrypt(random, Oaep::<Sha256>::new(), plaintext),
    };
    encrypted.map_err(|error| damaged(&error))
}

pub fn decrypt(material: &[u8], algorithm: &str, ciphertext: &[u8], env: &Env) -> Result<Material, Error> {
    let (key, random) = (read(material)?, &mut Randomness(env));
    let decrypted = match hash_of(algorithm)? {
        Hash::Sha1 => key.decrypt_blinded(random, Oaep::<Sha1>::new(), ciphertext),
        _ => key.decrypt_blinded(random, Oaep::<Sha256>::new(), ciphertext),
    };
    decrypted.map(Zeroizing::new).map_err(|_| Error::InvalidCiphertext)
}

pub fn sign(material: &[u8], algorithm: &str, digest: &[u8], env: &Env) -> Result<Vec<u8>, Error> {
    let (key, random) = (read(material)?, &mut Randomness(env));
    let is_pss = algorithm.starts_with("RSASSA_PSS");
    let signed = match (is_pss, hash_of(algorithm)?) {
        (true, Hash::Sha384) => key.sign_with_rng(random, Pss::<Sha384>::new_blinded(), digest),
        (true, Hash::Sha512) => key.sign_with_rng(random, Pss::<Sha512>::new_blinded(), digest),
        (true, _) => key.sign_with_rng(random, Pss::<Sha256>::new_blinded(), digest),
        (false, Hash::Sha384) => key.sign_with_rng(random, Pkcs1v15Sign::new::<Sha384>(), digest),
        (false, Hash::Sha512) => key.sign_with_rng(random, Pkcs1v15Sign::new::<Sha512>(), digest),
        (false, _) => key.sign_with_rng(random, Pkcs1v15Sign::new::<Sha256>(), digest),
    };
    signed.map_err(|error| damaged(&error))
}

pub fn verify(material: &[u8], algorithm: &str, digest: &[u8], signature: &[u8]) -> Result<bool, Error> {
    let key = read(material)?.to_public_key();
    let is_pss = algorithm.starts_with("RSASSA_PSS");
    let verified = match (is_pss, hash_of(algorithm)?) {
        (true, Hash::Sha384) => key.verify(Pss::<Sha384>::new(), digest, signature),
        (true, Hash::Sha512) => key.verify(Pss::<Sha512>::new(), digest, signature),
        (true, _) => key.verify(Pss::<Sha256>::new(), digest, signature),
        (false, Hash::Sha384) => key.verify(Pkcs1v15Sign::new::<Sha384>(), digest, signature),
        (false, Hash::Sha512) => key.verify(Pkcs1v15Sign::new::<Sha512>(), digest, signature),
        (false, _) => key.verify(Pkcs1v15Sign::new::<Sha256>(), digest, signature),
    };
    Ok(verified.is_ok())
}

/// Key material out of its wrapping: `key` is the private half of the wrapping key. With `RSA_AES_KEY_WRAP_…` an AES key is
/// wrapped by RSA, and the material by that.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-encrypt-key-material.html>
pub fn unwrap(key: &[u8], algorithm: &str, wrapped: &[u8], env: &Env) -> Result<Material, Error> {
    if !algorithm.starts_with("RSA_AES_KEY_WRAP") {
        return decrypt(key, algorithm, wrapped, env);
    }
    let (aes, wrapped) = wrapped.split_at_checked(read(key)?.size()).ok_or(Error::InvalidCiphertext)?;
    let aes = decrypt(key, algorithm, aes, env)?;
    let aes = KwpAes256::new_from_slice(&aes).map_err(|_| Error::InvalidCiphertext)?;
    let mut material = Zeroizing::new(vec![0; wrapped.len()]);
    let length = aes.unwrap_key(wrapped, &mut material).map_err(|_| Error::InvalidCiphertext)?.len();
    material.truncate(length);
    Ok(material)
}
