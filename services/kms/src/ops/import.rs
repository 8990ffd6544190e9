//! GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys.html>

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, timers};
use wire::{Blob, DateTime};

use super::key::moment;
use super::{blocking, find_by_id, of_key, sealed};
use crate::Kms;
use crate::crypto;
use crate::error::Error;
use crate::keys::IMPORT_TOKENS;
use crate::limits;
use crate::model::{key, material};
use crate::spec::Spec;
use crate::types::{ImportToken, Key, Material};
use crate::workers::Due;

const WRAPPING: [&str; 6] = [
    "RSAES_PKCS1_V1_5",
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
    "RSA_AES_KEY_WRAP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256",
    "SM2PKE",
];
const WRAPPING_SPECS: [&str; 4] = ["RSA_2048", "RSA_3072", "RSA_4096", "SM2"];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ParametersInput {
    pub key_id: String,
    pub wrapping_algorithm: Option<String>,
    pub wrapping_key_spec: Option<String>,
}
of_key!(ParametersInput, ImportInput, DeleteInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParametersOutput {
    pub key_id: String,
    pub import_token: Blob,
    pub public_key: Blob,
    pub parameters_valid_to: DateTime,
}

/// A key whose material comes from outside.
fn external(cx: &Cx, text: &str) -> Result<Key, Error> {
    let key = find_by_id(cx, text)?;
    if !key.external {
        return Err(Error::Unsupported(format!(
            "{} origin is AWS_KMS which is not valid for this operation.",
            key.arn
        )));
    }
    key::check_stays(&key)?;
    Ok(key)
}

fn place(key: &Key, token: &str) -> Vec<u8> {
    format!("kms wrapping {} {token}", key.arn).into_bytes()
}

pub async fn parameters(kms: Arc<Kms>, cx: Cx, input: ParametersInput) -> Result<ParametersOutput, Error> {
    let (algorithm, spec) = (input.wrapping_algorithm.as_deref(), input.wrapping_key_spec.as_deref());
    let mut constraints = Constraints::default();
    constraints.required(algorithm, "wrappingAlgorithm");
    constraints.one_of(algorithm, "wrappingAlgorithm", &WRAPPING);
    constraints.required(spec, "wrappingKeySpec");
    constraints.one_of(spec, "wrappingKeySpec", &WRAPPING_SPECS);
    constraints.check()?;
    let key = external(&cx, &input.key_id)?;
    let algorithm = algorithm.filter(|name| !matches!(*name, "RSAES_PKCS1_V1_5" | "SM2PKE"));
    let algorithm = algorithm.ok_or_else(|| Error::Unsupported("This wrapping algorithm is not supported.".into()))?;
    let spec = spec.and_then(Spec::parse);
    let spec = spec.ok_or_else(|| Error::Unsupported("This wrapping key spec is not supported.".into()))?;
    let env = cx.env().clone();
    let (private, public) = blocking(move || {
        let private = crypto::generate(spec, &env)?;
        let public = crypto::public_key(spec, &private)?;
        Ok((private, public))
    })
    .await?;
    let (id, expires) = (cx.env().uuid(), cx.now() + limits::IMPORT_TOKEN_LIFETIME);
    let sealed = kms.vault.seal(&place(&key, &id), &private)?;
    let token = ImportToken { sealed, algorithm: algorithm.to_owned(), expires };
    let output = ParametersOutput {
        key_id: key.arn.to_string(),
        import_token: id.as_bytes().into(),
        public_key: public.into(),
        parameters_valid_to: moment(expires),
    };
    let put = move |tx: &mut kv::Tx| -> Result<(), Error> {
        let found = key::get(tx, &key.arn)?;
        IMPORT_TOKENS.put(tx, (&*found.arn.region, &*found.id, &*id), &token)?;
        Ok(timers::set(tx, "kms", expires, &Due::Token(id.clone()).key(&found.arn), &Bytes::new())?)
    };
    cx.db().write(put).await?;
    Ok(output)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImportInput {
    pub key_id: String,
    pub import_token: Blob,
    pub encrypted_key_material: Blob,
    pub valid_to: Option<DateTime>,
    pub expiration_model: Option<String>,
    pub import_type: Option<String>,
    pub key_material_description: Option<String>,
    pub key_material_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImportOutput {
    pub key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_material_id: Option<String>,
}

impl ImportInput {
    /// When the material expires, if it does.
    fn check(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let mut constraints = Constraints::default();
        let models = ["KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"];
        constraints.one_of(self.expiration_model.as_deref(), "expirationModel", &models);
        let types = ["NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"];
        constraints.one_of(self.import_type.as_deref(), "importType", &types);
        constraints.length(self.key_material_description.as_deref(), "keyMaterialDescription", 256);
        constraints.check()?;
        let expires = self.expiration_model.as_deref() != Some("KEY_MATERIAL_DOES_NOT_EXPIRE");
        match self.valid_to {
            None if expires => Err(Error::Validation(
                "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES".into(),
            )),
            Some(_) if !expires => Err(Error::Validation(
                "A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE".into(),
            )),
            Some(DateTime(at)) if at <= now => Err(Error::Validation("The validTo date must be in the future.".into())),
            at => Ok(at.map(|DateTime(at)| at)),
        }
    }
}

pub async fn import(kms: Arc<Kms>, cx: Cx, input: ImportInput) -> Result<ImportOutput, Error> {
    let expires = input.check(cx.now())?;
    let key = external(&cx, &input.key_id)?;
    let token_id = String::from_utf8_lossy(&input.import_token).into_owned();
    let plain = unwrap(&kms, &cx, &key, &token_id, &input.encrypted_key_material).await?;
    let number = number(&kms, &cx, &key, &input, &plain)?;
    let new = Material {
        expires,
        description: input.key_material_description.clone(),
        ..sealed(&kms, &cx, &key, number, &plain)?
    };
    let (id, arn) = (new.id.clone(), key.arn.clone());
    let put = move |tx: &mut kv::Tx| put(tx, &arn, number, new.clone(), &token_id);
    cx.db().write(put).await?;
    // AWS tells it of keys that can be rotated.
    let key_material_id = (key.spec == Spec::Symmetric).then_some(id);
    Ok(ImportOutput { key_id: key.arn.to_string(), key_material_id })
}

async fn unwrap(kms: &Kms, cx: &Cx, key: &Key, token: &str, wrapped: &Blob) -> Result<crypto::Material, Error> {
    let found = IMPORT_TOKENS.get(&cx.db().read()?, (&*key.arn.region, &*key.id, token))?;
    let found: ImportToken = found.ok_or(Error::InvalidImportToken)?;
    if found.expires <= cx.now() {
        return Err(Error::ExpiredImportToken);
    }
    let private = kms.vault.open(&place(key, token), &found.sealed)?;
    let (wrapped, env, spec) = (wrapped.to_vec(), cx.env().clone(), key.spec);
    blocking(move || {
        let material = crypto::unwrap(&private, &found.algorithm, &wrapped, &env)?;
        if crypto::check(spec, &material) { Ok(material) } else { Err(Error::InvalidCiphertext) }
    })
    .await
}

/// The number that the material gets: of the one that it is, or the next.
fn number(kms: &Kms, cx: &Cx, key: &Key, input: &ImportInput, plain: &[u8]) -> Result<u32, Error> {
    let known = material::all(&cx.db().read()?, key)?;
    let id = sealed(kms, cx, key, 0, plain)?.id;
    if let Some((number, _)) = known.iter().find(|(_, material)| material.id == id) {
        return Ok(*number);
    }
    let is_new = input.import_type.as_deref() == Some("NEW_KEY_MATERIAL");
    match known.last() {
        None => Ok(1),
        Some(_) if !is_new || key.spec != Spec::Symmetric => Err(Error::IncorrectKeyMaterial),
        Some((last, _)) => match key.pending.and_then(|pending| known.iter().find(|(number, _)| *number == pending)) {
            None => Ok(last.saturating_add(1)),
            Some((_, pending)) => Err(Error::InvalidState(format!(
                "New key material (id: {id}) cannot be imported into KMS key {}, because another key material (id: {}) is pending rotation.",
                key.arn, pending.id
            ))),
        },
    }
}

fn put(tx: &mut kv::Tx, arn: &base::Arn, number: u32, mut new: Material, token: &str) -> Result<(), Error> {
    let mut key = key::get(tx, arn)?;
    key::check_stays(&key)?;
    if let Some(old) = material::get(tx, &key, number)? {
        new.rotated = old.rotated;
        if let Some(expires) = old.expires {
            timers::cancel(tx, "kms", expires, &Due::Expire(number).key(arn))?;
        }
    }
    if let Some(expires) = new.expires {
        timers::set(tx, "kms", expires, &Due::Expire(number).key(arn), &Bytes::new())?;
    }
    material::put(tx, &key, number, &new)?;
    let all = material::all(tx, &key)?;
    // What was rotated to last is in use as soon as all is there that the key was made of.
    let in_use = all.iter().filter(|(number, material)| *number == 1 || material.rotated.is_some());
    if in_use.clone().all(|(_, material)| material.sealed.is_some()) {
        key.current = in_use.map(|(number, _)| *number).max();
    }
    if number > 1 && new.rotated.is_none() {
        key.pending = Some(number);
    }
    key::put(tx, &key)?;
    IMPORT_TOKENS.get(tx, (&*arn.region, &*key.id, token))?.map(drop).ok_or(Error::InvalidImportToken)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub key_id: String,
    pub key_material_id: Option<String>,
}

pub async fn delete(_: Arc<Kms>, cx: Cx, input: DeleteInput) -> Result<ImportOutput, Error> {
    let key = external(&cx, &input.key_id)?;
    let known = material::all(&cx.db().read()?, &key)?;
    let named = |(number, material): &&(u32, Material)| match &input.key_material_id {
        Some(id) => material.id == *id,
        None => Some(*number) == key.current.or(Some(1)),
    };
    let (number, id) = match (known.iter().find(named), &input.key_material_id) {
        (Some((number, material)), _) => (*number, Some(material.id.clone())),
        (None, Some(_)) => return Err(Error::NotFound("There is no such key material.".into())),
        (None, None) => return Ok(ImportOutput { key_id: key.arn.to_string(), key_material_id: None }),
    };
    let arn = key.arn.clone();
    let forget = move |tx: &mut kv::Tx| {
        let mut key = key::get(tx, &arn)?;
        material::forget(tx, &mut key, number)
    };
    cx.db().write(forget).await?;
    Ok(ImportOutput { key_id: key.arn.to_string(), key_material_id: id.filter(|_| key.spec == Spec::Symmetric) })
}
