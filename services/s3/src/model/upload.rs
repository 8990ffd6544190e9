//! Uploads in parts: begun, filled in any order, and made an object or given up.

use kv::{Order, Read, Tx};
use md5::{Digest, Md5};
use wire::rest_xml::{self, Algorithm, Checksum};

use super::content::{refer, unrefer};
use crate::digests::Checksums;
use crate::error::Error;
use crate::keys::{BucketId, PARTS, UPLOADED, UPLOADS};
use crate::limits;
use crate::types::{Content, Part, PendingUpload, StoredChecksum};

/// The upload of this id for a key.
///
/// # Errors
/// [`Error::NoSuchUpload`].
pub fn find(read: &impl Read, bucket: BucketId, key: &str, id: &str) -> Result<PendingUpload, Error> {
    UPLOADS.get(read, (bucket, key, id))?.ok_or_else(|| Error::NoSuchUpload(id.to_owned()))
}

/// Adds a part, or replaces the one of its number.
///
/// # Errors
/// [`Error::NoSuchUpload`], where it was given up meanwhile.
pub fn put_part(tx: &mut Tx, bucket: BucketId, key: &str, id: &str, part: &Part) -> Result<(), Error> {
    let upload = find(tx, bucket, key, id)?;
    // Before the old one goes, which may be the same file.
    refer(tx, &part.blob)?;
    if let Some(old) = UPLOADED.get(tx, (upload.id, part.number))? {
        unrefer(tx, &old.blob)?;
    }
    Ok(UPLOADED.put(tx, (upload.id, part.number), part)?)
}

/// Gives an upload up, with all its parts.
///
/// # Errors
/// [`Error::NoSuchUpload`].
pub fn abort(tx: &mut Tx, bucket: BucketId, key: &str, id: &str) -> Result<(), Error> {
    let upload = find(tx, bucket, key, id)?;
    drop_parts(tx, &upload, |_| false)?;
    Ok(UPLOADS.delete(tx, (bucket, key, id))?)
}

/// Removes the parts of an upload. What is `kept` of them has another place.
fn drop_parts(tx: &mut Tx, upload: &PendingUpload, kept: impl Fn(u32) -> bool) -> Result<(), Error> {
    let parts = UPLOADED.scan_prefix(tx, (upload.id,), Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
    for (key, part) in &parts {
        if !kept(part.number) {
            unrefer(tx, &part.blob)?;
        }
        UPLOADED.delete(tx, key)?;
    }
    Ok(())
}

/// The first upload of a bucket.
///
/// # Errors
/// When the store cannot be read.
pub fn first(read: &impl Read, bucket: BucketId) -> Result<Option<(String, String)>, Error> {
    let row = UPLOADS.scan_prefix(read, (bucket,), Order::Forward)?.keys().next().transpose()?;
    Ok(row.map(|(_, key, id)| (key, id)))
}

/// A part, as whoever completes an upload names it.
#[derive(Clone, Debug)]
pub struct Named {
    pub number: u32,
    /// Without quotes.
    pub etag: String,
    pub checksums: Checksums,
}

/// What parts make together.
pub struct Whole {
    pub size: u64,
    pub etag: String,
    pub content: Content,
    pub checksum: StoredChecksum,
}

/// Makes the named parts one, and lets the others go. The upload is gone then.
///
/// # Errors
/// When parts are missing, are not those that were sent, are in no order or too small.
pub fn complete(
    tx: &mut Tx,
    bucket: BucketId,
    key: &str,
    id: &str,
    named: &[Named],
) -> Result<(PendingUpload, Whole), Error> {
    let upload = find(tx, bucket, key, id)?;
    if !named.iter().zip(named.iter().skip(1)).all(|(one, next)| one.number < next.number) {
        return Err(Error::InvalidPartOrder(id.to_owned()));
    }
    let parts = named.iter().map(|named| matching(tx, &upload, id, named)).collect::<Result<Vec<_>, _>>()?;
    let (Some(_), Ok(count)) = (parts.last(), u32::try_from(parts.len())) else {
        return Err(Error::InvalidRequest("You must specify at least one part".into()));
    };
    let all_but_last = parts.iter().take(parts.len() - 1);
    if let Some(small) = all_but_last.clone().find(|part| part.size < limits::PART_BYTES_MIN) {
        return Err(Error::EntityTooSmall {
            size: small.size,
            least: limits::PART_BYTES_MIN,
            part: Some(small.number),
        });
    }
    let (etag, checksum) = (etag(&parts), checksum(&upload, &parts)?);
    let mut size = 0;
    for part in &parts {
        PARTS.put(tx, (upload.id, size), part)?;
        size += part.size;
    }
    if size > limits::OBJECT_BYTES_MAX {
        return Err(Error::EntityTooLarge { size, most: limits::OBJECT_BYTES_MAX });
    }
    drop_parts(tx, &upload, |number| parts.binary_search_by_key(&number, |part| part.number).is_ok())?;
    UPLOADS.delete(tx, (bucket, key, id))?;
    let content = Content::Parts { id: upload.id, count };
    Ok((upload, Whole { size, etag, content, checksum }))
}

fn matching(read: &impl Read, upload: &PendingUpload, id: &str, named: &Named) -> Result<Part, Error> {
    let invalid = || Error::InvalidPart { number: named.number, upload: id.to_owned() };
    let part = UPLOADED.get(read, (upload.id, named.number))?.ok_or_else(invalid)?;
    let own = part.checksum.as_ref();
    let stated = named.checksums.of(&upload.algorithm);
    if upload.chosen && upload.composite && stated.is_none() {
        let (algorithm, number) = (upload.algorithm.to_ascii_lowercase(), named.number);
        return Err(Error::InvalidRequest(format!(
            "The upload was created using a {algorithm} checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request."
        )));
    }
    let agrees = stated.is_none_or(|value| own.is_some_and(|own| own.value == value));
    if part.etag == named.etag && agrees { Ok(part) } else { Err(invalid()) }
}

/// The MD5 of the parts' MD5s, and their number.
fn etag(parts: &[Part]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(hex::decode(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

fn checksum(upload: &PendingUpload, parts: &[Part]) -> Result<StoredChecksum, Error> {
    let missing = || kv::Error::corrupt("a part", "it has no checksum");
    let algorithm = Algorithm::named(&upload.algorithm).ok_or_else(missing)?;
    let all = parts.iter().map(|part| part.checksum.as_ref().map(|checksum| (checksum.value.as_str(), part.size)));
    let all = all.collect::<Option<Vec<_>>>().ok_or_else(missing)?;
    let value = if upload.composite {
        let mut whole = Checksum::new(algorithm);
        for (checksum, _) in &all {
            whole.update(&rest_xml::decode_checksum(checksum).ok_or_else(missing)?);
        }
        format!("{}-{}", whole.finish(), parts.len())
    } else {
        rest_xml::combine(algorithm, all).ok_or_else(missing)?
    };
    Ok(StoredChecksum { algorithm: upload.algorithm.clone(), value, composite: upload.composite })
}
