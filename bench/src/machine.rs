//! What the numbers were measured on, and what its disk can do at best.

use std::fs::{self, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

use crate::load::{Latencies, Speed};

/// What one fdatasync of the disk's limit covers, and the file it goes through, in bytes.
const PAGE_BYTES: usize = 4096;
const FILE_PAGES: u64 = 1024;
const SYNC_TIME: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub cpu: String,
    pub memory_gib: f64,
    pub kernel: String,
    /// The file system and the device that data lies on.
    pub disk: String,
    /// The load average of the last minute, before anything is measured: more than a little spoils the numbers.
    pub load_average: f64,
    /// Writes of 4 KiB in place, each followed by fdatasync: no durable write can be faster, but many can share one.
    pub fdatasync_per_second: f64,
    pub fdatasync_p50_millis: f64,
    pub fdatasync_p99_millis: f64,
}

/// Describes this machine, and measures the disk that `folder` is on.
pub fn describe(folder: &Path) -> anyhow::Result<Machine> {
    let Speed { rate, latencies } = fdatasync(folder).context("fdatasync cannot be measured")?;
    let kilobytes: f64 = field("/proc/meminfo", "MemTotal").and_then(|text| number(&text)).unwrap_or_default();
    Ok(Machine {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
        memory_gib: kilobytes / f64::from(1 << 20),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        disk: disk(folder).unwrap_or_else(|| "an unknown disk".into()),
        load_average: fs::read_to_string("/proc/loadavg").ok().and_then(|text| number(&text)).unwrap_or_default(),
        fdatasync_per_second: rate,
        fdatasync_p50_millis: latencies.millis(0.5),
        fdatasync_p99_millis: latencies.millis(0.99),
    })
}

/// Of a process, in MiB.
pub struct Memory {
    /// Every page it has, shared ones too.
    pub resident: f64,
    /// The same, with shared pages divided among those who share them.
    pub proportional: f64,
}

/// # Errors
/// When there is no such process.
pub fn memory(process: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{process}/smaps_rollup");
    let mebibytes = |name: &str| {
        let kilobytes = field(&path, name).and_then(|text| number(&text));
        kilobytes.map(|kilobytes| kilobytes / 1024.0).with_context(|| format!("no {name} in {path}"))
    };
    Ok(Memory { resident: mebibytes("Rss")?, proportional: mebibytes("Pss")? })
}

/// What the files below `folder` take of the disk, in MiB.
pub fn disk_used(folder: &Path) -> anyhow::Result<f64> {
    let mut blocks = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => blocks += metadata.blocks(),
                // A server at work removes files.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    // Blocks of 512 bytes, whatever those of the file system are.
    Ok(blocks as f64 / 2048.0)
}

/// What is free on the disk of `folder`, in MiB.
pub fn disk_free(folder: &Path) -> anyhow::Result<f64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok((disk.f_bavail * disk.f_frsize) as f64 / f64::from(1 << 20))
}

/// The value of the first line `name: value` of a file.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let values = text.lines().filter_map(|line| line.split_once(':'));
    values.into_iter().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// The number that a text begins with.
fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// The mount with the longest path that `folder` is below.
fn disk(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (device, path, kind) = (words.next()?, words.next()?, words.next()?);
        folder.starts_with(path).then(|| (path.len(), format!("{kind} on {device}")))
    });
    mounts.max_by_key(|(length, _)| *length).map(|(_, disk)| disk)
}

/// What the disk that `folder` is on can sync, one write after the other.
pub fn fdatasync(folder: &Path) -> anyhow::Result<Speed> {
    let path = folder.join("fdatasync");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
    let page = [0x5a; PAGE_BYTES];
    for _ in 0..FILE_PAGES {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    let mut latencies = Latencies::new()?;
    let began = Instant::now();
    while began.elapsed() < SYNC_TIME {
        let write = Instant::now();
        file.seek(SeekFrom::Start(latencies.count() % FILE_PAGES * PAGE_BYTES as u64))?;
        file.write_all(&page)?;
        file.sync_data()?;
        latencies.record(write.elapsed());
    }
    let rate = latencies.count() as f64 / began.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok(Speed { rate, latencies })
}
