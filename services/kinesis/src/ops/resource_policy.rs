//! PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy.
//!
//! Source: <https://docs.aws.amazon.com/streams/latest/dev/resource-based-policy-examples.html>

use std::sync::Arc;

use auth::policy::{Policy, Use};
use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::{Empty, own, permission};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits::POLICY_BYTES_MAX;
use crate::model::{consumer, policy, stream};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PolicyInput {
    #[serde(rename = "ResourceARN")]
    pub resource_arn: Option<String>,
    pub policy: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyOutput {
    pub policy: String,
}

pub fn permissions(
    action: &'static str,
) -> impl Fn(&Kinesis, &Cx, &PolicyInput) -> Result<Vec<Permission>, ServiceError> {
    move |_, cx, input| Ok(vec![permission(cx, action, input.resource_arn.clone().unwrap_or_else(|| "*".into()))?])
}

/// The ARN of a stream or consumer that is there.
fn resource(cx: &Cx, arn: Option<String>) -> Result<Arn, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&arn, "resourceARN");
    constraints.arn(arn.as_deref(), "resourceARN");
    constraints.check()?;
    let (arn, read) = (own(cx, &arn.unwrap_or_default())?, cx.db().read()?);
    match consumer::parse(&arn) {
        Some(_) => consumer::find(&read, &arn).map(|_| ())?,
        None => stream::find(&read, &arn).map(|_| ())?,
    }
    Ok(arn)
}

pub async fn put(_: Arc<Kinesis>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.policy, "policy");
    constraints.check()?;
    let arn = resource(&cx, input.resource_arn)?;
    let document = input.policy.unwrap_or_default();
    if document.len() > POLICY_BYTES_MAX {
        return Err(Error::LimitExceeded(format!("The policy is longer than {POLICY_BYTES_MAX} bytes.")));
    }
    let invalid = |error| Error::InvalidArgument(format!("Invalid policy document: {error}"));
    Policy::parse(&document).and_then(|policy| policy.check(Use::Resource)).map_err(invalid)?;
    cx.db().write(move |tx| policy::put(tx, &arn, &document)).await?;
    Ok(Empty {})
}

/// Without a policy, an empty document.
pub async fn get(_: Arc<Kinesis>, cx: Cx, input: PolicyInput) -> Result<PolicyOutput, Error> {
    let arn = resource(&cx, input.resource_arn)?;
    Ok(PolicyOutput { policy: policy::find(&cx.db().read()?, &arn)?.unwrap_or_else(|| "{}".into()) })
}

pub async fn delete(_: Arc<Kinesis>, cx: Cx, input: PolicyInput) -> Result<Empty, Error> {
    let arn = resource(&cx, input.resource_arn)?;
    cx.db().write(move |tx| policy::delete(tx, &arn)).await?;
    Ok(Empty {})
}
