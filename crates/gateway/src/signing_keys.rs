//! Signing keys that were derived before: deriving one costs four HMACs, and a client signs with the same one all day.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use auth::sigv4::{Scope, Signature, SigningKey};

/// When there are this many, the map starts anew.
const KEYS_MAX: usize = 4_096;

/// Keys by access key id and scope. Each is good for the secret that it was derived from and no other, so a key that
/// was deleted or replaced finds nothing here: whether an access key exists is asked elsewhere, for each request.
#[derive(Default)]
pub(crate) struct SigningKeys(Mutex<HashMap<(String, Scope), Kept>>);

struct Kept {
    secret: String,
    key: SigningKey,
}

impl SigningKeys {
    /// The key that `secret` gives for a signature's scope, if it was derived before.
    pub(crate) fn get(&self, signature: &Signature, secret: &str) -> Option<SigningKey> {
        let keys = self.lock();
        let kept = keys.get(&(signature.access_key_id.clone(), signature.scope.clone()));
        kept.filter(|kept| kept.secret == secret).map(|kept| kept.key.clone())
    }

    /// Keeps a key that has verified a signature. Others are not worth it: anybody can make up scopes.
    pub(crate) fn keep(&self, signature: &Signature, secret: &str, key: SigningKey) {
        let mut keys = self.lock();
        if keys.len() >= KEYS_MAX {
            keys.clear();
        }
        let place = (signature.access_key_id.clone(), signature.scope.clone());
        keys.insert(place, Kept { secret: secret.to_owned(), key });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, Scope), Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use auth::sigv4::{Payload, signing_key};
    use base::Timestamp;

    use super::*;

    fn signature(access_key_id: &str, region: &str) -> Signature {
        Signature {
            access_key_id: access_key_id.into(),
            scope: Scope::new(Timestamp(1_795_000_000_000), region, "sqs"),
            signed_headers: Vec::new(),
            signature: String::new(),
            timestamp: Timestamp(1_795_000_000_000),
            expires: None,
            session_token: None,
            in_query: false,
            payload: Payload::Undeclared,
        }
    }

    #[test]
    fn a_key_is_found_for_its_access_key_scope_and_secret_alone() {
        let (keys, made_for) = (SigningKeys::default(), signature("A", "us-east-1"));
        keys.keep(&made_for, "secret", signing_key("secret", &made_for.scope));
        assert!(keys.get(&made_for, "secret").is_some());
        assert!(keys.get(&made_for, "another secret").is_none());
        assert!(keys.get(&signature("B", "us-east-1"), "secret").is_none());
        assert!(keys.get(&signature("A", "eu-west-1"), "secret").is_none());
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let keys = SigningKeys::default();
        for number in 0..KEYS_MAX * 2 + 1 {
            let made_for = signature(&number.to_string(), "us-east-1");
            keys.keep(&made_for, "secret", signing_key("secret", &made_for.scope));
            assert!(keys.get(&made_for, "secret").is_some() && keys.lock().len() <= KEYS_MAX);
        }
    }
}
