//! What Node has compiled functions' code to, kept on disk for later starts.
//!
//! Bytes of compiled code are executed unseen, so they are kept for each function apart, even where functions share their
//! code, and an instance gives them before it sees a request: whoever could put something there is the author of the
//! function.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::function::FunctionSpec;
use crate::limits::COMPILED_TOTAL_BYTES_MAX;

/// The name of the file in a function's folder.
const FILE: &str = "code";

/// Letters of a hash in names of folders.
const HASH_LETTERS: usize = 32;

pub(crate) struct Compiled {
    dir: PathBuf,
    bytes_max: u64,
    partial: AtomicU64,
}

/// Where the compiled code of one function is, or will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub folder: PathBuf,
}

impl Place {
    pub fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

impl Compiled {
    pub fn new(dir: PathBuf) -> Compiled {
        Compiled { dir, bytes_max: COMPILED_TOTAL_BYTES_MAX, partial: AtomicU64::new(0) }
    }

    /// The place for a function's code, its layers, and what compiles them: `compiler` names that. Its folder is made.
    pub fn place(&self, spec: &FunctionSpec, compiler: &str) -> io::Result<Place> {
        let layers = spec.layers.iter().flat_map(|layer| [layer.as_os_str().as_encoded_bytes(), b"\0"]);
        let texts = [&spec.account, &spec.region, &spec.name, compiler];
        let texts = texts.into_iter().flat_map(|text: &str| [text.as_bytes(), b"\0"]);
        let name = format!("{}-{}", hash([spec.code.as_os_str().as_encoded_bytes()]), hash(texts.chain(layers)));
        let folder = self.dir.join(name);
        fs::create_dir_all(&folder)?;
        // Instances see it with users of their own.
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        let place = Place { folder };
        if let Ok(file) = File::open(place.file()) {
            let _ = file.set_modified(SystemTime::now());
        }
        Ok(place)
    }

    /// Keeps compiled code, and lets other code leave for it.
    pub fn keep(&self, place: &Place, code: &[u8]) -> io::Result<()> {
        let number = self.partial.fetch_add(1, Ordering::Relaxed);
        let partial = self.dir.join(format!("{}-{number}.partial", std::process::id()));
        fs::write(&partial, code)?;
        fs::set_permissions(&partial, Permissions::from_mode(0o644))?;
        let kept = fs::create_dir_all(&place.folder).and_then(|()| fs::rename(&partial, place.file()));
        if kept.is_err() {
            let _ = fs::remove_file(&partial);
        }
        kept?;
        self.make_room()
    }

    /// Removes what was compiled from the code in this folder, which is gone.
    pub fn forget(&self, code: &Path) -> io::Result<()> {
        let beginning = format!("{}-", hash([code.as_os_str().as_encoded_bytes()]));
        let Ok(entries) = fs::read_dir(&self.dir) else { return Ok(()) };
        let is_of_it = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&beginning);
        entries.flatten().filter(is_of_it).try_for_each(|entry| fs::remove_dir_all(entry.path()))
    }

    /// What has not been used for longest leaves.
    fn make_room(&self) -> io::Result<()> {
        let entries = fs::read_dir(&self.dir)?.flatten().filter_map(|entry| {
            let about = entry.path().join(FILE).metadata().ok()?;
            Some((about.modified().ok()?, about.len(), entry.path().join(FILE)))
        });
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = entries.collect();
        entries.sort();
        let mut bytes: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, file) in entries {
            if bytes <= self.bytes_max {
                break;
            }
            // The folder stays: an instance that is being started may be about to look into it.
            fs::remove_file(file)?;
            bytes -= size;
        }
        Ok(())
    }
}

fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let digest = parts.into_iter().fold(Sha256::new(), |digest, part| digest.chain_update(part));
    hex::encode(digest.finalize()).chars().take(HASH_LETTERS).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn spec(name: &str) -> FunctionSpec {
        FunctionSpec { name: name.into(), ..(*crate::pools::tests::spec("f", None)).clone() }
    }

    fn compiled(dir: &Path) -> Compiled {
        Compiled { bytes_max: 100, ..Compiled::new(dir.into()) }
    }

    #[test]
    fn functions_have_places_apart_even_for_the_same_code() {
        let dir = tempfile::tempdir().unwrap();
        let compiled = compiled(dir.path());
        let one = spec("one");
        let places = [
            (one.clone(), "node 20"),
            (one.clone(), "node 22"),
            (FunctionSpec { name: "two".into(), ..one.clone() }, "node 20"),
            (FunctionSpec { account: "111111111111".into(), ..one.clone() }, "node 20"),
            (FunctionSpec { layers: vec!["/layer".into()], ..one.clone() }, "node 20"),
        ];
        let folders: std::collections::HashSet<PathBuf> =
            places.iter().map(|(spec, compiler)| compiled.place(spec, compiler).unwrap().folder).collect();
        assert_eq!(folders.len(), places.len());
        let later = FunctionSpec { key: "another revision".into(), version: "7".into(), ..one };
        assert!(folders.contains(&compiled.place(&later, "node 20").unwrap().folder));
    }

    #[test]
    fn what_was_not_used_for_longest_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let compiled = compiled(dir.path());
        for (name, age) in [("a", 10), ("b", 20)] {
            let place = compiled.place(&spec(name), "").unwrap();
            compiled.keep(&place, &[0; 40]).unwrap();
            let then = SystemTime::now() - std::time::Duration::from_secs(age);
            File::open(place.file()).unwrap().set_modified(then).unwrap();
        }
        // It is used now, and so stays longer than the other.
        compiled.place(&spec("b"), "").unwrap();
        compiled.keep(&compiled.place(&spec("c"), "").unwrap(), &[0; 40]).unwrap();
        let kept = |name| fs::read(compiled.place(&spec(name), "").unwrap().file()).is_ok();
        assert_eq!([kept("a"), kept("b"), kept("c")], [false, true, true]);
    }

    #[test]
    fn it_leaves_with_the_code() {
        let dir = tempfile::tempdir().unwrap();
        let compiled = compiled(dir.path());
        let (one, other) = (spec("one"), FunctionSpec { code: "/other".into(), ..spec("one") });
        let places = [&one, &other].map(|spec| compiled.place(spec, "").unwrap());
        places.iter().for_each(|place| compiled.keep(place, b"x").unwrap());
        compiled.forget(&one.code).unwrap();
        assert_eq!(places.map(|place| place.file().exists()), [false, true]);
    }
}
