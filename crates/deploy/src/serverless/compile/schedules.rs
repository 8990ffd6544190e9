//! `schedule` events: a rule of the event bus and the permission for it to invoke the function, or a schedule of EventBridge
//! Scheduler, which invokes as the function's role.

use serde_json::{Value, json};

use super::{Compiler, invoked, rule_permission, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{EventSource, Function, Schedule, Scheduler};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn schedules(&mut self) {
        let events = self.events(|source| match source {
            EventSource::Schedule(schedule) => Some(schedule),
            _ => None,
        });
        let mut last_function = "";
        let mut number = 0;
        let mut invoked = Vec::new();
        for (function, at, schedule) in events {
            if last_function != function.key {
                (last_function, number) = (&function.key, 0);
            }
            if schedule.name.is_some() && schedule.expressions.len() > 1 {
                self.diagnostics.error(at, "a `name` fits one rate only, and there are several");
            }
            for expression in &schedule.expressions {
                number += 1;
                match &schedule.scheduler {
                    Some(scheduler) => self.scheduler_schedule((function, number), at, schedule, scheduler, expression),
                    None => self.scheduled_rule((function, number), at, schedule, expression),
                }
            }
            if schedule.scheduler.is_some()
                && self.made_role_of(function).is_some()
                && !invoked.contains(&&function.name)
            {
                invoked.push(&function.name);
            }
        }
        self.let_scheduler_invoke(&invoked);
    }

    fn scheduled_rule(
        &mut self,
        (function, number): (&Function, usize),
        at: &At,
        schedule: &Schedule,
        expression: &Value,
    ) {
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
            "State": state(schedule),
            "Name": schedule.name,
            "Description": schedule.description,
            "Targets": [target],
        }));
        self.add(&rule, json!({"Type": "AWS::Events::Rule", "Properties": properties}), at);
        let permission = rule_permission(function, &rule);
        self.add(&naming::schedule_permission(&function.key, number), permission, at);
    }

    fn scheduler_schedule(
        &mut self,
        (function, number): (&Function, usize),
        at: &At,
        schedule: &Schedule,
        scheduler: &Scheduler,
        expression: &Value,
    ) {
        let role = self.role_of(function);
        let properties = without_nulls(json!({
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": scheduler.timezone,
            "State": state(schedule),
            "Name": schedule.name,
            "Description": schedule.description,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": without_nulls(json!({"Arn": invoked(function), "RoleArn": role, "Input": schedule.input})),
        }));
        let id = naming::scheduler_schedule(&function.key, number);
        self.add(&id, json!({"Type": "AWS::Scheduler::Schedule", "Properties": properties}), at);
    }

    /// The role that is made for the functions is the Scheduler's too, for functions of these names that have it.
    fn let_scheduler_invoke(&mut self, functions: &[&String]) {
        if functions.is_empty() {
            return;
        }
        let arn = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:";
        let resources = functions.iter().flat_map(|name| [format!("{arn}{name}"), format!("{arn}{name}:*")]);
        let resources: Vec<Value> = resources.map(|resource| json!({"Fn::Sub": resource})).collect();
        self.trust("scheduler.amazonaws.com");
        self.allow(json!({"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": resources}));
    }
}

fn state(schedule: &Schedule) -> &'static str {
    if schedule.enabled { "ENABLED" } else { "DISABLED" }
}
