//! StartMessageMoveTask, CancelMessageMoveTask, ListMessageMoveTasks.

use std::sync::Arc;

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::{Cx, Permission};

use super::on_arn;
use crate::error::Error;
use crate::model::moving;
use crate::types::{MoveStatus, MoveTask};
use crate::{Sqs, workers};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StartInput {
    pub source_arn: String,
    pub destination_arn: Option<String>,
    pub max_number_of_messages_per_second: Option<i64>,
}

impl StartInput {
    /// Moving is also sending, where the caller chooses the queue that is sent to.
    /// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>
    pub fn permissions(&self, cx: &Cx) -> Result<Vec<Permission>, service::Error> {
        let mut needed = on_arn(cx, "sqs:StartMessageMoveTask", &self.source_arn)?;
        if let Some(destination) = &self.destination_arn {
            needed.extend(on_arn(cx, "sqs:SendMessage", destination)?);
        }
        Ok(needed)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartOutput {
    pub task_handle: String,
}

pub async fn start(_: Arc<Sqs>, cx: Cx, input: StartInput) -> Result<StartOutput, Error> {
    let source = parse(&cx, &input.source_arn, "SourceArn")?;
    let destination = input.destination_arn.map(|arn| parse(&cx, &arn, "DestinationArn")).transpose()?;
    let rate = |rate: i64| {
        let valid = u64::try_from(rate).ok().filter(|rate| (1..=500).contains(rate));
        valid.ok_or_else(|| {
            Error::invalid(rate, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided.")
        })
    };
    let per_second = input.max_number_of_messages_per_second.map(rate).transpose()?;
    let now = cx.now();
    let start = moving::Start { id: cx.env().uuid(), source, destination, per_second };
    let task_handle = handle(&start.id, &start.source);
    cx.db()
        .write(move |tx| {
            moving::start(tx, now, &start)?;
            workers::schedule_move(tx, now, &start.source)
        })
        .await?;
    Ok(StartOutput { task_handle })
}

/// Whether an ARN is that of a queue of this account and region. Any other way to write it is not what policies spoke
/// about when the call was permitted.
fn is_here(cx: &Cx, arn: &Arn) -> bool {
    *arn == cx.arn("sqs", arn.resource.as_str())
}

fn parse(cx: &Cx, arn: &str, name: &'static str) -> Result<Arn, Error> {
    if arn.is_empty() {
        return Err(Error::MissingParameter(name));
    }
    arn.parse()
        .ok()
        .filter(|arn| is_here(cx, arn))
        .ok_or_else(|| Error::invalid(arn, name, "Must be the ARN of a queue of this account and region."))
}

/// What a task handle says, in base64: clients look into it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handle {
    task_id: String,
    source_arn: Arn,
}

fn handle(id: &str, source: &Arn) -> String {
    STANDARD.encode(json!({"taskId": id, "sourceArn": source}).to_string())
}

fn parse_handle(handle: &str) -> Option<Handle> {
    serde_json::from_slice(&STANDARD.decode(handle).ok()?).ok()
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CancelInput {
    pub task_handle: String,
}

impl CancelInput {
    /// The queue that the task empties, for the permission that cancelling needs.
    pub fn source(&self) -> String {
        parse_handle(&self.task_handle).map_or_else(|| "*".to_owned(), |handle| handle.source_arn.to_string())
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelOutput {
    pub approximate_number_of_messages_moved: u64,
}

pub async fn cancel(_: Arc<Sqs>, cx: Cx, input: CancelInput) -> Result<CancelOutput, Error> {
    if input.task_handle.is_empty() {
        return Err(Error::MissingParameter("TaskHandle"));
    }
    let Handle { task_id, source_arn } = parse_handle(&input.task_handle)
        .ok_or_else(|| Error::InvalidParameterValue("Value for parameter TaskHandle is invalid.".into()))?;
    if !is_here(&cx, &source_arn) {
        return Err(moving::no_resource("SourceArn"));
    }
    let moved = cx.db().write(move |tx| moving::cancel(tx, &source_arn, &task_id)).await?;
    Ok(CancelOutput { approximate_number_of_messages_moved: moved })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub source_arn: String,
    pub max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub results: Vec<TaskOutput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_handle: Option<String>,
    pub status: &'static str,
    pub source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_number_of_messages_per_second: Option<u64>,
    pub approximate_number_of_messages_moved: u64,
    pub approximate_number_of_messages_to_move: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// Milliseconds since the epoch.
    pub started_timestamp: u64,
}

pub async fn list(_: Arc<Sqs>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let source = parse(&cx, &input.source_arn, "SourceArn")?;
    let in_range = |max: &usize| (1..=10).contains(max);
    let max = input.max_results.unwrap_or(1);
    let limit = usize::try_from(max)
        .ok()
        .filter(in_range)
        .ok_or_else(|| Error::invalid(max, "MaxResults", "Must be between 1 and 10, if provided."))?;
    let read = cx.db().read()?;
    let queue = moving::source_queue(&read, &source)?;
    let results =
        moving::tasks(&read, &queue, limit)?.into_iter().map(|(started, task)| output(started, task)).collect();
    Ok(ListOutput { results })
}

fn output(started: Timestamp, task: MoveTask) -> TaskOutput {
    let status = match task.status {
        MoveStatus::Running => "RUNNING",
        MoveStatus::Completed => "COMPLETED",
        MoveStatus::Cancelled => "CANCELLED",
        MoveStatus::Failed => "FAILED",
    };
    TaskOutput {
        // Only a running task can be cancelled: the others' handles are of no use.
        task_handle: (task.status == MoveStatus::Running).then(|| handle(&task.id, &task.source)),
        status,
        source_arn: task.source.to_string(),
        destination_arn: task.destination.map(|arn| arn.to_string()),
        max_number_of_messages_per_second: task.per_second,
        approximate_number_of_messages_moved: task.moved,
        approximate_number_of_messages_to_move: task.to_move,
        failure_reason: task.failure,
        started_timestamp: started.as_millis(),
    }
}
