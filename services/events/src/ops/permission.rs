//! PutPermission, RemovePermission: who may put events on a bus.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html>

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use service::{Constraints, Cx};

use super::Empty;
use crate::Events;
use crate::error::Error;
use crate::limits::POLICY_BYTES_MAX;
use crate::model::bus;
use crate::name::BusRef;
use crate::types::Bus;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub event_bus_name: Option<String>,
    pub action: Option<String>,
    pub principal: Option<String>,
    pub statement_id: Option<String>,
    pub condition: Option<Condition>,
    pub policy: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Condition {
    pub r#type: String,
    pub key: String,
    pub value: String,
}

pub async fn put(_: Arc<Events>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    let mut constraints = Constraints::default();
    let is_action = |action: &str| {
        action
            .strip_prefix("events:")
            .is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()))
    };
    constraints.pattern(input.action.as_deref(), "action", "events:[a-zA-Z]+", is_action);
    let is_principal = |text: &str| text == "*" || text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    constraints.pattern(input.principal.as_deref(), "principal", "(\\d{12}|\\*)", is_principal);
    constraints.check()?;
    let now = cx.now();
    cx.db()
        .write(move |tx| {
            bus::change(tx, now, &on, |bus| {
                bus.policy = Some(changed(bus, &input)?);
                Ok(())
            })
        })
        .await?;
    Ok(Empty {})
}

/// The policy with what the request adds.
fn changed(bus: &Bus, input: &PutInput) -> Result<String, Error> {
    let policy = match &input.policy {
        Some(text) => {
            let policy: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_object);
            policy.ok_or_else(|| Error::parameter("Policy", "Policy is not a valid JSON document."))?
        }
        None => with_statement(bus, input)?,
    };
    let text = policy.to_string();
    if text.len() > POLICY_BYTES_MAX {
        return Err(Error::PolicyLengthExceeded);
    }
    // One that cannot be read would refuse everybody.
    auth::policy::Policy::parse(&text)
        .and_then(|policy| policy.check(auth::policy::Use::Resource))
        .map_err(|error| Error::parameter("Policy", error))?;
    Ok(text)
}

fn with_statement(bus: &Bus, input: &PutInput) -> Result<Value, Error> {
    let required = |value: &Option<String>, name: &str| {
        value.clone().ok_or_else(|| Error::validation(format!("Parameter {name} must be specified.")))
    };
    let action = required(&input.action, "Action")?;
    let (principal, sid) = (required(&input.principal, "Principal")?, required(&input.statement_id, "StatementId")?);
    let principal = match principal.as_str() {
        "*" => json!("*"),
        account => json!({"AWS": format!("arn:aws:iam::{account}:root")}),
    };
    let mut statement = json!({
        "Sid": sid, "Effect": "Allow", "Principal": principal, "Action": action, "Resource": bus.arn,
    });
    if let Some(condition) = &input.condition {
        statement["Condition"] = json!({&condition.r#type: {&condition.key: condition.value}});
    }
    let mut policy = policy(bus)?;
    let mut statements = statements(&policy);
    statements.retain(|other| other["Sid"] != statement["Sid"]);
    statements.push(statement);
    policy["Statement"] = Value::Array(statements);
    Ok(policy)
}

/// The bus's policy, or an empty one.
fn policy(bus: &Bus) -> Result<Value, Error> {
    let Some(text) = &bus.policy else { return Ok(json!({"Version": "2012-10-17", "Statement": []})) };
    // Checked to be an object when it was set.
    serde_json::from_str(text).map_err(|_| Error::parameter("Policy", "Policy is not a valid JSON document."))
}

fn statements(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        one @ Value::Object(_) => vec![one.clone()],
        _ => Vec::new(),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemoveInput {
    pub event_bus_name: Option<String>,
    pub statement_id: Option<String>,
    pub remove_all_permissions: bool,
}

pub async fn remove(_: Arc<Events>, cx: Cx, input: RemoveInput) -> Result<Empty, Error> {
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    let now = cx.now();
    cx.db()
        .write(move |tx| {
            bus::change(tx, now, &on, |bus| {
                bus.policy =
                    if input.remove_all_permissions { None } else { without(bus, input.statement_id.as_deref())? };
                Ok(())
            })
        })
        .await?;
    Ok(Empty {})
}

fn without(bus: &Bus, sid: Option<&str>) -> Result<Option<String>, Error> {
    let Some(sid) = sid else { return Err(Error::validation("Parameter StatementId must be specified.")) };
    let mut policy = policy(bus)?;
    let (before, mut left) = (statements(&policy).len(), statements(&policy));
    left.retain(|statement| statement["Sid"] != *sid);
    if left.len() == before {
        return Err(Error::NotFound("Statement with the provided id does not exist.".into()));
    }
    let is_empty = left.is_empty();
    policy["Statement"] = Value::Array(left);
    Ok((!is_empty).then(|| policy.to_string()))
}
