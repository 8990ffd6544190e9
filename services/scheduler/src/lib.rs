//! Amazon EventBridge Scheduler: schedules, their groups, and what they send to their targets.

mod attributes;
mod bindings;
mod error;
mod keys;
mod limits;
mod model;
mod name;
mod note;
mod ops;
mod roles;
mod sender;
mod target;
mod timing;
mod types;
mod universal;
mod workers;

use std::sync::Arc;

use service::{Api, Service, read, write};

pub use error::Error;

use bindings::*;
use name::{group_resource, schedule_resource};
use ops::{group, schedule, tag};

/// The name in ARNs and IAM actions, under which its timers are set too.
const NAME: &str = "scheduler";

const API: Api = Api { message_key: "Message", ..Api::named(NAME) };

#[rustfmt::skip] // A table: one line an operation.
pub fn service() -> Service {
    Service::builder(API, Arc::new(()))
        .operation(write("CreateSchedule", schedule::create).rest(&CREATE_SCHEDULE).permissions(|_, cx, i| Ok(i.permissions(cx, "scheduler:CreateSchedule"))))
        .operation(write("UpdateSchedule", schedule::update).rest(&UPDATE_SCHEDULE).permissions(|_, cx, i| Ok(i.permissions(cx, "scheduler:UpdateSchedule"))))
        .operation(write("DeleteSchedule", schedule::delete).rest(&DELETE_SCHEDULE).resource(|cx, i| schedule_resource(cx, i.group_name.as_deref(), &i.name)))
        .operation(read("GetSchedule", schedule::get).rest(&GET_SCHEDULE).resource(|cx, i| schedule_resource(cx, i.group_name.as_deref(), &i.name)))
        .operation(read("ListSchedules", schedule::list).rest(&LIST_SCHEDULES))
        .operation(write("CreateScheduleGroup", group::create).rest(&CREATE_SCHEDULE_GROUP).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(write("DeleteScheduleGroup", group::delete).rest(&DELETE_SCHEDULE_GROUP).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(read("GetScheduleGroup", group::get).rest(&GET_SCHEDULE_GROUP).resource(|cx, i| group_resource(cx, &i.name)))
        .operation(read("ListScheduleGroups", group::list).rest(&LIST_SCHEDULE_GROUPS))
        .operation(write("TagResource", tag::tag).rest(&TAG_RESOURCE).resource(|_, i| i.resource_arn.clone()))
        .operation(write("UntagResource", tag::untag).rest(&UNTAG_RESOURCE).resource(|_, i| i.resource_arn.clone()))
        .operation(read("ListTagsForResource", tag::list).rest(&LIST_TAGS_FOR_RESOURCE).resource(|_, i| i.resource_arn.clone()))
        .target(target::UniversalTarget)
        .sender(sender::ScheduleSender)
        .timers(workers::fire)
        .build()
}
