//! Which versions are to be loaded ahead of their first invocation: one at a time, and none that was superseded meanwhile.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

pub(crate) struct Warming {
    /// What is needed now goes first.
    turns: Semaphore,
    wanted: Mutex<HashSet<String>>,
}

impl Warming {
    pub fn new() -> Warming {
        Warming { turns: Semaphore::new(1), wanted: Mutex::default() }
    }

    /// False when it is already on the list.
    pub fn ask(&self, key: &str) -> bool {
        self.wanted().insert(key.into())
    }

    /// Takes a version from the list.
    pub fn retire(&self, key: &str) {
        self.wanted().remove(key);
    }

    /// Does the work when it is its turn, if that is still wanted. True when it has been done for nothing: the version was
    /// taken from the list meanwhile.
    pub async fn run(&self, key: &str, work: impl Future<Output = ()>) -> bool {
        let Ok(_turn) = self.turns.acquire().await else { return false };
        if !self.wanted().contains(key) {
            return false;
        }
        work.await;
        !self.wanted().remove(key)
    }

    fn wanted(&self) -> MutexGuard<'_, HashSet<String>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_nothing_that_is_gone() {
        let (warming, at_work, done) = (Warming::new(), Cell::new(0), Cell::new(0));
        let keys = ["a", "b", "c"];
        assert!(keys.iter().all(|key| warming.ask(key)) && !warming.ask("a"));
        warming.retire("b");
        let work = || async {
            at_work.set(at_work.get() + 1);
            assert_eq!(at_work.get(), 1);
            tokio::task::yield_now().await;
            at_work.set(0);
            done.set(done.get() + 1);
        };
        let outcomes = join_all(keys.map(|key| warming.run(key, work()))).await;
        assert_eq!((outcomes, done.get()), (vec![false; 3], 2));
        assert!(warming.ask("a"));
        assert!(warming.run("a", async { warming.retire("a") }).await);
    }
}
