//! What requests say of encryption at rest, and what answers say of it.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>. AWS takes customers' keys over TLS
//! alone; this server takes them over whatever connection it is asked by.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use service::keys::Context;

use super::setting::Encryption;
use crate::error::Error;
use crate::model::setting::{self, Kind};
use crate::name;
use crate::seal::{CustomerKey, Made, Wanted};
use crate::types::{Bucket, Meta, Seal, SealedKey};

pub const MANAGED: &str = "AES256";
pub const KMS: &str = "aws:kms";
pub const KMS_TWICE: &str = "aws:kms:dsse";

/// The member of a context that says what is encrypted.
const CONTEXT_ARN: &str = "aws:s3:arn";

/// What a request says of how an object is to be encrypted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EncryptionHeaders {
    #[serde(rename = "ServerSideEncryption")]
    pub algorithm: Option<String>,
    #[serde(rename = "SSEKMSKeyId")]
    pub kms_key: Option<String>,
    /// JSON in base64.
    #[serde(rename = "SSEKMSEncryptionContext")]
    pub context: Option<String>,
    #[serde(rename = "BucketKeyEnabled")]
    pub bucket_key: Option<String>,
    #[serde(flatten)]
    pub customer: CustomerHeaders,
}

/// A customer's own key, as a request gives it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct CustomerHeaders {
    #[serde(rename = "SSECustomerAlgorithm")]
    pub algorithm: Option<String>,
    /// In base64.
    #[serde(rename = "SSECustomerKey")]
    pub key: Option<String>,
    #[serde(rename = "SSECustomerKeyMD5")]
    pub md5: Option<String>,
}

/// The same, of the source of a copy.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SourceHeaders {
    #[serde(rename = "CopySourceSSECustomerAlgorithm")]
    algorithm: Option<String>,
    #[serde(rename = "CopySourceSSECustomerKey")]
    key: Option<String>,
    #[serde(rename = "CopySourceSSECustomerKeyMD5")]
    md5: Option<String>,
}

/// Nothing of the key.
impl fmt::Debug for CustomerHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerHeaders").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl fmt::Debug for SourceHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceHeaders").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn refused(value: &str, reason: &str) -> Error {
    Error::argument("x-amz-server-side-encryption", value, reason)
}

impl CustomerHeaders {
    /// The key, if there is one.
    ///
    /// # Errors
    /// When it is half there, or is none.
    pub fn key(&self) -> Result<Option<CustomerKey>, Error> {
        let (algorithm, key) = match (&self.algorithm, &self.key) {
            (None, None) if self.md5.is_none() => return Ok(None),
            (Some(algorithm), Some(key)) => (algorithm, key),
            (None, _) => {
                let reason = "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.";
                return Err(refused("null", reason));
            }
            (Some(_), None) => {
                let reason = "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.";
                return Err(refused("null", reason));
            }
        };
        if algorithm != MANAGED {
            let message = "The Encryption request you specified is not valid. Supported value: AES256.";
            let told = service::Error::new(400, "InvalidEncryptionAlgorithmError", message);
            let told = told.with_member("ArgumentName", "x-amz-server-side-encryption");
            return Err(Error::Told(told.with_member("ArgumentValue", algorithm.as_str())));
        }
        let invalid = || refused("null", "The secret key was invalid for the specified algorithm.");
        let bytes = vault::Zeroizing::new(STANDARD.decode(key).map_err(|_| invalid())?);
        let key = vault::Key::from_bytes(&bytes).ok_or_else(invalid)?;
        let md5 = STANDARD.encode(Md5::digest(&*bytes));
        // AWS does without it where it is not there.
        if self.md5.as_ref().is_some_and(|stated| *stated != md5) {
            let reason = "The calculated MD5 hash of the key did not match the hash that was provided.";
            return Err(refused("null", reason));
        }
        Ok(Some(CustomerKey { key, md5 }))
    }
}

impl SourceHeaders {
    /// # Errors
    /// As above.
    pub fn key(&self) -> Result<Option<CustomerKey>, Error> {
        let Self { algorithm, key, md5 } = self;
        CustomerHeaders { algorithm: algorithm.clone(), key: key.clone(), md5: md5.clone() }.key()
    }
}

impl EncryptionHeaders {
    /// Whether there is any word of it.
    pub fn are_given(&self) -> bool {
        self.algorithm.is_some() || self.customer.algorithm.is_some()
    }

    /// How an object is to be encrypted: as the request says, or else as its bucket does.
    ///
    /// # Errors
    /// When what the request says does not fit together, or is not taken.
    pub fn wanted(&self, read: &impl kv::Read, bucket: &Bucket, key: &str) -> Result<Wanted, Error> {
        if let Some(customer) = self.customer.key()? {
            return match &self.algorithm {
                None => Ok(Wanted::Customer(customer)),
                Some(algorithm) => {
                    let reason = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified";
                    Err(refused(algorithm, reason))
                }
            };
        }
        let of_bucket = default_of(read, bucket)?;
        let rule = of_bucket.rules.first();
        // Of a request with a word of its own, the bucket says only whether a key of the bucket is used.
        let default = rule.filter(|_| self.algorithm.is_none());
        let default = default.and_then(|rule| rule.apply_server_side_encryption_by_default.as_ref());
        let algorithm = self.algorithm.as_deref().or(default.map(|default| default.algorithm.as_str()));
        if self.algorithm.as_deref() != Some(KMS) && (self.kms_key.is_some() || self.context.is_some()) {
            let reason = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms";
            return Err(refused(self.algorithm.as_deref().unwrap_or("null"), reason));
        }
        match algorithm {
            None | Some(MANAGED) => Ok(Wanted::Managed),
            Some(KMS) => {
                let stated = self.bucket_key.as_deref().map(|stated| stated.eq_ignore_ascii_case("true"));
                let bucket_key = stated.unwrap_or(rule.is_some_and(|rule| rule.bucket_key_enabled));
                let key_name = self.kms_key.clone().or_else(|| default?.key.clone());
                let context = context(self.context.as_deref(), bucket, key, bucket_key)?;
                Ok(Wanted::Kms { key: key_name, context, bucket_key })
            }
            Some(KMS_TWICE) => Err(Error::NotImplemented("x-amz-server-side-encryption: aws:kms:dsse")),
            Some(other) => Err(refused(other, "The encryption method specified is not supported")),
        }
    }
}

/// What a bucket says of objects that come without a word of it.
fn default_of(read: &impl kv::Read, bucket: &Bucket) -> Result<Encryption, Error> {
    match setting::get(read, bucket.id, Kind::Encryption)? {
        Some(text) => Ok(serde_json::from_str(&text).map_err(service::Error::internal)?),
        None => Ok(Encryption::default()),
    }
}

/// What a data key is bound to: the caller's own words, and the object, or its bucket where that has a key.
pub fn context(stated: Option<&str>, bucket: &Bucket, key: &str, bucket_key: bool) -> Result<Context, Error> {
    let invalid = |stated: &str| {
        let reason = "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map";
        Error::argument("x-amz-server-side-encryption-context", stated, reason)
    };
    let mut context = match stated {
        None => Context::new(),
        Some(stated) => {
            let json = STANDARD.decode(stated).map_err(|_| invalid(stated))?;
            serde_json::from_slice(&json).map_err(|_| invalid(stated))?
        }
    };
    let named = if bucket_key { bucket.name.clone() } else { format!("{}/{key}", bucket.name) };
    context.insert(CONTEXT_ARN.to_owned(), name::arn(&named).to_string());
    Ok(context)
}

/// The same with what it says of the encryption that a seal is.
pub fn told(meta: Meta, made: &Made) -> Meta {
    let encryption = made.kms_key.as_ref().map(|_| KMS.to_owned());
    Meta { encryption, encryption_key: made.kms_key.clone(), ..meta }
}

/// What answers say of an object's encryption.
#[derive(Debug, Default, Serialize)]
pub struct EncryptionShown {
    #[serde(rename = "ServerSideEncryption")]
    pub algorithm: Option<String>,
    #[serde(rename = "SSEKMSKeyId")]
    pub kms_key: Option<String>,
    #[serde(rename = "BucketKeyEnabled")]
    pub bucket_key: Option<bool>,
    #[serde(rename = "SSECustomerAlgorithm")]
    pub customer_algorithm: Option<&'static str>,
    #[serde(rename = "SSECustomerKeyMD5")]
    pub customer_md5: Option<String>,
}

impl EncryptionShown {
    /// To whom gives the `customer`'s key with the request, where there is one.
    pub fn of(seal: Option<&Seal>, meta: &Meta, customer: Option<&CustomerKey>) -> EncryptionShown {
        match seal.map(|seal| &seal.key) {
            Some(SealedKey::Customer(_)) => EncryptionShown {
                customer_algorithm: customer.map(|_| MANAGED),
                customer_md5: customer.map(|customer| customer.md5.clone()),
                ..EncryptionShown::default()
            },
            sealed => EncryptionShown {
                algorithm: Some(meta.encryption.clone().unwrap_or_else(|| MANAGED.to_owned())),
                kms_key: meta.encryption_key.clone(),
                bucket_key: matches!(sealed, Some(SealedKey::Kms { bucket_key: true, .. })).then_some(true),
                ..EncryptionShown::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(algorithm: Option<&str>, key: Option<&str>, md5: Option<&str>) -> CustomerHeaders {
        CustomerHeaders {
            algorithm: algorithm.map(Into::into),
            key: key.map(|key| STANDARD.encode(key)),
            md5: md5.map(Into::into),
        }
    }

    #[test]
    fn a_customers_key_is_whole_or_refused() {
        let key = "k".repeat(32);
        let whole = headers(Some("AES256"), Some(&key), None).key().unwrap().unwrap();
        assert!(headers(Some("AES256"), Some(&key), Some(&whole.md5)).key().is_ok());
        assert!(headers(None, None, None).key().unwrap().is_none());
        for (bad, told) in [
            (headers(Some("AES256"), None, None), "appropriate secret key"),
            (headers(None, Some(&key), None), "valid encryption algorithm"),
            (headers(None, None, Some(&whole.md5)), "valid encryption algorithm"),
            (headers(Some("AES128"), Some(&key), None), "Supported value: AES256"),
            (headers(Some("AES256"), Some("short"), None), "secret key was invalid"),
            (headers(Some("AES256"), Some(&key), Some("x")), "MD5 hash of the key did not match"),
        ] {
            let error = bad.key().unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(!format!("{:?}", headers(Some("AES256"), Some(&key), None)).contains(&STANDARD.encode(&key)));
    }

    #[test]
    fn contexts_name_what_is_encrypted() {
        let bucket = Bucket {
            name: "b".into(),
            id: 1,
            region: "r".into(),
            created: base::Timestamp(0),
            versioning: Default::default(),
        };
        let of = |stated: Option<&str>, bucket_key| {
            context(stated.map(|json| STANDARD.encode(json)).as_deref(), &bucket, "a/k", bucket_key)
        };
        assert_eq!(of(None, false).unwrap()[CONTEXT_ARN], "arn:aws:s3:::b/a/k");
        let own = of(Some(r#"{"team":"x"}"#), true).unwrap();
        assert_eq!((own[CONTEXT_ARN].as_str(), own["team"].as_str()), ("arn:aws:s3:::b", "x"));
        assert!(of(Some("[]"), false).is_err() && context(Some("%"), &bucket, "k", false).is_err());
    }
}
