//! What a schedule is asked to be, and whether it can be that.

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::{Constraints, Cx, Permission, RetryPolicy};
use wire::DateTime;

use super::{check_name, check_token};
use crate::attributes::Attempt;
use crate::error::Error;
use crate::limits::{INPUT_BYTES_MAX, START_PAST_MAX};
use crate::name::{DEFAULT_GROUP, schedule_resource};
use crate::roles;
use crate::timing::Timetable;
use crate::types::{EventParameters, Schedule, Target, Timing, Window};
use crate::universal::Operation;

/// The input of CreateSchedule and of UpdateSchedule, which replaces all of a schedule.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub name: String,
    pub group_name: Option<String>,
    pub schedule_expression: Option<String>,
    pub schedule_expression_timezone: Option<String>,
    pub start_date: Option<DateTime>,
    pub end_date: Option<DateTime>,
    pub description: Option<String>,
    pub state: Option<String>,
    pub kms_key_arn: Option<String>,
    pub target: Option<TargetInput>,
    pub flexible_time_window: Option<WindowInput>,
    pub action_after_completion: Option<String>,
    #[serde(skip_serializing)]
    pub client_token: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WindowInput {
    pub mode: Option<String>,
    pub maximum_window_in_minutes: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TargetInput {
    pub arn: Option<String>,
    pub role_arn: Option<String>,
    pub input: Option<String>,
    pub retry_policy: Option<RetryInput>,
    pub dead_letter_config: Option<DeadLetterInput>,
    pub sqs_parameters: Option<SqsInput>,
    pub kinesis_parameters: Option<KinesisInput>,
    pub event_bridge_parameters: Option<EventInput>,
    // Of targets that are not here.
    pub ecs_parameters: Option<Value>,
    pub sage_maker_pipeline_parameters: Option<Value>,
    pub event_bridge_put_events_v2_parameters: Option<Value>,
    pub event_bridge_put_raw_events_parameters: Option<Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RetryInput {
    pub maximum_event_age_in_seconds: Option<i64>,
    pub maximum_retry_attempts: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeadLetterInput {
    pub arn: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SqsInput {
    pub message_group_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KinesisInput {
    pub partition_key: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EventInput {
    pub detail_type: Option<String>,
    pub source: Option<String>,
}

/// Services whose resources take what a schedule sends.
const TAKERS: [&str; 6] = ["events", "kinesis", "lambda", "sns", "sqs", "states"];

impl Input {
    pub fn group(&self) -> &str {
        self.group_name.as_deref().unwrap_or(DEFAULT_GROUP)
    }

    pub fn permissions(&self, cx: &Cx, action: &str) -> Vec<Permission> {
        let own = Permission::new(action, schedule_resource(cx, self.group_name.as_deref(), &self.name));
        let role = self.target.as_ref().and_then(|target| target.role_arn.as_deref()).map(roles::pass);
        std::iter::once(own).chain(role).collect()
    }

    /// The schedule that is asked for, as one that is made now.
    pub async fn checked(&self, cx: &Cx) -> Result<Schedule, Error> {
        self.check_constraints()?;
        let (now, target) = (cx.now(), self.target.clone().unwrap_or_default());
        let timing = self.timing(now)?;
        let window = self.flexible_time_window.clone().unwrap_or_default();
        let window = Window {
            flexible: window.mode.as_deref() == Some(FLEXIBLE),
            minutes: window.maximum_window_in_minutes.and_then(|minutes| u32::try_from(minutes).ok()),
        };
        if window.flexible && window.minutes.is_none() {
            return Err(Error::validation("A flexible time window needs MaximumWindowInMinutes."));
        }
        let target = made(cx, target)?;
        let arn = schedule_resource(cx, self.group_name.as_deref(), &self.name);
        check_input(&target, &arn, now)?;
        roles::check(cx, &target.role, self.group()).await?;
        Ok(Schedule {
            arn,
            group: self.group().to_owned(),
            name: self.name.clone(),
            description: self.description.clone(),
            enabled: self.state.as_deref() != Some(DISABLED),
            timing,
            window,
            delete_after: self.action_after_completion.as_deref() == Some(DELETE),
            kms_key: self.kms_key_arn.clone(),
            target,
            created: now,
            modified: now,
            done: None,
            next: None,
        })
    }

    fn timing(&self, now: Timestamp) -> Result<Timing, Error> {
        let expression = self.schedule_expression.clone().unwrap_or_default();
        let timing = Timing {
            expression,
            timezone: self.schedule_expression_timezone.clone(),
            start: self.start_date.map(Timestamp::from),
            end: self.end_date.map(Timestamp::from),
            since: now,
        };
        if timing.timezone.as_deref().is_some_and(|name| schedule::zone(Some(name)).is_none()) {
            let name = timing.timezone.unwrap_or_default();
            return Err(Error::validation(format!("Invalid Schedule Expression Timezone {name}.")));
        }
        let Some(timetable) = Timetable::of(&timing) else {
            return Err(Error::validation(format!("Invalid Schedule Expression {}.", timing.expression)));
        };
        if timetable.is_once() {
            return Ok(timing);
        }
        if timing.start.is_some_and(|start| start < now - START_PAST_MAX) {
            return Err(Error::validation("The StartDate you specify cannot be earlier than 5 minutes ago."));
        }
        match (timing.start, timing.end) {
            (Some(start), Some(end)) if start >= end => {
                Err(Error::validation("The StartDate you specify must come before the EndDate you specify."))
            }
            _ => Ok(timing),
        }
    }

    fn check_constraints(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        check_name(&mut constraints, Some(&self.name), "name");
        check_name(&mut constraints, self.group_name.as_deref(), "groupName");
        check_token(&mut constraints, self.client_token.as_deref());
        constraints.required(self.schedule_expression.as_deref(), "scheduleExpression");
        constraints.length(self.schedule_expression.as_deref(), "scheduleExpression", 256);
        constraints.length(self.schedule_expression_timezone.as_deref(), "scheduleExpressionTimezone", 50);
        constraints.length(self.description.as_deref(), "description", 512);
        constraints.one_of(self.state.as_deref(), "state", &[ENABLED, DISABLED]);
        constraints.one_of(self.action_after_completion.as_deref(), "actionAfterCompletion", &[NONE, DELETE]);
        constraints.length(self.kms_key_arn.as_deref(), "kmsKeyArn", 2_048);
        match &self.flexible_time_window {
            Some(window) => {
                constraints.required(window.mode.as_deref(), "flexibleTimeWindow.mode");
                constraints.one_of(window.mode.as_deref(), "flexibleTimeWindow.mode", &[OFF, FLEXIBLE]);
                let minutes = window.maximum_window_in_minutes;
                constraints.range(minutes, "flexibleTimeWindow.maximumWindowInMinutes", &(1..=1_440));
            }
            None => constraints.required(None, "flexibleTimeWindow"),
        }
        match &self.target {
            Some(target) => target.check(&mut constraints),
            None => constraints.required(None, "target"),
        }
        Ok(constraints.check()?)
    }
}

pub const ENABLED: &str = "ENABLED";
pub const DISABLED: &str = "DISABLED";
pub const NONE: &str = "NONE";
pub const DELETE: &str = "DELETE";
pub const OFF: &str = "OFF";
pub const FLEXIBLE: &str = "FLEXIBLE";

/// The model's constraints on roles and dead-letter queues.
const ROLE_PATTERN: &str = r"arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@\/-]+";
const QUEUE_PATTERN: &str = r"arn:aws[a-z-]*:sqs:[a-z0-9\-]+:\d{12}:[a-zA-Z0-9\-_]+";

fn is_role(text: &str) -> bool {
    text.parse::<Arn>().is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
}

/// Queues in order have a dot in their names, which the pattern leaves out.
fn is_standard_queue(text: &str) -> bool {
    text.is_ascii()
        && text.parse::<Arn>().is_ok_and(|arn| arn.service == "sqs" && !arn.resource.contains(['.', ':', '/']))
}

impl TargetInput {
    fn check(&self, constraints: &mut Constraints) {
        constraints.required(self.arn.as_deref(), "target.arn");
        constraints.length(self.arn.as_deref(), "target.arn", 1_600);
        constraints.required(self.role_arn.as_deref(), "target.roleArn");
        constraints.length(self.role_arn.as_deref(), "target.roleArn", 1_600);
        constraints.pattern(self.role_arn.as_deref(), "target.roleArn", ROLE_PATTERN, is_role);
        if self.input.as_deref() == Some("") {
            constraints.fail("", "target.input", "have length greater than or equal to 1");
        }
        if let Some(retry) = &self.retry_policy {
            let age = retry.maximum_event_age_in_seconds;
            constraints.range(age, "target.retryPolicy.maximumEventAgeInSeconds", &(60..=86_400));
            let retries = retry.maximum_retry_attempts;
            constraints.range(retries, "target.retryPolicy.maximumRetryAttempts", &(0..=185));
        }
        let queue = self.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref());
        constraints.length(queue, "target.deadLetterConfig.arn", 1_600);
        constraints.pattern(queue, "target.deadLetterConfig.arn", QUEUE_PATTERN, is_standard_queue);
        let group = self.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.as_deref());
        constraints.length(group, "target.sqsParameters.messageGroupId", 128);
        if let Some(kinesis) = &self.kinesis_parameters {
            constraints.required(kinesis.partition_key.as_deref(), "target.kinesisParameters.partitionKey");
            constraints.length(kinesis.partition_key.as_deref(), "target.kinesisParameters.partitionKey", 256);
        }
        if let Some(event) = &self.event_bridge_parameters {
            constraints.required(event.detail_type.as_deref(), "target.eventBridgeParameters.detailType");
            constraints.length(event.detail_type.as_deref(), "target.eventBridgeParameters.detailType", 128);
            constraints.required(event.source.as_deref(), "target.eventBridgeParameters.source");
            constraints.length(event.source.as_deref(), "target.eventBridgeParameters.source", 256);
        }
    }
}

/// A target that the schedule can have; its constraints were checked.
fn made(cx: &Cx, input: TargetInput) -> Result<Target, Error> {
    for (parameters, given) in [
        ("EcsParameters", input.ecs_parameters.is_some()),
        ("SageMakerPipelineParameters", input.sage_maker_pipeline_parameters.is_some()),
        ("EventBridgePutEventsV2Parameters", input.event_bridge_put_events_v2_parameters.is_some()),
        ("EventBridgePutRawEventsParameters", input.event_bridge_put_raw_events_parameters.is_some()),
    ] {
        if given {
            return Err(Error::NotImplemented(format!("{parameters} of a schedule's target")));
        }
    }
    // Names of resources are ASCII everywhere; and a target's ARN is a part of keys, which have room for as many bytes.
    let parse = |text: Option<String>| text.filter(|text| text.is_ascii())?.parse::<Arn>().ok();
    let arn = parse(input.arn).ok_or_else(|| Error::validation("Provided Arn is not in correct format."))?;
    let role = parse(input.role_arn).ok_or_else(|| Error::validation("Provided role is not in correct format."))?;
    let is_operation = arn.resource.starts_with("aws-sdk:") && arn.service == crate::NAME;
    if is_operation {
        Operation::check(&arn, cx.cloud())?
    } else {
        check_taker(cx, &arn)?
    }
    let retry = input.retry_policy.unwrap_or_default();
    let number = |given: Option<i64>, usual: u64| given.and_then(|given| u64::try_from(given).ok()).unwrap_or(usual);
    let retries = number(retry.maximum_retry_attempts, RetryPolicy::DEFAULT.retries_max.into());
    let target = Target {
        role,
        input: input.input,
        retries_max: u32::try_from(retries).unwrap_or(RetryPolicy::DEFAULT.retries_max),
        age_seconds_max: number(retry.maximum_event_age_in_seconds, RetryPolicy::DEFAULT.age_seconds_max),
        dead_letter: input.dead_letter_config.and_then(|config| config.arn?.parse().ok()),
        group: input.sqs_parameters.and_then(|sqs| sqs.message_group_id),
        partition_key: input.kinesis_parameters.and_then(|kinesis| kinesis.partition_key),
        event: input
            .event_bridge_parameters
            .and_then(|event| Some(EventParameters { detail_type: event.detail_type?, source: event.source? })),
        arn,
    };
    check_parameters(&target)?;
    Ok(target)
}

/// Refuses a target that would get nothing.
fn check_taker(cx: &Cx, arn: &Arn) -> Result<(), Error> {
    let service = &*arn.service;
    if !TAKERS.contains(&service) || cx.cloud().service(service).is_none() {
        return Err(Error::NotImplemented(format!("Sending from a schedule to {service}")));
    }
    if arn.account != cx.account().as_str() {
        return Err(Error::NotImplemented(format!("Sending from a schedule to {service} of another account")));
    }
    if service == "events" && !arn.resource.starts_with("event-bus/") {
        return Err(Error::validation("Provided Arn is not in correct format."));
    }
    Ok(())
}

/// Parameters belong to the kind of target that they are for, which may not do without them.
fn check_parameters(target: &Target) -> Result<(), Error> {
    let service = &*target.arn.service;
    let is_fifo = service == "sqs" && target.arn.resource.ends_with(".fifo");
    for (name, given, of, needed) in [
        ("SqsParameters", target.group.is_some(), "sqs", is_fifo),
        ("KinesisParameters", target.partition_key.is_some(), "kinesis", service == "kinesis"),
        ("EventBridgeParameters", target.event.is_some(), "events", service == "events"),
    ] {
        if given && service != of {
            return Err(Error::validation(format!("{name} cannot be used with the target {}.", target.arn)));
        }
        if needed && !given {
            return Err(Error::validation(format!("{name} is required for the target {}.", target.arn)));
        }
    }
    match &target.event {
        Some(event) if event.source.is_empty() || event.detail_type.is_empty() => {
            Err(Error::validation("EventBridgeParameters has a Source and a DetailType."))
        }
        Some(event) if event.source.starts_with("aws.") => Err(Error::validation(
            "The Source of EventBridgeParameters does not begin with aws.: that is for AWS's own services.",
        )),
        _ => Ok(()),
    }
}

/// Refuses an input that the target cannot get, or that is too large once it is filled.
fn check_input(target: &Target, schedule: &Arn, now: Timestamp) -> Result<(), Error> {
    let Some(input) = &target.input else { return Ok(()) };
    let last = Attempt { schedule, due: now, seed: 0, number: target.retries_max.saturating_add(1) };
    // What is too large already is not made larger.
    let size = if input.len() > INPUT_BYTES_MAX { input.len() } else { last.fill(input).len() };
    if size > INPUT_BYTES_MAX {
        return Err(Error::validation(format!(
            "The input of the target has {size} bytes, and may have {INPUT_BYTES_MAX}."
        )));
    }
    let is_operation = Operation::of(&target.arn).is_some();
    let right = match &*target.arn.service {
        "events" => serde_json::from_str::<Map<String, Value>>(input).is_ok(),
        _ if is_operation => serde_json::from_str::<Map<String, Value>>(input).is_ok(),
        "lambda" | "states" => serde_json::from_str::<serde::de::IgnoredAny>(input).is_ok(),
        _ => true,
    };
    if right { Ok(()) } else { Err(Error::validation("The input of the target is not valid JSON.")) }
}
