//! `serverless.yml` of Serverless Framework v3: read, checked and compiled to a template.

mod api_cache;
mod api_keys;
mod api_logs;
mod authorizer;
mod compile;
pub mod config;
pub mod custom_domain;
mod event;
mod eventbridge_event;
mod function;
pub mod integration;
mod keys;
mod migrate;
pub(crate) mod naming;
mod read;
mod s3_event;
mod service;
mod sns_event;
mod stream_event;
mod user_pool_event;
mod websocket_event;

pub use compile::{INDEX, PackageHashes, compile, digest};
pub use service::read;
