//! Lambda as its callers see it, on the memory engine, with real functions where they matter.

mod configuration;
mod events;
mod invocations;
mod queues;
mod world;
