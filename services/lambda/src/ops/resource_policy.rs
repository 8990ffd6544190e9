//! PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy: the same policy that AddPermission makes, as one document.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_PutResourcePolicy.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use auth::policy::{self as document, Use};
use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Cx;

use super::Empty;
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits::POLICY_BYTES_MAX;
use crate::model::{function, policy};
use crate::name::FunctionRef;
use crate::types::Policy;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub resource_arn: String,
    pub policy: String,
    pub revision_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PolicyInput {
    pub resource_arn: String,
    pub revision_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyOutput {
    pub policy: String,
    pub revision_id: String,
}

/// What comes before the place of a statement without an identifier, where those have their names: no identifier has it.
const UNNAMED: char = '#';

pub async fn put(_: Arc<Lambda>, cx: Cx, input: PutInput) -> Result<PolicyOutput, Error> {
    let reference = resource(&cx, &input.resource_arn)?;
    let policy = Policy { statements: statements(&input.policy)?, revision: cx.env().uuid() };
    let (stored, expected) = (policy.clone(), input.revision_id);
    cx.db().write(move |tx| policy::replace(tx, &reference, &stored, expected.as_deref())).await?;
    Ok(output(&policy))
}

pub async fn get(_: Arc<Lambda>, cx: Cx, input: PolicyInput) -> Result<PolicyOutput, Error> {
    let reference = resource(&cx, &input.resource_arn)?;
    let read = cx.db().read()?;
    function::find(&read, &reference)?;
    let policy = policy::find(&read, &reference)?.ok_or_else(Error::resource_not_found)?;
    Ok(output(&policy))
}

pub async fn delete(_: Arc<Lambda>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    let reference = resource(&cx, &input.resource_arn)?;
    cx.db().write(move |tx| policy::delete(tx, &reference, input.revision_id.as_deref())).await?;
    Ok(Empty {})
}

fn output(policy: &Policy) -> PolicyOutput {
    PolicyOutput { policy: policy::document(policy), revision_id: policy.revision.clone() }
}

/// The function, version or alias of a whole ARN.
fn resource(cx: &Cx, arn: &str) -> Result<FunctionRef, Error> {
    let is_function = |arn: &str| {
        arn.parse::<Arn>().is_ok_and(|arn| arn.service == "lambda" && arn.resource.starts_with("function:"))
    };
    let mut constraints = Constraints::default();
    let pattern = "arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?";
    constraints.pattern(Some(arn), "resourceArn", pattern, is_function);
    constraints.check()?;
    FunctionRef::parse(cx, arn, None)
}

/// The statements of a document by their identifiers, so that RemovePermission finds them.
fn statements(text: &str) -> Result<BTreeMap<String, String>, Error> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(Error::PolicyLengthExceeded);
    }
    let invalid = |error: &dyn std::fmt::Display| Error::invalid(format!("The policy is not valid: {error}"));
    document::Policy::parse(text).and_then(|policy| policy.check(Use::Resource)).map_err(|error| invalid(&error))?;
    let parsed: Value = serde_json::from_str(text).map_err(|error| invalid(&error))?;
    let all = match parsed.get("Statement") {
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let mut statements = BTreeMap::new();
    for (place, statement) in all.into_iter().enumerate() {
        let id = statement.get("Sid").and_then(Value::as_str).map(str::to_owned);
        let id = id.unwrap_or_else(|| format!("{UNNAMED}{place:04}"));
        if let Some(_twice) = statements.insert(id.clone(), statement.to_string()) {
            return Err(Error::invalid(format!("The policy has two statements with the Sid {id}.")));
        }
    }
    Ok(statements)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const ONE: &str = r#"{"Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"*"}"#;

    #[test]
    fn statements_are_found_by_their_identifiers() {
        let named = ONE.replacen('{', r#"{"Sid":"b","#, 1);
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{named},{ONE}]}}"#);
        let names: Vec<String> = statements(&text).unwrap().into_keys().collect();
        assert_eq!(names, ["#0001", "b"]);
        let single = format!(r#"{{"Version":"2012-10-17","Statement":{ONE}}}"#);
        assert_eq!(statements(&single).unwrap().len(), 1);
        let twice = format!(r#"{{"Version":"2012-10-17","Statement":[{named},{named}]}}"#);
        for bad in ["", "[]", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}"#, &twice] {
            assert!(matches!(statements(bad), Err(Error::InvalidParameterValue(_))), "{bad}");
        }
        let long = format!("{single}{}", " ".repeat(POLICY_BYTES_MAX));
        assert!(matches!(statements(&long), Err(Error::PolicyLengthExceeded)));
    }
}
