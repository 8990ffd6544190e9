//! Which files belong to a package: all below a folder, then taken out and put back by patterns in order.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/guide/packaging>

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use globset::{GlobBuilder, GlobMatcher};
use sha2::{Digest, Sha256};
use walkdir::{DirEntry, WalkDir};

use super::{PackageError, Result, archive, io};

/// Bytes of a package unpacked.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const UNPACKED_BYTES_MAX: u64 = 250 << 20;

/// A folder and what of it to take. `!` in front of a pattern takes files out.
#[derive(Clone, Debug)]
pub struct Selection {
    pub root: PathBuf,
    pub patterns: Vec<String>,
    /// Patterns that have the last word: what only development needs.
    pub last: Vec<String>,
}

/// A file as it will be in the package.
#[derive(Debug, PartialEq, Eq)]
pub struct PackagedFile {
    pub path: PathBuf,
    pub size: u64,
    pub executable: bool,
    /// Nanoseconds since the Unix epoch.
    modified: u128,
}

/// Files by their names in the package, which orders them; or a zip that is there.
#[derive(Debug, Default)]
pub struct Selected {
    pub files: BTreeMap<String, PackagedFile>,
    is_zip: bool,
}

/// The files of all selections; of two with the same name the first counts.
pub fn select_all(selections: &[Selection]) -> Result<Selected> {
    let mut selected = Selected::default();
    for selection in selections {
        for (name, file) in select(selection)? {
            selected.files.entry(name).or_insert(file);
        }
    }
    Ok(selected)
}

struct Pattern {
    matcher: GlobMatcher,
    takes_out: bool,
    /// The folder that a pattern `folder/**` covers.
    folder: Option<String>,
}

fn compile(pattern: &str) -> Result<Pattern> {
    let (takes_out, glob) = match pattern.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let glob = glob.trim_start_matches("./");
    let built = GlobBuilder::new(glob).literal_separator(true).build();
    let matcher = built.map_err(|error| PackageError::Pattern { pattern: pattern.into(), error })?.compile_matcher();
    let folder = glob.strip_suffix("/**").filter(|folder| !folder.contains(['*', '?', '[', '{'])).map(str::to_string);
    Ok(Pattern { matcher, takes_out, folder })
}

fn select(selection: &Selection) -> Result<BTreeMap<String, PackagedFile>> {
    let patterns =
        selection.patterns.iter().chain(&selection.last).map(|pattern| compile(pattern)).collect::<Result<Vec<_>>>()?;
    let root = &selection.root;
    let walk =
        WalkDir::new(root).follow_links(true).into_iter().filter_entry(|entry| !is_pruned(entry, root, &patterns));
    let mut files = BTreeMap::new();
    for entry in walk {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(root).to_path_buf();
            io(&path, error.into())
        })?;
        let Some(name) = entry.file_type().is_file().then(|| name_in(&entry, root)).flatten() else { continue };
        let last = patterns.iter().rev().find(|pattern| pattern.matcher.is_match(&name));
        if last.is_none_or(|pattern| !pattern.takes_out) {
            files.insert(name, packaged_file(entry.path())?);
        }
    }
    Ok(files)
}

/// A folder that is taken out whole, with no pattern after that which could put some of it back, is not walked.
fn is_pruned(entry: &DirEntry, root: &Path, patterns: &[Pattern]) -> bool {
    let Some(name) = entry.file_type().is_dir().then(|| name_in(entry, root)).flatten() else { return false };
    let position = patterns.iter().rposition(|pattern| pattern.takes_out && pattern.folder.as_ref() == Some(&name));
    position.is_some_and(|position| patterns.iter().skip(position).all(|pattern| pattern.takes_out))
}

fn name_in(entry: &DirEntry, root: &Path) -> Option<String> {
    let relative = entry.path().strip_prefix(root).ok()?;
    let name = relative.to_str()?;
    (!name.is_empty()).then(|| name.to_string())
}

fn packaged_file(path: &Path) -> Result<PackagedFile> {
    let metadata = path.metadata().map_err(|error| io(path, error))?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let executable = metadata.permissions().mode() & 0o111 != 0;
    Ok(PackagedFile { path: path.to_path_buf(), size: metadata.len(), executable, modified: modified.as_nanos() })
}

impl Selected {
    /// A zip that was made by somebody else.
    pub fn zip(path: &Path) -> Result<Selected> {
        Ok(Selected { files: BTreeMap::from([(path.display().to_string(), packaged_file(path)?)]), is_zip: true })
    }

    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }

    pub fn check_size(&self, what: &str) -> Result<()> {
        if self.bytes() <= UNPACKED_BYTES_MAX {
            return Ok(());
        }
        let mut folders: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, file) in &self.files {
            *folders.entry(name.split('/').next().unwrap_or(name)).or_default() += file.size;
        }
        let mut folders: Vec<_> = folders.into_iter().collect();
        folders.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        let largest: Vec<String> =
            folders.iter().take(3).map(|(name, size)| format!("{name} ({} MiB)", size >> 20)).collect();
        let (mib, most) = (self.bytes() >> 20, UNPACKED_BYTES_MAX >> 20);
        Err(PackageError::TooLarge { what: what.into(), mib, most, largest: largest.join(", ") })
    }

    /// What changes when any file's name, size, time or mode does.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (name, file) in &self.files {
            let PackagedFile { path, size, executable, modified } = file;
            hash.update(format!("{name}\0{}\0{size}\0{executable}\0{modified}\0", path.display()));
        }
        hex::encode(hash.finalize())
    }

    pub fn archive(&self) -> Result<Vec<u8>> {
        match self.files.values().next().filter(|_| self.is_zip) {
            Some(zip) => std::fs::read(&zip.path).map_err(|error| io(&zip.path, error)),
            None => archive::zip(&self.files),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str], last: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["a.py", "b.md", "node_modules/x/i.js", "node_modules/dev/i.js", "docs/a.md", "docs/keep.md", ".git/HEAD"]
        {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        let own = |patterns: &[&str]| patterns.iter().map(|pattern| pattern.to_string()).collect();
        let selection = Selection { root: folder.path().to_path_buf(), patterns: own(patterns), last: own(last) };
        select_all(&[selection]).unwrap().files.into_keys().collect()
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let kept = names(&["!.git/**", "!docs/**", "docs/keep.md", "!*.md"], &["!node_modules/dev/**"]);
        assert_eq!(kept, ["a.py", "docs/keep.md", "node_modules/x/i.js"]);
        assert_eq!(names(&["!**", "*.py"], &[]), ["a.py"]);
        assert_eq!(names(&["!./docs/**", "!node_modules/**", "!.git/**"], &[]), ["a.py", "b.md"]);
    }

    #[test]
    fn links_that_lead_in_a_circle_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        let selection = Selection { root: folder.path().to_path_buf(), patterns: vec![], last: vec![] };
        assert!(matches!(select_all(&[selection]), Err(PackageError::Io { .. })));
    }
}
