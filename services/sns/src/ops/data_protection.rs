//! GetDataProtectionPolicy, PutDataProtectionPolicy: the document is kept and shown.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::topic_arn;
use crate::Sns;
use crate::error::Error;
use crate::model::topic;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub resource_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_protection_policy: Option<String>,
}

pub async fn get(_: Arc<Sns>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    let topic = topic::find(&cx.db().read()?, &topic_arn(&cx, &input.resource_arn)?)?;
    Ok(GetOutput { data_protection_policy: topic.data_protection_policy })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub resource_arn: String,
    pub data_protection_policy: String,
}

pub async fn put(_: Arc<Sns>, cx: Cx, input: PutInput) -> Result<(), Error> {
    let arn = topic_arn(&cx, &input.resource_arn)?;
    let policy = Some(input.data_protection_policy).filter(|policy| !policy.is_empty());
    let is_object = |policy: &String| serde_json::from_str::<serde_json::Map<_, _>>(policy).is_ok();
    if policy.as_ref().is_some_and(|policy| !is_object(policy)) {
        return Err(Error::reason("DataProtectionPolicy", "failed to parse JSON."));
    }
    let change = move |topic: &mut crate::types::Topic| {
        topic.data_protection_policy.clone_from(&policy);
        Ok(())
    };
    cx.db().write(move |tx| topic::update(tx, &arn, &change)).await
}
