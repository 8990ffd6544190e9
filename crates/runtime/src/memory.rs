//! The host's memory: how much there is, and how much is free.

/// Bytes of memory that the host has; zero where it does not tell.
pub(crate) fn total_bytes() -> u64 {
    field("MemTotal:").unwrap_or(0)
}

/// Bytes that programs could take without others having to give some up; `None` where the host does not tell.
pub(crate) fn available_bytes() -> Option<u64> {
    field("MemAvailable:")
}

/// Source: proc_meminfo(5).
fn field(name: &str) -> Option<u64> {
    let memory = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
