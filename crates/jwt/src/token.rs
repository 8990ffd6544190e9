//! A token as somebody sent it, and its way to claims that can be trusted.

use serde_json::{Map, Value};

use crate::{Algorithm, Claims, Error, KeySet, json};

/// The longest token that is read, in bytes: as much as servers take in headers.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A token in the compact form, of which nothing is trusted yet.
#[derive(Clone, Debug)]
pub struct Token<'a> {
    /// What is signed: the first two parts with their dot, as they were sent.
    signed: &'a str,
    signature: Vec<u8>,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// Reads `header.claims.signature`.
    ///
    /// # Errors
    /// When it is longer than [`TOKEN_BYTES_MAX`], or not three parts of the compact form.
    ///
    /// Source: RFC 7515, section 3.1 and 5.2.
    pub fn parse(text: &'a str) -> Result<Token<'a>, Error> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Error::TooLarge);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Error::Malformed("the token"))?;
        let (header, claims) = signed.split_once('.').ok_or(Error::Malformed("the token"))?;
        // A dot that is left in `claims` is not of base64's alphabet.
        Ok(Token {
            signed,
            signature: json::decode(signature, "the signature")?,
            header: json::object(&json::decode(header, "the header")?, "the header")?,
            claims: json::object(&json::decode(claims, "the claims")?, "the claims")?,
        })
    }

    /// The id of the key that it says it is signed with.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// What it claims, before anything is verified: to find the issuer's keys with, and nothing else.
    pub fn unverified_claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The claims, once one of `keys` is seen to have signed them with one of the algorithms `allowed`. Whether they are for this
    /// time and place, [`Claims::check`] tells.
    ///
    /// # Errors
    /// When the algorithm is not known or not allowed, the key is not one of these or is for another algorithm, extensions are
    /// critical, or the signature is wrong.
    pub fn verify(self, keys: &KeySet, allowed: &[Algorithm]) -> Result<Claims, Error> {
        if self.header.contains_key("crit") {
            return Err(Error::Critical);
        }
        let named = self.header.get("alg").and_then(Value::as_str).and_then(Algorithm::from_word);
        let algorithm = named.filter(|algorithm| allowed.contains(algorithm)).ok_or(Error::Algorithm)?;
        let id = self.key_id().ok_or(Error::UnknownKey)?;
        keys.verify(id, algorithm, self.signed.as_bytes(), &self.signature)?;
        Ok(Claims::new(self.claims))
    }
}
