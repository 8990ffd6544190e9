//! `schedule` events: a rule of the event bus, and the permission for it to invoke the function.

use serde_json::json;

use super::{Compiler, invoked, rule_permission, without_nulls};
use crate::serverless::config::EventSource;
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn schedules(&mut self) {
        let events = self.events(|source| match source {
            EventSource::Schedule(schedule) => Some(schedule),
            _ => None,
        });
        let mut last_function = "";
        let mut number = 0;
        for (function, at, schedule) in events {
            if last_function != function.key {
                (last_function, number) = (&function.key, 0);
            }
            if schedule.name.is_some() && schedule.expressions.len() > 1 {
                self.diagnostics.error(at, "a `name` fits one rate only, and there are several");
            }
            for expression in &schedule.expressions {
                number += 1;
                let rule = naming::schedule(&function.key, number);
                let target = without_nulls(json!({
                    "Arn": invoked(function),
                    "Id": format!("{}Schedule", function.key),
                    "Input": schedule.input,
                    "InputPath": schedule.input_path,
                    "InputTransformer": schedule.input_transformer,
                }));
                let properties = without_nulls(json!({
                    "ScheduleExpression": expression,
                    "State": if schedule.enabled { "ENABLED" } else { "DISABLED" },
                    "Name": schedule.name,
                    "Description": schedule.description,
                    "Targets": [target],
                }));
                self.add(&rule, json!({"Type": "AWS::Events::Rule", "Properties": properties}), at);
                let permission = rule_permission(function, &rule);
                self.add(&naming::schedule_permission(&function.key, number), permission, at);
            }
        }
    }
}
