//! `sqs` events: a mapping from a queue to a function, and leave for the role to read the queue.

use serde_json::{Value, json};

use super::{Compiler, invoked, without_nulls};
use crate::serverless::config::EventSource;
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn queues(&mut self) {
        let events = self.events(|source| match source {
            EventSource::Sqs(sqs) => Some(sqs),
            _ => None,
        });
        let mut queues = Vec::new();
        for (function, at, sqs) in events {
            let filters = sqs.filter_patterns.iter().map(|pattern| json!({"Pattern": pattern.to_string()}));
            let filters: Vec<Value> = filters.collect();
            let properties = without_nulls(json!({
                "BatchSize": sqs.batch_size,
                "MaximumBatchingWindowInSeconds": sqs.batching_window,
                "EventSourceArn": sqs.arn,
                "FunctionName": invoked(function),
                "Enabled": sqs.enabled,
                "FunctionResponseTypes": sqs.report_batch_item_failures.then_some(["ReportBatchItemFailures"]),
                "FilterCriteria": (!filters.is_empty()).then(|| json!({"Filters": filters})),
                "ScalingConfig": sqs.maximum_concurrency.map(|most| json!({"MaximumConcurrency": most})),
            }));
            let role = self.made_role_of(function);
            let resource = without_nulls(json!({
                "Type": "AWS::Lambda::EventSourceMapping",
                "DependsOn": role.map(|role| [role]),
                "Properties": properties,
            }));
            self.add(&naming::queue_mapping(&function.key, &queue_name(&sqs.arn)), resource, at);
            if role.is_some() && !queues.contains(&sqs.arn) {
                queues.push(sqs.arn.clone());
            }
        }
        if !queues.is_empty() {
            let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
            let statement = json!({"Effect": "Allow", "Action": actions, "Resource": queues});
            self.allow(statement);
        }
    }
}

/// What names the queue in an ARN or in the function that makes one: part of the mapping's logical id.
pub(super) fn queue_name(arn: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    if let Some(parts) = arn.get("Fn::GetAtt") {
        return parts.get(0).map(text).unwrap_or_default();
    }
    if let Some(name) = arn.get("Fn::ImportValue") {
        return name.as_str().map_or_else(|| name.to_string(), str::to_string);
    }
    if let Some(parts) = arn.pointer("/Fn::Join/1").and_then(Value::as_array) {
        return parts.last().map(text).unwrap_or_default();
    }
    let text = arn.as_str().map_or_else(|| arn.to_string(), str::to_string);
    text.rsplit(':').next().unwrap_or_default().to_string()
}
