//! The keys that objects' bytes are sealed with: made, sealed by whoever decides who reads them, and opened again.

use service::Cx;
use service::keys::Context;
use sha2::{Digest as _, Sha256};
use vault::{Key, Vault};

use crate::error::Error;
use crate::types::{ContentId, Seal, SealedKey};

/// How an object is to be encrypted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// SSE-S3.
    Managed,
    /// SSE-KMS. Without a `key` with that of S3 itself.
    Kms { key: Option<String>, context: Context, bucket_key: bool },
    /// SSE-C.
    Customer(CustomerKey),
}

/// A key that a customer gives with each request.
#[derive(Clone, Debug)]
pub struct CustomerKey {
    /// Prints nothing of itself.
    pub key: Key,
    /// In base64, as it is told again.
    pub md5: String,
}

/// A seal, and what only its maker knows.
#[derive(Clone, Debug)]
pub struct Made {
    pub seal: Seal,
    pub key: Key,
    /// The ARN of the KMS key, where one is used.
    pub kms_key: Option<String>,
}

/// The service in whose name KMS is asked: a part of `kms:ViaService`.
const SERVICE: &str = "s3";

fn place(name: ContentId) -> Vec<u8> {
    [b"s3 object ".as_slice(), &name].concat()
}

/// A seal with a new key.
///
/// # Errors
/// KMS's, as S3 tells them.
pub async fn make(cx: &Cx, vault: &Vault, wanted: &Wanted) -> Result<Made, Error> {
    let (mut name, key) = (ContentId::default(), Key::random(cx.env()));
    cx.env().random(&mut name);
    wrap(cx, vault, wanted, name, key).await
}

/// A seal for bytes that are sealed already, with the same `key`.
///
/// # Errors
/// As above.
pub async fn wrap(cx: &Cx, vault: &Vault, wanted: &Wanted, name: ContentId, key: Key) -> Result<Made, Error> {
    let (sealed, kms_key) = match wanted {
        Wanted::Managed => (SealedKey::Managed(vault.seal(&place(name), key.as_bytes())?), None),
        Wanted::Customer(customer) => {
            let sealed = customer.key.seal(cx.env(), &place(name), key.as_bytes())?;
            (SealedKey::Customer(sealed.into()), None)
        }
        Wanted::Kms { key: named, context, bucket_key } => {
            let sealed = vault::seal(cx, SERVICE, named.as_deref(), context, key.as_bytes()).await;
            let (envelope, arn) = sealed.map_err(of_kms)?;
            (SealedKey::Kms { envelope, context: context.clone(), bucket_key: *bucket_key }, Some(arn))
        }
    };
    Ok(Made { seal: Seal { name, key: sealed }, key, kms_key })
}

/// The entity tag of bytes with this MD5: it is that under S3's own keys alone. Under others it has the same form, and tells nothing
/// of the bytes to who has not their key; a part that is sent again has the same one again.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
pub fn etag(seal: Option<&Seal>, key: &Key, md5: &str) -> String {
    if shows_md5(seal) {
        return md5.to_owned();
    }
    let tag = Sha256::new().chain_update(b"cloudlet entity tag ").chain_update(key.as_bytes()).chain_update(md5);
    let mut tag = hex::encode(tag.finalize());
    tag.truncate(32);
    tag
}

/// Whether entity tags of what is sealed so are made of bytes.
pub fn shows_md5(seal: Option<&Seal>) -> bool {
    !matches!(seal.map(|seal| &seal.key), Some(SealedKey::Kms { .. } | SealedKey::Customer(_)))
}

/// The key of a seal; `None` for what is not sealed.
///
/// # Errors
/// When the customer's key is not given, is another one, or is given for nothing; KMS's, as S3 tells them.
pub async fn open(
    cx: &Cx,
    vault: &Vault,
    seal: Option<&Seal>,
    customer: Option<&CustomerKey>,
) -> Result<Option<Key>, Error> {
    check(seal, customer)?;
    let Some(Seal { name, key }) = seal else { return Ok(None) };
    let opened = match key {
        SealedKey::Managed(sealed) => return managed_key(vault, *name, sealed).map(Some),
        SealedKey::Kms { envelope, context, .. } => {
            vault::open(cx, SERVICE, context, envelope).await.map_err(of_kms)?
        }
        SealedKey::Customer(sealed) => {
            return customers_key(customer.ok_or(Error::KeyNotGiven)?, *name, sealed).map(Some);
        }
    };
    key_of(&opened).map(Some)
}

/// The key of a seal that is the vault's own.
///
/// # Errors
/// When it does not open, or is somebody else's.
pub fn managed(vault: &Vault, seal: &Seal) -> Result<Key, Error> {
    match &seal.key {
        SealedKey::Managed(sealed) => managed_key(vault, seal.name, sealed),
        _ => Err(vault::Error::Unopened.into()),
    }
}

fn managed_key(vault: &Vault, name: ContentId, sealed: &[u8]) -> Result<Key, Error> {
    key_of(&vault.open(&place(name), sealed)?)
}

fn key_of(bytes: &[u8]) -> Result<Key, Error> {
    Key::from_bytes(bytes).ok_or_else(|| Error::Told(service::Error::internal("a key's length")))
}

/// Whether an object may be told of to who asks: a customer's key has to be the object's. KMS is asked by who reads.
///
/// # Errors
/// As of [`open`], but for KMS's.
pub fn check_customer(seal: Option<&Seal>, customer: Option<&CustomerKey>) -> Result<(), Error> {
    check(seal, customer)?;
    match (seal, customer) {
        (Some(Seal { name, key: SealedKey::Customer(sealed) }), Some(customer)) => {
            customers_key(customer, *name, sealed).map(drop)
        }
        _ => Ok(()),
    }
}

fn customers_key(customer: &CustomerKey, name: ContentId, sealed: &[u8]) -> Result<Key, Error> {
    key_of(&customer.key.open(&place(name), sealed).map_err(|_| Error::OtherKey)?)
}

/// Whether a customer's key is given where it is needed, and nowhere else.
fn check(seal: Option<&Seal>, customer: Option<&CustomerKey>) -> Result<(), Error> {
    match (seal.map(|seal| &seal.key), customer) {
        (Some(SealedKey::Customer(_)), None) => Err(Error::KeyNotGiven),
        (Some(SealedKey::Customer(_)), Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => Err(Error::KeyNotNeeded),
    }
}

/// What KMS refuses, as S3 says it: with its code behind KMS's name.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html>, and answers of S3 to requests
/// with keys that are disabled, gone or of others.
fn of_kms(error: service::Error) -> Error {
    let code = match error.code.as_ref() {
        "AccessDeniedException" => return Error::Told(service::Error::new(403, "AccessDenied", error.message)),
        code if error.status >= 500 || code.starts_with("KMS.") => return Error::Told(error),
        code => format!("KMS.{code}"),
    };
    Error::Told(service::Error::new(400, code, error.message))
}
