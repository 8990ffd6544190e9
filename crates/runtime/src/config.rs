//! How the runtime behaves, and what it does where nothing else is said.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::limits::PREBOOTED;
use crate::memory;

/// The part of the host's memory that stays free, where nothing else is configured.
const MEMORY_FREE_PART: u64 = 16;

/// How the runtime behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Interpreters' libraries and the bootstraps; may be shared by servers and outlives them.
    pub cache_dir: PathBuf,
    /// Folders of instances; this server's alone, emptied when it starts.
    pub run_dir: PathBuf,
    /// Whether functions are isolated from the host and from each other; a start fails where the host does not allow it.
    pub isolate: bool,
    /// Folders that no function may see, such as the server's data, wherever on the host they are.
    pub hidden: Vec<PathBuf>,
    /// Ports of this host's loopback addresses that isolated functions reach, besides this cloud's own.
    pub loopback_ports: Vec<u16>,
    /// Where interpreters are looked for, in the form of the PATH variable.
    pub search_path: OsString,
    /// Instances of all functions that may exist at once.
    pub instances_max: usize,
    /// Bytes of memory that the host shall have free: idle instances leave for them, those that have been idle longest first.
    pub memory_free_min: u64,
    /// How long an instance waits for another request before it leaves.
    pub idle_timeout: Duration,
    /// How long a zygote without instances stays after the last one has left. A start without it takes as long as the import.
    pub zygote_idle_timeout: Duration,
    /// Zygotes that are kept while they have no instances.
    pub zygotes_max: usize,
    /// Node processes that are started ahead of need, for each version of Node that functions use; in isolation, twice as many
    /// wait for programs. They leave when none was needed for as long as zygotes may be idle, and when memory is short.
    pub prebooted: usize,
    /// How long a request waits while as many instances exist as may, before it is throttled.
    pub queue_timeout: Duration,
}

impl Config {
    /// No isolation, the server's own PATH, and room for 200 instances that leave after five idle minutes.
    pub fn new(cache_dir: PathBuf, run_dir: PathBuf) -> Config {
        Config {
            cache_dir,
            run_dir,
            isolate: false,
            hidden: Vec::new(),
            loopback_ports: Vec::new(),
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            instances_max: 200,
            memory_free_min: memory::total_bytes() / MEMORY_FREE_PART,
            idle_timeout: Duration::from_secs(300),
            zygote_idle_timeout: Duration::from_secs(3600),
            zygotes_max: 64,
            prebooted: PREBOOTED,
            queue_timeout: Duration::from_secs(2),
        }
    }
}
