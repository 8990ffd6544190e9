//! Call: any operation of any service by its members as JSON, whatever protocol its own clients use.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use service::{Cx, Error, Upload};
use wire::Blob;

use super::Control;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallInput {
    pub service: String,
    pub operation: String,
    #[serde(default)]
    pub input: Value,
    /// The bytes of an operation that takes some beside its members: an object's.
    #[serde(default)]
    pub body: Option<Blob>,
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
    let body = input.body.map(|Blob(bytes)| Upload::whole(bytes));
    cloud.send(cx, &input.service, &input.operation, input.input, body).await
}
