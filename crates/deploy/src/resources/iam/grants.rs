//! The policies a role, user or group has: inline ones by name, managed ones by ARN.

use serde_json::{Map, Value, json};

use super::super::shape::{Field, Shape};
use super::super::{Cx, Properties, Result, deleted};

/// An inline policy of one of them.
pub const INLINE: Shape = Shape::List(&Shape::Struct(INLINE_FIELDS));
const INLINE_FIELDS: &[Field] = &[("PolicyName", Shape::Text), ("PolicyDocument", Shape::Document)];

/// Whose policies: the ends of operations' names, and the member that names the owner.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// `Role`, `User` or `Group`.
    pub kind: &'static str,
    pub name: &'a str,
}

impl Owner<'_> {
    pub fn input(&self, more: Value) -> Value {
        let mut input = Map::from_iter([(format!("{}Name", self.kind), json!(self.name))]);
        if let Value::Object(more) = more {
            input.extend(more);
        }
        Value::Object(input)
    }

    pub async fn put(&self, cx: &Cx<'_>, policy: &str, document: &Value) -> Result<()> {
        let operation = format!("Put{}Policy", self.kind);
        let input = self.input(json!({"PolicyName": policy, "PolicyDocument": document.to_string()}));
        cx.call("iam", &operation, input).await.map(drop)
    }

    pub async fn delete(&self, cx: &Cx<'_>, policy: &str) -> Result<()> {
        let operation = format!("Delete{}Policy", self.kind);
        deleted(cx.call("iam", &operation, self.input(json!({"PolicyName": policy}))).await)
    }

    pub async fn attach(&self, cx: &Cx<'_>, arn: &str) -> Result<()> {
        let operation = format!("Attach{}Policy", self.kind);
        cx.call("iam", &operation, self.input(json!({"PolicyArn": arn}))).await.map(drop)
    }

    pub async fn detach(&self, cx: &Cx<'_>, arn: &str) -> Result<()> {
        let operation = format!("Detach{}Policy", self.kind);
        deleted(cx.call("iam", &operation, self.input(json!({"PolicyArn": arn}))).await)
    }

    /// Makes `Policies` and `ManagedPolicyArns` as in `new`, from what they are in `old`: what is new first, so that a
    /// right that only moves between policies is never missing.
    pub async fn change(&self, cx: &Cx<'_>, old: &Properties, new: &Properties) -> Result<()> {
        let (before, after) = (inline(old), inline(new));
        let (attached, wanted) = (managed(old), managed(new));
        for (name, document) in after.iter().filter(|(name, document)| before.get(*name) != Some(document)) {
            self.put(cx, name, document).await?;
        }
        for arn in wanted.iter().filter(|arn| !attached.contains(arn)) {
            self.attach(cx, arn).await?;
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.delete(cx, name).await?;
        }
        for arn in attached.iter().filter(|arn| !wanted.contains(arn)) {
            self.detach(cx, arn).await?;
        }
        Ok(())
    }
}

fn inline(properties: &Properties) -> Map<String, Value> {
    let policies = properties.get("Policies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = policies.iter().filter_map(|policy| {
        Some((policy.get("PolicyName")?.as_str()?.to_string(), policy.get("PolicyDocument")?.clone()))
    });
    named.collect()
}

fn managed(properties: &Properties) -> Vec<String> {
    texts(properties, "ManagedPolicyArns")
}

/// A property that is a list of texts.
pub fn texts(properties: &Properties, name: &str) -> Vec<String> {
    let items = properties.get(name).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_string)).collect()
}
