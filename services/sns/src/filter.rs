//! Filter policies: which messages a subscriber wants.
//!
//! Sources: <https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html> and
//! <https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html>

use std::cell::OnceCell;

use pattern::Pattern;
use serde_json::{Map, Value};
use service::AttributeValue;

use crate::error::Error;
use crate::types::{Content, Message, Protocol, Subscription};

const KEYS_MAX: usize = 5;
const COMBINATIONS_MAX: usize = 150;
/// What numbers are multiples of one part of.
const DIGITS: f64 = 100_000.0;

/// Checks a policy; an empty one takes it away.
pub fn check(text: &str, of_body: bool) -> Result<Option<String>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let invalid = |reason: String| Error::parameter(format!("FilterPolicy: {reason}"));
    let parsed: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| invalid(format!("failed to parse JSON. {error}")))?;
    if parsed.is_empty() {
        return Ok(None);
    }
    if parsed.len() > KEYS_MAX {
        return Err(invalid(format!("Filter policy can not have more than {KEYS_MAX} keys")));
    }
    if combinations(&parsed, 1, 1, of_body)? > COMBINATIONS_MAX {
        return Err(invalid("Filter policy is too complex".into()));
    }
    pattern(&parsed).map_err(|error| invalid(error.0))?;
    Ok(Some(text.to_owned()))
}

fn pattern(policy: &Map<String, Value>) -> Result<Pattern, pattern::Invalid> {
    Pattern::parse(&Value::Object(rounded(policy.clone())).to_string())
}

/// Numbers count with five digits after the point.
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/numeric-value-matching.html>
fn rounded(document: Map<String, Value>) -> Map<String, Value> {
    document.into_iter().map(|(name, value)| (name, round(value))).collect()
}

fn round(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|number| (number * DIGITS).round() / DIGITS);
            rounded.filter(|number| number.abs() < DIGITS * DIGITS).map_or(Value::Number(number), Value::from)
        }
        Value::Array(items) => items.into_iter().map(round).collect(),
        Value::Object(members) => rounded(members).into(),
        other => other,
    }
}

/// How many ways there are to satisfy a policy, each value counted as often as it lies deep; and what else its form has to
/// be.
fn combinations(policy: &Map<String, Value>, depth: usize, before: usize, of_body: bool) -> Result<usize, Error> {
    let invalid = |reason: String| Err(Error::parameter(format!("FilterPolicy: {reason}")));
    let mut all = before;
    for (name, value) in policy {
        all = match value {
            Value::Object(inner) => {
                let nested = combinations(inner, depth + 1, all, of_body)?;
                if !of_body {
                    return Err(Error::parameter(
                        "Filter policy scope MessageAttributes does not support nested filter policy",
                    ));
                }
                nested
            }
            Value::Array(values) if values.is_empty() => return invalid("Empty arrays are not allowed".into()),
            Value::Array(choices) if name == "$or" && choices.iter().all(Value::is_object) => {
                let choices = choices.iter().filter_map(Value::as_object);
                let each = choices.map(|choice| combinations(choice, depth, all, of_body));
                each.sum::<Result<usize, Error>>()?
            }
            Value::Array(values) => all.saturating_mul(values.len()).saturating_mul(depth),
            _ => return invalid(format!("\"{name}\" must be an object or an array")),
        };
    }
    Ok(all)
}

/// A message that filters look at. What they see of it is made when the first asks.
pub struct Candidate<'a> {
    message: &'a Message,
    attributes: OnceCell<Map<String, Value>>,
    /// The body, where it is an object in JSON and the same for all protocols.
    body: OnceCell<Option<Map<String, Value>>>,
}

impl<'a> Candidate<'a> {
    pub fn new(message: &'a Message) -> Candidate<'a> {
        Candidate { message, attributes: OnceCell::new(), body: OnceCell::new() }
    }

    /// Whether the subscription's filter, if it has one, lets the message through.
    pub fn passes(&self, subscription: &Subscription) -> bool {
        let Some(policy) = &subscription.attributes.filter else { return true };
        // Checked when it was set: one that a later version does not read lets nothing through.
        let parsed = serde_json::from_str(policy).ok().and_then(|policy| pattern(&policy).ok());
        let Some(pattern) = parsed else { return false };
        let compared = if !subscription.attributes.filters_body {
            pattern.matches(self.attributes.get_or_init(|| attributes(self.message)))
        } else {
            let shared = || self.body.get_or_init(|| body(self.message, subscription.protocol)).as_ref();
            match &self.message.content {
                Content::Text(_) => shared().map_or(Ok(false), |body| pattern.matches(body)),
                Content::ByProtocol(_) => {
                    body(self.message, subscription.protocol).map_or(Ok(false), |body| pattern.matches(&body))
                }
            }
        };
        compared.unwrap_or_else(|error| {
            let (message, subscription) = (&self.message.id, subscription.arn());
            tracing::warn!(message, %subscription, %error, "a message cannot be filtered, and is not sent");
            false
        })
    }
}

fn body(message: &Message, protocol: Protocol) -> Option<Map<String, Value>> {
    serde_json::from_str(message.content.of(protocol)).ok().map(rounded)
}

/// A message's attributes as a document. Binary ones are there and have no value that a filter could name.
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html>
fn attributes(message: &Message) -> Map<String, Value> {
    let value = |data_type: &str, value: &AttributeValue| match value {
        AttributeValue::Binary(_) => Value::Null,
        AttributeValue::Text(text) if data_type == "String.Array" => {
            serde_json::from_str(text).unwrap_or_else(|_| text.clone().into())
        }
        AttributeValue::Text(text) if data_type.starts_with("Number") => {
            serde_json::from_str(text).unwrap_or_else(|_| text.clone().into())
        }
        AttributeValue::Text(text) => text.clone().into(),
    };
    let all = message.attributes.iter();
    rounded(all.map(|(name, attribute)| (name.clone(), value(&attribute.data_type, &attribute.value))).collect())
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use serde_json::json;

    use super::*;

    fn passes(policy: &Value, text: &str) -> bool {
        let message = Message {
            id: String::new(),
            content: Content::Text(text.into()),
            subject: None,
            attributes: Default::default(),
            published: Timestamp(0),
            group: None,
            deduplication_id: None,
            sequence_number: None,
        };
        let checked = check(&policy.to_string(), true).unwrap();
        let pattern = pattern(&serde_json::from_str(&checked.unwrap()).unwrap()).unwrap();
        body(&message, Protocol::Sqs).is_some_and(|body| pattern.matches(&body).unwrap())
    }

    #[test]
    fn numbers_have_five_digits_after_the_point() {
        let policy = json!({"price": [123.456789]});
        assert!(passes(&policy, r#"{"price": 123.4567891}"#));
        assert!(!passes(&policy, r#"{"price": 123.4568}"#));
        assert!(passes(&json!({"price": [{"numeric": ["=", 0.1]}]}), r#"{"price": 0.1000000001}"#));
        assert!(passes(&json!({"price": [1e300]}), r#"{"price": 1e300}"#));
    }
}
