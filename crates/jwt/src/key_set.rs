//! The keys of an issuer (a JWKS), as it publishes them.

use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};

use crate::algorithm::Method;
use crate::{Algorithm, Error, json};

/// The largest set that is read, in bytes.
pub const KEY_SET_BYTES_MAX: usize = 256 * 1024;
/// The largest set that is read, in keys: issuers have two or three.
pub const KEYS_MAX: usize = 100;

/// The keys of an issuer that can verify a token.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    id: String,
    /// The only algorithm that it is for, where it says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The name of a curve, and an uncompressed point on it.
    Curve(String, Vec<u8>),
    Edwards(Vec<u8>),
}

impl KeySet {
    /// Reads `{"keys": [...]}`. Keys that are of other kinds, not for signatures, or without an id or another part are left out.
    ///
    /// # Errors
    /// When it is no such object, or there is too much of it.
    ///
    /// Source: RFC 7517, section 5.
    pub fn parse(text: &[u8]) -> Result<KeySet, Error> {
        if text.len() > KEY_SET_BYTES_MAX {
            return Err(Error::TooLarge);
        }
        let set = json::object(text, "the set of keys")?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(Error::Malformed("the set of keys"))?;
        if keys.len() > KEYS_MAX {
            return Err(Error::TooLarge);
        }
        Ok(KeySet { keys: keys.iter().filter_map(Value::as_object).filter_map(Key::read).collect() })
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a key with this id is there: where not, the issuer may have a new one.
    pub fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// Whether the key with this id signed these bytes.
    ///
    /// # Errors
    /// When there is no such key, it is not for this algorithm, or the signature is another one.
    pub(crate) fn verify(&self, id: &str, algorithm: Algorithm, bytes: &[u8], signature: &[u8]) -> Result<(), Error> {
        let key = self.keys.iter().find(|key| key.id == id).ok_or(Error::UnknownKey)?;
        if key.algorithm.as_deref().is_some_and(|own| own != algorithm.word()) {
            return Err(Error::Algorithm);
        }
        let verified = match (algorithm.method(), &key.material) {
            (Method::Rsa(method), Material::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(method, bytes, signature)
            }
            (Method::Curve(curve, method), Material::Curve(own, point)) if curve == own => {
                UnparsedPublicKey::new(method, point).verify(bytes, signature)
            }
            (Method::Edwards(method), Material::Edwards(point)) => {
                UnparsedPublicKey::new(method, point).verify(bytes, signature)
            }
            // A key of one kind is never taken for one of another.
            _ => return Err(Error::Algorithm),
        };
        verified.map_err(|_| Error::Signature)
    }
}

impl Key {
    /// A key; `None` where it is of no use here.
    fn read(key: &Map<String, Value>) -> Option<Key> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let bytes = |name: &str| json::decode(text(name)?, "a key").ok();
        if text("use").is_some_and(|used| used != "sig") || !may_verify(key) {
            return None;
        }
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa { n: bytes("n")?, e: bytes("e")? },
            ("EC", Some(curve @ ("P-256" | "P-384"))) => {
                // RFC 7518, section 6.2.1: coordinates have their full length; SEC 1, section 2.3.3: a point begins with 4.
                Material::Curve(curve.to_owned(), [vec![4], bytes("x")?, bytes("y")?].concat())
            }
            ("OKP", Some("Ed25519")) => Material::Edwards(bytes("x")?),
            _ => return None,
        };
        Some(Key { id: text("kid")?.to_owned(), algorithm: text("alg").map(str::to_owned), material })
    }
}

/// Source: RFC 7517, section 4.3.
fn may_verify(key: &Map<String, Value>) -> bool {
    match key.get("key_ops") {
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => false,
        None => true,
    }
}
