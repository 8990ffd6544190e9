//! Small files that only their owner may read: credentials and keys.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use crate::commands::sync_parent;

/// What a file holds, if it is there. `what` it is goes into errors: `the root credentials`.
pub fn read(path: &Path, what: &str) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{what} in {} cannot be read", path.display())),
    }
}

/// Writes a file, or replaces it, as a whole: after a crash it is there as it was, or as it is now.
pub fn write(path: &Path, what: &str, text: &str) -> anyhow::Result<()> {
    let mut fresh = path.to_owned().into_os_string();
    fresh.push(".new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        sync_parent(path)
    };
    write().with_context(|| format!("{what} cannot be written to {}", path.display()))
}
