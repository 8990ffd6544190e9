//! REST-JSON: members in paths, query strings, headers and bodies, as an operation's [`Binding`] says.
//!
//! Source: <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html>

mod binding;
mod codec;
mod router;

pub use binding::{Binding, Mark, Payload, Places, ResponseBinding};
pub(crate) use codec::{as_header, as_status, header_text, take};
pub use codec::{decode, encode};
pub use router::{Labels, Match, Router};

#[cfg(test)]
mod tests;
