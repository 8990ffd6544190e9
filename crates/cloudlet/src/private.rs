//! Small files that only their owner may read, with errors that say what they are.

use std::path::Path;

use anyhow::Context as _;

/// What a file holds, if it is there. `what` it is goes into errors: `the root credentials`.
pub fn read(path: &Path, what: &str) -> anyhow::Result<Option<String>> {
    base::private::read(path).with_context(|| format!("{what} in {} cannot be read", path.display()))
}

/// Writes a file, or replaces it, as a whole: after a crash it is there as it was, or as it is now.
pub fn write(path: &Path, what: &str, text: &str) -> anyhow::Result<()> {
    base::private::write(path, text).with_context(|| format!("{what} cannot be written to {}", path.display()))
}
