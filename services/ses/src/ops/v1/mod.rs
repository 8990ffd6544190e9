//! The operations of version 1, a file for each kind of thing they work on.

pub mod account;
pub mod configuration_set;
pub mod identity;
pub mod notification;
pub mod policy;
pub mod send;
pub mod template;
