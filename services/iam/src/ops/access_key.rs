//! CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::page::{list_output, page};
use super::{Empty, new_access_key_id, require_user_name};
use crate::Identity;
use crate::error::Error;
use crate::model::access_key;
use crate::types::AccessKey;

/// Secrets have 40 characters of these.
const SECRET_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SECRET_CHARACTERS: usize = 40;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyInput {
    pub user_name: Option<String>,
    pub access_key_id: String,
    pub status: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    pub access_key: KeyOutput,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyOutput {
    pub user_name: String,
    pub access_key_id: String,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<String>,
    pub create_date: DateTime,
}

fn output(id: String, key: AccessKey, secret: Option<String>) -> KeyOutput {
    KeyOutput {
        user_name: key.user,
        access_key_id: id,
        status: if key.active { "Active" } else { "Inactive" },
        secret_access_key: secret,
        create_date: key.created.into(),
    }
}

/// The only answer that ever holds the secret.
pub async fn create(_: Arc<Identity>, cx: Cx, input: KeyInput) -> Result<CreateOutput, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let id = new_access_key_id(&cx, "AKIA");
    let secret = cx.env().random_text(SECRET_ALPHABET, SECRET_CHARACTERS);
    let key = AccessKey { user, secret: secret.clone(), active: true, created: cx.now() };
    let (stored, stored_id) = (key.clone(), id.clone());
    cx.db().write(move |tx| access_key::create(tx, &stored_id, &stored)).await?;
    Ok(CreateOutput { access_key: output(id, key, Some(secret)) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub user_name: Option<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

list_output!(ListOutput { access_key_metadata: KeyOutput });

pub async fn list(_: Arc<Identity>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let keys = access_key::list(&cx.db().read()?, &user)?;
    let rows = keys.into_iter().map(|(id, key)| Ok((id.clone(), output(id, key, None))));
    Ok(page(rows, input.marker.as_deref(), input.max_items)?.into())
}

pub async fn update(_: Arc<Identity>, cx: Cx, input: KeyInput) -> Result<Empty, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let active = match input.status.as_str() {
        "Active" => true,
        "Inactive" => false,
        other => {
            return Err(Error::constraint(
                "status",
                format_args!("'{other}'"),
                "Member must satisfy enum value set: [Active, Inactive]",
            ));
        }
    };
    cx.db().write(move |tx| access_key::set_active(tx, &user, &input.access_key_id, active)).await?;
    Ok(Empty {})
}

pub async fn delete(identity: Arc<Identity>, cx: Cx, input: KeyInput) -> Result<Empty, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let id = input.access_key_id.clone();
    cx.db().write(move |tx| access_key::delete(tx, &user, &input.access_key_id)).await?;
    identity.usage.forget_key(&id);
    Ok(Empty {})
}
