//! `stream` events: a mapping from a stream to a function, and leave for the role to read the stream.

use serde_json::{Value, json};

use super::queues::queue_name;
use super::{Compiler, invoked, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{EventSource, Stream, StreamConsumer};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn streams(&mut self) {
        let events = self.events(|source| match source {
            EventSource::Stream(stream) => Some(stream),
            _ => None,
        });
        let mut read = Read::default();
        for (function, at, stream) in events {
            let name = stream_name(&stream.arn);
            let consumer = self.stream_consumer(&function.key, &name, stream, at);
            let filters = stream.filter_patterns.iter().map(|pattern| json!({"Pattern": pattern.to_string()}));
            let filters: Vec<Value> = filters.collect();
            let failures = stream.on_failure.as_ref().map(|destination| self.destination(function, destination));
            let properties = without_nulls(json!({
                "BatchSize": stream.batch_size,
                "MaximumBatchingWindowInSeconds": stream.batch_window,
                "ParallelizationFactor": stream.parallelization_factor,
                "StartingPosition": stream.starting_position,
                "EventSourceArn": consumer.as_ref().unwrap_or(&stream.arn),
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
            self.add(&naming::stream_mapping(&function.key, stream.of_table, &name), resource, at);
            if role.is_some() {
                read.note(stream, consumer);
            }
        }
        read.statements().into_iter().for_each(|statement| self.allow(statement));
    }

    /// The ARN of the consumer that a function reads its stream as, if it is one; it is made where it is the function's own.
    fn stream_consumer(&mut self, key: &str, stream_name: &str, stream: &Stream, at: &At) -> Option<Value> {
        match stream.consumer.as_ref()? {
            StreamConsumer::Given(arn) => Some(arn.clone()),
            StreamConsumer::Own => {
                let name = naming::stream_consumer_name(key, stream_name);
                let id = naming::stream_consumer(&name);
                let properties = json!({"StreamARN": stream.arn, "ConsumerName": name});
                self.add(&id, json!({"Type": "AWS::Kinesis::StreamConsumer", "Properties": properties}), at);
                Some(json!({"Ref": id}))
            }
        }
    }
}

/// What the role reads, by how it does.
#[derive(Default)]
struct Read {
    tables: Vec<Value>,
    streams: Vec<Value>,
    /// Streams that are read by consumers, and those.
    shared: Vec<Value>,
    consumers: Vec<Value>,
}

impl Read {
    fn note(&mut self, stream: &Stream, consumer: Option<Value>) {
        let list = match (stream.of_table, consumer) {
            (true, _) => &mut self.tables,
            (false, None) => &mut self.streams,
            (false, Some(consumer)) => {
                self.consumers.push(consumer);
                &mut self.shared
            }
        };
        if !list.contains(&stream.arn) {
            list.push(stream.arn.clone());
        }
    }

    fn statements(self) -> Vec<Value> {
        let reading: &[&str] = &["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"];
        let all: [(&str, &[&str], Vec<Value>); 4] = [
            ("dynamodb", reading, self.tables),
            ("kinesis", reading, self.streams),
            ("kinesis", &["GetRecords", "GetShardIterator", "DescribeStreamSummary", "ListShards"], self.shared),
            ("kinesis", &["SubscribeToShard"], self.consumers),
        ];
        let statement = |(service, actions, resources): (&str, &[&str], Vec<Value>)| {
            let actions: Vec<String> = actions.iter().map(|action| format!("{service}:{action}")).collect();
            (!resources.is_empty()).then(|| json!({"Effect": "Allow", "Action": actions, "Resource": resources}))
        };
        all.into_iter().filter_map(statement).collect()
    }
}

/// What names a stream, or the table that it is of: part of the mapping's logical id.
fn stream_name(arn: &Value) -> String {
    match arn.as_str().and_then(|arn| arn.split('/').nth(1)) {
        Some(name) => name.to_string(),
        None => queue_name(arn),
    }
}
