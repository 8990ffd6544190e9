//! SQS on the memory engine and a clock that the test moves.

#![allow(clippy::unwrap_used, reason = "this is a test")]

mod deliveries;
mod fair;
mod fifo;
mod moving;
mod queues;
mod random;
mod world;
