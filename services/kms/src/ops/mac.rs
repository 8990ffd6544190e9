//! GenerateMac, VerifyMac.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use subtle::ConstantTimeEq as _;
use wire::Blob;

use super::{check_algorithm, check_bytes, check_dry_run, check_key_id, current, of_key, usable};
use crate::Kms;
use crate::crypto;
use crate::error::Error;
use crate::limits;
use crate::spec::{Usage, hash_of};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MacInput {
    pub message: Blob,
    pub key_id: String,
    pub mac_algorithm: Option<String>,
    /// Only of VerifyMac.
    pub mac: Blob,
    pub dry_run: Option<bool>,
}
of_key!(MacInput);

/// In the order in which AWS tells them.
const ALGORITHMS: [&str; 4] = ["HMAC_SHA_384", "HMAC_SHA_256", "HMAC_SHA_224", "HMAC_SHA_512"];

/// What the operations have in common: the key's ARN, and the code of the message.
async fn compute(kms: &Kms, cx: &Cx, input: &MacInput, operation: &str) -> Result<(String, String, Vec<u8>), Error> {
    let mut constraints = Constraints::default();
    check_key_id(&mut constraints, &input.key_id, "keyId");
    check_bytes(&mut constraints, &input.message, "message", limits::PLAINTEXT_BYTES_MAX);
    constraints.required(input.mac_algorithm.as_deref(), "macAlgorithm");
    constraints.one_of(input.mac_algorithm.as_deref(), "macAlgorithm", &ALGORITHMS);
    constraints.check()?;
    let key = usable(kms, cx, &input.key_id, Usage::Mac, operation).await?;
    let algorithm = input.mac_algorithm.clone().unwrap_or_default();
    check_algorithm(&key, &algorithm, key.spec.mac_algorithms())?;
    let (_, material) = current(kms, cx, &key)?;
    check_dry_run(input.dry_run)?;
    let mac = crypto::mac(hash_of(&algorithm)?, &material, &input.message)?;
    Ok((key.arn.to_string(), algorithm, mac))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GenerateOutput {
    pub mac: Blob,
    pub mac_algorithm: String,
    pub key_id: String,
}

pub async fn generate(kms: Arc<Kms>, cx: Cx, input: MacInput) -> Result<GenerateOutput, Error> {
    let (key_id, mac_algorithm, mac) = compute(&kms, &cx, &input, "GenerateMac").await?;
    Ok(GenerateOutput { mac: mac.into(), mac_algorithm, key_id })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifyOutput {
    pub key_id: String,
    pub mac_valid: bool,
    pub mac_algorithm: String,
}

pub async fn verify(kms: Arc<Kms>, cx: Cx, input: MacInput) -> Result<VerifyOutput, Error> {
    let (key_id, mac_algorithm, mac) = compute(&kms, &cx, &input, "VerifyMac").await?;
    if !bool::from(mac.ct_eq(&input.mac)) {
        return Err(Error::InvalidMac);
    }
    Ok(VerifyOutput { key_id, mac_valid: true, mac_algorithm })
}
