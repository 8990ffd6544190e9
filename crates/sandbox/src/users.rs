//! The users that a server run by root gives to its functions, a different one to each process: no two can touch each other,
//! and limits by user are limits of one function. Servers of one host each have a range of their own.

use std::fs::{DirBuilder, File};
use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::FlockOperation;

/// All of them. The numbers are beyond those that people, systems and containers use.
pub(crate) const ALL: Range<u32> = 2_000_000_000..2_100_000_000;

/// Users of one server. They come around again after as many starts.
const RANGE: u32 = 1 << 21;

/// Servers that have a range of their own.
const RANGES: u32 = (ALL.end - ALL.start) / RANGE;

/// Holds a file for each range, which the server locks that has it. Only root may be there.
const FOLDER: &str = "/run/cloudlet/users";

/// A range, and the lock that ends with this process.
struct Own {
    start: u32,
    _lock: Option<File>,
}

/// A user that no other process of this host's functions has.
pub(crate) fn next() -> u32 {
    static OWN: OnceLock<Own> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = OWN.get_or_init(|| own(Path::new(FOLDER)));
    own.start + NEXT.fetch_add(1, Ordering::Relaxed) % RANGE
}

/// The first range that nobody has; without a place for locks, or when all are taken, one that probably nobody has.
fn own(folder: &Path) -> Own {
    let probable = std::process::id() % RANGES;
    let (number, lock) = match lock(folder) {
        Ok(Some((number, lock))) => (number, Some(lock)),
        Ok(None) => (probable, None),
        Err(error) => {
            tracing::debug!(%error, folder = %folder.display(), "functions of another server may have the same users");
            (probable, None)
        }
    };
    Own { start: ALL.start + number * RANGE, _lock: lock }
}

fn lock(folder: &Path) -> io::Result<Option<(u32, File)>> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for number in 0..RANGES {
        let file = File::options().create(true).truncate(false).write(true).open(folder.join(number.to_string()))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some((number, file))),
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Whether a user is that of one instance alone.
pub fn is_of_one_instance(user: u32) -> bool {
    ALL.contains(&user)
}

/// The loopback address that an instance with this user calls its own, so that two can serve the same port there. Instances
/// that share a user share the address of the host. The kernel has all of 127.0.0.0/8.
pub fn loopback_address(user: u32) -> Ipv4Addr {
    if !is_of_one_instance(user) {
        return Ipv4Addr::LOCALHOST;
    }
    let number = user - ALL.start;
    let [_, _, middle, low] = number.to_be_bytes();
    // Neither the first of them, which is the host's, nor the last, in which everybody is meant.
    let high = u8::try_from(1 + (number >> 16) % 254).unwrap_or(1);
    Ipv4Addr::new(127, high, middle, low)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn servers_have_ranges_of_their_own() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("users");
        let [first, second] = [(); 2].map(|()| own(&folder));
        assert_eq!([first.start, second.start], [ALL.start, ALL.start + RANGE]);
        drop(first);
        assert_eq!(own(&folder).start, ALL.start);
        // No folder can be made there.
        let unlocked = own(Path::new("/proc/none"));
        assert!(unlocked._lock.is_none() && ALL.contains(&(unlocked.start + RANGE - 1)));
    }

    #[test]
    fn instances_have_addresses_of_their_own() {
        assert_eq!(loopback_address(0), Ipv4Addr::LOCALHOST);
        let addresses = [0, 1, 256, 70_000, 254 << 16].map(|number| loopback_address(ALL.start + number).to_string());
        assert_eq!(addresses, ["127.1.0.0", "127.1.0.1", "127.1.1.0", "127.2.17.112", "127.1.0.0"]);
    }
}
