//! Every state transition, as functions over a transaction.

pub mod authorization;
pub mod client;
pub mod code;
pub mod customization;
pub mod device;
pub mod domain;
pub mod grant;
pub mod group;
pub mod passkey;
pub mod pool;
pub mod provider;
pub mod resource_server;
pub mod user;
