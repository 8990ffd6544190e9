//! What belongs to a batch of records besides the records.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>

use std::time::Duration;

use base::Arn;
use serde_json::{Value, json};

use super::reader::Record;
use crate::limits::BATCH_BYTES_MAX;
use crate::types::Window;

/// Room in an event for all but its records and the state.
const ENVELOPE_BYTES: usize = 1_024;

/// What is told with a batch of a tumbling window.
pub struct WindowEvent<'a> {
    pub window: &'a Window,
    pub length: Duration,
    /// No more records come for the window.
    pub is_final: bool,
    /// Because its state has become too large.
    pub is_early: bool,
}

/// Bytes of records that an event has room for.
pub(super) fn room(window: Option<&Window>) -> usize {
    (BATCH_BYTES_MAX - ENVELOPE_BYTES).saturating_sub(window.map_or(0, |window| window.state.len()))
}

/// Why records are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

impl Condition {
    pub fn name(self) -> &'static str {
        match self {
            Condition::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Condition::RecordAgeExceeded => "RecordAgeExceeded",
        }
    }
}

/// Where in a stream records are that were given up: the name of the letter's member, and the member.
pub fn batch_info(stream: &Arn, shard: &str, records: &[&Record]) -> (&'static str, Value) {
    let name = match stream.service.as_str() {
        "dynamodb" => "DDBStreamBatchInfo",
        _ => "KinesisBatchInfo",
    };
    let (first, last) = (records.first(), records.last());
    let sequence = |record: Option<&&Record>| record.map(|record| record.sequence.clone());
    // DynamoDB knows no parts of seconds.
    let arrival = |record: Option<&&Record>| {
        record.map(|record| match name {
            "DDBStreamBatchInfo" => record.at.iso8601().replace(".000Z", "Z"),
            _ => record.at.iso8601(),
        })
    };
    let info = json!({
        "shardId": shard,
        "startSequenceNumber": sequence(first),
        "endSequenceNumber": sequence(last),
        "approximateArrivalOfFirstRecord": arrival(first),
        "approximateArrivalOfLastRecord": arrival(last),
        "batchSize": records.len(),
        "streamArn": stream,
    });
    (name, info)
}
