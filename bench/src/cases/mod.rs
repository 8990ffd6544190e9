//! The cases, all alike: a name, what is measured, the promises as constants, and `run`.

mod cdn;
mod crash;
mod deploy;
mod dynamodb;
mod engine;
mod events;
mod gateway;
mod invoke;
mod kinesis;
mod media;
mod reads;
mod s3;
mod scale;
mod sns;
mod sqs;
mod start;
mod vectors;

use futures_util::future::LocalBoxFuture;

use crate::Bench;
use crate::report::Row;

pub struct Case {
    pub name: &'static str,
    pub about: &'static str,
    pub needs_server: bool,
    pub run: for<'a> fn(&'a Bench) -> LocalBoxFuture<'a, anyhow::Result<Vec<Row>>>,
}

/// In the order in which they are run and shown.
pub const ALL: &[Case] = &[
    start::CASE,
    engine::CASE,
    reads::CASE,
    dynamodb::CASE,
    vectors::CASE,
    s3::CASE,
    sqs::CASE,
    sns::CASE,
    events::CASE,
    kinesis::CASE,
    cdn::CASE,
    media::CASE,
    invoke::CASE,
    gateway::CASE,
    scale::CASE,
    deploy::CASE,
    crash::CASE,
];

pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|case| case.name).collect()
}
