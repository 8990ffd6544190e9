//! AWS Signature Version 4: reading, verifying and making signatures, in headers and in presigned URLs.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

mod canonical;
mod chunks;
mod error;
mod key;
mod parse;
mod sign;
#[cfg(test)]
mod suite;
mod verify;

use std::fmt;
use std::time::Duration;

use base::Timestamp;
use http::HeaderMap;

pub use chunks::{Broken, Chunks};
pub use error::{Error, Family};
pub use key::{SigningKey, signing_key};
pub use parse::{parse, read_credential};
pub use sign::{presign, sign};
pub use verify::{check_payload, verify, verify_head, verify_with_key};

/// The one algorithm that is supported.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What ends every credential scope.
const TERMINATOR: &str = "aws4_request";
/// The payload declaration of a body that is not covered by the signature.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// How far a request's time may be from ours.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
pub const SKEW_MAX: Duration = Duration::from_secs(5 * 60);
/// The same for S3, which is more lenient.
pub const S3_SKEW_MAX: Duration = Duration::from_secs(15 * 60);
/// The longest life of a presigned URL: seven days.
pub const PRESIGNED_LIFE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The parts of a request that a signature covers, as they came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub method: &'a str,
    /// Still percent-encoded.
    pub path: &'a str,
    /// Still percent-encoded, without the question mark.
    pub query: &'a str,
    /// With `host`: for HTTP/2 the caller adds it from `:authority`.
    pub headers: &'a HeaderMap,
}

/// What a signature is good for: one day, one region, one service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `YYYYMMDD`.
    pub date: String,
    pub region: String,
    pub service: String,
}

impl Scope {
    /// The scope of a request to `service` in `region` that is made at `time`.
    pub fn new(time: Timestamp, region: &str, service: &str) -> Scope {
        Scope { date: compact(time).chars().take(8).collect(), region: region.into(), service: service.into() }
    }

    /// S3 signs paths as they are, leaves presigned bodies unsigned, and has error codes of its own.
    fn is_s3(&self) -> bool {
        matches!(self.service.as_str(), "s3" | "s3express" | "s3-object-lambda" | "s3-outposts")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// What the request declares of its body (`x-amz-content-sha256`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Nothing: the signature covers the hash of the body as it is.
    Undeclared,
    /// A hash in hexadecimal, which the body must have.
    Hash(String),
    /// The signature leaves the body out.
    Unsigned,
    /// Signed or checked chunk by chunk (`STREAMING-...`).
    Streaming(String),
}

impl Payload {
    /// What a request of S3's declares in its header.
    pub fn declared(text: &str) -> Payload {
        match text {
            UNSIGNED_PAYLOAD => Payload::Unsigned,
            _ if text.starts_with("STREAMING-") => Payload::Streaming(text.into()),
            _ => Payload::Hash(text.into()),
        }
    }
}

/// A signature as the request states it. Nothing in it is to be believed before [`verify`].
#[derive(Clone, Debug)]
pub struct Signature {
    pub access_key_id: String,
    pub scope: Scope,
    /// Lower-case names, in the order in which they were signed.
    pub signed_headers: Vec<String>,
    /// Hexadecimal.
    pub signature: String,
    pub timestamp: Timestamp,
    /// The life of a presigned URL.
    pub expires: Option<Duration>,
    pub session_token: Option<String>,
    /// In the query (a presigned URL) rather than in the `Authorization` header.
    pub in_query: bool,
    pub payload: Payload,
}

impl Signature {
    /// Refuses a signature that was made for another service than the one that `service` names for signing.
    pub fn check_service(&self, service: &str) -> Result<(), Error> {
        if self.scope.service == service {
            return Ok(());
        }
        Err(Error::Scope(format!("Credential should be scoped to correct service: '{service}'.")))
    }

    /// Refuses a signature that was made for another region.
    pub fn check_region(&self, region: &str) -> Result<(), Error> {
        if self.scope.region == region {
            return Ok(());
        }
        Err(Error::Scope(format!("Credential should be scoped to a valid region, not '{}'.", self.scope.region)))
    }
}

/// What a caller signs with.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret: String,
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// ISO 8601's basic form, the one that is signed: `20150830T123600Z`.
fn compact(time: Timestamp) -> String {
    time.utc().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Reads ISO 8601's basic form.
pub fn parse_compact(text: &str) -> Option<Timestamp> {
    let digits =
        |range: std::ops::Range<usize>| text.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
        return None;
    }
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let (hour, minute, second) = (digits(9..11)?, digits(11..13)?, digits(13..15)?);
    Timestamp::parse_iso8601(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_times_round_trip() {
        let time = parse_compact("20150830T123600Z").unwrap();
        assert_eq!((time, compact(time).as_str()), (Timestamp(1_440_938_160_000), "20150830T123600Z"));
        for text in [
            "",
            "20150830T123600",
            "2015-08-30T12:36",
            "20151330T123600Z",
            "20150830 123600Z",
            "+0150830T123600Z",
            "2015083éT12360Z",
        ] {
            assert_eq!(parse_compact(text), None, "{text}");
        }
    }
}
