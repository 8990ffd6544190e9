//! Amazon EventBridge: buses, rules and their targets, archives and replays, API destinations.

mod api_destination;
mod error;
mod event;
mod index;
mod invocation;
mod keys;
mod limits;
mod model;
mod name;
mod note;
mod ops;
mod roles;
mod sender;
mod target;
mod token;
mod transform;
mod types;
mod workers;

use std::sync::Arc;

use outbound::{Loopback, Outbound, Pace, Reach};
use service::{Api, Service, read, write};
use wire::Protocol;

pub use error::Error;

use index::Indexes;
use ops::rule::resource as rule_resource;
use ops::{archive, bus, connection, destination, events, permission, replay, rule, tag, target as targets};
use token::Tokens;

/// What the service is told at its start.
#[derive(Clone)]
pub struct Options {
    /// What API destinations are reached with.
    pub outbound: Outbound,
    /// Whether a bus holds no more rules than AWS lets it hold without being asked.
    pub throttle: bool,
}

impl Default for Options {
    /// Reaches nothing on this machine, and lets buses hold what they can.
    fn default() -> Options {
        Options { outbound: Outbound::new(Reach { loopback: Loopback::Ports(Vec::new()) }), throttle: false }
    }
}

/// The service's state in memory.
pub struct Events {
    indexes: Arc<Indexes>,
    outbound: Outbound,
    pace: Pace,
    tokens: Tokens,
    rules_of_bus_max: u64,
}

const API: Api = Api {
    namespace: "com.amazonaws.events",
    json: Some((Protocol::Json11, "AWSEvents")),
    not_implemented: &[
        "ActivateEventSource",
        "CreateEndpoint",
        "CreatePartnerEventSource",
        "DeactivateEventSource",
        "DeleteEndpoint",
        "DeletePartnerEventSource",
        "DescribeEndpoint",
        "DescribeEventSource",
        "DescribePartnerEventSource",
        "ListEndpoints",
        "ListEventSources",
        "ListPartnerEventSourceAccounts",
        "ListPartnerEventSources",
        "PutPartnerEvents",
        "UpdateEndpoint",
    ],
    ..Api::named("events")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(options: Options) -> Service {
    let state = Arc::new(Events {
        indexes: Arc::default(),
        outbound: options.outbound,
        pace: Pace::default(),
        tokens: Tokens::default(),
        rules_of_bus_max: if options.throttle { limits::RULES_OF_BUS_QUOTA } else { limits::RULES_OF_BUS_MAX },
    });
    Service::builder(API, state.clone())
        .operation(write("PutEvents", events::put).permissions(|_, cx, i| events::permissions(cx, i)))
        .operation(read("TestEventPattern", events::test))
        .operation(write("CreateEventBus", bus::create).resource(|cx, i| i.resource(cx)))
        .operation(write("UpdateEventBus", bus::update).resource(|cx, i| i.resource(cx)))
        .operation(write("DeleteEventBus", bus::delete).resource(|cx, i| bus::resource(cx, Some(&i.name))))
        .operation(read("DescribeEventBus", bus::describe).resource(|cx, i| i.resource(cx)))
        .operation(read("ListEventBuses", bus::list))
        .operation(write("PutPermission", permission::put).resource(|cx, i| bus::resource(cx, i.event_bus_name.as_deref())))
        .operation(write("RemovePermission", permission::remove).resource(|cx, i| bus::resource(cx, i.event_bus_name.as_deref())))
        .operation(write("PutRule", rule::put).permissions(|_, cx, i| Ok(rule::put_permissions(cx, i))))
        .operation(write("DeleteRule", rule::delete).resource(|cx, i| rule_resource(cx, i.event_bus_name.as_deref(), &i.name)))
        .operation(write("EnableRule", rule::enable).resource(|cx, i| rule_resource(cx, i.event_bus_name.as_deref(), &i.name)))
        .operation(write("DisableRule", rule::disable).resource(|cx, i| rule_resource(cx, i.event_bus_name.as_deref(), &i.name)))
        .operation(read("DescribeRule", rule::describe).resource(|cx, i| rule_resource(cx, i.event_bus_name.as_deref(), &i.name)))
        .operation(read("ListRules", rule::list))
        .operation(read("ListRuleNamesByTarget", rule::list_by_target))
        .operation(write("PutTargets", targets::put).permissions(|_, cx, i| Ok(targets::put_permissions(cx, i))))
        .operation(write("RemoveTargets", targets::remove).resource(|cx, i| rule_resource(cx, i.event_bus_name.as_deref(), &i.rule)))
        .operation(read("ListTargetsByRule", targets::list).resource(|cx, i| rule_resource(cx, i.event_bus_name.as_deref(), &i.rule)))
        .operation(write("TagResource", tag::tag).resource(|_, i| i.resource_arn.clone()))
        .operation(write("UntagResource", tag::untag).resource(|_, i| i.resource_arn.clone()))
        .operation(read("ListTagsForResource", tag::list).resource(|_, i| i.resource_arn.clone()))
        .operation(write("CreateArchive", archive::create).resource(archive::resource))
        .operation(write("UpdateArchive", archive::update).resource(archive::resource))
        .operation(write("DeleteArchive", archive::delete).resource(archive::resource))
        .operation(read("DescribeArchive", archive::describe).resource(archive::resource))
        .operation(read("ListArchives", archive::list))
        .operation(write("StartReplay", replay::start).resource(|cx, i| replay::resource(cx, &i.replay_name)))
        .operation(write("CancelReplay", replay::cancel).resource(|cx, i| replay::resource(cx, &i.replay_name)))
        .operation(read("DescribeReplay", replay::describe).resource(|cx, i| replay::resource(cx, &i.replay_name)))
        .operation(read("ListReplays", replay::list))
        .operation(write("CreateConnection", connection::create).resource(|cx, i| connection::resource(cx, &i.name)))
        .operation(write("UpdateConnection", connection::update).resource(|cx, i| connection::resource(cx, &i.name)))
        .operation(write("DeauthorizeConnection", connection::deauthorize).resource(|cx, i| connection::resource(cx, &i.name)))
        .operation(write("DeleteConnection", connection::delete).resource(|cx, i| connection::resource(cx, &i.name)))
        .operation(read("DescribeConnection", connection::describe).resource(|cx, i| connection::resource(cx, &i.name)))
        .operation(read("ListConnections", connection::list))
        .operation(write("CreateApiDestination", destination::create).resource(|cx, i| destination::resource(cx, &i.name)))
        .operation(write("UpdateApiDestination", destination::update).resource(|cx, i| destination::resource(cx, &i.name)))
        .operation(write("DeleteApiDestination", destination::delete).resource(|cx, i| destination::resource(cx, &i.name)))
        .operation(read("DescribeApiDestination", destination::describe).resource(|cx, i| destination::resource(cx, &i.name)))
        .operation(read("ListApiDestinations", destination::list))
        .target(target::EventsTarget(state))
        .sender(sender::RuleSender)
        .timers(workers::fire)
        .worker("events archives", workers::expire)
        .build()
}
