//! Sign, Verify, GetPublicKey, DeriveSharedSecret.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Constraints, Cx};
use wire::Blob;

use super::key::algorithms;
use super::{
    KeyInput, blocking, check_algorithm, check_bytes, check_dry_run, check_key_id, current, find_or_make, of_key,
    refuse_recipient, usable,
};
use crate::Kms;
use crate::crypto;
use crate::error::Error;
use crate::limits;
use crate::model::key;
use crate::spec::{SIGNING_ALGORITHMS, Usage, hash_of};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SignInput {
    pub key_id: String,
    pub message: Blob,
    pub message_type: Option<String>,
    /// Only of Verify.
    pub signature: Blob,
    pub signing_algorithm: Option<String>,
    pub dry_run: Option<bool>,
}
of_key!(SignInput, SecretInput);

impl SignInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        check_key_id(&mut constraints, &self.key_id, "keyId");
        check_bytes(&mut constraints, &self.message, "message", limits::PLAINTEXT_BYTES_MAX);
        constraints.one_of(self.message_type.as_deref(), "messageType", &["RAW", "DIGEST", "EXTERNAL_MU"]);
        constraints.required(self.signing_algorithm.as_deref(), "signingAlgorithm");
        constraints.one_of(self.signing_algorithm.as_deref(), "signingAlgorithm", SIGNING_ALGORITHMS);
        Ok(constraints.check()?)
    }

    /// What is signed: the message's digest, or the message where it is one.
    fn digest(&self, algorithm: &str) -> Result<Vec<u8>, Error> {
        let hash = hash_of(algorithm)?;
        match self.message_type.as_deref() {
            None | Some("RAW") => Ok(crypto::digest(hash, &self.message)),
            Some("DIGEST") if self.message.len() == crypto::digest_bytes(hash) => Ok(self.message.to_vec()),
            Some("DIGEST") => Err(Error::Validation(format!("Digest is invalid length for algorithm {algorithm}."))),
            Some(_) => {
                Err(Error::Validation(format!("MessageType EXTERNAL_MU is not valid for algorithm {algorithm}.")))
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SignOutput {
    pub key_id: String,
    pub signature: Blob,
    pub signing_algorithm: String,
}

pub async fn sign(kms: Arc<Kms>, cx: Cx, input: SignInput) -> Result<SignOutput, Error> {
    input.check()?;
    let key = usable(&kms, &cx, &input.key_id, Usage::Sign, "Sign").await?;
    let algorithm = input.signing_algorithm.clone().unwrap_or_default();
    check_algorithm(&key, &algorithm, key.spec.signing_algorithms())?;
    let digest = input.digest(&algorithm)?;
    let ((_, material), env, spec) = (current(&kms, &cx, &key)?, cx.env().clone(), key.spec);
    check_dry_run(input.dry_run)?;
    let signature = blocking({
        let algorithm = algorithm.clone();
        move || crypto::sign(spec, &material, &algorithm, &digest, &env)
    });
    Ok(SignOutput { signature: signature.await?.into(), key_id: key.arn.to_string(), signing_algorithm: algorithm })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifyOutput {
    pub key_id: String,
    pub signature_valid: bool,
    pub signing_algorithm: String,
}

pub async fn verify(kms: Arc<Kms>, cx: Cx, input: SignInput) -> Result<VerifyOutput, Error> {
    input.check()?;
    let mut constraints = Constraints::default();
    check_bytes(&mut constraints, &input.signature, "signature", limits::CIPHERTEXT_BYTES_MAX);
    constraints.check()?;
    let key = usable(&kms, &cx, &input.key_id, Usage::Sign, "Verify").await?;
    let algorithm = input.signing_algorithm.clone().unwrap_or_default();
    check_algorithm(&key, &algorithm, key.spec.signing_algorithms())?;
    let digest = input.digest(&algorithm)?;
    let ((_, material), spec, signature) = (current(&kms, &cx, &key)?, key.spec, input.signature);
    check_dry_run(input.dry_run)?;
    let valid = blocking({
        let algorithm = algorithm.clone();
        move || crypto::verify(spec, &material, &algorithm, &digest, &signature)
    });
    if !valid.await? {
        return Err(Error::InvalidSignature);
    }
    Ok(VerifyOutput { key_id: key.arn.to_string(), signature_valid: true, signing_algorithm: algorithm })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublicKeyOutput {
    pub key_id: String,
    pub public_key: Blob,
    pub customer_master_key_spec: &'static str,
    pub key_spec: &'static str,
    pub key_usage: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub encryption_algorithms: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub signing_algorithms: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub key_agreement_algorithms: &'static [&'static str],
}

pub async fn public_key(kms: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<PublicKeyOutput, Error> {
    let key = find_or_make(&kms, &cx, &input.key_id).await?;
    if !key.spec.is_asymmetric() {
        return Err(Error::Unsupported(format!("{} has no public key: its KeySpec is {}.", key.arn, key.spec.word())));
    }
    key::check_usable(&key)?;
    let ((_, material), spec) = (current(&kms, &cx, &key)?, key.spec);
    let public = blocking(move || crypto::public_key(spec, &material)).await?;
    Ok(PublicKeyOutput {
        key_id: key.arn.to_string(),
        public_key: public.into(),
        customer_master_key_spec: spec.word(),
        key_spec: spec.word(),
        key_usage: key.usage.word(),
        encryption_algorithms: algorithms(&key, Usage::Encrypt),
        signing_algorithms: algorithms(&key, Usage::Sign),
        key_agreement_algorithms: algorithms(&key, Usage::Agreement),
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecretInput {
    pub key_id: String,
    pub key_agreement_algorithm: Option<String>,
    pub public_key: Blob,
    pub dry_run: Option<bool>,
    pub recipient: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecretOutput {
    pub key_id: String,
    pub shared_secret: Blob,
    pub key_agreement_algorithm: &'static str,
    pub key_origin: &'static str,
}

pub async fn derive(kms: Arc<Kms>, cx: Cx, input: SecretInput) -> Result<SecretOutput, Error> {
    let mut constraints = Constraints::default();
    check_key_id(&mut constraints, &input.key_id, "keyId");
    constraints.required(input.key_agreement_algorithm.as_deref(), "keyAgreementAlgorithm");
    constraints.one_of(input.key_agreement_algorithm.as_deref(), "keyAgreementAlgorithm", &["ECDH"]);
    check_bytes(&mut constraints, &input.public_key, "publicKey", 8_192);
    constraints.check()?;
    refuse_recipient(input.recipient.as_ref())?;
    let key = usable(&kms, &cx, &input.key_id, Usage::Agreement, "DeriveSharedSecret").await?;
    let (_, material) = current(&kms, &cx, &key)?;
    let secret = crypto::shared_secret(key.spec, &material, &input.public_key)?;
    check_dry_run(input.dry_run)?;
    Ok(SecretOutput {
        key_id: key.arn.to_string(),
        shared_secret: secret.to_vec().into(),
        key_agreement_algorithm: "ECDH",
        key_origin: if key.external { "EXTERNAL" } else { "AWS_KMS" },
    })
}
