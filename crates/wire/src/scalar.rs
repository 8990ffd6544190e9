//! The two scalars that each protocol writes in its own way: blobs and timestamps.

use std::fmt;
use std::ops::Deref;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// Bytes: base64 text in JSON, XML and query strings, a byte string in CBOR, the body itself as a REST payload.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob(pub Bytes);

impl Blob {
    pub fn to_base64(&self) -> String {
        to_base64(&self.0)
    }
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

impl Deref for Blob {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Blob {
    fn from(bytes: Bytes) -> Blob {
        Blob(bytes)
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Blob {
        Blob(bytes.into())
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Blob {
        Blob(Bytes::copy_from_slice(bytes))
    }
}

impl From<Blob> for Bytes {
    fn from(blob: Blob) -> Bytes {
        blob.0
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&self.to_base64())
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Blob, D::Error> {
        // The value says by itself whether it is text or bytes; serde_json, asked for bytes, would hand out the
        // undecoded text as bytes.
        deserializer.deserialize_any(BlobVisitor)
    }
}

struct BlobVisitor;

impl Visitor<'_> for BlobVisitor {
    type Value = Blob;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64 text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Blob, E> {
        STANDARD.decode(text).map(Blob::from).map_err(|error| E::custom(format_args!("not base64: {error}")))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Blob, E> {
        Ok(Blob::from(bytes))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
        Ok(Blob::from(bytes))
    }
}

/// A moment: epoch seconds in JSON (whole, or with three decimals), ISO 8601 in XML, tag 1 in CBOR, an HTTP date in
/// a header. Each of these is understood everywhere when reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(pub Timestamp);

/// The newtype name by which this crate's own serializer knows a [`DateTime`].
pub(crate) const DATE_TIME: &str = "wire::DateTime";

impl From<Timestamp> for DateTime {
    fn from(moment: Timestamp) -> DateTime {
        DateTime(moment)
    }
}

impl From<DateTime> for Timestamp {
    fn from(moment: DateTime) -> Timestamp {
        moment.0
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.as_millis().is_multiple_of(1000) {
            serializer.serialize_newtype_struct(DATE_TIME, &self.0.as_secs())
        } else {
            serializer.serialize_newtype_struct(DATE_TIME, &self.0.as_secs_f64())
        }
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DateTime, D::Error> {
        deserializer.deserialize_any(DateTimeVisitor)
    }
}

struct DateTimeVisitor;

impl Visitor<'_> for DateTimeVisitor {
    type Value = DateTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp since 1970")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<DateTime, E> {
        Ok(DateTime(Timestamp::from_secs(seconds)))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<DateTime, E> {
        u64::try_from(seconds)
            .map_err(|_| E::custom("moments before 1970 are not supported"))
            .and_then(|s| self.visit_u64(s))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<DateTime, E> {
        from_seconds(seconds).ok_or_else(|| E::custom("a timestamp is a finite number of seconds since 1970"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<DateTime, E> {
        Timestamp::parse_iso8601(text)
            .map(DateTime)
            .or_else(|| from_http_date(text))
            .or_else(|| text.parse().ok().and_then(from_seconds))
            .ok_or_else(|| E::custom(format_args!("'{text}' is not a timestamp")))
    }
}

fn from_seconds(seconds: f64) -> Option<DateTime> {
    let millis = (seconds * 1000.0).round();
    // Past 2^53 a double no longer tells milliseconds apart.
    (0.0..=9_007_199_254_740_992.0).contains(&millis).then_some(DateTime(Timestamp(millis as u64)))
}

/// RFC 9110's date: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn to_http_date(moment: Timestamp) -> String {
    moment.utc().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn from_http_date(text: &str) -> Option<DateTime> {
    let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(moment.as_millisecond()).ok().map(|millis| DateTime(Timestamp(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<DateTime, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn timestamps_are_written_in_seconds() {
        assert_eq!(serde_json::to_string(&DateTime(Timestamp(1_500_000_000_000))).unwrap(), "1500000000");
        assert_eq!(serde_json::to_string(&DateTime(Timestamp(1_500_000_000_120))).unwrap(), "1500000000.12");
    }

    #[test]
    fn timestamps_are_read_in_every_form() {
        for form in [
            "784111777",
            "784111777.0",
            "\"784111777\"",
            "\"1994-11-06T08:49:37Z\"",
            "\"Sun, 06 Nov 1994 08:49:37 GMT\"",
        ] {
            assert_eq!(parse(form).unwrap(), DateTime(Timestamp(784_111_777_000)), "{form}");
        }
        assert_eq!(to_http_date(Timestamp(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
        for form in ["-1", "1e300", "\"\"", "\"NaN\"", "true", "[]"] {
            assert!(parse(form).is_err(), "{form}");
        }
    }

    #[test]
    fn blobs_are_base64_text() {
        let blob = Blob::from(vec![0, 255, 7]);
        assert_eq!(serde_json::to_string(&blob).unwrap(), "\"AP8H\"");
        assert_eq!(serde_json::from_str::<Blob>("\"AP8H\"").unwrap(), blob);
        assert!(serde_json::from_str::<Blob>("\"AP8\"").is_err());
        assert!(serde_json::from_str::<Blob>("5").is_err());
    }
}
