//! Amazon Kinesis Data Streams: streams of records in shards, read from any place by any number of readers.

mod block;
mod constraints;
mod error;
mod iterator;
mod keys;
mod limits;
mod model;
mod ops;
mod sequence;
mod subscriptions;
mod target;
mod throttle;
mod types;
mod workers;

use std::sync::Arc;

use service::{Api, CallerKind, Cx, Service, read, write};
use wire::Protocol;

pub use error::Error;

use ops::consumer::consumer_permissions;
use ops::on_stream;
use ops::tag::resource_permissions;
use ops::{account, consumer, describe, get, list, put, resource_policy, scaling, settings, stream, subscribe, tag};
use subscriptions::Subscriptions;
use throttle::Throttle;
use types::Stream;

/// The service's state in memory.
#[derive(Default)]
pub struct Kinesis {
    /// Where throughput is limited.
    throttle: Option<Throttle>,
    subscriptions: Subscriptions,
}

impl Kinesis {
    /// What limits this request's throughput: nothing that limits on-demand streams, or the server's own reading.
    fn throttle_of(&self, cx: &Cx, stream: &Stream) -> Option<&Throttle> {
        let is_limited = !stream.on_demand && cx.caller().kind != CallerKind::System;
        self.throttle.as_ref().filter(|_| is_limited)
    }
}

/// How the service is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether throughput is limited as AWS limits it.
    pub throttle: bool,
}

const API: Api = Api {
    // Its errors are told without a namespace.
    namespace: "",
    json: Some((Protocol::Json11, "Kinesis_20131202")),
    not_implemented: &NOT_IMPLEMENTED,
    ..Api::named("kinesis")
};

#[rustfmt::skip]
const NOT_IMPLEMENTED: [&str; 17] = [
    "AcknowledgeDeadLetterQueueRecords", "AcknowledgeQueueRecords",
    "CreateChannel", "CreateQueue", "DeleteChannel", "DeleteQueue", "DescribeChannel", "DescribeQueue",
    "ListChannels", "ListQueues",
    "ReceiveDeadLetterQueueRecords", "ReceiveQueueRecords", "RestoreDeadLetterQueueRecords",
    "UpdateChannel", "UpdateDeadLetterQueueRecordsVisibility", "UpdateQueue", "UpdateQueueRecordsVisibility",
];

#[rustfmt::skip] // A table: one line an operation.
pub fn service(options: Options) -> Service {
    let state = Kinesis { throttle: options.throttle.then(Throttle::default), ..Kinesis::default() };
    Service::builder(API, Arc::new(state))
        .operation(write("CreateStream", stream::create).permissions(stream::create_permissions))
        .operation(write("DeleteStream", stream::delete).permissions(on_stream("kinesis:DeleteStream")))
        .operation(write("UpdateStreamMode", stream::update_mode).permissions(on_stream("kinesis:UpdateStreamMode")))
        .operation(read("DescribeStream", describe::describe).permissions(on_stream("kinesis:DescribeStream")))
        .operation(read("DescribeStreamSummary", describe::summary).permissions(on_stream("kinesis:DescribeStreamSummary")))
        .operation(read("ListStreams", list::streams))
        .operation(read("ListShards", list::shards).permissions(|_, cx, i| Ok(vec![ops::permission(cx, "kinesis:ListShards", list::resource(cx, i))?])))
        .operation(write("SplitShard", scaling::split).permissions(on_stream("kinesis:SplitShard")))
        .operation(write("MergeShards", scaling::merge).permissions(on_stream("kinesis:MergeShards")))
        .operation(write("UpdateShardCount", scaling::scale).permissions(on_stream("kinesis:UpdateShardCount")))
        .operation(write("PutRecord", put::put_record).permissions(on_stream("kinesis:PutRecord")))
        .operation(write("PutRecords", put::put_records).permissions(on_stream("kinesis:PutRecords")))
        .operation(read("GetShardIterator", get::iterator).permissions(on_stream("kinesis:GetShardIterator")))
        .operation(read("GetRecords", get::records).permissions(|_, cx, i| Ok(vec![ops::permission(cx, "kinesis:GetRecords", get::resource(cx, i))?])))
        .operation(write("RegisterStreamConsumer", consumer::register).permissions(consumer::register_permissions))
        .operation(read("DescribeStreamConsumer", consumer::describe).permissions(consumer_permissions("kinesis:DescribeStreamConsumer")))
        .operation(read("ListStreamConsumers", consumer::list).permissions(on_stream("kinesis:ListStreamConsumers")))
        .operation(write("DeregisterStreamConsumer", consumer::deregister).permissions(consumer_permissions("kinesis:DeregisterStreamConsumer")))
        .operation(read("SubscribeToShard", subscribe::subscribe).permissions(subscribe::permissions))
        .operation(write("IncreaseStreamRetentionPeriod", settings::increase_retention).permissions(on_stream("kinesis:IncreaseStreamRetentionPeriod")))
        .operation(write("DecreaseStreamRetentionPeriod", settings::decrease_retention).permissions(on_stream("kinesis:DecreaseStreamRetentionPeriod")))
        .operation(write("StartStreamEncryption", settings::start_encryption).permissions(on_stream("kinesis:StartStreamEncryption")))
        .operation(write("StopStreamEncryption", settings::stop_encryption).permissions(on_stream("kinesis:StopStreamEncryption")))
        .operation(write("EnableEnhancedMonitoring", settings::enable_monitoring).permissions(on_stream("kinesis:EnableEnhancedMonitoring")))
        .operation(write("DisableEnhancedMonitoring", settings::disable_monitoring).permissions(on_stream("kinesis:DisableEnhancedMonitoring")))
        .operation(write("UpdateMaxRecordSize", settings::set_record_size).permissions(on_stream("kinesis:UpdateMaxRecordSize")))
        .operation(write("UpdateStreamRecordDistributionStrategy", settings::set_distribution).permissions(on_stream("kinesis:UpdateStreamRecordDistributionStrategy")))
        .operation(write("UpdateStreamWarmThroughput", settings::set_warm_throughput).permissions(on_stream("kinesis:UpdateStreamWarmThroughput")))
        .operation(write("PutResourcePolicy", resource_policy::put).permissions(resource_policy::permissions("kinesis:PutResourcePolicy")))
        .operation(read("GetResourcePolicy", resource_policy::get).permissions(resource_policy::permissions("kinesis:GetResourcePolicy")))
        .operation(write("DeleteResourcePolicy", resource_policy::delete).permissions(resource_policy::permissions("kinesis:DeleteResourcePolicy")))
        .operation(write("AddTagsToStream", tag::add_to_stream).permissions(on_stream("kinesis:AddTagsToStream")))
        .operation(write("RemoveTagsFromStream", tag::remove_from_stream).permissions(on_stream("kinesis:RemoveTagsFromStream")))
        .operation(read("ListTagsForStream", tag::list_for_stream).permissions(on_stream("kinesis:ListTagsForStream")))
        .operation(write("TagResource", tag::tag).permissions(resource_permissions("kinesis:TagResource")))
        .operation(write("UntagResource", tag::untag).permissions(resource_permissions("kinesis:UntagResource")))
        .operation(read("ListTagsForResource", tag::list).permissions(resource_permissions("kinesis:ListTagsForResource")))
        .operation(read("DescribeLimits", account::limits))
        .operation(read("DescribeAccountSettings", account::settings))
        .operation(write("UpdateAccountSettings", account::update_settings))
        .target(target::StreamTarget)
        .timers(workers::fire)
        .build()
}
