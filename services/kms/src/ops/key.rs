//! CreateKey, DescribeKey, ListKeys, EnableKey, DisableKey, UpdateKeyDescription, ScheduleKeyDeletion, CancelKeyDeletion.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Permission};
use wire::DateTime;

use super::tag::{Tag, check as check_tags};
use super::{Empty, KeyInput, More, Page, arn, blocking, find_or_make, new_material, of_key, policy, resolve_id};
use crate::Kms;
use crate::error::Error;
use crate::limits;
use crate::model::{key, material, region};
use crate::spec::{FOREIGN_SPECS, Spec, Usage};
use crate::types::{Key, Material, Regions, State};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub policy: Option<String>,
    pub description: Option<String>,
    pub key_usage: Option<String>,
    pub customer_master_key_spec: Option<String>,
    pub key_spec: Option<String>,
    pub origin: Option<String>,
    pub custom_key_store_id: Option<String>,
    pub bypass_policy_lockout_safety_check: bool,
    pub tags: Vec<Tag>,
    pub multi_region: Option<bool>,
    pub xks_key_id: Option<String>,
}

impl CreateInput {
    pub fn permissions(&self) -> Vec<Permission> {
        let tagging = (!self.tags.is_empty()).then(|| Permission::new("kms:TagResource", "*"));
        std::iter::once(Permission::new("kms:CreateKey", "*")).chain(tagging).collect()
    }
}

const ORIGINS: [&str; 4] = ["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"];
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyOutput {
    pub key_metadata: Metadata,
}

pub async fn create(kms: Arc<Kms>, cx: Cx, input: CreateInput) -> Result<KeyOutput, Error> {
    check_create(&input)?;
    let (spec, usage) = kind(&input)?;
    let external = input.origin.as_deref() == Some("EXTERNAL");
    let tags = check_tags(&input.tags)?;
    let policy = match input.policy {
        None => policy::default(&cx),
        Some(policy) => policy::checked(&cx, policy, input.bypass_policy_lockout_safety_check)?,
    };
    let id = match input.multi_region {
        Some(true) => format!("{}{}", region::ID_PREFIX, cx.env().uuid().replace('-', "")),
        _ => cx.env().uuid(),
    };
    let primary = cx.region().as_str().to_owned();
    let new = Key {
        arn: arn(&cx)(&format!("{}{id}", key::PREFIX)),
        id,
        created: cx.now(),
        description: input.description.unwrap_or_default(),
        usage,
        spec,
        external,
        manager: None,
        enabled: true,
        deletion: None,
        policy,
        tags,
        rotation: None,
        on_demand_rotations: 0,
        current: (!external).then_some(1),
        pending: None,
        regions: (input.multi_region == Some(true)).then(|| Regions { primary, replicas: Vec::new() }),
        deletion_after_replicas: None,
    };
    let made = if external { None } else { Some(make(&kms, &cx, &new).await?) };
    let metadata = Metadata::new(&new, made.as_ref());
    cx.db()
        .write(move |tx| {
            made.iter().try_for_each(|made| material::put(tx, &new, 1, made))?;
            key::put(tx, &new)
        })
        .await?;
    Ok(KeyOutput { key_metadata: metadata })
}

async fn make(kms: &Arc<Kms>, cx: &Cx, key: &Key) -> Result<Material, Error> {
    let (kms, cx, key) = (kms.clone(), cx.clone(), key.clone());
    blocking(move || new_material(&kms, &cx, &key, 1)).await
}

fn check_create(input: &CreateInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.length(input.description.as_deref(), "description", limits::DESCRIPTION_CHARACTERS_MAX);
    constraints.one_of(input.key_usage.as_deref(), "keyUsage", Usage::WORDS);
    constraints.one_of(input.origin.as_deref(), "origin", &ORIGINS);
    for (spec, member) in [(&input.key_spec, "keySpec"), (&input.customer_master_key_spec, "customerMasterKeySpec")] {
        let spec = spec.as_deref().filter(|spec| !FOREIGN_SPECS.contains(spec));
        constraints.one_of(spec, member, Spec::WORDS);
    }
    constraints.check()?;
    let foreign_origin =
        input.origin.as_deref().is_some_and(|origin| !ORIGINS.iter().take(2).any(|own| *own == origin));
    if foreign_origin || input.custom_key_store_id.is_some() || input.xks_key_id.is_some() {
        return Err(Error::NotImplemented("A KMS key in a custom key store".into()));
    }
    if input.multi_region == Some(true) && input.origin.as_deref() == Some("EXTERNAL") {
        return Err(Error::NotImplemented("A multi-Region KMS key with imported material".into()));
    }
    Ok(())
}

fn kind(input: &CreateInput) -> Result<(Spec, Usage), Error> {
    let word = match (&input.key_spec, &input.customer_master_key_spec) {
        (Some(new), Some(old)) if new != old => {
            return Err(Error::Validation(
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.".into(),
            ));
        }
        (Some(word), _) | (None, Some(word)) => word.as_str(),
        (None, None) => Spec::Symmetric.word(),
    };
    let spec = Spec::parse(word).ok_or_else(|| Error::NotImplemented(format!("A KMS key of the kind {word}")))?;
    match input.key_usage.as_deref().and_then(Usage::parse) {
        Some(usage) if spec.usages().contains(&usage) => Ok((spec, usage)),
        Some(usage) => {
            Err(Error::Validation(format!("KeyUsage {} is not compatible with KeySpec {word}", usage.word())))
        }
        None if spec == Spec::Symmetric => Ok((spec, Usage::Encrypt)),
        None => Err(Error::Validation(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.".into(),
        )),
    }
}

/// What is told of a key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metadata {
    #[serde(rename = "AWSAccountId")]
    pub account: String,
    pub key_id: String,
    pub arn: String,
    pub creation_date: DateTime,
    pub enabled: bool,
    pub description: String,
    pub key_usage: &'static str,
    pub key_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<DateTime>,
    pub origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_model: Option<&'static str>,
    pub key_manager: &'static str,
    pub customer_master_key_spec: &'static str,
    pub key_spec: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub encryption_algorithms: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub signing_algorithms: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub key_agreement_algorithms: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub mac_algorithms: &'static [&'static str],
    pub multi_region: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_region_configuration: Option<Configuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_deletion_window_in_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_key_material_id: Option<String>,
}

/// In which Regions a key is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    pub multi_region_key_type: &'static str,
    pub primary_key: Related,
    pub replica_keys: Vec<Related>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Related {
    pub arn: String,
    pub region: String,
}

impl Configuration {
    fn new(key: &Key) -> Option<Configuration> {
        let regions = key.regions.as_ref()?;
        let related = |region: &String| Related { arn: key.arn_in(region).to_string(), region: region.clone() };
        Some(Configuration {
            multi_region_key_type: if key.is_replica() { "REPLICA" } else { "PRIMARY" },
            primary_key: related(&regions.primary),
            replica_keys: regions.replicas.iter().map(related).collect(),
        })
    }
}

/// The algorithms of a usage, of all that a kind of key knows.
pub fn algorithms(key: &Key, usage: Usage) -> &'static [&'static str] {
    match usage {
        _ if usage != key.usage => &[],
        Usage::Encrypt => key.spec.encryption_algorithms(),
        Usage::Sign => key.spec.signing_algorithms(),
        Usage::Mac => key.spec.mac_algorithms(),
        Usage::Agreement => &["ECDH"],
    }
}

pub fn moment(at: Timestamp) -> DateTime {
    DateTime(at)
}

impl Metadata {
    /// `current` is the material in use, or the one that was.
    pub fn new(key: &Key, current: Option<&Material>) -> Metadata {
        let state = key.state();
        let there = current.filter(|material| material.sealed.is_some());
        let expires = there.and_then(|material| material.expires);
        let imported = key.external && there.is_some();
        Metadata {
            account: key.arn.account.clone(),
            key_id: key.id.clone(),
            arn: key.arn.to_string(),
            creation_date: moment(key.created),
            enabled: state == State::Enabled,
            description: key.description.clone(),
            key_usage: key.usage.word(),
            key_state: state.word(),
            deletion_date: key.deletion.map(|deletion| moment(deletion.at)),
            valid_to: expires.map(moment),
            origin: if key.external { "EXTERNAL" } else { "AWS_KMS" },
            expiration_model: imported.then_some(match expires {
                Some(_) => "KEY_MATERIAL_EXPIRES",
                None => "KEY_MATERIAL_DOES_NOT_EXPIRE",
            }),
            key_manager: if key.manager.is_some() { "AWS" } else { "CUSTOMER" },
            customer_master_key_spec: key.spec.word(),
            key_spec: key.spec.word(),
            encryption_algorithms: algorithms(key, Usage::Encrypt),
            signing_algorithms: algorithms(key, Usage::Sign),
            key_agreement_algorithms: algorithms(key, Usage::Agreement),
            mac_algorithms: algorithms(key, Usage::Mac),
            multi_region: key.regions.is_some(),
            multi_region_configuration: Configuration::new(key),
            pending_deletion_window_in_days: key.deletion_after_replicas,
            // Others are never rotated.
            current_key_material_id: current
                .filter(|_| key.spec == Spec::Symmetric)
                .map(|material| material.id.clone()),
        }
    }
}

pub async fn describe(kms: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<KeyOutput, Error> {
    let key = find_or_make(&kms, &cx, &input.key_id).await?;
    let read = cx.db().read()?;
    let current = material::shown(&read, &key)?;
    Ok(KeyOutput { key_metadata: Metadata::new(&key, current.as_ref()) })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub key_id: String,
    pub key_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub keys: Vec<Listed>,
    #[serde(flatten)]
    pub more: More,
}

pub async fn list(_: Arc<Kms>, cx: Cx, input: Page) -> Result<ListOutput, Error> {
    let (limit, after) = input.read()?;
    let (ids, more) = key::list(&cx.db().read()?, cx.region().as_str(), after, limit)?;
    let of = arn(&cx);
    let more = More::new(more, ids.last().cloned());
    let keys =
        ids.into_iter().map(|id| Listed { key_arn: of(&format!("{}{id}", key::PREFIX)).to_string(), key_id: id });
    Ok(ListOutput { keys: keys.collect(), more })
}

async fn set_enabled(cx: Cx, input: KeyInput, enabled: bool) -> Result<Empty, Error> {
    let arn = resolve_id(&cx.db().read()?, &cx, &input.key_id)?;
    let set = move |key: &mut Key| {
        key::check_own(key)?;
        key::check_stays(key)?;
        if key.current.is_none() {
            return key::check_usable(key);
        }
        key.enabled = enabled;
        Ok(())
    };
    cx.db().write(move |tx| key::change(tx, &arn, set)).await?;
    Ok(Empty {})
}

pub async fn enable(_: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<Empty, Error> {
    set_enabled(cx, input, true).await
}

pub async fn disable(_: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<Empty, Error> {
    set_enabled(cx, input, false).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescriptionInput {
    pub key_id: String,
    pub description: String,
}
of_key!(DescriptionInput, DeletionInput);

pub async fn update_description(_: Arc<Kms>, cx: Cx, input: DescriptionInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.length(Some(&input.description), "description", limits::DESCRIPTION_CHARACTERS_MAX);
    constraints.check()?;
    let arn = resolve_id(&cx.db().read()?, &cx, &input.key_id)?;
    let set = move |key: &mut Key| {
        key::check_own(key)?;
        key::check_stays(key)?;
        key.description.clone_from(&input.description);
        Ok(())
    };
    cx.db().write(move |tx| key::change(tx, &arn, &set)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeletionInput {
    pub key_id: String,
    pub pending_window_in_days: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeletionOutput {
    pub key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_date: Option<DateTime>,
    pub key_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_window_in_days: Option<u32>,
}

pub async fn schedule_deletion(_: Arc<Kms>, cx: Cx, input: DeletionInput) -> Result<DeletionOutput, Error> {
    let days = input.pending_window_in_days.unwrap_or(limits::DELETION_DAYS.into());
    let days = match u32::try_from(days) {
        Ok(whole) if limits::DELETION_DAYS_RANGE.contains(&days) => whole,
        _ => {
            return Err(Error::Validation("PendingWindowInDays must be between 7 and 30 (inclusive) days.".into()));
        }
    };
    let (arn, now) = (resolve_id(&cx.db().read()?, &cx, &input.key_id)?, cx.now());
    let key = cx
        .db()
        .write(move |tx| {
            key::check_own(&key::get(tx, &arn)?)?;
            key::schedule_deletion(tx, now, &arn, days)
        })
        .await?;
    Ok(DeletionOutput {
        key_id: key.arn.to_string(),
        deletion_date: key.deletion.map(|deletion| moment(deletion.at)),
        key_state: key.state().word(),
        pending_window_in_days: Some(days),
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyId {
    pub key_id: String,
}

pub async fn cancel_deletion(_: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<KeyId, Error> {
    let arn = resolve_id(&cx.db().read()?, &cx, &input.key_id)?;
    let key_id = arn.to_string();
    cx.db().write(move |tx| key::cancel_deletion(tx, &arn)).await?;
    Ok(KeyId { key_id })
}
