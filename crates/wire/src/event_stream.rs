//! Event streams: messages with headers, one after the other in the body of an answer.
//!
//! Source: <https://smithy.io/2.0/aws/amazon-eventstream.html>

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde_json::json;

use crate::cbor::Moments;
use crate::{EncodeError, Protocol};

/// The content type of such a body.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The length of the whole and of its headers, and the checksum of both.
const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;
/// The tag of a header's value that is text.
const TEXT: u8 = 7;

/// An event of a stream: `name` is the stream's member that it is, `content_type` that of the payload.
///
/// A payload is short enough for its length to be counted in four bytes; one that is not becomes an empty message.
pub fn event(name: &str, content_type: &str, payload: &[u8]) -> Bytes {
    message(&[(":event-type", name), (":content-type", content_type), (":message-type", "event")], payload)
}

/// An event whose members are written as `protocol` writes them.
///
/// # Errors
/// For what cannot be written.
pub fn document(protocol: Protocol, name: &str, members: &impl Serialize) -> Result<Bytes, EncodeError> {
    Ok(event(name, protocol.content_type(), &write(protocol, members)?))
}

/// The event that ends a stream with an error.
pub fn exception(protocol: Protocol, code: &str, text: &str) -> Bytes {
    let payload = write(protocol, &json!({"message": text})).unwrap_or_default();
    let headers =
        [(":exception-type", code), (":content-type", protocol.content_type()), (":message-type", "exception")];
    message(&headers, &payload)
}

fn write(protocol: Protocol, members: &impl Serialize) -> Result<Bytes, EncodeError> {
    match protocol {
        Protocol::RpcV2Cbor => crate::cbor::encode(members, Moments::Seconds),
        Protocol::AwsCbor => crate::cbor::encode(members, Moments::Millis),
        _ => crate::json::encode(members),
    }
}

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut block = BytesMut::new();
    for (name, value) in headers {
        let (Ok(name_length), Ok(value_length)) = (u8::try_from(name.len()), u16::try_from(value.len())) else {
            continue;
        };
        block.put_u8(name_length);
        block.put_slice(name.as_bytes());
        block.put_u8(TEXT);
        block.put_u16(value_length);
        block.put_slice(value.as_bytes());
    }
    let length = |payload: &[u8]| u32::try_from(PRELUDE_BYTES + block.len() + payload.len() + CHECKSUM_BYTES);
    let (total, payload) = match length(payload) {
        Ok(total) => (total, payload),
        Err(_) => (length(&[]).unwrap_or_default(), &[][..]),
    };
    let mut message = BytesMut::with_capacity(total as usize);
    message.put_u32(total);
    message.put_u32(u32::try_from(block.len()).unwrap_or_default());
    message.put_u32(crc32fast::hash(&message));
    message.put_slice(&block);
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    message.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message without headers and payload that the format's own test suite has.
    #[test]
    fn the_empty_message_is_as_specified() {
        assert_eq!(message(&[], b"")[..], [0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255]);
    }

    #[test]
    fn documents_and_exceptions_are_written_as_the_protocol_writes() {
        let payload = |message: &Bytes| {
            let headers = u32::from_be_bytes(message[4..8].try_into().unwrap()) as usize;
            message.slice(12 + headers..message.len() - 4)
        };
        let blob = crate::Blob::from(vec![1]);
        assert_eq!(payload(&document(Protocol::Json11, "E", &[&blob]).unwrap()), r#"["AQ=="]"#);
        assert_eq!(payload(&document(Protocol::AwsCbor, "E", &[&blob]).unwrap())[..], *b"\x81\x41\x01");
        let exception = exception(Protocol::Json11, "InUse", "taken");
        let text = String::from_utf8_lossy(&exception);
        assert!(text.contains("\u{f}:exception-type\u{7}\0\u{5}InUse"), "{text:?}");
        assert_eq!(payload(&exception), r#"{"message":"taken"}"#);
    }

    #[test]
    fn an_event_has_its_name_its_type_and_its_payload() {
        let event = event("PayloadChunk", "application/octet-stream", b"hi");
        assert_eq!(event[..4], u32::try_from(event.len()).unwrap().to_be_bytes());
        let headers = u32::from_be_bytes(event[4..8].try_into().unwrap()) as usize;
        let text = String::from_utf8_lossy(&event[12..12 + headers]);
        assert!(text.starts_with("\u{b}:event-type\u{7}\0\u{c}PayloadChunk\r:content-type\u{7}\0"), "{text:?}");
        assert_eq!(&event[12 + headers..event.len() - 4], b"hi");
    }
}
