//! Why a signature is refused, in the words, codes and statuses that AWS's services use.

use std::fmt::Write as _;
use std::time::Duration;

use base::Timestamp;

use super::compact;

/// How a service tells its errors. The same refusal has different codes and statuses from family to family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// JSON 1.0 and 1.1, CBOR: DynamoDB, Logs.
    Json,
    /// Lambda, API Gateway's management.
    RestJson,
    /// IAM, STS.
    Query,
    /// S3.
    RestXml,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Something is missing from the signature or cannot be read. Holds the whole message.
    Incomplete(String),
    /// The same of a signature in a URL's query.
    Parameters(String),
    /// No signature at all.
    Missing,
    /// Nobody has this access key.
    UnknownKey,
    /// The session's credentials have reached their end.
    ExpiredToken,
    /// The access key is for another service, region or day. Holds the whole message.
    Scope(String),
    /// What we computed is not what was sent. Holds what should have been signed.
    Mismatch { canonical_request: String, string_to_sign: String },
    /// What must be signed is not. Holds the whole message.
    Unsigned(String),
    /// These headers are there, and would have to be signed.
    HeadersUnsigned(String),
    /// These headers were signed, and are not there.
    HeadersMissing(String),
    /// Made too long ago: `time` is earlier than `limit`, which is `now` less `life`.
    Expired { time: Timestamp, limit: Timestamp, now: Timestamp, life: Duration },
    /// Made in the future: `time` is later than `limit`, which is `now` and `life`.
    NotYetCurrent { time: Timestamp, limit: Timestamp, now: Timestamp, life: Duration },
    /// A presigned URL whose life ended. The fields are as in [`Error::Expired`].
    UrlExpired { time: Timestamp, limit: Timestamp, now: Timestamp, life: Duration },
    /// The presigned URL's life (`X-Amz-Expires`) is not between one second and seven days.
    BadLife,
    /// The body's hash is not the declared one.
    PayloadMismatch,
    /// The body is signed chunk by chunk, where that is not taken. Holds the declaration.
    StreamingPayload(String),
    /// The request says nothing of its body, where it must.
    UndeclaredPayload,
}

impl Error {
    /// The error code, which SDKs turn into a type.
    pub fn code(&self, family: Family) -> &'static str {
        use Family::{Json, Query, RestJson, RestXml};
        match (self, family) {
            (Error::Incomplete(_) | Error::Parameters(_), Json | RestJson) => "IncompleteSignatureException",
            (Error::Incomplete(_) | Error::Parameters(_), Query) => "IncompleteSignature",
            (Error::Incomplete(_), RestXml) => "AuthorizationHeaderMalformed",
            (Error::Missing, Json | RestJson) => "MissingAuthenticationTokenException",
            (Error::Missing, Query) => "MissingAuthenticationToken",
            (Error::Missing | Error::UrlExpired { .. }, RestXml) => "AccessDenied",
            (Error::UnknownKey, Json | RestJson) => "UnrecognizedClientException",
            (Error::UnknownKey, Query) => "InvalidClientTokenId",
            (Error::UnknownKey, RestXml) => "InvalidAccessKeyId",
            (Error::ExpiredToken, Json | RestJson) => "ExpiredTokenException",
            (Error::ExpiredToken, Query | RestXml) => "ExpiredToken",
            (Error::Scope(_), RestXml) => "AuthorizationHeaderMalformed",
            (Error::Expired { .. } | Error::NotYetCurrent { .. }, RestXml) => "RequestTimeTooSkewed",
            (Error::BadLife | Error::Parameters(_), RestXml) => "AuthorizationQueryParametersError",
            (Error::PayloadMismatch, RestXml) => "XAmzContentSHA256Mismatch",
            (Error::StreamingPayload(_), _) => "NotImplemented",
            (Error::UndeclaredPayload, _) => "InvalidRequest",
            (Error::Unsigned(_) | Error::HeadersUnsigned(_), RestXml) => "AccessDenied",
            (_, Json | RestJson) => "InvalidSignatureException",
            (_, Query | RestXml) => "SignatureDoesNotMatch",
        }
    }

    /// The HTTP status.
    pub fn status(&self, family: Family) -> u16 {
        match (self, family) {
            (Error::StreamingPayload(_), _) => 501,
            // JSON 1.x services answer 400 to every mistake of the client.
            (_, Family::Json) | (Error::UndeclaredPayload, _) => 400,
            (Error::Incomplete(_) | Error::Parameters(_), Family::Query | Family::RestXml) => 400,
            (Error::Scope(_) | Error::BadLife | Error::PayloadMismatch | Error::ExpiredToken, Family::RestXml) => 400,
            _ => 403,
        }
    }

    /// The message. S3 words some of them in its own way.
    pub fn message(&self, family: Family) -> String {
        if family == Family::RestXml
            && let Some(message) = self.s3_message()
        {
            return message.into();
        }
        match self {
            Error::Incomplete(message)
            | Error::Parameters(message)
            | Error::Scope(message)
            | Error::Unsigned(message) => message.clone(),
            Error::HeadersUnsigned(names) => format!("{HEADERS_UNSIGNED}: {names}"),
            Error::HeadersMissing(names) => format!("The request lacks a header that was signed: {names}"),
            Error::Missing => "Request is missing Authentication Token".into(),
            Error::UnknownKey => "The security token included in the request is invalid.".into(),
            Error::ExpiredToken => "The security token included in the request is expired".into(),
            Error::Mismatch { canonical_request, string_to_sign } => format!(
                "{MISMATCH}\n\nThe Canonical String for this request should have been\n'{canonical_request}'\n\nThe String-to-Sign should have been\n'{string_to_sign}'\n"
            ),
            Error::PayloadMismatch => MISMATCH.into(),
            Error::Expired { time, limit, now, life } | Error::UrlExpired { time, limit, now, life } => {
                let (time, limit, now) = (compact(*time), compact(*limit), compact(*now));
                format!("Signature expired: {time} is now earlier than {limit} ({now} - {})", span(*life))
            }
            Error::NotYetCurrent { time, limit, now, life } => {
                let (time, limit, now) = (compact(*time), compact(*limit), compact(*now));
                format!("Signature not yet current: {time} is still later than {limit} ({now} + {})", span(*life))
            }
            Error::BadLife => "X-Amz-Expires must be at least 1 and at most 604800 seconds (seven days)".into(),
            Error::UndeclaredPayload => "Missing required header for this request: x-amz-content-sha256".into(),
            Error::StreamingPayload(kind) => {
                format!("x-amz-content-sha256: {kind} is not implemented; send the body's SHA-256 or UNSIGNED-PAYLOAD")
            }
        }
    }

    /// What is told beside the message: S3 tells what one finds a mistake with.
    pub fn members(&self, family: Family) -> Vec<(&'static str, String)> {
        let seconds = |time: Timestamp| time.utc().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        match self {
            _ if family != Family::RestXml => Vec::new(),
            Error::HeadersUnsigned(names) => vec![("HeadersNotSigned", names.clone())],
            Error::Mismatch { canonical_request, string_to_sign } => {
                let mut all =
                    vec![("StringToSign", string_to_sign.clone()), ("StringToSignBytes", hexadecimal(string_to_sign))];
                // Version 2 has none.
                if !canonical_request.is_empty() {
                    all.push(("CanonicalRequest", canonical_request.clone()));
                    all.push(("CanonicalRequestBytes", hexadecimal(canonical_request)));
                }
                all
            }
            Error::UrlExpired { time, now, life, .. } => {
                let mut all = vec![("Expires", seconds(*time + *life)), ("ServerTime", seconds(*now))];
                if !life.is_zero() {
                    all.push(("X-Amz-Expires", life.as_secs().to_string()));
                }
                all
            }
            _ => Vec::new(),
        }
    }

    fn s3_message(&self) -> Option<&'static str> {
        Some(match self {
            Error::Missing => "Access Denied",
            Error::UnknownKey => "The AWS Access Key Id you provided does not exist in our records.",
            Error::ExpiredToken => "The provided token has expired.",
            Error::HeadersUnsigned(_) => HEADERS_UNSIGNED,
            Error::Mismatch { .. } | Error::HeadersMissing(_) => {
                "The request signature we calculated does not match the signature you provided. Check your key and signing method."
            }
            Error::PayloadMismatch => "The provided 'x-amz-content-sha256' header does not match what was computed.",
            Error::Expired { .. } | Error::NotYetCurrent { .. } => {
                "The difference between the request time and the current time is too large."
            }
            Error::UrlExpired { .. } => "Request has expired",
            Error::BadLife => {
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
            }
            _ => return None,
        })
    }
}

/// Byte by byte, for whoever cannot see how two texts differ.
fn hexadecimal(text: &str) -> String {
    let mut bytes = String::with_capacity(text.len() * 3);
    for (number, byte) in text.bytes().enumerate() {
        // Into a text, nothing fails.
        let _ = write!(bytes, "{}{byte:02x}", if number == 0 { "" } else { " " });
    }
    bytes
}

/// In minutes, as AWS says it, unless that would not be exact.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds.is_multiple_of(60) { format!("{} min.", seconds / 60) } else { format!("{seconds} sec.") }
}

const HEADERS_UNSIGNED: &str = "There were headers present in the request which were not signed";
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message(Family::Json))
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s3_tells_what_one_finds_a_mistake_with() {
        let names = |error: &Error, family| error.members(family).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let mismatch = Error::Mismatch { canonical_request: "GET".into(), string_to_sign: "a\nb".into() };
        assert!(names(&mismatch, Family::Json).is_empty());
        let all = ["StringToSign", "StringToSignBytes", "CanonicalRequest", "CanonicalRequestBytes"];
        assert_eq!(names(&mismatch, Family::RestXml), all);
        assert_eq!(hexadecimal("a\nb"), "61 0a 62");
        let (time, now) = (Timestamp(1_000), Timestamp(5_999));
        let ended = Error::UrlExpired { time, limit: now, now, life: Duration::from_secs(2) };
        let told =
            [("Expires", "1970-01-01T00:00:03Z"), ("ServerTime", "1970-01-01T00:00:05Z"), ("X-Amz-Expires", "2")];
        assert_eq!(ended.members(Family::RestXml), told.map(|(name, value)| (name, value.to_owned())));
        let unsigned = Error::HeadersUnsigned("a, b".into());
        assert_eq!(unsigned.members(Family::RestXml), [("HeadersNotSigned", "a, b".to_owned())]);
        assert!(unsigned.message(Family::Json).ends_with("not signed: a, b"));
        assert_eq!(Error::HeadersMissing("a".into()).code(Family::RestXml), "SignatureDoesNotMatch");
    }
}
