//! The capacities that can be scaled: read, set and measured at the service that has them.

use base::Arn;
use serde::Deserialize;
use serde_json::json;
use service::Cx;

use crate::error::Error;
use crate::types::Resource;

/// The one dimension there is.
pub const PROVISIONED_CONCURRENCY: &str = "lambda:function:ProvisionedConcurrency";

/// The metric of functions that policies track.
pub const UTILIZATION: &str = "LambdaProvisionedConcurrencyUtilization";

/// A function and its version or alias.
pub struct Function<'a> {
    pub name: &'a str,
    pub qualifier: &'a str,
}

impl<'a> Function<'a> {
    /// Of `function:NAME:QUALIFIER`; `None` for other forms, and for `$LATEST`, which has no provisioned concurrency.
    pub fn parse(id: &'a str) -> Option<Function<'a>> {
        let (name, qualifier) = id.strip_prefix("function:")?.split_once(':')?;
        let is_one = !name.is_empty() && !qualifier.is_empty() && !qualifier.contains(':') && qualifier != "$LATEST";
        is_one.then_some(Function { name, qualifier })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Provisioned {
    requested_provisioned_concurrent_executions: u32,
}

fn function(resource: &Resource) -> Result<Function<'_>, Error> {
    Function::parse(&resource.id).ok_or_else(|| Error::validation(format!("{} is no function", resource.id)))
}

pub fn arn(cx: &Cx, resource: &Resource) -> Arn {
    cx.arn("lambda", resource.id.clone())
}

/// What the resource has now.
pub async fn current(cx: &Cx, resource: &Resource) -> Result<u32, Error> {
    let Function { name, qualifier } = function(resource)?;
    let input = json!({"FunctionName": name, "Qualifier": qualifier});
    match cx.call::<Provisioned>("lambda", "GetProvisionedConcurrencyConfig", input).await {
        Ok(found) => Ok(found.requested_provisioned_concurrent_executions),
        Err(error) if error.code == "ProvisionedConcurrencyConfigNotFoundException" => Ok(0),
        Err(error) => Err(Error::Other(error)),
    }
}

pub async fn set(cx: &Cx, resource: &Resource, capacity: u32) -> Result<(), Error> {
    let Function { name, qualifier } = function(resource)?;
    let mut input = json!({"FunctionName": name, "Qualifier": qualifier});
    let operation =
        if capacity == 0 { "DeleteProvisionedConcurrencyConfig" } else { "PutProvisionedConcurrencyConfig" };
    if let (true, Some(input)) = (capacity > 0, input.as_object_mut()) {
        input.insert("ProvisionedConcurrentExecutions".into(), capacity.into());
    }
    cx.call::<serde_json::Value>("lambda", operation, input).await.map(drop).map_err(Error::Other)
}

/// The part of it that is in use now; `None` where there is nothing to use.
pub fn utilization(cx: &Cx, resource: &Resource) -> Result<Option<f64>, Error> {
    cx.measure(&arn(cx, resource), "ProvisionedConcurrencyUtilization").map_err(Error::Other)
}
