//! `stream` events: a mapping from a table's stream to a function, and leave for the role to read the stream.

use serde_json::{Value, json};

use super::queues::queue_name;
use super::{Compiler, invoked, without_nulls};
use crate::serverless::config::EventSource;
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn streams(&mut self) {
        let events = self.events(|source| match source {
            EventSource::Stream(stream) => Some(stream),
            _ => None,
        });
        let mut streams = Vec::new();
        for (function, at, stream) in events {
            let filters = stream.filter_patterns.iter().map(|pattern| json!({"Pattern": pattern.to_string()}));
            let filters: Vec<Value> = filters.collect();
            let failures = stream.on_failure.as_ref().map(|destination| self.destination(function, destination));
            let properties = without_nulls(json!({
                "BatchSize": stream.batch_size,
                "MaximumBatchingWindowInSeconds": stream.batch_window,
                "ParallelizationFactor": stream.parallelization_factor,
                "StartingPosition": stream.starting_position,
                "EventSourceArn": stream.arn,
                "FunctionName": invoked(function),
                "Enabled": stream.enabled,
                "MaximumRetryAttempts": stream.maximum_retry_attempts,
                "MaximumRecordAgeInSeconds": stream.maximum_record_age,
                "BisectBatchOnFunctionError": stream.bisect,
                "TumblingWindowInSeconds": stream.tumbling_window,
                "FunctionResponseTypes": stream.report_batch_item_failures.then_some(["ReportBatchItemFailures"]),
                "FilterCriteria": (!filters.is_empty()).then(|| json!({"Filters": filters})),
                "DestinationConfig": failures.map(|arn| json!({"OnFailure": {"Destination": arn}})),
            }));
            let role = self.made_role_of(function);
            let resource = without_nulls(json!({
                "Type": "AWS::Lambda::EventSourceMapping",
                "DependsOn": role.map(|role| [role]),
                "Properties": properties,
            }));
            self.add(&naming::stream_mapping(&function.key, &table_name(&stream.arn)), resource, at);
            if role.is_some() && !streams.contains(&stream.arn) {
                streams.push(stream.arn.clone());
            }
        }
        if !streams.is_empty() {
            let actions = ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"];
            let actions = actions.map(|action| format!("dynamodb:{action}"));
            let statement = json!({"Effect": "Allow", "Action": actions, "Resource": streams});
            self.allow(statement);
        }
    }
}

/// What names the table of a stream: part of the mapping's logical id.
fn table_name(arn: &Value) -> String {
    match arn.as_str().and_then(|arn| arn.split('/').nth(1)) {
        Some(name) => name.to_string(),
        None => queue_name(arn),
    }
}
