//! Session tokens: they carry their session, sealed with a key of this server, so that giving one out writes nothing
//! and an expired one leaves nothing behind.
//!
//! The secret that belongs to a token is derived from it and the server's key. So the token, which travels with every
//! request, does not reveal the secret, which never does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use kv::Stored;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::types::Session;

/// The length of a seal, in bytes.
const SEAL_BYTES: usize = 32;
/// Bytes of a secret, which make AWS's 40 characters of base64.
const SECRET_BYTES: usize = 30;

/// What is given to whoever opens a session.
pub struct Issued {
    pub secret: String,
    pub token: String,
}

/// Seals and opens tokens.
pub struct Sealer {
    key: [u8; 32],
}

impl Sealer {
    pub fn new(key: [u8; 32]) -> Sealer {
        Sealer { key }
    }

    pub fn issue(&self, session: &Session) -> Result<Issued, kv::Error> {
        let bytes = session.to_bytes()?;
        let token = STANDARD.encode([&self.derive("seal", &bytes)[..], &bytes].concat());
        Ok(Issued { secret: self.secret(&bytes), token })
    }

    /// The session of a token and its secret; `None` when this server did not seal it.
    pub fn open(&self, token: &str) -> Option<(Session, String)> {
        let bytes = Bytes::from(STANDARD.decode(token).ok()?);
        let (seal, session) = bytes.split_at_checked(SEAL_BYTES)?;
        if !bool::from(self.derive("seal", session).ct_eq(seal)) {
            return None;
        }
        let secret = self.secret(session);
        Some((Session::from_bytes(&bytes.slice(SEAL_BYTES..)).ok()?, secret))
    }

    fn secret(&self, session: &[u8]) -> String {
        let derived = self.derive("secret", session);
        STANDARD.encode(derived.get(..SECRET_BYTES).unwrap_or_default())
    }

    fn derive(&self, purpose: &str, session: &[u8]) -> [u8; 32] {
        #[allow(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of every length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(session);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;
    use crate::types::Subject;

    #[test]
    fn only_its_own_tokens_open() {
        let sealer = Sealer::new([7; 32]);
        let subject = Subject::User { name: "ann".into(), id: "AIDA".into() };
        let (issued, expires) = (Timestamp(1), Timestamp(2));
        let session = Session { access_key_id: "ASIA".into(), issued, expires, subject, facts: None };
        let issued = sealer.issue(&session).unwrap();
        assert_eq!(issued.secret.len(), 40);
        assert_eq!(sealer.open(&issued.token), Some((session.clone(), issued.secret.clone())));
        assert!(Sealer::new([8; 32]).open(&issued.token).is_none());
        for at in 0..issued.token.len() {
            let mut bytes = issued.token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // Bits of the last character may be padding.
            assert!(sealer.open(&changed).is_none_or(|(same, _)| same == session && at + 4 > changed.len()), "{at}");
        }
        for garbage in ["", "AAAA", "not base64"] {
            assert!(sealer.open(garbage).is_none());
        }
    }
}
