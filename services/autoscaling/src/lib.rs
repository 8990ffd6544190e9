//! Application Auto Scaling: changes the capacity of other services' resources by schedule and by use. Functions'
//! provisioned concurrency and tables' throughput are what there is to scale.

mod capacity;
mod error;
mod keys;
mod limits;
mod model;
mod ops;
#[cfg(test)]
mod tests;
mod tracking;
mod types;
mod workers;

use std::sync::Arc;

use service::{Api, Service, read, write};
use wire::Protocol;

pub use error::Error;

use ops::{action, activity, policy, tag, target};

/// The service's name in ARNs and timers.
const NAME: &str = "application-autoscaling";

/// The service's state in memory: none, the worker has its own.
pub struct AutoScaling;

const API: Api = Api {
    namespace: "com.amazonaws.applicationautoscaling",
    json: Some((Protocol::Json11, "AnyScaleFrontendService")),
    not_implemented: &["GetPredictiveScalingForecast"],
    ..Api::named(NAME)
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service() -> Service {
    Service::builder(API, Arc::new(AutoScaling))
        .operation(write("RegisterScalableTarget", target::register).permissions(|_, cx, i| Ok(target::permissions(cx, i))))
        .operation(write("DeregisterScalableTarget", target::deregister))
        .operation(read("DescribeScalableTargets", target::describe))
        .operation(write("PutScheduledAction", action::put))
        .operation(write("DeleteScheduledAction", action::delete))
        .operation(read("DescribeScheduledActions", action::describe))
        .operation(write("PutScalingPolicy", policy::put))
        .operation(write("DeleteScalingPolicy", policy::delete))
        .operation(read("DescribeScalingPolicies", policy::describe))
        .operation(read("DescribeScalingActivities", activity::describe))
        .operation(write("TagResource", tag::tag).resource(|_, i| i.resource_arn.clone()))
        .operation(write("UntagResource", tag::untag).resource(|_, i| i.resource_arn.clone()))
        .operation(read("ListTagsForResource", tag::list).resource(|_, i| i.resource_arn.clone()))
        .timers(workers::fire)
        .worker("application autoscaling", workers::run)
        .build()
}
