//! Encryption by KMS keys, for other services: buckets, secrets, secure parameters, tables. Each call is one of KMS's own operations,
//! as the request's caller and through the service, so that the key's policy decides.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use wire::Blob;

use crate::{Cx, Error};

/// What a ciphertext is bound to, in words that policies see, too.
pub type Context = BTreeMap<String, String>;

/// A key for one thing, and the same encrypted, to be kept beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey {
    /// 32 bytes. They have no `Debug`: nobody prints them by mistake.
    pub plaintext: Bytes,
    pub sealed: Bytes,
    /// The ARN of the KMS key.
    pub key: String,
}

/// A new data key of a KMS key, named by id, ARN or alias; of the service's own (`alias/aws/s3`), where none is named.
///
/// # Errors
/// KMS's: the caller may not use the key, or nobody may now, or there is none.
pub async fn data_key(cx: &Cx, service: &'static str, key: Option<&str>, context: &Context) -> Result<DataKey, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        plaintext: Blob,
        ciphertext_blob: Blob,
        key_id: String,
    }
    let own = format!("alias/aws/{service}");
    let input = json!({"KeyId": key.unwrap_or(&own), "KeySpec": "AES_256", "EncryptionContext": context});
    let Answer { plaintext, ciphertext_blob, key_id } =
        cx.through(service).call("kms", "GenerateDataKey", input).await?;
    Ok(DataKey { plaintext: plaintext.0, sealed: ciphertext_blob.0, key: key_id })
}

/// The ARN of a KMS key, named by id, ARN or alias; of the service's own (`alias/aws/dynamodb`), where none is named.
///
/// # Errors
/// KMS's: the caller may not know of the key, or there is none.
pub async fn arn(cx: &Cx, service: &'static str, key: Option<&str>) -> Result<String, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        key_metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Metadata {
        arn: String,
    }
    let own = format!("alias/aws/{service}");
    let input = json!({"KeyId": key.unwrap_or(&own)});
    let Answer { key_metadata } = cx.through(service).call("kms", "DescribeKey", input).await?;
    Ok(key_metadata.arn)
}

/// A data key that was made with the same context.
///
/// # Errors
/// KMS's, as above.
pub async fn open(cx: &Cx, service: &'static str, sealed: &[u8], context: &Context) -> Result<Bytes, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        plaintext: Blob,
    }
    let input = json!({"CiphertextBlob": Blob::from(sealed), "EncryptionContext": context});
    let Answer { plaintext } = cx.through(service).call("kms", "Decrypt", input).await?;
    Ok(plaintext.0)
}
