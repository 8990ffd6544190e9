//! The Query protocol: forms in, XML out.
//!
//! Source: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

mod names;
mod params;
pub(crate) mod shape;
mod xml;

pub use names::{Flat, Names};
pub use params::{Params, parse};
pub use xml::{encode, escape};

use serde::de::DeserializeOwned;

use crate::error::DecodeError;

/// Reads an operation's input from a request's parameters.
pub fn decode<T: DeserializeOwned>(params: &Params, names: &Names) -> Result<T, DecodeError> {
    crate::de::from_value(params.tree()?, Some(names))
}

#[cfg(test)]
mod tests;
