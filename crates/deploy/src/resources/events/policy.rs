//! `AWS::Events::EventBusPolicy`: one statement of a bus's policy.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, only, text_of};
use super::as_text;
use crate::state::Deployed;

pub struct EventBusPolicy;

#[async_trait]
impl Resource for EventBusPolicy {
    fn kind(&self) -> &'static str {
        "AWS::Events::EventBusPolicy"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("EventBusName", Shape::Text),
                fixed("StatementId", Shape::Text).required(),
                property("Statement", Shape::Document),
                property("Action", Shape::Text),
                property("Principal", Shape::Text),
                property(
                    "Condition",
                    Shape::Struct(&[("Type", Shape::Text), ("Key", Shape::Text), ("Value", Shape::Text)]),
                ),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        put(cx, wanted).await?;
        Ok(Made::new(format!("{}|{}", bus(wanted), text_of(wanted, "StatementId")?), []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        put(cx, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let id = text_of(&old.properties, "StatementId")?;
        let input = json!({"EventBusName": bus(&old.properties), "StatementId": id});
        deleted(cx.call("events", "RemovePermission", input).await)
    }
}

fn bus(properties: &Properties) -> &str {
    properties.get("EventBusName").and_then(Value::as_str).unwrap_or("default")
}

/// A whole statement takes its place among the others of the bus; one in parts is put together by the bus.
async fn put(cx: &Cx<'_>, wanted: &Properties) -> Result<()> {
    let id = text_of(wanted, "StatementId")?;
    let mut input = match wanted.get("Statement") {
        None => only(wanted, &["Action", "Principal", "Condition", "StatementId"]),
        Some(statement) => {
            let mut statement = statement.clone();
            statement["Sid"] = json!(id);
            let described = cx.call("events", "DescribeEventBus", json!({"Name": bus(wanted)})).await?;
            json!({"Policy": as_text(&with_statement(&described, statement))})
        }
    };
    input["EventBusName"] = json!(bus(wanted));
    cx.call("events", "PutPermission", input).await?;
    Ok(())
}

fn with_statement(bus: &Value, statement: Value) -> Value {
    let policy = bus.get("Policy").and_then(Value::as_str).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let mut policy = policy.unwrap_or_else(|| json!({"Version": "2012-10-17"}));
    let mut statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    statements.retain(|other| other.get("Sid") != statement.get("Sid"));
    statements.push(statement);
    policy["Statement"] = Value::Array(statements);
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_takes_the_place_of_the_one_before() {
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "a", "n": 1}, {"Sid": "b"}]}).to_string();
        let changed = with_statement(&json!({"Policy": policy}), json!({"Sid": "a", "n": 2}));
        assert_eq!(changed["Statement"], json!([{"Sid": "b"}, {"Sid": "a", "n": 2}]));
        assert_eq!(with_statement(&json!({}), json!({"Sid": "a"}))["Statement"], json!([{"Sid": "a"}]));
    }
}
