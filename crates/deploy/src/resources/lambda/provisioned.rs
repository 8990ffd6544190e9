//! `ProvisionedConcurrencyConfig` of a version or an alias: instances that are ready before traffic comes.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::shape::{Field, Shape};
use super::super::{Cx, Properties, ResourceError, Result, deleted, text, text_of};
use crate::state::Deployed;

pub const PROVISIONED: &str = "ProvisionedConcurrencyConfig";

pub const FIELDS: &[Field] = &[("ProvisionedConcurrentExecutions", Shape::Integer)];

/// How often it is looked whether they are ready.
const INTERVAL: Duration = Duration::from_millis(100);

fn count(properties: &Properties) -> Option<&Value> {
    properties.get(PROVISIONED)?.get("ProvisionedConcurrentExecutions")
}

/// Has as many made as are wanted, and waits for them, as CloudFormation does.
pub async fn put(cx: &Cx<'_>, wanted: &Properties, qualifier: &str) -> Result<()> {
    let Some(count) = count(wanted) else { return Ok(()) };
    let target = json!({"FunctionName": text_of(wanted, "FunctionName")?, "Qualifier": qualifier});
    let mut input = target.clone();
    input["ProvisionedConcurrentExecutions"] = count.clone();
    cx.call("lambda", "PutProvisionedConcurrencyConfig", input).await?;
    loop {
        let found = cx.call("lambda", "GetProvisionedConcurrencyConfig", target.clone()).await?;
        match text(&found, "Status")? {
            "READY" => return Ok(()),
            "IN_PROGRESS" => tokio::time::sleep(INTERVAL).await,
            _ => {
                let reason = found.get("StatusReason").and_then(Value::as_str).unwrap_or("it is not told why");
                return Err(ResourceError::Unfit(format!("no instances could be made ready: {reason}")));
            }
        }
    }
}

/// The same for what is there already.
pub async fn change(cx: &Cx<'_>, old: &Deployed, wanted: &Properties, qualifier: &str) -> Result<()> {
    match (count(&old.properties), count(wanted)) {
        (None, None) => Ok(()),
        // An alias that points to another version has none of that ready yet.
        (_, Some(_)) => put(cx, wanted, qualifier).await,
        (Some(_), None) => {
            let target = json!({"FunctionName": text_of(wanted, "FunctionName")?, "Qualifier": qualifier});
            deleted(cx.call("lambda", "DeleteProvisionedConcurrencyConfig", target).await)
        }
    }
}
