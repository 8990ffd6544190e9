//! The bytes of objects, as transactions see them: who refers to which file, and what nothing refers to any more.

use std::collections::BTreeMap;

use blob::BlobId;
use bytes::Bytes;
use kv::{Db, Order, Read, Tx};

use super::object;
use crate::contents::Piece;
use crate::error::Error;
use crate::keys::{
    BUCKETS, BucketId, CONTENTS, DOOMED, GARBAGE, OBJECTS, PARTS, REFERENCES, UPLOADED, UPLOADS, VERSIONS, blob_key,
    garbage_channel,
};
use crate::limits;
use crate::range::Span;
use crate::types::{Content, ContentId, Object, Part};

/// What a new object's bytes are, before a transaction puts them into their place.
#[derive(Clone, Debug)]
pub enum NewContent {
    Small(ContentId, Bytes),
    Blob(BlobId),
}

/// Puts bytes into their place, and counts who refers to them.
///
/// # Errors
/// When the store refuses.
pub fn keep(tx: &mut Tx, content: &NewContent) -> Result<Content, Error> {
    Ok(match content {
        NewContent::Small(_, bytes) if bytes.is_empty() => Content::Nothing,
        NewContent::Small(id, bytes) => {
            CONTENTS.put(tx, id, bytes)?;
            Content::Inline(*id)
        }
        NewContent::Blob(blob) => {
            refer(tx, blob)?;
            Content::Blob(*blob)
        }
    })
}

/// The same bytes once more, for another object; `id` is its own name for what cannot be shared.
///
/// # Errors
/// When the store refuses.
pub fn copy(tx: &mut Tx, content: &Content, id: ContentId) -> Result<Content, Error> {
    match content {
        Content::Nothing => Ok(Content::Nothing),
        Content::Inline(from) => {
            let bytes = CONTENTS.get(tx, from)?.ok_or_else(|| missing("its bytes"))?;
            CONTENTS.put(tx, id, &bytes)?;
            Ok(Content::Inline(id))
        }
        Content::Blob(blob) => {
            refer(tx, blob)?;
            Ok(Content::Blob(*blob))
        }
        Content::Parts { id: from, count } => {
            let parts = PARTS.scan_prefix(tx, (from,), Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
            for ((_, offset), part) in parts {
                refer(tx, &part.blob)?;
                PARTS.put(tx, (id, offset), &part)?;
            }
            Ok(Content::Parts { id, count: *count })
        }
    }
}

fn missing(what: &str) -> kv::Error {
    kv::Error::corrupt("an object", format!("{what} are not there"))
}

/// Nothing refers to these bytes any more.
///
/// # Errors
/// When the store refuses.
pub fn release(tx: &mut Tx, content: &Content) -> Result<(), Error> {
    match content {
        Content::Nothing => {}
        Content::Inline(id) => CONTENTS.delete(tx, id)?,
        Content::Blob(blob) => unrefer(tx, blob)?,
        // There may be ten thousand of them.
        Content::Parts { id, .. } => {
            DOOMED.put(tx, id, &())?;
            tx.wake(&garbage_channel());
        }
    }
    Ok(())
}

/// One more refers to a file.
///
/// # Errors
/// When the store refuses.
pub fn refer(tx: &mut Tx, blob: &BlobId) -> Result<(), Error> {
    let count = REFERENCES.get(tx, blob_key(blob))?.unwrap_or(0);
    Ok(REFERENCES.put(tx, blob_key(blob), &(count + 1))?)
}

/// One less does; after the last, the file is garbage.
///
/// # Errors
/// When the store refuses.
pub fn unrefer(tx: &mut Tx, blob: &BlobId) -> Result<(), Error> {
    let key = blob_key(blob);
    match REFERENCES.get(tx, key)?.unwrap_or(0) {
        count @ 2.. => REFERENCES.put(tx, key, &(count - 1))?,
        _ => {
            REFERENCES.delete(tx, key)?;
            GARBAGE.put(tx, key, &())?;
            tx.wake(&garbage_channel());
        }
    }
    Ok(())
}

/// Lets some parts go of contents that are doomed; whether there may be more.
///
/// # Errors
/// When the store refuses.
pub fn release_doomed(tx: &mut Tx) -> Result<bool, Error> {
    let Some(id) = DOOMED.scan(tx, Order::Forward)?.keys().next().transpose()? else { return Ok(false) };
    let parts = PARTS.scan_prefix(tx, (id,), Order::Forward)?;
    let parts = parts.take(limits::PARTS_PER_TRANSACTION).collect::<Result<Vec<_>, _>>()?;
    for (key, part) in &parts {
        unrefer(tx, &part.blob)?;
        PARTS.delete(tx, key)?;
    }
    if parts.len() < limits::PARTS_PER_TRANSACTION {
        DOOMED.delete(tx, id)?;
    }
    Ok(true)
}

/// The files that hold these bytes of an object with parts, and which bytes of each.
///
/// # Errors
/// When the store cannot be read.
pub fn files(read: &impl Read, id: ContentId, span: Span) -> Result<Vec<Piece>, Error> {
    let mut files = Vec::new();
    // The part that begins at or before the first byte is the last of those that do.
    let upto = std::ops::Bound::Included(span.from);
    let begin = PARTS.scan_range(read, (id,), std::ops::Bound::Unbounded::<u64>, upto, Order::Reverse)?.keys().next();
    let begin = begin.transpose()?.map_or(0, |(_, offset)| offset);
    let rest = (std::ops::Bound::Included(begin), std::ops::Bound::Excluded(span.end()));
    for row in PARTS.scan_range(read, (id,), rest.0, rest.1, Order::Forward)? {
        let ((_, offset), part) = row?;
        let whole = Span { from: offset, length: part.size };
        if let Some(overlap) = whole.overlap(span) {
            let span = Span { from: overlap.from - offset, length: overlap.length };
            files.push(Piece { file: part.blob, span, size: part.size, name: part.sealed });
        }
    }
    if files.iter().map(|piece| piece.span.length).sum::<u64>() != span.length {
        return Err(missing("some of its parts").into());
    }
    Ok(files)
}

/// What refers to a file: a version of an object, or a part of an upload that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub bucket: String,
    pub key: String,
    /// As clients see it; `None` of an upload.
    pub version: Option<String>,
}

/// What refers to those files that are `wanted`, a file once for each. `None` is an object that is deleted, and whose parts are not
/// let go yet. Reads all rows.
///
/// # Errors
/// When the store cannot be read.
pub fn users(read: &impl Read, wanted: impl Fn(&BlobId) -> bool) -> Result<Vec<(BlobId, Option<User>)>, Error> {
    let buckets = bucket_names(read)?;
    let mut users = Vec::new();
    // Files that are parts, and the objects that have them.
    let (mut parts, mut owners) = (Vec::new(), BTreeMap::new());
    for row in PARTS.scan(read, Order::Forward)? {
        let ((id, _), part) = row?;
        if wanted(&part.blob) {
            parts.push((part.blob, id));
            owners.insert(id, None);
        }
    }
    let named = |bucket, key: String, version| {
        let bucket = buckets.get(&bucket).cloned().unwrap_or_else(|| "?".to_owned());
        User { bucket, key, version }
    };
    let mut note = |bucket, key, object: &Object| {
        let user = || named(bucket, key, Some(object::shown(object)));
        match &object.content {
            Content::Blob(id) if wanted(id) => users.push((*id, Some(user()))),
            Content::Parts { id, .. } => {
                if let Some(owner) = owners.get_mut(id) {
                    *owner = Some(user());
                }
            }
            Content::Blob(_) | Content::Nothing | Content::Inline(_) => {}
        }
    };
    for row in OBJECTS.scan(read, Order::Forward)? {
        let ((bucket, key), object) = row?;
        note(bucket, key, &object);
    }
    for row in VERSIONS.scan(read, Order::Forward)? {
        let ((bucket, key, _), object) = row?;
        note(bucket, key, &object);
    }
    users.extend(parts.into_iter().map(|(file, id)| (file, owners.get(&id).cloned().flatten())));
    for row in UPLOADS.scan(read, Order::Forward)? {
        let ((bucket, key, _), upload) = row?;
        for part in UPLOADED.scan_prefix(read, (upload.id,), Order::Forward)?.values() {
            let file = part?.blob;
            if wanted(&file) {
                users.push((file, Some(named(bucket, key.clone(), None))));
            }
        }
    }
    Ok(users)
}

/// Whether some of an object's bytes are as an earlier release has kept them.
///
/// # Errors
/// When the store cannot be read.
pub fn has_unsealed(read: &impl Read, object: &Object) -> Result<bool, Error> {
    let Content::Parts { id, .. } = &object.content else {
        return Ok(object.seal.is_none() && object.content != Content::Nothing);
    };
    let mut parts = PARTS.scan_prefix(read, (*id,), Order::Forward)?.values();
    let unsealed = parts.find(|part| part.as_ref().map_or(true, |part| part.sealed.is_none()));
    Ok(unsealed.transpose()?.is_some())
}

/// Buckets' names, by number.
///
/// # Errors
/// When the store cannot be read.
pub fn bucket_names(read: &impl Read) -> Result<BTreeMap<BucketId, String>, Error> {
    let buckets = BUCKETS.scan(read, Order::Forward)?.values();
    Ok(buckets.map(|bucket| bucket.map(|bucket| (bucket.id, bucket.name))).collect::<Result<_, _>>()?)
}

/// The same, in words.
///
/// # Errors
/// When the store cannot be read.
pub fn named_files(db: &Db) -> Result<Vec<(BlobId, String)>, Error> {
    let in_words = |user: Option<User>| match user {
        Some(User { bucket, key, version: Some(_) }) => format!("object {bucket}/{key}"),
        Some(User { bucket, key, version: None }) => format!("upload to {bucket}/{key}"),
        None => "a deleted object".to_owned(),
    };
    Ok(users(&db.read()?, |_| true)?.into_iter().map(|(id, user)| (id, in_words(user))).collect())
}

/// The part with this place among an object's parts, from 1, and where it begins.
///
/// # Errors
/// When the store cannot be read.
pub fn part(read: &impl Read, id: ContentId, place: u32) -> Result<Option<(u64, Part)>, Error> {
    let index = usize::try_from(place.saturating_sub(1)).unwrap_or(usize::MAX);
    let row = PARTS.scan_prefix(read, (id,), Order::Forward)?.nth(index).transpose()?;
    Ok(row.map(|((_, offset), part)| (offset, part)))
}
