//! A folder as a target, best on another disk or machine.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use base::Timestamp;
use tempfile::NamedTempFile;

use super::{Object, Target};

#[derive(Debug)]
pub struct Folder(PathBuf);

/// How the name of an object begins until it is whole.
const UNFINISHED: &str = ".unfinished";
const UNFINISHED_AGE_MIN: Duration = Duration::from_secs(24 * 60 * 60);

impl Folder {
    /// The folder need not be there until something is put there.
    pub fn new(path: PathBuf) -> Folder {
        Folder(path)
    }

    /// A file with `content`, durable but for its name, beside where `path` will be.
    fn write(&self, path: &Path, content: &mut dyn Read) -> io::Result<NamedTempFile> {
        let folder = path.parent().unwrap_or(&self.0);
        if !folder.is_dir() {
            make_folder(folder)?;
            for above in folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.0)) {
                File::open(above)?.sync_all()?;
            }
        }
        // A name of its own: two servers may archive to one folder.
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        io::copy(content, &mut file)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// An error with the place where it came up: what is told of an archive says which file system is full.
    fn failed(&self) -> impl FnOnce(io::Error) -> io::Error {
        let place = self.0.display().to_string();
        move |error| io::Error::new(error.kind(), format!("{place}: {error}"))
    }
}

fn sync_name(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

impl Target for Folder {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        let path = self.0.join(name);
        let mut put = || {
            self.write(&path, content)?.persist(&path)?;
            sync_name(&path)
        };
        put().map_err(self.failed())
    }

    fn create(&self, name: &str, mut content: &[u8]) -> io::Result<bool> {
        let path = self.0.join(name);
        let file = self.write(&path, &mut content).map_err(self.failed())?;
        match file.persist_noclobber(&path) {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            named => {
                named.map_err(io::Error::from).and_then(|_| sync_name(&path)).map(|()| true).map_err(self.failed())
            }
        }
    }

    fn get_from(&self, name: &str, from: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(self.0.join(name))?;
        file.seek(SeekFrom::Start(from))?;
        Ok(Box::new(file))
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<Object>> {
        let (mut objects, mut folders) = (Vec::new(), vec![prefix.trim_end_matches('/').to_owned()]);
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(self.0.join(&folder)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                match entry.file_type()?.is_dir() {
                    true => folders.push(path),
                    false if !name.starts_with(UNFINISHED) => match put_at(&entry) {
                        Ok(put) => objects.push(Object { name: path, put }),
                        // Deleted since.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    },
                    false => {}
                }
            }
        }
        objects.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(objects)
    }

    fn tidy(&self) -> io::Result<()> {
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                    let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
                    // Younger ones may be another server's, which is at it.
                    if age > UNFINISHED_AGE_MIN {
                        fs::remove_file(entry.path())?;
                    }
                }
            }
        }
        Ok(())
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn put_at(entry: &fs::DirEntry) -> io::Result<Timestamp> {
    let modified = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp(u64::try_from(modified.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::open;

    #[test]
    fn a_folder_keeps_what_is_put() {
        let folder = tempfile::tempdir().unwrap();
        let target = open(&folder.path().join("a").to_string_lossy()).unwrap();
        let names = |prefix: &str| {
            let objects = target.list(prefix).unwrap();
            objects.into_iter().map(|object| object.name).collect::<Vec<_>>()
        };
        assert!(names("").is_empty());
        for (name, content) in [("h/log/2", "two"), ("h/log/1", "one"), ("h/log/1", "uno"), ("h/base/1", "b")] {
            target.put(name, &mut content.as_bytes()).unwrap();
        }
        assert_eq!(names("h/log/"), ["h/log/1", "h/log/2"]);
        assert_eq!(names("").len(), 3);
        assert!(names("h/other/").is_empty() && target.get("h/log/3").is_err());
        assert_eq!(io::read_to_string(target.get("h/log/1").unwrap()).unwrap(), "uno");
        assert_eq!(io::read_to_string(target.get_from("h/log/1", 1).unwrap()).unwrap(), "no");
        assert!(!target.create("h/log/1", b"other").unwrap() && target.create("h/log/4", b"four").unwrap());
        assert_eq!(names("h/log/"), ["h/log/1", "h/log/2", "h/log/4"]);
        target.delete("h/log/4").unwrap();
        target.delete("h/log/1").unwrap();
        target.delete("h/log/1").unwrap();
        assert_eq!(names("h/log/"), ["h/log/2"]);
    }

    #[test]
    fn what_was_interrupted_long_ago_goes() {
        let folder = tempfile::tempdir().unwrap();
        let target = Folder::new(folder.path().to_owned());
        target.put("h/log/1", &mut &b"one"[..]).unwrap();
        let long_ago = std::time::SystemTime::now() - UNFINISHED_AGE_MIN - Duration::from_secs(60);
        for (name, time) in
            [("h/log/.unfinishedOld", Some(long_ago)), ("h/log/.unfinishedNew", None), ("h/log/2", Some(long_ago))]
        {
            let file = File::create(folder.path().join(name)).unwrap();
            time.map(|time| file.set_modified(time)).transpose().unwrap();
        }
        target.tidy().unwrap();
        let left = fs::read_dir(folder.path().join("h/log")).unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".unfinishedNew", "1", "2"]);
    }
}
