//! Where the members of each operation travel in HTTP.
//!
//! Source: the `http` traits of the Scheduler's service model.

use wire::rest::Binding;

pub static CREATE_SCHEDULE: Binding = Binding::new("POST", "/schedules/{Name}", 200);
pub static UPDATE_SCHEDULE: Binding = Binding::new("PUT", "/schedules/{Name}", 200);
pub static DELETE_SCHEDULE: Binding = Binding::new("DELETE", "/schedules/{Name}", 200)
    .query(&[("groupName", "GroupName"), ("clientToken", "ClientToken")]);
pub static GET_SCHEDULE: Binding = Binding::new("GET", "/schedules/{Name}", 200).query(&[("groupName", "GroupName")]);
pub static LIST_SCHEDULES: Binding = Binding::new("GET", "/schedules", 200).query(&[
    ("ScheduleGroup", "GroupName"),
    ("NamePrefix", "NamePrefix"),
    ("State", "State"),
    ("NextToken", "NextToken"),
    ("MaxResults", "MaxResults"),
]);
pub static CREATE_SCHEDULE_GROUP: Binding = Binding::new("POST", "/schedule-groups/{Name}", 200);
pub static DELETE_SCHEDULE_GROUP: Binding =
    Binding::new("DELETE", "/schedule-groups/{Name}", 200).query(&[("clientToken", "ClientToken")]);
pub static GET_SCHEDULE_GROUP: Binding = Binding::new("GET", "/schedule-groups/{Name}", 200);
pub static LIST_SCHEDULE_GROUPS: Binding = Binding::new("GET", "/schedule-groups", 200).query(&[
    ("NamePrefix", "NamePrefix"),
    ("NextToken", "NextToken"),
    ("MaxResults", "MaxResults"),
]);
pub static TAG_RESOURCE: Binding = Binding::new("POST", "/tags/{ResourceArn}", 200);
pub static UNTAG_RESOURCE: Binding =
    Binding::new("DELETE", "/tags/{ResourceArn}", 200).query(&[("TagKeys", "TagKeys")]);
pub static LIST_TAGS_FOR_RESOURCE: Binding = Binding::new("GET", "/tags/{ResourceArn}", 200);
