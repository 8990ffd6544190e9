//! What comes with an object as headers, and what of it is taken.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use wire::rest_xml::Algorithm;

use crate::error::Error;
use crate::limits;
use crate::types::Meta;

/// An input with the headers of an object, besides members of its own.
macro_rules! object_input {
    ($(#[$attribute:meta])* pub struct $name:ident { $($(#[$field_attribute:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub struct $name {
            $($(#[$field_attribute])* pub $field: $type,)*
            pub bucket: String,
            pub key: String,
            #[serde(rename = "ACL")]
            pub acl: Option<String>,
            pub cache_control: Option<String>,
            pub content_disposition: Option<String>,
            pub content_encoding: Option<String>,
            pub content_language: Option<String>,
            pub content_type: Option<String>,
            pub expires: Option<String>,
            pub metadata: std::collections::BTreeMap<String, String>,
            pub storage_class: Option<String>,
            pub tagging: Option<String>,
            pub website_redirect_location: Option<String>,
            pub server_side_encryption: Option<String>,
            #[serde(rename = "SSEKMSKeyId")]
            pub sse_kms_key_id: Option<String>,
            #[serde(rename = "SSECustomerAlgorithm")]
            pub sse_customer_algorithm: Option<String>,
            pub object_lock_mode: Option<String>,
            pub object_lock_legal_hold_status: Option<String>,
        }

        impl $name {
            /// What the object has beside its bytes.
            ///
            /// # Errors
            /// When it is too much, or not what is taken.
            pub fn meta(&self) -> Result<crate::types::Meta, crate::error::Error> {
                let meta = crate::types::Meta {
                    cache_control: self.cache_control.clone(),
                    content_disposition: self.content_disposition.clone(),
                    content_encoding: crate::ops::meta::content_encoding(self.content_encoding.as_deref()),
                    content_language: self.content_language.clone(),
                    content_type: self.content_type.clone(),
                    expires: self.expires.clone(),
                    website_redirect: self.website_redirect_location.clone(),
                    storage_class: self.storage_class.clone(),
                    encryption: self.server_side_encryption.clone(),
                    encryption_key: self.sse_kms_key_id.clone(),
                    user: self.metadata.clone(),
                };
                if self.sse_customer_algorithm.is_some() {
                    return Err(crate::error::Error::NotImplemented("x-amz-server-side-encryption-customer-algorithm"));
                }
                if self.object_lock_mode.is_some() || self.object_lock_legal_hold_status.is_some() {
                    return Err(crate::error::Error::NotImplemented("x-amz-object-lock-mode"));
                }
                crate::ops::meta::check(self.acl.as_deref(), meta)
            }
        }
    };
}
pub(crate) use object_input;

/// # Errors
/// For access control lists that say more than that the owner may: S3 has none of them in buckets that are made as it makes them.
pub fn check_acl(acl: Option<&str>) -> Result<(), Error> {
    if acl.is_none_or(|acl| PRIVATE.contains(&acl)) {
        return Ok(());
    }
    Err(Error::Told(service::Error::new(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")))
}

/// Canned ACLs that say no more than that the owner may.
const PRIVATE: [&str; 3] = ["private", "bucket-owner-full-control", "bucket-owner-read"];

const STORAGE_CLASSES: [&str; 12] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "GLACIER_IR",
    "SNOW",
    "EXPRESS_ONEZONE",
    "FSX_OPENZFS",
];

pub const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

/// # Errors
/// What is not taken of an object's headers.
pub fn check(acl: Option<&str>, meta: Meta) -> Result<Meta, Error> {
    check_acl(acl)?;
    let of = |name: &'static str, value: Option<&str>, known: &[&str], reason: &str| match value {
        Some(value) if !known.contains(&value) => Err(Error::argument(name, value, reason)),
        _ => Ok(()),
    };
    if let Some(class) = meta.storage_class.as_deref().filter(|class| !STORAGE_CLASSES.contains(class)) {
        let told = service::Error::new(400, "InvalidStorageClass", "The storage class you specified is not valid");
        return Err(Error::Told(told.with_member("StorageClassRequested", class)));
    }
    let reason = "The encryption method specified is not supported";
    of("x-amz-server-side-encryption", meta.encryption.as_deref(), &ENCRYPTIONS, reason)?;
    let bytes = meta.user.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits::METADATA_BYTES_MAX {
        return Err(Error::MetadataTooLarge(bytes));
    }
    Ok(meta)
}

/// How the content is encoded, less how it was sent.
pub fn content_encoding(header: Option<&str>) -> Option<String> {
    let codings = header?.split(',').map(str::trim).filter(|coding| !coding.is_empty() && *coding != "aws-chunked");
    let codings = codings.collect::<Vec<_>>().join(", ");
    (!codings.is_empty()).then_some(codings)
}

/// Reads tags as the header has them: a form.
///
/// # Errors
/// [`Error::InvalidTag`], [`Error::InvalidArgument`].
pub fn tags(header: Option<&str>) -> Result<BTreeMap<String, String>, Error> {
    let mut tags = BTreeMap::new();
    let header = header.unwrap_or_default();
    let bad = || {
        Error::argument(
            "x-amz-tagging",
            header,
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
        )
    };
    for pair in header.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode =
            |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().map(Into::into).map_err(|_| bad());
        let (key, value): (String, String) = (decode(key)?, decode(value)?);
        if tags.insert(key, value).is_some() {
            return Err(bad());
        }
    }
    check_tags(&tags, limits::OBJECT_TAGS_MAX)?;
    Ok(tags)
}

/// # Errors
/// [`Error::InvalidTag`], or that there are too many.
pub fn check_tags(tags: &BTreeMap<String, String>, most: usize) -> Result<(), Error> {
    if tags.len() > most {
        let told = service::Error::new(400, "BadRequest", format!("Tags cannot be greater than {most}"));
        return Err(Error::Told(told));
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > limits::TAG_KEY_CHARACTERS_MAX {
            return Err(Error::InvalidTag("The TagKey you have provided is invalid".into()));
        }
        if value.chars().count() > limits::TAG_VALUE_CHARACTERS_MAX {
            return Err(Error::InvalidTag("The TagValue you have provided is invalid".into()));
        }
    }
    Ok(())
}

/// What an input says of the body that comes with it.
macro_rules! checksum_input {
    ($input:expr) => {{
        let input = &$input;
        crate::digests::Stated {
            md5: input.content_md5.clone(),
            algorithm: input.checksum_algorithm.clone(),
            trailer: input.trailer.clone(),
            checksums: crate::ops::meta::checksums!(input),
        }
    }};
}
pub(crate) use checksum_input;

/// The checksums among an input's members, by algorithm.
macro_rules! checksums {
    ($input:expr) => {
        crate::ops::meta::by_algorithm([
            &$input.checksum_crc32,
            &$input.checksum_crc32c,
            &$input.checksum_crc64nvme,
            &$input.checksum_sha1,
            &$input.checksum_sha256,
        ])
    };
}
pub(crate) use checksums;

/// Checksums in the order of [`Algorithm::ALL`].
pub fn by_algorithm(checksums: [&Option<String>; 5]) -> Vec<(Algorithm, String)> {
    let of = |(algorithm, value): (Algorithm, &Option<String>)| Some((algorithm, value.clone()?));
    Algorithm::ALL.into_iter().zip(checksums).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_form() {
        let read = |header| tags(Some(header)).map(|tags| tags.into_iter().collect::<Vec<_>>());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read("a=1&b%20c=%C3%A4+x&d").unwrap(), [pair("a", "1"), pair("b c", "ä x"), pair("d", "")]);
        let many = (0..11).map(|number| format!("k{number}=v")).collect::<Vec<_>>().join("&");
        for bad in
            ["a=1&a=2", "=x", "a=%ff", &many, &format!("{}=v", "k".repeat(129)), &format!("k={}", "v".repeat(257))]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn how_it_was_sent_is_not_how_it_is_encoded() {
        assert_eq!(content_encoding(Some("aws-chunked")), None);
        assert_eq!(content_encoding(Some("gzip, aws-chunked")).as_deref(), Some("gzip"));
        assert_eq!(content_encoding(Some("gzip")).as_deref(), Some("gzip"));
    }
}
