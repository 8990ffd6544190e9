//! The host's memory: how much there is, how much is free, and how much shall stay so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Memory that the host shall have free. Clones are the same.
#[derive(Clone)]
pub(crate) struct Reserve(Arc<AtomicU64>);

impl Reserve {
    pub fn new(bytes: u64) -> Reserve {
        Reserve(Arc::new(bytes.into()))
    }

    pub fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Whether the host has less.
    pub fn is_touched(&self) -> bool {
        available_bytes().is_some_and(|available| available < self.0.load(Ordering::Relaxed))
    }
}

/// Bytes of memory that the host has; zero where it does not tell.
pub(crate) fn total_bytes() -> u64 {
    field("MemTotal:").unwrap_or(0)
}

/// Bytes that programs could take without others having to give some up; `None` where the host does not tell.
fn available_bytes() -> Option<u64> {
    field("MemAvailable:")
}

/// Source: proc_meminfo(5).
fn field(name: &str) -> Option<u64> {
    let memory = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
