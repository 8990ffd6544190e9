//! CreateLoginProfile, GetLoginProfile, UpdateLoginProfile, DeleteLoginProfile, ChangePassword.
//!
//! There is no console that a password would open. It is kept as AWS keeps it, so that what manages users manages them here
//! too, and a user who changes it has to know the one before.

use std::sync::Arc;

use auth::password::Hashed;
use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{CallerKind, Cx, Error as ServiceError, Permission};
use wire::DateTime;

use super::{Empty, require_user_name, user_resource_of};
use crate::Identity;
use crate::error::Error;
use crate::limits::{PASSWORD_CHARACTERS_MAX, PASSWORD_FAILURES_MAX, SIGN_IN_SECONDS_RANGE};
use crate::model::{login, owner};
use crate::ops::check;
use crate::types::{LoginProfile, User};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub user_name: Option<String>,
    pub password: Option<String>,
    pub password_reset_required: Option<bool>,
    pub max_signin_session_duration: Option<i64>,
    pub reset_max_signin_session_duration: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProfileOutput {
    pub user_name: String,
    pub create_date: DateTime,
    pub password_reset_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_signin_session_duration: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub login_profile: ProfileOutput,
}

fn output(user_name: String, profile: &LoginProfile) -> Output {
    let login_profile = ProfileOutput {
        user_name,
        create_date: profile.created.into(),
        password_reset_required: profile.reset_required,
        max_signin_session_duration: profile.session_seconds,
    };
    Output { login_profile }
}

/// What a password may be at all; whether the account takes it is another question.
fn check_characters(member: &str, password: &str) -> Result<(), Error> {
    if password.is_empty() {
        return Err(Error::missing(member));
    }
    if password.chars().count() > PASSWORD_CHARACTERS_MAX {
        let constraint = format!("Member must have length less than or equal to {PASSWORD_CHARACTERS_MAX}");
        return Err(Error::unfit(member, constraint));
    }
    if !password.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')) {
        let constraint = r"Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+";
        return Err(Error::unfit(member, constraint));
    }
    Ok(())
}

fn check_seconds(seconds: Option<i64>) -> Result<Option<i64>, Error> {
    seconds.map(|seconds| check::number("maxSigninSessionDuration", seconds, &SIGN_IN_SECONDS_RANGE)).transpose()
}

/// Hashes a password that the account takes.
async fn hashed(identity: &Identity, cx: &Cx, password: String) -> Result<Hashed, Error> {
    check_characters("password", &password)?;
    login::check(&cx.db().read()?, cx.account(), &password)?;
    let env = cx.env().clone();
    identity.heavy.run(move || Hashed::of(&env, &password).map_err(Error::internal)).await
}

pub async fn create(identity: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let session_seconds = check_seconds(input.max_signin_session_duration)?;
    login::check_free(&cx.db().read()?, &user)?;
    let profile = LoginProfile {
        created: cx.now(),
        changed: cx.now(),
        password: hashed(&identity, &cx, input.password.unwrap_or_default()).await?,
        former: Vec::new(),
        reset_required: input.password_reset_required == Some(true),
        session_seconds,
        failed: (0, 0),
    };
    let told = output(user.clone(), &profile);
    cx.db().write(move |tx| login::create(tx, &user, &profile)).await?;
    Ok(told)
}

pub async fn get(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let profile = login::find(&cx.db().read()?, &user)?;
    Ok(output(user, &profile))
}

/// What is not named stays as it is.
pub async fn update(identity: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    let seconds = check_seconds(input.max_signin_session_duration)?;
    let forget_seconds = input.reset_max_signin_session_duration == Some(true);
    if seconds.is_some() && forget_seconds {
        let message = "MaxSigninSessionDuration cannot be set and reset in one request.";
        return Err(Error::InvalidInput(message.into()));
    }
    login::find(&cx.db().read()?, &user)?;
    let password = match input.password {
        Some(password) => Some(hashed(&identity, &cx, password).await?),
        None => None,
    };
    let now = cx.now();
    let change = move |profile: &mut LoginProfile| {
        if let Some(password) = password.clone() {
            profile.set_password(password, now);
        }
        profile.reset_required = input.password_reset_required.unwrap_or(profile.reset_required);
        profile.session_seconds = seconds.or(profile.session_seconds.filter(|_| !forget_seconds));
        Ok(())
    };
    cx.db().write(move |tx| login::update(tx, &user, &change)).await?;
    Ok(Empty {})
}

pub async fn delete(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let user = require_user_name(&cx, input.user_name.as_deref())?;
    cx.db().write(move |tx| login::delete(tx, &user)).await?;
    Ok(Empty {})
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChangeInput {
    pub old_password: String,
    pub new_password: String,
}

/// Permission for changing one's own password.
pub fn change_permissions(cx: &Cx) -> Result<Vec<Permission>, ServiceError> {
    match &cx.caller().kind {
        CallerKind::User { name } => own_permissions(cx, "iam:ChangePassword", user_resource_of(cx, name)),
        _ => own_permissions(cx, "iam:ChangePassword", "*"),
    }
}

/// Permission for what the account's rules may allow to all users.
pub fn own_permissions(cx: &Cx, action: &str, resource: impl ToString) -> Result<Vec<Permission>, ServiceError> {
    let is_user = matches!(cx.caller().kind, CallerKind::User { .. });
    let allows = is_user && login::rules(&cx.db().read()?)?.is_some_and(|rules| rules.users_change);
    let who = cx.caller().arn.to_string();
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": who}, "Action": action, "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    Ok(vec![Permission { resource_policy: allows.then_some(policy), ..Permission::new(action, resource) }])
}

pub async fn change_password(identity: Arc<Identity>, cx: Cx, input: ChangeInput) -> Result<Empty, Error> {
    let CallerKind::User { name: user } = cx.caller().kind.clone() else { return Err(Error::InvalidUserType) };
    check_characters("oldPassword", &input.old_password)?;
    check_characters("newPassword", &input.new_password)?;
    owner::find::<User>(&cx.db().read()?, &user)?;
    let now = cx.now();
    let profile = begin_try(&cx, &user, now).await?;
    let (before, old) = (profile.password.clone(), input.old_password);
    if !identity.heavy.run(move || before.is_of(&old).map_err(Error::internal)).await? {
        return Err(Error::AccessDenied("The old password was incorrect.".into()));
    }
    let (own, forgive) = (user.clone(), move |profile: &mut LoginProfile| {
        profile.forgive(now);
        Ok(())
    });
    cx.db().write(move |tx| login::update(tx, &own, forgive)).await?;
    if is_former(&identity, &cx, &profile, &input.new_password).await? {
        return Err(Error::PasswordPolicyViolation);
    }
    let new = hashed(&identity, &cx, input.new_password).await?;
    let change = move |found: &mut LoginProfile| {
        if found.password != profile.password {
            let message = "The password was changed by another request.";
            return Err(Error::TemporarilyUnmodifiable(message.into()));
        }
        found.set_password(new.clone(), now);
        found.reset_required = false;
        Ok(())
    };
    cx.db().write(move |tx| login::update(tx, &user, &change)).await?;
    Ok(Empty {})
}

/// Counts a try before it is looked at, as if it were wrong: of those that are sent at once, none is looked at that is one too many.
/// Returns the profile that it is for.
async fn begin_try(cx: &Cx, user: &str, now: Timestamp) -> Result<LoginProfile, Error> {
    let user = user.to_owned();
    let count = move |tx: &mut kv::Tx| {
        let count = |profile: &mut LoginProfile| {
            if !profile.may_try(now) {
                return Err(Error::LimitExceeded { quota: "PasswordAttemptsPerMinute", limit: PASSWORD_FAILURES_MAX });
            }
            profile.fail(now);
            Ok(())
        };
        login::update(tx, &user, count)?;
        login::find(&*tx, &user)
    };
    cx.db().write(count).await
}

/// Whether it is one of the last passwords, as many as the account's rules name.
async fn is_former(identity: &Identity, cx: &Cx, profile: &LoginProfile, password: &str) -> Result<bool, Error> {
    let rules = login::rules(&cx.db().read()?)?;
    let count = rules.and_then(|rules| rules.reuse_prevention).unwrap_or_default();
    let last: Vec<_> =
        std::iter::once(&profile.password).chain(&profile.former).take(count as usize).cloned().collect();
    for hashed in last {
        let password = password.to_owned();
        if identity.heavy.run(move || hashed.is_of(&password).map_err(Error::internal)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
