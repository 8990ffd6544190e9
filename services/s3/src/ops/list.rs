//! ListObjects and ListObjectsV2.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use wire::DateTime;

use super::bucket::{Owner, decode_token, owner};
use super::bucket_permission;
use crate::S3;
use crate::conditions::quoted;
use crate::error::Error;
use crate::limits;
use crate::model::bucket;
use crate::model::list::{self, Listing, Page, Start};
use crate::types::{Object, StoredChecksum};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListObjectsInput {
    pub bucket: String,
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub marker: Option<String>,
    pub max_keys: Option<i64>,
    pub prefix: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListObjectsV2Input {
    pub bucket: String,
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub max_keys: Option<i64>,
    pub prefix: Option<String>,
    pub continuation_token: Option<String>,
    pub fetch_owner: Option<bool>,
    pub start_after: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListObjectsOutput {
    pub name: String,
    pub prefix: String,
    pub marker: String,
    pub next_marker: Option<String>,
    pub max_keys: usize,
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub is_truncated: bool,
    pub contents: Vec<Entry>,
    pub common_prefixes: Vec<CommonPrefix>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListObjectsV2Output {
    pub name: String,
    pub prefix: String,
    pub continuation_token: Option<String>,
    pub next_continuation_token: Option<String>,
    pub start_after: Option<String>,
    pub key_count: usize,
    pub max_keys: usize,
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub is_truncated: bool,
    pub contents: Vec<Entry>,
    pub common_prefixes: Vec<CommonPrefix>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    pub key: String,
    pub last_modified: DateTime,
    #[serde(rename = "ETag")]
    pub etag: String,
    pub checksum_algorithm: Vec<String>,
    pub checksum_type: Option<&'static str>,
    pub size: u64,
    pub owner: Option<Owner>,
    pub storage_class: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommonPrefix {
    pub prefix: String,
}

/// How a page is asked for and told, in either version.
pub struct Form {
    pub most: usize,
    encode: bool,
}

/// What stays as it is in keys that are encoded.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/').remove(b'*').remove(b'~');

impl Form {
    /// # Errors
    /// When the number is none, or the encoding is not known.
    pub fn new(max_keys: Option<i64>, encoding_type: Option<&str>) -> Result<Form, Error> {
        let most = match max_keys.map_or(Ok(limits::LIST_MAX), usize::try_from) {
            Ok(most) => most.min(limits::LIST_MAX),
            Err(_) => {
                let value = max_keys.unwrap_or_default().to_string();
                return Err(Error::argument(
                    "max-keys",
                    value,
                    "Argument maxKeys must be an integer between 0 and 2147483647",
                ));
            }
        };
        match encoding_type.filter(|encoding| !encoding.is_empty()) {
            None => Ok(Form { most, encode: false }),
            Some("url") => Ok(Form { most, encode: true }),
            Some(other) => Err(Error::argument("encoding-type", other, "Invalid Encoding Method specified in Request")),
        }
    }

    /// A key, or a part of one, as it is told.
    pub fn text(&self, text: &str) -> String {
        if self.encode { utf8_percent_encode(text, KEPT).to_string() } else { text.to_owned() }
    }

    pub fn encoding_type(&self) -> Option<String> {
        self.encode.then(|| "url".to_owned())
    }

    fn entries(&self, page: &Page, owner: Option<&Owner>) -> Vec<Entry> {
        page.objects.iter().map(|(key, object)| self.entry(key, object, owner)).collect()
    }

    fn entry(&self, key: &str, object: &Object, owner: Option<&Owner>) -> Entry {
        let checksum = object.checksum.as_ref();
        Entry {
            key: self.text(key),
            last_modified: DateTime(object.modified),
            etag: quoted(&object.etag),
            checksum_algorithm: checksum.map(|checksum| checksum.algorithm.clone()).into_iter().collect(),
            checksum_type: checksum.map(StoredChecksum::kind),
            size: object.size,
            owner: owner.cloned(),
            storage_class: object.meta.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned()),
        }
    }

    pub fn prefixes(&self, prefixes: &[String]) -> Vec<CommonPrefix> {
        prefixes.iter().map(|prefix| CommonPrefix { prefix: self.text(prefix) }).collect()
    }
}

/// Permission to list, with what policies may look at.
pub fn permission(
    cx: &Cx,
    action: &str,
    bucket: &str,
    prefix: Option<&str>,
    delimiter: Option<&str>,
    max_keys: Option<i64>,
) -> Result<Vec<Permission>, service::Error> {
    let mut permission = bucket_permission(cx, action, bucket)?;
    let mut known = |key: &str, value: Option<String>| {
        permission.context.extend(value.map(|value| (key.to_owned(), vec![value])));
    };
    known("s3:prefix", prefix.map(str::to_owned));
    known("s3:delimiter", delimiter.map(str::to_owned));
    known("s3:max-keys", max_keys.map(|most| most.to_string()));
    Ok(vec![permission])
}

/// An empty delimiter is none.
pub fn delimiter(given: Option<&String>) -> Option<&str> {
    given.map(String::as_str).filter(|delimiter| !delimiter.is_empty())
}

fn page(cx: &Cx, name: &str, prefix: &str, delimiter: Option<&str>, start: Start, most: usize) -> Result<Page, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, name)?;
    list::objects(&read, &Listing { bucket: bucket.id, prefix, delimiter, start, most })
}

pub async fn list(_: Arc<S3>, cx: Cx, input: ListObjectsInput) -> Result<ListObjectsOutput, Error> {
    let form = Form::new(input.max_keys, input.encoding_type.as_deref())?;
    let (prefix, marker) = (input.prefix.unwrap_or_default(), input.marker.unwrap_or_default());
    let delimiter = delimiter(input.delimiter.as_ref());
    let start = behind(&marker, &prefix, delimiter);
    let page = page(&cx, &input.bucket, &prefix, delimiter, start, form.most)?;
    // Whoever has no delimiter goes on behind the last key.
    let next_marker = page.next.as_ref().filter(|_| delimiter.is_some()).and_then(|next| match next {
        Start::After(text) | Start::Past(text) => Some(form.text(text)),
        Start::First => None,
    });
    Ok(ListObjectsOutput {
        name: input.bucket,
        prefix: form.text(&prefix),
        marker: form.text(&marker),
        next_marker,
        max_keys: form.most,
        delimiter: delimiter.map(|delimiter| form.text(delimiter)),
        encoding_type: form.encoding_type(),
        is_truncated: page.next.is_some(),
        contents: form.entries(&page, Some(&owner(&cx))),
        common_prefixes: form.prefixes(&page.prefixes),
    })
}

/// Where a list goes on behind a marker: one that is a common prefix itself was told together with all that begin so.
pub fn behind(marker: &str, prefix: &str, delimiter: Option<&str>) -> Start {
    let rolled_up = delimiter.is_some_and(|delimiter| {
        let rest = marker.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(delimiter));
        rest.is_some_and(|rest| !rest.contains(delimiter))
    });
    match marker {
        "" => Start::First,
        marker if rolled_up => Start::Past(marker.to_owned()),
        marker => Start::After(marker.to_owned()),
    }
}

pub async fn list_v2(_: Arc<S3>, cx: Cx, input: ListObjectsV2Input) -> Result<ListObjectsV2Output, Error> {
    let form = Form::new(input.max_keys, input.encoding_type.as_deref())?;
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = delimiter(input.delimiter.as_ref());
    // An empty token is wrong, unlike one of ListBuckets.
    let start = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => token_start(token)?,
        (None, Some(after)) => behind(after, &prefix, None),
        (None, None) => Start::First,
    };
    let page = page(&cx, &input.bucket, &prefix, delimiter, start, form.most)?;
    let owner = input.fetch_owner.unwrap_or(false).then(|| owner(&cx));
    Ok(ListObjectsV2Output {
        name: input.bucket,
        prefix: form.text(&prefix),
        next_continuation_token: page.next.as_ref().map(token),
        // Which counts for the first page alone.
        start_after: input.start_after.filter(|_| input.continuation_token.is_none()).map(|after| form.text(&after)),
        continuation_token: input.continuation_token,
        key_count: page.objects.len() + page.prefixes.len(),
        max_keys: form.most,
        delimiter: delimiter.map(|delimiter| form.text(delimiter)),
        encoding_type: form.encoding_type(),
        is_truncated: page.next.is_some(),
        contents: form.entries(&page, owner.as_ref()),
        common_prefixes: form.prefixes(&page.prefixes),
    })
}

fn token(start: &Start) -> String {
    let text = match start {
        Start::First => String::new(),
        Start::After(key) => format!("k{key}"),
        Start::Past(prefix) => format!("p{prefix}"),
    };
    URL_SAFE_NO_PAD.encode(text)
}

fn token_start(token: &str) -> Result<Start, Error> {
    let text = decode_token(token)?;
    match (text.strip_prefix('k'), text.strip_prefix('p')) {
        (Some(key), _) => Ok(Start::After(key.to_owned())),
        (_, Some(prefix)) => Ok(Start::Past(prefix.to_owned())),
        _ => Err(Error::argument("continuation-token", token, "The continuation token provided is incorrect")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_that_are_common_prefixes_leave_out_what_they_stand_for() {
        assert_eq!(behind("", "a/", Some("/")), Start::First);
        assert_eq!(behind("a/b/", "a/", Some("/")), Start::Past("a/b/".into()));
        assert_eq!(behind("a/b/", "", Some("/")), Start::After("a/b/".into()));
        assert_eq!(behind("a/b", "a/", Some("/")), Start::After("a/b".into()));
        assert_eq!(behind("a/", "", None), Start::After("a/".into()));
    }

    #[test]
    fn tokens_tell_where_to_go_on() {
        for start in [Start::After("kä".into()), Start::Past("p/".into())] {
            assert_eq!(token_start(&token(&start)).unwrap(), start);
        }
        for bad in ["", "%", "eA"] {
            assert!(token_start(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_encoded_for_those_who_ask() {
        let form = Form::new(Some(5_000), Some("url")).unwrap();
        assert_eq!((form.most, form.text("a b/ä+*~").as_str()), (1_000, "a%20b/%C3%A4%2B*~"));
        assert_eq!(Form::new(None, Some("")).unwrap().text("a b"), "a b");
        assert!(Form::new(Some(-1), None).is_err() && Form::new(None, Some("xml")).is_err());
    }
}
