//! Key material and what is done with it. Everything here is a pure function of its arguments and of randomness.

mod curve;
mod hash;
mod rsa;
mod symmetric;

pub use self::curve::shared_secret;
pub use self::hash::{digest, digest_bytes, mac};
pub use self::rsa::{plaintext_bytes_max, unwrap};
pub use self::symmetric::{Header, open, seal};

use base::Env;
use vault::Zeroizing;

use crate::error::Error;
use crate::spec::{Family, Spec};

/// Key material: a secret's bytes, or a private key in PKCS #8.
pub type Material = Zeroizing<Vec<u8>>;

/// Makes new material. RSA takes from tenths of a second to seconds.
pub fn generate(spec: Spec, env: &Env) -> Result<Material, Error> {
    match (spec.family(), spec.secret_bytes(), spec.rsa_bits()) {
        (Family::Curve, ..) => curve::generate(spec, env),
        (_, Some(bytes), _) => {
            let mut secret = Zeroizing::new(vec![0; bytes]);
            env.random(&mut secret);
            Ok(secret)
        }
        (_, None, Some(bits)) => rsa::generate(bits, env),
        (_, None, None) => Err(Error::Unsupported(format!("KeySpec {} is not supported.", spec.word()))),
    }
}

/// Whether somebody's material is a key of this kind.
pub fn check(spec: Spec, material: &[u8]) -> bool {
    match (spec.family(), spec.secret_bytes(), spec.rsa_bits()) {
        (Family::Curve, ..) => curve::public_key(spec, material).is_ok(),
        (_, Some(bytes), _) => material.len() == bytes,
        (_, None, Some(bits)) => rsa::bits(material) == Some(bits),
        (_, None, None) => false,
    }
}

/// The public half, as a SubjectPublicKeyInfo in DER.
pub fn public_key(spec: Spec, material: &[u8]) -> Result<Vec<u8>, Error> {
    match spec.family() {
        Family::Rsa => rsa::public_key(material),
        Family::Curve => curve::public_key(spec, material),
        Family::Symmetric | Family::Hmac => Err(Error::unsupported()),
    }
}

/// Signs a digest.
pub fn sign(spec: Spec, material: &[u8], algorithm: &str, digest: &[u8], env: &Env) -> Result<Vec<u8>, Error> {
    match spec.family() {
        Family::Rsa => rsa::sign(material, algorithm, digest, env),
        Family::Curve => curve::sign(spec, material, digest),
        Family::Symmetric | Family::Hmac => Err(Error::unsupported()),
    }
}

/// Whether a signature is of a digest.
pub fn verify(spec: Spec, material: &[u8], algorithm: &str, digest: &[u8], signature: &[u8]) -> Result<bool, Error> {
    match spec.family() {
        Family::Rsa => rsa::verify(material, algorithm, digest, signature),
        Family::Curve => curve::verify(spec, material, digest, signature),
        Family::Symmetric | Family::Hmac => Err(Error::unsupported()),
    }
}

/// Encrypts with an RSA key.
pub fn encrypt(material: &[u8], algorithm: &str, plaintext: &[u8], env: &Env) -> Result<Vec<u8>, Error> {
    rsa::encrypt(material, algorithm, plaintext, env)
}

/// Decrypts with an RSA key.
pub fn decrypt(material: &[u8], algorithm: &str, ciphertext: &[u8], env: &Env) -> Result<Material, Error> {
    rsa::decrypt(material, algorithm, ciphertext, env)
}

/// Material that cannot be read though it was stored as a key.
fn damaged(error: &dyn std::fmt::Display) -> Error {
    Error::Other(service::Error::internal(format_args!("key material cannot be read: {error}")))
}
