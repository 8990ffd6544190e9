//! Notices when a project's files are saved.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use crate::client::PROJECT_DATA;

/// Editors write a file in several steps, and version control many files: changes this close belong together.
const QUIET: Duration = Duration::from_millis(40);
/// Folders whose changes are no change of the project.
const IGNORED: [&str; 6] = [PROJECT_DATA, ".git", ".serverless", "node_modules", "__pycache__", ".venv"];

/// The end of files that are written while a project runs, such as a copy of our own output, and are no part of it.
const LOG: &str = "log";

/// Watches a folder and everything in it.
pub struct Watcher {
    changes: mpsc::UnboundedReceiver<()>,
    /// Whether a change has been seen and not yet told: waiting for quiet may be broken off, and begins again.
    pending: bool,
    _watcher: RecommendedWatcher,
}

impl Watcher {
    /// # Errors
    /// When the system has no more watches to give.
    pub fn new(folder: &Path) -> anyhow::Result<Watcher> {
        let (sender, changes) = mpsc::unbounded_channel();
        let root = folder.to_owned();
        let written = files_written_by_ourselves();
        let told = move |event: notify::Result<notify::Event>| {
            let relevant = event.is_ok_and(|event| {
                !matches!(event.kind, EventKind::Access(_))
                    && event.paths.iter().any(|path| is_source(&root, path) && !written.contains(path))
            });
            if relevant {
                // Nobody listens any more when the command ends.
                let _ = sender.send(());
            }
        };
        let mut watcher = notify::recommended_watcher(told).context("files cannot be watched")?;
        watcher
            .watch(folder, RecursiveMode::Recursive)
            .with_context(|| format!("{} cannot be watched", folder.display()))?;
        Ok(Watcher { changes, pending: false, _watcher: watcher })
    }

    /// Waits for a change, and then until nothing has changed for a moment. A wait that is broken off loses nothing.
    pub async fn changed(&mut self) {
        if !self.pending {
            self.next().await;
            self.pending = true;
        }
        while tokio::time::timeout(QUIET, self.next()).await.is_ok() {}
        self.pending = false;
    }

    async fn next(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Where our output goes when it is redirected to files: what we print about a deployment must not start the next.
fn files_written_by_ourselves() -> Vec<PathBuf> {
    ["/proc/self/fd/1", "/proc/self/fd/2"].iter().filter_map(|stream| std::fs::read_link(stream).ok()).collect()
}

fn is_source(root: &Path, path: &Path) -> bool {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let is_log = inside.extension().is_some_and(|extension| extension == LOG);
    !is_log && !inside.components().any(|part| IGNORED.iter().any(|ignored| part.as_os_str() == *ignored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn saving_is_noticed_and_our_own_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(PROJECT_DATA)).unwrap();
        let mut watcher = Watcher::new(folder.path()).unwrap();
        std::fs::write(folder.path().join("handler.py"), "x").unwrap();
        // Broken off while it waits for quiet, it still knows of the change.
        let broken_off = tokio::time::timeout(QUIET / 2, watcher.changed()).await;
        assert!(broken_off.is_err());
        watcher.changed().await;
        assert!(!is_source(folder.path(), &folder.path().join(PROJECT_DATA).join("store")));
        assert!(!is_source(folder.path(), &folder.path().join("out.log")));
        assert!(is_source(folder.path(), &folder.path().join("src/a.py")));
    }
}
