//! Amazon SQS: standard and FIFO queues.
//!
//! This is the service to copy: every other has the same files, and this file is its table of contents.

mod attributes;
mod digest;
mod error;
mod keys;
mod limits;
mod metrics;
mod model;
mod ops;
mod receipt;
mod target;
mod types;
mod workers;

use std::sync::Arc;

use service::{Api, QueryApi, Service, read, write};
use wire::Protocol;
use wire::query::{Flat, Names};

pub use error::Error;
pub use metrics::{Gauge, gauges};
pub use model::letters;

use ops::{batch::Entry, move_task, on, on_arn, on_queue, permission, queue, receive, remove, send, tag};

/// The service's state in memory: none, since receivers wait on the store itself.
pub struct Sqs;

const API: Api = Api {
    model: "sqs",
    namespace: "com.amazonaws.sqs",
    json: Some((Protocol::Json10, "AmazonSQS")),
    query: Some(QueryApi {
        version: "2012-11-05",
        xmlns: "http://queue.amazonaws.com/doc/2012-11-05/",
        names: &NAMES,
        path_member: Some("QueueUrl"),
    }),
    access_denied: "AccessDenied",
    ..Api::named("sqs")
};

/// How the Query protocol, older than the JSON one, names what differs.
static NAMES: Names = Names::new(&[
    ("Attributes", Flat::map("Attribute", "Name", "Value")),
    ("MessageAttributes", Flat::map("MessageAttribute", "Name", "Value")),
    ("MessageSystemAttributes", Flat::map("MessageSystemAttribute", "Name", "Value")),
    ("Tags", Flat::map("Tag", "Key", "Value")),
    ("tags", Flat::map("Tag", "Key", "Value")),
    ("AttributeNames", Flat::list("AttributeName")),
    ("MessageSystemAttributeNames", Flat::list("MessageSystemAttributeName")),
    ("MessageAttributeNames", Flat::list("MessageAttributeName")),
    ("AWSAccountIds", Flat::list("AWSAccountId")),
    ("Actions", Flat::list("ActionName")),
    ("TagKeys", Flat::list("TagKey")),
    ("QueueUrls", Flat::list("QueueUrl")),
    ("queueUrls", Flat::list("QueueUrl")),
    ("Messages", Flat::list("Message")),
    ("Results", Flat::list("ListMessageMoveTasksResultEntry")),
    ("Failed", Flat::list("BatchResultErrorEntry")),
]);
static SEND_BATCH: Names = Names::new(&[
    ("Entries", Flat::list(send::MessageInput::NAME)),
    ("Successful", Flat::list("SendMessageBatchResultEntry")),
]);
static DELETE_BATCH: Names = Names::new(&[
    ("Entries", Flat::list(remove::ReceiptInput::NAME)),
    ("Successful", Flat::list("DeleteMessageBatchResultEntry")),
]);
static VISIBILITY_BATCH: Names = Names::new(&[
    ("Entries", Flat::list("ChangeMessageVisibilityBatchRequestEntry")),
    ("Successful", Flat::list("ChangeMessageVisibilityBatchResultEntry")),
]);

#[rustfmt::skip] // A table: one line an operation.
pub fn service() -> Service {
    Service::builder(API, Arc::new(Sqs))
        .operation(write("CreateQueue", queue::create).resource(|cx, i| cx.arn("sqs", &i.queue_name)))
        .operation(write("DeleteQueue", queue::delete).permissions(|_, cx, i| on_queue(cx, "sqs:DeleteQueue", &i.queue_url)))
        .operation(write("PurgeQueue", queue::purge).permissions(|_, cx, i| on_queue(cx, "sqs:PurgeQueue", &i.queue_url)))
        .operation(read("GetQueueUrl", queue::url).permissions(|_, cx, i| on(cx, "sqs:GetQueueUrl", &cx.arn("sqs", &i.queue_name))))
        .operation(read("ListQueues", queue::list).resource(|cx, _| cx.arn("sqs", "*")))
        .operation(read("ListDeadLetterSourceQueues", queue::list_dead_letter_sources).permissions(|_, cx, i| on_queue(cx, "sqs:ListDeadLetterSourceQueues", &i.queue_url)))
        .operation(read("GetQueueAttributes", queue::get_attributes).permissions(|_, cx, i| on_queue(cx, "sqs:GetQueueAttributes", &i.queue_url)))
        .operation(write("SetQueueAttributes", queue::set_attributes).permissions(|_, cx, i| on_queue(cx, "sqs:SetQueueAttributes", &i.queue_url)))
        .operation(write("AddPermission", permission::add).permissions(|_, cx, i| on_queue(cx, "sqs:AddPermission", &i.queue_url)))
        .operation(write("RemovePermission", permission::remove).permissions(|_, cx, i| on_queue(cx, "sqs:RemovePermission", &i.queue_url)))
        .operation(write("TagQueue", tag::tag).permissions(|_, cx, i| on_queue(cx, "sqs:TagQueue", &i.queue_url)))
        .operation(write("UntagQueue", tag::untag).permissions(|_, cx, i| on_queue(cx, "sqs:UntagQueue", &i.queue_url)))
        .operation(read("ListQueueTags", tag::list).permissions(|_, cx, i| on_queue(cx, "sqs:ListQueueTags", &i.queue_url)))
        .operation(write("SendMessage", send::send).permissions(|_, cx, i| on_queue(cx, "sqs:SendMessage", &i.queue_url)))
        .operation(write("SendMessageBatch", send::send_batch).action("sqs:SendMessage").permissions(|_, cx, i| on_queue(cx, "sqs:SendMessage", &i.queue_url)).names(&SEND_BATCH))
        .operation(write("ReceiveMessage", receive::receive).permissions(|_, cx, i| on_queue(cx, "sqs:ReceiveMessage", &i.queue_url)))
        .operation(write("DeleteMessage", remove::delete).permissions(|_, cx, i| on_queue(cx, "sqs:DeleteMessage", &i.queue_url)))
        .operation(write("DeleteMessageBatch", remove::delete_batch).action("sqs:DeleteMessage").permissions(|_, cx, i| on_queue(cx, "sqs:DeleteMessage", &i.queue_url)).names(&DELETE_BATCH))
        .operation(write("ChangeMessageVisibility", remove::change_visibility).permissions(|_, cx, i| on_queue(cx, "sqs:ChangeMessageVisibility", &i.queue_url)))
        .operation(write("ChangeMessageVisibilityBatch", remove::change_visibility_batch).action("sqs:ChangeMessageVisibility").permissions(|_, cx, i| on_queue(cx, "sqs:ChangeMessageVisibility", &i.queue_url)).names(&VISIBILITY_BATCH))
        .operation(write("StartMessageMoveTask", move_task::start).permissions(|_, cx, i| i.permissions(cx)))
        .operation(write("CancelMessageMoveTask", move_task::cancel).permissions(|_, cx, i| on_arn(cx, "sqs:CancelMessageMoveTask", &i.source())))
        .operation(read("ListMessageMoveTasks", move_task::list).permissions(|_, cx, i| on_arn(cx, "sqs:ListMessageMoveTasks", &i.source_arn)))
        .target(target::QueueTarget)
        .timers(workers::fire)
        .worker("sqs expiry", workers::expire)
        .build()
}
