//! GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Constraints, Cx};
use vault::Zeroizing;
use wire::Blob;

use super::encrypt::{material_id, seal};
use super::{Context, blocking, check_key_id, find_or_make, of_key_in_context, refuse_recipient};
use crate::Kms;
use crate::crypto::{self, Material};
use crate::error::Error;
use crate::limits;
use crate::model::key;
use crate::spec::Spec;
use crate::types::Key;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyInput {
    pub key_id: String,
    pub encryption_context: Context,
    pub number_of_bytes: Option<i64>,
    pub key_spec: Option<String>,
    pub recipient: Option<Value>,
    pub dry_run: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PairInput {
    pub key_id: String,
    pub encryption_context: Context,
    pub key_pair_spec: Option<String>,
    pub recipient: Option<Value>,
    pub dry_run: Option<bool>,
}
of_key_in_context!(KeyInput, PairInput);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyOutput {
    pub ciphertext_blob: Blob,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<Blob>,
    pub key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_material_id: Option<String>,
}

/// How many bytes are wanted.
fn length(input: &KeyInput) -> Result<usize, Error> {
    let mut constraints = Constraints::default();
    check_key_id(&mut constraints, &input.key_id, "keyId");
    constraints.one_of(input.key_spec.as_deref(), "keySpec", &["AES_256", "AES_128"]);
    constraints.range(input.number_of_bytes, "numberOfBytes", &limits::RANDOM_BYTES_RANGE);
    constraints.check()?;
    refuse_recipient(input.recipient.as_ref())?;
    match (input.key_spec.as_deref(), input.number_of_bytes.and_then(|bytes| usize::try_from(bytes).ok())) {
        (Some("AES_128"), None) => Ok(16),
        (Some(_), None) => Ok(32),
        (None, Some(bytes)) => Ok(bytes),
        _ => Err(Error::Validation("Please specify either number of bytes or key spec.".into())),
    }
}

/// Only symmetric keys encrypt data keys.
fn check_symmetric(key: &Key, operation: &str) -> Result<(), Error> {
    key::check_usable(key)?;
    if key.spec == Spec::Symmetric {
        return Ok(());
    }
    Err(Error::InvalidKeyUsage(format!(
        "{} key usage is {} which is not valid for {operation}.",
        key.arn,
        key.usage.word()
    )))
}

pub async fn generate(kms: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<KeyOutput, Error> {
    let (output, plaintext) = data_key(&kms, &cx, input, "GenerateDataKey").await?;
    Ok(KeyOutput { plaintext: Some(plaintext.to_vec().into()), ..output })
}

pub async fn generate_without_plaintext(kms: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<KeyOutput, Error> {
    Ok(data_key(&kms, &cx, input, "GenerateDataKeyWithoutPlaintext").await?.0)
}

async fn data_key(kms: &Kms, cx: &Cx, input: KeyInput, operation: &str) -> Result<(KeyOutput, Material), Error> {
    let mut secret = Zeroizing::new(vec![0; length(&input)?]);
    cx.env().random(&mut secret);
    let key = find_or_make(kms, cx, &input.key_id).await?;
    check_symmetric(&key, operation)?;
    let sealed = seal(kms, cx, &key, Spec::Symmetric.word(), &input.encryption_context, secret.clone(), input.dry_run);
    let (ciphertext, number) = sealed.await?;
    let output = KeyOutput {
        ciphertext_blob: ciphertext.into(),
        plaintext: None,
        key_id: key.arn.to_string(),
        key_material_id: material_id(cx, &key, number)?,
    };
    Ok((output, secret))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PairOutput {
    pub private_key_ciphertext_blob: Blob,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key_plaintext: Option<Blob>,
    pub public_key: Blob,
    pub key_id: String,
    pub key_pair_spec: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_material_id: Option<String>,
}

const PAIRS: [&str; 12] = [
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SM2",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
];

pub async fn generate_pair(kms: Arc<Kms>, cx: Cx, input: PairInput) -> Result<PairOutput, Error> {
    let (output, private) = pair(&kms, &cx, input, "GenerateDataKeyPair").await?;
    Ok(PairOutput { private_key_plaintext: Some(private.to_vec().into()), ..output })
}

pub async fn generate_pair_without_plaintext(kms: Arc<Kms>, cx: Cx, input: PairInput) -> Result<PairOutput, Error> {
    Ok(pair(&kms, &cx, input, "GenerateDataKeyPairWithoutPlaintext").await?.0)
}

async fn pair(kms: &Kms, cx: &Cx, input: PairInput, operation: &str) -> Result<(PairOutput, Material), Error> {
    let mut constraints = Constraints::default();
    check_key_id(&mut constraints, &input.key_id, "keyId");
    constraints.required(input.key_pair_spec.as_deref(), "keyPairSpec");
    constraints.one_of(input.key_pair_spec.as_deref(), "keyPairSpec", &PAIRS);
    constraints.check()?;
    refuse_recipient(input.recipient.as_ref())?;
    let word = input.key_pair_spec.unwrap_or_default();
    let spec = Spec::parse(&word).ok_or_else(|| Error::NotImplemented(format!("A key pair of the kind {word}")))?;
    let key = find_or_make(kms, cx, &input.key_id).await?;
    check_symmetric(&key, operation)?;
    super::check_dry_run(input.dry_run)?;
    let env = cx.env().clone();
    let (private, public) = blocking(move || {
        let private = crypto::generate(spec, &env)?;
        let public = crypto::public_key(spec, &private)?;
        Ok((private, public))
    })
    .await?;
    let sealed = seal(kms, cx, &key, Spec::Symmetric.word(), &input.encryption_context, private.clone(), None);
    let (ciphertext, number) = sealed.await?;
    let output = PairOutput {
        private_key_ciphertext_blob: ciphertext.into(),
        private_key_plaintext: None,
        public_key: public.into(),
        key_id: key.arn.to_string(),
        key_pair_spec: word,
        key_material_id: material_id(cx, &key, number)?,
    };
    Ok((output, private))
}
