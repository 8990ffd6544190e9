//! Answers that are kept for the next who ask the same of a stage: in this process's memory, and not more than there is room for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::Timestamp;
use bytes::Bytes;
use http::Response;

use crate::limits;

/// The hash of what is asked.
pub type Key = [u8; 32];
/// An API and a stage of it.
type Place = (String, String);

/// The caches of all stages.
#[derive(Default)]
pub struct Caches(Mutex<State>);

#[derive(Default)]
struct State {
    kept: HashMap<Place, Cache>,
    /// Of stages with answers that are waited for: how often they have been forgotten meanwhile.
    waiting: HashMap<Place, Waiting>,
}

#[derive(Default)]
struct Waiting {
    answers: usize,
    forgotten: u64,
}

/// An answer that is waited for. Nothing is kept that was asked before its stage was forgotten.
pub struct Awaited<'c> {
    caches: &'c Caches,
    place: Place,
    forgotten: u64,
}

/// What one stage keeps, the longest unused first.
#[derive(Default)]
struct Cache {
    bytes: usize,
    entries: HashMap<Key, Entry>,
    /// By when they were used.
    used: BTreeMap<u64, Key>,
    uses: u64,
}

struct Entry {
    until: Timestamp,
    used: u64,
    bytes: usize,
    response: Response<Bytes>,
}

impl Caches {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a stage has kept under a key, unless its time is over.
    pub fn get(&self, api: &str, stage: &str, key: &Key, now: Timestamp) -> Option<Response<Bytes>> {
        let mut state = self.locked();
        let cache = state.kept.get_mut(&(api.to_owned(), stage.to_owned()))?;
        if cache.entries.get(key)?.until <= now {
            cache.remove(key);
            return None;
        }
        cache.use_again(key)
    }

    /// Says that an answer is asked for, which is to be kept.
    pub fn wait(&self, api: &str, stage: &str) -> Awaited<'_> {
        let place = (api.to_owned(), stage.to_owned());
        let mut state = self.locked();
        let waiting = state.waiting.entry(place.clone()).or_default();
        waiting.answers += 1;
        Awaited { caches: self, place, forgotten: waiting.forgotten }
    }

    /// Forgets all that a stage has kept, and what it waits for.
    pub fn forget(&self, api: &str, stage: &str) {
        self.forget_where(|(of, named)| of == api && named == stage);
    }

    /// The same for all stages of an API.
    pub fn forget_api(&self, api: &str) {
        self.forget_where(|(of, _)| of == api);
    }

    fn forget_where(&self, is_it: impl Fn(&Place) -> bool) {
        let mut state = self.locked();
        state.kept.retain(|place, _| !is_it(place));
        let waiting = state.waiting.iter_mut().filter(|(place, _)| is_it(place));
        waiting.for_each(|(_, waiting)| waiting.forgotten += 1);
    }
}

impl Awaited<'_> {
    /// Keeps the answer, in place of others where there is no room; one that is too large is not kept.
    pub fn keep(self, key: Key, until: Timestamp, response: Response<Bytes>) {
        let bytes = size(&response);
        let mut state = self.caches.locked();
        if state.waiting.get(&self.place).is_none_or(|waiting| waiting.forgotten != self.forgotten) {
            return;
        }
        if bytes > limits::CACHED_BYTES_MAX {
            // What was kept before is not the answer any more.
            state.kept.get_mut(&self.place).into_iter().for_each(|cache| cache.remove(&key));
            return;
        }
        state.kept.entry(self.place.clone()).or_default().put(key, until, bytes, response);
        while state.kept.values().map(|cache| cache.bytes).sum::<usize>() > limits::CACHE_BYTES_MAX {
            let largest = state.kept.values_mut().max_by_key(|cache| cache.bytes);
            largest.into_iter().for_each(Cache::remove_oldest);
        }
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        let mut state = self.caches.locked();
        if let Some(waiting) = state.waiting.get_mut(&self.place) {
            waiting.answers -= 1;
            if waiting.answers == 0 {
                state.waiting.remove(&self.place);
            }
        }
    }
}

impl Cache {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn use_again(&mut self, key: &Key) -> Option<Response<Bytes>> {
        let now = self.next_use();
        let entry = self.entries.get_mut(key)?;
        self.used.remove(&entry.used);
        self.used.insert(now, *key);
        entry.used = now;
        Some(entry.response.clone())
    }

    fn put(&mut self, key: Key, until: Timestamp, bytes: usize, response: Response<Bytes>) {
        self.remove(&key);
        let used = self.next_use();
        self.used.insert(used, key);
        self.entries.insert(key, Entry { until, used, bytes, response });
        self.bytes += bytes;
        while self.bytes > limits::CACHE_STAGE_BYTES_MAX {
            self.remove_oldest();
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.used.remove(&entry.used);
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }

    fn remove_oldest(&mut self) {
        match self.used.first_key_value().map(|(_, key)| *key) {
            Some(key) => self.remove(&key),
            // There is nothing, whatever was counted.
            None => self.bytes = 0,
        }
    }
}

/// What keeping an answer takes, in bytes.
fn size(response: &Response<Bytes>) -> usize {
    const ENTRY: usize = 512;
    const HEADER: usize = 64;
    let headers = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + HEADER);
    ENTRY + headers.sum::<usize>() + response.body().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize) -> Response<Bytes> {
        Response::new(vec![0; bytes].into())
    }

    fn key(number: u8) -> Key {
        [number; 32]
    }

    #[test]
    fn answers_are_kept_for_their_time() {
        let caches = Caches::default();
        caches.wait("a", "s").keep(key(1), Timestamp(10), of(3));
        let get = |api: &str, stage: &str, now| caches.get(api, stage, &key(1), Timestamp(now)).is_some();
        assert_eq!([get("a", "s", 9), get("a", "t", 9), get("b", "s", 9)], [true, false, false]);
        assert_eq!([get("a", "s", 10), get("a", "s", 9)], [false, false], "what is over is gone");
        caches.wait("a", "s").keep(key(1), Timestamp(10), of(3));
        caches.forget("a", "s");
        assert!(!get("a", "s", 9));
    }

    #[test]
    fn what_was_asked_before_its_stage_was_forgotten_is_not_kept() {
        let caches = Caches::default();
        let get = |api: &str, stage: &str| caches.get(api, stage, &key(1), Timestamp(0)).is_some();
        for forget in [|caches: &Caches| caches.forget("a", "s"), |caches: &Caches| caches.forget_api("a")] {
            let (before, elsewhere) = (caches.wait("a", "s"), caches.wait("b", "s"));
            forget(&caches);
            let after = caches.wait("a", "s");
            before.keep(key(1), Timestamp(1), of(3));
            assert!(!get("a", "s"));
            after.keep(key(1), Timestamp(1), of(3));
            elsewhere.keep(key(1), Timestamp(1), of(3));
            assert!(get("a", "s") && get("b", "s"));
        }
        assert!(caches.locked().waiting.is_empty(), "nothing is waited for any more");
        drop(caches.wait("a", "s"));
        assert!(caches.locked().waiting.is_empty());
        caches.forget_api("a");
        assert_eq!([get("a", "s"), get("b", "s")], [false, true]);
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let caches = Caches::default();
        let whole = limits::CACHED_BYTES_MAX - 512;
        let get = |number| caches.get("a", "s", &key(number), Timestamp(0)).is_some();
        let most = u8::try_from(limits::CACHE_STAGE_BYTES_MAX / limits::CACHED_BYTES_MAX).unwrap();
        (0..most).for_each(|number| caches.wait("a", "s").keep(key(number), Timestamp(1), of(whole)));
        assert!(get(0) && get(1));
        caches.wait("a", "s").keep(key(100), Timestamp(1), of(whole));
        assert_eq!([get(0), get(1), get(2), get(3), get(100)], [true, true, false, true, true]);
        // One that is too large takes away what it would replace, and nothing else.
        caches.wait("a", "s").keep(key(0), Timestamp(1), of(whole + 1));
        assert_eq!([get(0), get(1)], [false, true]);
    }

    #[test]
    fn all_stages_together_have_their_room() {
        let caches = Caches::default();
        let whole = limits::CACHED_BYTES_MAX - 512;
        for stage in 0..6 {
            let keep = |number| caches.wait("a", &stage.to_string()).keep(key(number), Timestamp(1), of(whole));
            (0..16).for_each(keep);
        }
        let state = caches.locked();
        assert_eq!(state.kept.values().map(|cache| cache.bytes).sum::<usize>(), limits::CACHE_BYTES_MAX);
        assert!(state.kept.values().all(|cache| cache.bytes > 0 && cache.entries.len() == cache.used.len()));
    }
}
