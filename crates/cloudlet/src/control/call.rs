//! Call: any operation of any service by its members as JSON, whatever protocol its own clients use.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use service::{Cx, Error};

use super::Control;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallInput {
    pub service: String,
    pub operation: String,
    #[serde(default)]
    pub input: Value,
}

pub async fn call(_: Arc<Control>, cx: Cx, input: CallInput) -> Result<Value, Error> {
    if input.service == "cloudlet" {
        return Err(Error::new(
            400,
            "ValidationException",
            "Call is for other services' operations: send this one by itself.",
        ));
    }
    let cloud = cx.cloud().clone();
    cloud.call(cx, &input.service, &input.operation, input.input).await
}
