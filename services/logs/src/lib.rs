//! Amazon CloudWatch Logs: groups, streams, and the events in them.

mod error;
mod keys;
mod limits;
mod model;
mod ops;
mod pattern;
mod position;
mod target;
#[cfg(test)]
mod tests;
mod types;
mod workers;

use std::sync::Arc;

use service::{Api, Service, read, write};
use wire::Protocol;

pub use error::Error;
/// Watch it to hear of new events in a group: `db.watch(&logs::channel(region, group))`.
pub use keys::channel;

use ops::{events, filter, group, group_resource, identified, put, stream, stream_resource, tag};

/// The service's state in memory: none.
pub struct Logs;

const API: Api = Api {
    model: "logs",
    namespace: "com.amazonaws.logs",
    json: Some((Protocol::Json11, "Logs_20140328")),
    not_implemented: &[
        "AssociateKmsKey",
        "AssociateSourceToS3TableIntegration",
        "CancelExportTask",
        "CancelImportTask",
        "CreateDelivery",
        "CreateExportTask",
        "CreateImportTask",
        "CreateLogAnomalyDetector",
        "CreateLookupTable",
        "CreateScheduledQuery",
        "DeleteAccountPolicy",
        "DeleteDataProtectionPolicy",
        "DeleteDelivery",
        "DeleteDeliveryDestination",
        "DeleteDeliveryDestinationPolicy",
        "DeleteDeliverySource",
        "DeleteDestination",
        "DeleteIndexPolicy",
        "DeleteIntegration",
        "DeleteLogAnomalyDetector",
        "DeleteLookupTable",
        "DeleteMetricFilter",
        "DeleteQueryDefinition",
        "DeleteResourcePolicy",
        "DeleteScheduledQuery",
        "DeleteSubscriptionFilter",
        "DeleteTransformer",
        "DescribeAccountPolicies",
        "DescribeConfigurationTemplates",
        "DescribeDeliveries",
        "DescribeDeliveryDestinations",
        "DescribeDeliverySources",
        "DescribeDestinations",
        "DescribeExportTasks",
        "DescribeFieldIndexes",
        "DescribeImportTaskBatches",
        "DescribeImportTasks",
        "DescribeIndexPolicies",
        "DescribeLookupTables",
        "DescribeMetricFilters",
        "DescribeQueries",
        "DescribeQueryDefinitions",
        "DescribeResourcePolicies",
        "DescribeSubscriptionFilters",
        "DisassociateKmsKey",
        "DisassociateSourceFromS3TableIntegration",
        "GetDataProtectionPolicy",
        "GetDelivery",
        "GetDeliveryDestination",
        "GetDeliveryDestinationPolicy",
        "GetDeliverySource",
        "GetIntegration",
        "GetLogAnomalyDetector",
        "GetLogFields",
        "GetLogGroupFields",
        "GetLogObject",
        "GetLogRecord",
        "GetLookupTable",
        "GetQueryResults",
        "GetScheduledQuery",
        "GetScheduledQueryHistory",
        "GetTransformer",
        "ListAggregateLogGroupSummaries",
        "ListAnomalies",
        "ListIntegrations",
        "ListLogAnomalyDetectors",
        "ListLogGroups",
        "ListLogGroupsForQuery",
        "ListScheduledQueries",
        "ListSourcesForS3TableIntegration",
        "PutAccountPolicy",
        "PutBearerTokenAuthentication",
        "PutDataProtectionPolicy",
        "PutDeliveryDestination",
        "PutDeliveryDestinationPolicy",
        "PutDeliverySource",
        "PutDestination",
        "PutDestinationPolicy",
        "PutIndexPolicy",
        "PutIntegration",
        "PutMetricFilter",
        "PutQueryDefinition",
        "PutResourcePolicy",
        "PutSubscriptionFilter",
        "PutTransformer",
        "StartLiveTail",
        "StartQuery",
        "StopQuery",
        "TestMetricFilter",
        "TestTransformer",
        "UpdateAnomaly",
        "UpdateDeliveryConfiguration",
        "UpdateLogAnomalyDetector",
        "UpdateLookupTable",
        "UpdateScheduledQuery",
    ],
    ..Api::named("logs")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service() -> Service {
    Service::builder(API, Arc::new(Logs))
        .operation(write("CreateLogGroup", group::create).resource(|cx, i| group_resource(cx, &i.log_group_name)))
        .operation(write("DeleteLogGroup", group::delete).resource(|cx, i| group_resource(cx, &i.log_group_name)))
        .operation(read("DescribeLogGroups", group::describe).resource(|cx, _| group_resource(cx, "")))
        .operation(write("PutRetentionPolicy", group::put_retention).resource(|cx, i| group_resource(cx, &i.log_group_name)))
        .operation(write("DeleteRetentionPolicy", group::delete_retention).resource(|cx, i| group_resource(cx, &i.log_group_name)))
        .operation(write("PutLogGroupDeletionProtection", group::put_deletion_protection).resource(|cx, i| identified(cx, &i.log_group_identifier).map_or_else(|_| "*".into(), |name| group_resource(cx, &name).to_string())))
        .operation(write("CreateLogStream", stream::create).resource(|cx, i| stream_resource(cx, &i.log_group_name, &i.log_stream_name)))
        .operation(write("DeleteLogStream", stream::delete).resource(|cx, i| stream_resource(cx, &i.log_group_name, &i.log_stream_name)))
        .operation(read("DescribeLogStreams", stream::describe).resource(|cx, i| i.group.resource(cx, "")))
        .operation(write("PutLogEvents", put::put).resource(|cx, i| stream_resource(cx, &i.log_group_name, &i.log_stream_name)))
        .operation(read("GetLogEvents", events::get).resource(|cx, i| i.group.resource(cx, &i.log_stream_name)))
        .operation(read("FilterLogEvents", filter::filter).resource(|cx, i| i.group.resource(cx, "")))
        .operation(write("TagResource", tag::tag).resource(|_, i| i.resource_arn.clone()))
        .operation(write("UntagResource", tag::untag).resource(|_, i| i.resource_arn.clone()))
        .operation(read("ListTagsForResource", tag::list).resource(|_, i| i.resource_arn.clone()))
        .operation(write("TagLogGroup", tag::tag_group).resource(|cx, i| group_resource(cx, &i.log_group_name)))
        .operation(write("UntagLogGroup", tag::untag_group).resource(|cx, i| group_resource(cx, &i.log_group_name)))
        .operation(read("ListTagsLogGroup", tag::list_group).resource(|cx, i| group_resource(cx, &i.log_group_name)))
        .target(target::GroupTarget)
        .timers(workers::fire)
        .build()
}
