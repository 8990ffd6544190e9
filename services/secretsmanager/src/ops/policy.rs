//! PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy, ValidateResourcePolicy.

use std::sync::Arc;

use auth::policy::{Policy, Use};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Cx, Error as ServiceError, Permission};

use super::{Named, SecretInput, find_usable, of_secret, on_secret, own};
use crate::SecretsManager;
use crate::error::Error;
use crate::limits;
use crate::model::secret;
use crate::types::Secret;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub secret_id: String,
    pub resource_policy: String,
    pub policy_name: Option<String>,
    pub block_public_policy: Option<bool>,
}
of_secret!(PutInput);

fn check(policy: &str) -> Result<(), Error> {
    if policy.is_empty() || policy.len() > limits::POLICY_BYTES_MAX {
        let max = limits::POLICY_BYTES_MAX;
        return Err(Error::InvalidParameter(format!("ResourcePolicy has 1 to {max} bytes.")));
    }
    let read = Policy::parse(policy).and_then(|policy| policy.check(Use::Resource));
    read.map(drop).map_err(|error| Error::MalformedPolicy(error.to_string()))
}

/// Whether a statement allows something to everybody, without a condition.
fn is_public(policy: &str) -> bool {
    let document: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.clone(),
        single => vec![single.clone()],
    };
    let everybody = |value: &Value| match value {
        Value::Array(values) => values.iter().any(|value| value == "*"),
        value => value == "*",
    };
    statements.iter().any(|statement| {
        let principal = &statement["Principal"];
        statement["Effect"] == "Allow"
            && statement["Condition"].is_null()
            && (everybody(principal) || everybody(&principal["AWS"]))
    })
}

/// Names are for more than one policy, of which there is none here.
fn refuse_name(name: Option<&str>) -> Result<(), Error> {
    match name {
        None => Ok(()),
        Some(_) => Err(Error::NotImplemented("More than one resource policy of a secret (PolicyName)".into())),
    }
}

async fn set(cx: &Cx, text: String, policy: Option<String>) -> Result<Named, Error> {
    find_usable(cx, &text)?;
    let own = own(cx);
    let set = move |tx: &mut kv::Tx| -> Result<Secret, Error> {
        let mut secret = secret::find_usable(tx, &own, &text)?;
        secret.policy.clone_from(&policy);
        secret::put(tx, &secret)?;
        Ok(secret)
    };
    Ok(Named::new(&cx.db().write(set).await?, None))
}

pub async fn put(_: Arc<SecretsManager>, cx: Cx, input: PutInput) -> Result<Named, Error> {
    refuse_name(input.policy_name.as_deref())?;
    check(&input.resource_policy)?;
    if input.block_public_policy == Some(true) && is_public(&input.resource_policy) {
        return Err(Error::PublicPolicy(
            "You can't attach a resource policy that allows broad access to the secret.".into(),
        ));
    }
    set(&cx, input.secret_id, Some(input.resource_policy)).await
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    #[serde(flatten)]
    pub secret: Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_policy: Option<String>,
}

pub async fn get(_: Arc<SecretsManager>, cx: Cx, input: SecretInput) -> Result<GetOutput, Error> {
    let found = find_usable(&cx, &input.secret_id)?;
    Ok(GetOutput { secret: Named::new(&found, None), resource_policy: found.policy })
}

pub async fn delete(_: Arc<SecretsManager>, cx: Cx, input: SecretInput) -> Result<Named, Error> {
    set(&cx, input.secret_id, None).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ValidateInput {
    pub secret_id: Option<String>,
    pub resource_policy: String,
}

impl ValidateInput {
    pub fn permissions(&self, cx: &Cx) -> Result<Vec<Permission>, ServiceError> {
        let mut all = vec![match &self.secret_id {
            Some(text) => on_secret(cx, "secretsmanager:ValidateResourcePolicy", text)?,
            None => Permission::new("secretsmanager:ValidateResourcePolicy", "*"),
        }];
        if let Some(text) = &self.secret_id {
            all.push(on_secret(cx, "secretsmanager:PutResourcePolicy", text)?);
        }
        Ok(all)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Wrong {
    pub check_name: &'static str,
    pub error_message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ValidateOutput {
    pub policy_validation_passed: bool,
    pub validation_errors: Vec<Wrong>,
}

pub async fn validate(_: Arc<SecretsManager>, cx: Cx, input: ValidateInput) -> Result<ValidateOutput, Error> {
    if let Some(text) = &input.secret_id {
        find_usable(&cx, text)?;
    }
    let mut wrong = Vec::new();
    if let Err(error) = check(&input.resource_policy) {
        wrong.push(Wrong { check_name: "SyntaxCheck", error_message: error.to_string() });
    }
    if is_public(&input.resource_policy) {
        wrong.push(Wrong {
            check_name: "PublicAccessCheck",
            error_message: "The policy allows access to everybody.".into(),
        });
    }
    Ok(ValidateOutput { policy_validation_passed: wrong.is_empty(), validation_errors: wrong })
}
