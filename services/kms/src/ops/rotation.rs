//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand, ListKeyRotations.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::key::{KeyId, moment};
use super::{Empty, KeyInput, More, Page, find_by_id, new_material, of_key, rotate_everywhere};
use crate::Kms;
use crate::error::Error;
use crate::limits;
use crate::model::{key, material, region};
use crate::spec::Spec;
use crate::types::{Key, Material};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EnableInput {
    pub key_id: String,
    pub rotation_period_in_days: Option<i64>,
}
of_key!(EnableInput, ListInput);

/// A key that can be rotated by its schedule.
fn rotating(cx: &Cx, text: &str) -> Result<Key, Error> {
    let key = find_by_id(cx, text)?;
    key::check_own(&key)?;
    key::check_usable(&key)?;
    check_symmetric(&key)?;
    region::check_primary(&key)?;
    if key.external {
        return Err(Error::Unsupported(format!(
            "{} origin is EXTERNAL which is not valid for this operation.",
            key.arn
        )));
    }
    Ok(key)
}

fn check_symmetric(key: &Key) -> Result<(), Error> {
    if key.spec == Spec::Symmetric { Ok(()) } else { Err(Error::unsupported()) }
}

pub async fn enable(_: Arc<Kms>, cx: Cx, input: EnableInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.range(input.rotation_period_in_days, "rotationPeriodInDays", &limits::ROTATION_DAYS_RANGE);
    constraints.check()?;
    let key = rotating(&cx, &input.key_id)?;
    let days = input.rotation_period_in_days.and_then(|days| u32::try_from(days).ok()).unwrap_or(limits::ROTATION_DAYS);
    schedule(&cx, key.arn, Some(days)).await
}

pub async fn disable(_: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<Empty, Error> {
    let key = rotating(&cx, &input.key_id)?;
    schedule(&cx, key.arn, None).await
}

async fn schedule(cx: &Cx, arn: Arn, days: Option<u32>) -> Result<Empty, Error> {
    let now = cx.now();
    cx.db().write(move |tx| material::schedule(tx, now, &arn, days)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatusOutput {
    pub key_rotation_enabled: bool,
    pub key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_period_in_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_rotation_date: Option<DateTime>,
}

pub async fn status(_: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<StatusOutput, Error> {
    let key = find_by_id(&cx, &input.key_id)?;
    key::check_stays(&key)?;
    Ok(StatusOutput {
        key_rotation_enabled: key.rotation.is_some(),
        key_id: key.arn.to_string(),
        rotation_period_in_days: key.rotation.map(|rotation| rotation.period_days),
        next_rotation_date: key.rotation.map(|rotation| moment(rotation.next)),
    })
}

/// Rotates a key now: to new material, or to the one that was imported for it.
pub async fn rotate(kms: Arc<Kms>, cx: Cx, input: KeyInput) -> Result<KeyId, Error> {
    let key = find_by_id(&cx, &input.key_id)?;
    key::check_own(&key)?;
    key::check_usable(&key)?;
    check_symmetric(&key)?;
    region::check_primary(&key)?;
    material::check_on_demand(&key)?;
    let (arn, now) = (key.arn.clone(), cx.now());
    if key.external {
        let none =
            || Error::InvalidState(format!("No available key material pending rotation for the key: {}.", key.arn));
        let number = key.pending.ok_or_else(none)?;
        let rotate = move |tx: &mut kv::Tx| -> Result<(), Error> {
            let mut key = key::get(tx, &arn)?;
            let imported = material::get(tx, &key, number)?.ok_or(Error::InvalidCiphertext)?;
            material::rotate(tx, &mut key, number, imported, now, true)
        };
        cx.db().write(rotate).await?;
        return Ok(KeyId { key_id: key.arn.to_string() });
    }
    let number = material::next_number(&cx.db().read()?, &key)?;
    let fresh = new_material(&kms, &cx, &key, number)?;
    let rotate = move |tx: &mut kv::Tx| -> Result<(), Error> {
        let mut key = key::get(tx, &arn)?;
        key::check_usable(&key)?;
        material::check_on_demand(&key)?;
        // Somebody else rotated meanwhile: the material is bound to its number.
        if material::next_number(tx, &key)? != number {
            return Err(Error::InvalidState(format!("{} is being rotated.", key.arn)));
        }
        region::check_primary(&key)?;
        rotate_everywhere(&kms, tx, &mut key, number, &fresh, now, true)
    };
    cx.db().write(rotate).await?;
    Ok(KeyId { key_id: key.arn.to_string() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub key_id: String,
    pub include_key_material: Option<String>,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub key_id: String,
    pub key_material_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_material_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_state: Option<&'static str>,
    pub key_material_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_type: Option<&'static str>,
}

impl Listed {
    fn new(key: &Key, number: u32, material: Material) -> Listed {
        let state = match number {
            _ if key.current == Some(number) => "CURRENT",
            _ if key.pending == Some(number) => "PENDING_ROTATION",
            _ => "NON_CURRENT",
        };
        let import = if material.sealed.is_some() { "IMPORTED" } else { "PENDING_IMPORT" };
        let expires = if material.expires.is_some() { "KEY_MATERIAL_EXPIRES" } else { "KEY_MATERIAL_DOES_NOT_EXPIRE" };
        Listed {
            key_id: key.id.clone(),
            key_material_id: material.id,
            key_material_description: material.description,
            import_state: key.external.then_some(import),
            key_material_state: state,
            expiration_model: key.external.then_some(expires),
            valid_to: material.expires.map(moment),
            rotation_date: material.rotated.map(|(at, _)| moment(at)),
            rotation_type: material.rotated.map(|(_, on_demand)| if on_demand { "ON_DEMAND" } else { "AUTOMATIC" }),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub rotations: Vec<Listed>,
    #[serde(flatten)]
    pub more: More,
}

pub async fn list(_: Arc<Kms>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (limit, after) = input.page.read()?;
    let mut constraints = Constraints::default();
    let which = input.include_key_material.as_deref();
    constraints.one_of(which, "includeKeyMaterial", &["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"]);
    constraints.check()?;
    let key = find_by_id(&cx, &input.key_id)?;
    check_symmetric(&key)?;
    let after = after.map(|marker| marker.parse::<u32>().map_err(|_| Error::InvalidMarker)).transpose()?;
    let whole = which == Some("ALL_KEY_MATERIAL");
    let mut rest = material::all(&cx.db().read()?, &key)?.into_iter().filter(|(number, material)| {
        after.is_none_or(|after| *number > after) && (whole || material.rotated.is_some())
    });
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let more = More::new(rest.next().is_some(), page.last().map(|(number, _)| number.to_string()));
    Ok(ListOutput {
        rotations: page.into_iter().map(|(number, material)| Listed::new(&key, number, material)).collect(),
        more,
    })
}
