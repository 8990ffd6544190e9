//! Every state transition of API Gateway, as plain functions over a transaction.

pub mod authorizer;
pub mod domain;
pub mod http;
pub mod rest;
pub mod websocket;

use crate::error::Error;
use crate::limits;
use crate::types::Texts;

/// Adds tags, within the limit.
pub fn tag(tags: &mut Texts, more: &Texts) -> Result<(), Error> {
    tags.extend(more.clone());
    if tags.len() > limits::TAGS_MAX {
        return Err(Error::bad(format!("A resource can have {} tags at most", limits::TAGS_MAX)));
    }
    Ok(())
}
