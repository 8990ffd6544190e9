//! GetAccessKeyLastUsed, GenerateCredentialReport, GetCredentialReport: who has which credentials, and when they were used.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use kv::{Order, Read};
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::{Blob, DateTime};

use super::account::NoInput;
use super::user_resource_of;
use crate::Identity;
use crate::error::Error;
use crate::keys::{ACCESS_KEYS, LOGIN_PROFILES, MFA_OF, USERS, fold};
use crate::model::{access_key, login};
use crate::types::{AccessKey, User, arn};

/// What a report says of what is not there, and of what is not known.
const NOT_APPLICABLE: &str = "N/A";
/// The columns of who has no password.
const NO_PASSWORD: &str = "false,N/A,N/A,N/A";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyInput {
    pub access_key_id: String,
}

impl KeyInput {
    /// The permission's resource: the key's user.
    pub fn resource(&self, cx: &Cx) -> base::Arn {
        let key = cx.db().read().ok().and_then(|snap| ACCESS_KEYS.get(&snap, &self.access_key_id).ok().flatten());
        user_resource_of(cx, key.as_ref().map_or("*", |key| key.user.as_str()))
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyOutput {
    pub user_name: String,
    pub access_key_last_used: Used,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Used {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_date: Option<DateTime>,
    pub service_name: String,
    pub region: String,
}

pub async fn key_last_used(identity: Arc<Identity>, cx: Cx, input: KeyInput) -> Result<KeyOutput, Error> {
    let id = &input.access_key_id;
    let key = ACCESS_KEYS.get(&cx.db().read()?, id)?;
    let key = key.ok_or_else(|| Error::NoSuchEntity(format!("The Access Key with id {id} cannot be found.")))?;
    let user = user_resource_of(&cx, &key.user).to_string();
    Ok(KeyOutput { access_key_last_used: used(&identity, &cx.db().read()?, id, &user), user_name: key.user })
}

/// The key's last use, and what its user last called.
fn used(identity: &Identity, read: &impl Read, id: &str, user: &str) -> Used {
    let key = identity.usage.key_last_used(read, id);
    let call = key.as_ref().and_then(|_| identity.usage.last_used(read, user));
    let or_none = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or(NOT_APPLICABLE.into());
    Used {
        last_used_date: key.map(|key| key.at.into()),
        service_name: or_none(call.as_ref().map(|call| call.service.clone())),
        region: or_none(call.map(|call| call.region)),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GenerateOutput {
    pub state: &'static str,
    pub description: &'static str,
}

/// A report is made when it is fetched, and so is never behind.
pub async fn generate(_: Arc<Identity>, _: Cx, _: NoInput) -> Result<GenerateOutput, Error> {
    Ok(GenerateOutput { state: "COMPLETE", description: "The report is of the moment at which it is fetched" })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReportOutput {
    pub content: Blob,
    pub report_format: &'static str,
    pub generated_time: DateTime,
}

/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html>
const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

pub async fn report(identity: Arc<Identity>, cx: Cx, _: NoInput) -> Result<ReportOutput, Error> {
    let snap = cx.db().read()?;
    let mut text = HEADER.to_owned();
    let root = arn(cx.account(), "root", "", "");
    let created = identity.created.iso8601();
    // The account's keys come with the configuration, and are not kept.
    let keys = [!identity.root_keys.is_empty(), identity.root_keys.len() > 1]
        .map(|active| format!("{active},{NOT_APPLICABLE},{NOT_APPLICABLE},{NOT_APPLICABLE},{NOT_APPLICABLE}"));
    line(&mut text, "<root_account>", &root.to_string(), &created, NO_PASSWORD, false, &keys);
    for row in USERS.scan(&snap, Order::Forward)? {
        let user = row?.1;
        let mfa = MFA_OF.scan_prefix(&snap, (fold(&user.name),), Order::Forward)?.next().is_some();
        let user_arn = arn(cx.account(), "user", &user.path, &user.name).to_string();
        let keys = keys_of(&identity, &snap, &user, &user_arn)?;
        let password = password_of(&snap, &user)?;
        line(&mut text, &user.name, &user_arn, &user.created.iso8601(), &password, mfa, &keys);
    }
    Ok(ReportOutput { content: Blob(Bytes::from(text)), report_format: "text/csv", generated_time: cx.now().into() })
}

fn line(text: &mut String, user: &str, arn: &str, created: &str, password: &str, mfa: bool, keys: &[String; 2]) {
    let [first, second] = keys;
    let certificates = "false,N/A,false,N/A";
    // Text takes everything.
    let _ = write!(text, "\n{user},{arn},{created},{password},{mfa},{first},{second},{certificates}");
}

/// The columns of a user's password. Nobody signs in with one, so none was ever used.
fn password_of(read: &impl Read, user: &User) -> Result<String, Error> {
    let Some(profile) = LOGIN_PROFILES.get(read, fold(&user.name))? else { return Ok(NO_PASSWORD.to_owned()) };
    let age = login::rules(read)?.and_then(|rules| rules.max_age());
    let next = age.map_or(NOT_APPLICABLE.to_owned(), |age| (profile.changed + age).iso8601());
    Ok(format!("true,no_information,{},{next}", profile.changed.iso8601()))
}

/// The columns of each of a user's keys.
fn keys_of(identity: &Identity, read: &impl Read, user: &User, user_arn: &str) -> Result<[String; 2], Error> {
    let mut keys = access_key::list(read, &user.name)?.into_iter();
    let columns = |key: Option<(String, AccessKey)>| match key {
        None => "false,N/A,N/A,N/A,N/A".to_owned(),
        Some((id, key)) => {
            let Used { last_used_date, service_name, region } = used(identity, read, &id, user_arn);
            let date = last_used_date.map_or(NOT_APPLICABLE.to_owned(), |date| date.0.iso8601());
            format!("{},{},{date},{region},{service_name}", key.active, key.created.iso8601())
        }
    };
    Ok([columns(keys.next()), columns(keys.next())])
}
