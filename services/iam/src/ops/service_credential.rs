//! CreateServiceSpecificCredential, ListServiceSpecificCredentials, UpdateServiceSpecificCredential,
//! ResetServiceSpecificCredential, DeleteServiceSpecificCredential.
//!
//! The services that take these are not here: the credentials are kept, and open nothing.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kv::{Order, Read};
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use sha2::{Digest as _, Sha256};
use wire::DateTime;

use super::page::page;
use super::{Empty, check, new_id, require_user_name, user_name, user_resource_of};
use crate::Identity;
use crate::error::Error;
use crate::keys::{SERVICE_CREDENTIALS, USERS};
use crate::limits::{CREDENTIAL_ID_CHARACTERS_RANGE, NAME_CHARACTERS_MAX};
use crate::model::{owner, service_credential};
use crate::types::{ServiceCredential, User};

const SERVICES: [&str; 2] = ["cassandra.amazonaws.com", "codecommit.amazonaws.com"];
/// Those whose credentials are keys without a user name.
const KEY_SERVICES: [&str; 1] = ["bedrock.amazonaws.com"];
const PASSWORD_BYTES: usize = 32;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub user_name: Option<String>,
    pub service_name: Option<String>,
    pub service_specific_credential_id: String,
    pub status: String,
    pub credential_age_days: Option<i64>,
    pub all_users: bool,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub service_specific_credential: Credential,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credential {
    pub create_date: DateTime,
    pub service_name: String,
    pub service_user_name: String,
    /// Told when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_password: Option<String>,
    pub service_specific_credential_id: String,
    pub user_name: String,
    pub status: &'static str,
}

fn output(user: &str, id: String, found: ServiceCredential, password: Option<String>) -> Credential {
    Credential {
        create_date: found.created.into(),
        service_name: found.service,
        service_user_name: found.user_name,
        service_password: password,
        service_specific_credential_id: id,
        user_name: user.to_owned(),
        status: if found.active { "Active" } else { "Inactive" },
    }
}

/// A password, and what is kept of it: made of 256 random bits, it needs no hash that is slow.
fn new_password(cx: &Cx) -> (String, Bytes) {
    let mut random = [0; PASSWORD_BYTES];
    cx.env().random(&mut random);
    let password = STANDARD.encode(random);
    let hash = Bytes::copy_from_slice(&Sha256::digest(password.as_bytes()));
    (password, hash)
}

fn check_service(service: &str) -> Result<(), Error> {
    match service {
        _ if SERVICES.contains(&service) => Ok(()),
        _ if KEY_SERVICES.contains(&service) => Err(Error::NotImplemented(format!("A long-term key for {service}"))),
        _ => {
            Err(Error::NoSuchEntity(format!("No such service {service} is supported for Service Specific Credentials")))
        }
    }
}

impl Input {
    /// Whoever lists those of all users may list those of any.
    pub fn list_permissions(&self, cx: &Cx) -> Vec<Permission> {
        let action = "iam:ListServiceSpecificCredentials";
        let of = if self.all_users { "*".to_owned() } else { user_name(cx, self.user_name.as_deref()) };
        vec![Permission::new(action, user_resource_of(cx, &of))]
    }

    fn id(&self) -> Result<String, Error> {
        let id = &self.service_specific_credential_id;
        let member = "serviceSpecificCredentialId";
        if id.is_empty() {
            return Err(Error::missing(member));
        }
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Error::unfit(member, r"Member must satisfy regular expression pattern: [\w]+"));
        }
        let range = &CREDENTIAL_ID_CHARACTERS_RANGE;
        if !range.contains(&id.len()) {
            let constraint = format!("Member must have length between {} and {}", range.start(), range.end());
            return Err(Error::unfit(member, constraint));
        }
        Ok(id.clone())
    }
}

pub async fn create(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    let user = input.user_name.unwrap_or_default();
    check::name("userName", &user, NAME_CHARACTERS_MAX)?;
    let service = input.service_name.ok_or_else(|| Error::missing("serviceName"))?;
    owner::find::<User>(&cx.db().read()?, &user)?;
    check_service(&service)?;
    if input.credential_age_days.is_some() {
        return Err(Error::InvalidInput(format!("Credentials for {service} do not expire.")));
    }
    let (id, (text, password)) = (new_id(&cx, "ACCA"), new_password(&cx));
    let mut new = ServiceCredential { service, user_name: String::new(), created: cx.now(), active: true, password };
    let (stored, account) = (new.clone(), cx.account().clone());
    let (of, by) = (user.clone(), id.clone());
    let create = move |tx: &mut kv::Tx| service_credential::create(tx, &account, &of, &by, stored.clone());
    new.user_name = cx.db().write(create).await?;
    Ok(Output { service_specific_credential: output(&user, id, new, Some(text)) })
}

/// Unlike other lists, this one says nothing of a next page where there is none.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub service_specific_credentials: Vec<Credential>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_truncated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

pub async fn list(_: Arc<Identity>, cx: Cx, input: Input) -> Result<ListOutput, Error> {
    let snap = cx.db().read()?;
    let own = match input.all_users {
        true => all(&snap)?,
        false => {
            let user = require_user_name(&cx, input.user_name.as_deref())?;
            let own = service_credential::list(&snap, &user)?;
            own.into_iter().map(|(id, found)| (id.clone(), output(&user, id, found, None))).collect()
        }
    };
    input.service_name.as_deref().map_or(Ok(()), check_service)?;
    let wanted =
        |row: &(String, Credential)| input.service_name.as_ref().is_none_or(|service| row.1.service_name == *service);
    let rows = own.into_iter().filter(wanted).map(Ok);
    let page = page(rows, input.marker.as_deref(), input.max_items)?;
    let is_truncated = page.is_truncated().then_some(true);
    Ok(ListOutput { service_specific_credentials: page.items, is_truncated, marker: page.marker })
}

/// Those of all users, in the order of the markers that pages have: in the store, a name comes before those that begin with it.
fn all(read: &impl Read) -> Result<Vec<(String, Credential)>, Error> {
    let mut all = Vec::new();
    for row in SERVICE_CREDENTIALS.scan(read, Order::Forward)? {
        let ((user, id), found) = row?;
        let name = USERS.get(read, &user)?.map_or(user.clone(), |user| user.name);
        all.push((format!("{user}/{id}"), output(&name, id, found, None)));
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(all)
}

pub async fn update(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let id = input.id()?;
    let active = match input.status.as_str() {
        "Active" => true,
        "Inactive" => false,
        "" => return Err(Error::missing("status")),
        _ => return Err(Error::unfit("status", "Member must satisfy enum value set")),
    };
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    cx.db().write(move |tx| service_credential::update(tx, &user, &id, |found| found.active = active)).await?;
    Ok(Empty {})
}

/// Gives another password.
pub async fn reset(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    let id = input.id()?;
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let (text, password) = new_password(&cx);
    let (of, by) = (user.clone(), id.clone());
    let reset =
        move |tx: &mut kv::Tx| service_credential::update(tx, &of, &by, |found| found.password = password.clone());
    let found = cx.db().write(reset).await?;
    Ok(Output { service_specific_credential: output(&user, id, found, Some(text)) })
}

pub async fn delete(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let id = input.id()?;
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    cx.db().write(move |tx| service_credential::delete(tx, &user, &id)).await?;
    Ok(Empty {})
}
