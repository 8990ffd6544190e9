//! Elliptic curves: ECDSA and ECDH.

use base::Env;
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use rsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use vault::{Randomness, Zeroizing};

use super::{Material, damaged};
use crate::error::Error;
use crate::spec::Spec;

/// The same for each curve, whose libraries have the same names.
macro_rules! on_curve {
    ($spec:expr, $curve:ident => $do:expr) => {
        match $spec {
            Spec::P256 => {
                use p256 as $curve;
                $do
            }
            Spec::P384 => {
                use p384 as $curve;
                $do
            }
            Spec::P521 => {
                use p521 as $curve;
                $do
            }
            Spec::K256 => {
                use k256 as $curve;
                $do
            }
            _ => Err(Error::unsupported()),
        }
    };
}

pub fn generate(spec: Spec, env: &Env) -> Result<Material, Error> {
    on_curve!(spec, curve => {
        let key = curve::SecretKey::generate_from_rng(&mut Randomness(env));
        let der = key.to_pkcs8_der().map_err(|error| damaged(&error))?;
        Ok(Zeroizing::new(der.as_bytes().to_vec()))
    })
}

pub fn public_key(spec: Spec, material: &[u8]) -> Result<Vec<u8>, Error> {
    on_curve!(spec, curve => {
        let key = curve::SecretKey::from_pkcs8_der(material).map_err(|error| damaged(&error))?;
        let der = key.public_key().to_public_key_der().map_err(|error| damaged(&error))?;
        Ok(der.as_bytes().to_vec())
    })
}

/// In DER.
pub fn sign(spec: Spec, material: &[u8], digest: &[u8]) -> Result<Vec<u8>, Error> {
    on_curve!(spec, curve => {
        let key = curve::SecretKey::from_pkcs8_der(material).map_err(|error| damaged(&error))?;
        let key = curve::ecdsa::SigningKey::from(key);
        let signature: curve::ecdsa::Signature = key.sign_prehash(digest).map_err(|error| damaged(&error))?;
        Ok(signature.to_der().as_bytes().to_vec())
    })
}

pub fn verify(spec: Spec, material: &[u8], digest: &[u8], signature: &[u8]) -> Result<bool, Error> {
    on_curve!(spec, curve => {
        let key = curve::SecretKey::from_pkcs8_der(material).map_err(|error| damaged(&error))?;
        let key = curve::ecdsa::VerifyingKey::from(key.public_key());
        let Ok(signature) = curve::ecdsa::Signature::from_der(signature) else { return Ok(false) };
        // Of the two forms of each signature one library makes only the one, and takes only that.
        Ok(key.verify_prehash(digest, &signature.normalize_s()).is_ok())
    })
}

/// What both parties of a key agreement know.
///
/// # Errors
/// `ValidationException` when the other's public key is none of this curve.
pub fn shared_secret(spec: Spec, material: &[u8], other: &[u8]) -> Result<Material, Error> {
    on_curve!(spec, curve => {
        let key = curve::SecretKey::from_pkcs8_der(material).map_err(|error| damaged(&error))?;
        let other = curve::PublicKey::from_public_key_der(other).map_err(|_| Error::Validation(String::new()))?;
        let secret = key.diffie_hellman(&other);
        Ok(Zeroizing::new(secret.raw_secret_bytes().to_vec()))
    })
}
