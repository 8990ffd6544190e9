//! What Linux knows of this process, and what it can be asked to forget.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::{Advice, fadvise};

/// The most memory that this process has had, in MiB.
pub fn memory_most() -> anyhow::Result<f64> {
    Ok(field("/proc/self/status", "VmHWM:")? as f64 / 1024.0)
}

/// Bytes that this process has had written to disks.
pub fn written() -> anyhow::Result<u64> {
    field("/proc/self/io", "write_bytes:")
}

fn field(path: &str, name: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("{path} has no {name}"))
}

/// Has the operating system forget what it keeps of the files in `folder`: the next read of each comes from the disk.
pub fn forget(folder: &Path) -> anyhow::Result<()> {
    for path in crate::files(folder)? {
        let file = File::open(path)?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
