//! REST-XML: members in paths, hosts, query strings and headers, documents as XML, and bodies that are neither.
//!
//! Source: <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html>

mod checksum;
mod codec;
mod encoded_word;
mod parse;
mod router;
mod write;

pub use checksum::{Algorithm, Checksum, Md5, combine, decode_checksum};
pub use codec::{check_body, decode, encode};
pub use router::{Found, Router, Target};

#[cfg(test)]
mod tests;
