//! CreateVirtualMFADevice, DeleteVirtualMFADevice, ListVirtualMFADevices, EnableMFADevice, DeactivateMFADevice,
//! ResyncMFADevice, ListMFADevices, GetMFADevice; and codes that are shown to STS.

use std::sync::Arc;

use auth::totp;
use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read};
use serde::{Deserialize, Serialize};
use service::{CallerKind, Cx};
use wire::{Blob, DateTime};

use super::page::{list_output, page};
use super::{Empty, Tag, check, require_user_name, tag_list};
use crate::Identity;
use crate::error::Error;
use crate::keys::MFA_DEVICES;
use crate::limits::MFA_NAME_CHARACTERS_MAX;
use crate::model::{mfa, owner};
use crate::types::{MfaDevice, User, arn};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    #[serde(rename = "VirtualMFADeviceName")]
    pub name: String,
    pub path: Option<String>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceOutput {
    pub serial_number: String,
    #[serde(rename = "Base32StringSeed", skip_serializing_if = "Option::is_none")]
    pub seed: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_date: Option<DateTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// As much of a user as a list of devices tells.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Owner {
    pub path: String,
    pub user_name: String,
    pub user_id: String,
    pub arn: String,
    pub create_date: DateTime,
}

#[derive(Debug, Serialize)]
pub struct CreateOutput {
    #[serde(rename = "VirtualMFADevice")]
    pub device: DeviceOutput,
}

fn serial(cx: &Cx, device: &MfaDevice) -> String {
    arn(cx.account(), "mfa", &device.path, &device.name).to_string()
}

/// The name of the device with this serial number, which is an ARN. All of it has to be the device's own: permissions are asked for
/// what is given.
pub fn name_of(cx: &Cx, given: &str) -> Result<String, Error> {
    let unknown = || Error::NoSuchEntity(format!("VirtualMFADevice with serial number {given} doesn't exist."));
    let name = given.parse::<Arn>().ok().filter(|arn| arn.service == "iam" && arn.resource.starts_with("mfa/"));
    let device = match (name, given.rsplit('/').next()) {
        (Some(_), Some(name)) if !name.is_empty() => mfa::find(&cx.db().read()?, name)?,
        _ if given.is_empty() => return Err(Error::missing("serialNumber")),
        _ => return Err(unknown()),
    };
    if serial(cx, &device) == given { Ok(device.name) } else { Err(unknown()) }
}

/// The answer is the only one that holds the secret.
pub async fn create(_: Arc<Identity>, cx: Cx, input: CreateInput) -> Result<CreateOutput, Error> {
    check::name("virtualMFADeviceName", &input.name, MFA_NAME_CHARACTERS_MAX)?;
    let mut secret = vec![0; totp::SECRET_BYTES];
    cx.env().random(&mut secret);
    let device = MfaDevice {
        path: check::path(input.path.as_deref())?,
        created: cx.now(),
        user: None,
        last_step: 0,
        ahead: 0,
        failed: (0, 0),
        tags: check::tags(&input.tags)?,
        name: input.name,
        secret,
    };
    let output = DeviceOutput {
        serial_number: serial(&cx, &device),
        seed: Some(Blob(Bytes::from(totp::base32(&device.secret)))),
        tags: tag_list(&device.tags),
        ..DeviceOutput::default()
    };
    cx.db().write(move |tx| mfa::create(tx, &device)).await?;
    Ok(CreateOutput { device: output })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub user_name: Option<String>,
    pub serial_number: String,
    pub authentication_code1: String,
    pub authentication_code2: String,
}

impl Input {
    /// The user, the device and two codes.
    fn parts(&self, cx: &Cx) -> Result<(String, String, [String; 2]), Error> {
        let user = require_user_name(cx, self.user_name.as_deref())?;
        let codes = [&self.authentication_code1, &self.authentication_code2];
        for (member, code) in ["authenticationCode1", "authenticationCode2"].into_iter().zip(codes) {
            if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
                let constraint = r"Member must satisfy regular expression pattern: [\d]+";
                return Err(Error::constraint(member, format_args!("'{code}'"), constraint));
            }
        }
        Ok((user, name_of(cx, &self.serial_number)?, codes.map(Clone::clone)))
    }
}

pub async fn delete(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let name = name_of(&cx, &input.serial_number)?;
    cx.db().write(move |tx| mfa::delete(tx, &name)).await?;
    Ok(Empty {})
}

pub async fn enable(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let (user, name, [first, second]) = input.parts(&cx)?;
    let now = cx.now();
    cx.db().write(move |tx| mfa::enable(tx, &user, &name, [&first, &second], now)).await?;
    Ok(Empty {})
}

pub async fn resync(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let (user, name, [first, second]) = input.parts(&cx)?;
    let now = cx.now();
    cx.db().write(move |tx| mfa::resync(tx, &user, &name, [&first, &second], now)).await?;
    Ok(Empty {})
}

pub async fn deactivate(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let name = name_of(&cx, &input.serial_number)?;
    cx.db().write(move |tx| mfa::deactivate(tx, &user, &name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub user_name: Option<String>,
    pub assignment_status: Option<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

list_output!(ListVirtualOutput {
    #[serde(rename = "VirtualMFADevices")]
    devices: DeviceOutput
});

pub async fn list_virtual(_: Arc<Identity>, cx: Cx, input: ListInput) -> Result<ListVirtualOutput, Error> {
    let assigned = match input.assignment_status.as_deref() {
        None | Some("Any") => None,
        Some("Assigned") => Some(true),
        Some("Unassigned") => Some(false),
        Some(other) => {
            let constraint = "Member must satisfy enum value set: [Any, Assigned, Unassigned]";
            return Err(Error::constraint("assignmentStatus", format_args!("'{other}'"), constraint));
        }
    };
    let snap = cx.db().read()?;
    let rows = MFA_DEVICES.scan(&snap, Order::Forward)?.map(|row| row.map_err(Error::from));
    let kept = rows
        .filter(|row| row.as_ref().map_or(true, |(_, device)| assigned.is_none_or(|is| is == device.user.is_some())));
    let page = page(kept, input.marker.as_deref(), input.max_items)?;
    Ok(page.try_map(|device| virtual_device(&cx, &snap, device))?.into())
}

fn virtual_device(cx: &Cx, read: &impl Read, device: MfaDevice) -> Result<DeviceOutput, Error> {
    let user = device.user.as_ref().map(|(name, _)| owner::find::<User>(read, name)).transpose()?;
    Ok(DeviceOutput {
        serial_number: serial(cx, &device),
        user: user.map(|user| Owner {
            arn: arn(cx.account(), "user", &user.path, &user.name).to_string(),
            path: user.path,
            user_name: user.name,
            user_id: user.id,
            create_date: user.created.into(),
        }),
        enable_date: device.user.map(|(_, since)| since.into()),
        ..DeviceOutput::default()
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Enabled {
    pub user_name: String,
    pub serial_number: String,
    pub enable_date: DateTime,
}

list_output!(ListOutput {
    #[serde(rename = "MFADevices")]
    devices: Enabled
});

pub async fn list(_: Arc<Identity>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let devices = mfa::list(&cx.db().read()?, &user)?;
    let enabled = devices.into_iter().filter_map(|device| {
        let (user_name, since) = device.user.clone()?;
        let serial_number = serial(&cx, &device);
        Some(Ok((device.name, Enabled { user_name, serial_number, enable_date: since.into() })))
    });
    Ok(page(enabled, input.marker.as_deref(), input.max_items)?.into())
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    pub serial_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_date: Option<DateTime>,
}

pub async fn get(_: Arc<Identity>, cx: Cx, input: Input) -> Result<GetOutput, Error> {
    let (snap, name) = (cx.db().read()?, name_of(&cx, &input.serial_number)?);
    let device = match input.user_name.as_deref() {
        Some(user) => mfa::of_user(&snap, user, &name)?,
        None => mfa::find(&snap, &name)?,
    };
    let (user_name, since) = device.user.clone().unzip();
    Ok(GetOutput { user_name, serial_number: serial(&cx, &device), enable_date: since.map(DateTime::from) })
}

/// When the caller showed a code of one of their devices to STS: now, or not at all.
pub async fn shown(cx: &Cx, serial: Option<&str>, code: Option<&str>) -> Result<Option<Timestamp>, Error> {
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(None),
        (Some(serial), Some(code)) => (serial, code.to_owned()),
        (Some(_), None) => return Err(Error::missing("tokenCode")),
        (None, Some(_)) => return Err(Error::missing("serialNumber")),
    };
    let not_theirs = || {
        Error::AccessDenied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.".into(),
        )
    };
    let CallerKind::User { name: user } = cx.caller().kind.clone() else { return Err(not_theirs()) };
    let name = name_of(cx, serial).map_err(|_| not_theirs())?;
    let now = cx.now();
    match cx.db().write(move |tx| mfa::show(tx, &user, &name, &code, now)).await {
        Ok(true) => Ok(Some(now)),
        Ok(false) => {
            Err(Error::AccessDenied("MultiFactorAuthentication failed with invalid MFA one time pass code. ".into()))
        }
        Err(Error::NoSuchEntity(_)) => Err(not_theirs()),
        Err(error) => Err(error),
    }
}
