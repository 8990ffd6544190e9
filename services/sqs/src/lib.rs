//! Amazon SQS: standard and FIFO queues.
//!
//! This is the service to copy: every other has the same files, and this file is its table of contents.

mod attributes;
mod digest;
mod error;
mod keys;
mod limits;
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

use ops::{batch::Entry, move_task, permission, queue, queue_resource, receive, remove, send, tag};

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
        .operation(write("DeleteQueue", queue::delete).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("PurgeQueue", queue::purge).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(read("GetQueueUrl", queue::url).resource(|cx, i| cx.arn("sqs", &i.queue_name)))
        .operation(read("ListQueues", queue::list).resource(|cx, _| cx.arn("sqs", "*")))
        .operation(read("ListDeadLetterSourceQueues", queue::list_dead_letter_sources).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(read("GetQueueAttributes", queue::get_attributes).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("SetQueueAttributes", queue::set_attributes).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("AddPermission", permission::add).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("RemovePermission", permission::remove).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("TagQueue", tag::tag).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("UntagQueue", tag::untag).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(read("ListQueueTags", tag::list).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("SendMessage", send::send).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("SendMessageBatch", send::send_batch).action("sqs:SendMessage").resource(|cx, i| queue_resource(cx, &i.queue_url)).names(&SEND_BATCH))
        .operation(write("ReceiveMessage", receive::receive).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("DeleteMessage", remove::delete).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("DeleteMessageBatch", remove::delete_batch).action("sqs:DeleteMessage").resource(|cx, i| queue_resource(cx, &i.queue_url)).names(&DELETE_BATCH))
        .operation(write("ChangeMessageVisibility", remove::change_visibility).resource(|cx, i| queue_resource(cx, &i.queue_url)))
        .operation(write("ChangeMessageVisibilityBatch", remove::change_visibility_batch).action("sqs:ChangeMessageVisibility").resource(|cx, i| queue_resource(cx, &i.queue_url)).names(&VISIBILITY_BATCH))
        .operation(write("StartMessageMoveTask", move_task::start).permissions(|_, _, i| Ok(i.permissions())))
        .operation(write("CancelMessageMoveTask", move_task::cancel).resource(|_, i| i.source()))
        .operation(read("ListMessageMoveTasks", move_task::list).resource(|_, i| i.source_arn.clone()))
        .target(target::QueueTarget)
        .timers(workers::fire)
        .worker("sqs expiry", workers::expire)
        .build()
}
