//! `AWS::Logs::LogGroup`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::shape::{Property, Shape, TAGS, fixed, ignored, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, tags};
use crate::state::Deployed;

pub struct LogGroup;

#[async_trait]
impl Resource for LogGroup {
    fn kind(&self) -> &'static str {
        "AWS::Logs::LogGroup"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("LogGroupName", Shape::Text),
                property("RetentionInDays", Shape::Integer),
                property("Tags", TAGS),
                ignored("KmsKeyId"),
                ignored("LogGroupClass"),
                ignored("DataProtectionPolicy"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("LogGroupName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "LogGroupName", 512);
        let created = cx.call("logs", "CreateLogGroup", json!({"logGroupName": name, "tags": tags::map(wanted)})).await;
        // A function that runs makes its group itself, so one that is there already is taken over.
        match created {
            Err(error) if !error.has_code("ResourceAlreadyExistsException") => return Err(error),
            _ => {}
        }
        if wanted.contains_key("RetentionInDays") {
            set_retention(cx, &name, wanted).await?;
        }
        Ok(made_of(cx, &name))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let name = &old.physical_id;
        if old.properties.get("RetentionInDays") != wanted.get("RetentionInDays") {
            set_retention(cx, name, wanted).await?;
        }
        let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
        let arn = cx.arn("logs", &format!("log-group:{name}"));
        if !set.is_empty() {
            cx.call("logs", "TagResource", json!({"resourceArn": arn, "tags": set})).await?;
        }
        if !gone.is_empty() {
            cx.call("logs", "UntagResource", json!({"resourceArn": arn, "tagKeys": gone})).await?;
        }
        Ok(made_of(cx, name))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("logs", "DeleteLogGroup", json!({"logGroupName": old.physical_id})).await)
    }
}

fn made_of(cx: &Cx<'_>, name: &str) -> Made {
    Made::new(name, [("Arn", json!(cx.arn("logs", &format!("log-group:{name}:*"))))])
}

async fn set_retention(cx: &Cx<'_>, name: &str, wanted: &Properties) -> Result<()> {
    match wanted.get("RetentionInDays").and_then(Value::as_i64) {
        Some(days) => {
            cx.call("logs", "PutRetentionPolicy", json!({"logGroupName": name, "retentionInDays": days})).await?
        }
        None => cx.call("logs", "DeleteRetentionPolicy", json!({"logGroupName": name})).await?,
    };
    Ok(())
}
