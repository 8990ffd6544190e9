//! ForgotPassword, ConfirmForgotPassword, ChangePassword.

use std::sync::Arc;

use serde::Deserialize;
use service::Cx;

use super::sign_up::{CodeOutput, confirmed, keep_code, pretended, write_code};
use super::{Empty, Metadata, check_name, check_password_form, check_secret_hash, find_client};
use crate::Cognito;
use crate::crypto::password;
use crate::error::Error;
use crate::messages::{CodeDeliveryDetails, Occasion};
use crate::model::code::{self, Purpose};
use crate::model::user::{self as users, EMAIL, EMAIL_VERIFIED};
use crate::sign_in::{Goal, SignIn};
use crate::tokens::bearer;
use crate::types::{Pool, Status, User};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ForgotInput {
    pub client_id: String,
    pub secret_hash: Option<String>,
    pub username: String,
    pub client_metadata: Metadata,
}

/// How passwords are recovered where nobody does that alone.
const ADMIN_ONLY: &str = "admin_only";

/// Where a user's password can be recovered to.
///
/// # Errors
/// When nowhere.
pub fn recovery_address(pool: &Pool, user: &User) -> Result<String, Error> {
    let ways = &pool.settings.recovery;
    let is_verified = user.attributes.get(EMAIL_VERIFIED).is_some_and(|value| value == "true");
    let by_mail = ways.is_empty() || ways.iter().any(|way| way == "verified_email");
    let address = user.attributes.get(EMAIL).filter(|_| is_verified && by_mail);
    address.cloned().ok_or_else(|| {
        Error::parameter("Cannot reset password for the user as there is no registered/verified email or phone_number")
    })
}

pub async fn forgot(cognito: Arc<Cognito>, cx: Cx, input: ForgotInput) -> Result<CodeOutput, Error> {
    check_name(&input.username, "username")?;
    let (pool, client) = find_client(&cx, &input.client_id)?;
    check_secret_hash(&cognito, &client, &input.username, input.secret_hash.as_deref())?;
    if pool.settings.recovery == [ADMIN_ONLY] {
        return Err(Error::not_authorized("Contact administrator to reset password."));
    }
    let hidden = client.settings.hides_users;
    let Some(user) = users::find(&cx.db().read()?, &pool, &input.username)? else {
        return if hidden { Ok(pretended(&pool, &input.username)) } else { Err(Error::UserNotFound) };
    };
    if !user.enabled {
        return Err(Error::not_authorized("User is disabled."));
    }
    // Who has none was given none, or an administrator has taken it.
    let has_none = user.password.is_none();
    if has_none || matches!(user.status, Status::ForceChangePassword | Status::ExternalProvider) {
        return Err(Error::not_authorized("User password cannot be reset in the current state."));
    }
    let address = match recovery_address(&pool, &user) {
        Err(_) if hidden => return Ok(pretended(&pool, &input.username)),
        address => address?,
    };
    let (purpose, occasion, id) = (Purpose::Reset, Occasion::ForgotPassword, Some(client.id.as_str()));
    let metadata = &input.client_metadata;
    let written = write_code(&cognito, &cx, &pool, id, &user, &address, &purpose, None, occasion, metadata).await?;
    keep_code(&cx, &pool, &user, written).await?;
    Ok(CodeOutput { code_delivery_details: CodeDeliveryDetails::email(&address) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfirmForgotInput {
    pub client_id: String,
    pub secret_hash: Option<String>,
    pub username: String,
    pub confirmation_code: String,
    pub password: String,
    pub client_metadata: Metadata,
}

pub async fn confirm_forgot(cognito: Arc<Cognito>, cx: Cx, input: ConfirmForgotInput) -> Result<Empty, Error> {
    check_name(&input.username, "username")?;
    let (pool, client) = find_client(&cx, &input.client_id)?;
    check_secret_hash(&cognito, &client, &input.username, input.secret_hash.as_deref())?;
    check_password_form(&input.password, "password")?;
    password::check_policy(&pool.settings.password, &input.password)?;
    let missing = if client.settings.hides_users { Error::ExpiredCode } else { Error::UserNotFound };
    let user = users::find(&cx.db().read()?, &pool, &input.username)?.ok_or(missing)?;
    let user = take_reset_code(&cognito, &cx, &pool, &user, input.confirmation_code).await?;
    let id = client.id.clone();
    let metadata = input.client_metadata;
    let sign_in = SignIn { cognito, cx, pool, client, metadata, goal: Goal::Tokens, device: None };
    let made = sign_in.make_password(&user, &input.password).await?;
    let SignIn { cx, pool, metadata, .. } = &sign_in;
    let (own, key, now) = (pool.clone(), user.key.clone(), cx.now());
    let set = move |user: &mut User| {
        user.password = Some(made.clone());
        (user.status, user.temporary_until, user.modified) = (Status::Confirmed, None, now);
        users::clear_failures(user);
        Ok(user.clone())
    };
    let user = cx.db().write(move |tx| users::change(tx, &own, &key, &set)).await?;
    confirmed(cx, pool, Some(&id), &user, "PostConfirmation_ConfirmForgotPassword", metadata).await?;
    Ok(Empty {})
}

/// Checks the code before the new password is hashed: who has none does not make the server work.
async fn take_reset_code(
    cognito: &Arc<Cognito>,
    cx: &Cx,
    pool: &Pool,
    user: &User,
    given: String,
) -> Result<User, Error> {
    let (cognito, own, key, now) = (cognito.clone(), pool.clone(), user.key.clone(), cx.now());
    let take = move |tx: &mut kv::Tx| {
        users::change(tx, &own, &key, |user| {
            let place = Purpose::Reset.place(&own.id, &user.sub);
            let open = |sealed: &[u8]| Ok(cognito.vault.open(&place, sealed)?.to_vec());
            let taken = code::take(user, &Purpose::Reset, &given, now, open)?;
            Ok(taken.map(|_| user.clone()))
        })
    };
    cx.db().write(take).await?
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChangeInput {
    pub access_token: String,
    pub previous_password: String,
    pub proposed_password: String,
}

pub async fn change(cognito: Arc<Cognito>, cx: Cx, input: ChangeInput) -> Result<Empty, Error> {
    let bearer = bearer(&cognito, &cx, &input.access_token)?;
    check_password_form(&input.proposed_password, "proposedPassword")?;
    password::check_policy(&bearer.pool.settings.password, &input.proposed_password)?;
    let user = bearer.user;
    let (pool, client, metadata) = (bearer.pool, bearer.client, Metadata::new());
    let sign_in = SignIn { cognito, cx, pool, client, metadata, goal: Goal::Tokens, device: None };
    if !sign_in.is_password(&user, input.previous_password).await? {
        sign_in.count_failure(&user).await?;
        return Err(Error::wrong_password());
    }
    let made = sign_in.make_password(&user, &input.proposed_password).await?;
    let (pool, key, now) = (sign_in.pool, user.key, sign_in.cx.now());
    let set = move |user: &mut User| {
        user.password = Some(made.clone());
        user.modified = now;
        users::clear_failures(user);
        Ok(())
    };
    sign_in.cx.db().write(move |tx| users::change(tx, &pool, &key, &set)).await?;
    Ok(Empty {})
}
