//! Every change of IAM's data, as functions over a transaction.

pub mod access_key;
pub mod attachment;
pub mod entity;
pub mod group;
pub mod inline;
pub mod login;
pub mod managed;
pub mod mfa;
pub mod openid_provider;
pub mod owner;
pub mod profile;
pub mod service_credential;
pub mod service_linked;
pub mod user;
