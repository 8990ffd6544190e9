//! CreateSecret, UpdateSecret, DescribeSecret, DeleteSecret, RestoreSecret.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use service::{Constraints, Cx, Error as ServiceError, Permission};
use wire::{Blob, DateTime};

use super::rotation::RulesShape;
use super::tag::{self, Tag};
use super::{Named, SecretInput, check_characters, find, find_usable, of_secret, own, resource, version_id};
use crate::SecretsManager;
use crate::crypt::{self, Value};
use crate::error::Error;
use crate::limits::{self, DAY};
use crate::model::{secret, version};
use crate::types::{CURRENT, Secret, Version};

const SUFFIX_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub name: String,
    pub client_request_token: Option<String>,
    pub description: Option<String>,
    pub kms_key_id: Option<String>,
    pub secret_binary: Option<Blob>,
    pub secret_string: Option<String>,
    pub tags: Vec<Tag>,
    pub add_replica_regions: Vec<Json>,
    pub r#type: Option<String>,
    #[serde(rename = "CrossAccountPrimaryARN")]
    pub cross_account_primary_arn: Option<String>,
}

impl CreateInput {
    pub fn permissions(&self, cx: &Cx) -> Result<Vec<Permission>, ServiceError> {
        let resource = resource(cx, &self.name);
        let mut create = Permission::new("secretsmanager:CreateSecret", &resource);
        create.context.push(("secretsmanager:Name".into(), vec![self.name.clone()]));
        let tags = self.tags.iter().map(|tag| (format!("aws:RequestTag/{}", tag.key), vec![tag.value.clone()]));
        create.context.extend(tags);
        let tagging = (!self.tags.is_empty()).then(|| Permission::new("secretsmanager:TagResource", &resource));
        Ok(std::iter::once(create).chain(tagging).collect())
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.length(Some(name), "name", limits::NAME_CHARACTERS_MAX);
    if name.is_empty() {
        constraints.fail("", "name", "have length greater than or equal to 1");
    }
    constraints.check()?;
    check_characters(name)
}

fn check_description(description: Option<&str>) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.length(description, "description", limits::DESCRIPTION_CHARACTERS_MAX);
    Ok(constraints.check()?)
}

/// Secrets that third parties manage are of no use here.
fn refuse_type(kind: Option<&str>) -> Result<(), Error> {
    match kind {
        None | Some("") => Ok(()),
        Some(_) => Err(Error::NotImplemented("A secret of another party (Type)".into())),
    }
}

pub async fn create(_: Arc<SecretsManager>, cx: Cx, input: CreateInput) -> Result<Named, Error> {
    check_name(&input.name)?;
    check_description(input.description.as_deref())?;
    refuse_type(input.r#type.as_deref())?;
    if !input.add_replica_regions.is_empty() || input.cross_account_primary_arn.is_some() {
        return Err(Error::NotImplemented("A replica of a secret".into()));
    }
    let id = version_id(input.client_request_token)?;
    let value = Value::read(input.secret_string, input.secret_binary)?;
    let suffix = cx.env().random_text(SUFFIX_ALPHABET, 6);
    let new = Secret {
        arn: cx.arn("secretsmanager", format!("{}{}-{suffix}", secret::PREFIX, input.name)),
        name: input.name,
        description: input.description.filter(|text| !text.is_empty()),
        key: input.kms_key_id.filter(|text| !text.is_empty()),
        created: cx.now(),
        changed: cx.now(),
        accessed: None,
        tags: tag::check(input.tags)?,
        untagged: false,
        policy: None,
        deletion: None,
        stages: BTreeMap::new(),
        rotation: None,
        rotated: None,
    };
    if let Some(existing) = secret::get(&cx.db().read()?, new.region(), &new.name)? {
        return repeated(&cx, &existing, &id, value.as_ref()).await;
    }
    let sealed = match &value {
        Some(value) => Some(crypt::seal(&cx, &new, &id, value).await?),
        None => None,
    };
    let told = Named::new(&new, sealed.is_some().then(|| id.clone()));
    let put = move |tx: &mut kv::Tx| -> Result<(), Error> {
        let mut new = new.clone();
        if secret::get(tx, new.region(), &new.name)?.is_some() {
            return Err(exists(&new.name));
        }
        match &sealed {
            Some(sealed) => version::put(tx, &mut new, &id, sealed, &[CURRENT.to_owned()]),
            None => secret::put(tx, &new),
        }
    };
    cx.db().write(put).await?;
    Ok(told)
}

fn exists(name: &str) -> Error {
    Error::Exists(format!("The operation failed because the secret {name} already exists."))
}

/// What is answered when there is a secret of that name: the same, if the same was asked for.
async fn repeated(cx: &Cx, existing: &Secret, id: &str, value: Option<&Value>) -> Result<Named, Error> {
    if existing.deletion.is_some() {
        return Err(Error::InvalidRequest(
            "You can't create this secret because a secret with this name is already scheduled for deletion.".into(),
        ));
    }
    let made = version::get(&cx.db().read()?, existing, id)?;
    match (made, value) {
        (Some(made), Some(value)) if crypt::is_same(cx, existing, id, &made, value).await? => {
            Ok(Named::new(existing, Some(id.to_owned())))
        }
        _ => Err(exists(&existing.name)),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub secret_id: String,
    pub client_request_token: Option<String>,
    pub description: Option<String>,
    pub kms_key_id: Option<String>,
    pub secret_binary: Option<Blob>,
    pub secret_string: Option<String>,
    pub r#type: Option<String>,
}
of_secret!(UpdateInput, DeleteInput);

pub async fn update(_: Arc<SecretsManager>, cx: Cx, input: UpdateInput) -> Result<Named, Error> {
    check_description(input.description.as_deref())?;
    refuse_type(input.r#type.as_deref())?;
    let id = version_id(input.client_request_token)?;
    let value = Value::read(input.secret_string, input.secret_binary)?;
    let mut found = find_usable(&cx, &input.secret_id)?;
    let (key, description) = (input.kms_key_id.clone(), input.description);
    let key_changes = key.as_deref().is_some_and(|key| Some(key).filter(|key| !key.is_empty()) != found.key.as_deref());
    if let Some(key) = key {
        found.key = Some(key).filter(|key| !key.is_empty());
    }
    let existing = version::get(&cx.db().read()?, &found, &id)?;
    let sealed = match (&value, &existing) {
        (Some(value), Some(made)) if crypt::is_same(&cx, &found, &id, made, value).await? => None,
        (Some(_), Some(_)) => return Err(version_exists()),
        (Some(value), None) => Some(crypt::seal(&cx, &found, &id, value).await?),
        (None, _) => None,
    };
    // With another key, the value in force is encrypted again, as AWS does.
    let current = found.version_of(CURRENT).map(str::to_owned).filter(|_| key_changes && value.is_none());
    let again = match &current {
        Some(current) => encrypt_again(&cx, &found, current).await?,
        None => None,
    };
    let told = Named::new(&found, value.is_some().then(|| id.clone()));
    let (own, text, key, now) = (own(&cx), input.secret_id, found.key.clone(), cx.now());
    let change = move |tx: &mut kv::Tx| -> Result<(), Error> {
        let mut secret = secret::find_usable(tx, &own, &text)?;
        if let Some(description) = &description {
            secret.description = Some(description.clone()).filter(|text| !text.is_empty());
        }
        secret.key.clone_from(&key);
        secret.changed = now;
        if let (Some(current), Some(again)) = (&current, &again) {
            version::put(tx, &mut secret, current, again, &[])?;
        }
        match &sealed {
            Some(sealed) => version::put(tx, &mut secret, &id, sealed, &[CURRENT.to_owned()]),
            None => secret::put(tx, &secret),
        }
    };
    cx.db().write(change).await?;
    Ok(told)
}

async fn encrypt_again(cx: &Cx, found: &Secret, id: &str) -> Result<Option<Version>, Error> {
    let Some(made) = version::get(&cx.db().read()?, found, id)? else { return Ok(None) };
    let Some(envelope) = &made.value else { return Ok(None) };
    let value = Value { bytes: crypt::open(cx, found, id, envelope).await?, is_binary: made.is_binary };
    Ok(Some(Version { created: made.created, accessed: made.accessed, ..crypt::seal(cx, found, id, &value).await? }))
}

pub fn version_exists() -> Error {
    Error::Exists("A resource with the ID you requested already exists.".into())
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_enabled: Option<bool>,
    #[serde(rename = "RotationLambdaARN", skip_serializing_if = "Option::is_none")]
    pub rotation_lambda_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_rules: Option<RulesShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_rotated_date: Option<DateTime>,
    pub last_changed_date: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_accessed_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_rotation_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
    pub created_date: DateTime,
}

impl Described {
    pub fn new(secret: &Secret) -> Described {
        let rotation = secret.rotation.as_ref();
        Described {
            arn: secret.arn.to_string(),
            name: secret.name.clone(),
            description: secret.description.clone(),
            kms_key_id: secret.key.clone(),
            rotation_enabled: rotation.map(|rotation| rotation.enabled),
            rotation_lambda_arn: rotation.map(|rotation| rotation.function.to_string()),
            rotation_rules: rotation.map(|rotation| RulesShape::of(&rotation.rules)),
            last_rotated_date: secret.rotated.map(DateTime),
            last_changed_date: DateTime(secret.changed),
            last_accessed_date: secret.accessed.map(DateTime),
            deleted_date: secret.deletion.map(DateTime),
            next_rotation_date: rotation.and_then(|rotation| rotation.next).map(DateTime),
            tags: (secret.untagged || !secret.tags.is_empty()).then(|| tag::shown(&secret.tags)),
            created_date: DateTime(secret.created),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    #[serde(flatten)]
    pub secret: Described,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub version_ids_to_stages: BTreeMap<String, Vec<String>>,
}

pub async fn describe(_: Arc<SecretsManager>, cx: Cx, input: SecretInput) -> Result<DescribeOutput, Error> {
    let found = find(&cx, &input.secret_id)?;
    Ok(DescribeOutput { secret: Described::new(&found), version_ids_to_stages: found.stages })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub secret_id: String,
    pub recovery_window_in_days: Option<i64>,
    pub force_delete_without_recovery: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deleted {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    pub deletion_date: DateTime,
}

/// When the secret is to be gone; `None` for at once.
fn deletion(input: &DeleteInput, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    match (input.force_delete_without_recovery == Some(true), input.recovery_window_in_days) {
        (true, None) => Ok(None),
        (true, Some(_)) => Err(Error::InvalidParameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.".into(),
        )),
        (false, Some(days)) if !limits::RECOVERY_DAYS_RANGE.contains(&days) => Err(Error::InvalidParameter(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).".into(),
        )),
        (false, days) => {
            let days = days.and_then(|days| u32::try_from(days).ok()).unwrap_or(limits::RECOVERY_DAYS);
            Ok(Some(now + DAY * days))
        }
    }
}

pub async fn delete(_: Arc<SecretsManager>, cx: Cx, input: DeleteInput) -> Result<Deleted, Error> {
    let at = deletion(&input, cx.now())?;
    let deletion_date = DateTime(at.unwrap_or(cx.now()));
    let found = match find(&cx, &input.secret_id) {
        // Deleting by force what is not there is a success, so that it can be repeated.
        Err(Error::NotFound) if at.is_none() => {
            let arn = resource(&cx, &input.secret_id);
            return Ok(Deleted { arn, name: input.secret_id, deletion_date });
        }
        found => found?,
    };
    if found.deletion.is_some() && at.is_some() {
        return Err(Error::marked_for_deletion());
    }
    let (own, text) = (own(&cx), input.secret_id);
    let delete = move |tx: &mut kv::Tx| {
        let mut secret = secret::find(tx, &own, &text)?;
        match at {
            Some(at) => secret::schedule_deletion(tx, &mut secret, at),
            None => secret::delete(tx, &mut secret),
        }
    };
    cx.db().write(delete).await?;
    Ok(Deleted { arn: found.arn.to_string(), name: found.name, deletion_date })
}

pub async fn restore(_: Arc<SecretsManager>, cx: Cx, input: SecretInput) -> Result<Named, Error> {
    let found = find(&cx, &input.secret_id)?;
    let (own, text, now) = (own(&cx), input.secret_id, cx.now());
    let restore = move |tx: &mut kv::Tx| {
        let mut secret = secret::find(tx, &own, &text)?;
        secret::restore(tx, &mut secret, now)
    };
    cx.db().write(restore).await?;
    Ok(Named::new(&found, None))
}
