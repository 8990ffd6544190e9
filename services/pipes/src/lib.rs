//! Amazon EventBridge Pipes: from a queue or a stream, through a filter and an enrichment, to one target.

mod bindings;
mod error;
mod flow;
mod keys;
mod limits;
mod model;
mod ops;
mod roles;
mod types;
mod workers;

use std::sync::Arc;

use base::Arn;
use service::{Api, Cx, Service, read, write};
use sources::{LetterSender, Results};

pub use error::Error;

use ops::{pipe, tag};

/// The service's state in memory.
#[derive(Default)]
pub struct Pipes {
    /// What the pollers of sources have to say.
    results: Arc<Results>,
}

const API: Api = Api::named("pipes");

/// The ARN of a pipe.
fn arn(cx: &Cx, name: &str) -> Arn {
    cx.arn("pipes", format!("pipe/{name}"))
}

#[rustfmt::skip] // A table: one line an operation.
pub fn service() -> Service {
    Service::builder(API, Arc::new(Pipes::default()))
        .operation(write("CreatePipe", pipe::create).permissions(|_, cx, i| Ok(i.permissions(cx, "pipes:CreatePipe"))).rest(&bindings::CREATE_PIPE))
        .operation(write("UpdatePipe", pipe::update).permissions(|_, cx, i| Ok(i.permissions(cx, "pipes:UpdatePipe"))).rest(&bindings::UPDATE_PIPE))
        .operation(write("DeletePipe", pipe::delete).resource(|cx, i| arn(cx, &i.name)).rest(&bindings::DELETE_PIPE))
        .operation(read("DescribePipe", pipe::describe).resource(|cx, i| arn(cx, &i.name)).rest(&bindings::DESCRIBE_PIPE))
        .operation(read("ListPipes", pipe::list).rest(&bindings::LIST_PIPES))
        .operation(write("StartPipe", pipe::start).resource(|cx, i| arn(cx, &i.name)).rest(&bindings::START_PIPE))
        .operation(write("StopPipe", pipe::stop).resource(|cx, i| arn(cx, &i.name)).rest(&bindings::STOP_PIPE))
        .operation(write("TagResource", tag::tag).resource(|_, i| i.resource_arn.clone()).rest(&bindings::TAG_RESOURCE))
        .operation(write("UntagResource", tag::untag).resource(|_, i| i.resource_arn.clone()).rest(&bindings::UNTAG_RESOURCE))
        .operation(read("ListTagsForResource", tag::list).resource(|_, i| i.resource_arn.clone()).rest(&bindings::LIST_TAGS_FOR_RESOURCE))
        .sender(LetterSender)
        .worker("pipes", workers::run)
        .build()
}
