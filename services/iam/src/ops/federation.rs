//! GetFederationToken: credentials for somebody whom a user, or the account itself, vouches for.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{CallerKind, Cx, Permission, SessionFacts};

use super::session::{Credentials, issue, seconds};
use super::session_facts::{self, PolicyArn};
use super::{Tag, session};
use crate::Identity;
use crate::error::Error;
use crate::limits;
use crate::types::Subject;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub name: String,
    pub duration_seconds: Option<i64>,
    pub policy: Option<String>,
    pub policy_arns: Vec<PolicyArn>,
    pub tags: Vec<Tag>,
}

impl Input {
    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        let resource = user_arn(cx, &self.name);
        let tagging = (!self.tags.is_empty()).then_some("sts:TagSession");
        let actions = std::iter::once("sts:GetFederationToken").chain(tagging);
        actions.map(|action| Permission::new(action, &resource)).collect()
    }
}

fn user_arn(cx: &Cx, name: &str) -> Arn {
    Arn::global("sts", cx.account(), format!("federated-user/{name}"))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FederatedUser {
    pub federated_user_id: String,
    pub arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub credentials: Credentials,
    pub federated_user: FederatedUser,
    pub packed_policy_size: usize,
}

pub async fn token(identity: Arc<Identity>, cx: Cx, input: Input) -> Result<Output, Error> {
    if input.name.is_empty() {
        return Err(Error::missing("name"));
    }
    session_facts::word("name", &input.name, &limits::FEDERATED_NAME_CHARACTERS_RANGE)?;
    input.policy.as_deref().map(session::check_session_policy).transpose()?;
    let facts = SessionFacts {
        tags: session_facts::tags(&input.tags)?,
        policy_arns: session_facts::policy_arns(&input.policy_arns)?,
        ..SessionFacts::default()
    };
    let packed_policy_size = session_facts::packed(input.policy.as_deref(), &facts)?.unwrap_or_default();
    let most = &limits::USER_SESSION_SECONDS_RANGE;
    let mut seconds = seconds(input.duration_seconds, limits::USER_SESSION_SECONDS_DEFAULT, most)?;
    let by = match &cx.caller().kind {
        CallerKind::Root if cx.caller().session.is_none() => {
            seconds = seconds.min(limits::ROOT_SESSION_SECONDS_MAX);
            None
        }
        CallerKind::User { name } if cx.caller().session.is_none() => Some((name.clone(), cx.caller().user_id.clone())),
        _ => return Err(Error::AccessDenied("Cannot call GetFederationToken with session credentials".into())),
    };
    let federated_user = FederatedUser {
        federated_user_id: format!("{}:{}", cx.account(), input.name),
        arn: user_arn(&cx, &input.name).to_string(),
    };
    let subject = Subject::Federated { name: input.name, by, policy: input.policy };
    let credentials = issue(&identity, &cx, subject, seconds, facts)?;
    Ok(Output { credentials, federated_user, packed_policy_size })
}
