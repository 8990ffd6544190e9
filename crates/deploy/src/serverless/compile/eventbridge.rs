//! `eventBridge` events: a bus where it is to be made, the rule, and the permission for it to invoke the function.

use serde_json::{Value, json};

use super::{Compiler, invoked, rule_permission, without_nulls};
use crate::serverless::config::{Bus, EventBridge, EventSource, Function};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn event_rules(&mut self) {
        let events = self.events(|source| match source {
            EventSource::EventBridge(event) => Some(event),
            _ => None,
        });
        for (function, at, event) in events {
            let made = match &event.bus {
                Some(Bus::Made(name)) => Some((naming::event_bus(name), name)),
                _ => None,
            };
            if let Some((id, name)) = &made {
                self.add(id, json!({"Type": "AWS::Events::EventBus", "Properties": {"Name": name}}), at);
            }
            let rule = naming::rule(&function.name, event.number);
            let resource = without_nulls(json!({
                "Type": "AWS::Events::Rule",
                "DependsOn": made.map(|(id, _)| id),
                "Properties": properties(function, event),
            }));
            self.add(&rule, resource, at);
            let permission = rule_permission(function, &rule);
            self.add(&naming::rule_permission(&function.key, event.number), permission, at);
        }
    }
}

fn properties(function: &Function, event: &EventBridge) -> Value {
    let name = event.name.clone().unwrap_or_else(|| naming::rule_name(&function.name, event.number));
    let target = without_nulls(json!({
        "Arn": invoked(function),
        "Id": naming::rule_target(&name),
        "Input": event.input,
        "InputPath": event.input_path,
        "InputTransformer": event.input_transformer,
        "RetryPolicy": event.retry_policy,
        "DeadLetterConfig": event.dead_letter_queue.as_ref().map(|arn| json!({"Arn": arn})),
    }));
    without_nulls(json!({
        "Name": name,
        "Description": event.description,
        "EventBusName": event.bus.as_ref().map(|bus| match bus {
            Bus::Made(name) => json!(name),
            Bus::Given(name) => name.clone(),
        }),
        "EventPattern": event.pattern,
        "ScheduleExpression": event.schedule,
        "State": if event.enabled { "ENABLED" } else { "DISABLED" },
        "Targets": [target],
    }))
}
