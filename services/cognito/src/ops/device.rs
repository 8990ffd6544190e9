//! ConfirmDevice, GetDevice, ListDevices, UpdateDeviceStatus, ForgetDevice, AdminGetDevice, AdminListDevices, AdminUpdateDeviceStatus,
//! AdminForgetDevice.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::{Empty, after, find_user, of_pool, page_size, token};
use crate::Cognito;
use crate::error::Error;
use crate::limits::{DEVICE_NAME_CHARACTERS_MAX, DEVICE_SALT_BYTES_MAX};
use crate::model::device as devices;
use crate::schema::Attribute;
use crate::sign_in::device::{check_verifier, place};
use crate::tokens::{Bearer, bearer};
use crate::types::{Device, DeviceSettings, Pool, User};

const KEY_CHARACTERS_MAX: usize = 55;
const STATES: [&str; 2] = ["remembered", "not_remembered"];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfirmInput {
    pub access_token: String,
    pub device_key: String,
    pub device_secret_verifier_config: VerifierConfig,
    pub device_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VerifierConfig {
    pub password_verifier: String,
    pub salt: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConfirmOutput {
    pub user_confirmation_necessary: bool,
}

/// A request about a device of one's own.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeviceInput {
    pub access_token: String,
    pub device_key: String,
    pub device_remembered_status: Option<String>,
}

/// The same for administrators.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AdminDeviceInput {
    pub user_pool_id: String,
    pub username: String,
    pub device_key: String,
    pub device_remembered_status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub access_token: String,
    pub limit: Option<i64>,
    pub pagination_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AdminListInput {
    pub user_pool_id: String,
    pub username: String,
    pub limit: Option<i64>,
    pub pagination_token: Option<String>,
}
of_pool!(AdminDeviceInput, AdminListInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceOutput {
    pub device: DeviceType,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub devices: Vec<DeviceType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination_token: Option<String>,
}

/// What is told of a device.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceType {
    pub device_key: String,
    pub device_attributes: Vec<Attribute>,
    pub device_create_date: DateTime,
    pub device_last_modified_date: DateTime,
    pub device_last_authenticated_date: DateTime,
}

impl From<Device> for DeviceType {
    fn from(device: Device) -> DeviceType {
        let [remembered, not] = STATES;
        let attribute = |(name, value): (&str, String)| Attribute { name: name.to_owned(), value };
        let status = if device.remembered { remembered } else { not };
        let attributes = [("device_status", "valid".to_owned()), ("dev:device_remembered_status", status.to_owned())];
        let name = device.name.map(|name| ("device_name", name));
        DeviceType {
            device_key: device.key,
            device_attributes: attributes.into_iter().chain(name).map(attribute).collect(),
            device_create_date: device.created.into(),
            device_last_modified_date: device.modified.into(),
            device_last_authenticated_date: device.authenticated.into(),
        }
    }
}

/// # Errors
/// When the pool does not remember devices.
fn settings(pool: &Pool) -> Result<DeviceSettings, Error> {
    pool.settings.devices.ok_or(Error::NoDevices)
}

fn check_key(key: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    let is_rest = |rest: &str| rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    let fits = |key: &str| key.rsplit_once('_').is_some_and(|(region, rest)| !region.is_empty() && is_rest(rest));
    constraints.pattern(Some(key), "deviceKey", r"[\w-]+_[0-9a-f-]+", fits);
    constraints.length(Some(key), "deviceKey", KEY_CHARACTERS_MAX);
    Ok(constraints.check()?)
}

pub async fn confirm(cognito: Arc<Cognito>, cx: Cx, input: ConfirmInput) -> Result<ConfirmOutput, Error> {
    check_key(&input.device_key)?;
    let mut constraints = Constraints::default();
    constraints.length(input.device_name.as_deref(), "deviceName", DEVICE_NAME_CHARACTERS_MAX);
    constraints.check()?;
    let Bearer { pool, user, device, .. } = bearer(&cognito, &cx, &input.access_token)?;
    let on_prompt = settings(&pool)?.on_prompt;
    // The key was given to who has the token: nobody confirms another's, or one made up.
    if device.as_ref() != Some(&input.device_key) {
        return Err(Error::NotFound("Device does not exist.".into()));
    }
    let decoded = |text: &str| STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty());
    let VerifierConfig { password_verifier, salt } = &input.device_secret_verifier_config;
    let salt = decoded(salt).filter(|salt| salt.len() <= DEVICE_SALT_BYTES_MAX);
    let salt = salt.ok_or_else(|| Error::parameter("DeviceSecretVerifierConfig.Salt is no salt."))?;
    let verifier = decoded(password_verifier).unwrap_or_default();
    check_verifier(&verifier)?;
    let now = cx.now();
    let new = Device {
        pool: pool.id,
        user: user.key.clone(),
        verifier: cognito.vault.seal(&place(&user, &input.device_key), &verifier)?,
        key: input.device_key,
        name: input.device_name,
        salt: Bytes::from(salt),
        remembered: !on_prompt,
        created: now,
        modified: now,
        authenticated: now,
        waiting: None,
    };
    cx.db().write(move |tx| devices::confirm(tx, &user, &new)).await?;
    Ok(ConfirmOutput { user_confirmation_necessary: on_prompt })
}

fn told(cx: &Cx, pool: &Pool, user: &User, key: &str) -> Result<DeviceOutput, Error> {
    check_key(key)?;
    settings(pool)?;
    Ok(DeviceOutput { device: devices::get(&cx.db().read()?, user, key)?.into() })
}

fn page(cx: &Cx, pool: &Pool, user: &User, limit: Option<i64>, start: Option<&str>) -> Result<ListOutput, Error> {
    settings(pool)?;
    let (limit, start) = (page_size(limit, "limit")?, after(start)?);
    let (found, more) = devices::list(&cx.db().read()?, user, &start, limit)?;
    let pagination_token = token(more, found.last().map(|device| device.key.as_str()));
    Ok(ListOutput { devices: found.into_iter().map(DeviceType::from).collect(), pagination_token })
}

async fn set_status(cx: &Cx, pool: &Pool, user: User, key: String, status: Option<String>) -> Result<Empty, Error> {
    check_key(&key)?;
    let mut constraints = Constraints::default();
    constraints.one_of(status.as_deref(), "deviceRememberedStatus", &STATES);
    constraints.check()?;
    settings(pool)?;
    let (remembered, now) = (status.map(|status| status == "remembered"), cx.now());
    let set = move |device: &mut Device| {
        device.remembered = remembered.unwrap_or(device.remembered);
        device.modified = now;
    };
    cx.db().write(move |tx| devices::change(tx, &user, &key, set)).await?;
    Ok(Empty {})
}

async fn forgotten(cx: &Cx, pool: &Pool, user: User, key: String) -> Result<Empty, Error> {
    check_key(&key)?;
    settings(pool)?;
    cx.db().write(move |tx| devices::forget(tx, &user, &key)).await?;
    Ok(Empty {})
}

pub async fn get(cognito: Arc<Cognito>, cx: Cx, input: DeviceInput) -> Result<DeviceOutput, Error> {
    let Bearer { pool, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    told(&cx, &pool, &user, &input.device_key)
}

pub async fn admin_get(_: Arc<Cognito>, cx: Cx, input: AdminDeviceInput) -> Result<DeviceOutput, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    told(&cx, &pool, &user, &input.device_key)
}

pub async fn list(cognito: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let Bearer { pool, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    page(&cx, &pool, &user, input.limit, input.pagination_token.as_deref())
}

pub async fn admin_list(_: Arc<Cognito>, cx: Cx, input: AdminListInput) -> Result<ListOutput, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    page(&cx, &pool, &user, input.limit, input.pagination_token.as_deref())
}

pub async fn update(cognito: Arc<Cognito>, cx: Cx, input: DeviceInput) -> Result<Empty, Error> {
    let Bearer { pool, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    set_status(&cx, &pool, user, input.device_key, input.device_remembered_status).await
}

pub async fn admin_update(_: Arc<Cognito>, cx: Cx, input: AdminDeviceInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    set_status(&cx, &pool, user, input.device_key, input.device_remembered_status).await
}

pub async fn forget(cognito: Arc<Cognito>, cx: Cx, input: DeviceInput) -> Result<Empty, Error> {
    let Bearer { pool, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    forgotten(&cx, &pool, user, input.device_key).await
}

pub async fn admin_forget(_: Arc<Cognito>, cx: Cx, input: AdminDeviceInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    forgotten(&cx, &pool, user, input.device_key).await
}
