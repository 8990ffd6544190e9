//! The programs that load functions, on disk for the interpreters.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

const PYTHON_BOOTSTRAP: &str = include_str!("../../../runtimes/python/bootstrap.py");
const PYTHON_ZYGOTE: &str = include_str!("../../../runtimes/python/cloudlet_zygote.py");
const PYTHON_HOOKS: &str = include_str!("../../../runtimes/python/snapshot_restore_py.py");
const NODE_BOOTSTRAP: &str = include_str!("../../../runtimes/node/bootstrap.mjs");
const NODE_COMPILED: &str = include_str!("../../../runtimes/node/compiled.mjs");

/// Writes the bootstraps into the cache and gives their folder, which is named by what they say.
pub(crate) fn write_bootstraps(cache: &Path) -> std::io::Result<PathBuf> {
    let files = [
        ("bootstrap.py", PYTHON_BOOTSTRAP),
        ("cloudlet_zygote.py", PYTHON_ZYGOTE),
        ("snapshot_restore_py.py", PYTHON_HOOKS),
        ("bootstrap.mjs", NODE_BOOTSTRAP),
        ("compiled.mjs", NODE_COMPILED),
    ];
    let digest = files.iter().fold(Sha256::new(), |digest, (_, text)| digest.chain_update(text));
    let name: String = hex::encode(digest.finalize()).chars().take(16).collect();
    let folder = cache.join("bootstrap").join(name);
    std::fs::create_dir_all(&folder)?;
    for (name, text) in files {
        let (path, partial) = (folder.join(name), folder.join(format!("{name}.{}", std::process::id())));
        if std::fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            continue;
        }
        std::fs::write(&partial, text)?;
        std::fs::rename(&partial, &path)?;
    }
    Ok(folder)
}
