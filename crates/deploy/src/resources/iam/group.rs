//! `AWS::IAM::Group`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, TEXTS, fixed, property};
use super::super::{Cx, Made, Properties, Resource, Result, only, text};
use super::grants::{INLINE, Owner};
use super::principal::{delete_principal, grant};
use crate::state::Deployed;

pub struct Group;

#[async_trait]
impl Resource for Group {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Group"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("GroupName", Shape::Text),
                fixed("Path", Shape::Text),
                property("Policies", INLINE),
                property("ManagedPolicyArns", TEXTS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("GroupName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "GroupName", 128);
        let mut input = only(wanted, &["Path"]);
        input["GroupName"] = json!(name);
        let made = cx.call("iam", "CreateGroup", input).await?;
        grant(cx, Owner { kind: "Group", name: &name }, wanted).await?;
        Ok(Made::new(name.clone(), [("Arn", json!(text(made.get("Group").unwrap_or(&Value::Null), "Arn")?))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        Owner { kind: "Group", name: &old.physical_id }.change(cx, &old.properties, wanted).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        delete_principal(cx, Owner { kind: "Group", name: &old.physical_id }, old).await
    }
}
