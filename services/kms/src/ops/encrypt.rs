//! Encrypt, Decrypt, ReEncrypt.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Constraints, Cx, Error as ServiceError, Permission};
use vault::Zeroizing;
use wire::Blob;

use super::{
    Context, arn, blocking, check_algorithm, check_bytes, check_context, check_dry_run, check_key_id, check_usage,
    current, find, header, made_by, of_key_in_context, opened, refuse_recipient, usable,
};
use crate::Kms;
use crate::access::on_key;
use crate::crypto::{self, Header};
use crate::error::Error;
use crate::limits;
use crate::model::{key as keys, material};
use crate::spec::{ENCRYPTION_ALGORITHMS, Spec, Usage, hash_of};
use crate::types::Key;

/// The algorithm of symmetric keys, and what is meant where none is named.
const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

// Inputs with plaintexts have no `Debug`: nobody prints them by mistake.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EncryptInput {
    pub key_id: String,
    pub plaintext: Blob,
    pub encryption_context: Context,
    pub encryption_algorithm: Option<String>,
    pub dry_run: Option<bool>,
}
of_key_in_context!(EncryptInput);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptOutput {
    pub ciphertext_blob: Blob,
    pub key_id: String,
    pub encryption_algorithm: String,
}

fn checked_algorithm(constraints: &mut Constraints, algorithm: Option<&str>, member: &str) -> String {
    constraints.one_of(algorithm, member, ENCRYPTION_ALGORITHMS);
    algorithm.unwrap_or(SYMMETRIC).to_owned()
}

pub async fn encrypt(kms: Arc<Kms>, cx: Cx, input: EncryptInput) -> Result<EncryptOutput, Error> {
    let mut constraints = Constraints::default();
    check_key_id(&mut constraints, &input.key_id, "keyId");
    check_bytes(&mut constraints, &input.plaintext, "plaintext", limits::PLAINTEXT_BYTES_MAX);
    let algorithm = checked_algorithm(&mut constraints, input.encryption_algorithm.as_deref(), "encryptionAlgorithm");
    constraints.check()?;
    let key = usable(&kms, &cx, &input.key_id, Usage::Encrypt, "Encrypt").await?;
    let sealed =
        seal(&kms, &cx, &key, &algorithm, &input.encryption_context, input.plaintext.to_vec().into(), input.dry_run);
    let (ciphertext, _) = sealed.await?;
    Ok(EncryptOutput {
        ciphertext_blob: ciphertext.into(),
        key_id: key.arn.to_string(),
        encryption_algorithm: algorithm,
    })
}

/// Encrypts with a key's material in use; returns that material's number too.
pub async fn seal(
    kms: &Kms,
    cx: &Cx,
    key: &Key,
    algorithm: &str,
    context: &Context,
    plaintext: Zeroizing<Vec<u8>>,
    dry_run: Option<bool>,
) -> Result<(Vec<u8>, u32), Error> {
    check_context(context)?;
    check_algorithm(key, algorithm, key.spec.encryption_algorithms())?;
    if let Some(bits) = key.spec.rsa_bits() {
        let max = crypto::plaintext_bytes_max(bits, hash_of(algorithm)?);
        if plaintext.len() > max {
            return Err(Error::Validation(format!(
                "Algorithm {algorithm} and key spec {} cannot encrypt data larger than {max} bytes.",
                key.spec.word()
            )));
        }
        refuse_context(context)?;
    }
    let (number, material) = current(kms, cx, key)?;
    check_dry_run(dry_run)?;
    if key.spec == Spec::Symmetric {
        return Ok((crypto::seal(header(key, number)?, &material, context, &plaintext, cx.env())?, number));
    }
    let (algorithm, env) = (algorithm.to_owned(), cx.env().clone());
    let ciphertext = blocking(move || crypto::encrypt(&material, &algorithm, &plaintext, &env)).await?;
    Ok((ciphertext, number))
}

fn refuse_context(context: &Context) -> Result<(), Error> {
    if context.is_empty() {
        return Ok(());
    }
    Err(Error::Validation("EncryptionContext is not supported for asymmetric keys.".into()))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DecryptInput {
    pub ciphertext_blob: Blob,
    pub encryption_context: Context,
    pub key_id: Option<String>,
    pub encryption_algorithm: Option<String>,
    pub recipient: Option<Value>,
    pub dry_run: Option<bool>,
}

impl DecryptInput {
    /// Permission for the key that made the ciphertext: which one that is, it says itself.
    pub fn permissions(&self, cx: &Cx) -> Result<Vec<Permission>, ServiceError> {
        let named = named(cx, &self.ciphertext_blob, self.key_id.as_deref())?;
        on_key(cx, "kms:Decrypt", &named, Some(&self.encryption_context), &[])
    }
}

/// The key that a request to decrypt is about.
fn named(cx: &Cx, ciphertext: &[u8], key_id: Option<&str>) -> Result<String, Error> {
    Ok(match (key_id, Header::read(ciphertext)) {
        (Some(text), _) => text.to_owned(),
        (None, Ok((header, _))) => {
            let id = made_by(&cx.db().read()?, cx, header)?;
            arn(cx)(&format!("{}{id}", keys::PREFIX)).to_string()
        }
        (None, Err(_)) => "*".to_owned(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DecryptOutput {
    pub key_id: String,
    pub plaintext: Blob,
    pub encryption_algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_material_id: Option<String>,
}

pub async fn decrypt(kms: Arc<Kms>, cx: Cx, input: DecryptInput) -> Result<DecryptOutput, Error> {
    let mut constraints = Constraints::default();
    check_bytes(&mut constraints, &input.ciphertext_blob, "ciphertextBlob", limits::CIPHERTEXT_BYTES_MAX);
    let algorithm = checked_algorithm(&mut constraints, input.encryption_algorithm.as_deref(), "encryptionAlgorithm");
    constraints.check()?;
    refuse_recipient(input.recipient.as_ref())?;
    let DecryptInput { ciphertext_blob, encryption_context, key_id, dry_run, .. } = input;
    let opened =
        open(&kms, &cx, key_id.as_deref(), &algorithm, &encryption_context, &ciphertext_blob, "Decrypt").await?;
    check_dry_run(dry_run)?;
    let key_material_id = material_id(&cx, &opened.key, opened.material)?;
    Ok(DecryptOutput {
        key_id: opened.key.arn.to_string(),
        plaintext: opened.plaintext.to_vec().into(),
        encryption_algorithm: algorithm,
        key_material_id,
    })
}

/// The id of a symmetric key's material.
pub fn material_id(cx: &Cx, key: &Key, number: u32) -> Result<Option<String>, Error> {
    if key.spec != Spec::Symmetric {
        return Ok(None);
    }
    Ok(material::get(&cx.db().read()?, key, number)?.map(|material| material.id))
}

struct Opened {
    key: Key,
    material: u32,
    plaintext: Zeroizing<Vec<u8>>,
}

async fn open(
    kms: &Kms,
    cx: &Cx,
    key_id: Option<&str>,
    algorithm: &str,
    context: &Context,
    ciphertext: &[u8],
    operation: &str,
) -> Result<Opened, Error> {
    check_context(context)?;
    if algorithm != SYMMETRIC {
        let text =
            key_id.ok_or_else(|| Error::Validation("A KeyId is needed to decrypt with an asymmetric key.".into()))?;
        let key = usable(kms, cx, text, Usage::Encrypt, operation).await?;
        check_algorithm(&key, algorithm, key.spec.encryption_algorithms())?;
        let ((material, secret), env) = (current(kms, cx, &key)?, cx.env().clone());
        let (algorithm, ciphertext) = (algorithm.to_owned(), ciphertext.to_vec());
        let plaintext = blocking(move || crypto::decrypt(&secret, &algorithm, &ciphertext, &env)).await?;
        return Ok(Opened { key, material, plaintext });
    }
    let (header, sealed) = Header::read(ciphertext)?;
    let made_by = made_by(&cx.db().read()?, cx, header)?;
    if let Some(text) = key_id
        && find(cx, text)?.id != made_by
    {
        return Err(Error::IncorrectKey);
    }
    let key = find(cx, &made_by).map_err(|error| match error {
        Error::NotFound(_) => Error::InvalidCiphertext,
        error => error,
    })?;
    check_usage(&key, Usage::Encrypt, operation)?;
    let secret = opened(kms, cx, &key, header.material)?;
    let plaintext = crypto::open(header, &secret, context, sealed)?;
    Ok(Opened { key, material: header.material, plaintext })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReEncryptInput {
    pub ciphertext_blob: Blob,
    pub source_encryption_context: Context,
    pub source_key_id: Option<String>,
    pub destination_key_id: String,
    pub destination_encryption_context: Context,
    pub source_encryption_algorithm: Option<String>,
    pub destination_encryption_algorithm: Option<String>,
    pub dry_run: Option<bool>,
}

impl ReEncryptInput {
    pub fn permissions(&self, cx: &Cx) -> Result<Vec<Permission>, ServiceError> {
        let source = named(cx, &self.ciphertext_blob, self.source_key_id.as_deref())?;
        let mut all = on_key(cx, "kms:ReEncryptFrom", &source, Some(&self.source_encryption_context), &[])?;
        let context = Some(&self.destination_encryption_context);
        all.extend(on_key(cx, "kms:ReEncryptTo", &self.destination_key_id, context, &[])?);
        Ok(all)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReEncryptOutput {
    pub ciphertext_blob: Blob,
    pub source_key_id: String,
    pub key_id: String,
    pub source_encryption_algorithm: String,
    pub destination_encryption_algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_key_material_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_key_material_id: Option<String>,
}

pub async fn re_encrypt(kms: Arc<Kms>, cx: Cx, input: ReEncryptInput) -> Result<ReEncryptOutput, Error> {
    let mut constraints = Constraints::default();
    check_key_id(&mut constraints, &input.destination_key_id, "destinationKeyId");
    check_bytes(&mut constraints, &input.ciphertext_blob, "ciphertextBlob", limits::CIPHERTEXT_BYTES_MAX);
    let source =
        checked_algorithm(&mut constraints, input.source_encryption_algorithm.as_deref(), "sourceEncryptionAlgorithm");
    let destination = input.destination_encryption_algorithm.as_deref();
    let destination = checked_algorithm(&mut constraints, destination, "destinationEncryptionAlgorithm");
    constraints.check()?;
    let (context, text) = (&input.source_encryption_context, input.source_key_id.as_deref());
    let from = open(&kms, &cx, text, &source, context, &input.ciphertext_blob, "ReEncryptFrom").await?;
    let to = usable(&kms, &cx, &input.destination_key_id, Usage::Encrypt, "ReEncryptTo").await?;
    let context = &input.destination_encryption_context;
    let (ciphertext, number) = seal(&kms, &cx, &to, &destination, context, from.plaintext, input.dry_run).await?;
    Ok(ReEncryptOutput {
        ciphertext_blob: ciphertext.into(),
        source_key_id: from.key.arn.to_string(),
        key_id: to.arn.to_string(),
        source_encryption_algorithm: source,
        destination_encryption_algorithm: destination,
        source_key_material_id: material_id(&cx, &from.key, from.material)?,
        destination_key_material_id: material_id(&cx, &to, number)?,
    })
}
