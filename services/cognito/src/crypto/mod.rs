//! What proves who somebody is: pure functions of their arguments and of randomness, and room for those that take long.

pub mod password;
pub mod srp;

pub use auth::totp;
use base::Env;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Random characters of `alphabet`, each as likely as another.
pub fn random_text(env: &Env, alphabet: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    // Bytes above the last whole multiple would make the first characters likelier.
    let bound = 256 - 256 % alphabet.len().max(1);
    while text.len() < length {
        let mut bytes = [0; 64];
        env.random(&mut bytes);
        let drawn = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < bound);
        let drawn = drawn.filter_map(|byte| alphabet.get(byte % alphabet.len())).map(|byte| char::from(*byte));
        text.extend(drawn.take(length - text.len()));
    }
    text
}

/// Random bytes as text that nobody can guess: 43 characters.
pub fn random_token(env: &Env) -> String {
    let mut bytes = [0; 32];
    env.random(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn sha256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA-256 of the parts, one after the other.
pub fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}
