//! The operations of version 2, a file for each kind of thing they work on.

pub mod account;
pub mod configuration_set;
pub mod event_destination;
pub mod identity;
pub mod policy;
pub mod send;
pub mod suppression;
pub mod tag;
pub mod template;
