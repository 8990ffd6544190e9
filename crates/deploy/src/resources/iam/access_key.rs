//! `AWS::IAM::AccessKey`. Its secret is known only when it is made, so it is kept with the stack's state.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, or_delete, text, text_of};
use crate::state::Deployed;

pub struct AccessKey;

#[async_trait]
impl Resource for AccessKey {
    fn kind(&self) -> &'static str {
        "AWS::IAM::AccessKey"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("UserName", Shape::Text).required(),
                fixed("Serial", Shape::Integer),
                property("Status", Shape::Text),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["SecretAccessKey"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let user = text_of(wanted, "UserName")?;
        let made = cx.call("iam", "CreateAccessKey", json!({"UserName": user})).await?;
        let key = made.get("AccessKey").unwrap_or(&Value::Null);
        let id = text(key, "AccessKeyId")?;
        if wanted.get("Status") == Some(&json!("Inactive")) {
            let set = set_status(cx, user, id, "Inactive").await;
            or_delete(set, cx.call("iam", "DeleteAccessKey", json!({"UserName": user, "AccessKeyId": id}))).await?;
        }
        Ok(Made::new(id, [("SecretAccessKey", json!(text(key, "SecretAccessKey")?))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let status = wanted.get("Status").and_then(Value::as_str).unwrap_or("Active");
        set_status(cx, text_of(wanted, "UserName")?, &old.physical_id, status).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let user = text_of(&old.properties, "UserName")?;
        deleted(cx.call("iam", "DeleteAccessKey", json!({"UserName": user, "AccessKeyId": old.physical_id})).await)
    }
}

async fn set_status(cx: &Cx<'_>, user: &str, id: &str, status: &str) -> Result<()> {
    cx.call("iam", "UpdateAccessKey", json!({"UserName": user, "AccessKeyId": id, "Status": status})).await.map(drop)
}
