//! What administrators do with users: AdminCreateUser, AdminGetUser, AdminDeleteUser, AdminDisableUser, AdminEnableUser,
//! AdminSetUserPassword, AdminUpdateUserAttributes, AdminDeleteUserAttributes, AdminResetUserPassword, AdminConfirmSignUp,
//! AdminUserGlobalSignOut.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::auth::sign_out;
use super::list::{UserType, attributes_of};
use super::password::recovery_address;
use super::profile::{factors, set_attributes, without};
use super::sign_up::{confirmed, keep_code, new_user, pre_sign_up, write_code};
use super::{Empty, Metadata, UserInput, check_name, check_password_form, find_pool, find_user, of_pool};
use crate::crypto::password;
use crate::error::Error;
use crate::messages::{self, Occasion};
use crate::model::code::Purpose;
use crate::model::user::{self as users, Conflict, EMAIL};
use crate::schema::{self, Attribute, Author};
use crate::sign_in::password::owner;
use crate::types::{Password, Pool, Status, User};
use crate::{Cognito, limits};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub user_pool_id: String,
    pub username: String,
    pub user_attributes: Vec<Attribute>,
    pub validation_data: Vec<Attribute>,
    pub temporary_password: Option<String>,
    pub force_alias_creation: bool,
    pub message_action: Option<String>,
    pub desired_delivery_mediums: Vec<String>,
    pub client_metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SetPasswordInput {
    pub user_pool_id: String,
    pub username: String,
    pub password: String,
    pub permanent: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub user_pool_id: String,
    pub username: String,
    pub user_attributes: Vec<Attribute>,
    pub client_metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteAttributesInput {
    pub user_pool_id: String,
    pub username: String,
    pub user_attribute_names: Vec<String>,
}
of_pool!(CreateInput, SetPasswordInput, UpdateInput, DeleteAttributesInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    pub user: UserType,
}

/// What is kept of a password that an administrator gives.
async fn hashed(cognito: &Arc<Cognito>, cx: &Cx, pool: &Pool, user: &User, text: &str) -> Result<Password, Error> {
    let (owner, text) = (owner(pool, user), text.to_owned());
    let (vault, env) = (cognito.vault.clone(), cx.env().clone());
    cognito.heavy(move || password::make(&vault, &env, &owner, &text)).await
}

fn check_create(input: &CreateInput) -> Result<(), Error> {
    check_name(&input.username, "username")?;
    let mut constraints = Constraints::default();
    constraints.one_of(input.message_action.as_deref(), "messageAction", &["RESEND", "SUPPRESS"]);
    for medium in &input.desired_delivery_mediums {
        constraints.one_of(Some(medium), "desiredDeliveryMediums", &["SMS", "EMAIL"]);
    }
    Ok(constraints.check()?)
}

pub async fn create(cognito: Arc<Cognito>, cx: Cx, input: CreateInput) -> Result<CreateOutput, Error> {
    check_create(&input)?;
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let found = users::find(&cx.db().read()?, &pool, &input.username)?;
    let action = input.message_action.as_deref();
    let mut user = match (found, action) {
        (Some(user), Some("RESEND")) if user.status == Status::ForceChangePassword => user,
        (Some(user), Some("RESEND")) => {
            let told = format!("Resend not possible. {} status is not FORCE_CHANGE_PASSWORD", user.name);
            return Err(Error::UnsupportedUserState(told));
        }
        (Some(_), _) => return Err(Error::UsernameExists("User account already exists")),
        (None, Some("RESEND")) => return Err(Error::UserNotFound),
        (None, _) => {
            let attributes = schema::read(&pool, &input.user_attributes, Author::Administrator)?;
            let mut user = new_user(&cx, &pool, &input.username, attributes)?;
            let (source, metadata) = ("PreSignUp_AdminCreateUser", &input.client_metadata);
            pre_sign_up(&cx, &pool, None, &mut user, source, &input.validation_data, metadata).await?;
            user
        }
    };
    let text = temporary(&cx, &pool, input.temporary_password.as_deref())?;
    user.password = Some(hashed(&cognito, &cx, &pool, &user, &text).await?);
    user.status = Status::ForceChangePassword;
    let days = pool.settings.password.temporary_days.max(1);
    (user.modified, user.temporary_until) = (cx.now(), Some(cx.now() + limits::DAY * days));
    let is_new = action != Some("RESEND");
    let letter = match invited(&input, &user) {
        Some(address) => {
            let (occasion, metadata) = (Occasion::AdminCreateUser, &input.client_metadata);
            let letter =
                messages::write(&cognito, &cx, &pool, None, &user, &address, occasion, &text, metadata).await?;
            Some(letter)
        }
        None => None,
    };
    let conflict = if input.force_alias_creation { Conflict::Take } else { Conflict::Refuse };
    let (kept, send_cx) = (user.clone(), cx.clone());
    let put = move |tx: &mut kv::Tx| {
        match is_new {
            true => users::create(tx, &pool, &kept, conflict, "User account already exists")?,
            false => users::put(tx, &pool, &kept, conflict)?,
        }
        letter.as_ref().map_or(Ok(()), |letter| letter.send(tx, &send_cx))
    };
    cx.db().write(put).await?;
    Ok(CreateOutput { user: UserType::new(&user, None) })
}

/// The password that is given, or one that is made up.
fn temporary(cx: &Cx, pool: &Pool, given: Option<&str>) -> Result<String, Error> {
    let Some(text) = given.filter(|text| !text.is_empty()) else {
        return Ok(password::temporary(cx.env(), &pool.settings.password));
    };
    check_password_form(text, "temporaryPassword")?;
    password::check_policy(&pool.settings.password, text)?;
    Ok(text.to_owned())
}

/// Where the invitation goes. By default it would be a text message, which is not here: mail is sent where there is an address.
fn invited(input: &CreateInput, user: &User) -> Option<String> {
    let wants_mail = input.desired_delivery_mediums.is_empty()
        || input.desired_delivery_mediums.iter().any(|medium| medium == "EMAIL");
    let suppressed = input.message_action.as_deref() == Some("SUPPRESS");
    user.attributes.get(EMAIL).filter(|_| wants_mail && !suppressed).cloned()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub username: String,
    pub user_attributes: Vec<Attribute>,
    pub user_create_date: DateTime,
    pub user_last_modified_date: DateTime,
    pub enabled: bool,
    pub user_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_mfa_setting: Option<String>,
    #[serde(rename = "UserMFASettingList", skip_serializing_if = "Vec::is_empty")]
    pub user_mfa_setting_list: Vec<&'static str>,
}

pub async fn get(_: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<GetOutput, Error> {
    let (_, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    Ok(GetOutput {
        user_attributes: attributes_of(&user, None),
        user_create_date: user.created.into(),
        user_last_modified_date: user.modified.into(),
        enabled: user.enabled,
        user_status: user.status.word(),
        user_mfa_setting_list: factors(&user.mfa),
        preferred_mfa_setting: user.mfa.preferred,
        username: user.name,
    })
}

pub async fn delete(_: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    cx.db().write(move |tx| users::delete(tx, &pool, &user)).await?;
    Ok(Empty {})
}

/// Changes the user that a request names, if `set` does not refuse.
async fn change(
    cx: &Cx,
    pool: Pool,
    key: String,
    set: impl Fn(&mut User) -> Result<(), Error> + Send + 'static,
) -> Result<User, Error> {
    let now = cx.now();
    let put = move |tx: &mut kv::Tx| {
        users::change(tx, &pool, &key, |user| {
            set(user)?;
            user.modified = now;
            Ok(user.clone())
        })
    };
    cx.db().write(put).await
}

async fn set_enabled(cx: Cx, input: UserInput, enabled: bool) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    let set = move |user: &mut User| {
        user.enabled = enabled;
        Ok(())
    };
    change(&cx, pool, user.key, set).await?;
    Ok(Empty {})
}

pub async fn disable(_: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<Empty, Error> {
    set_enabled(cx, input, false).await
}

pub async fn enable(_: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<Empty, Error> {
    set_enabled(cx, input, true).await
}

pub async fn set_password(cognito: Arc<Cognito>, cx: Cx, input: SetPasswordInput) -> Result<Empty, Error> {
    check_password_form(&input.password, "password")?;
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    password::check_policy(&pool.settings.password, &input.password)?;
    let made = hashed(&cognito, &cx, &pool, &user, &input.password).await?;
    let until = cx.now() + limits::DAY * pool.settings.password.temporary_days.max(1);
    let set = move |user: &mut User| {
        user.password = Some(made.clone());
        let temporary = (Status::ForceChangePassword, Some(until));
        (user.status, user.temporary_until) = if input.permanent { (Status::Confirmed, None) } else { temporary };
        users::clear_failures(user);
        Ok(())
    };
    change(&cx, pool, user.key, set).await?;
    Ok(Empty {})
}

pub async fn update_attributes(_: Arc<Cognito>, cx: Cx, input: UpdateInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    let new = schema::read(&pool, &input.user_attributes, Author::Administrator)?;
    set_attributes(&cx, pool, user, new).await
}

pub async fn delete_attributes(_: Arc<Cognito>, cx: Cx, input: DeleteAttributesInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    let new = schema::read(&pool, &without(&input.user_attribute_names), Author::Administrator)?;
    set_attributes(&cx, pool, user, new).await
}

pub async fn reset_password(cognito: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    if user.status == Status::ForceChangePassword || user.status == Status::Unconfirmed {
        return Err(Error::not_authorized("User password cannot be reset in the current state."));
    }
    let address = recovery_address(&pool, &user)?;
    let (purpose, occasion, metadata) = (Purpose::Reset, Occasion::ForgotPassword, &input.client_metadata);
    let written = write_code(&cognito, &cx, &pool, None, &user, &address, &purpose, None, occasion, metadata).await?;
    keep_code(&cx, &pool, &user, written).await?;
    let set = |user: &mut User| {
        user.status = Status::ResetRequired;
        Ok(())
    };
    change(&cx, pool, user.key, set).await?;
    Ok(Empty {})
}

pub async fn confirm(_: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    let set = |user: &mut User| match user.status {
        Status::Unconfirmed => {
            user.status = Status::Confirmed;
            Ok(())
        }
        other => {
            let told = format!("User cannot be confirmed. Current status is {}", other.word());
            Err(Error::not_authorized(told))
        }
    };
    let user = change(&cx, pool.clone(), user.key, set).await?;
    confirmed(&cx, &pool, None, &user, "PostConfirmation_ConfirmSignUp", &input.client_metadata).await?;
    Ok(Empty {})
}

pub async fn global_sign_out(_: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    sign_out(&cx, pool, user.key).await?;
    Ok(Empty {})
}
