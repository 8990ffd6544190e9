//! PutScheduledAction, DeleteScheduledAction, DescribeScheduledActions.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::Cx;

use super::{Empty, Page, capacity, name, namespace, resource, with_resource};
use crate::AutoScaling;
use crate::error::Error;
use crate::model::action;
use crate::types::ScheduledAction;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub service_namespace: Option<String>,
    pub schedule: Option<String>,
    pub timezone: Option<String>,
    pub scheduled_action_name: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
    pub start_time: Option<f64>,
    pub end_time: Option<f64>,
    pub scalable_target_action: Option<TargetAction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TargetAction {
    pub min_capacity: Option<i64>,
    pub max_capacity: Option<i64>,
}

/// Of seconds since the epoch.
fn moment(seconds: f64) -> Timestamp {
    Timestamp((seconds * 1000.0) as u64)
}

pub async fn put(_: Arc<AutoScaling>, cx: Cx, input: PutInput) -> Result<Empty, Error> {
    let ids = (&input.service_namespace, &input.resource_id, &input.scalable_dimension);
    let resource = resource(&cx, ids.0.as_ref(), ids.1.as_ref(), ids.2.as_ref())?;
    let name = name(input.scheduled_action_name.as_ref(), "scheduledActionName")?;
    let bounds = input.scalable_target_action.unwrap_or_default();
    let change = action::Change {
        schedule: input.schedule,
        timezone: input.timezone,
        start: input.start_time.map(moment),
        end: input.end_time.map(moment),
        min: capacity(bounds.min_capacity, "scalableTargetAction.minCapacity")?,
        max: capacity(bounds.max_capacity, "scalableTargetAction.maxCapacity")?,
    };
    let (id, place) = (cx.env().uuid(), format!("resource/{}/{}", resource.namespace, resource.id));
    let arn = cx.arn("autoscaling", format!("scheduledAction:{id}:{place}:scheduledActionName/{name}")).to_string();
    let (schedule, created) = (String::new(), cx.now());
    let (timezone, start, end, min, max, next) = (None, None, None, None, None, None);
    let fresh = ScheduledAction { resource, name, arn, schedule, timezone, start, end, min, max, created, next };
    cx.db().write(move |tx| action::put(tx, created, fresh.clone(), change.clone())).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub service_namespace: Option<String>,
    pub scheduled_action_name: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
}

pub async fn delete(_: Arc<AutoScaling>, cx: Cx, input: DeleteInput) -> Result<Empty, Error> {
    let ids = (&input.service_namespace, &input.resource_id, &input.scalable_dimension);
    let resource = resource(&cx, ids.0.as_ref(), ids.1.as_ref(), ids.2.as_ref())?;
    let name = name(input.scheduled_action_name.as_ref(), "scheduledActionName")?;
    cx.db().write(move |tx| action::delete(tx, &resource, &name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeInput {
    pub scheduled_action_names: Vec<String>,
    pub service_namespace: Option<String>,
    pub resource_id: Option<String>,
    pub scalable_dimension: Option<String>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    pub scheduled_actions: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn describe(_: Arc<AutoScaling>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    let namespace = namespace(input.service_namespace.as_ref())?;
    let mut actions = action::all(&cx.db().read()?, cx.region().as_str(), &namespace)?;
    actions.retain(|action| {
        (input.scheduled_action_names.is_empty() || input.scheduled_action_names.contains(&action.name))
            && action.resource.is(input.resource_id.as_deref(), input.scalable_dimension.as_deref())
    });
    let (actions, next_token) = Page { max: input.max_results, token: input.next_token }.of(actions)?;
    Ok(DescribeOutput { scheduled_actions: actions.iter().map(output).collect(), next_token })
}

fn output(action: &ScheduledAction) -> Value {
    let mut bounds = json!({"MinCapacity": action.min, "MaxCapacity": action.max});
    if let Some(bounds) = bounds.as_object_mut() {
        bounds.retain(|_, value| !value.is_null());
    }
    let answer = json!({
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "Schedule": action.schedule,
        "Timezone": action.timezone,
        "StartTime": action.start.map(Timestamp::as_secs_f64),
        "EndTime": action.end.map(Timestamp::as_secs_f64),
        "ScalableTargetAction": bounds,
        "CreationTime": action.created.as_secs_f64(),
    });
    with_resource(&action.resource, answer)
}
