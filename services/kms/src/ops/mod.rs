//! The operations, a file for each kind of thing they work on.

pub mod alias;
pub mod data_key;
pub mod encrypt;
pub mod grant;
pub mod import;
pub mod key;
pub mod mac;
pub mod policy;
pub mod random;
pub mod region;
pub mod rotation;
pub mod sign;
pub mod tag;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base::{Arn, Timestamp};
use kv::{Read, Tx};
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use uuid::Uuid;

use crate::Kms;
use crate::crypto;
use crate::error::Error;
use crate::keys::KEYS;
use crate::limits;
use crate::managed;
use crate::model::{alias as alias_model, key as keys, material as materials, region as region_model};
use crate::spec::Usage;
use crate::types::{Key, Material};

pub type Context = BTreeMap<String, String>;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// A request that names a key.
pub trait OfKey {
    fn key_id(&self) -> &str;

    fn context(&self) -> Option<&Context> {
        None
    }
}

macro_rules! of_key {
    ($($input:ty),* $(,)?) => {$(
        impl $crate::ops::OfKey for $input {
            fn key_id(&self) -> &str {
                &self.key_id
            }
        }
    )*};
}
pub(crate) use of_key;

macro_rules! of_key_in_context {
    ($($input:ty),* $(,)?) => {$(
        impl $crate::ops::OfKey for $input {
            fn key_id(&self) -> &str {
                &self.key_id
            }

            fn context(&self) -> Option<&$crate::ops::Context> {
                Some(&self.encryption_context)
            }
        }
    )*};
}
pub(crate) use of_key_in_context;

/// A request that names nothing but a key.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyInput {
    pub key_id: String,
}
of_key!(KeyInput);

/// An ARN of this region and account.
pub fn arn(cx: &Cx) -> impl Fn(&str) -> Arn {
    let own = cx.arn("kms", "");
    move |resource| Arn { resource: resource.to_owned(), ..own.clone() }
}

/// The ARN of a key that is there.
fn resolve(read: &impl Read, cx: &Cx, text: &str) -> Result<Arn, Error> {
    let mut constraints = Constraints::default();
    check_key_id(&mut constraints, text, "keyId");
    constraints.check()?;
    keys::resolve(read, arn(cx), text)
}

/// Whether a request names a key by an alias.
pub fn is_alias(text: &str) -> bool {
    text.starts_with(alias_model::PREFIX) || text.contains(":alias/")
}

/// The same for operations that manage a key, of which none takes an alias.
///
/// Source: `KeyId` of each, as in <https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html>
pub fn resolve_id(read: &impl Read, cx: &Cx, text: &str) -> Result<Arn, Error> {
    if is_alias(text) {
        return Err(Error::NotFound(format!(
            "Invalid keyId '{text}': this operation takes no alias. Name the key by its id or ARN, which DescribeKey tells of an alias."
        )));
    }
    resolve(read, cx, text)
}

pub fn check_key_id(constraints: &mut Constraints, text: &str, member: &str) {
    if text.is_empty() {
        constraints.fail(text, member, "have length greater than or equal to 1");
    }
    constraints.length(Some(text), member, limits::KEY_ID_CHARACTERS_MAX);
}

/// The key that a request names, whatever its state.
pub fn find(cx: &Cx, text: &str) -> Result<Key, Error> {
    let read = cx.db().read()?;
    keys::get(&read, &resolve(&read, cx, text)?)
}

/// The key that a request to manage it names.
pub fn find_by_id(cx: &Cx, text: &str) -> Result<Key, Error> {
    let read = cx.db().read()?;
    keys::get(&read, &resolve_id(&read, cx, text)?)
}

/// The key that a request names, and makes the one that a service manages where this is its first use.
pub async fn find_or_make(kms: &Kms, cx: &Cx, text: &str) -> Result<Key, Error> {
    match find(cx, text) {
        Err(Error::NotFound(_)) if managed::service_of(cx, text).is_some() => managed::make(kms, cx, text).await,
        found => found,
    }
}

/// A key that may be used for `operation` now.
pub async fn usable(kms: &Kms, cx: &Cx, text: &str, usage: Usage, operation: &str) -> Result<Key, Error> {
    let key = find_or_make(kms, cx, text).await?;
    check_usage(&key, usage, operation)?;
    Ok(key)
}

pub fn check_usage(key: &Key, usage: Usage, operation: &str) -> Result<(), Error> {
    keys::check_usable(key)?;
    if key.usage == usage {
        return Ok(());
    }
    Err(Error::InvalidKeyUsage(format!(
        "{} key usage is {} which is not valid for {operation}.",
        key.arn,
        key.usage.word()
    )))
}

/// # Errors
/// When no key of that kind does that.
pub fn check_algorithm(key: &Key, algorithm: &str, allowed: &[&str]) -> Result<(), Error> {
    if allowed.contains(&algorithm) {
        return Ok(());
    }
    Err(Error::InvalidKeyUsage(format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec.word())))
}

/// Where the vault has a key's material.
fn place(key: &Key, number: u32) -> Vec<u8> {
    format!("kms {} {number}", key.arn).into_bytes()
}

/// A key's material in use, and its number.
pub fn current(kms: &Kms, cx: &Cx, key: &Key) -> Result<(u32, crypto::Material), Error> {
    let number = key.current.ok_or_else(|| Error::InvalidState(format!("{} is pending import.", key.arn)))?;
    Ok((number, opened(kms, cx, key, number)?))
}

/// A key's material with this number: one that it has.
pub fn opened(kms: &Kms, cx: &Cx, key: &Key, number: u32) -> Result<crypto::Material, Error> {
    let material = materials::get(&cx.db().read()?, key, number)?.ok_or(Error::InvalidCiphertext)?;
    let sealed = material.sealed.ok_or_else(|| Error::InvalidState(format!("{} is pending import.", key.arn)))?;
    Ok(kms.vault.open(&place(key, number), &sealed)?)
}

/// Material for the store: sealed, with an id that is the same whenever the same material comes for the same key.
pub fn sealed(kms: &Kms, cx: &Cx, key: &Key, number: u32, material: &[u8]) -> Result<Material, Error> {
    let id = crypto::mac(crate::spec::Hash::Sha256, material, format!("material of {}", key.id).as_bytes())?;
    Ok(Material {
        id: hex::encode(id),
        sealed: Some(kms.vault.seal(&place(key, number), material)?),
        made: cx.now(),
        rotated: None,
        expires: None,
        description: None,
    })
}

/// New material for a key.
pub fn new_material(kms: &Kms, cx: &Cx, key: &Key, number: u32) -> Result<Material, Error> {
    sealed(kms, cx, key, number, &crypto::generate(key.spec, cx.env())?)
}

/// A key's material as the key that it is in another Region keeps it.
pub fn moved(kms: &Kms, from: &Key, to: &Key, number: u32, material: &Material) -> Result<Material, Error> {
    let sealed = match &material.sealed {
        Some(sealed) => Some(kms.vault.seal(&place(to, number), &kms.vault.open(&place(from, number), sealed)?)?),
        None => None,
    };
    Ok(Material { sealed, ..material.clone() })
}

/// Makes `material` the one in use, in all Regions that the key is in.
pub fn rotate_everywhere(
    kms: &Kms,
    tx: &mut Tx,
    key: &mut Key,
    number: u32,
    material: &Material,
    now: Timestamp,
    on_demand: bool,
) -> Result<(), Error> {
    for mut replica in region_model::related(&*tx, key)? {
        let copy = moved(kms, key, &replica, number, material)?;
        materials::rotate(tx, &mut replica, number, copy, now, on_demand)?;
    }
    materials::rotate(tx, key, number, material.clone(), now, on_demand)
}

/// Runs what takes long on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(service::Error::internal)?
}

/// # Errors
/// `DryRunOperationException` for a request that only asks whether it may.
pub fn check_dry_run(dry_run: Option<bool>) -> Result<(), Error> {
    if dry_run == Some(true) { Err(Error::DryRun) } else { Ok(()) }
}

/// Nitro enclaves get their answers encrypted for them: there are none here.
pub fn refuse_recipient(recipient: Option<&serde_json::Value>) -> Result<(), Error> {
    match recipient {
        None => Ok(()),
        Some(_) => Err(Error::NotImplemented("KMS's Recipient, for Nitro enclaves,".into())),
    }
}

/// The bytes of a blob, within a range of lengths.
pub fn check_bytes(constraints: &mut Constraints, bytes: &[u8], member: &str, max: usize) {
    if bytes.is_empty() {
        constraints.fail_unseen(member, "have length greater than or equal to 1");
    }
    if bytes.len() > max {
        constraints.fail_unseen(member, format_args!("have length less than or equal to {max}"));
    }
}

/// # Errors
/// When its texts are more than a context may have.
pub fn check_context(context: &Context) -> Result<(), Error> {
    let bytes: usize = context.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits::CONTEXT_BYTES_MAX {
        let max = limits::CONTEXT_BYTES_MAX;
        return Err(Error::Validation(format!("The encryption context has {bytes} bytes, of at most {max}.")));
    }
    Ok(())
}

/// The id of the key that made a ciphertext: of two kinds of ids it may have one.
pub fn made_by(read: &impl Read, cx: &Cx, header: crypto::Header) -> Result<String, Error> {
    let in_regions = format!("{}{}", region_model::ID_PREFIX, header.key.simple());
    let is_there = KEYS.contains(read, (cx.region().as_str(), &*in_regions))?;
    Ok(if is_there { in_regions } else { header.key.to_string() })
}

pub fn header(key: &Key, material: u32) -> Result<crypto::Header, Error> {
    let number = key.id.strip_prefix(region_model::ID_PREFIX).unwrap_or(&key.id);
    let id = Uuid::parse_str(number).map_err(service::Error::internal)?;
    Ok(crypto::Header { key: id, material })
}

/// What lists take.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Page {
    pub limit: Option<i64>,
    pub marker: Option<String>,
}

impl Page {
    /// How many, and after which.
    pub fn read(&self) -> Result<(usize, Option<&str>), Error> {
        self.read_within(limits::PAGE, &limits::PAGE_RANGE)
    }

    pub fn read_within(&self, default: usize, range: &RangeInclusive<i64>) -> Result<(usize, Option<&str>), Error> {
        let mut constraints = Constraints::default();
        constraints.range(self.limit, "limit", range);
        if self.marker.as_deref() == Some("") {
            constraints.fail("", "marker", "have length greater than or equal to 1");
        }
        constraints.check()?;
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(default);
        Ok((limit, self.marker.as_deref()))
    }
}

/// What lists answer beside what they list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct More {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
    pub truncated: bool,
}

impl More {
    /// `last` is the marker of the last of the page, where there are more.
    pub fn new(more: bool, last: Option<String>) -> More {
        More { next_marker: last.filter(|_| more), truncated: more }
    }
}
