//! Signing keys: a secret bound to one day, region and service by a chain of HMACs.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Scope, TERMINATOR};

/// What signs within one [`Scope`]. Deriving one costs four HMACs, so callers that see many requests of one key keep it.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl SigningKey {
    /// The signature of a string to sign, in hexadecimal.
    pub(super) fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(hmac(&self.0, string_to_sign))
    }

    /// Whether `signature` is that of a text: of a string to sign, or of a form's policy as it came.
    pub fn verifies(&self, text: &str, signature: &str) -> bool {
        self.sign(text).as_bytes().ct_eq(signature.as_bytes()).into()
    }
}

/// Derives the key that signs requests within `scope`.
pub fn signing_key(secret: &str, scope: &Scope) -> SigningKey {
    let date = hmac(format!("AWS4{secret}").as_bytes(), &scope.date);
    let region = hmac(&date, &scope.region);
    let service = hmac(&region, &scope.service);
    SigningKey(hmac(&service, TERMINATOR))
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    #[allow(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}
