//! Tokens of our own: signed with RS256, which every verifier knows.

use std::fmt;

use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde::Serialize;
use serde_json::{Value, json};

use crate::json::encode;
use crate::{Algorithm, Error};

/// A private RSA key, and the id that verifiers know it under.
pub struct SigningKey {
    id: String,
    key: KeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads a key of 2,048 to 4,096 bits in PKCS #8.
    ///
    /// # Errors
    /// When it is no such key.
    pub fn from_pkcs8(id: impl Into<String>, der: &[u8]) -> Result<SigningKey, Error> {
        let key = KeyPair::from_pkcs8(der).map_err(|_| Error::SigningKey)?;
        Ok(SigningKey { id: id.into(), key })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, as an entry of a set of keys.
    pub fn jwk(&self) -> Value {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.key.public());
        json!({
            "alg": Algorithm::Rs256.word(),
            "e": encode(public.e),
            "kid": self.id,
            "kty": "RSA",
            "n": encode(public.n),
            "use": "sig",
        })
    }
}

/// A token with these claims.
///
/// # Errors
/// When they are no JSON object, or the key cannot sign.
pub fn sign(key: &SigningKey, claims: &impl Serialize) -> Result<String, Error> {
    let header = json!({"kid": key.id, "alg": Algorithm::Rs256.word()});
    let claims = serde_json::to_value(claims).ok().filter(Value::is_object).ok_or(Error::Malformed("the claims"))?;
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let mut signature = vec![0; key.key.public().modulus_len()];
    key.key
        .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| Error::SigningKey)?;
    Ok(format!("{signed}.{}", encode(signature)))
}
