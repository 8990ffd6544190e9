//! PostObject: an object that a browser's form sends, within what the form's policy says.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Map, Value, json};
use service::{Cx, Form, Permission, Posted};
use wire::query::escape;

use super::bucket::BucketInput;
use super::encryption::EncryptionShown;
use super::meta::{Tagged, check_tags};
use super::object_permission;
use super::put::{Order, PutObjectInput, made_version, store};
use super::tag::PutTagsInput;
use crate::S3;
use crate::bindings::{PUT_HEADERS, PUT_OBJECT_TAGGING, TAGS, USER};
use crate::conditions::quoted;
use crate::digests::Checksums;
use crate::error::Error;
use crate::limits;
use crate::post_policy::PostPolicy;

/// What stands for the name of the file in any field.
const FILE_NAME: &str = "${filename}";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PostOutput {
    pub status_code: u16,
    pub location: String,
    #[serde(rename = "ETag")]
    pub etag: String,
    #[serde(flatten)]
    pub checksums: Checksums,
    pub version_id: Option<String>,
    #[serde(flatten)]
    pub encryption: EncryptionShown,
    pub expiration: Option<String>,
    pub document: Option<String>,
}

/// The fields of a form, with the file's name where it is asked for.
fn filled(form: &Form) -> Form {
    // Browsers may send a path.
    let name = form.file_name.as_deref().map(|name| name.rsplit(['/', '\\']).next().unwrap_or_default());
    let fill = |value: &String| match name {
        Some(name) => value.replace(FILE_NAME, name),
        None => value.clone(),
    };
    let fields = form.fields.iter().map(|(field, value)| (field.clone(), fill(value)));
    Form { fields: fields.collect(), file_name: form.file_name.clone() }
}

fn key(form: &Form) -> Result<&str, Error> {
    match form.get("key") {
        Some("") => Err(Error::argument("key", "", "User key must have a length greater than 0.")),
        Some(key) => Ok(key),
        None => {
            let reason = "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.";
            Err(Error::argument("key", "", reason))
        }
    }
}

pub fn permissions(cx: &Cx, posted: &Posted<BucketInput>) -> Result<Vec<Permission>, service::Error> {
    let (bucket, form) = (&posted.input.bucket, filled(&posted.form));
    let input = input(bucket, &form)?;
    let mut all = input.permissions(cx, input.context())?;
    if form.get("tagging").is_some() {
        all.push(object_permission(cx, "s3:PutObjectTagging", bucket, key(&form)?)?);
    }
    Ok(all)
}

/// The input that the fields of a form stand for: each is named as the header that says the same.
fn input(bucket: &str, form: &Form) -> Result<PutObjectInput, Error> {
    let (mut members, mut metadata) = (Map::new(), Map::new());
    for (field, value) in &form.fields {
        let field = field.to_ascii_lowercase();
        let header = if field == "acl" { "x-amz-acl" } else { &field };
        if let Some(name) = header.strip_prefix(USER.0) {
            metadata.entry(name).or_insert_with(|| json!(value));
        } else if let Some((_, member)) = PUT_HEADERS.iter().find(|(known, _)| *known == header) {
            members.entry(*member).or_insert_with(|| json!(value));
        }
    }
    members.insert(USER.1.into(), Value::Object(metadata));
    members.insert("Bucket".into(), json!(bucket));
    members.insert("Key".into(), json!(key(form)?));
    // Tags have a field of their own, and a body is not the file's.
    members.remove("Tagging");
    members.remove("Trailer");
    Ok(serde_json::from_value(Value::Object(members)).map_err(service::Error::internal)?)
}

/// The tags of a form: a document.
fn tags(form: &Form) -> Result<BTreeMap<String, String>, Error> {
    let Some(document) = form.get("tagging") else { return Ok(BTreeMap::new()) };
    let no_headers = Default::default();
    let labels = Default::default();
    let read: Result<PutTagsInput, _> =
        wire::rest_xml::decode(&PUT_OBJECT_TAGGING, &labels, "", &no_headers, document.as_bytes(), &TAGS);
    let tags = read.map_err(|_| Error::MalformedXml)?.tagging.map()?;
    check_tags(&tags, Tagged::Object)?;
    Ok(tags)
}

pub async fn post(state: Arc<S3>, cx: Cx, posted: Posted<BucketInput>) -> Result<PostOutput, Error> {
    let Posted { input: BucketInput { bucket }, form, file } = posted;
    let form = filled(&form);
    let allowed = match form.get("policy") {
        Some(policy) => PostPolicy::parse(policy)?.check(cx.now(), &bucket, &form.fields)?,
        None => 0..=u64::MAX,
    };
    let sizes = *allowed.start()..=limits::PUT_BYTES_MAX.min(*allowed.end());
    let (input, tags) = (input(&bucket, &form)?, tags(&form)?);
    let (key, customer) = (input.key.clone(), input.encryption.customer.key()?);
    let order = Order { input, tags, event: "ObjectCreated:Post", sizes };
    let (versioning, object, expiration) = store(&state, &cx, order, file).await?;
    let etag = quoted(&object.etag);
    let location = location(cx.endpoint(), &bucket, &key);
    let redirect = redirect(&form).map(|url| redirected(url, &bucket, &key, &etag));
    let status_code = match (&redirect, form.get("success_action_status")) {
        (Some(_), _) => 303,
        (None, Some("200")) => 200,
        (None, Some("201")) => 201,
        (None, _) => 204,
    };
    Ok(PostOutput {
        status_code,
        document: (status_code == 201).then(|| document(&location, &bucket, &key, &etag)),
        location: redirect.unwrap_or(location),
        etag,
        checksums: object.checksum.as_ref().into(),
        version_id: made_version(versioning, &object),
        encryption: EncryptionShown::of(object.seal.as_ref(), &object.meta, customer.as_ref()),
        expiration,
    })
}

/// Where a browser is to go once its file is there; what is no address is as if it were not there.
fn redirect(form: &Form) -> Option<&str> {
    let url = form.get("success_action_redirect").or_else(|| form.get("redirect"))?;
    let address: http::Uri = url.parse().ok()?;
    (matches!(address.scheme_str(), Some("http" | "https")) && address.host().is_some()).then_some(url)
}

/// What stays as it is in addresses.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn redirected(url: &str, bucket: &str, key: &str, etag: &str) -> String {
    let form = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string().replace("%20", "+");
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}bucket={}&key={}&etag={}", form(bucket), form(key), form(etag))
}

/// Where the object is, for whoever sent it to this endpoint.
fn location(endpoint: &str, bucket: &str, key: &str) -> String {
    let key = utf8_percent_encode(key, UNRESERVED);
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    let is_of_bucket = host.strip_prefix(bucket).is_some_and(|rest| rest.starts_with('.'));
    if is_of_bucket { format!("{endpoint}/{key}") } else { format!("{endpoint}/{bucket}/{key}") }
}

/// What is told of an object that was made. Unlike other documents, it is in no namespace.
fn document(location: &str, bucket: &str, key: &str, etag: &str) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>");
    for (name, text) in [("Location", location), ("Bucket", bucket), ("Key", key), ("ETag", etag)] {
        xml += &format!("<{name}>");
        escape(text, &mut xml);
        xml += &format!("</{name}>");
    }
    xml + "</PostResponse>"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)], file_name: Option<&str>) -> Form {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Form { fields: fields.collect(), file_name: file_name.map(str::to_owned) }
    }

    #[test]
    fn fields_are_headers() {
        let form = form(
            &[
                ("KEY", "a/${filename}"),
                ("acl", "private"),
                ("Content-Type", "text/css"),
                ("X-Amz-Meta-A", "1"),
                ("other", "x"),
            ],
            Some("C:\\photos\\b.css"),
        );
        let input = input("b", &filled(&form)).unwrap();
        assert_eq!(
            (input.bucket.as_str(), input.key.as_str(), input.acl.canned.as_deref()),
            ("b", "a/b.css", Some("private"))
        );
        assert_eq!((input.content_type.as_deref(), &input.metadata["a"]), (Some("text/css"), &"1".to_owned()));
    }

    #[test]
    fn names_of_files_stand_in_keys() {
        for (file_name, expected) in [(None, "a-${filename}"), (Some(""), "a-"), (Some("x/y.txt"), "a-y.txt")] {
            assert_eq!(key(&filled(&form(&[("key", "a-${filename}")], file_name))).unwrap(), expected);
        }
        assert!(key(&form(&[], None)).is_err() && key(&form(&[("key", "")], None)).is_err());
    }

    #[test]
    fn tags_are_a_document() {
        let read = |document: &str| tags(&form(&[("tagging", document)], None));
        let one = read("<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>").unwrap();
        assert_eq!(one, BTreeMap::from([("a".to_owned(), "1".to_owned())]));
        assert!(read("<Other></Other>").unwrap().is_empty());
        assert!(matches!(read("no document"), Err(Error::MalformedXml)));
    }

    #[test]
    fn browsers_are_sent_to_addresses_alone() {
        let to =
            |url: &str| redirect(&form(&[("redirect", url)], None)).map(|url| redirected(url, "b", "a/b c", "\"e\""));
        let result = "bucket=b&key=a%2Fb+c&etag=%22e%22";
        assert_eq!(to("http://a.example/done"), Some(format!("http://a.example/done?{result}")));
        assert_eq!(to("https://a.example/?x=1"), Some(format!("https://a.example/?x=1&{result}")));
        for no_address in ["/relative", "not a url", "ftp://a.example/", "javascript:alert(1)", "http://a\r\nb/"] {
            assert_eq!(to(no_address), None, "{no_address}");
        }
    }

    #[test]
    fn places_are_as_the_client_sees_them() {
        assert_eq!(location("http://localhost:1", "b", "a/é"), "http://localhost:1/b/a%2F%C3%A9");
        assert_eq!(location("http://b.s3.localhost:1", "b", "a b"), "http://b.s3.localhost:1/a%20b");
        let xml = document("l", "b", "<k>", "\"e\"");
        assert!(xml.ends_with("<Bucket>b</Bucket><Key>&lt;k&gt;</Key><ETag>&quot;e&quot;</ETag></PostResponse>"));
    }
}
