//! Deployment packages: unpacking a zip file that nobody has vouched for.
//!
//! Nothing is written outside the folder: entries with a path that leaves it are refused, files are written before
//! any symbolic link exists, and links may only lead to places inside. Sizes are counted as bytes come out, not as
//! the archive states them.

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::error::Error;
use crate::limits::{ARCHIVE_DEPTH_MAX, ARCHIVE_ENTRIES_MAX, UNPACKED_BYTES_MAX};

/// Longest target of a symbolic link, in bytes: Linux's `PATH_MAX`.
const LINK_BYTES_MAX: u64 = 4_096;

/// Unpacks the archive that `zip` has into `folder`, which is there and empty. Everything in it becomes read-only (the folder itself stays
/// writable, for it could not be renamed otherwise); what the archive does not say about permissions is readable and
/// executable. Returns the unpacked size in bytes.
pub fn unpack(zip: impl Read + Seek, folder: &Path) -> Result<u64, Error> {
    unpack_up_to(Room { bytes: UNPACKED_BYTES_MAX, entries: ARCHIVE_ENTRIES_MAX }, zip, folder)
}

/// Bytes and entries that may come out.
#[derive(Clone, Copy)]
struct Room {
    bytes: u64,
    entries: usize,
}

fn unpack_up_to(room: Room, zip: impl Read + Seek, folder: &Path) -> Result<u64, Error> {
    let mut archive = ZipArchive::new(zip).map_err(|_| unreadable())?;
    if archive.is_empty() {
        return Err(Error::invalid("Uploaded file must be a non-empty zip"));
    }
    if archive.len() > room.entries {
        return Err(too_many(room.entries));
    }
    let mut unpacking =
        Unpacking { folder, room, left: room.bytes, files: 0, folders: HashSet::new(), links: Vec::new() };
    for index in 0..archive.len() {
        unpacking.entry(archive.by_index(index).map_err(|_| unreadable())?)?;
    }
    unpacking.make_links()?;
    let bytes = room.bytes - unpacking.left;
    protect(folder).map_err(failed)?;
    Ok(bytes)
}

struct Unpacking<'a> {
    folder: &'a Path,
    room: Room,
    /// Bytes that still may come out.
    left: u64,
    /// Files and links so far, and folders, whether they are entries or only in the paths of entries.
    files: usize,
    folders: HashSet<PathBuf>,
    /// Path and target.
    links: Vec<(PathBuf, PathBuf)>,
}

impl Unpacking<'_> {
    fn entry(&mut self, mut entry: ZipFile<'_, impl Read>) -> Result<(), Error> {
        let name = entry.enclosed_name().filter(|name| is_inside(name, Path::new(""))).ok_or_else(unreadable)?;
        let path = self.folder.join(&name);
        if entry.is_dir() {
            self.count(&name)?;
            return fs::create_dir_all(&path).map_err(unwritable);
        }
        self.files += 1;
        self.count(name.parent().unwrap_or(Path::new("")))?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(unwritable)?;
        }
        if entry.is_symlink() {
            let mut target = String::new();
            entry.take(LINK_BYTES_MAX).read_to_string(&mut target).map_err(|_| unreadable())?;
            self.links.push((name, target.into()));
            return Ok(());
        }
        let mut file = File::create(&path).map_err(unwritable)?;
        // One byte more than allowed shows that there is too much.
        let written = io::copy(&mut (&mut entry).take(self.left + 1), &mut file).map_err(|_| unreadable())?;
        self.left = self.left.checked_sub(written).ok_or_else(|| Error::unpacked_too_large(self.room.bytes))?;
        let mode = entry.unix_mode().map_or(0o555, |mode| mode & 0o555 | 0o444);
        file.set_permissions(Permissions::from_mode(mode)).map_err(failed)
    }

    /// Counts a folder and those above it, before they are made.
    fn count(&mut self, folder: &Path) -> Result<(), Error> {
        if folder.components().count() > ARCHIVE_DEPTH_MAX {
            return Err(Error::invalid(format!(
                "A deployment package may have up to {ARCHIVE_DEPTH_MAX} folders in each other."
            )));
        }
        let above = folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty());
        for folder in above {
            if !self.folders.insert(folder.to_owned()) {
                break;
            }
        }
        if self.files + self.folders.len() > self.room.entries { Err(too_many(self.room.entries)) } else { Ok(()) }
    }

    fn make_links(&self) -> Result<(), Error> {
        for (name, target) in &self.links {
            if !is_inside(target, name.parent().unwrap_or(Path::new(""))) {
                return Err(Error::invalid(format!(
                    "The package's symbolic link {} leads to {}, outside of the package.",
                    name.display(),
                    target.display()
                )));
            }
            symlink(target, self.folder.join(name)).map_err(unwritable)?;
        }
        Ok(())
    }
}

/// Whether a relative path, seen from `from`, stays inside. `..` may only come first: behind a name it could undo a
/// link that leads somewhere else.
fn is_inside(path: &Path, from: &Path) -> bool {
    let mut depth = from.components().count();
    let mut descended = false;
    for component in path.components() {
        match component {
            Component::ParentDir if descended || depth == 0 => return false,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => descended = true,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// Takes the right to write away from all folders inside, deepest first.
fn protect(folder: &Path) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(folder).min_depth(1).contents_first(true) {
        let entry = entry?;
        if entry.file_type().is_dir() {
            fs::set_permissions(entry.path(), Permissions::from_mode(0o555))?;
        }
    }
    Ok(())
}

/// Removes a folder that [`unpack`] has made, or has begun to make.
pub fn remove(folder: &Path) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(folder) {
        // What cannot be walked cannot be removed either: the error below tells.
        let Ok(entry) = entry else { break };
        if entry.file_type().is_dir() {
            fs::set_permissions(entry.path(), Permissions::from_mode(0o755))?;
        }
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn too_many(entries_max: usize) -> Error {
    Error::invalid(format!("A deployment package may have up to {entries_max} files and folders."))
}

fn unreadable() -> Error {
    Error::invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

/// The archive contradicts itself (a file where there is a folder), or the disk fails: told apart by the error.
fn unwritable(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::InvalidFilename
        | io::ErrorKind::InvalidInput
        // A file that an earlier entry of the same name has already written, read-only.
        | io::ErrorKind::PermissionDenied => unreadable(),
        _ => failed(error),
    }
}

fn failed(error: io::Error) -> Error {
    Error::Internal(format!("a deployment package cannot be unpacked: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use bytes::Bytes;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip(build: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Bytes {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        build(&mut writer);
        writer.finish().unwrap().into_inner().into()
    }

    fn file(writer: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, content: &[u8]) {
        writer.start_file(name, SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
        writer.write_all(content).unwrap();
    }

    fn link(writer: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, target: &str) {
        writer.add_symlink(name, target, SimpleFileOptions::default()).unwrap();
    }

    fn made(folder: &Path) -> PathBuf {
        fs::create_dir(folder).unwrap();
        folder.to_owned()
    }

    fn refused(zip: &Bytes) -> String {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("code");
        fs::create_dir(&inner).unwrap();
        let error = unpack(Cursor::new(zip), &inner).unwrap_err().to_string();
        remove(&inner).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something was written outside");
        error
    }

    #[test]
    fn files_folders_and_links_come_out_read_only() {
        let zip = zip(|zip| {
            file(zip, "handler.py", b"pass");
            file(zip, "lib/tool.js", b"tool");
            link(zip, "bin/tool", "../lib/tool.js");
        });
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unpack(Cursor::new(&zip), folder.path()).unwrap(), 8);
        assert_eq!(fs::read(folder.path().join("bin/tool")).unwrap(), b"tool");
        for path in ["handler.py", "lib", "lib/tool.js", "bin"] {
            let mode = fs::metadata(folder.path().join(path)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o555, "{path}");
        }
        remove(folder.path()).unwrap();
        assert!(!folder.path().exists());
    }

    #[test]
    fn what_leads_outside_is_refused() {
        let outside = "Could not unzip uploaded file. Please check your file, then try to upload again.";
        assert_eq!(refused(&zip(|zip| file(zip, "../x", b"x"))), outside);
        assert_eq!(refused(&zip(|zip| file(zip, "a/../../x", b"x"))), outside);
        for target in ["/etc", "../..", "a/../../..", "../code2"] {
            let error = refused(&zip(|zip| link(zip, "link", target)));
            assert!(error.starts_with("The package's symbolic link link leads to "), "{error}");
        }
        // A file below a link: the link is made last, so the file lands in a folder of that name.
        let error = refused(&zip(|zip| {
            link(zip, "link", "sub");
            file(zip, "link/x", b"x");
        }));
        assert_eq!(error, outside);
    }

    #[test]
    fn what_is_no_archive_or_too_large_is_refused() {
        assert!(refused(&Bytes::from_static(b"PK")).starts_with("Could not unzip"));
        assert_eq!(refused(&zip(|_| {})), "Uploaded file must be a non-empty zip");
        let contradiction = zip(|zip| {
            file(zip, "a", b"x");
            file(zip, "a/b", b"x");
        });
        assert!(refused(&contradiction).starts_with("Could not unzip"));
        let bomb = zip(|zip| file(zip, "zeros", &[0; 100_000]));
        assert!(bomb.len() < 1_000);
        let folder = tempfile::tempdir().unwrap();
        let room = |bytes| Room { bytes, entries: 1 };
        let error = unpack_up_to(room(99_999), Cursor::new(&bomb), folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "Unzipped size must be smaller than 99999 bytes");
        assert_eq!(fs::metadata(folder.path().join("zeros")).unwrap().len(), 100_000, "no more comes out than must");
        remove(folder.path()).unwrap();
        assert_eq!(unpack_up_to(room(100_000), Cursor::new(&bomb), &made(folder.path())).unwrap(), 100_000);
    }

    #[test]
    fn folders_are_counted_and_not_too_deep() {
        let deep = |folders| zip(|zip| file(zip, &format!("{}x", "d/".repeat(folders)), b"x"));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unpack(Cursor::new(deep(64)), &made(&folder.path().join("64"))).unwrap(), 1);
        let too_deep = "A deployment package may have up to 64 folders in each other.";
        assert_eq!(refused(&deep(65)), too_deep);
        assert_eq!(
            refused(&zip(|zip| zip.add_directory("d/".repeat(65), SimpleFileOptions::default()).unwrap())),
            too_deep
        );
        // Two files, and the four folders a, a/b, c, c/d.
        let package = zip(|zip| {
            file(zip, "a/b/x", b"x");
            file(zip, "c/d/x", b"x");
        });
        let room = |entries| Room { bytes: 10, entries };
        assert_eq!(unpack_up_to(room(6), Cursor::new(&package), &made(&folder.path().join("6"))).unwrap(), 2);
        let error = unpack_up_to(room(5), Cursor::new(&package), &made(&folder.path().join("5"))).unwrap_err();
        assert_eq!(error.to_string(), "A deployment package may have up to 5 files and folders.");
        remove(folder.path()).unwrap();
    }
}
