//! GetExecutions: how many executions each version of a function has had, and how many failed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Error};

use super::Control;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExecutionsInput {
    pub function_name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Executions {
    /// Since the server started. A version that has not run is not among them.
    pub versions: BTreeMap<String, lambda::Count>,
}

pub async fn get(control: Arc<Control>, cx: Cx, input: ExecutionsInput) -> Result<Executions, Error> {
    Ok(Executions { versions: control.instances.executions(cx.region(), &input.function_name) })
}
