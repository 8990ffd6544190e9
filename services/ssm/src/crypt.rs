//! Secure strings, in and out of the store.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html>

use std::collections::BTreeMap;

use base::Arn;
use service::Cx;
use vault::Envelope;

use crate::error::Error;

const SERVICE: &str = "ssm";

/// What a ciphertext is bound to.
fn context(arn: &Arn) -> BTreeMap<String, String> {
    BTreeMap::from([("PARAMETER_ARN".to_owned(), arn.to_string())])
}

pub async fn seal(cx: &Cx, arn: &Arn, key: Option<&str>, value: &str) -> Result<Envelope, Error> {
    let sealed = vault::seal(cx, SERVICE, key, &context(arn), value.as_bytes()).await;
    sealed.map(|(envelope, _)| envelope).map_err(failure)
}

pub async fn open(cx: &Cx, arn: &Arn, envelope: &Envelope) -> Result<String, Error> {
    let opened = vault::open(cx, SERVICE, &context(arn), envelope).await.map_err(failure)?;
    Ok(String::from_utf8_lossy(&opened).into_owned())
}

/// What KMS refuses, as this service says it.
fn failure(error: service::Error) -> Error {
    match &*error.code {
        "AccessDeniedException" => Error::AccessDenied(error.message),
        "NotFoundException"
        | "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException"
        | "InvalidCiphertextException"
        | "UnsupportedOperationException" => Error::InvalidKeyId(format!(
            "{} (Service: AWSKMS; Error Code: {})",
            if error.message.is_empty() { "The key cannot be used." } else { &error.message },
            error.code
        )),
        _ => Error::Other(error),
    }
}
