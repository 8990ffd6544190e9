//! Lists of keys: in their order, from anywhere, with what they have in common up to a delimiter rolled up into one entry.
//!
//! What is rolled up is not read: the scan goes on behind it.

use bytes::Bytes;
use kv::{Desc, KeyRange, Order, Partial, Read, Table};

use crate::error::Error;
use crate::keys::{BucketId, OBJECTS, UPLOADS, VERSIONS};
use crate::types::{Object, PendingUpload, Sequence};

/// Where a list begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    #[default]
    First,
    /// Behind this key.
    After(String),
    /// Behind all keys that begin so.
    Past(String),
}

/// What is listed.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    pub bucket: BucketId,
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    pub start: Start,
    /// Entries: keys, and common prefixes.
    pub most: usize,
}

/// A part of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub objects: Vec<(String, Object)>,
    pub prefixes: Vec<String>,
    /// Where the rest begins, if there is one.
    pub next: Option<Start>,
}

/// The common prefix that `key` is rolled up into, in a list of those that begin with `prefix`.
pub fn common<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

impl Listing<'_> {
    /// The common prefix that `key` is rolled up into.
    pub fn common<'k>(&self, key: &'k str) -> Option<&'k str> {
        common(key, self.prefix, self.delimiter)
    }

    /// The bounds of what is listed in a table whose keys begin with a bucket and a key.
    fn range<K, V>(&self, table: &Table<K, V>) -> KeyRange {
        let range = table.prefix_range((self.bucket, Partial(self.prefix.as_bytes())));
        match &self.start {
            Start::First => range,
            Start::After(key) => past(range, &table.prefix_range((self.bucket, key))),
            Start::Past(prefix) => self.past(table, range, prefix),
        }
    }

    /// What is left of a range behind all keys that begin with `prefix`.
    fn past<K, V>(&self, table: &Table<K, V>, range: KeyRange, prefix: &str) -> KeyRange {
        past(range, &table.prefix_range((self.bucket, Partial(prefix.as_bytes()))))
    }
}

/// What is left of a range behind another.
fn past(range: KeyRange, skipped: &KeyRange) -> KeyRange {
    match skipped.end() {
        Some(end) => KeyRange::half_open(end.clone().max(range.start().clone()), range.end().cloned()),
        // Nothing comes behind it.
        None => KeyRange::half_open(Bytes::new(), Some(Bytes::new())),
    }
}

/// Lists objects.
///
/// # Errors
/// When the store cannot be read.
pub fn objects(read: &impl Read, listing: &Listing<'_>) -> Result<Page, Error> {
    let mut page = Page::default();
    if listing.most == 0 {
        return Ok(page);
    }
    let mut range = listing.range(&OBJECTS);
    let mut last = Start::First;
    'scan: loop {
        let rows = OBJECTS.scan_bytes(read, range.clone(), Order::Forward)?;
        for row in rows {
            let ((_, key), object) = row?;
            if page.objects.len() + page.prefixes.len() == listing.most {
                page.next = Some(last);
                return Ok(page);
            }
            if let Some(common) = listing.common(&key) {
                page.prefixes.push(common.to_owned());
                last = Start::Past(common.to_owned());
                range = listing.past(&OBJECTS, range, common);
                continue 'scan;
            }
            last = Start::After(key.clone());
            page.objects.push((key, object));
        }
        return Ok(page);
    }
}

/// A version in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub key: String,
    pub object: Object,
    pub is_latest: bool,
}

/// A part of a list of versions.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    pub versions: Vec<Listed>,
    pub prefixes: Vec<String>,
    /// Whether the rest begins behind the last of these.
    pub truncated: bool,
    /// Whether the last is a common prefix.
    pub last_is_prefix: bool,
}

/// Lists versions, newest first within their key. `within` are older versions of the key that the list begins behind: those
/// before this one.
///
/// # Errors
/// When the store cannot be read.
pub fn versions(read: &impl Read, listing: &Listing<'_>, within: Option<(&str, Sequence)>) -> Result<Versions, Error> {
    let mut page = Versions::default();
    if listing.most == 0 {
        return Ok(page);
    }
    if let Some((key, sequence)) = within {
        let older =
            VERSIONS.scan_after(read, (listing.bucket, key), (listing.bucket, key, Desc(sequence)), Order::Forward)?;
        for object in older.values() {
            if page.versions.len() == listing.most {
                page.truncated = true;
                return Ok(page);
            }
            page.versions.push(Listed { key: key.to_owned(), object: object?, is_latest: false });
        }
    }
    let (mut newest_range, mut other_range) = (listing.range(&OBJECTS), listing.range(&VERSIONS));
    'scan: loop {
        let mut newest = OBJECTS.scan_bytes(read, newest_range.clone(), Order::Forward)?;
        let mut others = VERSIONS.scan_bytes(read, other_range.clone(), Order::Forward)?;
        let (mut next_newest, mut next_other) = (newest.next().transpose()?, others.next().transpose()?);
        let mut seen = None;
        loop {
            let of_newest = next_newest.as_ref().map(|((_, key), _)| key);
            let of_other = next_other.as_ref().map(|((_, key, _), _)| key);
            let (key, takes_newest) = match (of_newest, of_other) {
                (None, None) => return Ok(page),
                (Some(key), None) => (key.clone(), true),
                (None, Some(key)) => (key.clone(), false),
                (Some(newest), Some(other)) => (newest.min(other).clone(), newest <= other),
            };
            if page.versions.len() + page.prefixes.len() == listing.most {
                page.truncated = true;
                return Ok(page);
            }
            if let Some(common) = listing.common(&key) {
                page.prefixes.push(common.to_owned());
                page.last_is_prefix = true;
                newest_range = listing.past(&OBJECTS, newest_range, common);
                other_range = listing.past(&VERSIONS, other_range, common);
                continue 'scan;
            }
            let taken = if takes_newest {
                std::mem::replace(&mut next_newest, newest.next().transpose()?).map(|(_, object)| object)
            } else {
                std::mem::replace(&mut next_other, others.next().transpose()?).map(|(_, object)| object)
            };
            let is_latest = seen.as_ref() != Some(&key);
            seen = Some(key.clone());
            page.last_is_prefix = false;
            page.versions.extend(taken.map(|object| Listed { key, object, is_latest }));
        }
    }
}

/// An upload in a list, with its id.
pub type ListedUpload = (String, String, PendingUpload);

/// A part of a list of uploads.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    pub uploads: Vec<ListedUpload>,
    pub prefixes: Vec<String>,
    pub truncated: bool,
}

/// Lists uploads under way; `within` are those of the key that the list begins behind, after this id.
///
/// # Errors
/// When the store cannot be read.
pub fn uploads(read: &impl Read, listing: &Listing<'_>, within: Option<(&str, &str)>) -> Result<Uploads, Error> {
    let mut page = Uploads::default();
    if listing.most == 0 {
        return Ok(page);
    }
    if let Some((key, id)) = within {
        for row in UPLOADS.scan_after(read, (listing.bucket, key), (listing.bucket, key, id), Order::Forward)? {
            if page.uploads.len() == listing.most {
                page.truncated = true;
                return Ok(page);
            }
            let ((_, key, id), upload) = row?;
            page.uploads.push((key, id, upload));
        }
    }
    let mut range = listing.range(&UPLOADS);
    'scan: loop {
        for row in UPLOADS.scan_bytes(read, range.clone(), Order::Forward)? {
            let ((_, key, id), upload) = row?;
            if page.uploads.len() + page.prefixes.len() == listing.most {
                page.truncated = true;
                return Ok(page);
            }
            if let Some(common) = listing.common(&key) {
                page.prefixes.push(common.to_owned());
                range = listing.past(&UPLOADS, range, common);
                continue 'scan;
            }
            page.uploads.push((key, id, upload));
        }
        return Ok(page);
    }
}
