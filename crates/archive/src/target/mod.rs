//! Where copies go: anything that can put, get, list and delete by name.

mod bucket;
mod folder;
mod patient;
mod settings;

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use base::Timestamp;

use crate::{Error, Result};

pub use folder::Folder;
pub use patient::Patient;
pub(crate) use patient::is_away;

/// How the address of a bucket begins.
const BUCKET: &str = "s3://";

/// An object's name, and when it was put there by the target's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub name: String,
    pub put: Timestamp,
}

/// A place for objects, each under a name with slashes.
pub trait Target: Send + Sync {
    /// Puts `content` under `name`, over what was there: whole and durable when this returns, or not at all.
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()>;

    /// As [`Target::put`], where nothing is under that name; says whether that was so. Of several who try it at once, one does it.
    fn create(&self, name: &str, content: &[u8]) -> io::Result<bool>;

    /// What is under `name`, from byte `from` on.
    fn get_from(&self, name: &str, from: u64) -> io::Result<Box<dyn Read + Send>>;

    fn get(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        self.get_from(name, 0)
    }

    /// Every object whose name begins with `prefix`, which is empty or ends with a slash; in order.
    fn list(&self, prefix: &str) -> io::Result<Vec<Object>>;

    /// One that is not there is no error.
    fn delete(&self, name: &str) -> io::Result<()>;

    /// Removes what puts left that were interrupted a day ago or longer, where that is to be seen.
    fn tidy(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The target that `place` names: a bucket (`s3://BUCKET/PREFIX`), or a folder. How a bucket is reached, the environment says, as
/// it does for AWS's own tools.
///
/// # Errors
/// [`Error::Unsupported`] for other addresses; when the environment says too little.
pub fn open(place: &str) -> Result<Arc<dyn Target>> {
    if let Some(address) = place.strip_prefix(BUCKET) {
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        return Ok(Arc::new(bucket::open(place, bucket, prefix)?));
    }
    if place.contains("://") {
        return Err(Error::Unsupported(place.into(), "name a folder, or a bucket as s3://BUCKET/PREFIX".into()));
    }
    Ok(Arc::new(Folder::new(PathBuf::from(place))))
}

/// The target and the name of one object in a bucket; `None` when `place` is no bucket's.
///
/// # Errors
/// As [`open`]; when the address ends before the object's name.
pub fn open_object(place: &str) -> Result<Option<(Arc<dyn Target>, String)>> {
    if !place.starts_with(BUCKET) {
        return Ok(None);
    }
    match place.rsplit_once('/') {
        Some((above, name)) if !name.is_empty() && above.len() > BUCKET.len() => {
            Ok(Some((open(above)?, name.to_owned())))
        }
        _ => Err(Error::Unsupported(place.into(), "name the object too, as s3://BUCKET/NAME".into())),
    }
}
