//! Real Python, Node and self-made runtimes, driven as the Lambda service drives them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bursts;
mod compiled;
mod escapes;
mod extensions;
mod harness;
mod idle;
mod json_logs;
mod network;
mod node;
mod pool;
mod prebooted;
mod provided;
mod python;
mod resources;
mod runtime_api;
mod sdk;
mod streams;
mod versions;
mod zygote;
mod zygote_escapes;
