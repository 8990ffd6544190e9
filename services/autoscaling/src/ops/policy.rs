//! PutScalingPolicy, DeleteScalingPolicy, DescribeScalingPolicies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::Cx;

use super::{Empty, Page, name, namespace, resource, scalable, with_resource};
use crate::AutoScaling;
use crate::error::Error;
use crate::model::policy;
use crate::types::Policy;

const TARGET_TRACKING: &str = "TargetTrackingScaling";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub policy_name: Option<String>,
    pub service_namespace: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
    pub policy_type: Option<String>,
    pub target_tracking_scaling_policy_configuration: Option<Tracking>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tracking {
    pub target_value: Option<f64>,
    pub predefined_metric_specification: Option<Metric>,
    pub customized_metric_specification: Option<Value>,
    pub scale_out_cooldown: Option<u64>,
    pub scale_in_cooldown: Option<u64>,
    pub disable_scale_in: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Metric {
    pub predefined_metric_type: String,
}

#[derive(Debug, Serialize)]
pub struct PutOutput {
    #[serde(rename = "PolicyARN")]
    pub policy_arn: String,
    /// None: this service looks at the use itself.
    #[serde(rename = "Alarms")]
    pub alarms: [(); 0],
}

pub async fn put(_: Arc<AutoScaling>, cx: Cx, input: PutInput) -> Result<PutOutput, Error> {
    let ids = (&input.service_namespace, &input.resource_id, &input.scalable_dimension);
    let resource = resource(&cx, ids.0.as_ref(), ids.1.as_ref(), ids.2.as_ref())?;
    let name = name(input.policy_name.as_ref(), "policyName")?;
    match input.policy_type.as_deref() {
        Some(TARGET_TRACKING) => {}
        None | Some("StepScaling" | "PredictiveScaling") => {
            return Err(Error::NotImplemented(format!(
                "A scaling policy of another type than {TARGET_TRACKING}, which needs metrics and alarms,"
            )));
        }
        Some(other) => return Err(Error::validation(format!("Unknown policy type: {other}"))),
    }
    let tracking = input.target_tracking_scaling_policy_configuration;
    let tracking =
        tracking.ok_or_else(|| Error::validation("TargetTrackingScalingPolicyConfiguration must be specified"))?;
    let scalable = scalable(&resource.namespace, &resource.id, &resource.dimension)?;
    let metric = metric(&tracking, scalable.metric())?;
    let target_value = tracking.target_value.ok_or_else(|| Error::validation("TargetValue must be specified"))?;
    scalable.check_target(target_value)?;
    let (id, place) = (cx.env().uuid(), format!("resource/{}/{}", resource.namespace, resource.id));
    let arn = cx.arn("autoscaling", format!("scalingPolicy:{id}:{place}:policyName/{name}")).to_string();
    let fresh = Policy {
        resource,
        name,
        arn,
        target_value,
        metric,
        scale_out_cooldown_seconds: tracking.scale_out_cooldown,
        scale_in_cooldown_seconds: tracking.scale_in_cooldown,
        disable_scale_in: tracking.disable_scale_in.unwrap_or(false),
        created: cx.now(),
    };
    let policy = cx.db().write(move |tx| policy::put(tx, fresh.clone())).await?;
    Ok(PutOutput { policy_arn: policy.arn, alarms: [] })
}

/// # Errors
/// When another metric is asked for than the one that there is.
fn metric(tracking: &Tracking, known: &str) -> Result<String, Error> {
    if tracking.customized_metric_specification.is_some() {
        return Err(Error::NotImplemented("A scaling policy with a metric of your own".into()));
    }
    let metric = tracking.predefined_metric_specification.as_ref().map(|metric| metric.predefined_metric_type.as_str());
    match metric {
        Some(metric) if metric == known => Ok(metric.into()),
        Some(other) => Err(Error::validation(format!("Metric type {other} is not valid for the scalable target"))),
        None => Err(Error::validation(
            "Either PredefinedMetricSpecification or CustomizedMetricSpecification must be specified",
        )),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub policy_name: Option<String>,
    pub service_namespace: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
}

pub async fn delete(_: Arc<AutoScaling>, cx: Cx, input: DeleteInput) -> Result<Empty, Error> {
    let ids = (&input.service_namespace, &input.resource_id, &input.scalable_dimension);
    let resource = resource(&cx, ids.0.as_ref(), ids.1.as_ref(), ids.2.as_ref())?;
    let name = name(input.policy_name.as_ref(), "policyName")?;
    cx.db().write(move |tx| policy::delete(tx, &resource, &name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeInput {
    pub policy_names: Vec<String>,
    pub service_namespace: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    pub scaling_policies: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn describe(_: Arc<AutoScaling>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    let namespace = namespace(input.service_namespace.as_ref())?;
    let mut policies = policy::all(&cx.db().read()?, cx.region().as_str(), &namespace)?;
    policies.retain(|policy| {
        (input.policy_names.is_empty() || input.policy_names.contains(&policy.name))
            && policy.resource.is(input.resource_id.as_deref(), input.scalable_dimension.as_deref())
    });
    let (policies, next_token) = Page { max: input.max_results, token: input.next_token }.of(policies)?;
    Ok(DescribeOutput { scaling_policies: policies.iter().map(output).collect(), next_token })
}

fn output(policy: &Policy) -> Value {
    let mut tracking = json!({
        "TargetValue": policy.target_value,
        "PredefinedMetricSpecification": {"PredefinedMetricType": policy.metric},
        "ScaleOutCooldown": policy.scale_out_cooldown_seconds,
        "ScaleInCooldown": policy.scale_in_cooldown_seconds,
        "DisableScaleIn": policy.disable_scale_in,
    });
    if let Some(tracking) = tracking.as_object_mut() {
        tracking.retain(|_, value| !value.is_null());
    }
    let answer = json!({
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "PolicyType": TARGET_TRACKING,
        "TargetTrackingScalingPolicyConfiguration": tracking,
        "Alarms": [],
        "CreationTime": policy.created.as_secs_f64(),
    });
    with_resource(&policy.resource, answer)
}
