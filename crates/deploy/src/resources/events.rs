//! `AWS::Events::Rule`: recorded with the stack. Nothing fires it until there is a service that does.

use async_trait::async_trait;
use serde_json::json;

use super::shape::{Property, Shape, fixed, property};
use super::{Cx, Made, Properties, Resource, Result};
use crate::state::Deployed;

pub struct Rule;

#[async_trait]
impl Resource for Rule {
    fn kind(&self) -> &'static str {
        "AWS::Events::Rule"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                fixed("EventBusName", Shape::Text),
                property("Description", Shape::Text),
                property("EventPattern", Shape::Json),
                property("ScheduleExpression", Shape::Text),
                property("State", Shape::Text),
                property("RoleArn", Shape::Text),
                property("Targets", Shape::List(&Shape::Json)),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "Name", 64);
        let arn = cx.arn("events", &format!("rule/{name}"));
        Ok(Made::new(name, [("Arn", json!(arn))]))
    }

    async fn delete(&self, _cx: &Cx<'_>, _old: &Deployed) -> Result<()> {
        Ok(())
    }
}
