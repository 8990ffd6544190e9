//! CBOR bodies.
//!
//! ciborium's own value type does the bytes (indefinite lengths, half floats, nesting and declared lengths that an
//! attacker chose); this file only maps it to the tree. Driving ciborium's serializer directly would need the tag
//! and the byte string smuggled through serde's data model, which is more code than the mapping.
//!
//! Source: RFC 8949, and <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use std::borrow::Cow;

use base::Timestamp;
use bytes::Bytes;
use ciborium::Value as Cbor;
use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use crate::error::{DecodeError, EncodeError};
use crate::ser::to_value;
use crate::value::Value;

/// As deep as JSON may nest.
const DEPTH_MAX: usize = 128;

/// RFC 8949, 3.4.2: seconds since the epoch.
const TAG_EPOCH: u64 = 1;

/// What a tagged number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moments {
    /// As the tag has it.
    Seconds,
    /// As AWS's older CBOR protocol has it, whole.
    Millis,
}

/// Reads a body; an empty one is an empty map. Nesting past 128 levels and trailing bytes are refused.
pub fn decode<T: DeserializeOwned>(body: &[u8], moments: Moments) -> Result<T, DecodeError> {
    crate::de::from_value(parse(body, moments)?, None)
}

fn parse(body: &[u8], moments: Moments) -> Result<Value<'static>, DecodeError> {
    if body.is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    let mut rest = body;
    let cbor: Cbor = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH_MAX)
        .map_err(|error| DecodeError::whole(format!("The body is not CBOR: {error}")))?;
    if !rest.is_empty() {
        return Err(DecodeError::whole("The body is not CBOR: bytes follow the value"));
    }
    read(cbor, moments)
}

fn read(cbor: Cbor, moments: Moments) -> Result<Value<'static>, DecodeError> {
    Ok(match cbor {
        Cbor::Null => Value::Null,
        Cbor::Bool(value) => Value::Bool(value),
        Cbor::Integer(number) => {
            let number = i128::from(number);
            let unsigned = || u64::try_from(number).map(Value::Uint);
            i64::try_from(number)
                .map(Value::Int)
                .or_else(|_| unsigned())
                .map_err(|_| DecodeError::whole(format!("The number {number} is out of range")))?
        }
        Cbor::Float(number) => Value::Float(number),
        Cbor::Text(text) => Value::Text(text.into()),
        Cbor::Bytes(bytes) => Value::Bytes(bytes),
        Cbor::Array(elements) => {
            Value::List(elements.into_iter().map(|element| read(element, moments)).collect::<Result<_, _>>()?)
        }
        Cbor::Map(entries) => {
            let members = entries.into_iter().map(|(name, value)| match name {
                Cbor::Text(name) => Ok((name.into(), read(value, moments)?)),
                _ => Err(DecodeError::whole("A map's key is not text")),
            });
            Value::Map(members.collect::<Result<_, _>>()?)
        }
        Cbor::Tag(TAG_EPOCH, content) if moments == Moments::Millis => moment(*content)?,
        // What a tag says of a number or text is what the member's type expects anyway.
        Cbor::Tag(_, content) => read(*content, moments)?,
        other => return Err(DecodeError::whole(format!("The CBOR value {other:?} is not supported"))),
    })
}

/// A moment counted in milliseconds; some clients write the number with a fraction, which is none.
fn moment(number: Cbor) -> Result<Value<'static>, DecodeError> {
    let millis = match number {
        Cbor::Integer(number) => u64::try_from(number).ok(),
        Cbor::Float(number) if (0.0..=9_007_199_254_740_992.0).contains(&number) => Some(number as u64),
        _ => None,
    };
    let millis = millis.ok_or_else(|| DecodeError::whole("A timestamp is not a number of milliseconds since 1970"))?;
    Ok(Value::Moment(Timestamp(millis)))
}

/// Writes a body.
pub fn encode<T: Serialize + ?Sized>(output: &T, moments: Moments) -> Result<Bytes, EncodeError> {
    let mut body = Vec::with_capacity(256);
    ciborium::into_writer(&write(to_value(output)?, moments), &mut body)
        .map_err(|error| EncodeError(error.to_string()))?;
    Ok(body.into())
}

fn write(value: Value<'_>, moments: Moments) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(value) => Cbor::Bool(value),
        Value::Int(number) => Cbor::Integer(number.into()),
        Value::Uint(number) => Cbor::Integer(number.into()),
        Value::Float(number) => Cbor::Float(number),
        Value::Text(text) | Value::Loose(text) => Cbor::Text(text.into_owned()),
        Value::Bytes(bytes) => Cbor::Bytes(bytes),
        Value::Moment(moment) => Cbor::Tag(TAG_EPOCH, Box::new(epoch(moment, moments))),
        Value::List(elements) => Cbor::Array(elements.into_iter().map(|element| write(element, moments)).collect()),
        Value::Map(members) | Value::Entries(members) => {
            let member = |(name, value): (Cow<'_, str>, _)| (Cbor::Text(name.into_owned()), write(value, moments));
            Cbor::Map(members.into_iter().map(member).collect())
        }
    }
}

fn epoch(moment: Timestamp, moments: Moments) -> Cbor {
    if moments == Moments::Millis {
        Cbor::Integer(moment.as_millis().into())
    } else if moment.as_millis().is_multiple_of(1000) {
        Cbor::Integer(moment.as_secs().into())
    } else {
        Cbor::Float(moment.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Blob, DateTime};

    #[derive(Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Record {
        data: Blob,
        at: DateTime,
        names: Vec<String>,
        ratio: f64,
    }

    #[test]
    fn writes_byte_strings_and_tagged_moments() {
        let record = Record { data: Blob::from(vec![1, 2]), at: DateTime(Timestamp(2000)), ..Record::default() };
        let body = encode(&record, Moments::Seconds).unwrap();
        assert_eq!(body[..], *b"\xa4\x64Data\x42\x01\x02\x62At\xc1\x02\x65Names\x80\x65Ratio\xf9\0\0");
        assert_eq!(decode::<Record>(&body, Moments::Seconds).unwrap(), record);
    }

    #[test]
    fn the_older_protocol_counts_milliseconds() {
        let record = Record { at: DateTime(Timestamp(2001)), ..Record::default() };
        let body = encode(&record, Moments::Millis).unwrap();
        assert_eq!(body[..14], b"\xa4\x64Data\x40\x62At\xc1\x19\x07\xd1"[..14]);
        assert_eq!(decode::<Record>(&body, Moments::Millis).unwrap(), record);
        let untagged = decode::<Record>(b"\xa1\x62At\x02", Moments::Millis).unwrap();
        assert_eq!(untagged.at, DateTime(Timestamp(2000)));
        assert!(decode::<Record>(b"\xa1\x62At\xc1\x61x", Moments::Millis).is_err());
    }

    #[test]
    fn reads_indefinite_lengths_half_floats_and_undefined() {
        let body =
            b"\xbf\x65Names\x9f\x7f\x61a\x61b\xff\xff\x65Ratio\xf9\x3e\x00\x64Data\x5f\x41\x07\xff\x62At\xf7\xff";
        let record = decode::<Record>(body, Moments::Seconds).unwrap();
        assert_eq!(record.names, ["ab"]);
        assert_eq!(record.ratio, 1.5);
        assert_eq!(record.data, Blob::from(vec![7]));
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let deep_tags = vec![0xc1; 1_000_000];
        let deep_lists = vec![0x81; 1_000_000];
        let bodies: [&[u8]; 8] = [
            b"\x5b\x10\0\0\0\0\0\0\0",
            b"\x9b\x10\0\0\0\0\0\0\0",
            b"\xbb\x10\0\0\0\0\0\0\0",
            b"\xa1\x64Data\x5b\x10\0\0\0\0\0\0\0",
            b"\xa0\xa0",
            b"\xff",
            &deep_tags,
            &deep_lists,
        ];
        for body in bodies {
            assert!(decode::<Record>(body, Moments::Seconds).is_err(), "{:?}", &body[..body.len().min(16)]);
        }
    }
}
