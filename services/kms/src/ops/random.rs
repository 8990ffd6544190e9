//! GenerateRandom.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Constraints, Cx};
use wire::Blob;

use super::refuse_recipient;
use crate::Kms;
use crate::error::Error;
use crate::limits;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RandomInput {
    pub number_of_bytes: Option<i64>,
    pub custom_key_store_id: Option<String>,
    pub recipient: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RandomOutput {
    pub plaintext: Blob,
}

pub async fn generate(_: Arc<Kms>, cx: Cx, input: RandomInput) -> Result<RandomOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.range(input.number_of_bytes, "numberOfBytes", &limits::RANDOM_BYTES_RANGE);
    constraints.check()?;
    refuse_recipient(input.recipient.as_ref())?;
    if input.custom_key_store_id.is_some() {
        return Err(Error::NotImplemented("A KMS custom key store".into()));
    }
    let bytes = input.number_of_bytes.and_then(|bytes| usize::try_from(bytes).ok());
    let mut random = vec![0; bytes.ok_or_else(|| Error::Validation("NumberOfBytes is required.".into()))?];
    cx.env().random(&mut random);
    Ok(RandomOutput { plaintext: random.into() })
}
