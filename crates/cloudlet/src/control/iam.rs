//! ListDenials, SuggestPolicy: what policies denied, and the least policy that allows what was done.

use std::sync::Arc;

use ::iam::Mode;
use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Cx, Error};

use super::Control;

#[derive(Debug, Deserialize)]
pub struct DenialsInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DenialsOutput {
    /// `enforce` or `audit`.
    pub mode: &'static str,
    pub denials: Vec<Denial>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Denial {
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub count: u64,
    /// In ISO 8601.
    pub first: String,
    pub last: String,
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Value>,
}

pub async fn denials(control: Arc<Control>, _: Cx, _: DenialsInput) -> Result<DenialsOutput, Error> {
    let shown = |denied: ::iam::Denied| Denial {
        principal: denied.principal,
        action: denied.action,
        resource: denied.resource,
        count: denied.count,
        first: denied.first.iso8601(),
        last: denied.last.iso8601(),
        reason: denied.reason,
        statement: denied.statement.and_then(|text| serde_json::from_str(&text).ok()),
    };
    Ok(DenialsOutput {
        mode: match control.identity.mode() {
            Mode::Enforce => "enforce",
            Mode::Audit => "audit",
        },
        denials: control.identity.denials().into_iter().map(shown).collect(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SuggestInput {
    /// The ARN of a user or role.
    pub principal: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SuggestOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    /// The first call that counts, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    pub calls: u64,
    pub unused: Vec<Unused>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Unused {
    pub policy: String,
    pub statement: String,
    pub actions: Vec<String>,
}

pub async fn suggest(control: Arc<Control>, _: Cx, input: SuggestInput) -> Result<SuggestOutput, Error> {
    let principal: Arn =
        input.principal.parse().map_err(|error| Error::new(400, "ValidationException", format!("{error}")))?;
    let found = control.identity.suggest(&principal)?;
    let unused = found.unused.into_iter().map(|unused| Unused {
        policy: unused.policy,
        statement: unused.statement,
        actions: unused.actions,
    });
    Ok(SuggestOutput {
        policy: found.policy,
        since: found.since.map(|since| since.iso8601()),
        calls: found.calls,
        unused: unused.collect(),
    })
}
