//! Lambda as its callers see it, on the memory engine, with real functions where they matter.

#![allow(clippy::unwrap_used, reason = "this is a test")]

mod bursts;
mod configuration;
mod events;
mod features;
mod invocations;
mod kinesis_streams;
mod provisioned;
mod queues;
mod refusals;
mod streams;
mod tables;
mod urls;
mod world;
