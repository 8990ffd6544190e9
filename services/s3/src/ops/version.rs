//! PutBucketVersioning, GetBucketVersioning, ListObjectVersions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::bucket::{BucketInput, Empty, Owner, owner};
use super::list::{CommonPrefix, Form, behind, delimiter};
use crate::S3;
use crate::conditions::{date, quoted};
use crate::error::Error;
use crate::model::list::{self, Listed, Listing, Start};
use crate::model::{bucket, object};
use crate::types::{StoredChecksum, Versioning};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutVersioningInput {
    pub bucket: String,
    pub versioning_configuration: Configuration,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    pub status: Option<String>,
    #[serde(alias = "MFADelete")]
    pub mfa_delete: Option<String>,
}

pub async fn put(_: Arc<S3>, cx: Cx, input: PutVersioningInput) -> Result<Empty, Error> {
    let Configuration { status, mfa_delete } = input.versioning_configuration;
    if mfa_delete.is_some_and(|mfa| mfa != "Disabled") {
        return Err(Error::NotImplemented("MfaDelete"));
    }
    let versioning = match status.as_deref() {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => {
            let reason = "The Versioning element must be specified";
            return Err(Error::Told(service::Error::new(400, "IllegalVersioningConfigurationException", reason)));
        }
    };
    cx.db().write(move |tx| bucket::set_versioning(tx, &input.bucket, versioning)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetVersioningOutput {
    pub status: Option<&'static str>,
}

pub async fn get(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<GetVersioningOutput, Error> {
    let status = match bucket::find(&cx.db().read()?, &input.bucket)?.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some("Enabled"),
        Versioning::Suspended => Some("Suspended"),
    };
    Ok(GetVersioningOutput { status })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListVersionsInput {
    pub bucket: String,
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub key_marker: Option<String>,
    pub max_keys: Option<i64>,
    pub prefix: Option<String>,
    pub version_id_marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListVersionsOutput {
    pub name: String,
    pub prefix: String,
    pub key_marker: String,
    pub version_id_marker: String,
    pub next_key_marker: Option<String>,
    pub next_version_id_marker: Option<String>,
    pub max_keys: usize,
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub is_truncated: bool,
    pub versions: Vec<VersionEntry>,
    pub delete_markers: Vec<MarkerEntry>,
    pub common_prefixes: Vec<CommonPrefix>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionEntry {
    pub key: String,
    pub version_id: String,
    pub is_latest: bool,
    pub last_modified: DateTime,
    #[serde(rename = "ETag")]
    pub etag: String,
    pub checksum_algorithm: Vec<String>,
    pub checksum_type: Option<&'static str>,
    pub size: u64,
    pub owner: Owner,
    pub storage_class: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MarkerEntry {
    pub key: String,
    pub version_id: String,
    pub is_latest: bool,
    pub last_modified: DateTime,
    pub owner: Owner,
}

pub async fn list(_: Arc<S3>, cx: Cx, input: ListVersionsInput) -> Result<ListVersionsOutput, Error> {
    let form = Form::new(input.max_keys, input.encoding_type.as_deref())?;
    let (prefix, marker) = (input.prefix.unwrap_or_default(), input.key_marker.unwrap_or_default());
    let version_marker = input.version_id_marker.filter(|version| !version.is_empty());
    if version_marker.is_some() && marker.is_empty() {
        let reason = "A version-id marker cannot be specified without a key marker.";
        return Err(Error::argument("version-id-marker", version_marker.unwrap_or_default(), reason));
    }
    let delimiter = delimiter(input.delimiter.as_ref());
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    let within = match version_marker.as_deref() {
        Some(version) => object::find_version(&read, bucket.id, &marker, version)?.map(|object| object.sequence),
        None => None,
    };
    let start =
        if version_marker.is_some() { Start::After(marker.clone()) } else { behind(&marker, &prefix, delimiter) };
    let listing = Listing { bucket: bucket.id, prefix: &prefix, delimiter, start, most: form.most };
    let page = list::versions(&read, &listing, within.map(|sequence| (marker.as_str(), sequence)))?;
    let (next_key_marker, next_version_id_marker) = match (page.truncated, page.last_is_prefix) {
        (false, _) => (None, None),
        (true, true) => (page.prefixes.last().map(|prefix| form.text(prefix)), None),
        (true, false) => {
            let last = page.versions.last();
            (last.map(|last| form.text(&last.key)), last.map(|last| object::shown(&last.object)))
        }
    };
    let owner = owner(&cx);
    let (markers, versions): (Vec<_>, Vec<_>) = page.versions.into_iter().partition(|listed| listed.object.marker);
    Ok(ListVersionsOutput {
        name: input.bucket,
        prefix: form.text(&prefix),
        key_marker: form.text(&marker),
        version_id_marker: version_marker.unwrap_or_default(),
        next_key_marker,
        next_version_id_marker,
        max_keys: form.most,
        delimiter: delimiter.map(|delimiter| form.text(delimiter)),
        encoding_type: form.encoding_type(),
        is_truncated: page.truncated,
        versions: versions.into_iter().map(|listed| version(&form, listed, &owner)).collect(),
        delete_markers: markers.into_iter().map(|listed| marker_entry(&form, &listed, &owner)).collect(),
        common_prefixes: form.prefixes(&page.prefixes),
    })
}

fn version(form: &Form, listed: Listed, owner: &Owner) -> VersionEntry {
    let Listed { key, object, is_latest } = listed;
    let checksum = object.checksum.as_ref();
    VersionEntry {
        key: form.text(&key),
        version_id: object::shown(&object),
        is_latest,
        last_modified: date(object.modified),
        etag: quoted(&object.etag),
        checksum_algorithm: checksum.map(|checksum| checksum.algorithm.clone()).into_iter().collect(),
        checksum_type: checksum.map(StoredChecksum::kind),
        size: object.size,
        owner: owner.clone(),
        storage_class: object.meta.storage_class.unwrap_or_else(|| "STANDARD".to_owned()),
    }
}

fn marker_entry(form: &Form, listed: &Listed, owner: &Owner) -> MarkerEntry {
    MarkerEntry {
        key: form.text(&listed.key),
        version_id: object::shown(&listed.object),
        is_latest: listed.is_latest,
        last_modified: date(listed.object.modified),
        owner: owner.clone(),
    }
}
