//! PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/access-control-resource-based.html>

use std::sync::Arc;

use auth::policy::{Policy, Use};
use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use crate::DynamoDb;
use crate::error::Error;
use crate::limits::POLICY_BYTES_MAX;
use crate::model::{policy, stream, table};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub resource_arn: Option<String>,
    pub policy: Option<String>,
    pub expected_revision_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub resource_arn: Option<String>,
    pub expected_revision_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub resource_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RevisionOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub policy: String,
    pub revision_id: String,
}

pub async fn put(_: Arc<DynamoDb>, cx: Cx, input: PutInput) -> Result<RevisionOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&input.resource_arn, "resourceArn");
    constraints.present(&input.policy, "policy");
    constraints.check()?;
    let arn = resource(&cx, input.resource_arn.as_deref())?;
    let document = document(input.policy.unwrap_or_default())?;
    let (expected, now) = (input.expected_revision_id, cx.now());
    let revision = cx.db().write(move |tx| policy::put(tx, now, &arn, expected.as_deref(), &document)).await?;
    Ok(RevisionOutput { revision_id: Some(revision) })
}

/// A policy that can be evaluated.
///
/// # Errors
/// When it is too long, or none.
pub fn document(text: String) -> Result<String, Error> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(Error::Validation(format!("Resource-based policy exceeds the limit of {POLICY_BYTES_MAX} bytes")));
    }
    let invalid = |error| Error::Validation(format!("Invalid policy document: {error}"));
    Policy::parse(&text).and_then(|policy| policy.check(Use::Resource)).map_err(invalid)?;
    Ok(text)
}

pub async fn get(_: Arc<DynamoDb>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    let arn = resource(&cx, input.resource_arn.as_deref())?;
    let policy = policy::find(&cx.db().read()?, &arn)?.ok_or_else(|| policy::missing(&arn))?;
    Ok(GetOutput { policy: policy.document, revision_id: policy.revision })
}

pub async fn delete(_: Arc<DynamoDb>, cx: Cx, input: DeleteInput) -> Result<RevisionOutput, Error> {
    let arn = resource(&cx, input.resource_arn.as_deref())?;
    let expected = input.expected_revision_id;
    let revision_id = cx.db().write(move |tx| policy::delete(tx, &arn, expected.as_deref())).await?;
    Ok(RevisionOutput { revision_id })
}

/// The ARN of a table or stream that is there.
fn resource(cx: &Cx, arn: Option<&str>) -> Result<String, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&arn, "resourceArn");
    constraints.check()?;
    let text = arn.unwrap_or_default();
    let invalid = || Error::Validation(format!("Invalid ResourceArn: {text}"));
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    let name = arn.resource.strip_prefix("table/").filter(|_| arn.service == "dynamodb").ok_or_else(invalid)?;
    let read = cx.db().read()?;
    let found = match name.contains('/') {
        true => stream::find(&read, cx.account().as_str(), text)?.arn,
        false => table::describe(&read, &arn.region, name)?.arn.clone(),
    };
    if arn != found {
        return Err(Error::ResourceNotFound(format!("Requested resource not found: {text}")));
    }
    Ok(text.to_owned())
}
