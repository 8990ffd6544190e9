//! GetUser, UpdateUserAttributes, DeleteUserAttributes, GetUserAttributeVerificationCode, VerifyUserAttribute, DeleteUser.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::auth::TokenInput;
use super::list::attributes_of;
use super::sign_up::{CodeOutput, Written, keep_code, write_code};
use super::{Empty, Metadata};
use crate::Cognito;
use crate::error::Error;
use crate::messages::{CodeDeliveryDetails, Occasion};
use crate::model::code::{self, Purpose};
use crate::model::user::{self as users, EMAIL, EMAIL_VERIFIED};
use crate::schema::{self, Attribute, Author, SUB};
use crate::tokens::{Bearer, bearer};
use crate::types::{MfaSettings, User};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub username: String,
    pub user_attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_mfa_setting: Option<String>,
    #[serde(rename = "UserMFASettingList", skip_serializing_if = "Vec::is_empty")]
    pub user_mfa_setting_list: Vec<&'static str>,
}

/// The second factors that a user has turned on.
pub fn factors(mfa: &MfaSettings) -> Vec<&'static str> {
    let factors = [("SOFTWARE_TOKEN_MFA", mfa.software_token_enabled), ("EMAIL_OTP", mfa.email_enabled)];
    factors.into_iter().filter(|(_, on)| *on).map(|(factor, _)| factor).collect()
}

pub async fn get(cognito: Arc<Cognito>, cx: Cx, input: TokenInput) -> Result<GetOutput, Error> {
    let Bearer { client, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    let mut attributes = attributes_of(&user, None);
    attributes.retain(|attribute| attribute.name == SUB || client.settings.may_read(&attribute.name));
    Ok(GetOutput {
        user_attributes: attributes,
        user_mfa_setting_list: factors(&user.mfa),
        preferred_mfa_setting: user.mfa.preferred,
        username: user.name,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub access_token: String,
    pub user_attributes: Vec<Attribute>,
    pub client_metadata: Metadata,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateOutput {
    pub code_delivery_details_list: Vec<CodeDeliveryDetails>,
}

pub async fn update(cognito: Arc<Cognito>, cx: Cx, input: UpdateInput) -> Result<UpdateOutput, Error> {
    let Bearer { pool, client, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    let mut new = schema::read(&pool, &input.user_attributes, Author::User(&client))?;
    schema::check_mutable(&pool, &user.attributes, &new)?;
    let has = |names: &[String]| names.iter().any(|name| name == EMAIL);
    let changed =
        new.get(EMAIL).filter(|email| user.attributes.get(EMAIL) != Some(*email) && !email.is_empty()).cloned();
    let (keeps_old, verifies) = (has(&pool.settings.verified_before_update), has(&pool.settings.auto_verified));
    let address = changed.filter(|_| keeps_old || verifies);
    let purpose = Purpose::Attribute(EMAIL.into());
    let mut written: Option<Written> = None;
    if let Some(address) = &address {
        let pending = keeps_old.then(|| address.clone());
        if keeps_old {
            new.remove(EMAIL);
        }
        let (id, occasion, metadata) =
            (Some(client.id.as_str()), Occasion::UpdateUserAttribute, &input.client_metadata);
        written =
            Some(write_code(&cognito, &cx, &pool, id, &user, address, &purpose, pending, occasion, metadata).await?);
    }
    let (now, send_cx, key) = (cx.now(), cx.clone(), user.key);
    let put = move |tx: &mut kv::Tx| {
        users::change(tx, &pool, &key, |user| {
            written.as_ref().map_or(Ok(()), |written| code::send(user, &written.code, now))?;
            user.modified = now;
            schema::update(&pool, &mut user.attributes, &new)
        })?;
        written.as_ref().map_or(Ok(()), |written| written.letter.send(tx, &send_cx))
    };
    cx.db().write(put).await?;
    let details = address.as_deref().map(CodeDeliveryDetails::email);
    Ok(UpdateOutput { code_delivery_details_list: details.into_iter().collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteAttributesInput {
    pub access_token: String,
    pub user_attribute_names: Vec<String>,
}

/// Attributes that are taken away, as an update has them.
pub fn without(names: &[String]) -> Vec<Attribute> {
    names.iter().map(|name| Attribute { name: name.clone(), value: String::new() }).collect()
}

pub async fn delete_attributes(cognito: Arc<Cognito>, cx: Cx, input: DeleteAttributesInput) -> Result<Empty, Error> {
    let Bearer { pool, client, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    let new = schema::read(&pool, &without(&input.user_attribute_names), Author::User(&client))?;
    set_attributes(&cx, pool, user, new).await
}

/// Changes a user's attributes, if the schema allows it.
pub async fn set_attributes(
    cx: &Cx,
    pool: crate::types::Pool,
    user: User,
    new: BTreeMap<String, String>,
) -> Result<Empty, Error> {
    let now = cx.now();
    let put = move |tx: &mut kv::Tx| {
        users::change(tx, &pool, &user.key, |user| {
            user.modified = now;
            schema::update(&pool, &mut user.attributes, &new)
        })
    };
    cx.db().write(put).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CodeInput {
    pub access_token: String,
    pub attribute_name: String,
    pub client_metadata: Metadata,
}

/// # Errors
/// For attributes that are not verified, or not here.
fn check_verifiable(name: &str) -> Result<(), Error> {
    match name {
        EMAIL => Ok(()),
        users::PHONE_NUMBER => Err(Error::NotImplemented("Cognito's verification of phone numbers".into())),
        _ => Err(Error::parameter("Invalid attribute name: only email and phone_number can be verified.")),
    }
}

pub async fn get_code(cognito: Arc<Cognito>, cx: Cx, input: CodeInput) -> Result<CodeOutput, Error> {
    let Bearer { pool, client, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    check_verifiable(&input.attribute_name)?;
    let purpose = Purpose::Attribute(input.attribute_name);
    let pending = user.codes.get(&purpose.key()).and_then(|code| code.pending.clone());
    let address = pending.clone().or_else(|| user.attributes.get(EMAIL).cloned());
    let address = address.ok_or_else(|| Error::parameter("User does not have email to verify."))?;
    let (id, occasion, metadata) = (Some(client.id.as_str()), Occasion::VerifyUserAttribute, &input.client_metadata);
    let written = write_code(&cognito, &cx, &pool, id, &user, &address, &purpose, pending, occasion, metadata).await?;
    keep_code(&cx, &pool, &user, written).await?;
    Ok(CodeOutput { code_delivery_details: CodeDeliveryDetails::email(&address) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VerifyInput {
    pub access_token: String,
    pub attribute_name: String,
    pub code: String,
}

pub async fn verify(cognito: Arc<Cognito>, cx: Cx, input: VerifyInput) -> Result<Empty, Error> {
    let Bearer { pool, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    check_verifiable(&input.attribute_name)?;
    let (purpose, now) = (Purpose::Attribute(input.attribute_name), cx.now());
    let take = move |tx: &mut kv::Tx| {
        users::change(tx, &pool, &user.key, |user| {
            let place = purpose.place(&pool.id, &user.sub);
            let open = |sealed: &[u8]| Ok(cognito.vault.open(&place, sealed)?.to_vec());
            let taken = code::take(user, &purpose, &input.code, now, open)?;
            if let Ok(pending) = &taken {
                user.attributes.extend(pending.clone().map(|pending| (EMAIL.to_owned(), pending)));
                user.attributes.insert(EMAIL_VERIFIED.into(), "true".into());
                user.modified = now;
            }
            Ok(taken)
        })
    };
    cx.db().write(take).await??;
    Ok(Empty {})
}

pub async fn delete(cognito: Arc<Cognito>, cx: Cx, input: TokenInput) -> Result<Empty, Error> {
    let Bearer { pool, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    cx.db().write(move |tx| users::delete(tx, &pool, &user)).await?;
    Ok(Empty {})
}
