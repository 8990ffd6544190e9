//! `KinesisStreamSpecification` of `AWS::DynamoDB::Table`: the stream that a table's changes are sent to.

use serde_json::{Value, json};

use super::dynamodb::{POLL, POLLS_MAX};
use super::{Cx, Properties, ResourceError, Result};

const PRECISION: &str = "ApproximateCreationDateTimePrecision";

/// Brings a table's destination to what is wanted: one stream goes before the other comes, since a table has one at most.
pub async fn update(cx: &Cx<'_>, table: &str, old: &Properties, wanted: &Properties) -> Result<()> {
    let key = "KinesisStreamSpecification";
    let (before, after) = (old.get(key), wanted.get(key));
    if before == after {
        return Ok(());
    }
    let stream = |specification: &Value| specification["StreamArn"].clone();
    if let (Some(before), Some(after)) = (before, after)
        && stream(before) == stream(after)
    {
        let precision = after.get(PRECISION).cloned().unwrap_or(json!("MILLISECOND"));
        // One that was not set is in milliseconds, and cannot be set to what it is.
        if before.get(PRECISION).cloned().unwrap_or(json!("MILLISECOND")) == precision {
            return Ok(());
        }
        let configuration = json!({"UpdateKinesisStreamingConfiguration": {PRECISION: precision}});
        return call(cx, table, "UpdateKinesisStreamingDestination", &stream(after), configuration).await;
    }
    if let Some(before) = before {
        call(cx, table, "DisableKinesisStreamingDestination", &stream(before), json!({})).await?;
    }
    let Some(after) = after else { return Ok(()) };
    let configuration = match after.get(PRECISION) {
        Some(precision) => json!({"EnableKinesisStreamingConfiguration": {PRECISION: precision}}),
        None => json!({}),
    };
    call(cx, table, "EnableKinesisStreamingDestination", &stream(after), configuration).await
}

/// Calls an operation, and waits until what it has begun is over.
async fn call(cx: &Cx<'_>, table: &str, operation: &str, stream: &Value, mut input: Value) -> Result<()> {
    input["TableName"] = json!(table);
    input["StreamArn"] = stream.clone();
    cx.call("dynamodb", operation, input).await?;
    for _ in 0..POLLS_MAX {
        let answer = cx.call("dynamodb", "DescribeKinesisStreamingDestination", json!({"TableName": table})).await?;
        let all = answer["KinesisDataStreamDestinations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let one = all.iter().find(|one| one["StreamArn"] == *stream).unwrap_or(&Value::Null);
        match one["DestinationStatus"].as_str() {
            Some("ENABLING" | "UPDATING" | "DISABLING") => tokio::time::sleep(POLL).await,
            Some("ENABLE_FAILED") => {
                let reason = one["DestinationStatusDescription"].as_str().unwrap_or_default();
                return Err(ResourceError::Unfit(format!(
                    "the changes of {table} cannot be sent to {stream}: {reason}"
                )));
            }
            _ => return Ok(()),
        }
    }
    Err(ResourceError::Unfit(format!("sending the changes of {table} to {stream} is still being changed")))
}
