//! Authentication: from a request's signature to the caller.

use auth::sigv4::{self, Family, Parts, Signature};
use base::{Region, Timestamp};
use http::request::Parts as Head;
use service::{Caller, Cloud, CredentialError, Error};
use wire::Protocol;

use crate::directory::Call;

/// AWS's longest region names have 14 characters; names become parts of keys, so their size is bounded.
const REGION_BYTES_MAX: usize = 32;

/// What of the request is signed.
pub(crate) fn signed_parts(head: &Head) -> Parts<'_> {
    Parts {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
    }
}

/// Who calls, and in which region.
pub(crate) fn admit(
    cloud: &Cloud,
    call: &Call<'_>,
    signature: Result<Option<Signature>, sigv4::Error>,
    head: &Head,
    body: &[u8],
) -> Result<(Caller, Region), Error> {
    let refuse = |error: sigv4::Error| {
        let family = family(call.protocol);
        Error::new(error.status(family), error.code(family), error.message(family))
    };
    let signature = signature.map_err(refuse)?.ok_or(sigv4::Error::Missing).map_err(refuse)?;
    signature.check_service(call.service.api.name).map_err(refuse)?;
    let region = &signature.scope.region;
    if region.len() > REGION_BYTES_MAX || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(refuse(sigv4::Error::Scope("Credential should be scoped to a valid region.".into())));
    }
    let now: Timestamp = cloud.env().now();
    let credential = cloud.access().credential(&signature.access_key_id, signature.session_token.as_deref(), now);
    let credential = credential.map_err(|error| match error {
        CredentialError::Unknown => refuse(sigv4::Error::UnknownKey),
        CredentialError::Expired => refuse(sigv4::Error::ExpiredToken),
        CredentialError::Unavailable => Error::internal(error),
    })?;
    sigv4::verify(&signature, &signed_parts(head), body, &credential.secret, now).map_err(refuse)?;
    Ok((credential.caller, Region::new(region.as_str())))
}

fn family(protocol: Protocol) -> Family {
    match protocol {
        Protocol::Query => Family::Query,
        Protocol::RestJson => Family::RestJson,
        Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor | Protocol::AwsCbor => Family::Json,
    }
}
