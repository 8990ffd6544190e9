//! The outside world as a value: what time it is, and randomness. Code that takes an [`Env`] can be run again
//! with the same answers, which is what deterministic tests and retried transactions need.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// A clock and a source of randomness. Cheap to clone; clones share both.
#[derive(Clone)]
pub struct Env(Arc<Source>);

enum Source {
    Real,
    Simulated { now: AtomicU64, random: Mutex<SplitMix64> },
}

impl Env {
    /// The host's clock and the operating system's randomness.
    pub fn real() -> Env {
        Env(Arc::new(Source::Real))
    }

    /// A clock that stands still until [`Env::advance`], and randomness that repeats for the same `seed`.
    pub fn simulated(seed: u64, now: Timestamp) -> Env {
        Env(Arc::new(Source::Simulated { now: AtomicU64::new(now.0), random: Mutex::new(SplitMix64(seed)) }))
    }

    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::Real => {
                let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
            }
            Source::Simulated { now, .. } => Timestamp(now.load(Ordering::SeqCst)),
        }
    }

    /// Moves a simulated clock forward. The real clock moves by itself: there this does nothing.
    pub fn advance(&self, by: Duration) {
        if let Source::Simulated { now, .. } = &*self.0 {
            now.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }

    /// Sets a simulated clock back.
    pub fn set_back(&self, by: Duration) {
        if let Source::Simulated { now, .. } = &*self.0 {
            now.fetch_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }

    /// Fills `bytes` with randomness fit for secrets (on a real [`Env`]).
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing can be made safe then.
    pub fn random(&self, bytes: &mut [u8]) {
        match &*self.0 {
            #[allow(clippy::expect_used, reason = "no secret can be made without the system's randomness")]
            Source::Real => getrandom::fill(bytes).expect("the operating system's random source failed"),
            Source::Simulated { random, .. } => {
                let mut random = random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
                }
            }
        }
    }

    pub fn random_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A random (version 4) UUID in its usual form of 36 characters.
    pub fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        self.random(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// `length` characters drawn evenly from `alphabet` (at most 256 ASCII characters).
    pub fn random_text(&self, alphabet: &[u8], length: usize) -> String {
        let fair = 256 - 256 % alphabet.len();
        let mut text = String::with_capacity(length);
        let mut bytes = [0; 64];
        while text.len() < length {
            self.random(&mut bytes);
            // Bytes past the last whole multiple of the alphabet would favour its first characters.
            let fair_bytes = bytes.iter().filter(|byte| usize::from(**byte) < fair);
            text.extend(
                fair_bytes
                    .take(length - text.len())
                    .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])),
            );
        }
        text
    }
}

/// Sebastiano Vigna's SplitMix64: small, fast, and good enough to drive a simulation.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_world_repeats() {
        let (a, b) = (Env::simulated(7, Timestamp(5)), Env::simulated(7, Timestamp(5)));
        assert_eq!((a.uuid(), a.random_u64()), (b.uuid(), b.random_u64()));
        a.advance(Duration::from_secs(1));
        assert_eq!(a.now(), Timestamp(1005));
        assert_eq!(a.random_text(b"ab", 100).len(), 100);
    }
}
