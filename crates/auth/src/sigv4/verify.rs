//! Decides whether a signature is what the holder of the secret would have made for this very request, and recently.

use base::Timestamp;

use super::canonical::{self, Claims, PathStyle, carrier, sha256, string_to_sign};
use super::{
    Error, Parts, Payload, S3_SKEW_MAX, SKEW_MAX, Signature, SigningKey, UNSIGNED_PAYLOAD, compact, signing_key,
};

/// Verifies a signature with the secret of its access key.
///
/// # Errors
/// Each reason to refuse is its own [`Error`]; the time is checked before the signature.
pub fn verify(signature: &Signature, parts: &Parts, body: &[u8], secret: &str, now: Timestamp) -> Result<(), Error> {
    verify_with_key(signature, parts, body, &signing_key(secret, &signature.scope), now)
}

/// Verifies a signature with the key that [`signing_key`] derived for its scope.
///
/// # Errors
/// As [`verify`].
pub fn verify_with_key(
    signature: &Signature,
    parts: &Parts,
    body: &[u8],
    key: &SigningKey,
    now: Timestamp,
) -> Result<(), Error> {
    verify_claim(signature, parts, key, now, || payload(signature, body))
}

/// Verifies a signature before the body is there: it is held to what the request declares of the body, which the body has to be
/// held to while it comes ([`check_payload`], [`super::Chunks`]).
///
/// # Errors
/// As [`verify`]; and when the request declares nothing.
pub fn verify_head(signature: &Signature, parts: &Parts, key: &SigningKey, now: Timestamp) -> Result<(), Error> {
    verify_claim(signature, parts, key, now, || match &signature.payload {
        Payload::Undeclared => Err(Error::UndeclaredPayload),
        Payload::Unsigned => Ok(UNSIGNED_PAYLOAD.into()),
        Payload::Hash(declared) | Payload::Streaming(declared) => Ok(declared.clone()),
    })
}

/// Holds a body, of which this is the SHA-256 in hexadecimal, to the hash that was declared of it.
///
/// # Errors
/// [`Error::PayloadMismatch`].
pub fn check_payload(signature: &Signature, sha256: &str) -> Result<(), Error> {
    match &signature.payload {
        Payload::Hash(declared) if declared != sha256 => Err(Error::PayloadMismatch),
        _ => Ok(()),
    }
}

fn verify_claim(
    signature: &Signature,
    parts: &Parts,
    key: &SigningKey,
    now: Timestamp,
    payload: impl FnOnce() -> Result<String, Error>,
) -> Result<(), Error> {
    check_date(signature)?;
    check_time(signature, now)?;
    if !signature.signed_headers.iter().any(|name| carrier(name) == "host") {
        return Err(Error::Unsigned(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into(),
        ));
    }
    let payload = payload()?;
    let claims =
        Claims { style: PathStyle::of(&signature.scope), signed_headers: &signature.signed_headers, payload: &payload };
    check_signature(signature, parts, &claims, key)
}

pub(super) fn check_signature(
    signature: &Signature,
    parts: &Parts,
    claims: &Claims,
    key: &SigningKey,
) -> Result<(), Error> {
    let Some(canonical) = canonical::request(parts, claims) else {
        return Err(Error::HeadersMissing(missing(claims, parts)));
    };
    let string_to_sign = string_to_sign(&canonical, signature.timestamp, &signature.scope);
    if key.verifies(&string_to_sign, &signature.signature) {
        return Ok(());
    }
    Err(Error::Mismatch { canonical_request: String::from_utf8_lossy(&canonical).into_owned(), string_to_sign })
}

fn missing(claims: &Claims, parts: &Parts) -> String {
    let names = claims.signed_headers.iter().map(String::as_str);
    let missing: Vec<&str> = names.filter(|name| !parts.headers.contains_key(carrier(name))).collect();
    missing.join(", ")
}

fn check_date(signature: &Signature) -> Result<(), Error> {
    let (time, date) = (compact(signature.timestamp), &signature.scope.date);
    if time.get(..8) == Some(date) {
        return Ok(());
    }
    let day = time.get(..8).unwrap_or_default();
    Err(Error::Scope(format!(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' != '{day}', from '{time}'."
    )))
}

fn check_time(signature: &Signature, now: Timestamp) -> Result<(), Error> {
    let (time, skew) = (signature.timestamp, if signature.scope.is_s3() { S3_SKEW_MAX } else { SKEW_MAX });
    let life = signature.expires.unwrap_or(skew);
    if time > now + skew {
        return Err(Error::NotYetCurrent { time, limit: now + skew, now, life: skew });
    }
    let limit = now - life;
    match signature.expires {
        _ if time >= limit => Ok(()),
        Some(_) => Err(Error::UrlExpired { time, limit, now, life }),
        None => Err(Error::Expired { time, limit, now, life }),
    }
}

/// What stands for the body in the canonical request.
fn payload(signature: &Signature, body: &[u8]) -> Result<String, Error> {
    match &signature.payload {
        Payload::Undeclared => Ok(sha256(body)),
        Payload::Unsigned => Ok(UNSIGNED_PAYLOAD.into()),
        Payload::Streaming(kind) => Err(Error::StreamingPayload(kind.clone())),
        Payload::Hash(declared) => {
            let hash = sha256(body);
            if hash == *declared { Ok(hash) } else { Err(Error::PayloadMismatch) }
        }
    }
}
