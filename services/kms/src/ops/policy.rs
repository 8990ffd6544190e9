//! PutKeyPolicy, GetKeyPolicy, ListKeyPolicies.

use std::sync::Arc;

use auth::policy::{Policy, Use};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{CallerKind, Constraints, Cx, Permission};

use super::{Empty, More, Page, find_by_id, of_key, resolve_id};
use crate::Kms;
use crate::error::Error;
use crate::limits;
use crate::model::key;
use crate::types::Key;

/// A key has one policy, of this name.
const NAME: &str = "default";

/// The policy of a key whose maker gives none: the account's own policies decide.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
pub fn default(cx: &Cx) -> String {
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{}:root", cx.account())},
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
    .to_string()
}

/// # Errors
/// `MalformedPolicyDocumentException` for what is no policy, and for one that its maker could not change any more.
pub fn checked(cx: &Cx, policy: String, bypass: bool) -> Result<String, Error> {
    if policy.len() > limits::POLICY_BYTES_MAX {
        return Err(Error::LimitExceeded(format!(
            "The policy has {} bytes, of at most {}.",
            policy.len(),
            limits::POLICY_BYTES_MAX
        )));
    }
    let read = Policy::parse(&policy).and_then(|policy| policy.check(Use::Resource));
    read.map_err(|error| Error::MalformedPolicy(error.to_string()))?;
    if bypass || cx.caller().kind == CallerKind::System {
        return Ok(policy);
    }
    let later = Permission {
        resource_policy: Some(policy.clone()),
        resource_must_allow: true,
        // It is about the time to come, when policies may be enforced.
        strict: true,
        ..Permission::new("kms:PutKeyPolicy", "*")
    };
    if cx.cloud().access().authorize(cx.caller(), &later, cx.now()).is_err() {
        return Err(Error::MalformedPolicy(
            "The new key policy will not allow you to update the key policy in the future.".into(),
        ));
    }
    Ok(policy)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub key_id: String,
    pub policy_name: Option<String>,
    pub policy: Option<String>,
    pub bypass_policy_lockout_safety_check: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub key_id: String,
    pub policy_name: Option<String>,
}
of_key!(PutInput, GetInput, ListInput);

fn check_name(name: Option<&str>) -> Result<(), Error> {
    match name {
        None | Some(NAME) => Ok(()),
        Some(_) => Err(Error::NotFound("No such policy exists".into())),
    }
}

pub async fn put(_: Arc<Kms>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(input.policy.as_deref(), "policy");
    constraints.check()?;
    let arn = resolve_id(&cx.db().read()?, &cx, &input.key_id)?;
    check_name(input.policy_name.as_deref())?;
    let policy = checked(&cx, input.policy.unwrap_or_default(), input.bypass_policy_lockout_safety_check)?;
    let set = move |key: &mut Key| {
        key::check_own(key)?;
        key::check_stays(key)?;
        key.policy.clone_from(&policy);
        Ok(())
    };
    cx.db().write(move |tx| key::change(tx, &arn, &set)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub policy: String,
    pub policy_name: &'static str,
}

pub async fn get(_: Arc<Kms>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    let key = find_by_id(&cx, &input.key_id)?;
    check_name(input.policy_name.as_deref())?;
    Ok(GetOutput { policy: key.policy, policy_name: NAME })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub key_id: String,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub policy_names: [&'static str; 1],
    #[serde(flatten)]
    pub more: More,
}

pub async fn list(_: Arc<Kms>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    input.page.read()?;
    find_by_id(&cx, &input.key_id)?;
    Ok(ListOutput { policy_names: [NAME], more: More::new(false, None) })
}
