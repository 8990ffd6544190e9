//! What comes with an object as headers, and what of it is taken.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

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
            #[serde(flatten)]
            pub acl: crate::ops::acl::AclHeaders,
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
            #[serde(flatten)]
            pub encryption: crate::ops::encryption::EncryptionHeaders,
            #[serde(flatten)]
            pub lock: crate::ops::lock::LockHeaders,
        }

        impl $name {
            /// What policies may look at, of whoever makes an object.
            /// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>
            pub fn context(&self) -> Vec<(String, Vec<String>)> {
                let headers = [
                    ("s3:x-amz-storage-class", &self.storage_class),
                    ("s3:x-amz-server-side-encryption", &self.encryption.algorithm),
                    ("s3:x-amz-server-side-encryption-aws-kms-key-id", &self.encryption.kms_key),
                    ("s3:x-amz-server-side-encryption-customer-algorithm", &self.encryption.customer.algorithm),
                    ("s3:x-amz-website-redirect-location", &self.website_redirect_location),
                ];
                let given = headers.into_iter().filter_map(|(key, value)| Some((key.to_owned(), vec![value.clone()?])));
                let tags = crate::ops::meta::tags(self.tagging.as_deref()).unwrap_or_default();
                given.chain(self.acl.context()).chain(crate::ops::meta::tag_context(&tags)).collect()
            }

            /// What has to be permitted: to put the object, and what is said of it besides.
            ///
            /// # Errors
            /// When the store cannot be read.
            pub fn permissions(
                &self,
                cx: &service::Cx,
                context: Vec<(String, Vec<String>)>,
            ) -> Result<Vec<service::Permission>, service::Error> {
                let mut put = crate::ops::object_permission(cx, "s3:PutObject", &self.bucket, &self.key)?;
                put.context.extend(context);
                let of_tags = self.tagging.is_some().then_some("s3:PutObjectTagging");
                let of_acl = self.acl.are_given().then_some("s3:PutObjectAcl");
                let mut all = vec![put];
                for action in of_tags.into_iter().chain(of_acl) {
                    let context = all.first().map(|put| put.context.clone()).unwrap_or_default();
                    let needed = crate::ops::object_permission(cx, action, &self.bucket, &self.key)?;
                    all.push(service::Permission { context, ..needed });
                }
                all.extend(self.lock.permissions(cx, &self.bucket, &self.key)?);
                Ok(all)
            }

            /// What the object has beside its bytes, but for what its seal tells.
            ///
            /// # Errors
            /// When it is too much, or not what is taken.
            pub fn meta(&self, cx: &service::Cx) -> Result<crate::types::Meta, crate::error::Error> {
                let meta = crate::types::Meta {
                    cache_control: self.cache_control.clone(),
                    content_disposition: self.content_disposition.clone(),
                    content_encoding: crate::ops::meta::content_encoding(self.content_encoding.as_deref()),
                    content_language: self.content_language.clone(),
                    content_type: self.content_type.clone(),
                    expires: self.expires.clone(),
                    website_redirect: self.website_redirect_location.clone(),
                    storage_class: self.storage_class.clone(),
                    encryption: None,
                    encryption_key: None,
                    upload: None,
                    lock: self.lock.lock(cx)?,
                    acl: self.acl.grants(cx, crate::ops::acl::Of::Object)?,
                    user: self.metadata.clone(),
                };
                crate::ops::meta::check(meta)
            }
        }
    };
}
pub(crate) use object_input;

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

/// # Errors
/// What is not taken of an object's headers.
pub fn check(meta: Meta) -> Result<Meta, Error> {
    if let Some(class) = meta.storage_class.as_deref().filter(|class| !STORAGE_CLASSES.contains(class)) {
        let told = service::Error::new(400, "InvalidStorageClass", "The storage class you specified is not valid");
        return Err(Error::Told(told.with_member("StorageClassRequested", class)));
    }
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
        if !is_plain(&key) || !is_plain(&value) || tags.insert(key, value).is_some() {
            return Err(bad());
        }
    }
    check_tags(&tags, Tagged::Object)?;
    Ok(tags)
}

/// What policies may look at, of tags that a request has.
pub fn tag_context(tags: &BTreeMap<String, String>) -> Vec<(String, Vec<String>)> {
    let each = tags.iter().map(|(key, value)| (format!("s3:RequestObjectTag/{key}"), vec![value.clone()]));
    let keys = (!tags.is_empty()).then(|| ("s3:RequestObjectTagKeys".to_owned(), tags.keys().cloned().collect()));
    each.chain(keys).collect()
}

/// What tags are put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged {
    Bucket,
    /// With its creation.
    NewBucket,
    Object,
}

impl Tagged {
    fn most(self) -> usize {
        if self == Tagged::Object { limits::OBJECT_TAGS_MAX } else { limits::BUCKET_TAGS_MAX }
    }

    /// How AWS words that keys which begin with `aws:` are its own.
    fn reserved(self) -> &'static str {
        match self {
            Tagged::Bucket => "System tags cannot be added/updated by requester",
            Tagged::NewBucket => {
                "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \"aws:\" from your tag keys and try again."
            }
            Tagged::Object => "Your TagKey cannot be prefixed with aws:",
        }
    }
}

/// Whether a tag's key or value has nothing but letters, spaces, digits and a few signs.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
fn is_plain(text: &str) -> bool {
    let is_space = |character: char| character.is_whitespace() && !character.is_control();
    text.chars().all(|character| character.is_alphanumeric() || is_space(character) || "_.:/=+-@".contains(character))
}

/// # Errors
/// [`Error::InvalidTag`], or that there are too many.
pub fn check_tags(tags: &BTreeMap<String, String>, of: Tagged) -> Result<(), Error> {
    let most = of.most();
    if tags.len() > most {
        let what = if of == Tagged::Object { "Object tags" } else { "Tags" };
        let told = service::Error::new(400, "BadRequest", format!("{what} cannot be greater than {most}"));
        return Err(Error::Told(told));
    }
    for (key, value) in tags {
        if key.starts_with("aws:") {
            let told = (of != Tagged::NewBucket).then(|| key.clone());
            return Err(Error::InvalidTag { reason: of.reserved().into(), key: told, value: None });
        }
        if key.is_empty() || key.chars().count() > limits::TAG_KEY_CHARACTERS_MAX || !is_plain(key) {
            let reason = "The TagKey you have provided is invalid".into();
            return Err(Error::InvalidTag { reason, key: Some(key.clone()), value: None });
        }
        if value.chars().count() > limits::TAG_VALUE_CHARACTERS_MAX || !is_plain(value) {
            let reason = "The TagValue you have provided is invalid".into();
            return Err(Error::InvalidTag { reason, key: Some(key.clone()), value: Some(value.clone()) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_form() {
        let read = |header: &str| tags(Some(header)).map(|tags| tags.into_iter().collect::<Vec<_>>());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read("a=1&b%20c=%C3%A4+x&d").unwrap(), [pair("a", "1"), pair("b c", "ä x"), pair("d", "")]);
        let many = (0..11).map(|number| format!("k{number}=v")).collect::<Vec<_>>().join("&");
        for bad in
            ["a=1&a=2", "=x", "a=%ff", &many, &format!("{}=v", "k".repeat(129)), &format!("k={}", "v".repeat(257))]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        for (bad, code) in [("a=1,b=2", "InvalidArgument"), ("a=%22", "InvalidArgument"), ("aws:a=1", "InvalidTag")] {
            assert_eq!(read(bad).map_err(|error| error.entry().0), Err(code.to_owned()), "{bad}");
        }
    }

    #[test]
    fn tags_have_letters_digits_and_few_signs() {
        let refused = |key: &str, value: &str, of| {
            let error = check_tags(&[(key.to_owned(), value.to_owned())].into(), of).err()?;
            let error = service::Error::from(error);
            Some((error.message, error.members.keys().cloned().collect::<Vec<_>>()))
        };
        for (key, value) in [("cloudlet:thumbnail:a", "w=1 crop=top+left from=a/"), ("a@b.c", "ä-1_2"), ("b:aws:c", "")]
        {
            assert_eq!(refused(key, value, Tagged::Bucket), None);
        }
        let key = || vec!["TagKey".to_owned()];
        for bad in ["a,b", "a&b", "a\tb", "{}"] {
            assert_eq!(
                refused(bad, "", Tagged::Object),
                Some(("The TagKey you have provided is invalid".into(), key()))
            );
        }
        let of_value =
            ("The TagValue you have provided is invalid".into(), vec!["TagKey".to_owned(), "TagValue".to_owned()]);
        assert_eq!(refused("a", "b,c", Tagged::Bucket), Some(of_value));
        for (of, members) in [(Tagged::Bucket, key()), (Tagged::NewBucket, vec![]), (Tagged::Object, key())] {
            assert_eq!(refused("aws:a", "", of), Some((of.reserved().into(), members)));
        }
    }

    #[test]
    fn how_it_was_sent_is_not_how_it_is_encoded() {
        assert_eq!(content_encoding(Some("aws-chunked")), None);
        assert_eq!(content_encoding(Some("gzip, aws-chunked")).as_deref(), Some("gzip"));
        assert_eq!(content_encoding(Some("gzip")).as_deref(), Some("gzip"));
    }
}
