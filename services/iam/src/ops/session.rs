//! STS: GetCallerIdentity, AssumeRole, GetSessionToken, GetAccessKeyInfo.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use auth::policy::{Policy, Use};
use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use service::{Caller, CallerKind, Cx, SessionFacts};
use wire::DateTime;

use super::session_facts::{self, PolicyArn};
use super::{Tag, check, mfa, new_access_key_id};
use crate::Identity;
use crate::assuming::Assuming;
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
    pub policy_arns: Vec<PolicyArn>,
    pub tags: Vec<Tag>,
    pub transitive_tag_keys: Vec<String>,
    pub provided_contexts: Vec<serde::de::IgnoredAny>,
    pub source_identity: Option<String>,
    pub serial_number: Option<String>,
    pub token_code: Option<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
}

pub async fn assume_role(identity: Arc<Identity>, cx: Cx, input: AssumeRoleInput) -> Result<AssumeRoleOutput, Error> {
    if !input.provided_contexts.is_empty() {
        return Err(Error::NotImplemented("ProvidedContexts of sts:AssumeRole".into()));
    }
    check_session_name(&input.role_session_name)?;
    input.policy.as_deref().map(check_session_policy).transpose()?;
    let asked = asked_facts(&input)?;
    let role = find_role(&cx, &input.role_arn)?;
    let mfa = mfa::shown(&cx, input.serial_number.as_deref(), input.token_code.as_deref()).await?;
    // What is asked about the caller counts for this request as for their session.
    let caller = match mfa {
        Some(_) => Caller { session: Some(Arc::new(shown(&cx, mfa))), ..cx.caller().clone() },
        None => cx.caller().clone(),
    };
    let assuming = Assuming {
        session_name: &input.role_session_name,
        external_id: input.external_id.as_deref(),
        tags: Some(&asked.tags),
        transitive: &asked.transitive,
        source_identity: asked.source_identity.as_deref(),
        context: cx.way_in(),
    };
    let authorized = identity.authorize_assume(&caller, &role, &assuming, cx.now());
    authorized.map_err(|denial| Error::AccessDenied(denial.message))?;
    let seconds = role_session_seconds(&cx, &role, input.duration_seconds)?;
    let facts = session_facts::inherit(asked, &own_facts(&cx))?;
    let packed_policy_size = session_facts::packed(input.policy.as_deref(), &facts)?;
    let source_identity = facts.source_identity.clone();
    let user = AssumedRoleUser::new(&cx, &role, &input.role_session_name);
    let subject =
        Subject::Role { name: role.name, id: role.id, session_name: input.role_session_name, policy: input.policy };
    Ok(AssumeRoleOutput {
        credentials: issue(&identity, &cx, subject, seconds, facts)?,
        assumed_role_user: user,
        packed_policy_size,
        source_identity,
    })
}

/// What the request says of the session, without what that inherits.
fn asked_facts(input: &AssumeRoleInput) -> Result<SessionFacts, Error> {
    let tags = session_facts::tags(&input.tags)?;
    Ok(SessionFacts {
        transitive: session_facts::transitive(&tags, &input.transitive_tag_keys)?,
        tags,
        source_identity: session_facts::source_identity(input.source_identity.as_deref())?,
        policy_arns: session_facts::policy_arns(&input.policy_arns)?,
        ..SessionFacts::default()
    })
}

/// What a session would say that were opened just to show a code.
fn shown(cx: &Cx, mfa: Option<Timestamp>) -> SessionFacts {
    SessionFacts { issued: cx.now(), mfa, ..own_facts(cx) }
}

/// What the caller's own session says, if it is one.
fn own_facts(cx: &Cx) -> SessionFacts {
    cx.caller().session.as_deref().cloned().unwrap_or_default()
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
    session_facts::word("roleSessionName", name, &limits::SESSION_NAME_CHARACTERS_RANGE)
}

/// Checks a session policy; returns its size in characters.
pub fn check_session_policy(text: &str) -> Result<usize, Error> {
    let size = Policy::parse(text)?.check(Use::Identity)?.text().chars().count();
    if size > limits::SESSION_POLICY_CHARACTERS_MAX {
        let constraint =
            format!("Member must have length less than or equal to {}", limits::SESSION_POLICY_CHARACTERS_MAX);
        return Err(Error::constraint("policy", "of the request", constraint));
    }
    Ok(size)
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

pub(super) fn seconds(asked: Option<i64>, default: i64, range: &RangeInclusive<i64>) -> Result<i64, Error> {
    check::number("durationSeconds", asked.unwrap_or(default), range)
}

/// Gives out the credentials of a session.
pub fn issue(
    identity: &Identity,
    cx: &Cx,
    subject: Subject,
    seconds: i64,
    facts: SessionFacts,
) -> Result<Credentials, Error> {
    let issued = cx.now();
    let expires = issued + Duration::from_secs(seconds.unsigned_abs());
    let access_key_id = new_access_key_id(cx, "ASIA");
    let facts = Some(facts).filter(|facts| *facts != SessionFacts::default());
    let facts = facts.map(|facts| SessionFacts { issued, ..facts });
    let session = Session { access_key_id: access_key_id.clone(), issued, expires, subject, facts };
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
    let of_a_session = || Error::AccessDenied("Cannot call GetSessionToken with session credentials".into());
    // Else a session would never end.
    if cx.caller().session.is_some() {
        return Err(of_a_session());
    }
    let mfa = mfa::shown(&cx, input.serial_number.as_deref(), input.token_code.as_deref()).await?;
    let mut seconds =
        seconds(input.duration_seconds, limits::USER_SESSION_SECONDS_DEFAULT, &limits::USER_SESSION_SECONDS_RANGE)?;
    let subject = match &cx.caller().kind {
        CallerKind::Root => {
            seconds = seconds.min(limits::ROOT_SESSION_SECONDS_MAX);
            Subject::Root
        }
        CallerKind::User { name } => Subject::User { name: name.clone(), id: cx.caller().user_id.clone() },
        CallerKind::Session { .. } | CallerKind::Federated { .. } | CallerKind::System | CallerKind::Anonymous => {
            return Err(of_a_session());
        }
    };
    let facts = SessionFacts { mfa, ..SessionFacts::default() };
    Ok(SessionTokenOutput { credentials: issue(&identity, &cx, subject, seconds, facts)? })
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
