//! ListParts and ListMultipartUploads.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::bucket::{Owner, owner};
use super::list::{CommonPrefix, Form, behind, delimiter};
use crate::S3;
use crate::conditions::quoted;
use crate::digests::Checksums;
use crate::error::Error;
use crate::keys::UPLOADED;
use crate::limits;
use crate::model::list::{self, Listing, Start};
use crate::model::{bucket, upload};
use crate::types::checksum_kind;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListPartsInput {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    pub max_parts: Option<i64>,
    pub part_number_marker: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListPartsOutput {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    pub part_number_marker: u32,
    pub next_part_number_marker: u32,
    pub max_parts: usize,
    pub is_truncated: bool,
    pub parts: Vec<PartEntry>,
    pub initiator: Owner,
    pub owner: Owner,
    pub storage_class: String,
    pub checksum_algorithm: Option<String>,
    pub checksum_type: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PartEntry {
    pub part_number: u32,
    pub last_modified: DateTime,
    #[serde(rename = "ETag")]
    pub etag: String,
    pub size: u64,
    #[serde(flatten)]
    pub checksums: Checksums,
}

/// The number of a part that comes or is asked for.
///
/// # Errors
/// When no part has it.
pub fn number(stated: i64) -> Result<u32, Error> {
    let number = u32::try_from(stated).ok().filter(|number| limits::PART_NUMBERS.contains(number));
    number.ok_or_else(|| {
        let reason = "Part number must be an integer between 1 and 10000, inclusive";
        Error::argument("partNumber", stated.to_string(), reason)
    })
}

/// A number that a list of parts is asked for with.
fn count(name: &'static str, given: Option<i64>) -> Result<Option<u32>, Error> {
    let Some(number) = given else { return Ok(None) };
    let reason = match i32::try_from(number) {
        Ok(whole) if whole >= 0 => return Ok(Some(whole.unsigned_abs())),
        Err(_) if number > 0 => format!("Provided {name} not an integer or within integer range"),
        _ => format!("Argument {name} must be an integer between 0 and 2147483647"),
    };
    Err(Error::argument(name, number.to_string(), reason))
}

pub async fn list_parts(_: Arc<S3>, cx: Cx, input: ListPartsInput) -> Result<ListPartsOutput, Error> {
    let most = count("max-parts", input.max_parts)?.and_then(|most| usize::try_from(most).ok());
    let max_parts = most.unwrap_or(limits::LIST_MAX).min(limits::LIST_MAX);
    let marker = count("part-number-marker", input.part_number_marker)?.unwrap_or(0);
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    let upload = upload::find(&read, bucket.id, &input.key, &input.upload_id)?;
    let rest = UPLOADED.scan_after(&read, (upload.id,), (upload.id, marker), Order::Forward)?;
    let mut found = rest.values().take(max_parts + 1).collect::<Result<Vec<_>, _>>()?;
    let is_truncated = found.len() > max_parts;
    found.truncate(max_parts);
    let parts: Vec<PartEntry> = found
        .into_iter()
        .map(|part| PartEntry {
            part_number: part.number,
            last_modified: DateTime(part.modified),
            etag: quoted(&part.etag),
            size: part.size,
            checksums: Checksums { kind: None, ..part.checksum.as_ref().filter(|_| upload.chosen).into() },
        })
        .collect();
    let kind = checksum_kind(upload.composite);
    Ok(ListPartsOutput {
        bucket: input.bucket,
        key: input.key,
        upload_id: input.upload_id,
        part_number_marker: marker,
        next_part_number_marker: parts.last().map_or(marker, |part| part.part_number),
        max_parts,
        is_truncated,
        parts,
        initiator: owner(&cx),
        owner: owner(&cx),
        storage_class: upload.meta.storage_class.unwrap_or_else(|| "STANDARD".to_owned()),
        checksum_algorithm: upload.chosen.then_some(upload.algorithm),
        checksum_type: upload.chosen.then_some(kind),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListUploadsInput {
    pub bucket: String,
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub key_marker: Option<String>,
    pub max_uploads: Option<i64>,
    pub prefix: Option<String>,
    pub upload_id_marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListUploadsOutput {
    pub bucket: String,
    pub key_marker: String,
    pub upload_id_marker: String,
    pub next_key_marker: Option<String>,
    pub next_upload_id_marker: Option<String>,
    pub prefix: String,
    pub delimiter: Option<String>,
    pub max_uploads: usize,
    pub encoding_type: Option<String>,
    pub is_truncated: bool,
    pub uploads: Vec<UploadEntry>,
    pub common_prefixes: Vec<CommonPrefix>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UploadEntry {
    pub key: String,
    pub upload_id: String,
    pub initiated: DateTime,
    pub storage_class: String,
    pub owner: Owner,
    pub initiator: Owner,
    pub checksum_algorithm: Option<String>,
    pub checksum_type: Option<&'static str>,
}

pub async fn list_uploads(_: Arc<S3>, cx: Cx, input: ListUploadsInput) -> Result<ListUploadsOutput, Error> {
    let form = Form::new(input.max_uploads, input.encoding_type.as_deref())?;
    let (prefix, marker) = (input.prefix.unwrap_or_default(), input.key_marker.unwrap_or_default());
    // Without the key, it says nothing.
    let id_marker = input.upload_id_marker.filter(|id| !id.is_empty() && !marker.is_empty());
    let delimiter = delimiter(input.delimiter.as_ref());
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    let start = if id_marker.is_some() { Start::After(marker.clone()) } else { behind(&marker, &prefix, delimiter) };
    let listing = Listing { bucket: bucket.id, prefix: &prefix, delimiter, start, most: form.most };
    let page = list::uploads(&read, &listing, id_marker.as_deref().map(|id| (marker.as_str(), id)))?;
    let last_upload = page.uploads.last().map(|(key, id, _)| (key.clone(), Some(id.clone())));
    let last_prefix = page.prefixes.last().map(|prefix| (prefix.clone(), None));
    // Whichever comes later in the list.
    let last = last_upload.into_iter().chain(last_prefix).max().filter(|_| page.truncated);
    let owner = owner(&cx);
    let uploads = page.uploads.into_iter().map(|(key, upload_id, upload)| {
        let kind = checksum_kind(upload.composite);
        UploadEntry {
            key: form.text(&key),
            upload_id,
            initiated: DateTime(upload.started),
            storage_class: upload.meta.storage_class.unwrap_or_else(|| "STANDARD".to_owned()),
            owner: owner.clone(),
            initiator: owner.clone(),
            checksum_algorithm: upload.chosen.then_some(upload.algorithm),
            checksum_type: upload.chosen.then_some(kind),
        }
    });
    Ok(ListUploadsOutput {
        bucket: input.bucket,
        key_marker: form.text(&marker),
        upload_id_marker: id_marker.unwrap_or_default(),
        next_key_marker: last.as_ref().map(|(key, _)| form.text(key)),
        next_upload_id_marker: last.and_then(|(_, id)| id),
        prefix: form.text(&prefix),
        delimiter: delimiter.map(|delimiter| form.text(delimiter)),
        max_uploads: form.most,
        encoding_type: form.encoding_type(),
        is_truncated: page.truncated,
        uploads: uploads.collect(),
        common_prefixes: form.prefixes(&page.prefixes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_parts_have_a_range() {
        assert_eq!((number(1).ok(), number(10_000).ok()), (Some(1), Some(10_000)));
        for stated in [-1, 0, 10_001, i64::MAX] {
            assert_eq!(number(stated).map_err(|error| error.entry().0), Err("InvalidArgument".to_owned()), "{stated}");
        }
    }

    #[test]
    fn counts_are_whole_and_fit_an_integer() {
        let counted = |given| count("max-parts", given).map_err(|error| error.entry().1);
        let most = i64::from(i32::MAX);
        assert_eq!(
            (counted(None), counted(Some(0)), counted(Some(most))),
            (Ok(None), Ok(Some(0)), Ok(Some(2_147_483_647)))
        );
        assert!(counted(Some(-42)).unwrap_err().starts_with("Argument max-parts must be an integer between 0"));
        assert!(counted(Some(most + 1)).unwrap_err().starts_with("Provided max-parts not an integer"));
    }
}
