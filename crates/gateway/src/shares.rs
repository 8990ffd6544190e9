//! How many of something each has at once, so that nobody has all: requests of a caller, connections of an address.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is had, by whom.
pub(crate) struct Shares<K>(Arc<Mutex<HashMap<K, usize>>>);

impl<K> Clone for Shares<K> {
    fn clone(&self) -> Shares<K> {
        Shares(self.0.clone())
    }
}

impl<K> Default for Shares<K> {
    fn default() -> Shares<K> {
        Shares(Arc::default())
    }
}

impl<K> Shares<K> {
    fn all(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more; dropping it gives it back.
pub(crate) struct Share<K: Eq + Hash> {
    shares: Shares<K>,
    whose: K,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// One more for somebody who may have `most` at once; `None` when those are taken.
    pub fn take(&self, whose: &K, most: usize) -> Option<Share<K>> {
        let mut all = self.all();
        let taken = all.get(whose).copied().unwrap_or_default();
        (taken < most).then(|| self.count(&mut all, whose))
    }

    /// One more, however many there are.
    pub fn add(&self, whose: &K) -> Share<K> {
        self.count(&mut self.all(), whose)
    }

    fn count(&self, all: &mut HashMap<K, usize>, whose: &K) -> Share<K> {
        *all.entry(whose.clone()).or_default() += 1;
        Share { shares: self.clone(), whose: whose.clone() }
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut all = self.shares.all();
        if let Some(taken) = all.get_mut(&self.whose) {
            *taken -= 1;
            if *taken == 0 {
                all.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_does_not_keep_others_out_and_nothing_is_left_behind() {
        let shares = Shares::default();
        let first = shares.take(&"one", 2);
        let second = shares.take(&"one", 2);
        assert!(first.is_some() && second.is_some() && shares.take(&"one", 2).is_none());
        assert!(shares.take(&"other", 2).is_some());
        drop(first);
        assert!(shares.take(&"one", 2).is_some());
        drop(second);
        assert!(shares.all().is_empty());
        assert!(shares.take(&"one", 0).is_none() && shares.all().is_empty());
        let beyond = shares.add(&"one");
        assert!(shares.take(&"one", 1).is_none());
        drop(beyond);
        assert!(shares.take(&"one", 1).is_some());
    }
}
