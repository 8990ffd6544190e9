//! What functions said of whom, for as long as their authorizers keep it. In memory alone: after a start they are asked anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::Timestamp;
use sha2::{Digest, Sha256};

use super::Verdict;
use crate::limits;
use crate::types::authorizer::{Authorizer, Kind};

/// An API, a stage, and the hash of who was asked for: tokens are not kept.
type Key = (String, String, [u8; 32]);

#[derive(Default)]
pub struct Results(Mutex<HashMap<Key, (Timestamp, Arc<Verdict>)>>);

impl Results {
    /// What is kept under a key, unless its time is over.
    pub fn get(&self, key: &Key, now: Timestamp) -> Option<Arc<Verdict>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).filter(|(until, _)| *until > now).map(|(_, verdict)| verdict.clone())
    }

    pub fn put(&self, key: Key, now: Timestamp, until: Timestamp, verdict: Arc<Verdict>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= limits::AUTHORIZER_RESULTS_MAX {
            all.retain(|_, (until, _)| *until > now);
        }
        if all.len() >= limits::AUTHORIZER_RESULTS_MAX {
            // Whoever is asked for again costs one invocation.
            all.clear();
        }
        all.insert(key, (until, verdict));
    }

    /// Forgets everything of a stage.
    pub fn forget(&self, api: &str, stage: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(of_api, of_stage, _), _| of_api != api || of_stage != stage);
    }
}

/// The key for values of an authorizer as it is: one that is changed has none of what it said before.
pub fn key(api: &str, stage: &str, authorizer: &Authorizer, values: &[String]) -> Key {
    let uri = match &authorizer.kind {
        Kind::Token { uri, .. } | Kind::Request { uri, .. } => uri.as_str(),
        Kind::Pools { .. } | Kind::Jwt { .. } => "",
    };
    let mut hash = Sha256::new();
    let texts = [authorizer.id.as_str(), uri].into_iter();
    let texts =
        texts.chain(authorizer.identity_sources.iter().map(String::as_str)).chain(values.iter().map(String::as_str));
    for text in texts {
        // With its length, so that no two lists of texts are one.
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    (api.to_owned(), stage.to_owned(), hash.finalize().into())
}
