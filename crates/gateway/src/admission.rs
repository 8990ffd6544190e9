//! Authentication: from a request's signature to the caller.

use auth::sigv4::{self, Family, Parts, Signature, signing_key, verify_with_key};
use base::{Region, Timestamp};
use http::HeaderMap;
use http::request::Parts as Head;
use service::{Caller, Cloud, Credential, CredentialError, Error};
use wire::Protocol;

use crate::directory::Call;
use crate::signing_keys::SigningKeys;

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

/// A signature, and the access key that it says it was made with: as much as a request's head can tell.
pub(crate) struct Claim {
    signature: Signature,
    credential: Credential,
}

/// Why nobody can have signed a request.
#[derive(Debug)]
pub(crate) enum Stranger {
    /// The signature is there but cannot be read, nor can the service it is for.
    Unreadable(sigv4::Error),
    /// There is no signature, or nobody has its access key.
    Unknown(sigv4::Error),
    Unavailable(CredentialError),
}

impl Stranger {
    pub(crate) fn error(&self, protocol: Protocol) -> Error {
        match self {
            Stranger::Unreadable(error) | Stranger::Unknown(error) => refusal(protocol, error),
            Stranger::Unavailable(error) => Error::internal(error),
        }
    }
}

impl Claim {
    /// Looks the access key up, as it is now.
    pub(crate) fn read(
        cloud: &Cloud,
        signature: Result<Option<Signature>, sigv4::Error>,
        now: Timestamp,
    ) -> Result<Claim, Stranger> {
        let signature = signature.map_err(Stranger::Unreadable)?;
        let signature = signature.ok_or(Stranger::Unknown(sigv4::Error::Missing))?;
        let credential = cloud.access().credential(&signature.access_key_id, signature.session_token.as_deref(), now);
        let credential = credential.map_err(|error| match error {
            CredentialError::Unknown => Stranger::Unknown(sigv4::Error::UnknownKey),
            CredentialError::Expired => Stranger::Unknown(sigv4::Error::ExpiredToken),
            CredentialError::Unavailable => Stranger::Unavailable(error),
        })?;
        Ok(Claim { signature, credential })
    }

    /// When its credentials end.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.credential.expires
    }

    /// Who calls, and in which region, if the signature is that of this very request.
    pub(crate) fn admit(
        self,
        keys: &SigningKeys,
        call: &Call<'_>,
        head: &Head,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(Caller, Region), Error> {
        let signature = &self.signature;
        let checked = check_scope(signature, call)
            .and_then(|()| check_signed(signature, call, &head.headers))
            .and_then(|()| verify(keys, signature, &self.credential.secret, &signed_parts(head), body, now));
        checked.map_err(|error| refusal(call.protocol, &error))?;
        Ok((self.credential.caller, Region::new(signature.scope.region.as_str())))
    }
}

fn check_scope(signature: &Signature, call: &Call<'_>) -> Result<(), sigv4::Error> {
    signature.check_service(call.service.api.name)?;
    let region = &signature.scope.region;
    if region.len() > REGION_BYTES_MAX || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(sigv4::Error::Scope("Credential should be scoped to a valid region.".into()));
    }
    Ok(())
}

/// Refuses a request whose meaning depends on a header of AWS's that was not signed: whoever got hold of a presigned
/// URL could make another call of it.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html> ("the host
/// header and any x-amz-* headers must be signed").
fn check_signed(signature: &Signature, call: &Call<'_>, headers: &HeaderMap) -> Result<(), sigv4::Error> {
    let bound = call.operation.rest.into_iter().flat_map(|binding| binding.headers).map(|(name, _)| *name);
    let names = bound.chain(["x-amz-target"]).map(str::to_ascii_lowercase);
    let unsigned: Vec<String> = names
        .filter(|name| name.starts_with("x-amz-") && headers.contains_key(name))
        .filter(|name| !signature.signed_headers.contains(name))
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    let names = unsigned.join(", ");
    Err(sigv4::Error::Unsigned(format!("There were headers present in the request which were not signed: {names}")))
}

fn verify(
    keys: &SigningKeys,
    signature: &Signature,
    secret: &str,
    parts: &Parts,
    body: &[u8],
    now: Timestamp,
) -> Result<(), sigv4::Error> {
    if let Some(key) = keys.get(signature, secret) {
        return verify_with_key(signature, parts, body, &key, now);
    }
    let key = signing_key(secret, &signature.scope);
    verify_with_key(signature, parts, body, &key, now)?;
    keys.keep(signature, secret, key);
    Ok(())
}

fn refusal(protocol: Protocol, error: &sigv4::Error) -> Error {
    let family = match protocol {
        Protocol::Query => Family::Query,
        Protocol::RestJson => Family::RestJson,
        Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor | Protocol::AwsCbor => Family::Json,
    };
    Error::new(error.status(family), error.code(family), error.message(family))
}
