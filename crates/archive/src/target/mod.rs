//! Where copies go: anything that can put, list and get by name.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Error, Result};

/// A place for objects, each under a name with slashes.
pub trait Target: Send + Sync {
    /// Puts `content` under `name`, over what was there: whole and durable when this returns, or not at all.
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()>;

    fn get(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;

    /// Every name that begins with `prefix`, which is empty or ends with a slash; in order.
    fn list(&self, prefix: &str) -> io::Result<Vec<String>>;
}

/// The target that `place` names: a folder, made when it is not there.
///
/// # Errors
/// [`Error::Unsupported`] for a bucket (`s3://`); when the folder cannot be used.
pub fn open(place: &str) -> Result<Arc<dyn Target>> {
    if place.contains("://") {
        return Err(Error::Unsupported(
            place.into(),
            "this version has no HTTP client with TLS, which buckets need. Name a folder: on another disk, or where a bucket is mounted",
        ));
    }
    let folder = Folder(PathBuf::from(place));
    make_folder(&folder.0).map_err(Error::io(format!("{place} cannot be used as an archive")))?;
    Ok(Arc::new(folder))
}

/// A folder, best on another disk or machine.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// How the name of an object begins until it is whole.
const UNFINISHED: &str = ".unfinished";

impl Target for Folder {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        let path = self.0.join(name);
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
        file.persist(&path)?;
        File::open(folder)?.sync_all()
    }

    fn get(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.0.join(name))?))
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<String>> {
        let (mut names, mut folders) = (Vec::new(), vec![prefix.trim_end_matches('/').to_owned()]);
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
                    false if !name.starts_with(UNFINISHED) => names.push(path),
                    false => {}
                }
            }
        }
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_what_is_put() {
        let folder = tempfile::tempdir().unwrap();
        let target = open(&folder.path().join("a").to_string_lossy()).unwrap();
        assert_eq!(target.list("").unwrap(), Vec::<String>::new());
        for (name, content) in [("h/log/2", "two"), ("h/log/1", "one"), ("h/log/1", "uno"), ("h/base/1", "b")] {
            target.put(name, &mut content.as_bytes()).unwrap();
        }
        assert_eq!(target.list("h/log/").unwrap(), ["h/log/1", "h/log/2"]);
        assert_eq!(target.list("").unwrap().len(), 3);
        assert!(target.list("h/other/").unwrap().is_empty() && target.get("h/log/3").is_err());
        assert_eq!(io::read_to_string(target.get("h/log/1").unwrap()).unwrap(), "uno");
    }

    #[test]
    fn a_bucket_is_refused_by_name() {
        let error = open("s3://bucket/path").err().unwrap().to_string();
        assert!(
            error.starts_with("'s3://bucket/path' cannot be archived to: this version has no HTTP client with TLS")
        );
    }
}
