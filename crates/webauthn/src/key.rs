//! Public keys of authenticators, and what they sign.

use ciborium::Value;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::{Error, cbor};

/// The algorithms of keys that are taken, the best first: ES256, EdDSA and RS256.
///
/// Source: <https://www.iana.org/assignments/cose/cose.xhtml#algorithms>
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
/// The bytes that a modulus may have, which anybody can have us verify with: keys have 256 to 512.
const MODULUS_BYTES_MAX: usize = 512;

/// What names of members of a key mean. Source: RFC 9052, section 7.1, RFC 9053, section 7.1 and 7.2, and RFC 8230, section 4.
const KIND: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE_OR_MODULUS: i64 = -1;
const X_OR_EXPONENT: i64 = -2;
const Y: i64 = -3;

pub enum PublicKey {
    /// An uncompressed point on P-256.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// # Errors
    /// For another kind of key, or none.
    ///
    /// Source: section 5.8.5, which says which curve goes with which algorithm.
    pub fn read(cose: &[u8]) -> Result<PublicKey, Error> {
        let key = cbor::whole(cose)?;
        let number = |name: i64| {
            let found = cbor::numbered(&key, name).and_then(Value::as_integer);
            found.and_then(|number| i64::try_from(i128::from(number)).ok())
        };
        let bytes = |name: i64, length: std::ops::RangeInclusive<usize>| {
            let found = cbor::numbered(&key, name).and_then(Value::as_bytes);
            let found = found.filter(|bytes| length.contains(&bytes.len())).cloned();
            found.ok_or(Error::Malformed("a part of its key is not there, or too long"))
        };
        match (number(KIND), number(ALGORITHM), number(CURVE_OR_MODULUS)) {
            (Some(2), Some(ES256), Some(1)) => {
                Ok(PublicKey::P256([vec![4], bytes(X_OR_EXPONENT, 32..=32)?, bytes(Y, 32..=32)?].concat()))
            }
            (Some(1), Some(EDDSA), Some(6)) => Ok(PublicKey::Ed25519(bytes(X_OR_EXPONENT, 32..=32)?)),
            (Some(3), Some(RS256), None) => {
                let n = bytes(CURVE_OR_MODULUS, 256..=MODULUS_BYTES_MAX)?;
                Ok(PublicKey::Rsa { n, e: bytes(X_OR_EXPONENT, 1..=8)? })
            }
            _ => Err(Error::Algorithm),
        }
    }

    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        let verified = match self {
            PublicKey::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            PublicKey::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature),
            PublicKey::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.map_err(|_| Error::Signature)
    }
}
