//! What belongs to a function: `AWS::Lambda::Version`, `Alias`, `Permission` and `EventInvokeConfig`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, fixed, ignored, property};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, only, or_delete, text, text_of, without};
use super::provisioned::{self, PROVISIONED};
use crate::live;
use crate::state::Deployed;

pub struct Version;

#[async_trait]
impl Resource for Version {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Version"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("FunctionName", Shape::Text).required(),
                fixed("Description", Shape::Text),
                fixed("CodeSha256", Shape::Text),
                fixed(live::REVISION, Shape::Text),
                property(PROVISIONED, Shape::Struct(provisioned::FIELDS)),
                ignored("RuntimePolicy"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["FunctionArn", "Version"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let input = only(wanted, &["FunctionName", "Description", "CodeSha256"]);
        let made = cx.call("lambda", "PublishVersion", input).await?;
        let (arn, version) = (text(&made, "FunctionArn")?, text(&made, "Version")?);
        let ready = provisioned::put(cx, wanted, version).await;
        let undo = json!({"FunctionName": text_of(wanted, "FunctionName")?, "Qualifier": version});
        or_delete(ready, cx.call("lambda", "DeleteFunction", undo)).await?;
        Ok(Made::new(arn, [("FunctionArn", json!(arn)), ("Version", json!(version))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        provisioned::change(cx, old, wanted, text_of(&old.attributes, "Version")?).await?;
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"FunctionName": text_of(&old.properties, "FunctionName")?, "Qualifier": text_of(&old.attributes, "Version")?});
        deleted(cx.call("lambda", "DeleteFunction", input).await)
    }
}

pub struct Alias;

#[async_trait]
impl Resource for Alias {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Alias"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("FunctionName", Shape::Text).required(),
                fixed("Name", Shape::Text).required(),
                property("FunctionVersion", Shape::Text).required(),
                property("Description", Shape::Text),
                property("RoutingConfig", Shape::Json),
                property(PROVISIONED, Shape::Struct(provisioned::FIELDS)),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["AliasArn"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let made = put_alias(cx, "CreateAlias", wanted).await?;
        let ready = provisioned::put(cx, wanted, text_of(wanted, "Name")?).await;
        or_delete(ready, cx.call("lambda", "DeleteAlias", only(wanted, &["FunctionName", "Name"]))).await?;
        Ok(made)
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let made = match cx.first_weight {
            Some(weight) if live::is_live(wanted) => shift_alias(cx, old, wanted, weight).await,
            _ => put_alias(cx, "UpdateAlias", wanted).await,
        }?;
        provisioned::change(cx, old, wanted, text_of(wanted, "Name")?).await?;
        Ok(made)
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("lambda", "DeleteAlias", only(&old.properties, &["FunctionName", "Name"])).await)
    }
}

/// Gives the wanted version its first share of the traffic. The other one keeps the rest until that is settled.
async fn shift_alias(cx: &Cx<'_>, old: &Deployed, wanted: &Properties, weight: f64) -> Result<Made> {
    let alias = only(wanted, &["FunctionName", "Name"]);
    let version = text_of(wanted, "FunctionVersion")?;
    let current = cx.call("lambda", "GetAlias", alias.clone()).await?;
    if text(&current, "FunctionVersion")? == version {
        return put_alias(cx, "UpdateAlias", wanted).await;
    }
    let mut input = alias;
    input["RoutingConfig"] = json!({"AdditionalVersionWeights": {version: weight}});
    cx.call("lambda", "UpdateAlias", input).await?;
    Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
}

async fn put_alias(cx: &Cx<'_>, operation: &str, wanted: &Properties) -> Result<Made> {
    let mut input = without(wanted, &[PROVISIONED, "RoutingConfig"]);
    // Templates list weights by version; the operation takes a mapping.
    let weights = wanted
        .get("RoutingConfig")
        .and_then(|routing| routing.get("AdditionalVersionWeights"))
        .and_then(Value::as_array);
    let mut by_version = serde_json::Map::new();
    for weight in weights.into_iter().flatten() {
        by_version
            .insert(text(weight, "FunctionVersion")?.into(), weight.get("FunctionWeight").cloned().unwrap_or_default());
    }
    input["RoutingConfig"] = json!({"AdditionalVersionWeights": by_version});
    let made = cx.call("lambda", operation, input).await?;
    let arn = text(&made, "AliasArn")?;
    Ok(Made::new(arn, [("AliasArn", json!(arn))]))
}

pub struct Permission;

#[async_trait]
impl Resource for Permission {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Permission"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("FunctionName", Shape::Text).required(),
                fixed("Action", Shape::Text).required(),
                fixed("Principal", Shape::Text).required(),
                fixed("SourceArn", Shape::Text),
                fixed("SourceAccount", Shape::Text),
                fixed("EventSourceToken", Shape::Text),
                fixed("PrincipalOrgID", Shape::Text),
                fixed("FunctionUrlAuthType", Shape::Text),
                fixed("InvokedViaFunctionUrl", Shape::Boolean),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let id = cx.generated_name(100);
        let mut input = without(wanted, &[]);
        input["StatementId"] = json!(id);
        cx.call("lambda", "AddPermission", input).await?;
        Ok(Made::new(id.clone(), [("Id", json!(id))]))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"FunctionName": text_of(&old.properties, "FunctionName")?, "StatementId": old.physical_id});
        deleted(cx.call("lambda", "RemovePermission", input).await)
    }
}

pub struct EventInvokeConfig;

#[async_trait]
impl Resource for EventInvokeConfig {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::EventInvokeConfig"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("FunctionName", Shape::Text).required(),
                fixed("Qualifier", Shape::Text).required(),
                property("DestinationConfig", Shape::Json),
                property("MaximumEventAgeInSeconds", Shape::Integer),
                property("MaximumRetryAttempts", Shape::Integer),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        cx.call("lambda", "PutFunctionEventInvokeConfig", without(wanted, &[])).await?;
        Ok(Made::new(cx.generated_name(128), []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        cx.call("lambda", "PutFunctionEventInvokeConfig", without(wanted, &[])).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(
            cx.call("lambda", "DeleteFunctionEventInvokeConfig", only(&old.properties, &["FunctionName", "Qualifier"]))
                .await,
        )
    }
}
