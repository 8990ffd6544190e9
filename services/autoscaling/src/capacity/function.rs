//! Functions' provisioned concurrency.

use serde::Deserialize;
use serde_json::json;
use service::{Cx, Permission};

use crate::error::Error;

pub const NAMESPACE: &str = "lambda";
const DIMENSION: &str = "lambda:function:ProvisionedConcurrency";

/// The part of the instances that is busy, from 0 to 1.
pub const METRIC: &str = "LambdaProvisionedConcurrencyUtilization";
/// As functions call it themselves.
pub const MEASURED: &str = "ProvisionedConcurrencyUtilization";

/// Minutes in a row with more use than a policy wants, after which it scales out. Source:
/// <https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html#managing-provisioned-concurency>
pub const MINUTES_HIGH: usize = 3;

/// The part of the target value below which use is clearly less.
pub const LOW_PART: f64 = 0.9;

/// A function and its version or alias.
pub struct Function<'a> {
    name: &'a str,
    qualifier: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Provisioned {
    requested_provisioned_concurrent_executions: u32,
}

impl<'a> Function<'a> {
    /// Of `function:NAME:QUALIFIER`; `None` for other forms, and for `$LATEST`, which has no provisioned concurrency.
    pub fn parse(id: &'a str, dimension: &str) -> Option<Function<'a>> {
        let (name, qualifier) = id.strip_prefix("function:")?.split_once(':')?;
        let is_one = !name.is_empty() && !qualifier.is_empty() && !qualifier.contains(':') && qualifier != "$LATEST";
        (is_one && dimension == DIMENSION).then_some(Function { name, qualifier })
    }

    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        let arn = cx.arn(NAMESPACE, format!("function:{}:{}", self.name, self.qualifier));
        ["lambda:GetProvisionedConcurrencyConfig", "lambda:PutProvisionedConcurrencyConfig"]
            .map(|action| Permission::new(action, &arn))
            .into()
    }

    pub async fn current(&self, cx: &Cx) -> Result<u32, Error> {
        let input = json!({"FunctionName": self.name, "Qualifier": self.qualifier});
        match cx.call::<Provisioned>(NAMESPACE, "GetProvisionedConcurrencyConfig", input).await {
            Ok(found) => Ok(found.requested_provisioned_concurrent_executions),
            Err(error) if error.code == "ProvisionedConcurrencyConfigNotFoundException" => Ok(0),
            Err(error) => Err(Error::Other(error)),
        }
    }

    pub async fn set(&self, cx: &Cx, capacity: u32) -> Result<(), Error> {
        let mut input = json!({"FunctionName": self.name, "Qualifier": self.qualifier});
        let operation =
            if capacity == 0 { "DeleteProvisionedConcurrencyConfig" } else { "PutProvisionedConcurrencyConfig" };
        if let (true, Some(input)) = (capacity > 0, input.as_object_mut()) {
            input.insert("ProvisionedConcurrentExecutions".into(), capacity.into());
        }
        cx.call::<serde_json::Value>(NAMESPACE, operation, input).await.map(drop).map_err(Error::Other)
    }
}
