//! UpdateAccountPasswordPolicy, GetAccountPasswordPolicy, DeleteAccountPasswordPolicy.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::session::NoInput;
use super::{Empty, check};
use crate::Identity;
use crate::error::Error;
use crate::keys::PASSWORD_RULES;
use crate::limits::{PASSWORD_AGE_DAYS_RANGE, PASSWORD_LENGTH_RANGE, PASSWORD_REUSE_RANGE};
use crate::model::login;
use crate::types::PasswordRules;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub minimum_password_length: Option<i64>,
    pub require_symbols: bool,
    pub require_numbers: bool,
    pub require_uppercase_characters: bool,
    pub require_lowercase_characters: bool,
    pub allow_users_to_change_password: bool,
    pub max_password_age: Option<i64>,
    pub password_reuse_prevention: Option<i64>,
    pub hard_expiry: Option<bool>,
}

fn number(member: &str, value: Option<i64>, range: &RangeInclusive<i64>) -> Result<Option<u32>, Error> {
    let value = value.map(|value| check::number(member, value, range)).transpose()?;
    Ok(value.and_then(|value| u32::try_from(value).ok()))
}

/// What is not named gets its default, whatever it was before.
pub async fn update(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let least = input.minimum_password_length.or(Some(*PASSWORD_LENGTH_RANGE.start()));
    let rules = PasswordRules {
        minimum_length: number("minimumPasswordLength", least, &PASSWORD_LENGTH_RANGE)?.unwrap_or_default(),
        symbols: input.require_symbols,
        numbers: input.require_numbers,
        uppercase: input.require_uppercase_characters,
        lowercase: input.require_lowercase_characters,
        users_change: input.allow_users_to_change_password,
        max_age_days: number("maxPasswordAge", input.max_password_age, &PASSWORD_AGE_DAYS_RANGE)?,
        reuse_prevention: number("passwordReusePrevention", input.password_reuse_prevention, &PASSWORD_REUSE_RANGE)?,
        hard_expiry: input.hard_expiry,
    };
    cx.db().write(move |tx| Ok::<_, Error>(PASSWORD_RULES.put(tx, (), &rules)?)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub password_policy: RulesOutput,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RulesOutput {
    pub minimum_password_length: u32,
    pub require_symbols: bool,
    pub require_numbers: bool,
    pub require_uppercase_characters: bool,
    pub require_lowercase_characters: bool,
    pub allow_users_to_change_password: bool,
    pub expire_passwords: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_password_age: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_reuse_prevention: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard_expiry: Option<bool>,
}

fn none(cx: &Cx) -> Error {
    Error::NoSuchEntity(format!("The Password Policy with domain name {} cannot be found.", cx.account()))
}

pub async fn get(_: Arc<Identity>, cx: Cx, _: NoInput) -> Result<Output, Error> {
    let rules = login::rules(&cx.db().read()?)?.ok_or_else(|| none(&cx))?;
    let password_policy = RulesOutput {
        minimum_password_length: rules.minimum_length,
        require_symbols: rules.symbols,
        require_numbers: rules.numbers,
        require_uppercase_characters: rules.uppercase,
        require_lowercase_characters: rules.lowercase,
        allow_users_to_change_password: rules.users_change,
        expire_passwords: rules.max_age_days.is_some(),
        max_password_age: rules.max_age_days,
        password_reuse_prevention: rules.reuse_prevention,
        hard_expiry: rules.hard_expiry,
    };
    Ok(Output { password_policy })
}

pub async fn delete(_: Arc<Identity>, cx: Cx, _: NoInput) -> Result<Empty, Error> {
    login::rules(&cx.db().read()?)?.ok_or_else(|| none(&cx))?;
    cx.db().write(move |tx| Ok::<_, Error>(PASSWORD_RULES.delete(tx, ())?)).await?;
    Ok(Empty {})
}
