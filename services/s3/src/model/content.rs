//! The bytes of objects, as transactions see them: who refers to which file, and what nothing refers to any more.

use std::collections::BTreeMap;

use blob::BlobId;
use bytes::Bytes;
use kv::{Db, Order, Read, Tx};

use crate::error::Error;
use crate::keys::{
    BUCKETS, CONTENTS, DOOMED, GARBAGE, OBJECTS, PARTS, REFERENCES, VERSIONS, blob_key, garbage_channel,
};
use crate::limits;
use crate::range::Span;
use crate::types::{Content, ContentId, Part};

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
pub fn files(read: &impl Read, id: ContentId, span: Span) -> Result<Vec<(BlobId, Span)>, Error> {
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
            files.push((part.blob, Span { from: overlap.from - offset, length: overlap.length }));
        }
    }
    if files.iter().map(|(_, span)| span.length).sum::<u64>() != span.length {
        return Err(missing("some of its parts").into());
    }
    Ok(files)
}

/// All files that an object or a part refers to, and what refers to them; a file comes once for each.
///
/// # Errors
/// When the store cannot be read.
pub fn named_files(db: &Db) -> Result<Vec<(BlobId, String)>, Error> {
    let read = db.read()?;
    let mut buckets = BTreeMap::new();
    for bucket in BUCKETS.scan(&read, Order::Forward)?.values() {
        let bucket = bucket?;
        buckets.insert(bucket.id, bucket.name);
    }
    let (mut named, mut parts) = (Vec::new(), BTreeMap::new());
    let mut note = |bucket, key: &str, content: &Content| {
        let name = format!("object {}/{key}", buckets.get(&bucket).map_or("?", String::as_str));
        match content {
            Content::Blob(id) => named.push((*id, name)),
            Content::Parts { id, .. } => drop(parts.insert(*id, name)),
            Content::Nothing | Content::Inline(_) => {}
        }
    };
    for row in OBJECTS.scan(&read, Order::Forward)? {
        let ((bucket, key), object) = row?;
        note(bucket, &key, &object.content);
    }
    for row in VERSIONS.scan(&read, Order::Forward)? {
        let ((bucket, key, _), object) = row?;
        note(bucket, &key, &object.content);
    }
    for row in PARTS.scan(&read, Order::Forward)? {
        let ((id, _), part) = row?;
        named.push((part.blob, parts.get(&id).cloned().unwrap_or_else(|| "a deleted object".to_owned())));
    }
    Ok(named)
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
