//! Values, in and out of the store: each is encrypted under a data key of its secret's KMS key.
//!
//! Source: <https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html>

use std::collections::BTreeMap;

use service::Cx;
use subtle::ConstantTimeEq as _;
use vault::{Envelope, Zeroizing};
use wire::Blob;

use crate::error::Error;
use crate::types::{Secret, Version};

const SERVICE: &str = "secretsmanager";

/// A value on its way in. It has no `Debug`: nobody prints it by mistake.
pub struct Value {
    pub bytes: Zeroizing<Vec<u8>>,
    pub is_binary: bool,
}

impl Value {
    /// The one that a request has, if it has one.
    ///
    /// # Errors
    /// For two, and for what is too long.
    pub fn read(text: Option<String>, binary: Option<Blob>) -> Result<Option<Value>, Error> {
        let value = match (text, binary) {
            (Some(_), Some(_)) => {
                return Err(Error::InvalidParameter(
                    "You can't specify both a binary secret value and a string secret value in the same secret.".into(),
                ));
            }
            (Some(text), None) => Value { bytes: Zeroizing::new(text.into_bytes()), is_binary: false },
            (None, Some(blob)) => Value { bytes: Zeroizing::new(blob.to_vec()), is_binary: true },
            (None, None) => return Ok(None),
        };
        let member = if value.is_binary { "secretBinary" } else { "secretString" };
        let mut constraints = service::Constraints::default();
        if value.bytes.is_empty() {
            constraints.fail_unseen(member, "have length greater than or equal to 1");
        }
        if value.bytes.len() > crate::limits::SECRET_BYTES_MAX {
            let max = crate::limits::SECRET_BYTES_MAX;
            constraints.fail_unseen(member, format_args!("have length less than or equal to {max}"));
        }
        constraints.check()?;
        Ok(Some(value))
    }
}

/// What a ciphertext is bound to.
fn context(secret: &Secret, version: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("SecretARN".to_owned(), secret.arn.to_string()),
        ("SecretVersionId".to_owned(), version.to_owned()),
    ])
}

/// Encrypts a value as a version of a secret.
pub async fn seal(cx: &Cx, secret: &Secret, id: &str, value: &Value) -> Result<Version, Error> {
    let sealed = vault::seal(cx, SERVICE, secret.key.as_deref(), &context(secret, id), &value.bytes).await;
    let (envelope, key) = sealed.map_err(|error| failure(error, Error::Encryption))?;
    let (created, is_binary) = (cx.now(), value.is_binary);
    Ok(Version { created, value: Some(envelope), is_binary, key: Some(key), accessed: None })
}

pub async fn open(cx: &Cx, secret: &Secret, id: &str, envelope: &Envelope) -> Result<Zeroizing<Vec<u8>>, Error> {
    let opened = vault::open(cx, SERVICE, &context(secret, id), envelope).await;
    opened.map_err(|error| failure(error, Error::Decryption))
}

/// What KMS refuses, as this service says it.
fn failure(error: service::Error, as_failure: fn(String) -> Error) -> Error {
    match &*error.code {
        "AccessDeniedException" => Error::AccessDenied(format!("Access to KMS is not allowed: {}", error.message)),
        "NotFoundException"
        | "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException"
        | "InvalidCiphertextException"
        | "UnsupportedOperationException" => as_failure(format!(
            "The KMS key of this secret cannot be used: {}",
            if error.message.is_empty() { &*error.code } else { &error.message }
        )),
        _ => Error::Other(error),
    }
}

/// Whether a version that is there is just what is to be put: a repeated request.
pub async fn is_same(cx: &Cx, secret: &Secret, id: &str, version: &Version, value: &Value) -> Result<bool, Error> {
    let Some(envelope) = &version.value else { return Ok(false) };
    let opened = open(cx, secret, id, envelope).await?;
    Ok(version.is_binary == value.is_binary && bool::from(opened.ct_eq(&value.bytes)))
}
