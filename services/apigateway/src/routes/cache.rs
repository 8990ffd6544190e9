//! Routes of deployments in memory. Deployments never change, so what is kept never goes stale.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::limits;

/// By API and deployment.
pub struct Cache<T>(Mutex<HashMap<(String, String), Arc<T>>>);

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache(Mutex::default())
    }
}

impl<T> Cache<T> {
    /// What is kept for a deployment; `make` is called when nothing is.
    pub fn get(&self, api: &str, deployment: &str, make: impl FnOnce() -> Result<T, Error>) -> Result<Arc<T>, Error> {
        let key = (api.to_owned(), deployment.to_owned());
        if let Some(kept) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(kept.clone());
        }
        let made = Arc::new(make()?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= limits::ROUTERS_CACHED_MAX {
            // Mostly deployments that are served no more. Those that are come back with their next request.
            all.clear();
        }
        all.insert(key, made.clone());
        Ok(made)
    }
}
