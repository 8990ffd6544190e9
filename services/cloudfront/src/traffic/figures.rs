//! What is counted of requests, since the start.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cache::Cache;

/// What an answer was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Cache,
    /// The cache, after the origin said that nothing has changed.
    Confirmed,
    Origin,
    /// An error, whoever made it.
    Error,
}

impl From {
    /// As `X-Cache` says it.
    pub fn text(self) -> &'static str {
        match self {
            From::Cache => "Hit from cloudfront",
            From::Confirmed => "RefreshHit from cloudfront",
            From::Origin => "Miss from cloudfront",
            From::Error => "Error from cloudfront",
        }
    }
}

#[derive(Default)]
pub struct Figures {
    hits: AtomicU64,
    misses: AtomicU64,
    errors: AtomicU64,
    hit_bytes: AtomicU64,
    bytes: AtomicU64,
    fetches: AtomicU64,
    images: AtomicU64,
}

fn get(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

impl Figures {
    /// Counts an answer whose body has `bytes`, where that is known.
    pub fn count(&self, from: From, bytes: Option<usize>) {
        let counter = match from {
            From::Cache | From::Confirmed => &self.hits,
            From::Origin => &self.misses,
            From::Error => &self.errors,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let bytes = bytes.unwrap_or(0) as u64;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if matches!(from, From::Cache | From::Confirmed) {
            self.hit_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Counts a request to an origin.
    pub fn fetched(&self) {
        self.fetches.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an image that was made of another.
    pub fn made(&self) {
        self.images.fetch_add(1, Ordering::Relaxed);
    }

    pub fn gauges(&self, cache: &Cache) -> Vec<(&'static str, &'static str, f64)> {
        let stats = cache.stats();
        vec![
            ("cloudlet_cdn_hits", "Answers of distributions out of the cache.", get(&self.hits)),
            ("cloudlet_cdn_misses", "Answers of distributions from origins.", get(&self.misses)),
            ("cloudlet_cdn_errors", "Answers of distributions that are errors.", get(&self.errors)),
            ("cloudlet_cdn_bytes", "Bytes of answers whose length was known.", get(&self.bytes)),
            ("cloudlet_cdn_hit_bytes", "Those of them out of the cache.", get(&self.hit_bytes)),
            ("cloudlet_cdn_fetches", "Requests to origins.", get(&self.fetches)),
            ("cloudlet_cdn_images", "Images made of others by the parameters of URLs.", get(&self.images)),
            ("cloudlet_cdn_objects", "Objects in the cache.", stats.objects as f64),
            ("cloudlet_cdn_memory_bytes", "Bytes that they take in memory.", stats.memory_bytes as f64),
            ("cloudlet_cdn_disk_bytes", "Bytes that they take on disk.", stats.disk_bytes as f64),
        ]
    }
}
