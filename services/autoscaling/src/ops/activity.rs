//! DescribeScalingActivities.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::Cx;

use super::{Page, namespace, with_resource};
use crate::AutoScaling;
use crate::error::Error;
use crate::model::activity;
use crate::types::Activity;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeInput {
    pub service_namespace: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    pub scaling_activities: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn describe(_: Arc<AutoScaling>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    let namespace = namespace(input.service_namespace.as_ref())?;
    let mut activities = activity::all(&cx.db().read()?, cx.region().as_str(), &namespace)?;
    activities
        .retain(|activity| activity.resource.is(input.resource_id.as_deref(), input.scalable_dimension.as_deref()));
    let (activities, next_token) = Page { max: input.max_results, token: input.next_token }.of(activities)?;
    Ok(DescribeOutput { scaling_activities: activities.iter().map(output).collect(), next_token })
}

fn output(activity: &Activity) -> Value {
    let answer = json!({
        "ActivityId": activity.id,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started.as_secs_f64(),
        "EndTime": activity.ended.as_secs_f64(),
        "StatusCode": if activity.failure.is_some() { "Failed" } else { "Successful" },
        "StatusMessage": activity.message,
        "Details": activity.failure,
    });
    with_resource(&activity.resource, answer)
}
