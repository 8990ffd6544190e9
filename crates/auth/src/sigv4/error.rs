//! Why a signature is refused, in the words, codes and statuses that AWS's services use.

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
    /// A header that must be signed is not. Holds the whole message.
    Unsigned(String),
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
            (Error::Incomplete(_), Json | RestJson) => "IncompleteSignatureException",
            (Error::Incomplete(_), Query) => "IncompleteSignature",
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
            (Error::BadLife, RestXml) => "AuthorizationQueryParametersError",
            (Error::PayloadMismatch, RestXml) => "XAmzContentSHA256Mismatch",
            (Error::StreamingPayload(_), _) => "NotImplemented",
            (Error::UndeclaredPayload, _) => "InvalidRequest",
            (Error::Unsigned(_), RestXml) => "AccessDenied",
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
            (Error::Incomplete(_), Family::Query | Family::RestXml) => 400,
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
            Error::Incomplete(message) | Error::Scope(message) | Error::Unsigned(message) => message.clone(),
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

    fn s3_message(&self) -> Option<&'static str> {
        Some(match self {
            Error::Missing => "Access Denied",
            Error::UnknownKey => "The AWS Access Key Id you provided does not exist in our records.",
            Error::ExpiredToken => "The provided token has expired.",
            Error::Mismatch { .. } => {
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

/// In minutes, as AWS says it, unless that would not be exact.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds.is_multiple_of(60) { format!("{} min.", seconds / 60) } else { format!("{seconds} sec.") }
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message(Family::Json))
    }
}

impl std::error::Error for Error {}
