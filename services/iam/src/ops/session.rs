//! STS: GetCallerIdentity, AssumeRole, GetSessionToken, GetAccessKeyInfo.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use auth::policy::{Policy, Use};
use base::Arn;
use serde::{Deserialize, Serialize};
use service::{CallerKind, Cx};
use wire::DateTime;

use super::{check, new_access_key_id};
use crate::Identity;
use crate::error::Error;
use crate::limits;
use crate::model::owner;
use crate::types::{Role, Session, Subject, arn};

/// A request without members.
#[derive(Debug, Default, Deserialize)]
pub struct NoInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallerIdentityOutput {
    pub user_id: String,
    pub account: String,
    pub arn: String,
}

pub async fn caller_identity(_: Arc<Identity>, cx: Cx, _: NoInput) -> Result<CallerIdentityOutput, Error> {
    let caller = cx.caller();
    Ok(CallerIdentityOutput {
        user_id: caller.user_id.clone(),
        account: caller.account.to_string(),
        arn: caller.arn.to_string(),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AssumeRoleInput {
    pub role_arn: String,
    pub role_session_name: String,
    pub duration_seconds: Option<i64>,
    pub policy: Option<String>,
    pub external_id: Option<String>,
    pub policy_arns: Vec<serde::de::IgnoredAny>,
    pub tags: Vec<serde::de::IgnoredAny>,
    pub transitive_tag_keys: Vec<String>,
    pub provided_contexts: Vec<serde::de::IgnoredAny>,
    pub source_identity: Option<String>,
    pub serial_number: Option<String>,
    pub token_code: Option<String>,
}

impl AssumeRoleInput {
    /// Members that would change what the session may do, and that nothing here would heed.
    fn check_supported(&self) -> Result<(), Error> {
        let members = [
            ("PolicyArns", !self.policy_arns.is_empty()),
            ("Tags", !self.tags.is_empty()),
            ("TransitiveTagKeys", !self.transitive_tag_keys.is_empty()),
            ("ProvidedContexts", !self.provided_contexts.is_empty()),
            ("SourceIdentity", self.source_identity.is_some()),
            ("SerialNumber", self.serial_number.is_some()),
            ("TokenCode", self.token_code.is_some()),
        ];
        match members.into_iter().find(|(_, given)| *given) {
            Some((member, _)) => Err(Error::NotImplemented(format!("{member} of sts:AssumeRole"))),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expiration: DateTime,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedRoleUser {
    pub assumed_role_id: String,
    pub arn: String,
}

impl AssumedRoleUser {
    pub fn new(cx: &Cx, role: &Role, session_name: &str) -> AssumedRoleUser {
        AssumedRoleUser {
            assumed_role_id: format!("{}:{session_name}", role.id),
            arn: Arn::global("sts", cx.account(), format!("assumed-role/{}/{session_name}", role.name)).to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumeRoleOutput {
    pub credentials: Credentials,
    pub assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packed_policy_size: Option<usize>,
}

pub async fn assume_role(identity: Arc<Identity>, cx: Cx, input: AssumeRoleInput) -> Result<AssumeRoleOutput, Error> {
    input.check_supported()?;
    check_session_name(&input.role_session_name)?;
    let packed_policy_size = input.policy.as_deref().map(check_session_policy).transpose()?;
    let role = find_role(&cx, &input.role_arn)?;
    let authorized =
        identity.authorize_assume(cx.caller(), &role, &input.role_session_name, input.external_id.as_deref(), cx.now());
    authorized.map_err(|denial| Error::AccessDenied(denial.message))?;
    let seconds = role_session_seconds(&cx, &role, input.duration_seconds)?;
    let user = AssumedRoleUser::new(&cx, &role, &input.role_session_name);
    let subject =
        Subject::Role { name: role.name, id: role.id, session_name: input.role_session_name, policy: input.policy };
    Ok(AssumeRoleOutput {
        credentials: issue(&identity, &cx, subject, seconds)?,
        assumed_role_user: user,
        packed_policy_size,
    })
}

/// A role that is not there is refused in the same words as one that may not be assumed: who asks learns nothing.
fn find_role(cx: &Cx, role_arn: &str) -> Result<Role, Error> {
    if role_arn.is_empty() {
        return Err(Error::missing("roleArn"));
    }
    let parsed: Arn = role_arn.parse().map_err(|_| Error::Validation(format!("{role_arn} is invalid")))?;
    let refused = || {
        Error::AccessDenied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            cx.caller().arn
        ))
    };
    let name = parsed.resource.rsplit('/').next().unwrap_or_default();
    let role: Role = match owner::find(&cx.db().read()?, name) {
        Err(Error::NoSuchEntity(_)) => return Err(refused()),
        found => found?,
    };
    if arn(cx.account(), "role", &role.path, &role.name) == parsed { Ok(role) } else { Err(refused()) }
}

pub fn check_session_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::missing("roleSessionName"));
    }
    let valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    if valid && limits::SESSION_NAME_CHARACTERS_RANGE.contains(&name.len()) {
        return Ok(());
    }
    let constraint = r"Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}";
    Err(Error::constraint("roleSessionName", format_args!("'{name}'"), constraint))
}

/// Checks a session policy; returns its size as a percentage of what is allowed.
pub fn check_session_policy(text: &str) -> Result<usize, Error> {
    let size = Policy::parse(text)?.check(Use::Identity)?.text().chars().count();
    if size > limits::SESSION_POLICY_CHARACTERS_MAX {
        let constraint =
            format!("Member must have length less than or equal to {}", limits::SESSION_POLICY_CHARACTERS_MAX);
        return Err(Error::constraint("policy", "of the request", constraint));
    }
    Ok((size * 100).div_ceil(limits::SESSION_POLICY_CHARACTERS_MAX))
}

pub fn role_session_seconds(cx: &Cx, role: &Role, asked: Option<i64>) -> Result<i64, Error> {
    let seconds = seconds(asked, limits::ROLE_SESSION_SECONDS_DEFAULT, &limits::ROLE_SESSION_SECONDS_RANGE)?;
    let chained = matches!(cx.caller().kind, CallerKind::Session { .. });
    if chained && seconds > limits::CHAINED_SESSION_SECONDS_MAX {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(Error::Validation(message.into()));
    }
    if seconds > role.max_session_seconds {
        return Err(Error::Validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".into(),
        ));
    }
    Ok(seconds)
}

fn seconds(asked: Option<i64>, default: i64, range: &RangeInclusive<i64>) -> Result<i64, Error> {
    check::number("durationSeconds", asked.unwrap_or(default), range)
}

pub fn issue(identity: &Identity, cx: &Cx, subject: Subject, seconds: i64) -> Result<Credentials, Error> {
    let expires = cx.now() + Duration::from_secs(seconds.unsigned_abs());
    let access_key_id = new_access_key_id(cx, "ASIA");
    let session = Session { access_key_id: access_key_id.clone(), issued: cx.now(), expires, subject };
    let issued = identity.sealer.issue(&session)?;
    Ok(Credentials {
        access_key_id,
        secret_access_key: issued.secret,
        session_token: issued.token,
        expiration: expires.into(),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SessionTokenInput {
    pub duration_seconds: Option<i64>,
    pub serial_number: Option<String>,
    pub token_code: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SessionTokenOutput {
    pub credentials: Credentials,
}

pub async fn session_token(
    identity: Arc<Identity>,
    cx: Cx,
    input: SessionTokenInput,
) -> Result<SessionTokenOutput, Error> {
    if input.serial_number.is_some() || input.token_code.is_some() {
        return Err(Error::NotImplemented("multi-factor authentication of sts:GetSessionToken".into()));
    }
    let mut seconds =
        seconds(input.duration_seconds, limits::USER_SESSION_SECONDS_DEFAULT, &limits::USER_SESSION_SECONDS_RANGE)?;
    let subject = match &cx.caller().kind {
        CallerKind::Root => {
            seconds = seconds.min(limits::ROOT_SESSION_SECONDS_MAX);
            Subject::Root
        }
        CallerKind::User { name } => Subject::User { name: name.clone(), id: cx.caller().user_id.clone() },
        CallerKind::Session { .. } | CallerKind::System | CallerKind::Anonymous => {
            return Err(Error::AccessDenied("Cannot call GetSessionToken with session credentials".into()));
        }
    };
    Ok(SessionTokenOutput { credentials: issue(&identity, &cx, subject, seconds)? })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AccessKeyInfoInput {
    pub access_key_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyInfoOutput {
    pub account: String,
}

/// There is one account, so every well-formed key would be its own.
pub async fn access_key_info(
    _: Arc<Identity>,
    cx: Cx,
    input: AccessKeyInfoInput,
) -> Result<AccessKeyInfoOutput, Error> {
    let id = &input.access_key_id;
    if id.len() < 16 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Error::Validation(format!("Invalid Access Key ID {id}")));
    }
    Ok(AccessKeyInfoOutput { account: cx.account().to_string() })
}
