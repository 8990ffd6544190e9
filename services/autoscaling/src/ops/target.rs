//! RegisterScalableTarget, DeregisterScalableTarget, DescribeScalableTargets.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Cx, Permission};

use super::{Empty, Page, capacity, namespace, resource, scalable, with_resource};
use crate::AutoScaling;
use crate::capacity as scaled;
use crate::error::Error;
use crate::limits::TAGS_MAX;
use crate::model::target;
use crate::types::{Suspended, Target};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RegisterInput {
    pub service_namespace: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
    pub min_capacity: Option<i64>,
    pub max_capacity: Option<i64>,
    #[serde(rename = "RoleARN")]
    pub role_arn: Option<String>,
    pub suspended_state: Option<SuspendedInput>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SuspendedInput {
    pub dynamic_scaling_in_suspended: Option<bool>,
    pub dynamic_scaling_out_suspended: Option<bool>,
    pub scheduled_scaling_suspended: Option<bool>,
}

#[derive(Debug, Serialize)]
pub struct RegisterOutput {
    #[serde(rename = "ScalableTargetARN")]
    pub arn: String,
}

/// Who lets this service change a capacity may change it.
/// Source: <https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html>
pub fn permissions(cx: &Cx, input: &RegisterInput) -> Vec<Permission> {
    let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    let (namespace, dimension) = (text(&input.service_namespace), text(&input.scalable_dimension));
    let id = text(&input.resource_id);
    // What has another form is refused, whoever asks.
    let scaled = scalable(&namespace, &id, &dimension).map(|scalable| scalable.permissions(cx)).unwrap_or_default();
    std::iter::once(Permission::new("application-autoscaling:RegisterScalableTarget", "*")).chain(scaled).collect()
}

pub async fn register(_: Arc<AutoScaling>, cx: Cx, input: RegisterInput) -> Result<RegisterOutput, Error> {
    let ids = (&input.service_namespace, &input.resource_id, &input.scalable_dimension);
    let resource = resource(&cx, ids.0.as_ref(), ids.1.as_ref(), ids.2.as_ref())?;
    let suspended = input.suspended_state.unwrap_or_default();
    let change = target::Change {
        min: capacity(input.min_capacity, "minCapacity")?,
        max: capacity(input.max_capacity, "maxCapacity")?,
        scaling_in: suspended.dynamic_scaling_in_suspended,
        scaling_out: suspended.dynamic_scaling_out_suspended,
        scheduled: suspended.scheduled_scaling_suspended,
    };
    if input.tags.len() > TAGS_MAX {
        return Err(Error::TooManyTags);
    }
    let scalable = scalable(&resource.namespace, &resource.id, &resource.dimension)?;
    let (noun, linked_role) = (scalable.missing(), scalable.linked_role());
    // Only what is there can be scaled.
    scaled::current(&cx, &resource).await.map_err(|error| match error {
        Error::Other(error) if error.code == "ResourceNotFoundException" => {
            Error::validation(format!("{noun} does not exist: {}", resource.id))
        }
        Error::Other(error) if error.is_sender_fault() => Error::validation(error.message),
        error => error,
    })?;
    let id = cx.env().uuid().replace('-', "");
    let (min, max) = (change.min.unwrap_or_default(), change.max.unwrap_or_default());
    let role = input.role_arn.unwrap_or_else(|| role_of(&cx, linked_role));
    let arn = cx.arn(crate::NAME, format!("scalable-target/{id}")).to_string();
    let (created, suspended) = (cx.now(), Suspended::default());
    let fresh = Target { resource, arn, min, max, role, created, suspended, tags: input.tags };
    let target = cx.db().write(move |tx| target::register(tx, fresh.clone(), &change)).await?;
    Ok(RegisterOutput { arn: target.arn })
}

/// The role that AWS makes for this.
fn role_of(cx: &Cx, (suffix, service): (&str, &str)) -> String {
    let account = cx.account();
    format!(
        "arn:aws:iam::{account}:role/aws-service-role/{service}.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_{suffix}"
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeregisterInput {
    pub service_namespace: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
}

pub async fn deregister(_: Arc<AutoScaling>, cx: Cx, input: DeregisterInput) -> Result<Empty, Error> {
    let ids = (&input.service_namespace, &input.resource_id, &input.scalable_dimension);
    let resource = resource(&cx, ids.0.as_ref(), ids.1.as_ref(), ids.2.as_ref())?;
    cx.db().write(move |tx| target::deregister(tx, &resource)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeInput {
    pub service_namespace: Option<String>,
    pub resource_ids: Vec<String>,
    pub scalable_dimension: Option<String>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    pub scalable_targets: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn describe(_: Arc<AutoScaling>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    let namespace = namespace(input.service_namespace.as_ref())?;
    let mut targets = target::all(&cx.db().read()?, cx.region().as_str(), &namespace)?;
    targets.retain(|target| {
        (input.resource_ids.is_empty() || input.resource_ids.contains(&target.resource.id))
            && input.scalable_dimension.as_ref().is_none_or(|dimension| *dimension == target.resource.dimension)
    });
    let (targets, next_token) = Page { max: input.max_results, token: input.next_token }.of(targets)?;
    Ok(DescribeOutput { scalable_targets: targets.iter().map(output).collect(), next_token })
}

fn output(target: &Target) -> Value {
    let Suspended { scaling_in, scaling_out, scheduled } = target.suspended;
    let answer = json!({
        "MinCapacity": target.min,
        "MaxCapacity": target.max,
        "RoleARN": target.role,
        "CreationTime": target.created.as_secs_f64(),
        "SuspendedState": {
            "DynamicScalingInSuspended": scaling_in,
            "DynamicScalingOutSuspended": scaling_out,
            "ScheduledScalingSuspended": scheduled,
        },
        "ScalableTargetARN": target.arn,
    });
    with_resource(&target.resource, answer)
}
