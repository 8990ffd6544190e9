//! AddPermission, RemovePermission: shorthand for changing a queue's policy document.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use service::Cx;

use super::{Empty, queue_arn};
use crate::Sqs;
use crate::error::Error;
use crate::model::queue;
use crate::types::{Attributes, Queue};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddInput {
    pub queue_url: String,
    pub label: String,
    #[serde(rename = "AWSAccountIds")]
    pub accounts: Vec<String>,
    pub actions: Vec<String>,
}

pub async fn add(_: Arc<Sqs>, cx: Cx, input: AddInput) -> Result<Empty, Error> {
    for (name, empty) in [
        ("Label", input.label.is_empty()),
        ("ActionName", input.actions.is_empty()),
        ("AWSAccountId", input.accounts.is_empty()),
    ] {
        if empty {
            return Err(Error::MissingParameter(name));
        }
    }
    let (arn, now) = (queue_arn(&cx, &input.queue_url)?, cx.now());
    cx.db().write(move |tx| queue::set_attributes(tx, now, &arn, |queue| with_statement(queue, &input))).await?;
    Ok(Empty {})
}

fn with_statement(queue: &Queue, input: &AddInput) -> Result<Attributes, Error> {
    let mut policy = policy(queue)?;
    if statements(&policy).iter().any(|statement| statement["Sid"] == *input.label) {
        return Err(Error::InvalidParameterValue(format!(
            "Value {} for parameter Label is invalid. Reason: Already exists.",
            input.label
        )));
    }
    let principals = input.accounts.iter().map(|account| format!("arn:aws:iam::{account}:root"));
    let actions = input.actions.iter().map(|action| format!("SQS:{action}"));
    let statement = json!({
        "Sid": input.label, "Effect": "Allow", "Principal": {"AWS": one_or_all(principals)},
        "Action": one_or_all(actions), "Resource": queue.arn,
    });
    let all = statements(&policy).iter().cloned().chain([statement]).collect::<Vec<_>>();
    policy["Statement"] = Value::Array(all);
    Ok(Attributes { policy: Some(policy.to_string()), ..queue.attributes.clone() })
}

/// One is written without a list.
fn one_or_all(values: impl Iterator<Item = String>) -> Value {
    let mut values: Vec<String> = values.collect();
    match values.pop() {
        Some(one) if values.is_empty() => one.into(),
        last => values.into_iter().chain(last).collect(),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemoveInput {
    pub queue_url: String,
    pub label: String,
}

pub async fn remove(_: Arc<Sqs>, cx: Cx, input: RemoveInput) -> Result<Empty, Error> {
    if input.label.is_empty() {
        return Err(Error::MissingParameter("Label"));
    }
    let (arn, now) = (queue_arn(&cx, &input.queue_url)?, cx.now());
    cx.db()
        .write(move |tx| queue::set_attributes(tx, now, &arn, |queue| without_statement(queue, &input.label)))
        .await?;
    Ok(Empty {})
}

fn without_statement(queue: &Queue, label: &str) -> Result<Attributes, Error> {
    let mut policy = policy(queue)?;
    let (before, kept) = {
        let all = statements(&policy);
        (all.len(), all.iter().filter(|statement| statement["Sid"] != *label).cloned().collect::<Vec<_>>())
    };
    if kept.len() == before {
        return Err(Error::InvalidParameterValue(format!(
            "Value {label} for parameter Label is invalid. Reason: can't find label."
        )));
    }
    let is_empty = kept.is_empty();
    policy["Statement"] = Value::Array(kept);
    Ok(Attributes { policy: (!is_empty).then(|| policy.to_string()), ..queue.attributes.clone() })
}

/// The queue's policy, or an empty one.
fn policy(queue: &Queue) -> Result<Value, Error> {
    let Some(text) = &queue.attributes.policy else {
        return Ok(json!({"Version": "2008-10-17", "Id": format!("{}/SQSDefaultPolicy", queue.arn), "Statement": []}));
    };
    // Checked to be an object when it was set.
    serde_json::from_str(text).map_err(|_| Error::attribute("Policy", "The queue's policy is not valid JSON."))
}

fn statements(policy: &Value) -> &[Value] {
    match &policy["Statement"] {
        Value::Array(statements) => statements,
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => &[],
    }
}
