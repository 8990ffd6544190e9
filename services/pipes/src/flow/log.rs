//! What a pipe tells a log group of its executions, step by step.
//!
//! Sources: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-logs-schema.html>

use std::sync::{Mutex, PoisonError};

use base::Arn;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use service::{Caller, Cx};

use crate::limits::LOG_RECORD_BYTES_MAX;
use crate::types::{Level, Pipe};

/// A step of an execution: its name, and the level from which on it is told.
macro_rules! steps {
    ($($step:ident $name:literal $level:ident;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Step { $($step),* }

        impl Step {
            fn told(self) -> (&'static str, Level) {
                match self { $(Step::$step => ($name, Level::$level)),* }
            }
        }
    };
}

steps! {
    ExecutionStarted "EXECUTION_STARTED" Info;
    ExecutionSucceeded "EXECUTION_SUCCEEDED" Info;
    ExecutionFailed "EXECUTION_FAILED" Error;
    ExecutionPartiallyFailed "EXECUTION_PARTIALLY_FAILED" Error;
    ExecutionTimeout "EXECUTION_TIMEOUT" Error;
    EnrichmentStageEntered "ENRICHMENT_STAGE_ENTERED" Info;
    EnrichmentStageSucceeded "ENRICHMENT_STAGE_SUCCEEDED" Info;
    EnrichmentStageFailed "ENRICHMENT_STAGE_FAILED" Error;
    EnrichmentTransformationStarted "ENRICHMENT_TRANSFORMATION_STARTED" Trace;
    EnrichmentTransformationSucceeded "ENRICHMENT_TRANSFORMATION_SUCCEEDED" Trace;
    EnrichmentTransformationFailed "ENRICHMENT_TRANSFORMATION_FAILED" Error;
    EnrichmentInvocationStarted "ENRICHMENT_INVOCATION_STARTED" Trace;
    EnrichmentInvocationSucceeded "ENRICHMENT_INVOCATION_SUCCEEDED" Trace;
    EnrichmentInvocationFailed "ENRICHMENT_INVOCATION_FAILED" Error;
    TargetStageEntered "TARGET_STAGE_ENTERED" Info;
    TargetStageSucceeded "TARGET_STAGE_SUCCEEDED" Info;
    TargetStageSkipped "TARGET_STAGE_SKIPPED" Trace;
    TargetStageFailed "TARGET_STAGE_FAILED" Error;
    TargetStagePartiallyFailed "TARGET_STAGE_PARTIALLY_FAILED" Error;
    TargetTransformationStarted "TARGET_TRANSFORMATION_STARTED" Trace;
    TargetTransformationSucceeded "TARGET_TRANSFORMATION_SUCCEEDED" Trace;
    TargetTransformationFailed "TARGET_TRANSFORMATION_FAILED" Error;
    TargetInvocationStarted "TARGET_INVOCATION_STARTED" Trace;
    TargetInvocationSucceeded "TARGET_INVOCATION_SUCCEEDED" Trace;
    TargetInvocationFailed "TARGET_INVOCATION_FAILED" Error;
    TargetInvocationPartiallyFailed "TARGET_INVOCATION_PARTIALLY_FAILED" Error;
}

/// The data of an execution, in the order in which they are left out of a record that is too large.
const DATA: [&str; 3] = ["payload", "awsRequest", "awsResponse"];

/// The records of one execution, which are written together when it has ended.
pub struct Log<'p> {
    cx: &'p Cx,
    pipe: &'p Pipe,
    execution: String,
    lines: Mutex<Vec<Value>>,
}

impl<'p> Log<'p> {
    pub fn new(cx: &'p Cx, pipe: &'p Pipe) -> Log<'p> {
        Log { cx, pipe, execution: cx.env().uuid(), lines: Mutex::default() }
    }

    /// Notes a step, where the pipe's level has it. `more` are members of its record.
    pub fn step(&self, step: Step, more: impl FnOnce() -> Value) {
        let (name, level) = step.told();
        let Some(log) = self.pipe.log.as_ref().filter(|log| log.group.is_some() && level <= log.level) else { return };
        let now = self.cx.env().now();
        let mut record = Map::new();
        record.insert("resourceArn".into(), json!(self.pipe.arn));
        record.insert("timestamp".into(), json!(now.as_millis()));
        record.insert("executionId".into(), json!(self.execution));
        record.insert("messageType".into(), json!(name));
        record.insert("logLevel".into(), json!(log.level.name()));
        if let Value::Object(more) = more() {
            record.extend(more.into_iter().filter(|(name, _)| log.data || !DATA.contains(&name.as_str())));
        }
        let line = json!({"timestamp": now.as_millis(), "message": fitting(record)});
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Notes a step that failed.
    pub fn failure(&self, step: Step, reason: &str) {
        self.step(step, || json!({"error": {"message": reason}}));
    }

    /// Writes what was noted. Like all logs, they do not hold up what they tell of.
    pub async fn write(self) {
        let lines = self.lines.into_inner().unwrap_or_else(PoisonError::into_inner);
        let group = self.pipe.log.as_ref().and_then(|log| log.group.clone());
        let Some(group) = group.filter(|_| !lines.is_empty()) else { return };
        let event = json!({"logStream": self.pipe.name, "events": lines}).to_string();
        let system = self.cx.with_caller(Caller::system(self.cx.account()));
        let group = Arn { resource: group.resource.trim_end_matches(":*").to_owned(), ..group };
        if let Err(error) = system.invoke(group, Bytes::from(event)).await {
            tracing::warn!(pipe = %self.pipe.arn, %error, "an execution of a pipe could not be logged");
        }
    }
}

/// The record, with its data cut off where it is too large.
fn fitting(mut record: Map<String, Value>) -> String {
    let mut cut: Vec<&str> = Vec::new();
    let mut text = Value::Object(record.clone()).to_string();
    for name in DATA {
        let over = text.len().saturating_sub(LOG_RECORD_BYTES_MAX);
        let Some(data) = record.get(name).and_then(Value::as_str).filter(|_| over > 0) else { continue };
        // Room for the list of what was cut.
        let left = data.floor_char_boundary(data.len().saturating_sub(over + 100));
        let left = data.split_at(left).0.to_owned();
        record.insert(name.to_owned(), left.into());
        cut.push(name);
        record.insert("truncatedFields".into(), json!(cut));
        text = Value::Object(record.clone()).to_string();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_are_too_large_lose_their_data() {
        let large = "x".repeat(LOG_RECORD_BYTES_MAX);
        let record = json!({"messageType": "m", "payload": large, "awsRequest": large, "awsResponse": "small"});
        let text = fitting(record.as_object().unwrap().clone());
        let record: Value = serde_json::from_str(&text).unwrap();
        assert!(text.len() <= LOG_RECORD_BYTES_MAX);
        assert_eq!((&record["payload"], &record["awsResponse"]), (&json!(""), &json!("small")));
        assert_eq!(record["truncatedFields"], json!(["payload", "awsRequest"]));
        assert_eq!(fitting(Map::new()), "{}");
    }
}
