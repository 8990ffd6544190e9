//! CreateSchedule, UpdateSchedule, DeleteSchedule, GetSchedule, ListSchedules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Constraints, Cx};

use super::definition::{DELETE, DISABLED, ENABLED, FLEXIBLE, Input, NONE, OFF};
use super::{Empty, answer, check_name, check_token, page_size, shown};
use crate::error::Error;
use crate::model::group;
use crate::model::schedule::{self, Place};
use crate::model::token::Request;
use crate::name::{group_resource, schedule_resource};
use crate::types::{Schedule, Target};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ArnOutput {
    pub schedule_arn: String,
}

pub async fn create(_: Arc<()>, cx: Cx, input: Input) -> Result<ArnOutput, Error> {
    let made = input.checked(&cx).await?;
    let request = Request::new(&cx, input.client_token.as_deref(), "CreateSchedule", &input)?;
    let (now, chance, schedule_arn) = (cx.now(), cx.env().random_u64(), made.arn.to_string());
    let create = move |tx: &mut kv::Tx| {
        let stands = |tx: &kv::Tx| schedule::exists(tx, &made.arn);
        request.once(tx, now, stands, |tx| schedule::create(tx, now, made.clone(), chance))
    };
    cx.db().write(create).await?;
    Ok(ArnOutput { schedule_arn })
}

pub async fn update(_: Arc<()>, cx: Cx, input: Input) -> Result<ArnOutput, Error> {
    let made = input.checked(&cx).await?;
    let request = Request::new(&cx, input.client_token.as_deref(), "UpdateSchedule", &input)?;
    let (now, chance, schedule_arn) = (cx.now(), cx.env().random_u64(), made.arn.to_string());
    let update = move |tx: &mut kv::Tx| {
        request.once(tx, now, |_| Ok(true), |tx| schedule::update(tx, now, made.clone(), chance))
    };
    cx.db().write(update).await?;
    Ok(ArnOutput { schedule_arn })
}

/// What names a schedule.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NameInput {
    pub name: String,
    pub group_name: Option<String>,
    #[serde(skip_serializing)]
    pub client_token: Option<String>,
}

impl NameInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        check_name(&mut constraints, Some(&self.name), "name");
        check_name(&mut constraints, self.group_name.as_deref(), "groupName");
        check_token(&mut constraints, self.client_token.as_deref());
        Ok(constraints.check()?)
    }
}

pub async fn delete(_: Arc<()>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    input.check()?;
    let request = Request::new(&cx, input.client_token.as_deref(), "DeleteSchedule", &input)?;
    let (now, arn) = (cx.now(), schedule_resource(&cx, input.group_name.as_deref(), &input.name));
    let delete = move |tx: &mut kv::Tx| {
        let gone = |tx: &kv::Tx| schedule::exists(tx, &arn).map(|exists| !exists);
        request.once(tx, now, gone, |tx| schedule::delete(tx, &arn))
    };
    cx.db().write(delete).await?;
    Ok(Empty {})
}

pub async fn get(_: Arc<()>, cx: Cx, input: NameInput) -> Result<Value, Error> {
    input.check()?;
    let found = schedule::find(&cx.db().read()?, &schedule_resource(&cx, input.group_name.as_deref(), &input.name))?;
    let window = found.window;
    Ok(answer(json!({
        "Arn": found.arn,
        "Name": found.name,
        "GroupName": found.group,
        "Description": found.description,
        "State": state(&found),
        "ScheduleExpression": found.timing.expression,
        "ScheduleExpressionTimezone": found.timing.timezone.as_deref().unwrap_or("UTC"),
        "StartDate": found.timing.start.and_then(shown),
        "EndDate": found.timing.end.and_then(shown),
        "FlexibleTimeWindow": answer(json!({
            "Mode": if window.flexible { FLEXIBLE } else { OFF },
            "MaximumWindowInMinutes": window.minutes,
        })),
        "ActionAfterCompletion": if found.delete_after { DELETE } else { NONE },
        "KmsKeyArn": found.kms_key,
        "Target": target(&found.target),
        "CreationDate": shown(found.created),
        "LastModificationDate": shown(found.modified),
    })))
}

fn state(schedule: &Schedule) -> &'static str {
    if schedule.enabled { ENABLED } else { DISABLED }
}

fn target(target: &Target) -> Value {
    answer(json!({
        "Arn": target.arn,
        "RoleArn": target.role,
        "Input": target.input,
        "RetryPolicy": {"MaximumRetryAttempts": target.retries_max, "MaximumEventAgeInSeconds": target.age_seconds_max},
        "DeadLetterConfig": target.dead_letter.as_ref().map(|arn| json!({"Arn": arn})),
        "SqsParameters": target.group.as_ref().map(|group| json!({"MessageGroupId": group})),
        "KinesisParameters": target.partition_key.as_ref().map(|key| json!({"PartitionKey": key})),
        "EventBridgeParameters": target.event.as_ref().map(|event| json!({"DetailType": event.detail_type, "Source": event.source})),
    }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub group_name: Option<String>,
    pub name_prefix: Option<String>,
    pub state: Option<String>,
    pub next_token: Option<String>,
    pub max_results: Option<i64>,
}

pub async fn list(_: Arc<()>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    let mut constraints = Constraints::default();
    check_name(&mut constraints, input.group_name.as_deref(), "groupName");
    check_name(&mut constraints, input.name_prefix.as_deref(), "namePrefix");
    constraints.one_of(input.state.as_deref(), "state", &[ENABLED, DISABLED]);
    let size = page_size(&mut constraints, input.max_results);
    constraints.check()?;
    let after = input.next_token.as_deref().map(place).transpose()?;
    let read = cx.db().read()?;
    if let Some(name) = &input.group_name {
        group::find(&read, &group_resource(&cx, name), name)?;
    }
    let wanted = |schedule: &Schedule| {
        input.name_prefix.as_ref().is_none_or(|prefix| schedule.name.starts_with(prefix))
            && input.state.as_ref().is_none_or(|wanted| state(schedule) == wanted)
    };
    let (found, next) = schedule::page(&read, cx.region().as_str(), input.group_name.as_deref(), after, wanted, size)?;
    let schedules: Vec<Value> = found.iter().map(summary).collect();
    let next = next.map(|(group, name)| format!("{group}/{name}"));
    Ok(answer(json!({"Schedules": schedules, "NextToken": next})))
}

/// A token is the group and the name of the last schedule that was looked at.
fn place(token: &str) -> Result<Place, Error> {
    let (group, name) = token.split_once('/').ok_or_else(|| Error::validation("Invalid NextToken."))?;
    Ok((group.to_owned(), name.to_owned()))
}

fn summary(schedule: &Schedule) -> Value {
    answer(json!({
        "Arn": schedule.arn,
        "Name": schedule.name,
        "GroupName": schedule.group,
        "State": state(schedule),
        "Target": {"Arn": schedule.target.arn},
        "CreationDate": shown(schedule.created),
        "LastModificationDate": shown(schedule.modified),
    }))
}
