//! A topic's own policy document: the default one, and the shorthand that changes it.

use serde_json::{Value, json};

use crate::error::Error;
use crate::types::Topic;

/// What policies of topics may speak about.
const ACTIONS: [&str; 9] = [
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
    "Receive",
];

/// The policy in force.
pub fn document(topic: &Topic) -> String {
    topic.attributes.policy.clone().unwrap_or_else(|| default(topic).to_string())
}

/// Lets the topic's owner do everything.
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html>
fn default(topic: &Topic) -> Value {
    let actions: Vec<String> = ACTIONS.iter().take(8).map(|action| format!("SNS:{action}")).collect();
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": actions,
            "Resource": topic.arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": topic.arn.account}},
        }],
    })
}

/// Checks a document that is to be a topic's policy; an empty one brings the default back.
pub fn check(text: &str) -> Result<Option<String>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let refuse = |_| Error::parameter("Policy Error: null");
    auth::policy::Policy::parse(text).and_then(|policy| policy.check(auth::policy::Use::Resource)).map_err(refuse)?;
    Ok(Some(text.to_owned()))
}

/// The policy with one more statement.
pub fn with_statement(topic: &Topic, label: &str, accounts: &[String], actions: &[String]) -> Result<String, Error> {
    let mut policy = parse(topic)?;
    let mut statements = statements(&policy);
    if statements.iter().any(|statement| statement["Sid"] == *label) {
        return Err(Error::parameter("Statement already exists"));
    }
    if actions.iter().any(|action| !ACTIONS.contains(&action.as_str())) {
        return Err(Error::parameter("Policy statement action out of service scope!"));
    }
    let principals = accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions = actions.iter().map(|action| format!("SNS:{action}")).collect();
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": one_or_more(principals)},
        "Action": one_or_more(actions),
        "Resource": topic.arn,
    }));
    policy["Statement"] = Value::Array(statements);
    Ok(policy.to_string())
}

/// The policy without the statement of this label, which need not be there.
pub fn without_statement(topic: &Topic, label: &str) -> Result<String, Error> {
    let mut policy = parse(topic)?;
    let mut statements = statements(&policy);
    statements.retain(|statement| statement["Sid"] != *label);
    policy["Statement"] = Value::Array(statements);
    Ok(policy.to_string())
}

fn one_or_more(mut texts: Vec<String>) -> Value {
    match (texts.pop(), texts.is_empty()) {
        (Some(only), true) => only.into(),
        (last, _) => texts.into_iter().chain(last).collect(),
    }
}

fn parse(topic: &Topic) -> Result<Value, Error> {
    // Checked to be a document when it was set.
    serde_json::from_str(&document(topic)).map_err(|_| Error::parameter("Policy Error: null"))
}

fn statements(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        one @ Value::Object(_) => vec![one.clone()],
        _ => Vec::new(),
    }
}
