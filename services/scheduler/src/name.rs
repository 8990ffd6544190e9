//! Names and ARNs of schedules and of their groups.
//!
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html>

use base::Arn;
use service::Cx;

/// The group that is there without being made.
pub const DEFAULT_GROUP: &str = "default";

/// The model's constraint on names.
pub const NAME_PATTERN: &str = "[0-9a-zA-Z-_.]+";

pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

pub fn group_resource(cx: &Cx, name: &str) -> Arn {
    cx.arn(crate::NAME, format!("schedule-group/{name}"))
}

pub fn schedule_resource(cx: &Cx, group: Option<&str>, name: &str) -> Arn {
    cx.arn(crate::NAME, format!("schedule/{}/{name}", group.unwrap_or(DEFAULT_GROUP)))
}

/// The name of a group, from its ARN.
pub fn group_of(arn: &Arn) -> Option<&str> {
    arn.resource.strip_prefix("schedule-group/").filter(|name| arn.service == crate::NAME && is_name(name))
}

/// The group and the name of a schedule, from its ARN.
pub fn schedule_of(arn: &Arn) -> Option<(&str, &str)> {
    let path = arn.resource.strip_prefix("schedule/").filter(|_| arn.service == crate::NAME)?;
    path.split_once('/').filter(|(group, name)| is_name(group) && is_name(name))
}

/// The ARN of a schedule's group, for which the Scheduler acts as the schedule's role.
///
/// Source: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html>
pub fn group_of_schedule(schedule: &Arn) -> Arn {
    let group = schedule_of(schedule).map_or(DEFAULT_GROUP, |(group, _)| group);
    Arn { resource: format!("schedule-group/{group}"), ..schedule.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_groups_and_schedules() {
        let arn =
            |resource: &str| format!("arn:aws:scheduler:us-east-1:000000000000:{resource}").parse::<Arn>().unwrap();
        assert_eq!(schedule_of(&arn("schedule/default/a.b-c_1")), Some(("default", "a.b-c_1")));
        assert_eq!(group_of(&arn("schedule-group/g")), Some("g"));
        for other in
            ["schedule/a", "schedule/a/b/c", "schedule//b", "schedule-group/a/b", "schedule-group/ä", "rule/a/b"]
        {
            assert_eq!((schedule_of(&arn(other)), group_of(&arn(other))), (None, None), "{other}");
        }
        assert_eq!(group_of(&"arn:aws:sqs:us-east-1:0:schedule-group/g".parse().unwrap()), None);
    }
}
