//! AWS's protocols over serde: one plain struct per input and output, read from and written to every protocol.
//!
//! Bytes become a small document tree (`value`), and one lenient deserializer (`de`) turns the tree into the
//! struct: what all protocols agree on (unknown and null members are ignored, the last duplicate wins, an error
//! names the member's path) is written once. Answers go the other way; JSON, the busiest, skips the tree.
//!
//! Structs carry AWS's member names (`#[serde(rename_all = "PascalCase")]`); absent members are `Option`s or have a
//! default and `skip_serializing_if`.

mod de;
mod error;
mod reply;
mod scalar;
mod ser;
mod value;

pub mod cbor;
pub mod event_stream;
pub mod json;
pub mod query;
pub mod rest;
pub mod rest_xml;

pub use error::{DecodeError, EncodeError};
pub use reply::{ErrorShape, REQUEST_ID_HEADER, encode_error, respond};
pub use scalar::{Blob, DateTime};

/// How a request was sent, and so how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Json10,
    Json11,
    Query,
    RestJson,
    /// <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html>
    RestXml,
    /// REST-XML as S3 has it: buckets and keys in paths and hosts, and errors that are wrapped in nothing.
    S3,
    /// Smithy RPC v2 CBOR: <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>
    RpcV2Cbor,
    /// JSON 1.1 with CBOR bodies: `application/x-amz-cbor-1.1` and an `X-Amz-Target` header, as Kinesis takes it.
    AwsCbor,
}

impl Protocol {
    /// The content type of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Protocol::Json10 => "application/x-amz-json-1.0",
            Protocol::Json11 => "application/x-amz-json-1.1",
            Protocol::Query | Protocol::RestXml => "text/xml",
            Protocol::RestJson => "application/json",
            Protocol::S3 => "application/xml",
            Protocol::RpcV2Cbor => "application/cbor",
            Protocol::AwsCbor => "application/x-amz-cbor-1.1",
        }
    }
}
