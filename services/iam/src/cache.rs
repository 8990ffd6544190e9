//! What was worked out from the store, kept for as long as the store has not changed: every entry carries the
//! generation of the data it came from, and is good for that generation alone.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::policy::{Policy, PolicyError};
use service::Credential;

use crate::access::Effective;
use crate::keys::Kind;

/// When a map has this many entries, it starts anew.
const ENTRIES_MAX: usize = 4_096;

#[derive(Default)]
pub struct Cache {
    credentials: Kept<String, Credential>,
    effective: Kept<(Kind, String), Arc<Effective>>,
    /// Documents by their text, which says all: they never go stale.
    policies: Kept<String, Policy>,
}

impl Cache {
    pub fn credential(&self, generation: u64, access_key_id: &str) -> Option<Credential> {
        self.credentials.get(generation, access_key_id)
    }

    pub fn keep_credential(&self, generation: u64, access_key_id: &str, credential: &Credential) {
        self.credentials.put(generation, access_key_id.into(), credential.clone());
    }

    pub fn effective(&self, generation: u64, kind: Kind, name: &str) -> Option<Arc<Effective>> {
        self.effective.get(generation, &(kind, name.to_owned()))
    }

    pub fn keep_effective(&self, generation: u64, kind: Kind, name: &str, effective: &Arc<Effective>) {
        self.effective.put(generation, (kind, name.to_owned()), effective.clone());
    }

    /// Reads a document, or remembers having read it.
    pub fn policy(&self, text: &str) -> Result<Policy, PolicyError> {
        if let Some(policy) = self.policies.get(0, text) {
            return Ok(policy);
        }
        let policy = Policy::parse(text)?;
        self.policies.put(0, text.into(), policy.clone());
        Ok(policy)
    }
}

struct Kept<K, V>(Mutex<HashMap<K, (u64, V)>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Kept(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    fn get<Q: Eq + Hash + ?Sized>(&self, generation: u64, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.lock().get(key).filter(|(kept, _)| *kept == generation).map(|(_, value)| value.clone())
    }

    fn put(&self, generation: u64, key: K, value: V) {
        let mut map = self.lock();
        if map.len() >= ENTRIES_MAX {
            map.clear();
        }
        map.insert(key, (generation, value));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (u64, V)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
