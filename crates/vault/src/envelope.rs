//! Values of services, encrypted under KMS keys: each has a data key of its own, which KMS has encrypted.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::keys::{self, Context};
use service::{Cx, Error as ServiceError};
use zeroize::Zeroizing;

use crate::Key;

/// What is stored of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The data key, encrypted by KMS.
    pub key: Bytes,
    /// The value, sealed with the data key.
    pub value: Bytes,
}

/// What the value is bound to: the same as its data key.
fn place(context: &Context) -> Vec<u8> {
    let pairs = context.iter().flat_map(|(name, value)| [name, value]);
    pairs.flat_map(|text| (text.len() as u64).to_be_bytes().into_iter().chain(text.bytes())).collect()
}

/// Encrypts a value under a KMS key; returns that key's ARN too. Without a `key` it is the one that `service` has.
///
/// # Errors
/// KMS's.
pub async fn seal(
    cx: &Cx,
    service: &'static str,
    key: Option<&str>,
    context: &Context,
    value: &[u8],
) -> Result<(Envelope, String), ServiceError> {
    let data_key = keys::data_key(cx, service, key, context).await?;
    let with = Key::from_bytes(&data_key.plaintext).ok_or_else(|| ServiceError::internal("a data key's length"))?;
    let sealed = with.seal(cx.env(), &place(context), value).map_err(ServiceError::internal)?;
    Ok((Envelope { key: data_key.sealed, value: sealed.into() }, data_key.key))
}

/// # Errors
/// KMS's.
pub async fn open(
    cx: &Cx,
    service: &'static str,
    context: &Context,
    envelope: &Envelope,
) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    let data_key = keys::open(cx, service, &envelope.key, context).await?;
    let with = Key::from_bytes(&data_key).ok_or_else(|| ServiceError::internal("a data key's length"))?;
    with.open(&place(context), &envelope.value).map_err(ServiceError::internal)
}
