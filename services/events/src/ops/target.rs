//! PutTargets, RemoveTargets, ListTargetsByRule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::Arn;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{Constraints, Cx, Permission};

use super::bus::DeadLetterConfig;
use super::rule::resource;
use super::{Page, answer, check_name};
use template::Path;

use crate::Events;
use crate::error::Error;
use crate::limits::{TARGETS_OF_REQUEST_MAX, TARGETS_OF_RULE_MAX};
use crate::model::{rule, target};
use crate::name::{BusRef, is_api_destination, is_bus, rule_of};
use crate::roles;
use crate::transform;
use crate::types::{Input, RetryPolicy, Target, TargetHttp};

/// Services that take events. Others are refused before an event is lost.
const TAKERS: [&str; 7] = ["lambda", "sqs", "sns", "kinesis", "logs", "events", "states"];
/// Those that need a role to be sent to, as API destinations do.
const NEED_ROLE: [&str; 2] = ["kinesis", "states"];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub rule: String,
    pub event_bus_name: Option<String>,
    pub targets: Vec<TargetInput>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TargetInput {
    pub id: String,
    pub arn: String,
    pub role_arn: Option<String>,
    pub input: Option<String>,
    pub input_path: Option<String>,
    pub input_transformer: Option<Transformer>,
    pub sqs_parameters: Option<SqsParameters>,
    pub kinesis_parameters: Option<KinesisParameters>,
    pub http_parameters: Option<HttpParameters>,
    pub retry_policy: Option<RetryInput>,
    pub dead_letter_config: Option<DeadLetterConfig>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Transformer {
    pub input_paths_map: BTreeMap<String, String>,
    pub input_template: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SqsParameters {
    pub message_group_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KinesisParameters {
    pub partition_key_path: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HttpParameters {
    pub path_parameter_values: Vec<String>,
    pub header_parameters: BTreeMap<String, String>,
    pub query_string_parameters: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RetryInput {
    pub maximum_retry_attempts: Option<i64>,
    pub maximum_event_age_in_seconds: Option<i64>,
}

pub fn put_permissions(cx: &Cx, input: &PutInput) -> Vec<Permission> {
    let own = Permission::new("events:PutTargets", resource(cx, input.event_bus_name.as_deref(), &input.rule));
    let roles = input.targets.iter().filter_map(|target| target.role_arn.as_deref());
    std::iter::once(own).chain(roles.map(roles::pass)).collect()
}

pub async fn put(_: Arc<Events>, cx: Cx, input: PutInput) -> Result<Value, Error> {
    check_constraints(&input)?;
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    // A rule that is not there is what is told first.
    rule::find(&cx.db().read()?, &on, &input.rule)?;
    if input.targets.len() > TARGETS_OF_RULE_MAX {
        return Err(Error::LimitExceeded);
    }
    let targets: Vec<Target> =
        input.targets.into_iter().map(|target| made(&cx, &on, target)).collect::<Result<_, _>>()?;
    let roles: BTreeSet<String> = targets.iter().filter_map(|target| Some(target.role.as_ref()?.to_string())).collect();
    for role in &roles {
        roles::check(&cx, &on.rule_arn(&input.rule), role).await?;
    }
    let version = cx.env().random_u64();
    cx.db().write(move |tx| target::put(tx, &on, &input.rule, version, &targets)).await?;
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

fn check_constraints(input: &PutInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    if input.targets.is_empty() {
        constraints.fail("[]", "targets", "have length greater than or equal to 1");
    }
    if input.targets.len() > TARGETS_OF_REQUEST_MAX {
        let rule = format_args!("have length less than or equal to {TARGETS_OF_REQUEST_MAX}");
        constraints.fail(input.targets.len(), "targets", rule);
    }
    for (number, target) in (1..).zip(&input.targets) {
        let member = |name: &str| format!("targets.{number}.member.{name}");
        check_name(&mut constraints, &target.id, &member("id"), 64);
        if let Some(retry) = &target.retry_policy {
            let (attempts, age) =
                (member("retryPolicy.maximumRetryAttempts"), member("retryPolicy.maximumEventAgeInSeconds"));
            constraints.range(retry.maximum_retry_attempts, &attempts, &(0..=185));
            constraints.range(retry.maximum_event_age_in_seconds, &age, &(60..=86_400));
        }
        constraints.length(target.input.as_deref(), &member("input"), 8_192);
        let template = target.input_transformer.as_ref().map(|transformer| transformer.input_template.as_str());
        constraints.length(template, &member("inputTransformer.inputTemplate"), 8_192);
    }
    Ok(constraints.check()?)
}

fn made(cx: &Cx, on: &BusRef, input: TargetInput) -> Result<Target, Error> {
    let id = &input.id;
    let arn: Arn =
        input.arn.parse().map_err(|_| Error::parameter(&input.arn, "Provided Arn is not in correct format."))?;
    check_taker(cx, on, &arn)?;
    let role: Option<Arn> = match &input.role_arn {
        Some(role) => {
            Some(role.parse().map_err(|_| Error::parameter(role, "Provided role is not in correct format."))?)
        }
        None if NEED_ROLE.contains(&arn.service.as_str()) || is_api_destination(&arn) => {
            return Err(Error::validation(format!("RoleArn is required for target {arn}.")));
        }
        None => None,
    };
    let group = input.sqs_parameters.and_then(|sqs| sqs.message_group_id);
    if arn.service == "sqs" && arn.resource.ends_with(".fifo") && group.is_none() {
        return Err(Error::validation(format!("Parameter(s) SqsParameters must be specified for target: {id}.")));
    }
    let dead_letter = match input.dead_letter_config.and_then(|config| config.arn) {
        Some(queue) => Some(dead_letter(&queue)?),
        None => None,
    };
    let retry = input.retry_policy.map(|retry| RetryPolicy {
        attempts: retry.maximum_retry_attempts.and_then(|attempts| u32::try_from(attempts).ok()),
        age_seconds: retry.maximum_event_age_in_seconds.and_then(|age| u64::try_from(age).ok()),
    });
    let http = input.http_parameters.map(|http| TargetHttp {
        path_values: http.path_parameter_values,
        headers: http.header_parameters,
        query: http.query_string_parameters,
    });
    Ok(Target {
        input: form(id, &arn, input.input, input.input_path, input.input_transformer)?,
        id: input.id,
        arn,
        role,
        group,
        partition_key_path: input.kinesis_parameters.map(|kinesis| kinesis.partition_key_path),
        retry,
        dead_letter,
        http,
    })
}

/// Refuses a target that would get nothing.
fn check_taker(cx: &Cx, on: &BusRef, arn: &Arn) -> Result<(), Error> {
    let is_there = TAKERS.contains(&arn.service.as_str()) && cx.cloud().service(&arn.service).is_some();
    if !is_there {
        return Err(Error::NotImplemented(format!("Sending events to {}", arn.service)));
    }
    if arn.service == "events" && arn.account != cx.account().as_str() {
        return Err(Error::NotImplemented("Sending events to a bus of another account".into()));
    }
    if rule_of(arn).is_some() || *arn == on.arn {
        return Err(Error::parameter(&arn.to_string(), "A rule cannot send to its own event bus."));
    }
    if arn.service == "events" && !is_bus(arn) && !is_api_destination(arn) {
        return Err(Error::parameter(&arn.to_string(), "Provided Arn is not in correct format."));
    }
    Ok(())
}

fn dead_letter(queue: &str) -> Result<Arn, Error> {
    let arn = queue.parse::<Arn>().ok().filter(|arn| arn.service == "sqs" && !arn.resource.ends_with(".fifo"));
    arn.ok_or_else(|| Error::parameter("DeadLetterConfig.Arn", "Provided Arn is not that of a standard queue."))
}

fn form(
    id: &str,
    arn: &Arn,
    constant: Option<String>,
    path: Option<String>,
    transformer: Option<Transformer>,
) -> Result<Input, Error> {
    match (constant, path, transformer) {
        (None, None, None) => Ok(Input::Event),
        // What a bus gets is an event as it was put: nobody writes one of a service's.
        // Source: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html>
        _ if is_bus(arn) => Err(Error::validation(format!(
            "Input, InputPath, and InputTransformer are not available for target {id}: it is an event bus."
        ))),
        (Some(text), None, None) => match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            Ok(_) => Ok(Input::Constant(text)),
            Err(_) => Err(Error::validation(format!("JSON syntax error in input for target {id}"))),
        },
        (None, Some(path), None) => {
            check_path(id, &path)?;
            Ok(Input::Path(path))
        }
        (None, None, Some(transformer)) => {
            let Transformer { input_paths_map: paths, input_template: template } = transformer;
            paths.values().try_for_each(|path| check_path(id, path))?;
            if let Some(unknown) = transform::unknown_placeholder(&paths, &template) {
                return Err(Error::validation(format!(
                    "InputTemplate for target {id} contains invalid placeholder {unknown}."
                )));
            }
            Ok(Input::Template { paths, template })
        }
        _ => Err(Error::validation(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        ))),
    }
}

fn check_path(id: &str, path: &str) -> Result<(), Error> {
    match Path::parse(path) {
        Some(_) => Ok(()),
        None => Err(Error::validation(format!("Invalid JSON path {path} for target {id}."))),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RuleTargetsInput {
    pub rule: String,
    pub event_bus_name: Option<String>,
    pub ids: Vec<String>,
    pub force: bool,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

pub async fn remove(_: Arc<Events>, cx: Cx, input: RuleTargetsInput) -> Result<Value, Error> {
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    let (version, ids) = (cx.env().random_u64(), input.ids);
    let (rule, force) = (input.rule, input.force);
    let unknown = cx.db().write(move |tx| target::remove(tx, &on, &rule, version, &ids, force)).await?;
    let failed: Vec<Value> = unknown
        .iter()
        .map(|id| {
            let message = format!("Rule does not have a target with the Id {id}.");
            json!({"TargetId": id, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": message})
        })
        .collect();
    Ok(json!({"FailedEntryCount": failed.len(), "FailedEntries": failed}))
}

pub async fn list(_: Arc<Events>, cx: Cx, input: RuleTargetsInput) -> Result<Value, Error> {
    let on = BusRef::parse(&cx, input.event_bus_name.as_deref())?;
    let read = cx.db().read()?;
    rule::find(&read, &on, &input.rule)?;
    let all = target::all(&read, &on, &input.rule)?;
    let (page, next) = Page { limit: input.limit, next_token: input.next_token }.of(all)?;
    Ok(answer(json!({"Targets": page.iter().map(shown).collect::<Vec<_>>(), "NextToken": next})))
}

fn shown(target: &Target) -> Value {
    let mut members = json!({
        "Id": target.id,
        "Arn": target.arn,
        "RoleArn": target.role,
        "SqsParameters": target.group.as_ref().map(|group| json!({"MessageGroupId": group})),
        "KinesisParameters": target.partition_key_path.as_ref().map(|path| json!({"PartitionKeyPath": path})),
        "DeadLetterConfig": target.dead_letter.as_ref().map(|arn| json!({"Arn": arn})),
    });
    match &target.input {
        Input::Event => {}
        Input::Constant(text) => members["Input"] = json!(text),
        Input::Path(path) => members["InputPath"] = json!(path),
        Input::Template { paths, template } => {
            let mut transformer = json!({"InputTemplate": template});
            if !paths.is_empty() {
                transformer["InputPathsMap"] = json!(paths);
            }
            members["InputTransformer"] = transformer;
        }
    }
    if let Some(retry) = target.retry {
        members["RetryPolicy"] =
            answer(json!({"MaximumRetryAttempts": retry.attempts, "MaximumEventAgeInSeconds": retry.age_seconds}));
    }
    if let Some(http) = &target.http {
        let mut shown = Map::new();
        for (name, value, is_empty) in [
            ("PathParameterValues", json!(http.path_values), http.path_values.is_empty()),
            ("HeaderParameters", json!(http.headers), http.headers.is_empty()),
            ("QueryStringParameters", json!(http.query), http.query.is_empty()),
        ] {
            if !is_empty {
                shown.insert(name.into(), value);
            }
        }
        members["HttpParameters"] = Value::Object(shown);
    }
    answer(members)
}
