//! Amazon DynamoDB: tables of items, with expressions, secondary indexes, transactions and streams.

mod attribute;
mod encoding;
mod error;
mod expression;
mod key;
mod keys;
mod limits;
mod model;
mod number;
mod ops;
mod partiql;
mod sender;
mod size;
mod target;
mod throttle;
mod transfer;
mod types;
mod used;
mod validation;
mod value;
mod workers;

use std::sync::Arc;

use service::{Api, Cx, Service, read, write};
use tokio::sync::Semaphore;
use wire::Protocol;
use wire::rest::Binding;

pub use error::Error;

use ops::follow::Followers;
use ops::permission::{permission, resource_arn, resource_permission, table_arn};
use ops::{
    account, backup, batch_get, batch_write, bulk, delete, destination, export, follow, get, import, put, query,
    recovery, resource_policy, restore, scan, search, statement, statements, streams, table, tag, transact_get,
    transact_write, transfers, ttl, update, update_table,
};
use target::Tables;
use throttle::{Drawn, Throttle};

/// The service's state in memory.
pub struct DynamoDb {
    throttle: Arc<Throttle>,
    /// The searches that look at rows.
    searches: Arc<Semaphore>,
}

impl DynamoDb {
    /// What the request has drawn of the throughput: nothing yet.
    fn drawn(&self, cx: &Cx) -> Drawn {
        Drawn::new(&self.throttle, cx.now())
    }
}

/// How the service is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether throughput is limited as AWS limits it.
    pub throttle: bool,
}

const API: Api = Api {
    namespace: "com.amazonaws.dynamodb.v20120810",
    json: Some((Protocol::Json10, "DynamoDB_20120810")),
    not_implemented: &NOT_IMPLEMENTED,
    checksum: true,
    foreign: &FOREIGN,
    ..Api::named("dynamodb")
};

/// Clients that look at the whole of `__type` find these, as others found them:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
const FOREIGN: [(&str, &str); 3] = [
    ("ValidationException", "com.amazon.coral.validate"),
    ("SerializationException", "com.amazon.coral.service"),
    ("AccessDeniedException", "com.amazon.coral.service"),
];

#[rustfmt::skip]
const NOT_IMPLEMENTED: [&str; 11] = [
    "CreateGlobalTable", "DescribeContributorInsights",
    "DescribeGlobalTable", "DescribeGlobalTableSettings",
    "DescribeTableReplicaAutoScaling",
    "ListContributorInsights", "ListGlobalTables",
    "UpdateContributorInsights", "UpdateGlobalTable", "UpdateGlobalTableSettings",
    "UpdateTableReplicaAutoScaling",
];

const STREAMS_API: Api = Api {
    model: "dynamodbstreams",
    namespace: "com.amazonaws.dynamodb.streams.v20120810",
    json: Some((Protocol::Json10, "DynamoDBStreams_20120810")),
    checksum: true,
    foreign: &FOREIGN,
    ..Api::named("dynamodb")
};

/// What this server has and AWS does not.
const LIVE_API: Api = Api { model: "cloudlet-dynamodb", ..Api::named("dynamodb") };

static FOLLOW_QUERY: Binding = Binding::new("GET", "/_cloudlet/dynamodb/follow", 200).query(&[("query", "Query")]);

/// The API of tables and items, the one of their streams, and our own. They share the signing name `dynamodb`.
pub fn services(options: Options) -> [Service; 3] {
    let state = Arc::new(DynamoDb {
        throttle: Arc::new(Throttle::new(options.throttle)),
        searches: Arc::new(Semaphore::new(limits::SEARCHES_AT_ONCE)),
    });
    [service(state.clone()), streams_service(state), live_service()]
}

fn live_service() -> Service {
    Service::builder(LIVE_API, Arc::new(Followers::default()))
        .operation(read("FollowQuery", follow::follow).permissions(follow::permissions).rest(&FOLLOW_QUERY))
        .build()
}

#[rustfmt::skip] // A table: one line an operation.
fn streams_service(state: Arc<DynamoDb>) -> Service {
    Service::builder(STREAMS_API, state)
        .operation(read("ListStreams", streams::list).resource(|cx, i| streams::streams_arn(cx, i.table_name.as_deref())))
        .operation(read("DescribeStream", streams::describe).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:DescribeStream", streams::stream_arn(cx, i.stream_arn.as_deref()))?])))
        .operation(read("GetShardIterator", streams::iterator).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:GetShardIterator", streams::stream_arn(cx, i.stream_arn.as_deref()))?])))
        .operation(read("GetRecords", streams::records).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:GetRecords", streams::iterator_arn(cx, i.shard_iterator.as_deref()))?])))
        .build()
}

#[rustfmt::skip] // A table: one line an operation.
fn service(state: Arc<DynamoDb>) -> Service {
    let tables = Tables(state.clone());
    Service::builder(API, state)
        .operation(write("CreateTable", table::create).permissions(table::create_permissions))
        .operation(write("UpdateTable", update_table::update).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:UpdateTable", i.table_name.as_deref(), None)?])))
        .operation(write("DeleteTable", table::delete).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:DeleteTable", i.table_name.as_deref(), None)?])))
        .operation(read("DescribeTable", table::describe).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:DescribeTable", i.table_name.as_deref(), None)?])))
        .operation(read("ListTables", table::list).resource(|cx, _| table_arn(cx, None)))
        .operation(write("TagResource", tag::tag).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:TagResource", resource_arn(cx, i.resource_arn.as_deref()))?])))
        .operation(write("UntagResource", tag::untag).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:UntagResource", resource_arn(cx, i.resource_arn.as_deref()))?])))
        .operation(read("ListTagsOfResource", tag::list).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:ListTagsOfResource", resource_arn(cx, i.resource_arn.as_deref()))?])))
        .operation(read("DescribeTimeToLive", ttl::describe).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:DescribeTimeToLive", i.table_name.as_deref(), None)?])))
        .operation(write("UpdateTimeToLive", ttl::update).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:UpdateTimeToLive", i.table_name.as_deref(), None)?])))
        .operation(write("EnableKinesisStreamingDestination", destination::enable).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:EnableKinesisStreamingDestination", i.table_name.as_deref(), None)?])))
        .operation(write("DisableKinesisStreamingDestination", destination::disable).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:DisableKinesisStreamingDestination", i.table_name.as_deref(), None)?])))
        .operation(write("UpdateKinesisStreamingDestination", destination::update).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:UpdateKinesisStreamingDestination", i.table_name.as_deref(), None)?])))
        .operation(read("DescribeKinesisStreamingDestination", destination::describe).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:DescribeKinesisStreamingDestination", i.table_name.as_deref(), None)?])))
        .operation(write("PutResourcePolicy", resource_policy::put).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:PutResourcePolicy", resource_arn(cx, i.resource_arn.as_deref()))?])))
        .operation(read("GetResourcePolicy", resource_policy::get).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:GetResourcePolicy", resource_arn(cx, i.resource_arn.as_deref()))?])))
        .operation(write("DeleteResourcePolicy", resource_policy::delete).permissions(|_, cx, i| Ok(vec![resource_permission(cx, "dynamodb:DeleteResourcePolicy", resource_arn(cx, i.resource_arn.as_deref()))?])))
        .operation(write("CreateBackup", backup::create).permissions(backup::create_permissions))
        .operation(read("DescribeBackup", backup::describe).permissions(|_, cx, i| backup::permissions(cx, "dynamodb:DescribeBackup", i.backup_arn.as_deref())))
        .operation(write("DeleteBackup", backup::delete).permissions(|_, cx, i| backup::permissions(cx, "dynamodb:DeleteBackup", i.backup_arn.as_deref())))
        .operation(read("ListBackups", backup::list))
        .operation(write("RestoreTableFromBackup", restore::from_backup).permissions(restore::backup_permissions))
        .operation(read("DescribeContinuousBackups", recovery::describe).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:DescribeContinuousBackups", i.table_name.as_deref(), None)?])))
        .operation(write("UpdateContinuousBackups", recovery::update).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:UpdateContinuousBackups", i.table_name.as_deref(), None)?])))
        .operation(write("RestoreTableToPointInTime", restore::to_point_in_time).permissions(restore::moment_permissions))
        .operation(write("ExportTableToPointInTime", export::export).permissions(export::permissions))
        .operation(read("DescribeExport", export::describe).permissions(|_, cx, i| Ok(transfers::permission(cx, "dynamodb:DescribeExport", i.export_arn.as_deref()))))
        .operation(read("ListExports", export::list))
        .operation(write("ImportTable", import::import).permissions(import::permissions))
        .operation(read("DescribeImport", import::describe).permissions(|_, cx, i| Ok(transfers::permission(cx, "dynamodb:DescribeImport", i.import_arn.as_deref()))))
        .operation(read("ListImports", import::list))
        .operation(write("StartBulkPutItems", bulk::start).permissions(|_, cx, i| Ok(vec![permission(cx, "dynamodb:StartBulkPutItems", i.table_name.as_deref(), None)?])))
        .operation(read("DescribeBulkOperation", bulk::describe).permissions(|_, cx, i| Ok(transfers::permission(cx, "dynamodb:DescribeBulkOperation", i.bulk_operation_arn.as_deref()))))
        .operation(read("ListBulkOperations", bulk::list))
        .operation(write("CancelBulkOperation", bulk::cancel).permissions(|_, cx, i| Ok(transfers::permission(cx, "dynamodb:CancelBulkOperation", i.bulk_operation_arn.as_deref()))))
        .operation(read("DescribeLimits", account::limits))
        .operation(read("DescribeEndpoints", account::endpoints))
        .operation(write("PutItem", put::put).permissions(put::permissions))
        .operation(read("GetItem", get::get).permissions(get::permissions))
        .operation(write("UpdateItem", update::update).permissions(update::permissions))
        .operation(write("DeleteItem", delete::delete).permissions(delete::permissions))
        .operation(read("BatchGetItem", batch_get::batch_get).permissions(batch_get::permissions))
        .operation(write("BatchWriteItem", batch_write::batch_write).permissions(batch_write::permissions))
        .operation(read("Query", query::query).permissions(|_, cx, i| Ok(vec![query::permission(cx, i)?])))
        .operation(read("Scan", scan::scan).permissions(scan::permissions))
        .operation(read("SearchVectors", search::search).permissions(search::permissions))
        .operation(read("TransactGetItems", transact_get::transact_get).permissions(transact_get::permissions))
        .operation(write("TransactWriteItems", transact_write::transact_write).permissions(transact_write::permissions))
        .operation(write("ExecuteStatement", statement::execute).permissions(statement::permissions))
        .operation(write("BatchExecuteStatement", statements::batch).permissions(statements::batch_permissions))
        .operation(write("ExecuteTransaction", statements::transaction).permissions(statements::transaction_permissions))
        .timers(workers::fire)
        .target(tables)
        .sender(sender::Changes)
        .worker("dynamodb exports, imports and bulk puts", transfer::run)
        .build()
}
